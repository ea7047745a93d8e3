"""Speaks MCP with servers that the configuration names; the only room that imports the SDK."""
