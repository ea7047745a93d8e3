"""Limits itself by Landlock and seccomp, then runs a command and ends all that it leaves behind.

Started as a file by a bare Python (`-I -S`): standard library only, nothing of ours is imported.
The first argument is JSON: `write` and `read` (paths that may be), `most` (of what the system can
limit, by its name), `filter` (hexadecimal).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_NO_NEW_PRIVS, _SUBREAPER, _SECCOMP, _PDEATHSIG, _DROP = 38, 36, 22, 1, 24
# Rights: what writes, by the version of Landlock that knows it first.
_READ_FILE, _WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE = 1 << 2, 1 << 1, 1 << 4, 1 << 5
_MAKE_DEVICES = 1 << 6 | 1 << 11
_MAKE = sum(1 << bit for bit in (7, 8, 9, 10, 12))  # folders, files, sockets, pipes, links
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_ON_FILES = _READ_FILE | _WRITE_FILE | _TRUNCATE
_SCOPES = 0b11  # abstract sockets and signals


class _Attributes(ctypes.Structure):
    _fields_ = (
        ("fs", ctypes.c_uint64),
        ("net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def main() -> int:
    """Run `argv[2:]` under the limits of `argv[1]`; returns its exit code."""
    limits = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.prctl(_SUBREAPER, 1, 0, 0, 0), "prctl")
    _checked(libc.prctl(_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0), "prctl")
    child = os.fork()
    if child == 0:
        try:
            _limit(libc, limits)
            os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - that is what this is for
        except OSError as error:
            os.write(2, f"{sys.argv[2]}: {error.strerror}\n".encode())
        os._exit(127)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _told_to_end)
    for number in (signal.SIGINT, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    code = _wait(child)
    _end_all()
    return code


def version() -> int:
    """The version of Landlock that the kernel has; 0 for none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(int(libc.syscall(_CREATE, None, 0, 1)), 0)


def _wait(child: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _told_to_end(number: int, _frame: object) -> None:
    _end_all()
    os._exit(128 + number)


def _end_all() -> None:
    """End what the command left; children of what ends become ours, so it is done until none is."""
    me = os.getpid()
    while True:
        with contextlib.suppress(OSError, ValueError):
            with open(f"/proc/self/task/{me}/children", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs the start 5 ms
                children = [int(word) for word in file.read().split()]
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def _limit(libc: ctypes.CDLL, limits: dict[str, object]) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    _checked(libc.prctl(_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "prctl")
    for capability in range(64):  # for root: what is dropped here, no program gets
        libc.prctl(_DROP, capability, 0, 0, 0)
    _checked(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    for name, most in limits["most"].items():  # type: ignore[attr-defined]  # written by `landlock`
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        new = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (new, new))
    write = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE | _REFER | _TRUNCATE
    attributes = _Attributes(write | _READ_FILE | _MAKE_DEVICES, 0, _SCOPES)
    size = ctypes.sizeof(attributes)
    rules = _checked(libc.syscall(_CREATE, ctypes.byref(attributes), size, 0), "landlock")
    for path in limits["read"]:  # type: ignore[attr-defined]  # written by `landlock`
        _allow(libc, rules, path, _READ_FILE)
    for path in limits["write"]:  # type: ignore[attr-defined]  # likewise
        _allow(libc, rules, path, write | _READ_FILE)
    _checked(libc.syscall(_RESTRICT, rules, 0), "landlock")
    os.close(rules)
    data = bytes.fromhex(str(limits["filter"]))
    buffer = ctypes.create_string_buffer(data, len(data))
    program = _Program(len(data) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    _checked(libc.prctl(_SECCOMP, 2, ctypes.byref(program), 0, 0), "seccomp")


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        at = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # gone meanwhile, so there is nothing to allow
    if not os.path.isdir(path):  # noqa: PTH112 - pathlib costs the start 5 ms
        rights &= _ON_FILES
    rule = _Beneath(rights, at)
    _checked(libc.syscall(_ADD, rules, 1, ctypes.byref(rule), 0), "landlock")
    os.close(at)


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


if __name__ == "__main__":
    sys.exit(main())
