"""Claims about evaluators that misbehave: each is a failure of the verifier, named in one line, and no worker is lost.

One problem whose program says what the verifier does with it.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from evolve import foreign
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.loop.blame import Watched
from evolve.registry import load_problem
from evolve.scoring import InstanceResult, Status
from evolve.workers import LocalWorkers, split_score

PLUGIN = '''
import math, os, subprocess, sys, threading, time
from evolve.evaluator import Evaluator, Instance, Limits, Outcome
os.chdir("/")

class Misbehaves(Evaluator):
    name, summary, defines = "misbehaves", "does what the program says", ("deed",)
    limits = Limits(cpu_s=5.0, call_s=0.2)
    evaluation_s = 4.0

    def instances(self, split):
        return [Instance(f"{split}/{i}") for i in range(2)]

    def evaluate(self, candidate, instance):
        deed = candidate.call("deed")
        if instance.id.endswith("1"):
            return Outcome(1.0, {"x": 1.0}, "sound")
        return eval(deed, globals())

def twice(first, then):
    """Do the first the first time that it is asked for on this host, else the other."""
    try:
        os.mkdir(FOLDER)
    except FileExistsError:
        return then()
    return first()
'''

DEEDS = {
    "3.5": "evaluate must return an Outcome, it returned 3.5",
    "None": "evaluate must return an Outcome, it returned None",
    "'done'": "evaluate must return an Outcome, it returned 'done'",
    "[1.0]": "evaluate must return an Outcome, it returned a list",
    "Outcome('12')": "TypeError: must be real number, not str",
    "Outcome(1e300)": "the score is 1e+300; 0 is the naive baseline, 100 the reference",
    "Outcome(1.0, {'x': math.inf})": "metric x is inf, expected a finite number",
    "Outcome(1.0, {'x': math.nan})": "metric x is nan, expected a finite number",
    "Outcome(1.0, {'x': None})": "metric x is None, expected a number",
    "Outcome(1.0, {'x': '3'})": "metric x is '3', expected a number",
    "Outcome(1.0, {'x': [3]})": "metric x is a list, expected a number",
    "Outcome(1.0, {7: 1.0})": "the metric 7 has no name",
    "Outcome(1.0, None)": "metrics must be a mapping of names to numbers, it is None",
    "Outcome(1.0, {}, None)": "feedback must be text, it is None",
    "Outcome(1.0, {}, 12)": "feedback must be text, it is 12",
    "sys.exit()": "SystemExit (evaluator.py, line 18)",
    "sys.exit('enough')": "SystemExit: enough (evaluator.py, line 18)",
    "1 / 0": "ZeroDivisionError: division by zero (evaluator.py, line 18)",
    "os._exit(3)": "the verifier ended its own process (a bug of the problem): it exited with code 3",
    "os.abort()": "the verifier ended its own process (a bug of the problem): it was killed by SIGABRT",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("misbehaves")
    (folder / "evaluator.py").write_text(PLUGIN + f"\nFOLDER = {str(folder / 'asked')!r}\n")
    (folder / "seed.py").write_text(doing("1"))
    (folder / "problem.md").write_text("Misbehave: `deed`.")
    return folder


def doing(deed: str) -> str:
    return f"def deed():\n    return {deed!r}\n"


def evaluated(folder: Path, *sources: str, workers: int = 1) -> list[list[InstanceResult]]:
    async def go() -> list[list[InstanceResult]]:
        async with LocalWorkers(str(folder), {}, workers) as pool:
            return [[r async for r in pool.evaluate(source, Split.TRAIN, [0, 1])] for source in sources]

    return asyncio.run(go())


def test_what_a_verifier_raises_or_returns_wrongly_is_its_own_failure_in_one_line_and_the_next_instance_is_scored(
    folder: Path,
) -> None:
    for (deed, reason), (bad, good) in zip(DEEDS.items(), evaluated(folder, *map(doing, DEEDS)), strict=True):
        assert (bad.instance_id, bad.status, bad.failure) == ("train/0", Status.ERROR, "verifier"), deed
        assert reason in bad.feedback, deed
        assert bad.feedback.count("\n") == 0 and bad.feedback.startswith("the verifier "), deed
        assert (good.instance_id, good.score) == ("train/1", 1.0), deed


@pytest.mark.slow
def test_a_verifier_that_loops_for_ever_is_ended_and_named(folder: Path) -> None:
    ((bad, good),) = evaluated(folder, doing("time.sleep(1000)"))
    assert (bad.instance_id, bad.failure, good.score) == ("train/0", "verifier", 1.0)
    assert "it did not end within 4 s (the problem may set evaluation_s)" in bad.feedback


def test_a_program_that_runs_out_of_wall_time_once_only_is_scored(folder: Path) -> None:
    slow = "def deed():\n    import time\n    time.sleep(1)\n    return 'Outcome(5.0)'\n"
    ((bad, good),) = evaluated(folder, slow)
    assert (bad.status, bad.failure, good.status) == (Status.TIMEOUT, "wall_time", Status.TIMEOUT)
    once = "twice(lambda: candidate.call('again'), lambda: Outcome(5.0))"
    source = f"import time\ndef again():\n    time.sleep(1)\n\n{doing(once)}"
    plugin = folder / "evaluator.py"
    text = plugin.read_text()
    try:
        plugin.write_text(text.replace("eval(deed, globals())", "eval(deed, {**globals(), 'candidate': candidate})"))
        ((result, good),) = evaluated(folder, source, workers=2)
    finally:
        plugin.write_text(text)
    assert (folder / "asked").is_dir()
    assert (result.status, result.score, good.score) == (Status.OK, 5.0, 1.0)


def test_what_an_evaluation_started_is_ended_with_it(folder: Path) -> None:
    child = "Outcome(1.0, {'pid': subprocess.Popen(['sleep', '1000'], start_new_session=True).pid})"
    grandchild = "Outcome(1.0, {'pid': int(subprocess.check_output('setsid sleep 1000 >&- & echo $!', shell=True))})"
    thread = "threading.Thread(target=time.sleep, args=(1000,)).start() or Outcome(1.0, {'pid': os.getpid()})"
    for deed in (child, grandchild, thread):
        ((left, good),) = evaluated(folder, doing(deed))
        pid = int(left.metrics["pid"])
        assert left.status is Status.OK and good.score == 1.0, (deed, left.feedback)
        give_up = time.monotonic() + 30
        while is_alive(pid):
            assert time.monotonic() < give_up, deed
            time.sleep(0.01)


def test_a_child_is_gone_before_the_next_result_is_there(folder: Path) -> None:
    async def go() -> bool:
        async with LocalWorkers(str(folder), {}, 1) as pool:
            child = doing("Outcome(1.0, {'pid': subprocess.Popen(['sleep', '1000']).pid})")
            results = [r async for r in pool.evaluate(child, Split.TRAIN, [0, 1])]
            return is_alive(int(results[0].metrics["pid"]))

    assert not asyncio.run(go())


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_loading_and_the_working_folder_of_a_worker_are_not_moved_by_a_chdir(folder: Path) -> None:
    here = Path.cwd()
    load_problem(str(folder))
    assert Path.cwd() == here
    ((bad, _),) = evaluated(folder, doing("os.chdir('/tmp')"), workers=1)
    assert "it returned None" in bad.feedback


def test_metrics_of_1e308_on_every_instance_are_summed_up(folder: Path) -> None:
    async def go() -> dict[str, float]:
        async with LocalWorkers(str(folder), {}, 1) as pool:
            results = [r async for r in pool.evaluate(doing("Outcome(1.0, {'x': 1.7e308})"), Split.TRAIN, [0, 0, 0])]
            return (await split_score(pool, Split.TRAIN, results, 3)).metrics

    assert asyncio.run(go()) == {"x": pytest.approx(1.7e308)}


def test_a_print_of_a_verifier_goes_to_stderr_under_its_name(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    evaluated(folder, doing("print('hello from me') or os.system('echo and my child') or Outcome(1.0)"))
    out, err = capfd.readouterr()
    assert out == ""
    assert "misbehaves: hello from me\n" in err and "and my child\n" in err


INSTANCES = {
    "[]": "returned no instance: train has no instance.",
    "(Instance(f'{split}/{i}') for i in range(2))": "must return a list of Instance, it returned a generator.",
    "'train'": "must return a list of Instance, it returned a str.",
    "{Instance('a')}": "must return a list of Instance, it returned a set.",
    "None": "must return a list of Instance, it returned a NoneType.",
    "['train/0']": "holds 'train/0', expected an Instance with an id of text.",
    "[Instance(b'3')]": "holds Instance(id=b'3'",
    "[Instance('a')] * 2": "has two instances of the id 'a'.",
    "sys.exit()": "fails: SystemExit (evaluator.py, line 12)",
    "1 / 0": "fails: ZeroDivisionError: division by zero (evaluator.py, line 12)",
    "(_ for _ in ()).throw(GeneratorExit('gone'))": "fails: GeneratorExit: gone (evaluator.py, line 12)",
    "[time.sleep(0.01) for _ in range(10**6)]": "fails: it did not end within 0.3 s",
}


@pytest.mark.parametrize("given", INSTANCES)
def test_instances_that_are_none_are_one_line(
    folder: Path, tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "sleep" in given:
        monkeypatch.setattr(foreign, "DEADLINE_S", 0.3)
    for file in folder.glob("*.*"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "evaluator.py").write_text(PLUGIN.replace('[Instance(f"{split}/{i}") for i in range(2)]', given))
    with pytest.raises(UsageError) as error:
        load_problem(str(tmp_path)).instances(Split.TRAIN)
    assert str(error.value).startswith(f"misbehaves: instances(Split.TRAIN) {INSTANCES[given]}")
    assert "\n" not in str(error.value)


def test_what_an_evaluator_prints_by_any_way_leaves_stdout_to_the_command(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for file in folder.glob("*.*"):
        (tmp_path / file.name).write_text(file.read_text())
    loud = "[print('said'), os.write(1, b'written\\n'), subprocess.run(['echo', 'echoed'])] and "
    given = '[Instance(f"{split}/{i}") for i in range(2)]'
    (tmp_path / "evaluator.py").write_text(PLUGIN.replace(given, loud + given))
    problem = load_problem(str(tmp_path))
    assert problem.instances(Split.TRAIN) is problem.instances(Split.TRAIN)
    out, err = capfd.readouterr()
    assert out == ""
    assert [err.count(word) for word in ("misbehaves: said", "written", "echoed")] == [1, 1, 1], "asked for once"


def test_a_person_is_told_once_of_each_fault_of_the_evaluator(folder: Path) -> None:
    told: list[str] = []

    async def go() -> None:
        async with Watched(LocalWorkers(str(folder), {}, 1), told.append) as pool:
            assert pool.notices == pool._pool.notices
            for deed in ("sys.exit(3)", "os._exit(3)", "sys.exit(3)", "Outcome(5.0)", "1 / 0"):
                results = [r async for r in pool.evaluate(doing(deed), Split.TRAIN, [0, 1], stop_at_failure=True)]
                assert results[0].instance_id == "train/0"

    asyncio.run(go())
    assert len(told) == 3
    at_fault = "evaluator.py is at fault, not the program: train/0: the verifier"
    assert told[0].startswith(f"{at_fault} failed on this answer (a bug of the problem): SystemExit: 3 (evaluator.py")
    assert told[1].startswith(f"{at_fault} ended its own process (a bug of the problem): it exited with code 3 (the")
    assert "ZeroDivisionError" in told[2]
