"""The sentences that would help a person to improve a policy: whose tokens were late, and what kept them."""

from __future__ import annotations

import numpy as np

from evaluators.llm_batching.calls import CLASS_NAMES, SECOND_NS, SLO_S, Case
from evaluators.llm_batching.credit import Credits, longest_pause_ns
from evaluators.llm_batching.figures import Figures
from evaluators.llm_batching.server import Service


def explain(case: Case, service: Service, credits_: Credits, figures: Figures) -> str:
    """Return what happened, worst first."""
    facts = [
        f"{len(case.calls)} calls: cost {credits_.x:.3f} (reserving the longest answer {figures.naive:.3f}, reference "
        f"{figures.reference:.3f}, bound {figures.bound:.3f}), mean credit {credits_.credit.mean():.2f} (reference "
        f"{figures.reference_credit:.2f})",
        _worst_class(case, service, credits_),
        _memory(case, service),
        _wasted(case, credits_),
    ]
    return "; ".join(fact for fact in facts if fact) + "."


def _worst_class(case: Case, service: Service, credits_: Credits) -> str:
    """Name the class that earned least, and say where its time went."""
    calls = case.calls
    found = [cls for cls in range(len(CLASS_NAMES)) if cls in credits_.cls]
    worst = min(found, key=lambda cls: float(credits_.credit[credits_.cls == cls].mean()))
    units = [unit for unit, cls in zip(calls.units, credits_.cls, strict=True) if cls == worst]
    members = [call for unit in units for call in unit]
    waited_s = (service.admitted_ns[members] - service.arrival_ns[members]).mean() / SECOND_NS
    first_ns = np.array([service.token_ns[call][0] for call in members])
    prompt_s = (first_ns - service.admitted_ns[members]).mean() / SECOND_NS
    said = (
        f"worst class {CLASS_NAMES[worst]}, {len(units)}: credit {credits_.credit[credits_.cls == worst].mean():.2f}; "
        f"{waited_s:.1f} s until admitted, {prompt_s:.1f} s from there to the first token"
    )
    if worst in SLO_S:
        pause_ms = float(np.median([longest_pause_ns(service.token_ns[call]) for call in members])) / 1e6
        said += f", p99 pause {pause_ms:.0f} ms"
    return said


def _memory(case: Case, service: Service) -> str:
    """Say how full the KV memory was while requests waited, and what was lost to a full one."""
    states = np.array(service.states, dtype=np.int64)
    length_ns = np.diff(states[:, 0], append=states[-1, 0])
    waits = states[:, 2] > 0
    spent_ns = int(length_ns[waits].sum())
    said = []
    if spent_ns:
        used = float((states[waits, 1] * (length_ns[waits] / spent_ns)).sum()) / case.machine.kv_capacity_tokens
        said.append(f"while requests waited ({spent_ns / SECOND_NS:.0f} s) KV was {100 * used:.0f} % full")
    engine = service.engine
    if engine.forced or service.preemptions:
        said.append(
            f"{len(engine.forced)} forced and {service.preemptions} own preemptions, {engine.recomputed_tokens} tokens "
            "computed again"
        )
    return "; ".join(said)


def _wasted(case: Case, credits_: Credits) -> str:
    """Say how much was computed for what earned nothing."""
    calls = case.calls
    work = np.array([int((calls.input_tokens[unit] + calls.output_tokens[unit]).sum()) for unit in calls.units])
    nothing = credits_.credit == 0
    return (
        f"{100 * work[nothing].sum() / work.sum():.0f} % of the tokens belong to {nothing.sum()} units without credit"
    )
