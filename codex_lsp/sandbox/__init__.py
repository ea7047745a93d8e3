"""Runs a command under a policy, and says which walls really stand."""
