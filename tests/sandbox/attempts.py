"""What a hostile command tries. Run by a bare Python behind a backend; prints what it got as JSON.

The first argument names what is there to be reached.
"""

import contextlib
import ctypes
import json
import os
import platform
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

GIVEN: dict[str, Any] = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)


def write(path: str) -> bool:
    with Path(path).open("a") as file:
        file.write("taken")
    return True


def holds_secret(*path: str) -> bool:
    return b"CANARY" in Path(*path).read_bytes()


def through_a_link() -> bool:
    Path("way-out").symlink_to(Path(GIVEN["outside"]).parent)
    return write("way-out/linked")


def tcp() -> bool:
    socket.create_connection(("127.0.0.1", GIVEN["tcp"]), 2).close()
    return True


def udp() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"out", ("127.0.0.1", GIVEN["udp"]))
    return False  # whether it came is seen outside


def unix(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(address)
    return True


def family(number: int, kind: int, protocol: int = 0) -> bool:
    socket.socket(number, kind, protocol).close()
    return True


def call(name: str, *arguments: Any) -> bool:
    numbers = {
        "x86_64": {"ptrace": 101, "unshare": 272, "keyctl": 250, "io_uring_setup": 425},
        "aarch64": {"ptrace": 117, "unshare": 97, "keyctl": 219, "io_uring_setup": 425},
    }[platform.machine()]
    return int(libc.syscall(numbers[name], *arguments)) >= 0


def status(name: str, good: str) -> bool:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(name)) != good


def device() -> bool:
    os.mknod("disk", 0o60666, os.makedev(1, 0))
    return True


def remove() -> bool:
    Path(GIVEN["outside"]).unlink()
    return True


def kill() -> bool:
    os.kill(GIVEN["victim"], signal.SIGTERM)
    return True


def secret_variables() -> bool:
    return any("CANARY" in value for value in os.environ.values())


def typing() -> bool:
    import fcntl
    import pty

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, 0x5412, b"x")
    return bool(ours)


def survivor() -> bool:
    quiet = subprocess.DEVNULL
    subprocess.Popen(["sleep", GIVEN["mark"]], start_new_session=True, stdout=quiet, stderr=quiet)
    return False  # whether it lives on is seen outside


HOME, CODEX, VICTIM = GIVEN["home"], GIVEN["codex"], GIVEN["victim"]
ATTEMPTS: dict[str, Callable[[], bool]] = {
    "write outside": lambda: write(GIVEN["outside"]),
    "write at home": lambda: write(f"{HOME}/new"),
    "write through a link": through_a_link,
    "write what is protected": lambda: write(".git/config"),
    "write to shared temp": lambda: write(f"/tmp/{GIVEN['mark']}") and False,
    "remove outside": remove,
    "read sign-ins": lambda: holds_secret(HOME, ".codex/auth.json"),
    "read keys": lambda: holds_secret(HOME, ".ssh/id_ed25519"),
    "read a password file": lambda: holds_secret(HOME, ".netrc"),
    "read CODEX_HOME": lambda: holds_secret(CODEX, "auth.json"),
    "read another's variables": lambda: holds_secret(f"/proc/{VICTIM}/environ"),
    "secret variables": secret_variables,
    "tcp": tcp,
    "udp": udp,
    "socket in temp": lambda: unix(GIVEN["socket"]),
    "abstract socket": lambda: unix("\0" + GIVEN["mark"]),
    "netlink": lambda: family(socket.AF_NETLINK, socket.SOCK_RAW, 15),
    "packets": lambda: family(socket.AF_PACKET, socket.SOCK_RAW),
    "vsock": lambda: family(40, socket.SOCK_STREAM),
    "namespaces": lambda: call("unshare", 0x10000000),
    "kernel keys": lambda: call("keyctl", 0, ctypes.c_int(-4), 0),
    "io_uring": lambda: call("io_uring_setup", 1, ctypes.create_string_buffer(120)),
    "type into a terminal": typing,
    "devices": device,
    "capabilities": lambda: status("CapEff", "0" * 16),
    "new privileges": lambda: status("NoNewPrivs", "1"),
    "survivor": survivor,
    "trace another": lambda: call("ptrace", 16, VICTIM, 0, 0),
    "trace": lambda: call("ptrace", 16, 0, 0, 0) or ctypes.get_errno() != 1,
    "signal": kill,
}

got = []
for name, attempt in ATTEMPTS.items():
    with contextlib.suppress(OSError):
        if attempt():
            got.append(name)
print(json.dumps(got))
