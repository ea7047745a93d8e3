"""One file per area of the protocol."""
