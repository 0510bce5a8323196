"""What an attack is, how it is played, and how it is told whether it got anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from attacks.stage import SECRET

from sandbox import CandidateFailure, Limits, Sandbox

QUICK = Limits(call_s=0.6, cpu_s=1.0, memory_mb=96, answer_mb=1, output_kb=64)
PATIENT = Limits(call_s=5.0, cpu_s=1.0, memory_mb=96, answer_mb=1, output_kb=64)
"""Long enough for the kernel's own CPU limit to strike first."""
UNHURRIED = Limits(call_s=60.0, cpu_s=60.0, memory_mb=96, answer_mb=1, output_kb=64)
"""For attacks on memory: a slow host must not end them by their time."""

TOOLS = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def system_call(number, *arguments):
    arguments = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
"""
"""What programs that go below Python start with."""

Play = Callable[["Attack", Sandbox, dict[str, Any]], Any]
"""Carries an attack out and returns the candidate's last answer; a CandidateFailure passes through."""


def call_once(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    with sandbox.start(attack.source) as candidate:
        return candidate.call("answer", facts)


@dataclass(frozen=True)
class Attack:
    """A small hostile program and what must become of it.

    source: defines `answer(facts)`, which returns `loot` when the attack works and raises when it does not.
    failure: kind of the CandidateFailure that is recorded; "" = the program may live, its answer is `harmless`.
    words: regular expression that the recorded text matches.
    layers: each of these alone stops it; with all of them off it succeeds. Empty: what stops it cannot be left off.
    also_off: layers that stop it for some users or kernels only, so they too are off when it is to succeed.
    needs_root: only root can set the scene in which it succeeds.
    """

    name: str
    source: str
    failure: str = "exception"
    words: str = "Operation not permitted|Permission denied"
    layers: frozenset[str] = frozenset()
    also_off: frozenset[str] = frozenset()
    loot: Any = SECRET
    harmless: Any = None
    limits: Limits = QUICK
    play: Play = call_once
    needs_root: bool = False


@dataclass
class Report:
    """What became of an attack. same: the next candidate worked and had the same figures as before."""

    name: str
    stolen: bool = False
    answer: str = ""
    harmless: bool = False
    failure: str = ""
    text: str = ""
    same: bool = False
    seconds: float = 0.0
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


REFERENCE = """
import gc, os, random, signal, sys, threading
import numpy as np
def answer():
    def is_open(descriptor):
        try:
            os.lseek(descriptor, 0, os.SEEK_CUR)
        except OSError as error:
            return error.errno == 29  # a socket: it is there, but knows no position
        return True
    return [
        random.random(), np.random.rand(), float(np.linalg.norm(np.arange(1000.0))), float(np.sum([1, 2, 3.5])),
        hash("hash order"), list({"a", "b", "c", "d"}), sorted(os.environ.items()), os.getpid(), os.getppid(),
        threading.active_count(), gc.isenabled(), len(sys.modules), sys.getrecursionlimit(), os.uname().nodename,
        [d for d in range(64) if is_open(d)], os.lseek(1, 0, os.SEEK_END),
        sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        [str(signal.getsignal(s)) for s in (2, 10, 12, 14, 15, 24, 25)], 0.1 + 0.2, os.get_terminal_size.__name__,
    ]
"""
"""A program whose answer shows whatever one candidate could have changed for the next."""


def figures(sandbox: Sandbox) -> Any:
    with sandbox.start(REFERENCE) as candidate:
        return candidate.call("answer")


@dataclass
class Arena:
    """A sandbox under attack. before: the figures of a candidate that came before every attack."""

    sandbox: Sandbox
    facts: dict[str, Any]
    before: Any = field(init=False)

    def __post_init__(self) -> None:
        self.before = figures(self.sandbox)

    def suffer(self, attack: Attack) -> Report:
        """Play an attack and report. Never raises for what the attack does."""
        report = Report(attack.name)
        began = time.monotonic()
        try:
            answer = attack.play(attack, self.sandbox, self.facts)
            report.answer = repr(answer)[:500]
            report.stolen = answer == attack.loot and type(answer) is type(attack.loot)
            report.harmless = not report.stolen and answer == attack.harmless
        except CandidateFailure as failure:
            report.failure, report.text = failure.kind, str(failure)
        except Exception as error:  # whatever it is, the trusted end fell over
            report.error = f"{type(error).__name__}: {error}"
        report.seconds = time.monotonic() - began
        try:
            report.same = figures(self.sandbox) == self.before
        except Exception as error:
            report.error += f" then {type(error).__name__}: {error}"
        return report
