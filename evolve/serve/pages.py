"""What the server shows: the list of runs, a run, a program, a comparison, questions to a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from evolve.archive import Store
from evolve.report.documents import plain
from evolve.report.figures import cell_text, duration_text, usd_text
from evolve.report.page.charts import where_picture
from evolve.report.page.comparison import comparison_page
from evolve.report.page.facts import as_script_data, program_texts
from evolve.report.page.markup import Html, rendered
from evolve.report.page.run_page import Pictures, failure_examples, page_facts, run_parts
from evolve.report.places import folders
from evolve.report.run_list import Listed, listed
from evolve.report.run_report import describe
from evolve.report.shared_archives import refresh, require_known_pointer
from evolve.safe_text import one_line
from evolve.serve.questions import waiting

SERVED: dict[str, Any] = {"inline": None, "policy": "", "root": ""}
"""What makes a page one that is served: script and style have addresses of their own, the policy is a header."""


def run_named(runs: Path, name: str) -> Path | None:
    """Return the folder of a run by its name, of those that the runs folder lists; None: there is none."""
    found = next((folder for folder in folders(runs) if folder.name == name and not folder.is_symlink()), None)
    if found is not None:
        require_known_pointer(found)
    return found


def address(folder: Path) -> str:
    """Return where a run is served."""
    return f"/run/{quote(folder.name, safe='')}"


def list_page(runs: Path) -> str:
    """Return the list of the runs in a folder."""
    refresh(runs)
    rows = [_row(one) for one in listed(folder for folder in folders(runs) if not folder.is_symlink())]
    return rendered(
        "runs.html.j2", **SERVED, title="evolve: runs", live="", scripts=("list.js",), rows=rows, where=str(runs)
    )


def _row(one: Listed) -> dict[str, Any]:
    cost = "unknown" if one.cost_usd is None else usd_text(one.cost_usd) if one.model_calls else "-"
    score = one.test.score if one.test.score is not None else one.train.score
    return {
        "name": one.folder.name,
        "href": address(one.folder),
        "problem": one.evaluator,
        "status": one.status,
        "error": one_line(one.error or (one.reason if one.status == "failed" else "")),
        "evaluations": one.evaluations,
        "train": cell_text(one.train),
        "test": cell_text(one.test),
        "cost": cost,
        "work": duration_text(one.active_s),
        "sort": {
            "started": one.place,
            "score": -1e9 if score is None else score,
            "cost": one.cost_usd or 0.0,
            "evaluations": one.evaluations,
        },
        "questions": len(waiting(one.folder)),
    }


def run_page(folder: Path) -> str:
    """Return a run as it is now; the page asks for what is new by itself."""
    with Store.open(folder) as store:
        report = describe(store)
        table, columns = where_picture(store, report)
        facts = page_facts(store, report, columns)
        parts = run_parts(store, report, facts, failure_examples(store), Pictures(), table)
        return rendered(
            "run.html.j2",
            **{**parts, **SERVED, "scripts": ("uPlot.js", "page.js", "live.js")},
            live=Html(address(folder)),
            chunks=(),
            facts=as_script_data(facts),
        )


def state(folder: Path) -> dict[str, Any]:
    """Return what tells whether a run has got on: it costs the same at any size."""
    with Store.open(folder) as store:
        summary = store.summary()
    return {
        "status": summary.status.value,
        "reason": one_line(summary.reason),
        "evaluations": summary.evaluations,
        "best": summary.best_score,
        "questions": len(waiting(folder)),
    }


def facts(folder: Path) -> dict[str, Any]:
    """Return what the charts of a run are drawn from, as it is now."""
    with Store.open(folder) as store:
        report = describe(store)
        found: dict[str, Any] = plain(page_facts(store, report, where_picture(store, report)[1]))
    return found


def program(folder: Path, id: int) -> dict[str, Any] | None:
    """Return all texts of a program; None where there is none."""
    with Store.open(folder) as store:
        found = store.program(id)
        if found is None:
            return None
        texts: dict[str, Any] = plain(program_texts(store, found, True))
    return texts


def questions_page(folder: Path, said: str = "") -> str:
    """Return the questions of a run that wait, each with a form. said: what came of the last answer."""
    return rendered(
        "questions.html.j2",
        **SERVED,
        title=f"Questions of {folder.name}",
        live="",
        scripts=(),
        name=folder.name,
        href=Html(address(folder)),
        questions=waiting(folder),
        said=said,
    )


def compared(chosen: list[Path]) -> str:
    """Return runs side by side."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        stores = [stack.enter_context(Store.open(folder)) for folder in chosen]
        return comparison_page(stores, {**SERVED, "live": "", "scripts": ("uPlot.js", "page.js")})
