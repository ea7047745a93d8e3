"""System calls that no command needs and that lead around a sandbox, as a filter program of the
kernel (classic BPF). Denied calls answer EPERM; a program of another architecture is killed.

Which files and sockets can be reached at all is not decided here.
"""

from __future__ import annotations

import errno
import platform
import struct
from dataclasses import dataclass

# Numbers by architecture: x86_64, aarch64.
_CALLS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "reboot": (169, 142),
}
_CLONE, _CLONE3, _IOCTL, _SOCKET = (56, 220), (435, 435), (16, 29), (41, 198)
_CLONE_NEW = 0x7E020000 | 0x80  # new namespaces of every kind
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # typing into a terminal
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_ARCHES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}
_X32 = 0x40000000

_LOAD, _EQUALS, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _ARGUMENT = 0, 4, 16  # offsets; arguments are 8 bytes, the low half first

ALLOW_ALL = struct.pack("=HBBI", _RETURN, 0, 0, _ALLOW)
"""For a machine whose call numbers are not known: namespaces alone hold what is run there."""


@dataclass(frozen=True, slots=True)
class _Step:
    code: int
    value: int
    then: int = 0
    otherwise: int = 0


def program(*, sockets: bool, machine: str | None = None) -> bytes | None:
    """The filter as the kernel wants it; None for a machine whose call numbers are not known.

    `sockets`: those of the usual families can be made; else only connected pairs.
    """
    known = _ARCHES.get(machine or platform.machine())
    if known is None:
        return None
    column, arch = known
    steps = [
        _Step(_LOAD, _ARCH),
        _Step(_EQUALS, arch, 1, 0),
        _Step(_RETURN, _KILL),
        _Step(_LOAD, _NUMBER),
    ]
    if column == 0:
        steps += [_Step(_AT_LEAST, _X32, 0, 1), _deny(errno.ENOSYS)]
    for numbers in _CALLS.values():
        steps += [_Step(_EQUALS, numbers[column], 0, 1), _deny()]
    # A library that meets ENOSYS falls back to `clone`, whose flags can be seen.
    steps += [_Step(_EQUALS, _CLONE3[column], 0, 1), _deny(errno.ENOSYS)]
    steps += _when(_CLONE[column], [_load(0), _Step(_ANY_BIT, _CLONE_NEW, 0, 1), _deny()])
    typing = [_load(1), _Step(_EQUALS, _TIOCSTI, 1, 0), _Step(_EQUALS, _TIOCLINUX, 0, 1), _deny()]
    steps += _when(_IOCTL[column], typing)
    steps += _when(_SOCKET[column], _socket() if sockets else [_deny()])
    steps.append(_Step(_RETURN, _ALLOW))
    return b"".join(struct.pack("=HBBI", s.code, s.then, s.otherwise, s.value) for s in steps)


def _socket() -> list[_Step]:
    return [
        _load(0),
        _Step(_EQUALS, _UNIX, 5, 0),
        _Step(_EQUALS, _INET, 4, 0),
        _Step(_EQUALS, _INET6, 3, 0),
        _Step(_EQUALS, _NETLINK, 0, 3),
        _load(2),
        # NETLINK_ROUTE alone, by which programs list their own interfaces.
        _Step(_EQUALS, 0, 0, 1),
        _Step(_RETURN, _ALLOW),
        _deny(),
    ]


def _when(number: int, steps: list[_Step]) -> list[_Step]:
    """`steps` for the call `number`, which is then allowed unless they decide otherwise."""
    return [_Step(_EQUALS, number, 0, len(steps) + 1), *steps, _Step(_RETURN, _ALLOW)]


def _load(argument: int) -> _Step:
    return _Step(_LOAD, _ARGUMENT + 8 * argument)


def _deny(error: int = errno.EPERM) -> _Step:
    return _Step(_RETURN, _ERRNO | error)
