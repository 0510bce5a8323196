"""A run belongs to the problem it began with: another one is noticed, and only mixed with it on purpose."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import evolve
from loop_parts import TRIVIAL, HashModel, QuickPool, configured

from evolve import loop
from evolve.archive import EventKind, Role, Store
from evolve.errors import UsageError
from evolve.identity import differences, identity
from evolve.observer import Observer, RunResult
from evolve.registry import load_problem


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TRIVIAL, tmp_path / "problem"))


def run(problem: Path, evaluations: int, observer: Observer | None = None, **how: bool) -> RunResult:
    return asyncio.run(
        loop.run(
            problem.parent / "run",
            configured(evaluations),
            load_problem(str(problem)),
            [observer] if observer else [],
            pool=QuickPool(),
            clients={"m": HashModel()},
            **how,
        )
    )


def edit(file: str) -> Callable[[Path], None]:
    def change(problem: Path) -> None:
        path = problem / file
        path.write_text(path.read_text() + "\n# changed\n")

    return change


def drop_a_file_in(problem: Path) -> None:
    (problem / "figures.json").write_text("[1, 2]")


CHANGES = [
    (edit("evaluator.py"), "the evaluator's code or data changed"),
    (drop_a_file_in, "the evaluator's code or data changed"),
    (edit("problem.md"), "problem.md changed"),
    (edit("seed.py"), "the seed changed"),
]


@pytest.mark.parametrize(("change", "what"), CHANGES)
def test_a_resume_with_another_problem_stops_and_says_what_changed(
    problem: Path, change: Callable[[Path], None], what: str
) -> None:
    run(problem, 5)
    run(problem, 6, resume=True)
    change(problem)
    with pytest.raises(UsageError) as error:
        run(problem, 8, resume=True)
    assert f"another problem or version: {what}." in str(error.value)
    assert f"evolve resume {problem.parent / 'run'} --accept-changes" in str(error.value)
    with Store.open(problem.parent / "run") as store:
        assert store.summary().evaluations == 6


def test_on_purpose_it_goes_on_and_the_archive_notes_from_where(problem: Path) -> None:
    class Notices(Observer):
        heard = ""

        def notice(self, text: str) -> None:
            self.heard += text

    run(problem, 5)
    with Store.open(problem.parent / "run") as store:
        before = store.last_step()
    edit("evaluator.py")(problem)
    notices = Notices()
    assert run(problem, 8, notices, resume=True, accept_changes=True).progress.evaluations == 8
    assert notices.heard.startswith(f"from step {before + 1} on with another problem: the evaluator's code")
    with Store.open(problem.parent / "run") as store:
        events = store.events(EventKind.CHOSEN, EventKind.CHANGED)
        place = [event.kind for event in events].index(EventKind.CHANGED)
        assert [event.step for event in events[place - 1 : place + 2]] == [before, 0, before + 1]
        assert differences(store.identity(), identity(load_problem(str(problem)))) == []
    run(problem, 9, resume=True)


def test_a_new_baseline_is_scored_and_a_changed_one_beside_the_old(problem: Path) -> None:
    run(problem, 5)
    (problem / "baselines").mkdir(exist_ok=True)
    for name, x in (("b_first", 10), ("a_second", 20)):
        (problem / "baselines" / f"{name}.py").write_text(f"X = {x}.0\n\n\ndef answer():\n    return X\n")
        run(problem, 5, resume=True)
    with Store.open(problem.parent / "run") as store:
        baselines = {program.name: program.score for program in store.programs(Role.BASELINE)}
    assert baselines["b_first"] == pytest.approx(100 * (1 - 32 / 41))
    assert baselines["a_second"] == pytest.approx(100 * (1 - 22 / 41))
    (problem / "baselines" / "b_first.py").write_text("X = 30.0\n\n\ndef answer():\n    return X\n")
    with pytest.raises(UsageError, match="baseline b_first changed"):
        run(problem, 5, resume=True)
    run(problem, 5, resume=True, accept_changes=True)
    with Store.open(problem.parent / "run") as store:
        after = {program.name: program.score for program in store.programs(Role.BASELINE)}
    assert after == {**baselines, "b_first (changed)": pytest.approx(100 * (1 - 12 / 41))}


def test_versions_and_options_are_named_with_both_values() -> None:
    recorded = {"python": "3.11", "numpy": "2.1", "options": '{"hours": 2}', "evaluator": "a", "baseline x": "h"}
    now = {"python": "3.13", "numpy": "2.1", "options": '{"hours": 3}', "evaluator": "b", "baseline new": "h"}
    assert differences(recorded, now) == [
        "python 3.11 -> 3.13",
        'the evaluator\'s options {"hours": 2} -> {"hours": 3}',
        "the evaluator's code or data changed",
        "baseline x is gone",
    ]
    assert differences({}, now) == [], "an archive of an earlier evolve says nothing"


def test_what_other_modules_of_the_same_package_do_counts_and_another_domain_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "bundle_for_identity"
    for name in ("one", "other", "shared"):
        (package / name).mkdir(parents=True)
        (package / name / "__init__.py").write_text("VALUE = 1\n")
    (package / "__init__.py").write_text("")
    shutil.copytree(TRIVIAL, package / "one", dirs_exist_ok=True)
    (package / "one" / "evaluator.py").write_text(
        (TRIVIAL / "evaluator.py").read_text() + "\nfrom bundle_for_identity.shared import VALUE\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    problem = load_problem(str(package / "one"))
    type(problem.evaluator).__module__ = "bundle_for_identity.one.evaluator"
    before = identity(problem)["evaluator"]
    (package / "other" / "__init__.py").write_text("VALUE = 2\n")
    assert identity(problem)["evaluator"] == before
    (package / "shared" / "__pycache__").mkdir(exist_ok=True)
    (package / "shared" / "__pycache__" / "__init__.cpython-311.pyc").write_bytes(b"compiled here, at another time")
    assert identity(problem)["evaluator"] == before, "what Python keeps beside a module is none of its code"
    (package / "shared" / "__init__.py").write_text("VALUE = 2\n")
    assert identity(problem)["evaluator"] != before


@pytest.mark.parametrize("command", ["resume", "audit", "replay"])
def test_from_the_command_line_nothing_compares_two_problems_unasked(problem: Path, command: str) -> None:
    folder = problem.parent / "run"
    run(problem, 5)
    edit("problem.md")(problem)
    said = evolve(command, folder, "--trust")
    assert said.code == 2
    assert said.err.splitlines()[-1].startswith("evolve: the run was made with another problem or version: problem.md")
    assert f"evolve {command} {folder} --accept-changes" in said.err
