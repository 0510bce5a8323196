"""A run's facts, gathered once from the archive for the terminal, the summary and JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve.archive import CallTotals, Improvement, Program, Role, RunStatus, Store
from evolve.config import RunConfig, from_text
from evolve.evaluator import Split
from evolve.intervals import Interval, Lead, mean_interval, paired_lead
from evolve.mutate.language import recorded_language
from evolve.report.front import Front, front_of
from evolve.scoring import Status
from evolve.winner import Standing, by_instance, earlier_winners, standings_of

SHOWN_SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)
EXAMPLE_CHARS = 160


@dataclass(frozen=True)
class Cell:
    """A program on a split. status: None where it was not evaluated. score: None unless status is ok.

    interval: 95 %, of the mean over instances.
    """

    status: Status | None = None
    score: float | None = None
    interval: Interval | None = None


@dataclass(frozen=True)
class ProgramRow:
    """One line of the result table.

    role: "seed" for what the run started from, "baseline", "earlier" for one that won before a resume, "best" for the
        program that the run ends with.
    lead_of_best: by how much the best program is above it on test, paired over instances; None of itself.
    """

    role: str
    name: str
    id: int
    splits: Mapping[Split, Cell]
    lead_of_best: Lead | None = None

    @property
    def gap(self) -> float | None:
        """By how many points the score on train is above that on test; None before both are known."""
        train, test = self.splits[Split.TRAIN].score, self.splits[Split.TEST].score
        return None if train is None or test is None else train - test


@dataclass(frozen=True)
class Setback:
    """Something that did not work. what: a status or a fate; example: the reason that came up most often."""

    what: str
    count: int
    example: str


@dataclass(frozen=True)
class RunReport:
    """Everything that is reported about a run.

    Attributes:
        suffix: of files with its programs.
        rows: the seed, the baselines (best on train first), who won before a resume, and the best program unless it
            is the seed.
        best: the winner on validation; before that is known, the best on train; None before the seed is scored.
        best_so_far: the seed, and every child that was the best so far on train.
        finalists: whom validation compared, its best mean first; empty before the end.
        outrun: how many children were stopped early, too far behind to matter.
        front: who is not beaten in all objectives; None where the score is the only one.
        score_means: what a score says, where 0 is not the naive baseline and 100 not the reference; else empty.
        remark: what a reader of the scores should know of the problem's rules; empty as a rule.
        cost_known: False when models were asked whose prices are not known: then `calls.cost_usd` is not their cost.
    """

    folder: Path
    evaluator: str
    suffix: str
    config: RunConfig
    status: RunStatus
    reason: str
    evaluations: int
    steps: int
    calls: CallTotals
    cost_known: bool
    active_s: float
    started: float
    ended: float | None
    winner_known: bool
    best: Program | None
    seed: Program | None
    rows: tuple[ProgramRow, ...]
    best_so_far: tuple[Improvement, ...]
    insights: tuple[str, ...]
    setbacks: tuple[Setback, ...]
    outrun: int = 0
    finalists: tuple[Standing, ...] = ()
    remark: str = ""
    score_means: str = ""
    front: Front | None = None

    def row(self, role: str) -> ProgramRow | None:
        """Return the seed's or the best program's row; the seed's for both when nothing is better."""
        found = next((row for row in self.rows if row.role == role), None)
        return self.row("seed") if found is None and role == "best" else found

    def beats_seed_on_test(self) -> bool | None:
        """Return whether the best program scores more than the seed on test; None before both are known."""
        best, seed = self.row("best"), self.row("seed")
        if best is None or seed is None or best.splits[Split.TEST].status is None:
            return None
        if best.id == seed.id:
            return False
        b, s = best.splits[Split.TEST].score, seed.splits[Split.TEST].score
        return b is not None and (s is None or b > s)

    def best_baseline(self, split: Split) -> ProgramRow | None:
        """Return the baseline with the highest score on a split; None where no baseline has one."""
        scored = [row for row in self.rows if row.role == "baseline" and row.splits[split].score is not None]
        return max(scored, key=lambda row: row.splits[split].score or 0.0, default=None)

    def points_above_baseline(self) -> float | None:
        """Return how far the best program is above the best baseline on test, in points; None before both are known."""
        best, baseline = self.row("best"), self.best_baseline(Split.TEST)
        if best is None or baseline is None:
            return None
        b, o = best.splits[Split.TEST].score, baseline.splits[Split.TEST].score
        return None if b is None or o is None else b - o

    def train_above_test(self) -> float | None:
        """Return by how many points the best program's score on train is above that on test; None before both."""
        best = self.row("best")
        return None if best is None else best.gap

    @property
    def started_from(self) -> str:
        """What the first program is called: "seed", or "start" where it was another one."""
        return "start" if self.config.start.source else "seed"

    @property
    def improvements(self) -> tuple[Improvement, ...]:
        """The children that were the best so far."""
        return tuple(one for one in self.best_so_far if one.trial.id > 0)

    @property
    def curve(self) -> tuple[float, ...]:
        """Best score on train after the seed and after every scored child in turn."""
        return curve_of(self.best_so_far, self.evaluations)

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens of all calls."""
        return self.calls.prompt_tokens + self.calls.completion_tokens


def describe(store: Store) -> RunReport:
    """Gather the facts of a run."""
    summary = store.summary()
    config = from_text(store.config())
    seed, best = store.program(0), store.best()
    best_so_far = store.improvements()
    figures = {(figure.program_id, figure.split): (figure.status, figure.score) for figure in summary.splits}
    of_best = {} if best is None else by_instance(store.evaluations(best.id, Split.TEST))

    def cell(program: Program, split: Split) -> Cell:
        if split is Split.TRAIN:
            status, score = program.status, program.score
            scores = [one for one in program.scores if one is not None]
        else:
            status, score = figures.get((program.id, split), (None, None))
            scores = list(by_instance(store.evaluations(program.id, split)).values())
        return Cell(status, score, None if score is None or not scores else mean_interval(scores))

    def row(role: str, program: Program) -> ProgramRow:
        name = f"program {program.id}" if role in ("best", "earlier") else program.name
        cells = {split: cell(program, split) for split in SHOWN_SPLITS}
        lead = None
        if best is not None and program.id != best.id and cells[Split.TEST].score is not None:
            lead = paired_lead(of_best, by_instance(store.evaluations(program.id, Split.TEST)))
        return ProgramRow(role, name, program.id, cells, lead)

    baselines = sorted(store.programs(Role.BASELINE), key=lambda p: (p.score is None, -(p.score or 0.0), p.name))
    rows = [row("seed", seed)] if seed and seed.source else []
    rows += [row("baseline", program) for program in baselines]
    rows += [row("earlier", program) for program in earlier_winners(store)]
    rows += [row("best", best)] if best and best.id > 0 else []
    return RunReport(
        folder=store.folder,
        evaluator=Path(summary.evaluator).name,
        remark=store.identity().get("remark", ""),
        score_means=store.identity().get("score_means", ""),
        suffix=recorded_language(store.identity()).suffix,
        config=config,
        status=summary.status,
        reason=summary.reason,
        evaluations=summary.evaluations,
        steps=summary.steps,
        calls=summary.calls,
        cost_known=summary.calls.calls == 0 or config.prices_known,
        active_s=summary.active_s,
        started=summary.started,
        ended=summary.ended,
        winner_known=summary.winner_id is not None,
        best=best,
        seed=seed,
        rows=tuple(rows),
        best_so_far=tuple(best_so_far),
        insights=tuple(line for _, line, _ in store.insights()),
        setbacks=_setbacks(store.failures()),
        outrun=summary.statuses.get(Status.OUTRUN, 0),
        finalists=tuple(standings_of(store)),
        front=front_of(store, config.objectives),
    )


def curve_of(best_so_far: Sequence[Improvement], evaluations: int) -> tuple[float, ...]:
    """Return the best train score after the seed and after every scored child in turn, of `evaluations` children."""
    ends = [*(one.evaluation for one in best_so_far[1:]), evaluations + 1]
    return (
        tuple(one.score for one, end in zip(best_so_far, ends, strict=True) for _ in range(one.evaluation, end))
        if best_so_far
        else ()
    )


def hints(report: RunReport) -> tuple[str, ...]:
    """Return what a person should know of a run's end beyond the verdict, a sentence each."""
    found = []
    budget = report.config.budget
    asked_nobody = report.config.asks_models and report.calls.calls == 0 and report.status is RunStatus.FINISHED
    if asked_nobody and (budget.tokens is not None or budget.cost_usd is not None):
        found.append(
            "No model was asked: a call is held at its worst case, and that did not fit into the budget. "
            "Lower model.max_tokens, or raise the budget."
        )
    return tuple(found)


def _setbacks(failures: Sequence[tuple[str, str, int]]) -> tuple[Setback, ...]:
    """failures: as of `Store.failures`."""
    reasons: dict[str, Counter[str]] = {}
    for what, text, count in failures:
        reasons.setdefault(what, Counter())[last_line(text)] += count
    return tuple(
        Setback(what, seen.total(), _most_common(seen))
        for what, seen in sorted(reasons.items(), key=lambda item: (-item[1].total(), item[0]))
    )


def last_line(text: str) -> str:
    """Return a text's last line, where a traceback says what happened."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:EXAMPLE_CHARS] if lines else ""


def _most_common(reasons: Counter[str]) -> str:
    """Return one of the reasons that are the same but for their numbers and occur most often."""
    kinds: dict[str, list[str]] = {}
    counts: Counter[str] = Counter()
    for reason, count in reasons.items():
        kind = re.sub(r"\d+(\.\d+)?", "#", reason)
        kinds.setdefault(kind, []).append(reason)
        counts[kind] += count
    return kinds[counts.most_common(1)[0][0]][0]
