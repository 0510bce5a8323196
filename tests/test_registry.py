"""What the registry promises: problems are found by name or folder, and a broken one says why in one line."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from command_line import TRIVIAL

from evolve import registry
from evolve.errors import UsageError
from evolve.registry import list_problems, load_problem, load_recorded

EVALUATOR = """
from evolve.evaluator import Evaluator, Instance, Outcome
{imports}

class Mine(Evaluator):
    name = "mine"
    summary = "A test"
    defines = ("f",)

    def instances(self, split):
        return [Instance(f"{{split}}/0")]

    def evaluate(self, candidate, instance):
        return Outcome({score})
"""


def problem_folder(folder: Path, imports: str = "", score: str = "1.0") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluator.py").write_text(EVALUATOR.format(imports=imports, score=score))
    (folder / "seed.py").write_text("def f():\n    return 1\n")
    (folder / "problem.md").write_text("# Mine\n")
    return folder


def test_the_problem_of_a_run_is_loaded_from_where_it_is_now_and_a_moved_one_names_the_option(tmp_path: Path) -> None:
    before = load_problem(str(problem_folder(tmp_path / "mine"))).ref
    now = (tmp_path / "mine").rename(tmp_path / "moved")
    with pytest.raises(UsageError, match=r"mine, the problem of the run, does not exist. If it has moved: --problem"):
        load_recorded(before, {}, None)
    assert load_recorded(before, {}, str(now)).ref == str(now)
    assert load_recorded("spot_single", {}, None).ref == "spot_single"


def test_a_folder_is_found_by_any_of_its_paths_and_is_absolute_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TRIVIAL.parent)
    for ref in ("trivial", "./trivial", str(TRIVIAL)):
        problem = load_problem(ref)
        assert (problem.ref, problem.folder, problem.evaluator.name) == (str(TRIVIAL), TRIVIAL, "trivial")


def test_two_folders_with_the_same_file_names_do_not_collide(tmp_path: Path) -> None:
    evaluators = []
    for number in (1, 2):
        folder = problem_folder(tmp_path / str(number) / "same", "from . import other")
        (folder / "other.py").write_text(f"NUMBER = {number}\n")
        evaluators.append(load_problem(str(folder)).evaluator)
    assert [sys.modules[type(e).__module__].other.NUMBER for e in evaluators] == [1, 2]


def test_another_process_finds_the_class_under_the_same_name(tmp_path: Path) -> None:
    problem = load_problem(str(problem_folder(tmp_path / "mine")))
    program = (
        f"from evolve.registry import load_problem; print(type(load_problem({problem.ref!r}).evaluator).__module__)"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert there.stdout.strip() == type(problem.evaluator).__module__


def test_every_bundled_evaluator_comes_through_the_entry_points_with_seed_statement_and_baselines() -> None:
    listed = {listing.name: listing for listing in list_problems()}
    assert {"spot_single", "eplb"} <= set(listed)
    for name, listing in listed.items():
        assert listing.error == ""
        problem = load_problem(name)
        assert problem.evaluator.name == name and problem.statement and problem.seed and problem.baselines


def test_an_installed_problem_that_does_not_load_is_listed_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("broken", "no_such_module:Thing", registry.GROUP)
    wrong = EntryPoint("wrong", "json:dumps", registry.GROUP)
    monkeypatch.setattr("evolve.entry_points.installed", lambda group: (broken, wrong))
    assert [(listing.name, listing.error.partition(". Try")[0]) for listing in list_problems()] == [
        (
            "broken",
            "evaluator broken: no_such_module:Thing does not load: "
            "ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("wrong", "evaluator wrong: json:dumps is no subclass of evolve.evaluator.Evaluator."),
    ]


def test_a_baseline_file_that_begins_with_an_underscore_is_none(tmp_path: Path) -> None:
    folder = problem_folder(tmp_path)
    (folder / "baselines").mkdir()
    for name in ("b.py", "a.py", "_shared.py", "__init__.py"):
        (folder / "baselines" / name).write_text("def f():\n    return 2\n" if name[0] != "_" else "")
    assert list(load_problem(str(folder)).baselines) == ["a", "b"]


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("evaluator.py", "", "evaluator.py has no subclass of evolve.evaluator.Evaluator, expected exactly one."),
        ("evaluator.py", "x = 1 +\n", "evaluator.py does not load: SyntaxError: invalid syntax (evaluator.py, line 1)"),
        (
            "evaluator.py",
            "a = 1\nb = nope\n",
            "evaluator.py does not load: NameError: name 'nope' is not defined (evaluator.py, line 2)",
        ),
        (
            "evaluator.py",
            "import neighbour\n",
            "evaluator.py does not load: ModuleNotFoundError: No module named 'neighbour' (evaluator.py, line 1). "
            "Write: from . import neighbour",
        ),
        ("evaluator.py", "raise SystemExit(3)\n", "evaluator.py does not load: SystemExit: 3 (evaluator.py, line 1)"),
        (
            "evaluator.py",
            EVALUATOR.format(imports="", score=1) + EVALUATOR.format(imports="", score=2).replace("Mine", "Other"),
            "evaluator.py has 2 subclasses of Evaluator (Mine, Other), expected exactly one.",
        ),
        (
            "evaluator.py",
            EVALUATOR.format(imports="", score=1).replace("def evaluate", "def rate"),
            "evaluator.py: class Mine does not define evaluate.",
        ),
        ("seed.py", None, "seed.py does not exist: it is the program that a run starts from."),
        ("seed.py", "def f(:\n", "seed.py is no program for mine: line 1: invalid syntax."),
        ("seed.py", "def g(): ...\n", "seed.py is no program for mine: it does not define f at its top level."),
        ("problem.md", None, "problem.md does not exist: it is the statement that the model reads."),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_in_one_line(
    tmp_path: Path, file: str, text: str | None, reason: str
) -> None:
    folder = problem_folder(tmp_path / "mine")
    (folder / "neighbour.py").write_text("")
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text)
    with pytest.raises(UsageError) as said:
        load_problem(str(folder))
    assert str(said.value) == f"{folder}/{reason}"


def test_a_folder_that_was_put_right_loads_in_the_same_process(tmp_path: Path) -> None:
    folder = problem_folder(tmp_path, "import nope")
    with pytest.raises(UsageError):
        load_problem(str(folder))
    problem_folder(tmp_path, "import math  # longer, so that the size differs")
    assert load_problem(str(folder)).evaluator.name == "mine"


def test_options_are_checked_and_a_misspelt_one_gets_the_nearest(tmp_path: Path) -> None:
    assert load_problem("spot_single", {"rules": "public"}).evaluator.options.model_dump()["rules"] == "public"
    with pytest.raises(UsageError, match=r"option 'evaluator.rule' is unknown. Did you mean 'rules'\? Known: .*rules"):
        load_problem("spot_single", {"rule": "public"})
    with pytest.raises(UsageError, match=r"option evaluator.rules = 'loose': Input should be 'strict' or 'public'."):
        load_problem("spot_single", {"rules": "loose"})
