"""The language server: the only room that imports pygls or lsprotocol."""
