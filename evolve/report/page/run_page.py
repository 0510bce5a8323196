"""A run as a page: one file with everything in it, or the same served while the run writes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evolve.archive import Store
from evolve.draw.svg import as_page_parts
from evolve.evaluator import Split
from evolve.picture import Picture
from evolve.report.chain import MOST_STEPS, chain
from evolve.report.changes import unified_diff
from evolve.report.costs import costs
from evolve.report.figures import done_text, mutators_text, pace_text
from evolve.report.insights import insights_document
from evolve.report.judgement import verdict
from evolve.report.page.charts import splits_picture, where_picture
from evolve.report.page.facts import as_script_data, program_facts, text_chunks, told
from evolve.report.page.markup import hash_of, rendered, script, style
from evolve.report.run_report import RunReport, describe, hints
from evolve.report.shared_archives import whereabouts
from evolve.safe_text import one_line


@dataclass(frozen=True)
class Pictures:
    """What programs of a run do on an instance, drawn; or why nothing is."""

    drawn: tuple[Picture, ...] = ()
    of: str = ""
    why_not: str = ""


def report_page(store: Store, pictures: Pictures | None = None) -> str:
    """Return one HTML file about a run, which needs no other file and loads nothing."""
    report = describe(store)
    examples = failure_examples(store)
    table, columns = where_picture(store, report)
    facts = page_facts(store, report, columns)
    whole = told(store, facts["path"], examples.values())
    chunks, where = text_chunks(store, facts["columns"]["id"], whole)
    facts["chunks"] = where
    return rendered(
        "run.html.j2",
        **run_parts(store, report, facts, examples, pictures or Pictures(), table),
        **one_file(),
        chunks=chunks,
        facts=as_script_data(facts),
    )


def one_file() -> dict[str, Any]:
    """Return what makes a page a file of its own: style and script in it, and a policy that allows nothing else."""
    policy = (
        f"default-src 'none'; script-src {hash_of(script())}; style-src {hash_of(style())}; base-uri 'none'; "
        "form-action 'none'"
    )
    return {"inline": {"style": style(), "script": script()}, "policy": policy, "live": "", "root": "", "scripts": ()}


def page_facts(store: Store, report: RunReport, columns: Sequence[int]) -> dict[str, Any]:
    """Return what the script of a page draws from. columns: the programs of `where_picture`."""
    failures = failure_examples(store)
    facts = program_facts(store, [*(one.trial.id for one in report.improvements), *failures.values()])
    levels = []
    if report.curve:
        levels.append({"name": report.started_from, "score": report.curve[0]})
    baseline = report.best_baseline(Split.TRAIN)
    if baseline is not None:
        levels.append({"name": f"baseline {one_line(baseline.name)}", "score": baseline.splits[Split.TRAIN].score})
    return facts | {"levels": levels, "where": list(columns)}


def failure_examples(store: Store) -> dict[str, int]:
    """Return a program that failed in each way: status -> the latest such child."""
    return {status.value: id for status, id in store.failed().items()}


def run_parts(
    store: Store,
    report: RunReport,
    facts: dict[str, Any],
    examples: dict[str, int],
    pictures: Pictures,
    where: Picture | None,
) -> dict[str, Any]:
    """Return what the template of a run's page asks for. where: the picture of `where_picture`."""
    best, seed = report.best, report.seed
    is_better = best is not None and seed is not None and best.id > 0
    splits, spent = splits_picture(report), costs(store, report.best_so_far)
    folder = shlex.quote(whereabouts(report.folder))
    return {
        "title": f"{report.evaluator}: {report.folder.name}",
        "report": report,
        "verdict": verdict(report),
        "hints": hints(report),
        "done": done_text(report),
        "pace": pace_text(report.evaluations, report.active_s),
        "mutators": mutators_text(report.config),
        "splits": as_page_parts([splits] if splits else []),
        "where": as_page_parts([where] if where else []),
        "chain": chain(store, best, MOST_STEPS) if is_better and best is not None else [],
        "steps": len(facts["path"]) - 1,
        "whole_diff": unified_diff(seed.source, best.source, "seed.py", "best.py")
        if is_better and seed and best
        else "",
        "pictures": as_page_parts(pictures.drawn),
        "picture_of": pictures.of,
        "no_pictures": pictures.why_not,
        "costs": spent,
        "most_gain": max([share.gain for share in (*spent.by_kind, *spent.by_model)] + [1e-9]),
        "examples": examples,
        "drawn": sum(id > 0 for id in facts["columns"]["id"]),
        "children": facts["of"],
        "insights": insights_document(store),
        "commands": "\n".join(f"evolve {rest}" for rest in reproducing(folder, report)),
        "config": store.config(),
        "identity": "\n".join(f"{name}: {value}" for name, value in store.identity().items()),
    }


def reproducing(folder: str, report: RunReport) -> Sequence[str]:
    """Return the commands that check a run, make it again and look closer."""
    return (
        f"audit {folder} --fresh 24    # is the score true? again, and on instances that nobody has seen",
        f"replay {folder}              # the run again from its record: is it the same?",
        f"run {shlex.quote(report.config.problem)} --config {folder}/config.toml --seed {report.config.seed + 1}   "
        "# would another seed give the same?",
        f"compare {folder} OTHER_RUN   # side by side",
        f"export {folder} --table evaluations --csv > evaluations.csv",
        f"report {folder} --figures figures   # SVG, PDF and CSV for a paper",
    )
