"""A model on this machine: its weights, and a child process that serves them as `/v1/responses`."""
