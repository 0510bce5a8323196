"""How many bits a second one candidate tells another on the same core by the time it takes from it. Prints a table.

Run: python tests/benchmarks/channels.py

The sender computes in a slot of time for a one and pauses for a zero; the listener counts its own steps in each slot.
Both need a clock: with the layer `clocks` on, reading it gives 0 and there is nothing to count by.
"""

from __future__ import annotations

import math
import os
import random
import threading
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox import CandidateFailure, Limits, Sandbox

CLOCK = """
import ctypes, threading
libc = ctypes.CDLL(None)
at = (ctypes.c_long * 2)()
def now():
    libc.clock_gettime(1, at)
    return at[0] + at[1] * 1e-9
def wait_until(when):
    for _ in range(10**9):
        left = when - now()
        if left <= 0: return
        if left > 0.002 and now() == 0: raise RuntimeError("no clock")
"""
SENDER = (
    CLOCK
    + """
import time
def answer(start, slot, bits):
    for n, bit in enumerate(bits):
        wait_until(start + n * slot)
        end = start + (n + 1) * slot
        if bit:
            while now() < end: pass
        else:
            time.sleep(max(0, end - now() - 0.0002))
"""
)
LISTENER = (
    CLOCK
    + """
def answer(start, slot, count):
    steps = []
    for n in range(count):
        wait_until(start + n * slot)
        end, counted = start + (n + 1) * slot, 0
        while now() < end: counted += 1
        steps.append(counted)
    return steps
"""
)
BITS = 200


def capacity(sent: list[int], steps: list[int], slot_s: float) -> float:
    """Return bits per second: the slots that were understood, less what it takes to mend the rest."""
    middle = (min(steps) + max(steps)) / 2
    wrong = sum((count < middle) != bool(bit) for bit, count in zip(sent, steps, strict=True)) / len(sent)
    wrong = min(max(wrong, 1e-9), 0.5)
    return (1 + wrong * math.log2(wrong) + (1 - wrong) * math.log2(1 - wrong)) / slot_s


def measure(without: frozenset[str], slot_s: float) -> str:
    """Play both candidates at once on one core; return what came over, in words."""
    sent = [random.Random(0).getrandbits(1) for _ in range(BITS)]
    heard: list[Any] = []
    limits = Limits(cpu_s=60)
    with (
        Sandbox(limits, without=without) as here,
        Sandbox(limits, without=without) as there,
        here.start(SENDER) as sender,
        there.start(LISTENER) as listener,
    ):
        start = time.monotonic() + 0.2

        def send() -> None:
            try:
                sender.call("answer", start, slot_s, sent)
            except CandidateFailure as failure:
                heard.append(failure)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            steps = listener.call("answer", start, slot_s, BITS)
        except CandidateFailure as failure:
            return f"nothing: {str(failure).splitlines()[-1]}"
        finally:
            thread.join()
    return f"{capacity(sent, steps, slot_s):.1f} bit/s" if not heard else f"nothing: {str(heard[0]).splitlines()[-1]}"


def main() -> None:
    """Measure with and without the layer, for slots of several lengths."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    table = Table(title="from one candidate to another beside it on the same core")
    for column in ("slot, ms", "layer clocks on", "layer clocks off"):
        table.add_column(column)
    for slot_ms in (5, 10, 20, 50):
        row = [measure(without, slot_ms / 1e3) for without in (frozenset[str](), frozenset({"clocks"}))]
        table.add_row(str(slot_ms), *row)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
