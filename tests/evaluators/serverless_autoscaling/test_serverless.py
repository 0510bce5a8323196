"""serverless_autoscaling: costs and the optimum by hand and by brute force, the Azure day, the draws, the verifier."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from in_process import InProcess

import seeds
from evaluators import serverless_autoscaling
from evaluators.serverless_autoscaling import ServerlessAutoscaling
from evaluators.serverless_autoscaling.evaluator import played
from evaluators.serverless_autoscaling.figures import compute, figures_of, stored
from evaluators.serverless_autoscaling.functions import Calls, Day, bill, digest, kept_warm, optimum_without_prewarming
from evaluators.serverless_autoscaling.public_format import read_days
from evaluators.serverless_autoscaling.workload import RECIPES, azure, drawn_day, own_day, shown
from evolve.evaluator import Infeasible, Split, UsageError
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

FOLDER = Path(serverless_autoscaling.__file__).parent
SEED = (Path(seeds.__file__).parent / "serverless_autoscaling.py").read_text()
SOURCES = {p.stem: p.read_text() for p in sorted((FOLDER / "baselines").glob("*.py"))}
OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def day_of(calls, mem_mb=(500,), cold_ms=(1000,), duration_ms=None):
    calls = np.array(calls).reshape(len(calls), -1)
    functions = calls.shape[1]
    return Calls(
        calls,
        np.array(duration_ms or [60_000] * functions),
        np.array(list(mem_mb) * functions)[:functions],
        np.array(list(cold_ms) * functions)[:functions],
    )


def random_day(rng, minutes=9, functions=1):
    """Needs of 0 to 2: two calls of half a minute each need ceil(1 + 2) instances, but there are only two calls."""
    calls = rng.integers(0, 3, (minutes, functions)) * (rng.random((minutes, functions)) < 0.5)
    mem, cold = rng.integers(100, 3000, functions), rng.integers(50, 8000, functions)
    return Calls(calls, np.full(functions, 30_000), mem, cold)


def slow_cost(day, warm):
    """In GB-minutes, an instance at a time."""
    cost = 0.0
    for t in range(len(day.calls)):
        for k in range(day.calls.shape[1]):
            for instance in range(65):
                needed, there = instance < day.need[t, k], instance < warm[t, k]
                if there and not needed:
                    cost += day.mem_mb[k] / 1000
                if needed and not there:
                    cost += 2.5 * min(5.0, max(0.3, day.cold_start_ms[k] / 1000))
    return cost


# Mechanics


def test_needs_follow_from_calls_and_durations():
    day = day_of([[0], [1], [10], [60], [6000]], duration_ms=[6000])
    # rho = calls / 10: .1 + .63 -> 1; 1 + 2 = 3; 6 + 4.9 -> 11; 600 + 49 -> 64.
    assert day.need[:, 0].tolist() == [0, 1, 3, 11, 64]
    assert day_of([[2]], duration_ms=[600_000]).need.tolist() == [[2]], "no more than there are calls"


def test_a_small_day_by_hand():
    day = day_of([1, 0, 0, 1, 0], mem_mb=[400], cold_ms=[2000])
    assert bill(day, kept_warm(day, 10)).total == 2 * 400 * 3 + 5 * 2000
    assert bill(day, kept_warm(day, 1)).total == 2 * 400 * 2 + 2 * 5 * 2000
    assert bill(day, np.zeros((5, 1), dtype=int)).total == 2 * 5 * 2000
    assert optimum_without_prewarming(day).tolist() == [2 * 400 * 2 + 5 * 2000], "two idle minutes, nothing at the end"
    assert day.info().cold_price_gb_min.tolist() == [5.0] and day.info().mem_gb.tolist() == [0.4]
    for ms, price in ((10, 0.75), (300, 0.75), (9000, 12.5)):
        assert day_of([1], cold_ms=[ms]).info().cold_price_gb_min.tolist() == [price]


def test_costs_are_those_of_every_instance_and_minute_on_200_random_days():
    rng = np.random.default_rng(1)
    for _ in range(200):
        day = random_day(rng, functions=2)
        warm = rng.integers(0, 4, day.need.shape)
        assert bill(day, warm).total / 2000 == pytest.approx(slow_cost(day, warm), rel=1e-12)
        kept = int(rng.integers(0, 5))
        by_hand = [
            [max([0, *day.need[max(0, t - kept) : t, k]]) if kept else 0 for k in range(2)]
            for t in range(len(day.need))
        ]
        assert kept_warm(day, kept).tolist() == by_hand


def test_the_optimum_is_the_least_of_all_ways_to_keep_what_is_there_on_200_random_days():
    """Brute force over every number of instances kept after every minute; more than are there cannot be kept."""
    rng = np.random.default_rng(2)
    for _ in range(200):
        day = random_day(rng)
        idle, price = 2 * int(day.mem_mb[0]), int(day.price[0])
        costs = {0: 0}  # by warm instances
        for need in day.need[:, 0].tolist():
            following: dict[int, int] = {}
            for warm, cost in costs.items():
                paid = cost + idle * max(0, warm - need) + price * max(0, need - warm)
                for kept in range(max(warm, need) + 1):
                    following[kept] = min(following.get(kept, paid), paid)
            costs = following
        assert optimum_without_prewarming(day).tolist() == [min(costs.values())]


def test_no_rule_that_only_keeps_beats_the_optimum_and_one_that_pre_warms_can():
    day = own_day(Split.TRAIN, 0, 0).functions
    least = optimum_without_prewarming(day)
    for kept in (0, 1, 5, 20):
        assert (bill(day, kept_warm(day, kept)).cost >= least).all()
    assert bill(day, day.need).total == 0 < least.sum()


# The Azure day


@pytest.fixture(scope="module")
def measured():
    """The 904 functions with 10 calls a minute or fewer on average, one instance each, cold starts of a second."""
    whole = azure(0, 1000)
    few = whole.calls.sum(axis=0) <= 10 * 1440
    calls = (whole.calls[:, few] > 0).astype(np.int64)
    count = calls.shape[1]
    memory, _ = shown(np.random.default_rng(3), 1000)
    return Calls(calls, np.ones(count, dtype=np.int64), memory[:count], np.full(count, 1000))


def cost_of(day, kept):
    return bill(day, kept_warm(day, kept)).total / 2000


def test_the_fixed_keep_alive_curve_of_the_azure_day_has_its_best_at_ten_minutes(measured):
    assert measured.calls.shape == (1440, 904)
    found = {kept: cost_of(measured, kept) / 1000 for kept in (0, 1, 5, 10, 20, 60)}
    for kept, expected in {0: 361, 1: 167, 5: 68.5, 10: 60.2, 20: 62.1, 60: 76.0}.items():
        assert found[kept] == pytest.approx(expected, rel=0.1), kept
    assert min(found, key=found.get) == 10


def test_optimum_ski_rental_and_the_best_fixed_times_are_as_measured(measured):
    optimum = optimum_without_prewarming(measured).sum() / 2000
    assert optimum == pytest.approx(44_000, rel=0.1)
    assert cost_of(measured, 0) > cost_of(measured, 10) > optimum
    programs = {name: InProcess(SOURCES[name]) for name in ("ski_rental", "keep_alive")}
    paid = {name: bill(measured, played(program, measured)).total / 2000 for name, program in programs.items()}
    assert paid["ski_rental"] == pytest.approx(58_700, rel=0.1)
    assert paid["keep_alive"] == cost_of(measured, 10)
    best = np.min(
        [bill(measured, kept_warm(measured, kept)).cost for kept in (0, 1, 2, 4, 7, 10, 15, 20, 30, 60)], axis=0
    )
    assert best.sum() / 2000 == pytest.approx(49_400, rel=0.12)
    perfect = measured.need.copy()  # pays for nothing but the first start of each function
    perfect[perfect.argmax(axis=0), np.arange(904)] = 0
    assert bill(measured, perfect).total / 2000 == pytest.approx(2300, rel=0.03)


# Draws


def test_our_functions_are_like_those_of_the_azure_day():
    days = [own_day(Split.TRAIN, k, 0).functions for k in range(4)]
    total = np.concatenate([day.calls.sum(axis=0) for day in days])
    # The fitted lognormal has .29 and .76 here; of the Azure day itself it is .37 and .73.
    assert np.mean(total <= 24) == pytest.approx(0.29, abs=0.09)
    assert np.mean(total <= 1440) == pytest.approx(0.76, abs=0.09)
    regular = []
    for day in days:
        for column in day.calls.T:
            gaps = np.diff(np.flatnonzero(column))
            if len(gaps) >= 9:
                regular.append(np.bincount(gaps).max() > 0.8 * len(gaps))
    assert 0.2 < np.mean(regular) < 0.5, "35 % of those with ten or more active minutes are periodic"
    memory = np.concatenate([day.mem_mb for day in days])
    cold = np.concatenate([day.cold_start_ms for day in days])
    assert np.median(memory) == pytest.approx(140, rel=0.1) and np.median(cold) == pytest.approx(1000, rel=0.2)
    assert np.corrcoef(np.log(memory), np.log(cold))[0, 1] > 0.25


def test_what_is_shown_of_functions_tells_nothing_of_their_calls_and_days_end_when_nobody_knows():
    one, other = (drawn_day(Split.TRAIN, name, 0, 0).functions for name in ("train/0", "train/fresh-1-0"))
    assert one.calls.shape[0] != other.calls.shape[0] and not np.array_equal(one.mem_mb, other.mem_mb)
    lengths = {len(day.functions.calls) for split in OWN for day in ServerlessAutoscaling().instances(split)}
    assert len(lengths) > 10 and 1380 <= min(lengths) <= max(lengths) <= 1440


def test_every_day_is_the_one_its_figures_were_computed_from():
    for split in OWN:
        days = ServerlessAutoscaling().instances(split)
        assert len(days) == len(RECIPES[split])
        for day in days[::4]:
            assert digest(day) == stored().digests[day.id] and compute(day) == figures_of(day)


# The verifier

TINY = Day("data/0", lambda: day_of([[2, 1], [0, 0], [1, 1]], (500, 4000), (1000, 300)), generated=False)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("None", "NoneType"),
        ("[1]", "a list of 1 where 2 belong"),
        ("[1, 65]", "instances of function 1 is 65, expected 0..64"),
        ("[-1, 0]", "instances of function 0 is -1"),
        ("[1, True]", "bool"),
        ("[1, 1.0]", "float"),
        ("[float('nan'), 1]", "float"),
        ("__import__('numpy').zeros(2)", "float64"),
        ("[1, 2**70]", "beyond 64 bits"),
    ],
)
def test_an_answer_that_is_none_is_infeasible_and_named(answer, message):
    program = f"class Policy:\n    def __init__(self, info): pass\n    def target(self, obs): return {answer}"
    with pytest.raises(Infeasible, match=message):
        ServerlessAutoscaling().evaluate(InProcess(program), TINY)


def test_what_a_policy_sees_minute_by_minute():
    program = """
class Policy:
    seen = []
    def __init__(self, info): self.seen.clear()
    def target(self, obs):
        self.seen.append([obs.minute, *(x.tolist() for x in (obs.peak, obs.cold, obs.warm, obs.idle_min))])
        return [1, obs.minute]
def seen(): return Policy.seen
"""
    run = InProcess(program)
    warm = played(run, TINY.functions)
    assert warm.tolist() == [[0, 0], [1, 0], [1, 1]]
    assert run.call("seen") == [
        [0, [2, 1], [2, 1], [0, 0], [0, 0]],
        [1, [0, 0], [0, 0], [1, 0], [1, 1]],
    ]


def test_the_example_of_the_statement_runs_and_gives_what_it_shows():
    (block,) = re.findall(r"```python\n(.*?)```", (FOLDER / "problem.md").read_text(), re.DOTALL)
    scope: dict = {}
    exec(block, scope)
    day = day_of(
        scope["peaks"], [int(1000 * g) for g in scope["mem_gb"]], [int(1000 * s) for s in scope["cold_start_s"]]
    )
    assert day.need.tolist() == scope["peaks"]
    policy = scope["Policy"](SimpleNamespace(**{n: getattr(day.info(), n) for n in ("mem_gb", "cold_price_gb_min")}))
    warm = [[0, 0], *(policy.target(SimpleNamespace(peak=np.array(peak))) for peak in scope["peaks"][:-1])]
    assert warm == scope["warm"]
    assert bill(day, np.array(warm)).total / 2000 == scope["cost_gb_min"]


def test_the_seed_scores_nothing_and_says_what_it_loses_in_500_characters():
    evaluator = ServerlessAutoscaling()
    outcome = evaluator.evaluate(InProcess(SEED), evaluator.instances(Split.TRAIN)[1])
    assert outcome.score == 0.0
    assert "reference, the optimum without pre-warming" in outcome.feedback and len(outcome.feedback) <= 500
    assert re.search(r"most is lost on function \d+: [\d.]+ over its optimum, \d+ idle min of", outcome.feedback)
    better = evaluator.evaluate(InProcess(SOURCES["period_prewarm"]), evaluator.instances(Split.TRAIN)[1])
    assert better.score > 50


def test_every_baseline_runs_within_its_limits_in_the_sandbox():
    day = ServerlessAutoscaling().instances(Split.TRAIN)[0]
    short = Day("data/short", lambda: Calls(day.functions.calls[:100], *columns(day.functions)), generated=False)
    with Sandbox(ServerlessAutoscaling.limits) as sandbox:
        for name, source in SOURCES.items():
            result = evaluate_instance(ServerlessAutoscaling(), sandbox, source, short)
            assert result.status is Status.OK, (name, result.feedback)


def columns(day):
    return day.duration_ms, day.mem_mb, day.cold_start_ms


# Files


def test_a_published_file_is_read_and_functions_without_facts_get_the_same_ones_every_time(tmp_path):
    file = tmp_path / "invocations_per_function_md.anon.d01.csv"
    minutes = ",".join(map(str, range(1, 6)))
    file.write_text(
        f"HashOwner,HashApp,HashFunction,Trigger,{minutes}\na,b,f1,http,0,3,0,0,1\na,b,f2,timer,1,1,1,1,1\n"
    )
    (one,), (again,) = read_days(file), read_days(tmp_path)
    assert one.functions.calls.T.tolist() == [[0, 3, 0, 0, 1], [1, 1, 1, 1, 1]]
    assert digest(one) == digest(again) and one.functions.duration_ms.tolist() == [700, 700]


def test_a_file_that_is_wrong_is_named_with_line_and_column(tmp_path):
    file = tmp_path / "one.csv"
    for text, message in [
        ("", "line 1: no column 'HashFunction'"),
        ("HashFunction,2\n", "line 1: no column '1'"),
        ("HashFunction,1,2\n", "has no functions"),
        ("HashFunction,1,2\nf,1\n", "line 2: has 2 values, the heading has 3"),
        ("HashFunction,1,2\nf,1,x\n", "line 2: column 2 is 'x'"),
        ("HashFunction,1,2\nf,1,-1\n", "line 2: column 2 is '-1'"),
        ("HashFunction,MemoryMb,1\nf,0,3\n", "line 2: column MemoryMb is '0'; expected a whole number from 1"),
    ]:
        file.write_text(text)
        with pytest.raises(UsageError, match=r"serverless_autoscaling: .*one\.csv") as error:
            read_days(file)
        assert message in str(error.value)
    with pytest.raises(UsageError, match="does not exist"):
        read_days(tmp_path / "none")
    assert list(itertools.islice(tmp_path.glob("*.csv"), 2)) == [file]
