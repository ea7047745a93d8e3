"""`codex-lsp serve`: the language server, over stdin and stdout unless told otherwise.

The composition root of a session: here the adapters are built and given to the server.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from codex_lsp.cli.configuration import add_options
from codex_lsp.lsp.connection import session, transport
from codex_lsp.lsp.registry import REGISTRY

TYPE_CHECKING = False  # typing's own costs an import before the first answer
if TYPE_CHECKING:
    from codex_lsp.lsp.connection.host import Compose
    from codex_lsp.lsp.connection.server import Server

_LEVELS = ("debug", "info", "warning", "error")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--stdio", action="store_true", help="speak over stdin and stdout (default)")
    way.add_argument(
        "--tcp",
        metavar="HOST:PORT",
        type=_loopback,
        help="listen on a loopback address instead, for debugging; one client at a time",
    )
    add_options(parser)
    parser.add_argument("--provider", metavar="ID", help="model provider, before config.toml's")
    parser.add_argument("--model", metavar="NAME", help="model, before config.toml's")
    parser.add_argument("--auth-file", metavar="FILE", help="a credentials file of our own")
    parser.add_argument("--log-file", metavar="FILE", help="append the log to FILE, not stderr")
    parser.add_argument("--log-level", choices=_LEVELS, default="warning")


def run(args: argparse.Namespace) -> int:
    """Serve; returns the exit code."""
    if args.tcp is not None:
        _configure_log(args)
        return _serve_tcp(args.tcp, _composer(args))
    if sys.stdin is not None and sys.stdin.isatty():
        print(
            "codex-lsp: this is the language server, which an editor starts. For a person: "
            "codex-lsp --help",
            file=sys.stderr,
        )
    try:
        read, write = transport.take_stdio()
    except OSError as error:
        print(f"codex-lsp: stdin and stdout must be open: {error.strerror}", file=sys.stderr)
        return 2
    _configure_log(args)
    return session.serve(read, write, REGISTRY, _composer(args))


def _composer(args: argparse.Namespace) -> Compose:
    """Builds what a server works with, and takes it down at the end."""

    @asynccontextmanager
    async def compose(server: Server) -> AsyncIterator[Server]:
        from codex_lsp.cli.adapters import open_adapters
        from codex_lsp.lsp.workbench import Workbench

        async with open_adapters(args) as adapters:
            server.bench = Workbench(server, server.initialize_params, adapters)
            if adapters.accounts is not None:
                source = adapters.accounts.source
                server.spawn(source.watch(server.bench.account.note), name="credentials")
                server.on_exit(source.drain)
            yield server

    return compose


def _serve_tcp(address: tuple[str, int], compose: Compose) -> int:
    import socket

    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.create_server(address, family=family) as listener:
        print(f"codex-lsp: waiting on port {listener.getsockname()[1]}", file=sys.stderr)
        client, _ = listener.accept()
    with client:
        return session.serve(client.recv, client.sendall, REGISTRY, compose)


def _configure_log(args: argparse.Namespace) -> None:
    logging.basicConfig(
        filename=args.log_file,
        encoding="utf-8" if args.log_file else None,
        level=args.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def _loopback(text: str) -> tuple[str, int]:
    """`HOST:PORT` as an address. Raises ArgumentTypeError unless it is of this machine."""
    from ipaddress import ip_address

    host, _, port = text.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        address, number = ip_address(host), int(port)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no HOST:PORT") from error
    if not address.is_loopback:
        raise argparse.ArgumentTypeError(f"{host} is no loopback address; use 127.0.0.1 or ::1")
    return str(address), number
