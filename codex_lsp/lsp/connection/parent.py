"""Waits for the editor's process to be gone, so that no server outlives its editor.

Blocks; runs in a thread of its own. Where the system can wait for a process it does (Linux,
Windows), else it asks once a second.
"""

from __future__ import annotations

import os
import sys
import time

_PERIOD = 1.0


def wait_until_gone(pid: int) -> None:
    """Return when no process has the id `pid`, or at once if none has."""
    if sys.platform == "win32":
        _wait_windows(pid)
    elif sys.platform == "linux":
        _wait_linux(pid)
    else:
        _poll(pid)


def _wait_linux(pid: int) -> None:
    import select

    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except OSError:  # an old kernel, or a sandbox that forbids the call
        _poll(pid)
        return
    try:
        select.select([descriptor], [], [])  # readable once it ended, reaped or not
    finally:
        os.close(descriptor)


def _poll(pid: int) -> None:
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        except OSError:
            pass  # another user's process: it exists
        time.sleep(_PERIOD)


def _wait_windows(pid: int) -> None:
    if sys.platform == "win32":
        import ctypes

        synchronize, forever = 0x0010_0000, 0xFFFF_FFFF
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.OpenProcess.restype = ctypes.c_void_p
        handle = kernel.OpenProcess(synchronize, False, pid)
        if handle:
            kernel.WaitForSingleObject(ctypes.c_void_p(handle), forever)
            kernel.CloseHandle(ctypes.c_void_p(handle))
        elif ctypes.get_last_error() == 5:  # noqa: PLR2004  ERROR_ACCESS_DENIED: it exists
            while True:
                time.sleep(3600)
