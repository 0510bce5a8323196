"""A run's figures as pictures: where programs stand, the curve, the lineage, who leads where."""

from __future__ import annotations

import math

from evolve.archive import Program, Store
from evolve.evaluator import Split
from evolve.picture import Arc, Bar, Bars, Line, Map, Matrix, Picture, Point, Series
from evolve.report.chain import ancestors
from evolve.report.run_report import SHOWN_SPLITS, RunReport
from evolve.report.work_time import minutes_of_work
from evolve.words import counted

COLUMNS = 40
"""Programs in the table of who leads where."""
NODES = 600
"""Programs in a printed lineage: the best one's ancestors, and the best of the others."""


def splits_picture(report: RunReport) -> Picture | None:
    """Return the score of seed, baselines and best on each split, with intervals; None where nothing is scored."""
    panels = []
    for split in SHOWN_SPLITS:
        bars = [
            Bar(
                f"best: {row.name}" if row.role == "best" else row.name,
                cell.score,
                None if cell.interval is None else cell.interval.low,
                None if cell.interval is None else cell.interval.high,
                row.role,
            )
            for row in report.rows
            if (cell := row.splits[split]).score is not None
        ]
        if bars:
            scale = "score" if report.score_means else "score: 0 = naive, 100 = reference"
            panels.append(Bars(f"on {split}", scale, tuple(bars)))
    return Picture("Scores with 95 % intervals over the instances", tuple(panels)) if panels else None


def curve_points(store: Store) -> list[tuple[int, float, float, float]]:
    """Return (evaluations, minutes of work, dollars, best score on train) at the seed, each improvement and the end."""
    best, summary, made = store.improvements(), store.summary(), minutes_of_work(store)

    def minutes(id: int) -> float:
        return made.get(id, 0.0) if id > 0 else 0.0

    points = [(one.evaluation, minutes(one.trial.id), one.total_usd, one.score) for one in best]
    if best and best[-1].evaluation < summary.evaluations:
        last = store.curve()[-1][0]
        points.append((summary.evaluations, minutes(last), summary.calls.cost_usd, best[-1].score))
    return points


def curve_picture(store: Store, report: RunReport) -> Picture | None:
    """Return all scores and the best so far over evaluations; None before anything is scored."""
    curve = store.curve()
    if not report.best_so_far:
        return None
    scores = [(float(place), score) for place, (_, score) in enumerate(curve) if score is not None]
    best = [(float(one.evaluation), one.score) for one in report.best_so_far]
    if best[-1][0] < len(curve) - 1:
        best.append((float(len(curve) - 1), best[-1][1]))
    floor = sorted(score for _, score in scores)[len(scores) // 20]
    floor = min(floor, best[0][1])
    lines = [
        Line("a program", tuple((x, max(y, floor)) for x, y in scores), "dots"),
        Line("best so far", tuple(best), "step"),
    ]
    baseline = report.best_baseline(Split.TRAIN)
    if baseline is not None and (score := baseline.splits[Split.TRAIN].score) is not None:
        end = float(max(len(curve) - 1, 1))
        lines.append(Line(f"best baseline: {baseline.name}", ((0.0, score), (end, score)), "line"))
    below = sum(y < floor for _, y in scores)
    note = (
        f"{counted(below, 'program')} below {floor:.3g} {'is' if below == 1 else 'are'} drawn on the lower edge."
        if below
        else ""
    )
    return Picture("Best score on train", (Series("", "evaluations", "score on train", tuple(lines)),), note)


def lineage_picture(store: Store, report: RunReport) -> Picture | None:
    """Return who was made from whom, by score; the way to the best is marked. None before the seed is scored."""
    if report.best is None:
        return None
    path = {program.id: program for program in ancestors(store, report.best)}
    place = {id: number for number, (id, _) in enumerate(store.curve())}
    top = {program.id: program for program in store.top(NODES)}
    shown = {id: program for id, program in (top | path).items() if id in place and program.score is not None}
    floor = min((program.score or 0.0 for program in path.values()), default=0.0)

    def point(program: Program) -> Point:
        on_path = program.id in path
        label = ("seed" if program.id == 0 else str(program.id)) if on_path and len(path) <= 25 else ""
        score = max(program.score or 0.0, floor - 1)
        kind = "on the way to the best" if on_path else program.kind
        text = f"program {program.id}: {program.score:.2f}, {program.kind}"
        return Point(str(program.id), float(place[program.id]), score, kind, label, text)

    arcs = [
        Arc(
            str(one.parent_id),
            str(one.id),
            "on the way to the best" if one.id in path and one.parent_id in path else "made from",
            2.5 if one.id in path and one.parent_id in path else 0.6,
        )
        for one in shown.values()
        if one.parent_id in shown
    ]
    arcs.sort(key=lambda arc: arc.width)
    points = sorted((point(program) for program in shown.values()), key=lambda one: bool(one.label))
    panel = Map("", tuple(points), tuple(arcs), False, "evaluations", "score on train")
    return Picture("Lineage", (panel,))


def where_picture(store: Store, report: RunReport) -> tuple[Picture | None, list[int]]:
    """Return programs x instances, who leads an instance framed, and the programs of the columns in their order."""
    if report.best is None or report.seed is None:
        return None, []
    path = ancestors(store, report.best)
    rest = [store.program(row.id) for row in report.rows if row.role == "baseline"]
    instances = [result.instance_id for result in store.evaluations(0, Split.TRAIN)]
    first = [*_leaders(store, len(instances)), *path[-15:], *store.top(COLUMNS)]
    chosen = {program.id: program for program in first if program.id > 0}
    shown = sorted(list(chosen.values())[:COLUMNS], key=lambda one: (one.score or -1e9, one.id))
    columns = [one for one in [report.seed, *rest, *shown] if one is not None and one.scores]
    rows: list[tuple[float | None, ...]] = []
    marked = []
    for row in range(len(instances)):
        values = tuple(one.scores[row] if row < len(one.scores) else None for one in columns)
        known = [value for value in values if value is not None]
        if known:
            marked.append((row, values.index(max(known))))
        rows.append(values)
    if not columns or not instances:
        return None, []
    ordered = sorted(value for values in rows for value in values if value is not None)
    low = round(ordered[len(ordered) // 20], 1) if ordered else 0.0
    panel = Matrix(
        "",
        "programs: seed, baselines, then children by score on train",
        "instance",
        "score on the instance",
        tuple(instances),
        tuple(one.name or f"{one.id}" for one in columns),
        tuple(rows),
        tuple(marked),
        low=low,
    )
    note = "A frame is around the best of these programs on an instance."
    return Picture("Who leads where", (panel,), note), [one.id for one in columns]


def _leaders(store: Store, instances: int) -> list[Program]:
    """Return the children that lead on an instance of train, an instance each; ties go to the better one on all."""
    best: dict[int, tuple[float, float]] = {}
    leading: dict[int, int] = {}
    for id, mean, scores in store.instance_scores():
        on_all = -math.inf if mean is None else mean
        for place, score in enumerate(scores[:instances]):
            if score is not None and (place not in best or (score, on_all) > best[place]):
                best[place], leading[place] = (score, on_all), id
    programs = {program.id: program for program in store.programs_among([*set(leading.values())])}
    return [programs[id] for id in leading.values()]
