"""What the model is told of the workspace: an excerpt for a fix, a briefing for a job."""
