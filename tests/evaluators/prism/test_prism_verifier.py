"""The verifier: what it refuses, what it scores, what it says, and that no cheat of the public one works here."""

from __future__ import annotations

import asyncio
import functools
import re
import time
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess

import seeds
from evaluators import prism
from evaluators.prism import Prism
from evaluators.prism.evaluator import checked_gpus
from evaluators.prism.figures import figures_of
from evaluators.prism.pressure import Model, loaded
from evaluators.prism.workload import Case
from evolve.evaluator import CandidateFailure, Infeasible, Outcome, Split
from evolve.scoring import Status, put_together
from evolve.workers.evaluation import evaluate_instance, summary
from sandbox import Sandbox

FOLDER = Path(prism.__file__).parent
SOURCES = {p.stem: p.read_text() for p in sorted((FOLDER / "baselines").glob("*.py"))}
SEED = (Path(seeds.__file__).parent / "prism.py").read_text()
SPLITS = tuple(Split)
CASE = Case("data/0", 2, tuple(Model(*m) for m in [(20, 9, 5), (20, 1, 9), (20, 8, 5), (20, 2, 9)]))


@functools.cache
def outcomes(source, split):
    evaluator = Prism()
    return [evaluator.evaluate(InProcess(source), case) for case in evaluator.instances(split)]


def mean_score(source, split):
    return float(np.mean([o.score for o in outcomes(source, split) if o.score is not None]))


def answered(answer, case=CASE):
    return Prism().evaluate(InProcess(f"def place(n, m): return {answer}"), case)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(Prism.limits) as made:
        yield made


def in_sandbox(sandbox, program, case=CASE):
    with sandbox.start(program) as candidate:
        return Prism().evaluate(candidate, case)


# What it refuses


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0, 1, 1, 2], r"the GPU of model 3 is 2 \(int\), expected a whole number \(int\) in 0..1"),
        ([0, -1, 1, 0], "the GPU of model 1 is -1 "),
        ([0, 1, 1], "a list of 3 where 4 belong"),
        ([0, 1, 1, 0, 0], "a list of 5 where 4 belong"),
        ([0, 1, 1.0, 0], r"model 2 is 1.0 \(float\)"),
        ([0, True, 1, 0], r"model 1 is True \(bool\)"),
        ([0, "1", 1, 0], r"model 1 is '1' \(str\)"),
        ([0, None, 1, 0], "model 1 is None"),
        ([0, float("nan"), 1, 0], r"model 1 is nan \(float\)"),
        ([0, [1], 1, 0], "model 1 is "),
        ([0, 2**63, 1, 0], "model 1 is 9223372036854775808 "),
        ([0, 2**80, 1, 0], "model 1 is 1208925819614629174706176 "),
        ({0: [0, 1], 1: [2, 3]}, "dict"),
        (None, "NoneType"),
        (7, "int"),
        ("0110", "str"),
        ([], "a list of 0 where"),
        (np.array([0.0, 1, 1, 0]), "float64"),
        (np.array([False, True, True, False]), "bool"),
        (np.array([[0, 1], [1, 0]]), r"shape \(2, 2\)"),
        (np.array([0, 1, 1, 255], dtype=np.uint8), "model 3 is 255"),
        (np.array([0, 1, 1, 2**64 - 1], dtype=np.uint64), "model 3 is 18446744073709551615"),
    ],
)
def test_an_answer_that_is_no_placement_is_infeasible_and_named(answer, message):
    with pytest.raises(Infeasible, match=message):
        checked_gpus(answer, CASE)


def test_too_much_memory_is_infeasible_and_exactly_all_of_it_is_not():
    case = Case("data/0", 2, tuple(Model(*m) for m in [(50, 1, 5), (30, 1, 5), (30.25, 1, 5)]))
    with pytest.raises(Infeasible, match=r"GPU 1 holds 80.25 GB of models, capacity 80 GB \(models 0, 2; 1 of 2"):
        checked_gpus([1, 0, 1], case)
    assert max(gpu.pressure for gpu in checked_gpus([1, 1, 0], case)) == 1e6


def test_an_integer_array_is_as_good_as_a_list():
    assert checked_gpus(np.array([0, 1, 1, 0], dtype=np.uint8), CASE) == checked_gpus([0, 1, 1, 0], CASE)


# What it scores


def test_the_figures_are_ours_and_the_feedback_names_the_worst_gpu():
    outcome = answered([0, 1, 1, 0])
    assert outcome.metrics["pressure_rps_per_gb"] == 0.050555555555555555
    assert outcome.metrics["case_score"] == 94.79191551169758
    assert "GPU 0 has the highest pressure 0.050556" in outcome.feedback
    assert "models 0, 3 have rate/slo 2.022 on 40 GB free; most of it from model 0" in outcome.feedback
    assert "GPU 1 has the lowest, 0.042778" in outcome.feedback
    assert "model 0 for model 2 of GPU 1 would make it 0.047778." in outcome.feedback
    assert "no move and no swap of one of its models lowers it" in answered([0, 0, 1, 1]).feedback


def test_the_feedback_names_the_exchange_that_lowers_the_worst_gpu_most():
    """Against all moves and swaps, tried one by one on random placements."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        models = tuple(Model(float(rng.integers(2, 20)), float(rng.integers(1, 9)), 4.0) for _ in range(8))
        gpu_of = [*rng.permutation(4).tolist(), *rng.permutation(4).tolist()]
        case = Case("data/4", 4, models)
        gpus = loaded(models, gpu_of, 4)
        worst = max(range(4), key=lambda g: gpus[g].pressure)
        least = gpus[worst].pressure
        for i, j in product(range(8), range(8)):
            for moved in ([*gpu_of[:i], gpu_of[j], *gpu_of[i + 1 :]], swapped(gpu_of, i, j)):
                after = loaded(models, moved, 4)
                changed = {gpu_of[i], gpu_of[j]}
                if worst == gpu_of[i] and all(after[g].used_gb <= 80 for g in changed):
                    least = min(least, max(after[g].pressure for g in changed))
        said = answered(gpu_of, case).feedback
        if least < gpus[worst].pressure:
            assert f"would make it {least:.5g}." in said
        else:
            assert "no move and no swap" in said


def swapped(gpu_of, i, j):
    moved = list(gpu_of)
    moved[i], moved[j] = moved[j], moved[i]
    return moved


@pytest.mark.parametrize("split", SPLITS)
def test_seed_and_round_robin_score_zero_and_the_reference_program_a_hundred(split):
    assert mean_score(SEED, split) == pytest.approx(0, abs=1e-9)
    assert mean_score(SOURCES["round_robin"], split) == pytest.approx(0, abs=1e-9)
    assert mean_score(SOURCES["packing_search"], split) == pytest.approx(100, abs=1e-9)


@pytest.mark.parametrize("split", SPLITS)
def test_the_published_order_holds(split):
    """Round robin 0 < greedy 60.82 < best evolved 87.41; packing by memory alone was not published, and is worst."""
    order = ["best_fit_decreasing", "round_robin", "greedy_lowest_pressure", "packing_search"]
    scores = [mean_score(SOURCES[name], split) for name in order]
    assert scores == sorted(scores)
    assert scores[0] == -100


@pytest.mark.parametrize(
    ("name", "pressure", "adrs_score"),
    [("greedy_lowest_pressure", 0.0478660773665175, 60.81740098838651), ("round_robin", 0.06183800512015553, 0.0)],
)
def test_published_figures_of_the_public_set(name, pressure, adrs_score):
    figures = Prism().summarise(Split.PUBLIC, outcomes(SOURCES[name], Split.PUBLIC))
    assert figures["pressure_rps_per_gb"] == pytest.approx(pressure, rel=1e-12)
    assert figures["bound_rps_per_gb"] == pytest.approx(0.03520656361473633, rel=1e-12)
    assert figures["adrs_score"] == pytest.approx(adrs_score, rel=1e-12)


def test_the_reference_is_as_good_as_the_best_published_program():
    figures = Prism().summarise(Split.PUBLIC, outcomes(SOURCES["packing_search"], Split.PUBLIC))
    assert round(figures["adrs_score"], 2) >= 87.41


def test_adrs_score_belongs_to_the_public_split_alone():
    assert "adrs_score" not in Prism().summarise(Split.TRAIN, [Outcome(1.0, {"pressure_rps_per_gb": 1.0})])
    assert "case_score" not in outcomes(SEED, Split.TRAIN)[0].metrics


def test_a_case_that_tells_nothing_has_no_score_of_ours_but_a_published_one():
    same = Case("data/1", 2, (Model(10, 1, 5), Model(10, 1, 5)))
    assert answered([0, 1], same).score is None
    assert answered([0, 1], same).metrics["case_score"] == 100.0
    assert "highest pressure" in answered([1, 0], same).feedback


def test_a_case_on_which_round_robin_does_not_fit_is_scored_against_the_next_gpu_with_room():
    case = Case("data/2", 2, tuple(Model(*m) for m in [(50, 4, 5), (10, 1, 5), (50, 4, 5), (10, 1, 5)]))
    assert figures_of(case).naive == pytest.approx(1.2 / 10)
    assert answered([0, 1, 1, 0], case).metrics["case_score"] == 100.0


def test_a_full_gpu_is_explained():
    case = Case("data/3", 2, (Model(50, 1, 5), Model(30, 1, 5), Model(10, 9, 5)))
    assert "leave no memory at all" in answered([0, 0, 1], case).feedback


# What cheats the public verifier


def test_changing_the_models_changes_no_score(sandbox):
    honest = in_sandbox(sandbox, SOURCES["round_robin"])
    cheat = (
        SOURCES["round_robin"].replace("def place(", "def honest(") + "\n\ndef place(num_gpus, models):\n"
        "    answer = honest(num_gpus, models)\n"
        "    for i, m in enumerate(models):\n"
        "        try:\n"
        "            m.rate = 0\n"
        "        except Exception:\n"
        "            object.__setattr__\n"
        "        models[i] = type(m)(m.size_gb, 0, m.slo)\n"
        "    return answer\n"
    )
    assert in_sandbox(sandbox, cheat).metrics == honest.metrics
    assert CASE.models[0].rate == 9


def test_invented_gpus_are_infeasible(sandbox):
    for program in (
        "def place(n, models): return list(range(len(models)))",
        "def place(n, models): return {g: [m] for g, m in enumerate(models)}",
        "def place(n, models): return {'extra': models}",
        "def place(n, models): return [[m] for m in models]",
    ):
        with pytest.raises((Infeasible, CandidateFailure)):
            in_sandbox(sandbox, program)


def test_raising_on_hard_cases_drops_nothing_from_the_mean(sandbox):
    program = SOURCES["greedy_lowest_pressure"].replace("def place(", "def solve(") + (
        "\n\ndef place(num_gpus, models):\n"
        "    if num_gpus > 8:\n"
        "        raise ValueError('too hard')\n"
        "    return solve(num_gpus, models)\n"
    )
    evaluator = Prism()
    cases = evaluator.instances(Split.PUBLIC)
    results = [evaluate_instance(evaluator, sandbox, program, case) for case in cases]
    total = put_together(Split.PUBLIC, results, len(cases), summary(evaluator, Split.PUBLIC, results))
    assert (total.status, total.score, total.metrics) == (Status.ERROR, None, {})


def test_nothing_is_remembered_from_one_case_to_the_next(sandbox):
    program = "seen = []\ndef place(n, m):\n    seen.append(1)\n    return [len(seen) - 1] * len(m)\n"
    case = Case("data/0", 2, (Model(10, 1, 5), Model(10, 2, 5)))
    first, second = (in_sandbox(sandbox, program, case) for _ in range(2))
    assert first.metrics == second.metrics


def test_numpy_answers_pass_the_wire(sandbox):
    program = "import numpy as np\ndef place(n, m): return np.arange(len(m)) % n\n"
    assert in_sandbox(sandbox, program).metrics["pressure_rps_per_gb"] == 0.085


# What the model reads


def test_the_example_of_the_statement_runs_and_gives_its_answer(sandbox):
    statement = (FOLDER / "problem.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", statement, re.DOTALL)
    program = {}
    exec(code, program)
    case = Case("data/0", program["num_gpus"], tuple(Model(*m) for m in program["models"]))
    outcome = in_sandbox(sandbox, code, case)
    assert program["place"](case.num_gpus, case.models) == program["answer"]
    assert outcome.metrics["pressure_rps_per_gb"] == program["highest_pressure"]


def test_every_attribute_is_explained_and_the_ranges_are_true():
    statement = (FOLDER / "problem.md").read_text()
    for field in Model.__struct_fields__:
        assert f"`{field}`" in statement
    own = [c for split in (Split.TRAIN, Split.VALIDATION, Split.TEST) for c in Prism().instances(split)]
    assert all(4 <= c.num_gpus <= 60 and 6 <= len(c.models) <= 400 for c in own)
    used = [sum(m.size_gb for m in c.models) / 80 / c.num_gpus for c in own]
    assert min(used) > 0.35
    assert max(used) < 0.9


def test_every_baseline_cites_its_source_and_the_seed_marks_what_may_change():
    assert all("Source: " in source for source in SOURCES.values())
    assert SEED.index("# EVOLVE-BLOCK-START") < SEED.index("def place") < SEED.index("# EVOLVE-BLOCK-END")


def test_worker_processes_give_the_same_figures():
    from evolve.workers import LocalWorkers

    async def run():
        async with LocalWorkers(str(FOLDER), {}, 1) as pool:
            return [r async for r in pool.evaluate(SOURCES["greedy_lowest_pressure"], Split.TRAIN, range(3))]

    results = asyncio.run(run())
    own = outcomes(SOURCES["greedy_lowest_pressure"], Split.TRAIN)[:3]
    assert [r.score for r in results] == [o.score for o in own]


@pytest.mark.slow
def test_the_public_set_takes_a_third_of_a_second(sandbox):
    evaluator = Prism()
    cases = evaluator.instances(Split.PUBLIC)
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        for case in cases:
            evaluate_instance(evaluator, sandbox, SOURCES["greedy_lowest_pressure"], case)
        spent.append(time.perf_counter() - began)
    assert min(spent) <= 0.3
