"""The process between the pool and a worker: when either of the two ends, everything the worker started ends with it.

A verifier is foreign code: it may start processes, and those may leave its process group. The guard is the reaper of
all its descendants (prctl(2), PR_SET_CHILD_SUBREAPER; outside Linux only the process group is ended). It imports
nothing of ours before it forks the worker, so that it stays small.

    python guard.py WIRE LEASH

WIRE: descriptor of the socket between pool and worker.  LEASH: descriptor of a pipe that the pool holds the other end
of: when that is closed, even by `kill -9` of the pool's process, all ends. The exit code is the worker's, or 128 + the
number of the signal that killed it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ATTEMPTS, PAUSE_S = 500, 0.01
"""How often and how far apart it looks for processes that are left; more than that hang in the kernel."""


def become_reaper() -> None:
    """Make this process the parent of its descendants whose own parent has ended. Linux only, else nothing."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def children() -> list[int]:
    """Return the direct children of this process, ended ones included. Linux only, else none."""
    me, found = str(os.getpid()).encode(), []
    with contextlib.suppress(OSError):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    # The name, in brackets, may hold anything; the parent is the second field after it.
                    if (entry / "stat").read_bytes().rpartition(b")")[2].split()[1] == me:
                        found.append(int(entry.name))
    return found


def end_children(spared: frozenset[int] = frozenset()) -> int:
    """Kill all children but the spared ones, and those that come up as their orphans; return how many there were."""
    killed: set[int] = set()
    for _ in range(ATTEMPTS):
        left = [pid for pid in children() if pid not in spared]
        if not left:
            break
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        killed.update(left)
        time.sleep(PAUSE_S / 10)
        for pid in left:
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)
    return len(killed)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _worker(wire: int) -> None:
    """Be the worker."""
    from evolve.workers.worker import work

    work(wire)


def main(wire: int, leash: int) -> int:
    """Fork the worker, wait for its end or the pool's, end what is left, return the exit code."""
    # Ctrl-C reaches whoever shares the terminal; the pool's process decides what becomes of the work in hand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setsid()
    become_reaper()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    worker = os.fork()
    if worker == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setpgid(0, 0)
        for descriptor in (leash, woken, wake):
            os.close(descriptor)
        _worker(wire)
        return 0
    os.close(wire)
    status = None
    while status is None:
        ready, _, _ = select.select([leash, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            pid, ended = os.waitpid(worker, os.WNOHANG)
            status = ended if pid else None
        elif leash in ready:
            status = signal.SIGKILL
    with contextlib.suppress(OSError):
        os.killpg(worker, signal.SIGKILL)
    end_children()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
