"""CODEX_HOME, config.toml and editor settings as frozen values."""
