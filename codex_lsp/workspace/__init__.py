"""What the agent can see: open buffers over the files on disk, inside the roots."""
