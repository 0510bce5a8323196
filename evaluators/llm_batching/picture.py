"""KV in use, requests that wait and run, and when first tokens came; reads what became of a served case."""

from __future__ import annotations

import numpy as np

from evaluators.llm_batching.calls import CLASS_NAMES, SECOND_NS, Case
from evaluators.llm_batching.credit import Credits
from evaluators.llm_batching.figures import Figures
from evaluators.llm_batching.server import Service
from evolve.picture import Bar, Bars, Line, Picture, Series

POINTS = 600


def drawn(case: Case, service: Service, credits_: Credits, figures: Figures) -> Picture:
    """Return the KV memory and the queue over time, waits by class, and the credit of each class."""
    calls = case.calls
    states = service.states[:: max(1, len(service.states) // POINTS)]
    room = case.machine.kv_capacity_tokens

    def over_time(place: int, scale: float) -> tuple[tuple[float, float], ...]:
        return tuple((state[0] / SECOND_NS, state[place] * scale) for state in states)

    classes = [cls for cls in range(len(CLASS_NAMES)) if cls in credits_.cls]
    waits = tuple(
        Line(
            CLASS_NAMES[cls],
            tuple(
                (
                    float(service.arrival_ns[call]) / SECOND_NS,
                    float(service.token_ns[call][0] - service.arrival_ns[call]) / SECOND_NS,
                )
                for call in np.nonzero(calls.cls == cls)[0].tolist()
            ),
            "dots",
        )
        for cls in classes
    )
    bars = tuple(Bar(CLASS_NAMES[cls], 100.0 * float(credits_.credit[credits_.cls == cls].mean())) for cls in classes)
    return Picture(
        f"{case.id}: cost {credits_.x:.3f}, naive {figures.naive:.3f}, reference {figures.reference:.3f}",
        (
            Series("KV memory", "time (s)", "tokens in use (%)", (Line("KV in use", over_time(1, 100.0 / room)),)),
            Series(
                "Requests",
                "time (s)",
                "requests",
                (Line("waiting", over_time(2, 1.0)), Line("with KV", over_time(3, 1.0))),
            ),
            Series("First tokens", "arrival (s)", "time to first token (s)", waits),
            Bars("Credit by class", "mean credit (%)", bars),
        ),
        f"{len(service.engine.forced)} preemptions for want of room, {service.plans} plans.",
    )
