"""What would help a person: how far from the reference, which device requests wait for, and what moving costs."""

from __future__ import annotations

from evaluators.hybrid_storage.figures import Figures
from evaluators.hybrid_storage.traces import Result, Trace

MOST_LETTERS = 500


def explain(trace: Trace, result: Result, figures: Figures) -> str:
    """Return one line of at most 500 characters."""
    count = len(trace.requests)
    us = [1e-3 * ns / count for ns in (result.total_ns, figures.naive, figures.reference, figures.fast_only)]
    storage = result.storage
    facts = [
        f"mean latency {us[0]:.0f} us (all on {trace.devices[-1].name} {us[1]:.0f}, reference, with foresight, "
        f"{us[2]:.0f}, all on {trace.devices[0].name} {us[3]:.0f}); {100 * result.fast:.0f} % of touches found "
        f"{trace.devices[0].name}, which holds {trace.capacity[0]} of {trace.capacity[-1]} pages"
    ]
    facts.append(f"{storage.moved} pages moved by the policy, {storage.evicted} evicted for want of room")
    ordered = sorted(result.latency_ns)
    slow = ordered[-max(1, count // 100) :]
    worst = max(range(count), key=result.latency_ns.__getitem__)
    kind = "write" if trace.requests[worst].write else "read"
    facts.append(
        f"the slowest 1 % of requests make {100 * sum(slow) / max(1, sum(ordered)):.0f} % of all latency, the worst "
        f"{1e-3 * ordered[-1]:.0f} us: request {worst}, a {kind} of {trace.requests[worst].pages} pages"
    )
    behind = [max(0, free - 1000 * trace.requests[-1].t_us) for free in storage.free_ns]
    if max(behind):
        late = max(range(len(behind)), key=behind.__getitem__)
        facts.append(f"at the end {trace.devices[late].name} has {1e-3 * behind[late]:.0f} us of work queued")
    return ("; ".join(facts) + ".")[:MOST_LETTERS]
