"""Changes on their way into the workspace, alone and in sets, and back out of it."""
