"""Every discovery that is kept with a problem: its files are sound, and its record gives its program and figures."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from command_line import ROOT, evolve

from evolve.archive import read_tape
from evolve.discoveries import Discovery, discoveries_of, published_of
from evolve.discoveries.account import UNWRITTEN, figures_text
from evolve.discoveries.folder import ACCOUNT, HEAD, RECORD
from evolve.discoveries.listing import lines_of, markdown_table
from evolve.evaluator import Split
from evolve.registry import Problem, load_problem

FOLDERS = sorted(path for path in (ROOT / "evaluators").glob("*/discoveries/*") if path.is_dir())
WITH_PUBLISHED = sorted(path.parent.parent.name for path in (ROOT / "evaluators").glob("*/discoveries/published.toml"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


@functools.cache
def problem_of(name: str) -> Problem:
    return load_problem(name)


def discovery(folder: Path) -> Discovery:
    found = {one.folder.name: one for one in discoveries_of(problem_of(folder.parent.parent.name))}
    return found[folder.name]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.parent.name}/{folder.name}")
def test_its_files_are_there_and_its_account_has_the_figures_of_its_head(folder: Path) -> None:
    problem, found = problem_of(folder.parent.parent.name), discovery(folder)
    files = {HEAD, ACCOUNT, RECORD, f"program{problem.language.suffix}"}
    assert {path.name for path in folder.iterdir()} - {"picture.svg", "picture.png", "__pycache__"} == files
    head, account = found.head, (folder / ACCOUNT).read_text(encoding="utf-8")
    assert (head.problem, head.name) == (problem.evaluator.name, folder.name)
    assert not problem.language.check(found.source, problem.evaluator.defines)
    assert figures_text(head) in account, "made by `evolve discoveries --add`: only what lies around may be changed"
    assert UNWRITTEN not in account and head.summary in account
    assert set(head.splits) == {split for split in problem.evaluator.splits if split is not Split.PUBLIC}
    tape = read_tape(found.record)
    assert len(tape.choices) == tape.steps >= head.program and tape.identity["language"] == problem.language.name
    assert sum(call.status in ("answered", "failed") for call in tape.calls.values()) == head.cost.calls


@pytest.mark.parametrize("name", WITH_PUBLISHED)
def test_what_is_published_is_of_a_figure_of_the_public_split(name: str) -> None:
    known = published_of(problem_of(name))
    assert known is not None and known.best is not None and known.limit is not None
    assert (known.limit >= known.best) == (known.goal == "max"), "nothing that keeps to the rules passes the limit"
    for one in discoveries_of(problem_of(name)):
        assert one.head.public is not None and known.metric in one.head.public.metrics


def test_the_table_of_the_readme_is_that_of_the_heads() -> None:
    assert markdown_table(lines_of(None)) in README, "evolve discoveries --markdown gives it"


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.parent.name}/{folder.name}")
def test_its_record_gives_its_program_and_its_figures(folder: Path) -> None:
    said = evolve("replay", f"{folder.parent.parent.name}/{folder.name}", "--json")
    assert said.code == 0 and said.json["same"], said.out + said.err
