"""The options that say which settings hold, for all verbs alike: `-c key=value` and `--profile`."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs an import before the first answer
if TYPE_CHECKING:
    import argparse

    from codex_lsp.config.codex_toml import CodexToml
    from codex_lsp.config.layers import Sources


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "-c",
        "--config",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a setting that goes before config.toml's, such as -c model=gpt-5.5; may be repeated",
    )
    parser.add_argument("--profile", metavar="NAME", help="lay CODEX_HOME/NAME.config.toml over it")


def sources(args: argparse.Namespace) -> Sources:
    """Where settings come from; raises `BadHome`."""
    from codex_lsp.config.home import codex_home
    from codex_lsp.config.layers import Sources

    return Sources(codex_home(), args.profile, tuple(args.config))


def configured(args: argparse.Namespace) -> CodexToml:
    """The settings that hold outside of any project; raises `BadHome`."""
    from codex_lsp.config.layers import load

    return load(sources(args))
