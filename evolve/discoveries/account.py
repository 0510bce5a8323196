"""The account of a discovery: figures that follow from its head, and what a person writes around them."""

from __future__ import annotations

from collections.abc import Mapping

from evolve.discoveries.head import Head, Mean, OnFresh, OnPublic
from evolve.evaluator import Split

BEGIN, END = "<!-- figures of discovery.toml -->", "<!-- end of figures -->"
UNWRITTEN = "(to be written)"
"""Stands where a person has to say something; no discovery may keep it."""
SHOWN = 4
"""Instances of each kind that a new account names."""


def figures_text(head: Head) -> str:
    """Return the part of an account that holds the figures, as Markdown between its two marks."""
    lines = ["| split | instances | program [95 %] | best baseline | its score [95 %] | lead [95 %] |"]
    lines.append("|---|---:|---:|---|---:|---:|")
    for split, on in head.splits.items():
        cells = (split, str(on.instances), mean_text(on.program), on.baseline or "-")
        lines.append(f"| {' | '.join((*cells, mean_text(on.of_baseline), mean_text(on.lead)))} |")
    parts = ["\n".join(lines)]
    if head.fresh is not None:
        parts.append(_fresh_text(head.fresh))
    if head.public is not None:
        parts.append(_public_text(head.public))
    parts.append(_cost_text(head))
    return "\n\n".join((BEGIN, *parts, END))


def mean_text(found: Mean | None) -> str:
    """Return "57.39 [51.20, 63.11]", or "-" for None."""
    return "-" if found is None else f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _fresh_text(fresh: OnFresh) -> str:
    lines = [f"On {fresh.instances} fresh instances (seed {fresh.seed}): {mean_text(fresh.program)}."]
    for name, lead, drop in zip(fresh.others, fresh.leads, fresh.drops, strict=True):
        higher = f"on the generated instances of test it is higher by {mean_text(drop)}"
        lines.append(f"Lead over {name} there: {mean_text(lead)}; {higher}.")
    lines.append("The lead FALLS beyond chance." if fresh.is_finding else "No lead falls beyond chance over everyone.")
    return "\n".join(lines)


def _public_text(public: OnPublic) -> str:
    def figures(metrics: Mapping[str, float]) -> str:
        return ", ".join(f"{name} {value:.10g}" for name, value in metrics.items())

    said = f"Public set, by the published rules, {public.instances} instances: {figures(public.metrics)}."
    return f"{said}\nThe best baseline there, {public.baseline}: {figures(public.baseline_metrics)}."


def _cost_text(head: Head) -> str:
    cost = head.cost
    about = "about " if cost.tokens_are_estimated else ""
    dollars = "" if cost.usd is None else f", {cost.usd:.2f} US dollars"
    return (
        f"The run: {cost.calls} calls ({cost.failed_calls} failed) of {', '.join(head.models)}, "
        f"{about}{cost.prompt_tokens} tokens asked and {about}{cost.completion_tokens} answered{dollars}; "
        f"{cost.evaluations} programs scored. Search {head.search}, seed {head.run_seed}, started from "
        f"{head.started_from}; this is program {head.program}, "
        f"{'which validation chose' if head.chosen else 'which validation did NOT choose'}."
    )


def account_text(head: Head, ours: Mapping[str, float], others: Mapping[str, Mapping[str, float]]) -> str:
    """Return a new account, to be completed by a person. ours, others: instance -> score, on test where there is one.

    others: of the baselines.
    """
    on = head.splits.get(Split.TEST) or head.splits[Split.TRAIN]
    theirs = others.get(on.baseline, {})
    ahead = sorted(((score - theirs[id_], id_) for id_, score in ours.items() if id_ in theirs), reverse=True)
    best = "\n".join(f"- {id_}: {lead:+.2f}" for lead, id_ in ahead[:SHOWN])
    worst = "\n".join(f"- {id_}: {lead:+.2f}" for lead, id_ in ahead[::-1][:SHOWN])
    return f"""# {head.name}

{head.summary}

## Figures

{figures_text(head)}

## What it does

{UNWRITTEN}

## Why it is better than the best heuristic

{UNWRITTEN}

## On which instances, and on which not

Furthest above {on.baseline or "nobody"}:

{best}

and furthest below, or least above:

{worst}

{UNWRITTEN}

## What was tried and did not help

{UNWRITTEN}
"""
