"""What a command may do, by Codex's names, and what it never gets to see.

Values only: how a policy is held is for the backends. Nothing here comes from a model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Mode = Literal["read-only", "workspace-write", "danger-full-access"]
Inherit = Literal["all", "core", "none"]

# Folders and files of the home folder that hold keys, passwords, sessions, or sockets that lead
# out of the sandbox.
_SECRETS = (
    ".codex", ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".oci", ".fly",
    ".vault-token", ".netrc", ".pgpass", ".pypirc", ".npmrc", ".yarnrc.yml", ".git-credentials",
    ".password-store", ".terraform.d", ".cargo/credentials", ".cargo/credentials.toml",
    ".gem/credentials",
    ".config/gcloud", ".config/gh", ".config/hub", ".config/op", ".config/sops", ".config/doctl",
    ".config/containers", ".config/git/credentials", ".config/google-chrome", ".config/chromium",
    ".config/BraveSoftware", ".local/share/keyrings", ".local/share/kwalletd", ".mozilla",
    ".thunderbird", ".colima", ".lima", ".orbstack",
)  # fmt: skip
_SYSTEM_SECRETS = ("/etc/shadow", "/etc/gshadow", "/etc/krb5.keytab", "/etc/sudoers")

# In a root, these cannot be changed while the command runs; the rest of the protected list is
# looked at before anything is taken over from it.
READ_ONLY_NAMES = (".git", ".codex", ".agents")


@dataclass(frozen=True, slots=True)
class Environment:
    """`shell_environment_policy`: the patterns are globs that ignore case.

    `chosen` are the variables that the person sets for commands (`set` in config.toml).
    """

    inherit: Inherit = "all"
    exclude: tuple[str, ...] = ()
    chosen: Mapping[str, str] = field(default_factory=dict, repr=False)
    include_only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a command in the sandbox may use, generously: an end for what has gone wrong.

    `processes` (and threads) are those of one command where it has a namespace of its own, else all
    of the person's; the kernel lets root have any number. No core dumps are written.
    """

    processes: int = 4096
    file_bytes: int = 16 << 30


@dataclass(frozen=True, slots=True)
class Policy:
    """`sandbox_mode` and `sandbox_workspace_write.*`; `writable_roots` go beside the workspace."""

    mode: Mode = "workspace-write"
    writable_roots: tuple[Path, ...] = ()
    network: bool = False
    exclude_tmpdir: bool = False
    exclude_slash_tmp: bool = False
    environment: Environment = field(default_factory=Environment)
    limits: Limits = field(default_factory=Limits)


def hidden(roots: Sequence[Path], env: Mapping[str, str], home: Path) -> list[Path]:
    """The places that no command sees, resolved, as far as they are there.

    A folder that the person opened (one of `roots`) is not hidden from its own commands.
    """
    named = [home / name for name in _SECRETS] + [Path(name) for name in _SYSTEM_SECRETS]
    if codex_home := env.get("CODEX_HOME"):
        named.append(Path(codex_home))
    places = {place.resolve() for place in named if os.path.lexists(place)}
    return sorted(
        place
        for place in places
        if place.exists() and place not in roots and place not in (home, Path(place.anchor))
    )


def outermost(roots: Sequence[Path]) -> list[Path]:
    """`roots` without those that lie in another one."""
    return [
        root
        for number, root in enumerate(roots)
        if not any(
            root.is_relative_to(other) and (root != other or number > place)
            for place, other in enumerate(roots)
            if place != number
        )
    ]
