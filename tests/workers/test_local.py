"""Claims about the worker processes: order, spread, isolation from a dying worker and from a cancelled job."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest
from waiting import wait_until

import evolve
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.scoring import InstanceResult, SplitScore, Status
from evolve.workers import Fresh, LocalWorkers, OutOfTime, crew, evaluate_spread, relay, split_score
from evolve.workers.messages import Ready, Setup

TRIVIAL = str(Path(__file__).parent.parent / "plugins" / "trivial")
PLUGIN = """
from evolve.evaluator import Candidate, Evaluator, Infeasible, Instance, Limits, Outcome, Split
import os, signal, subprocess, time

class Numbers(Evaluator):
    name, summary, defines = "numbers", "numbers for tests", ("answer",)
    limits = Limits(call_s=5.0, cpu_s=5.0)

    def instances(self, split):
        return [Instance(f"{split}/{i}") for i in range(6)]

    def evaluate(self, candidate, instance):
        x = candidate.call("answer", int(instance.id.partition("/")[2]))
        if x == "kill the worker":
            os.kill(os.getpid(), signal.SIGKILL)
        if x == "break the verifier":
            raise KeyError(x)
        if x == "loop for ever":
            time.sleep(1000)
        if x == "start a child":
            child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
            print("child", child.pid, flush=True)
            time.sleep(1000)
        if x < 0:
            raise Infeasible(f"{x} is below 0")
        return Outcome(float(x), {"x": x})

    def summarise(self, split, outcomes):
        if outcomes[0].score == 77:
            raise KeyError("no such figure")
        return {**super().summarise(split, outcomes), "summarised_by": os.getpid()}
"""
SLOW_AT_2 = "import time\ndef answer(i):\n    time.sleep(i == 2)\n    return i"


@pytest.fixture
def numbers(tmp_path: Path) -> str:
    (tmp_path / "evaluator.py").write_text(PLUGIN)
    (tmp_path / "seed.py").write_text("def answer(i):\n    return i\n")
    (tmp_path / "problem.md").write_text("Numbers.")
    return str(tmp_path)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def verifier_of(pool: LocalWorkers) -> int:
    """The process of the only worker: its guard's child."""
    guard = pool._workers[0]._guard.pid
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (entry / "stat").read_text().rpartition(")")[2].split()[1] == str(guard):
            return int(entry.name)
    raise AssertionError("no worker")


def evaluate(ref: str, source: str, workers: int = 1, **how: object) -> list[InstanceResult]:
    async def go() -> list[InstanceResult]:
        async with LocalWorkers(ref, {}, workers) as pool:
            if "count" in how:
                return await evaluate_spread(pool, source, Split.TRAIN, 6)
            return [r async for r in pool.evaluate(source, Split.TRAIN, range(6), **how)]  # type: ignore[arg-type]

    return asyncio.run(go())


def test_results_come_in_the_order_of_the_instances_on_one_worker_and_spread_over_two(numbers: str) -> None:
    expected = [(f"train/{i}", float(i)) for i in range(6)]
    for results in (
        evaluate(numbers, "def answer(i): return i"),
        evaluate(numbers, "def answer(i): return i", 2, count=6),
    ):
        assert [(r.instance_id, r.score) for r in results] == expected
        assert all(r.cpu_s > r.import_cpu_s > 0 and r.peak_rss_bytes > 10**7 and r.wall_s > 0 for r in results)


def test_it_stops_at_the_first_failure_when_asked_to(numbers: str) -> None:
    source = "def answer(i): return i if i < 2 else -1"
    assert [r.status for r in evaluate(numbers, source, stop_at_failure=True)] == ["ok", "ok", "infeasible"]
    whole = evaluate(numbers, source)
    assert len(whole) == 6
    assert whole[-1].feedback == "-1 is below 0"


def test_every_failure_is_a_result_with_its_kind(numbers: str) -> None:
    source = """
import os, time
def answer(i):
    if i == 0: return 1 / 0
    if i == 1: os._exit(4)
    if i == 2: return [0] * 10**9
    if i == 3: return "break the verifier"
    if i == 4: return {1j}
    return 5
"""
    results = evaluate(numbers, source)
    assert [r.failure for r in results] == ["exception", "crashed", "out_of_memory", "verifier", "bad_answer", ""]
    assert [r.score for r in results] == [None] * 5 + [5.0]


@pytest.mark.slow
def test_a_program_of_which_two_workers_die_is_the_culprit_on_the_very_instance_and_the_next_is_scored(
    numbers: str,
) -> None:
    bad = evaluate(numbers, "def answer(i): return 'kill the worker' if i == 3 else i")
    assert [r.instance_id for r in bad] == [f"train/{i}" for i in range(6)]
    assert [r.status for r in bad] == ["ok", "ok", "ok", "error", "ok", "ok"]
    assert bad[3].failure == "lost" and "killed by SIGKILL" in bad[3].feedback
    bad = evaluate(numbers, "def answer(i): return 'kill the worker' if i == 3 else i", stop_at_failure=True)
    assert [r.instance_id for r in bad] == [f"train/{i}" for i in range(4)]


def test_a_worker_that_is_lost_once_is_not_the_programs_fault(numbers: str) -> None:
    """Killed from outside in the middle of instance 2: the evaluation goes on there, with all results."""

    async def go() -> list[InstanceResult]:
        results: list[InstanceResult] = []
        async with (
            LocalWorkers(numbers, {}, 1) as pool,
            aclosing(pool.evaluate(SLOW_AT_2, Split.TRAIN, range(6))) as stream,
        ):
            async for result in stream:
                results.append(result)
                if len(results) == 2:
                    os.kill(verifier_of(pool), signal.SIGKILL)
        return results

    results = asyncio.run(go())
    assert [(r.instance_id, r.score) for r in results] == [(f"train/{i}", float(i)) for i in range(6)]


def test_each_result_is_there_before_the_next_instance_is_done(numbers: str) -> None:
    async def go() -> float | None:
        async with LocalWorkers(numbers, {}, 1) as pool:
            stream = pool.evaluate("def answer(i): return 'loop for ever' if i else 7", Split.TRAIN, [0, 1])
            async with aclosing(stream), asyncio.timeout(60):
                return (await anext(stream)).score

    assert asyncio.run(go()) == 7.0


@pytest.mark.parametrize("verifier", ["stuck", "waits for its turn"])
def test_an_evaluation_does_not_outlive_its_deadline(numbers: str, verifier: str) -> None:
    async def go() -> list[InstanceResult]:
        async with LocalWorkers(numbers, {}, 1) as pool:
            stuck = asyncio.create_task(anext(pool.evaluate("def answer(i): return 'loop for ever'", Split.TRAIN, [0])))
            if verifier == "stuck":
                stuck.cancel()
            await asyncio.sleep(0)
            answer = "'loop for ever'" if verifier == "stuck" else "1"
            with pytest.raises(OutOfTime):
                await anext(pool.evaluate(f"def answer(i): return {answer}", Split.TRAIN, [0], deadline_s=0.5))
            stuck.cancel()
            return [r async for r in pool.evaluate("def answer(i): return 7", Split.TRAIN, [0])]

    assert asyncio.run(go())[0].score == 7.0


def test_the_split_is_summed_up_in_a_worker_and_a_fault_of_the_verifier_there_is_named(numbers: str) -> None:
    async def go() -> list[SplitScore]:
        async with LocalWorkers(numbers, {}, 1) as pool:
            scores = []
            for source in ("def answer(i): return i", "def answer(i): return 77"):
                results = await evaluate_spread(pool, source, Split.TRAIN, 6)
                scores.append(await split_score(pool, Split.TRAIN, results, 6))
            return scores

    good, bad = asyncio.run(go())
    assert (good.status, good.score, good.metrics["x"]) == (Status.OK, 2.5, 2.5)
    assert good.metrics["summarised_by"] != os.getpid()
    assert (bad.status, bad.score, bad.metrics) == (Status.ERROR, None, {})
    said = "the verifier failed in summarise (a bug of the problem): KeyError: 'no such figure' (evaluator.py, line "
    assert bad.feedback.startswith(said)


def test_all_that_a_verifier_started_ends_with_the_pool_even_when_its_process_is_killed(numbers: str) -> None:
    program = f"""
import asyncio
from evolve.evaluator import Split
from evolve.workers import LocalWorkers
async def go():
    async with LocalWorkers({numbers!r}, {{}}, 1) as pool:
        await anext(pool.evaluate("def answer(i): return 'start a child'", Split.TRAIN, [0]))
asyncio.run(go())
"""
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) as driver:
        assert driver.stderr is not None
        child = int(driver.stderr.readline().removeprefix("numbers: child "))
        os.kill(child, 0)
        driver.kill()
    wait_until(lambda: not is_alive(child), 30.0, 0.01)


def test_a_cancelled_jobs_answer_is_not_taken_for_the_next_ones(numbers: str) -> None:
    async def go() -> list[InstanceResult]:
        async with LocalWorkers(numbers, {}, 1) as pool:
            slow = pool.evaluate("import time\ndef answer(i):\n    time.sleep(1)\n    return 1", Split.TRAIN, [0])
            first = asyncio.create_task(anext(slow))
            await asyncio.sleep(0.2)
            first.cancel()
            return [r async for r in pool.evaluate("def answer(i): return 2", Split.TRAIN, [0])]

    assert asyncio.run(go())[0].score == 2.0


def test_a_problem_that_does_not_load_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"evaluator\.py"):
        evaluate(str(tmp_path), "def answer(): return 1")


KILLED_AS_IT_LOADS = """
with open(__file__ + ".loads", "a") as loads:
    loads.write("1")
if len(open(__file__ + ".loads").read()) <= {kills}:
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "BOOT_PAUSES_S", (0.0, 0.0, 0.0))


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("kills", [1, 2, 3])
def test_a_worker_that_is_killed_while_it_loads_the_problem_is_started_again(numbers: str, kills: int) -> None:
    evaluator = Path(numbers) / "evaluator.py"
    evaluator.write_text(evaluator.read_text() + KILLED_AS_IT_LOADS.format(kills=kills))
    if kills < 3:
        assert [result.score for result in evaluate(numbers, "def answer(i): return i")] == [0, 1, 2, 3, 4, 5]
    else:
        with pytest.raises(UsageError, match="killed by SIGKILL before it could take a job, 3 times"):
            evaluate(numbers, "def answer(i): return i")
    loads = Path(f"{evaluator}.loads").read_text()
    assert len(loads) == min(kills + 1, 3)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("kills, error", [(2, ""), (3, "killed by SIGKILL while it loaded the problem")])
def test_on_another_machine_it_is_started_again_there(numbers: str, kills: int, error: str) -> None:
    async def go() -> Ready:
        far = relay.Relay(Setup(numbers, {}, None, None), evolve.__version__)
        try:
            return await far.greet()
        finally:
            await far.end()

    evaluator = Path(numbers) / "evaluator.py"
    evaluator.write_text(evaluator.read_text() + KILLED_AS_IT_LOADS.format(kills=kills))
    found = asyncio.run(go()).error
    assert error in found and bool(found) == bool(error)


def test_a_split_that_the_problem_does_not_have_is_one_line() -> None:
    async def go() -> None:
        async with LocalWorkers("eplb", {}, 1) as pool:
            await anext(pool.evaluate("def rebalance(*a): return 1", Split.PUBLIC, [0]))

    with pytest.raises(UsageError, match="--data"):
        asyncio.run(go())


def test_what_a_candidate_says_cannot_steer_a_terminal(numbers: str) -> None:
    source = "print('\\x1b[2Jgone\\tstays')\ndef answer(i): raise ValueError('\\x1b]0;title\\x07')"
    result = evaluate(numbers, source, stop_at_failure=True)[0]
    assert result.output == "\\x1b[2Jgone\tstays\n"
    assert "\\x1b]0;title\\x07" in result.feedback
    assert "\x1b" not in result.feedback + result.output


def test_a_score_below_the_floor_is_the_floor(numbers: str) -> None:
    (Path(numbers) / "evaluator.py").write_text(PLUGIN.replace("Outcome(float(x)", "Outcome(-1e9"))
    assert evaluate(numbers, "def answer(i): return 1", stop_at_failure=True)[0].score == -100.0


def test_workers_draw_the_fresh_instances_that_the_caller_draws() -> None:
    async def go() -> list[InstanceResult]:
        async with LocalWorkers(TRIVIAL, {}, 2) as pool:
            source = "def answer(): return 42"
            return await evaluate_spread(pool, source, Split.TEST, 3, fresh=Fresh(seed=5, count=3))

    results = asyncio.run(go())
    assert [(r.instance_id, r.score) for r in results] == [(f"test/fresh-5-{i}", 100.0) for i in range(3)]


def test_a_problem_that_draws_none_says_so_in_one_line(numbers: str) -> None:
    with pytest.raises(UsageError, match="numbers draws no fresh instances"):
        evaluate(numbers, "def answer(i): return i", fresh=Fresh(seed=5, count=3))
