"""Making a discovery of a finished run: its figures are computed here, from the archive where that has them."""

from __future__ import annotations

import gzip
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli_w

from evolve.archive import Program, Role, RunStatus, Store, tape_of, to_lines
from evolve.audit import FreshAudit, rivals, score_afresh
from evolve.config import RunConfig, from_text, to_toml
from evolve.discoveries.account import account_text
from evolve.discoveries.folder import ACCOUNT, HEAD, RECORD, Discovery
from evolve.discoveries.head import NAME, Cost, Head, Mean, OnFresh, OnPublic, OnSplit
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.intervals import Interval, mean_interval, paired_lead
from evolve.measure import measure
from evolve.registry import DISCOVERED, DISCOVERIES, Problem
from evolve.report.recording import settings_here
from evolve.scoring import InstanceResult, Status
from evolve.toml_tree import without_none
from evolve.winner import by_instance
from evolve.workers import Fresh

Announce = Callable[[str, bool], None]
Scores = dict[str, float]
"""Instance -> score."""
Results = dict[str, Sequence[InstanceResult]]
"""By the name of a baseline, and IT."""
IT = "the program"


@dataclass(frozen=True)
class Order:
    """What a person asks for.

    Attributes:
        summary: what the program does, in one line; empty: what its model said of it.
        fresh: what the fresh instances are drawn from; None: none are.
        data: the published set, where it is not bundled.  looks: how often programs of the run were scored on it.
        anew: score all again on the own splits, since the problem has changed since the run.
    """

    name: str
    summary: str = ""
    fresh: Fresh | None = None
    data: Path | None = None
    looks: int = 1
    anew: bool = False


async def make_discovery(
    store: Store, program: Program, problem: Problem, config: RunConfig, order: Order, announce: Announce
) -> Discovery:
    """Write the folder of a discovery into that of the problem, and return it.

    config: its workers and isolation are used.  Raises UsageError for a run that is not finished, a program that is
    not sound, and a name that is taken; then nothing is written.
    """
    if not re.fullmatch(NAME, order.name):
        raise UsageError(
            f"--name {order.name}: a discovery's name has letters a to z, digits, - and _, e.g. two_steps."
        )
    place = problem.folder / DISCOVERIES / order.name
    if place.exists():
        raise UsageError(f"{place} is there already. Give another --name, or remove it.")
    summary = store.summary()
    if summary.status is RunStatus.RUNNING:
        raise UsageError(f"{store.folder} is running: make a discovery of it when it has ended.")
    if summary.status is not RunStatus.FINISHED:
        raise UsageError(
            f"{store.folder} is {summary.status}: no program of it is chosen yet. To end it with what it has: "
            f"evolve resume {store.folder} --evaluations {summary.evaluations}"
        )
    if program.score is None:
        raise UsageError(f"program {program.id} of {store.folder} is {program.status}: it has no score on train.")
    if program.id <= 0:
        raise UsageError(f"'{program.name}' is where {store.folder} started, or a baseline: it has not found it.")
    tape = tape_of(store)
    here = settings_here(from_text(tape.config))  # no path of this machine goes into the record
    here = here.model_copy(update={"workers": 1, "prompt": here.prompt.model_copy(update={"templates": None})})
    record = to_lines(replace(tape, config=to_toml(here)))
    found = await _results(store, program, problem, config, order.anew, announce)
    scores = {split: _scores(program, split, results) for split, results in found.items()}
    head = Head(
        problem=problem.evaluator.name,
        name=order.name,
        summary=order.summary or program.idea or "a person has yet to say what it does",
        program=program.id,
        chosen=program.id == summary.winner_id,
        **_of_run(store),
        splits={split: on_split(*of) for split, of in scores.items()},
        fresh=await _on_fresh(store, program, found.get(Split.TEST, {}), problem, config, order, announce),
        public=await _on_public(program, problem, config, order, announce),
    )
    account = account_text(head, *scores.get(Split.TEST, scores[Split.TRAIN]))
    _write(place, problem.language.suffix, head, program.source, record, account)
    return Discovery(place, head, problem.language.suffix, problem.ref)


def on_split(ours: Scores, others: Mapping[str, Scores]) -> OnSplit:
    """Return the figures of a program and of the best of some others. Each is instance -> score."""
    whole = {name: scores for name, scores in others.items() if scores.keys() == ours.keys()}
    best = max(whole, key=lambda name: mean_interval(list(whole[name].values())).mean, default="")
    lead = paired_lead(ours, whole[best]) if best else None
    return OnSplit(
        instances=len(ours),
        program=_mean(mean_interval(list(ours.values()))),
        baseline=best,
        of_baseline=_mean(mean_interval(list(whole[best].values()))) if best else None,
        lead=None if lead is None else _mean(lead),
    )


def _mean(found: Interval) -> Mean:
    return Mean(mean=found.mean, low=found.low, high=found.high)


def _of_run(store: Store) -> dict[str, Any]:
    config, calls, summary = from_text(store.config()), store.model_calls(), store.summary()
    totals = summary.calls
    is_billed = config.prices_known and any(model.is_served for model in config.models)
    usd = totals.cost_usd if is_billed else None
    return {
        "started_from": config.start.name or "start.source" if config.start.source else "seed",
        "search": config.search.strategy,
        "run_seed": config.seed,
        "models": tuple(dict.fromkeys(selection.mutator for selection in store.selections())),
        "cost": Cost(
            calls=totals.calls,
            failed_calls=totals.failed,
            evaluations=summary.evaluations,
            prompt_tokens=totals.prompt_tokens,
            completion_tokens=totals.completion_tokens,
            tokens_are_estimated=any(call.tokens_estimated for call in calls),
            usd=usd,
        ),
    }


async def _results(
    store: Store, program: Program, problem: Problem, config: RunConfig, anew: bool, announce: Announce
) -> dict[Split, Results]:
    """Return the results of a program and of the baselines on each own split.

    As the archive has them; where it lacks them, or they are to be had anew, all are evaluated now.
    """
    found: dict[Split, Results] = {}
    for split in (one for one in problem.evaluator.splits if one is not Split.PUBLIC):
        baselines = [one for one in store.programs(Role.BASELINE) if not one.name.startswith(DISCOVERED)]
        kept: Results = {IT: store.evaluations(program.id, split)}
        kept |= {one.name: store.evaluations(one.id, split) for one in baselines}
        if anew or len(kept[IT]) < len(problem.instances(split)):
            programs = {IT: program.source, **problem.baselines}
            measured = await measure(problem, config, programs, split, announce=announce)
            kept = {one.name: one.score.instances for one in measured}
        found[split] = kept
    return found


def _scores(program: Program, split: Split, results: Results) -> tuple[Scores, dict[str, Scores]]:
    """Return the scores of a program, and of the baselines. Raises UsageError for one that fails on an instance."""
    failed = next((one for one in results[IT] if one.status is not Status.OK), None)
    if failed is not None:
        raise UsageError(f"program {program.id} is {failed.status} on {failed.instance_id} of {split}: no discovery.")
    return by_instance(results[IT]), {name: by_instance(of) for name, of in results.items() if name != IT}


async def _on_fresh(
    store: Store,
    program: Program,
    test: Results,
    problem: Problem,
    config: RunConfig,
    order: Order,
    announce: Announce,
) -> OnFresh | None:
    """Return the figures on fresh instances; None where none are wanted, or drawn. test: results there."""
    if order.fresh is None:
        return None
    try:
        problem.evaluator.fresh(Split.TRAIN, order.fresh.seed, 1)
    except UsageError as error:
        announce(f"not scored on fresh instances: {error}", True)
        return None
    itself, *others_of = rivals(store, program)
    programs = [replace(itself, test=tuple(test.get(IT, ())))]
    programs += [replace(one, test=tuple(test.get(one.name, one.test))) for one in others_of]
    found: FreshAudit = await score_afresh(problem, config, programs, order.fresh, announce)
    ours, *others = found.scores
    return OnFresh(
        seed=found.seed,
        instances=found.count,
        program=None if ours.fresh is None else _mean(ours.fresh),
        others=tuple(other.name for other in others),
        leads=tuple(None if other.lead_fresh is None else _mean(other.lead_fresh) for other in others),
        drops=tuple(None if other.drop is None else _mean(other.drop) for other in others),
        is_finding=found.is_finding,
    )


async def _on_public(
    program: Program, problem: Problem, config: RunConfig, order: Order, announce: Announce
) -> OnPublic | None:
    """Return the figures on the published set; None where the problem has none, or none that is bundled or given."""
    if Split.PUBLIC not in problem.evaluator.splits:
        return None
    if order.data is None:
        try:
            problem.instances(Split.PUBLIC)
        except UsageError as error:
            announce(f"not scored on the published set: {error}", True)
            return None
    programs = {IT: program.source, **problem.baselines}
    measured = await measure(problem, config, programs, Split.PUBLIC, order.data, 1, announce)
    ours, *others = [(one.name, one.score) for one in measured]
    if ours[1].score is None:
        raise UsageError(f"program {program.id} is {ours[1].status} on the published set: {ours[1].feedback:.200}")
    scored = [(name, score) for name, score in others if score.score is not None]
    name, best = max(scored, key=lambda one: one[1].score or 0.0, default=("", None))
    return OnPublic(
        instances=len(ours[1].instances),
        score=ours[1].score,
        metrics=dict(ours[1].metrics),
        baseline=name,
        baseline_metrics={} if best is None else dict(best.metrics),
        looks=order.looks,
    )


def _write(place: Path, suffix: str, head: Head, source: str, record: str, account: str) -> None:
    """Put the folder there at once: whoever looks sees all of it or nothing."""
    facts = without_none(head.model_dump(mode="json"))
    try:
        place.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as name:
            folder = Path(name) / place.name
            folder.mkdir()
            (folder / HEAD).write_text(tomli_w.dumps(facts), encoding="utf-8")
            (folder / f"program{suffix}").write_text(source, encoding="utf-8")
            (folder / ACCOUNT).write_text(account, encoding="utf-8")
            packed = gzip.compress(record.encode("utf-8", "surrogatepass"), mtime=0)
            (folder / RECORD).write_bytes(packed)
            folder.rename(place)
    except OSError as error:
        raise UsageError(f"{place} cannot be written: {error.strerror}.") from None
