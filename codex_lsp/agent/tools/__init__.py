"""One file per tool that the model may call."""
