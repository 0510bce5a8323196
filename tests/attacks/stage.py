"""What a hostile program would like to reach: the stage is set with real secrets, servers and victims."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyseccomp

SECRET = "-".join(["the", "future", "is", "4711"])
"""What attacks look for. Only ever handed to a candidate XORed, so that a find is a real one."""

MASK = 0x5A

CALLS = """
    openat process_vm_readv process_vm_writev ptrace pidfd_open pidfd_getfd memfd_create shmget semget msgget mq_open
    add_key personality io_uring_setup bpf perf_event_open userfaultfd clone vfork fork unshare setns mount keyctl
    chroot execveat sendto sendmsg clock_gettime modify_ldt prctl seccomp fcntl fallocate ftruncate timer_create kcmp
    name_to_handle_at sched_setscheduler setpriority mlockall kill tgkill futex sysinfo prlimit64 rseq set_tid_address
    set_robust_list get_robust_list mincore membarrier getrusage times sched_yield sched_getaffinity getcpu fstat poll
    gettimeofday time clock_getres nanosleep clock_nanosleep mmap madvise fcntl sched_setaffinity setitimer alarm
    epoll_create1 eventfd2 signalfd4 timerfd_create inotify_init1 fanotify_init splice vmsplice tee sendfile
    copy_file_range openat2 statx getdents64 access syslog iopl ioperm arch_prctl pkey_alloc process_madvise
    process_mrelease landlock_create_ruleset acct swapon reboot init_module kexec_load quotactl sethostname pause
    rt_sigqueueinfo rt_sigtimedwait rt_sigsuspend dup dup2 pipe2 preadv2 pread64 readv recvfrom recvmsg shutdown
    getsockopt getpeername ioctl getpriority getpgid getsid setpgid setsid ioprio_set sched_setattr sched_getattr
    sched_getparam capset setuid setresuid memfd_secret mseal futex_waitv wait4 waitid msync remap_file_pages
    get_mempolicy migrate_pages move_pages mbind semop shmat mlock fadvise64 readahead fsync flock getitimer
""".split()
"""What attacks call by number."""


def masked(secret: bytes) -> bytes:
    return bytes(b ^ MASK for b in secret)


@dataclass
class Stage:
    """The facts handed to every attack, as a dict of plain values.

    folder: world-readable and world-writable, holds `secret`, `database.sqlite`, `open` (a file that anybody may
    change) and the Unix socket `door`.
    """

    folder: Path
    facts: dict[str, Any]
    heard: list[bytes] = field(default_factory=list)


@contextlib.contextmanager
def set_stage() -> Iterator[Stage]:
    """Put secrets where an attack would look for them and open doors that it would knock at."""
    folder = Path(tempfile.mkdtemp(prefix="stage"))
    folder.chmod(0o777)
    for name in ("secret", "database.sqlite", "open"):
        (folder / name).write_text(SECRET)
        (folder / name).chmod(0o666)
    shared = Path("/dev/shm") / folder.name
    shared.write_text(SECRET)
    shared.chmod(0o666)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(shared.unlink, missing_ok=True)
        doors: dict[str, socket.socket] = {}
        for name, family, kind, address in (
            ("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            ("unix", socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "door")),
            ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + folder.name),
        ):
            doors[name] = stack.enter_context(socket.socket(family, kind))
            doors[name].bind(address)
        (folder / "door").chmod(0o777)
        for name in ("tcp", "unix", "abstract"):
            doors[name].listen(64)
            threading.Thread(target=_tell_everybody, args=(doors[name],), daemon=True).start()
        threading.Thread(target=_echo_datagrams, args=(doors["udp"],), daemon=True).start()
        os.environ["STAGE_SECRET"] = SECRET
        stack.callback(os.environ.pop, "STAGE_SECRET", None)
        leaked = os.open(folder / "secret", os.O_RDONLY)
        os.set_inheritable(leaked, True)
        stack.callback(os.close, leaked)
        segment = _shared_segment()
        stack.callback(_remove_segment, segment)
        yield Stage(
            folder,
            {
                "folder": str(folder),
                "shared": str(shared),
                "tcp": doors["tcp"].getsockname()[1],
                "udp": doors["udp"].getsockname()[1],
                "abstract": folder.name,
                "masked": masked(SECRET.encode()),
                "parent": os.getpid(),
                "parents_parent": os.getppid(),
                "descriptor": leaked,
                "segment": segment,
                "project": str(Path(__file__).resolve().parents[2]),
                "home": str(Path.home()),
                "calls": _numbers_of_system_calls(),
            },
        )


def _tell_everybody(door: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            guest, _ = door.accept()
            with guest, contextlib.suppress(OSError):
                guest.sendall(SECRET.encode())


def _echo_datagrams(door: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            _, guest = door.recvfrom(100)
            door.sendto(SECRET.encode(), guest)


def _shared_segment() -> int:
    """Make a System V shared memory segment, readable by all, that holds the secret."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    segment = libc.shmget(0, 4096, 0o1666)
    address = libc.shmat(segment, None, 0)
    ctypes.memmove(address, SECRET.encode(), len(SECRET))
    libc.shmdt(ctypes.c_void_p(address))
    return int(segment)


def _remove_segment(segment: int) -> None:
    ctypes.CDLL(None).shmctl(segment, 0, None)


def _numbers_of_system_calls() -> dict[str, int]:
    """Return the number of every system call this machine's libseccomp knows by name."""
    return {name: pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) for name in CALLS}
