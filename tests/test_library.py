"""evolve as a library: five lines from a function to a better program, in a script, a coroutine and a notebook."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest
from command_line import ROOT, TRIVIAL, evolve_process

import evolve
from evolve import library
from evolve.archive import RunStatus, read_tape
from evolve.errors import UsageError
from evolve.evaluator import Evaluator, Instance, Limits, Outcome, Split
from evolve.library.opened import frame
from evolve.library.optimizing import _splits
from evolve.scoring import Status
from sandbox import Sandbox

EXAMPLES = ROOT / "tests" / "examples"
SEED = "X = 1.0\n\n\ndef answer():\n    return X\n"


class Guess(Evaluator):
    """Write `answer() -> float`."""

    name, summary, defines = "guess", "Guess a number", ("answer",)

    def instances(self, split: Split) -> list[Instance]:
        return [Instance(f"{split}/0")]

    def evaluate(self, candidate: Any, instance: Instance) -> Outcome:
        x = float(candidate.call("answer"))
        return Outcome(100 * (1 - abs(x - 42) / 41), {"x": x}, f"{x} is not it")


def nearness(program: Any, goal: float) -> tuple[float, str]:
    x = program()
    return -abs(x - goal), f"{x} is {abs(x - goal):g} from it"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> evolve.Result:
    folder = tmp_path_factory.mktemp("library") / "run"
    return evolve.run(TRIVIAL, evaluations=12, folder=folder, quiet=True, workers=1, search={"plateau": 5})


def test_a_run_returns_the_best_program_the_table_and_the_claim(result: evolve.Result) -> None:
    assert not result.interrupted and result.reason == "all 12 evaluations are done"
    assert result.rows[0].name == "seed"
    assert "On the test split" in result.verdict and result.verdict in str(result)
    assert "| seed | 0.00 |" in result._repr_markdown_()
    assert evolve.score(TRIVIAL, result.best.source, workers=1).score == result.best.score
    assert result.run.config.search.strategy == "portfolio"


def test_a_run_is_opened_as_data_frames(result: evolve.Result) -> None:
    run = evolve.open(result.run.folder)
    assert run.status is RunStatus.FINISHED
    programs = run.programs()
    assert len(programs) == 13 and set(programs["id"]) >= {0, result.best.id}
    evaluations = run.evaluations("train")
    assert len(evaluations) == 13 and set(evaluations["split"]) == {"train"}
    assert len(run.evaluations("test")) == len({row.program_id for row in result.rows})
    assert len(run.calls()) == 0
    chain = run.lineage()
    assert chain[0].id == 0 and chain[-1].id == result.best.id
    assert all(child.parent_id == parent.id for parent, child in itertools.pairwise(chain))
    assert run.curve()[0] == (0, 0.0)


def test_a_run_from_python_is_recorded_where_it_is_asked_to_be(tmp_path: Path) -> None:
    evolve.run(TRIVIAL, evaluations=2, folder=tmp_path / "run", record=tmp_path / "tape", workers=1, quiet=True)
    assert read_tape(tmp_path / "tape").steps == 2
    (tmp_path / "no").write_text("")
    with pytest.raises(UsageError, match="--record"):
        evolve.run(TRIVIAL, evaluations=2, folder=tmp_path / "other", record=tmp_path / "no" / "tape", quiet=True)
    assert not (tmp_path / "other").exists()


def test_without_pandas_and_polars_a_table_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert frame([{"id": 1}]) == [{"id": 1}]


def test_a_program_that_fails_is_a_status_and_no_exception() -> None:
    scores = evolve.score(TRIVIAL, "def answer():\n    return 1 / 0\n", workers=1)
    assert (scores.status, scores.score, scores.interval) == (Status.ERROR, None, None)
    assert "ZeroDivisionError" in scores.feedback
    fresh = evolve.score(TRIVIAL, TRIVIAL / "seed.py", fresh=3, fresh_seed=1, workers=1)
    assert [one.instance_id for one in fresh.instances] == [f"test/fresh-1-{n}" for n in range(3)]


@pytest.mark.slow
def test_a_function_is_optimised_held_out_inputs_are_and_the_run_is_like_any_other(tmp_path: Path) -> None:
    found = evolve.optimize(SEED, nearness, [42.0, 41.0, 43.0, 42.5, 41.5, 42.2], folder=tmp_path / "run",
                            evaluations=16, workers=1, quiet=True)  # fmt: skip
    assert found.best.score > 0, "percent better than the seed"
    assert [len(found.run.evaluations(split)) for split in ("validation", "test")][1] >= 2
    statement = (tmp_path / "run" / "problem" / "problem.md").read_text()
    assert "return -abs(x - goal)" in statement and "An input: `" in statement
    audited = evolve_process("audit", tmp_path / "run", "--json", cwd=tmp_path)
    assert audited.code == 0 and audited.json["reproduces"], audited.err
    more = evolve_process("resume", tmp_path / "run", "--evaluations", 18, "--json", cwd=tmp_path)
    assert more.code == 0 and more.json["evaluations"] == 18, more.err


Facts, value_of, takes_a_list = library.optimizing.Facts, library.optimizing.value_of, library.optimizing._takes_a_list


def of_one_number(program: Any, x: float) -> float:
    return -abs(program() - x)


def of_a_number_and_side_information(candidate: Any, example: float) -> tuple[float, dict[str, Any]]:
    """GEPA's shape: the candidate is a text, what is said besides is a mapping."""
    return -abs(candidate() - example), {"lines": str(candidate).count("\n"), "hint": f"near {example:g}"}


def of_all_inputs(answer: Any, inputs: list[float]) -> dict[str, Any]:
    """LEVI's shape: a callable, and all inputs at once."""
    distances = [abs(answer() - x) for x in inputs]
    return {"score": -sum(distances) / len(distances), "worst": max(distances), "note": f"{len(inputs)} inputs"}


@pytest.mark.parametrize(
    ("score_fn", "metrics", "feedback"),
    [
        (of_one_number, {}, ""),
        (of_a_number_and_side_information, {"lines": 5.0}, "hint: near 42"),
        (of_all_inputs, {"worst": 41.0}, "note: 1 inputs"),
        (lambda program, x: (of_one_number(program, x), "too low"), {}, "too low"),
    ],
)
def test_score_functions_of_other_tools_are_taken_as_they_are(
    score_fn: Any, metrics: dict[str, float], feedback: str
) -> None:
    facts = Facts("n", score_fn, {}, "answer", False, Limits(cpu_s=5.0), True, {}, takes_a_list(score_fn))
    with Sandbox(facts.limits, ()) as sandbox, sandbox.start(SEED) as candidate:
        assert value_of(facts, candidate, 42.0) == (-41.0, metrics, feedback)


@pytest.mark.parametrize("given", [{"value": 1.0}, "1.0", True, None, (1.0, "a", "b")])
def test_what_is_no_score_is_told(given: object) -> None:
    facts = Facts("n", lambda program, x: given, {}, "answer", False, Limits(), True, {})
    with pytest.raises(TypeError, match=r"return a number, \(number, feedback\), or a mapping"):
        value_of(facts, None, 1.0)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_function_over_all_inputs_is_optimised_like_any_other(tmp_path: Path) -> None:
    found = evolve.optimize(SEED, of_all_inputs, [42.0, 41.0], folder=tmp_path / "run", evaluations=12, workers=1,
                            quiet=True)  # fmt: skip
    assert found.best.score > 0 and "worst" in found.best.metrics


def test_few_inputs_serve_all_splits_and_many_are_parted() -> None:
    few, held_out = _splits([1, 2])
    assert not held_out and few[Split.TRAIN] == few[Split.TEST] == [1, 2]
    many, held_out = _splits(range(12))
    assert held_out and [len(many[split]) for split in list(Split)[:3]] == [6, 3, 3]
    assert sorted(x for part in many.values() for x in part) == list(range(12))


def test_a_class_without_a_folder_is_pickled_into_the_run(tmp_path: Path) -> None:
    found = evolve.run(Guess, program=SEED, evaluations=3, folder=tmp_path / "run", workers=1, quiet=True)
    assert found.rows[0].test == 0.0
    assert (tmp_path / "run" / "problem" / "problem.md").read_text() == "Write `answer() -> float`."


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: evolve.run(Guess), "give program=SOURCE"),
        (lambda: evolve.run(3), "not int; a plain function goes to evolve.optimize"),  # type: ignore[arg-type]
        (lambda: evolve.run(TRIVIAL, no_such=1), "no_such"),
        (lambda: evolve.run(TRIVIAL, search={"no_such": 1}), "search.no_such"),
        (lambda: evolve.run(TRIVIAL, program=SEED), "has its own, seed.py"),
        (lambda: evolve.optimize("x = 1\n", nearness, [1]), "no function and no class"),
        (lambda: evolve.optimize("def (", nearness, [1]), "the seed is no Python: line 1"),
        (lambda: evolve.optimize(SEED, nearness, []), "inputs is empty"),
        (lambda: evolve.optimize(SEED, nearness, {"train": [1]}), "inputs by split need some for each"),
        (lambda: evolve.optimize(SEED.replace("X\n", "1 / 0\n"), nearness, [1]), "the seed fails on input 0 of train"),
        (lambda: evolve.optimize(SEED, nearness, [1], entry="other"), "the seed defines no 'other'. It has: answer"),
        (lambda: evolve.open("no such run"), "no such run"),
    ],
)
def test_what_a_person_must_put_right_is_one_usage_error_and_leaves_no_run(
    call: Any, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(evolve.UsageError, match=r"^[^\n]+$") as raised:
        call()
    assert says in str(raised.value)
    assert not list(tmp_path.glob("runs/*"))


def test_what_the_score_function_raises_is_its_authors_and_comes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        evolve.optimize(SEED, lambda program, x: program() / x, [0], folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_in_a_running_loop_it_works_too_and_ctrl_c_stops_and_keeps(tmp_path: Path) -> None:
    async def notebook() -> evolve.Result:
        threading.Timer(3.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        return evolve.run(TRIVIAL, budget={"minutes": 5}, folder=tmp_path / "run", workers=1, quiet=True)

    with asyncio.Runner() as runner:  # its own handler of Ctrl-C would cancel the coroutine
        runner.get_loop()
        found = runner.get_loop().run_until_complete(notebook())
    assert found.interrupted and found.reason == "stopped by Ctrl-C"
    assert evolve.open(tmp_path / "run").status is RunStatus.STOPPED


@pytest.mark.slow
def test_code_with_a_loop_awaits_and_may_cancel(tmp_path: Path) -> None:
    async def program() -> evolve.Result:
        task = asyncio.create_task(evolve.run_async(TRIVIAL, budget={"minutes": 5}, folder=tmp_path / "cut", workers=1))
        await asyncio.sleep(1.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await evolve.score_async(TRIVIAL, SEED, workers=1)).score == 0.0
        return await evolve.optimize_async(SEED, nearness, [42.0], evaluations=2, folder=tmp_path / "run", workers=1)

    assert asyncio.run(program()).reason == "all 2 evaluations are done"


@pytest.mark.slow
def test_the_script_runs_and_finds_a_better_order(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "five_lines.py")], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "def order(jobs_s):" in done.stdout and "points above it" in done.stdout


@pytest.mark.slow
def test_the_notebook_runs_top_to_bottom(tmp_path: Path) -> None:
    notebook = nbformat.read(EXAMPLES / "notebook.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("| seed |" in output.get("data", {}).get("text/markdown", "") for output in outputs)
    assert any("<table" in output.get("data", {}).get("text/html", "") for output in outputs), "a data frame"


def test_import_is_quick_to_read_and_names_are_those_of_all() -> None:
    code = "import sys, evolve; assert 'sqlalchemy' not in sys.modules; [getattr(evolve, n) for n in evolve.__all__]"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="no attribute 'no_such'"):
        evolve.no_such  # noqa: B018
