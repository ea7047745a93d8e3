"""The variables that a command is given: the person's, without what could be a secret or lead out
of the sandbox, and with what makes programs speak plainly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from codex_lsp.sandbox.policy import Environment

_CORE = frozenset(
    "PATH SHELL TMPDIR TEMP TMP HOME LANG LC_ALL LC_CTYPE LOGNAME USER".split()  # noqa: SIM905 - a list of names reads best so
)
_SECRET = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL|^(CODEX|OPENAI)_", re.IGNORECASE)
# Ways to programs of the person that do as they are told: agents, buses, editors, multiplexers.
_LEADS_OUT = frozenset(
    {
        "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY",
        "WAYLAND_DISPLAY", "XAUTHORITY", "DOCKER_HOST", "TMUX", "STY", "NVIM", "GIT_ASKPASS",
        "NVIM_LISTEN_ADDRESS", "VSCODE_IPC_HOOK", "VSCODE_IPC_HOOK_CLI", "SSH_ASKPASS",
        "VSCODE_GIT_IPC_HANDLE", "KITTY_LISTEN_ON", "ALACRITTY_SOCKET", "WEZTERM_UNIX_SOCKET",
    }
)  # fmt: skip
_PLAIN = {
    "NO_COLOR": "1",
    "TERM": "dumb",
    "COLORTERM": "",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GH_PAGER": "cat",
    "MANPAGER": "cat",
    "SYSTEMD_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "CODEX_CI": "1",
}


def child_environment(
    own: Mapping[str, str], policy: Environment, *, network: bool, confined: bool
) -> dict[str, str]:
    """What is left of `own` for a command, and what is added.

    A name that sounds like a secret never passes; one that the person sets in `policy.chosen` does.
    """
    env = {name: value for name, value in own.items() if _inherited(name, policy)}
    env |= policy.chosen
    if policy.include_only:
        env = {name: value for name, value in env.items() if _any(name, policy.include_only)}
    env |= _PLAIN
    env.setdefault("LANG", "C.UTF-8")
    if confined and not network:
        env["CODEX_SANDBOX_NETWORK_DISABLED"] = "1"
    return env


def _inherited(name: str, policy: Environment) -> bool:
    if policy.inherit == "none" or (policy.inherit == "core" and name not in _CORE):
        return False
    return not (_SECRET.search(name) or name in _LEADS_OUT or _any(name, policy.exclude))


def _any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name.upper(), pattern.upper()) for pattern in patterns)
