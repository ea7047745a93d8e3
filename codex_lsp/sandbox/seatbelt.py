"""The sandbox of macOS: a profile for `sandbox-exec`, as text.

Written after its documented language, and never run: no macOS machine was at hand. Nothing starts
commands by it yet; on macOS every command asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_BASE = """\
(version 1)
(deny default)
(allow process-exec process-fork)
(allow process-info* (target same-sandbox))
(allow signal (target same-sandbox))
(allow sysctl-read)
(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow ipc-posix-sem)
(allow pseudo-tty)
(allow file-read*)
(allow file-write* file-ioctl (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty"))
(allow file-read* file-write* file-ioctl (regex #"^/dev/ttys[0-9]+$"))
"""
_NETWORK = """\
(allow network*)
(allow system-socket)
(allow mach-lookup (global-name "com.apple.SystemConfiguration.configd"))
"""


def profile(
    writable: Sequence[Path],
    read_only: Sequence[Path],
    unseen: Sequence[Path],
    *,
    network: bool,
) -> str:
    """What a command may do: later rules go before earlier ones.

    `read_only` lies in `writable` and stays as it is, there or not; what is `unseen` cannot be
    read.
    """
    lines = [_BASE]
    if network:
        lines.append(_NETWORK)
    lines += [f"(allow file-write* (subpath {_quoted(path)}))\n" for path in writable]
    lines += [f"(deny file-write* (subpath {_quoted(path)}))\n" for path in read_only]
    lines += [f"(deny file-read* file-write* (subpath {_quoted(path)}))\n" for path in unseen]
    return "".join(lines)


def _quoted(path: Path) -> str:
    """A string of the profile's language, whatever the path holds."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
