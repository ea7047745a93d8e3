"""From the first byte to the last: frames, the life of a session, asking the client."""
