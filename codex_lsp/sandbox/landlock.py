"""The second choice, where no namespaces can be made: Landlock for files and signals, seccomp for
sockets. The limits are applied in a small program of ours (`landlock_exec`), not in the server.

Modes and times of files are out of Landlock's reach; whoever describes it has to say so.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from codex_lsp.sandbox import landlock_exec, seccomp
from codex_lsp.sandbox.policy import Policy

_LEAST = 6  # the first version that keeps signals in
_OTHERS = 4
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts")


def is_there() -> bool:
    """Whether this kernel can do all of it."""
    known = seccomp.program(sockets=False) is not None
    return sys.platform == "linux" and known and landlock_exec.version() >= _LEAST


def arguments(writable: Sequence[Path], unseen: Sequence[Path], policy: Policy) -> list[str]:
    """The command line of the helper, to be followed by the command.

    What is `unseen` cannot be read, though its name can be listed. Without a network there are no
    sockets but connected pairs: a path of a socket cannot be told from another by the kernel's
    filter.
    """
    filtering = seccomp.program(sockets=policy.network)
    limits = {
        "write": [*map(str, writable), *(f"/dev/{name}" for name in _DEVICES)],
        "read": [str(path) for path in around(Path("/"), [*unseen])],
        # Without a namespace the kernel counts all processes of the person.
        "most": {
            "CORE": 0,
            "FSIZE": policy.limits.file_bytes,
            "NPROC": _OTHERS * policy.limits.processes,
        },
        "filter": b"" if filtering is None else filtering,
    }
    text = json.dumps(limits, default=bytes.hex)
    return [sys.executable, "-I", "-S", landlock_exec.__file__, text]


def around(folder: Path, unseen: Sequence[Path]) -> list[Path]:
    """What covers `folder` but `unseen`; what is put beside these later is not covered either."""
    inside = [path for path in unseen if path.is_relative_to(folder)]
    if not inside:
        return [folder]
    if folder in inside:
        return []
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return []
    # A link is followed to where it leads, which another entry covers or not.
    return [
        path
        for entry in entries
        if not entry.is_symlink()
        for path in around(folder / entry.name, inside)
    ]
