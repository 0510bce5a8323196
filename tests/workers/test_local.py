"""Claims about the worker processes: order, spread, isolation from a dying worker and from a cancelled job."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.scoring import InstanceResult, Status
from evolve.workers import Fresh, LocalWorkers

TRIVIAL = str(Path(__file__).parent.parent / "plugins" / "trivial")
PLUGIN = """
from evolve.evaluator import Candidate, Evaluator, Infeasible, Instance, Limits, Outcome, Split
import os, signal

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
        if x < 0:
            raise Infeasible(f"{x} is below 0")
        return Outcome(float(x), {"x": x})
"""


@pytest.fixture
def numbers(tmp_path: Path) -> str:
    (tmp_path / "evaluator.py").write_text(PLUGIN)
    (tmp_path / "seed.py").write_text("def answer(i):\n    return i\n")
    (tmp_path / "problem.md").write_text("Numbers.")
    return str(tmp_path)


def evaluate(ref: str, source: str, workers: int = 1, **how: object) -> list[InstanceResult]:
    async def go() -> list[InstanceResult]:
        async with LocalWorkers(ref, {}, workers) as pool:
            if "count" in how:
                return await pool.evaluate_spread(source, Split.TRAIN, 6)
            return await pool.evaluate(source, Split.TRAIN, range(6), **how)  # type: ignore[arg-type]

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


def test_a_worker_that_dies_is_replaced_and_the_next_program_is_scored(numbers: str) -> None:
    async def go() -> tuple[list[InstanceResult], list[InstanceResult]]:
        async with LocalWorkers(numbers, {}, 1) as pool:
            bad = await pool.evaluate("def answer(i): return 'kill the worker'", Split.TRAIN, [0])
            return bad, await pool.evaluate("def answer(i): return 7", Split.TRAIN, [0])

    bad, good = asyncio.run(go())
    assert (bad[0].status, bad[0].failure) == (Status.ERROR, "lost")
    assert good[0].score == 7.0


def test_a_cancelled_jobs_answer_is_not_taken_for_the_next_ones(numbers: str) -> None:
    async def go() -> list[InstanceResult]:
        async with LocalWorkers(numbers, {}, 1) as pool:
            slow = asyncio.create_task(
                pool.evaluate("import time\ndef answer(i):\n    time.sleep(1)\n    return 1", Split.TRAIN, [0])
            )
            await asyncio.sleep(0.2)
            slow.cancel()
            return await pool.evaluate("def answer(i): return 2", Split.TRAIN, [0])

    assert asyncio.run(go())[0].score == 2.0


def test_a_problem_that_does_not_load_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"evaluator\.py"):
        evaluate(str(tmp_path), "def answer(): return 1")


def test_a_split_that_the_problem_does_not_have_is_one_line() -> None:
    async def go() -> None:
        async with LocalWorkers("eplb", {}, 1) as pool:
            await pool.evaluate("def rebalance(*a): return 1", Split.PUBLIC, [0])

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
            return await pool.evaluate_spread("def answer(): return 42", Split.TEST, 3, Fresh(seed=5, count=3))

    results = asyncio.run(go())
    assert [(r.instance_id, r.score) for r in results] == [(f"test/fresh-5-{i}", 100.0) for i in range(3)]


def test_a_problem_that_draws_none_says_so_in_one_line(numbers: str) -> None:
    with pytest.raises(UsageError, match="numbers draws no fresh instances"):
        evaluate(numbers, "def answer(i): return i", fresh=Fresh(seed=5, count=3))
