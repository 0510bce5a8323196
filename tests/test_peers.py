"""Tasks of other tools run unchanged: their scores are those of their own evaluators, and nothing escapes."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, evolve
from model_server import ModelServer

from evolve.peers import find_task
from evolve.peers.stand_in import parameters_of
from evolve.peers.task import configuration
from evolve.registry import load_problem

TASKS = ROOT / "tests" / "peers"
POINTS = TASKS / "openevolve_points"
needs_cxx = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler on this machine")
needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")


def scored(folder: Path, program: Path, *more: object) -> dict[str, object]:
    said = evolve("score", folder, program, "--workers", 1, "--json", *more)
    assert said.code in (0, 1), said.err
    return said.json  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "format_", "score", "told"),
    [
        ("openevolve_points", "openevolve", 1 / (1 + 20**0.5), "the program stood at 3.0, -2.0"),
        ("openevolve_stages", "openevolve", (0.6 + 1.2 + 1.8) / 3, "score 1.2"),
        ("skydiscover_sorting", "skydiscover", 1 / 3, "score 0.333333"),
        ("shinka_circles", "shinka", 0.3, "larger ones would be better"),
        pytest.param("shell_in_c", "skydiscover", 40.0, "score 40", marks=needs_cc),
        pytest.param("openevolve_cpp", "openevolve", 1 / 11, "score 0.0909091", marks=needs_cxx),
    ],
)
def test_a_task_of_each_format_is_found_and_scored_as_its_own_evaluator_says(
    name: str, format_: str, score: float, told: str
) -> None:
    task = find_task(TASKS / name)
    assert task is not None and task.format == format_
    facts = scored(TASKS / name, task.program)
    assert facts["score"] == pytest.approx(score, rel=1e-12)
    assert told in str(facts["feedback"])
    assert "self-reported by the task" in str(facts["remark"])


def test_the_score_is_what_the_evaluator_itself_returns_in_a_process_of_ones_own(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "sorting", TASKS / "skydiscover_sorting" / "evaluator" / "evaluator.py"
    )
    assert spec is not None and spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    program = tmp_path / "sorted.py"
    program.write_text("def order(items):\n    return sorted(items)[::-1][:3] + [1]\n")
    ours = scored(TASKS / "skydiscover_sorting", program)["score"]
    assert ours == theirs.evaluate(str(program))["combined_score"]


def test_a_stage_that_is_not_reached_ends_it_and_booleans_are_no_numbers(tmp_path: Path) -> None:
    low = tmp_path / "low.py"
    low.write_text("VALUE = 0.4\n")
    facts = scored(TASKS / "openevolve_stages", low)
    assert facts["score"] == 0.4 and facts["metrics"] == {"first": 0.4}
    higher = tmp_path / "higher.py"
    higher.write_text("VALUE = 0.51\n")  # the mean of 0.51 and 1.02 is below the second threshold, 0.8
    assert set(scored(TASKS / "openevolve_stages", higher)["metrics"]) == {"first", "second"}  # type: ignore[call-overload]


def test_what_is_wrong_in_their_eyes_is_infeasible_with_their_words(tmp_path: Path) -> None:
    program = tmp_path / "large.py"
    program.write_text("def radii(seed):\n    return [2.0]\n")
    facts = scored(TASKS / "shinka_circles", program)
    assert facts["status"] == "infeasible" and "a radius is too large" in str(facts["feedback"])


HOSTILE = {
    "hangs": ("while True: pass", "took longer than 2 s and was ended"),
    "raises": ("raise ValueError('no such luck')", "ValueError: no such luck"),
    "exits": ("import os; os._exit(3)", "ended without an answer (exit code 3)"),
    "prints": ("print('x' * 100_000_000)", ""),
    "writes": ("open({folder!r} + '/planted', 'w')", "Permission denied"),
    "reads": ("open({secret!r}).read()", "Permission denied"),
    "connects": ("import socket; socket.create_connection(('127.0.0.1', 9), 1)", "Permission denied"),
    "environment": ("import os; assert 'EVOLVE_TEST_KEY' not in os.environ", ""),
    "forks": ("import os; os.fork() or __import__('time').sleep(60)", ""),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_a_task_must_not_do_it_cannot(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLVE_TEST_KEY", "secret")
    code, says = HOSTILE[what]
    folder, secret = tmp_path / "task", tmp_path / "secret"
    secret.write_text("secret")
    folder.mkdir()
    (folder / "initial_program.py").write_text("X = 1\n")
    body = code.format(folder=str(folder), secret=str(secret))
    (folder / "evaluator.py").write_text(f"def evaluate(path):\n    {body}\n    return {{'combined_score': 1.0}}\n")
    facts = scored(
        folder, folder / "initial_program.py", "--set", "evaluator.timeout_s=2" if what == "hangs" else "seed=0"
    )
    assert says in str(facts["feedback"])
    assert facts["status"] == ("infeasible" if says else "ok"), facts["feedback"]
    assert len(str(facts["feedback"])) < 20_000
    assert sorted(file.name for file in folder.iterdir()) == ["evaluator.py", "initial_program.py"]


def test_the_built_in_mutator_evolves_a_python_task_and_the_run_says_whose_word_the_score_is(tmp_path: Path) -> None:
    done = evolve("run", POINTS, "--model", "builtin", "--workers", 1, "--run", tmp_path / "run", "--json")
    assert done.code == 0, done.err
    assert done.json["evaluations"] == 7, "max_iterations of config.yaml"
    assert "self-reported by the task" in done.json["verdict"]
    assert "config.yaml: not used here: database.feature_dimensions." in done.err
    assert "self-reported by the task" in (tmp_path / "run" / "summary.md").read_text()
    assert evolve("audit", tmp_path / "run", "--json").json["reproduces"]


def test_a_task_in_another_language_is_asked_of_a_model_and_its_own_settings_hold() -> None:
    problem = load_problem(str(TASKS / "shell_in_c"))
    assert problem.language.name == "c" and problem.evaluator.defines == ()
    task = find_task(POINTS)
    assert task is not None and "You look for the lowest point of a bowl." in task.statement
    assert configuration(task) == {
        "budget": {"evaluations": 7},
        "model": {"names": ["some-model"], "base_url": "http://127.0.0.1:1/v1", "temperature": 0.5},
    }


@pytest.mark.parametrize(
    ("files", "settings", "says"),
    [
        ({"evaluator.py": "def evaluate(path): pass", "initial_program.py": "X = 1"}, "shinka", "is no task of shinka"),
        ({"evaluate.py": ""}, "shinka", "has no initial.*: write the program that the search starts from"),
        ({"evaluate.py": "", "initial.py": "", "initial.c": ""}, "", "has 2 files initial.*"),
        (
            {"evaluator.py": "def evaluate(path): pass"},
            "",
            "but no initial_program.* to start from, and no prompt.system",
        ),
        (
            {"evaluate.sh": "", "config.yaml": "prompt: {system_message: x}\nfile_suffix: /../../x"},
            "",
            "file_suffix '/../../x' is none, such as '.py'",
        ),
        ({"evaluate.sh": "echo {}"}, "", "but no initial_program.* to start from, and no prompt.system_message"),
        ({"evaluate.py": "", "initial.py": "X = 1", "config.yaml": "a: ["}, "", "config.yaml cannot be read"),
        ({"evaluate.py": "", "initial.py": "X = 1", "config.yaml": "- 1"}, "", "is no mapping of keys"),
    ],
)
def test_a_folder_that_is_no_task_is_one_line(files: dict[str, str], settings: str, says: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    more = ("--set", f"evaluator.format={settings}") if settings else ()
    said = evolve("run", tmp_path, "--evaluations", 1, *more)
    assert said.code == 2 and len(said.err.strip().splitlines()) == 1
    assert says in said.err


FROM_NOTHING = TASKS / "skydiscover_from_nothing"


def answers_to_nothing(asked: dict[str, Any], number: int) -> str:
    """Answer with no program, then with some that fail, and once one is to be repaired with some that work."""
    prompt = asked["messages"][-1]["content"]
    if number == 0:
        return "I shall think about it."
    body = f"return [[size] for size in sizes][:{99 + number}]" if "Program" in prompt else f"return bins{number}"
    return f"Try {number}.\n```python\ndef pack(sizes, capacity):\n    {body}\n```"


def test_a_task_without_a_program_has_a_model_write_the_first_one(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with ModelServer(answers_to_nothing) as server:
        model = ("--model", "m", "--base-url", server.base_url, "--workers", 1, "--set", "search.lag=1")
        done = evolve("run", FROM_NOTHING, *model, "--evaluations", 4, "--deterministic", "--run", run, "--json")
        assert done.code == 0, done.err
        asked = ["\n".join(str(message["content"]) for message in one.json["messages"]) for one in server.requests]
        more = evolve("resume", run, "--evaluations", 6, "--json")
    assert more.code == 0 and more.json["evaluations"] == 6, more.err
    assert re.match(r"There was no program to start from; program \d has 0.33 on train\.", done.json["verdict"])
    assert [row["role"] for row in done.json["programs"]] == ["best"]
    assert "Write the first program." in asked[0]
    assert "0 is the naive baseline" not in asked[0] and "on a scale of its own; more is better" in asked[0]
    assert any("Find out why and repair exactly that" in one and "return bins" in one for one in asked)
    assert evolve("replay", run, "--json").json["same"]
    assert "There was no program to start from" in (run / "summary.md").read_text()
    alone = evolve("run", FROM_NOTHING, "--run", tmp_path / "alone")
    assert alone.code == 2 and "have a model write the first one (--model NAME)" in alone.err.splitlines()[-1]
    assert not (tmp_path / "alone").exists()
    imported = evolve("import", FROM_NOTHING, "--out", tmp_path / "own")
    assert imported.code == 2 and "give it the program that a search is to start from" in imported.err


def test_a_task_is_checked_for_what_can_be_said_of_it() -> None:
    said = evolve("check", TASKS / "skydiscover_sorting", "--json")
    assert said.code == 0
    verdicts = [(one["claim"], one["verdict"]) for one in said.json["claims"]]
    assert verdicts[:2] == [
        ("the program to start from has a score", "holds"),
        ("another evaluation gives the same figures", "holds"),
    ]


THEIRS = {
    "openevolve": """
import asyncio, json, sys
from openevolve.config import EvaluatorConfig
from openevolve.evaluator import Evaluator

evaluator, program = sys.argv[1:]
found = asyncio.run(Evaluator(EvaluatorConfig(timeout=20), evaluator).evaluate_program(open(program).read(), "it"))
print(json.dumps(found))
""",
    "skydiscover": """
import asyncio, json, sys
from skydiscover.config import EvaluatorConfig
from skydiscover.evaluation.evaluator import Evaluator

evaluator, program = sys.argv[1:]
found = asyncio.run(Evaluator(EvaluatorConfig(timeout=20), evaluator).evaluate_program(open(program).read(), "it"))
print(json.dumps(found.metrics))
""",
    "shinka-evolve": """
import json, subprocess, sys, tempfile
import shinka.core

evaluator, program = sys.argv[1:]
folder = tempfile.mkdtemp()
subprocess.run([sys.executable, evaluator, "--program_path", program, "--results_dir", folder], check=True)
print(json.dumps(json.load(open(folder + "/metrics.json"))))
""",
}
"""What scores a program by a peer's own code, given the task's evaluator, and prints its metrics last."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("openevolve", "openevolve_points"),
        ("openevolve", "openevolve_stages"),
        ("skydiscover", "skydiscover_sorting"),
        ("shinka-evolve", "shinka_circles"),
    ],
)
def test_the_peers_own_runners_give_the_same_scores(package: str, name: str, tmp_path: Path) -> None:
    """The package is installed from the index into an environment of its own; EVOLVE_PEERS, a folder, keeps those."""
    environment = Path(os.environ.get("EVOLVE_PEERS", tmp_path)) / package
    if not environment.exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        subprocess.run([str(environment / "bin" / "pip"), "install", "-q", package], check=True)
    task = find_task(TASKS / name)
    assert task is not None
    command = [str(environment / "bin" / "python"), "-c", THEIRS[package], str(task.evaluator), str(task.program)]
    done = subprocess.run(command, cwd=task.folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = json.loads(done.stdout.strip().splitlines()[-1])
    numbers = {key: x for key, x in theirs.items() if isinstance(x, float | int) and not isinstance(x, bool)}
    ours = scored(task.folder, task.program)
    common = ours["metrics"].keys() & numbers.keys()  # type: ignore[attr-defined]
    assert common and all(ours["metrics"][key] == numbers[key] for key in common)  # type: ignore[index]
    assert ours["score"] == numbers.get("combined_score", ours["score"])


DEFINED = {"openevolve_points": "search", "shinka_circles": "radii", "skydiscover_sorting": "order"}


@pytest.mark.parametrize("name", ["openevolve_points", "shinka_circles", "skydiscover_sorting"])
def test_an_imported_task_gives_the_same_score_with_the_program_in_the_sandbox(name: str, tmp_path: Path) -> None:
    task = find_task(TASKS / name)
    assert task is not None
    said = evolve("import", TASKS / name, "--out", tmp_path / "own", "--json")
    assert said.code == 0 and len(said.json["decide"]) == 4, said.err
    assert load_problem(str(tmp_path / "own")).language.runs_in_sandbox
    mine = scored(tmp_path / "own", tmp_path / "own" / "seed.py")
    assert mine["score"] == scored(TASKS / name, task.program)["score"]
    (tmp_path / "raises.py").write_text(
        task.program.read_text() + f"\n\ndef {DEFINED[name]}(seed=None):\n    return 1 / 0\n"
    )
    facts = scored(tmp_path / "own", tmp_path / "raises.py")
    assert facts["status"] == "error" and "ZeroDivisionError" in str(facts["feedback"])


def test_what_an_import_cannot_decide_is_told_line_by_line_and_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "own"
    said = evolve("import", TASKS / "openevolve_stages", "--out", out)
    assert said.code == 1 and not out.exists()
    assert "evaluator.py:5: it uses VALUE of the program, which is no function: let a function return it" in said.out
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "initial_program.py").write_text("def f():\n    return 1\n")
    (folder / "evaluator.py").write_text(
        "import subprocess\n\n\ndef evaluate(program_path):\n    text = open(program_path).read()\n"
        "    return {'combined_score': len(subprocess.run(['cat', program_path], capture_output=True).stdout)}\n"
    )
    told = evolve("import", folder, "--out", out, "--json").json["decide"]
    assert [line.partition(": ")[0] for line in told] == ["evaluator.py:1", "evaluator.py:5", "evaluator.py:6"]
    c = evolve("import", TASKS / "shell_in_c", "--out", out)
    assert c.code == 2 and "there is nothing to import. Run it as it is" in c.err
    there = evolve("import", TASKS / "openevolve_points", "--out", tmp_path)
    assert there.code == 2 and "is there already" in there.err


@pytest.mark.slow
def test_what_a_task_requires_is_installed_into_an_environment_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    task = tmp_path / "task"
    task.mkdir()
    with zipfile.ZipFile(task / "tiny_answer-1.0-py3-none-any.whl", "w") as wheel:
        facts = "tiny_answer-1.0.dist-info"
        wheel.writestr("tiny_answer.py", "ANSWER = 42.0\n")
        wheel.writestr(f"{facts}/METADATA", "Metadata-Version: 2.1\nName: tiny-answer\nVersion: 1.0\n")
        wheel.writestr(
            f"{facts}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{facts}/RECORD", "")
    (task / "requirements.txt").write_text("--no-index\n./tiny_answer-1.0-py3-none-any.whl\n")
    (task / "initial_program.py").write_text("X = 1.0\n")
    (task / "evaluator.py").write_text(
        "from tiny_answer import ANSWER\n\n\ndef evaluate(path):\n    return {'combined_score': ANSWER}\n"
    )
    assert "run it with --install" in str(scored(task, task / "initial_program.py")["feedback"])
    run = ("run", task, "--evaluations", 1, "--workers", 1, "--json", "--install", "--run")
    done = evolve(*run, tmp_path / "run")
    assert done.code == 0, done.err
    assert done.json["programs"][0]["splits"]["train"]["score"] == 42.0
    (lock,) = (tmp_path / "cache" / "evolve" / "environments").glob("*.lock")
    half = lock.with_suffix("")
    assert (half / "whole").exists()
    shutil.rmtree(half / "lib")
    (half / "whole").unlink()  # as a process leaves it that was killed before pip was done
    again = evolve("score", task, task / "initial_program.py", "--install", "--json")
    assert again.json["score"] == 42.0 and (half / "whole").exists()
    (task / "requirements.txt").write_text("--no-index\n./not_there-1.0-py3-none-any.whl\n")
    broken = evolve(*run, tmp_path / "other")
    assert broken.code == 2 and len(broken.err.strip().splitlines()) == 1
    assert "requirements.txt cannot be installed" in broken.err
    assert [place for place in lock.parent.iterdir() if place.is_dir()] == [half]


@pytest.mark.parametrize(
    ("given", "named", "arguments"),
    [
        ((1, 2), {}, [1, 2]),
        ((1,), {"b": 5}, [1, 5]),
        ((), {"b": 5, "a": 4}, [4, 5]),
        ((1,), {"c": [7]}, [1, -2, [7]]),
        ((), {"c": 1}, "is called without a"),
        ((1,), {"d": 3}, "give c too, whose default is no plain value"),
        ((1,), {"e": 3}, "cannot be given 'e' by name here"),
        ((1,), {"a": 3}, "cannot be given 'a' by name here"),
    ],
)
def test_named_arguments_are_passed_on_by_position(
    given: tuple[object, ...], named: dict[str, object], arguments: list[object] | str
) -> None:
    parameters = parameters_of("def f(a, b=-2, c=[].copy(), d=4, *, e=5):\n    return a\n")["f"]
    assert parameters.by_name == ("e",)
    if isinstance(arguments, str):
        with pytest.raises(TypeError, match=arguments):
            parameters.by_position("f", given, named)
    else:
        assert parameters.by_position("f", given, named) == arguments


def test_what_can_be_given_by_name_only_is_for_a_person_to_change(tmp_path: Path) -> None:
    task = tmp_path / "task"
    task.mkdir()
    (task / "initial_program.py").write_text("def f(*, speed):\n    return speed\n")
    (task / "evaluator.py").write_text("def evaluate(path):\n    return {'x': load(path).f(speed=1)}\n")
    told = evolve("import", task, "--out", tmp_path / "own")
    assert told.code == 1 and "initial_program.py: f() takes speed by name only" in told.out
