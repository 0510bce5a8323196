"""Takes every clock from a process and those that it forks: what cannot tell the time cannot measure its neighbours.

A filter of system calls is not enough. The C library reads the time without one, from pages that the kernel maps into
every process (vDSO), and a program may read the processor's own counter (rdtsc). Here those pages go, the functions in
the vDSO are replaced by some that answer 0, and the kernel is asked to end whoever reads the counter.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
from typing import NamedTuple

from sandbox import host
from sandbox.found import NOT_HERE, Found

PR_SET_TSC, PR_TSC_SIGSEGV = 26, 2
READ, WRITE, EXECUTE = 1, 2, 4
ALREADY_LOADED = 4  # RTLD_NOLOAD

# Machine code for x86_64: xor eax, eax; test POINTER, POINTER; jump over the stores when it is null; store 0; ret.
ZERO_16_BYTES_AT_SECOND = bytes.fromhex("31c0 4885f6 7407 488906 48894608 c3")
ZERO_16_BYTES_AT_FIRST = bytes.fromhex("31c0 4885ff 7407 488907 48894708 c3")
ZERO_8_BYTES_AT_FIRST = bytes.fromhex("31c0 4885ff 7403 488907 c3")
ZERO_4_BYTES_AT_BOTH = bytes.fromhex("31c0 4885ff 7402 8907 4885f6 7402 8906 c3")
STANDING_STILL = {
    "clock_gettime": ZERO_16_BYTES_AT_SECOND,
    "clock_getres": ZERO_16_BYTES_AT_SECOND,
    "gettimeofday": ZERO_16_BYTES_AT_FIRST,
    "time": ZERO_8_BYTES_AT_FIRST,
    "getcpu": ZERO_4_BYTES_AT_BOTH,
}

_libc = ctypes.CDLL(None, use_errno=True)


class Area(NamedTuple):
    """Addresses from start on, up to end."""

    start: int
    end: int


class Clocks:
    """Where the clocks of this process lie, looked up while files can still be opened."""

    def __init__(self) -> None:
        self.found = Found(True, "time stands still, the processor's counter is refused")
        self._code: Area | None = None
        self._data: list[Area] = []
        self._functions: dict[int, bytes] = {}
        if not host.LINUX:
            self.found = NOT_HERE
            return
        if platform.machine() != "x86_64":
            self.found = Found(False, f"{platform.machine()} lets every program read its counter", "use x86_64")
            return
        with open("/proc/self/maps", encoding="ascii") as maps:  # noqa: PTH123 - one read
            for start, end, name in re.findall(r"^(\w+)-(\w+) .*\[(vdso|vvar\w*)\]$", maps.read(), re.MULTILINE):
                area = Area(int(start, 16), int(end, 16))
                if name == "vdso":
                    self._code = area
                else:
                    self._data.append(area)
        if self._code is None:
            return  # every clock is a system call
        try:
            vdso = ctypes.CDLL("linux-vdso.so.1", mode=ALREADY_LOADED)
        except OSError as error:
            self.found = Found(False, f"the C library does not tell where its clocks are ({error})", "use glibc")
            return
        for name, code in STANDING_STILL.items():
            function = getattr(vdso, f"__vdso_{name}", None)
            if function is not None:
                self._functions[ctypes.cast(function, ctypes.c_void_p).value or 0] = code

    def stop(self) -> Found:
        """Take the clocks from this process, for good, and say whether it has none now."""
        if not self.found.active:
            return self.found
        try:
            if self._code is not None:
                self._protect(self._code, READ | WRITE | EXECUTE)
                for address, code in self._functions.items():
                    ctypes.memmove(address, code, len(code))
                self._protect(self._code, READ | EXECUTE)
            for area in self._data:
                _check(_libc.munmap(ctypes.c_void_p(area.start), ctypes.c_size_t(area.end - area.start)))
            _check(_libc.prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0))
        except OSError as error:
            return Found(False, f"the kernel does not let go of them ({error.strerror})", "use another kernel")
        return self.found

    @staticmethod
    def _protect(area: Area, rights: int) -> None:
        _check(_libc.mprotect(ctypes.c_void_p(area.start), ctypes.c_size_t(area.end - area.start), rights))


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
