"""Fixing with a model too small for tools."""
