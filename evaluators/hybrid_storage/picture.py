"""Latency over a trace, which requests make most of it, and what each device holds at the end."""

from __future__ import annotations

import numpy as np

from evaluators.hybrid_storage.figures import Figures
from evaluators.hybrid_storage.traces import Result, Trace
from evolve.picture import Bar, Bars, Line, Picture, Series

TOGETHER = 100
"""Requests of a point."""


def drawn(trace: Trace, result: Result, figures: Figures) -> Picture:
    """Return mean latencies of reads and writes over the trace, latency by size, and pages on each device."""
    latency = np.array(result.latency_ns) / 1e6
    writes = np.array([request.write for request in trace.requests])
    sizes = np.array([request.pages for request in trace.requests])
    count = len(latency)
    lines = []
    for name, kind in (("reads", ~writes), ("writes", writes)):
        points = []
        for start in range(0, count, TOGETHER):
            chosen = latency[start : start + TOGETHER][kind[start : start + TOGETHER]]
            if len(chosen):
                points.append((float(start), float(chosen.mean())))
        if points:
            lines.append(Line(name, tuple(points), "step"))
    by_size = []
    for low, high in ((1, 1), (2, 4), (5, 8), (9, 1 << 30)):
        for name, kind in (("reads", ~writes), ("writes", writes)):
            chosen = latency[kind & (sizes >= low) & (sizes <= high)]
            pages = f"{low}" if low == high else f"{low} to {high}" if high < 1 << 30 else f"{low} and more"
            if len(chosen):
                share = 100.0 * float(chosen.sum() / latency.sum())
                by_size.append(
                    Bar(f"{name} of {pages} pages", share, kind=name, text=f"{len(chosen)} of {count} requests")
                )
    held = [
        Bar(device.name, float(len(pages)), text=f"of {most} that it may hold")
        for device, pages, most in zip(trace.devices, result.storage.held, trace.capacity, strict=True)
    ]
    mean_us = [ns / count / 1000 for ns in (result.total_ns, figures.naive, figures.reference)]
    return Picture(
        f"{trace.id}: mean latency {mean_us[0]:.0f} us",
        (
            Series(f"Latency, mean of {TOGETHER} requests", "request", "latency (ms)", tuple(lines)),
            Bars("Which requests make it", "share of all latency (%)", tuple(by_size)),
            Bars("At the end", "pages", tuple(held)),
        ),
        f"All on {trace.devices[-1].name} has {mean_us[1]:.0f} us, the reference, with foresight, {mean_us[2]:.0f} us; "
        f"{result.storage.moved} pages were moved by the policy, {result.storage.evicted} evicted for want of room.",
    )
