"""The command line: one file a verb, and the only room where adapters are put together."""
