"""The verifier: scores, figures, what the statement says, and that no cheat works, in a real sandbox."""

from __future__ import annotations

import functools
import math
import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from routing_worlds import BASELINES, FOLDER, Asked, InThisProcess, busy_case, case_of, in_turn, requests_of, served

import seeds
from evaluators.llm_routing import LlmRouting
from evaluators.llm_routing.cluster import Case
from evaluators.llm_routing.figures import Figures, compute, digest, figures_of, stored
from evaluators.llm_routing.observation import ClusterInfo, Finished, Observation, Request
from evaluators.llm_routing.service import bound_times_slo, mean_times_slo, metrics_of, stretch_of, times_slo
from evolve.evaluator import Outcome, Split
from evolve.scoring import InstanceResult, Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

EVALUATOR = LlmRouting()
STATEMENT = (FOLDER / "problem.md").read_text(encoding="utf-8")
SEED = (Path(str(seeds.__file__)).parent / "llm_routing.py").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(EVALUATOR.limits) as made:
        yield made


def scored(sandbox: Sandbox, source: str, case: Case) -> InstanceResult:
    return evaluate_instance(EVALUATOR, sandbox, source, case)


def policy(route: str, start: str = "pass", before: str = "", more: str = "") -> str:
    body = "\n".join("        " + line for line in route.strip("\n").splitlines())
    return (
        f"{before}\nclass Policy:\n    def __init__(self, cluster):\n        {start}\n"
        f"    def route(self, obs):\n{body}\n{more}"
    )


@functools.cache
def small() -> Case:
    return busy_case(60)


# What is scored


def test_times_the_slo_by_hand() -> None:
    assert stretch_of(3.0, 1.5, 0.05) == (2.0 + 0.5) / 2
    assert stretch_of(1000.0, 1.5, 0.3) == pytest.approx((20.0 + 3.0) / 2)
    assert stretch_of(0.3, 1.5, 99.0) == pytest.approx((0.2 + 20.0) / 2)


def test_the_figures_agree_with_a_plain_count_on_two_hundred_random_cases() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        rows = []
        for i in range(rng.randint(3, 15)):
            prompt = rng.randint(1, 20_000)
            blocks = (0, *range(rng.randrange(3), 60 * i + 60))[: -(-prompt // 512)]
            rows.append(
                (
                    i * rng.choice((0.1, 2.0)) if not rows else rows[-1][0] + rng.random() * 4,
                    prompt,
                    rng.randint(1, 90),
                    blocks,
                )
            )
        case = case_of(requests_of(*rows), rng.randint(1, 3))
        case = Case(case.id, case.cluster, case.source, unscored_s=rng.choice((0.0, rows[-1][0] / 2)))
        service = served(case, Asked(lambda obs, rng=rng: rng.randrange(len(obs.match_blocks))))
        total, ttft, tpot, count, good = 0.0, [], [], 0, 0
        for job, slo_s in zip(service.jobs, service.ttft_slo_s, strict=True):
            if job.arrival_ns < case.unscored_s * 1e9:
                continue
            first_s = (job.first_token_ns - job.arrival_ns) / 1e9
            later_s = 0.0
            if job.output_tokens > 1:
                later_s = (job.finish_ns - job.first_token_ns) / 1e9 / (job.output_tokens - 1)
            total += min(20, first_s / slo_s) / 2 + min(20, later_s / 0.1) / 2
            ttft.append(first_s)
            tpot.append(later_s)
            good += first_s <= 30 and later_s <= 0.2
            count += 1
        metrics = metrics_of(case, service)
        assert metrics["times_slo"] == pytest.approx(total / count)
        assert metrics["ttft_mean_s"] == pytest.approx(sum(ttft) / count)
        assert metrics["ttft_p50_s"] == pytest.approx(float(np.median(ttft)))
        assert metrics["tpot_p99_s"] == pytest.approx(float(np.quantile(tpot, 0.99)))
        assert metrics["goodput"] == pytest.approx(good / count)
        assert bound_times_slo(case) <= metrics["times_slo"]


def test_the_bound_is_reached_by_a_request_that_is_alone() -> None:
    case = case_of(requests_of((1.0, 1000, 30, (0, 1)), (9.0, 1400, 1, (0, 1, 2))))
    service = served(case, Asked(lambda obs: 0))
    assert mean_times_slo(case, service) == pytest.approx(bound_times_slo(case))


def test_no_assignment_of_a_small_case_is_below_the_bound_and_the_reference_is_seldom_beaten() -> None:
    """All 2^8 ways to route eight requests to two replicas."""
    for seed in range(3):
        rng = random.Random(seed)
        rows = []
        for i in range(8):
            blocks = (0, *rng.choice(((1, 2, 3), (5,), ())), *range(100 * i + 10, 100 * i + 40))
            prompt = rng.randint(2000, 15_000)
            rows.append((0.4 * i, prompt, rng.randint(1, 60), blocks[: -(-prompt // 512)]))
        case = case_of(requests_of(*rows), 2)
        found = [
            mean_times_slo(case, served(case, Asked(lambda obs, way=way: way >> obs.request.id & 1)))
            for way in range(256)
        ]
        figures = compute(case)
        assert figures.bound < min(found) <= figures.reference
        assert sum(x < figures.reference for x in found) <= 256 / 4
        assert min(found) <= figures.naive <= max(found)


@pytest.mark.slow
def test_the_naive_program_scores_nothing_and_the_reference_about_a_hundred(sandbox: Sandbox) -> None:
    case = EVALUATOR.instances(Split.TRAIN)[1]
    assert isinstance(case, Case)
    assert scored(sandbox, BASELINES["min_ttft"], case).score == pytest.approx(100, abs=3)
    assert scored(sandbox, SEED, small()).metrics == scored(sandbox, BASELINES["round_robin"], small()).metrics
    for split in Split:
        case = EVALUATOR.instances(split)[0]
        assert isinstance(case, Case)
        naive, reference = (in_process(BASELINES[name], case) for name in ("round_robin", "min_ttft"))
        assert naive.score == pytest.approx(0, abs=1e-9)
        assert reference.score == pytest.approx(100, abs=6)


@pytest.mark.parametrize("id_", ["train/1", "validation/0", "test/1", "public/3"])
def test_the_kept_figures_belong_to_the_cases(id_: str) -> None:
    split, number = id_.split("/")
    case = EVALUATOR.instances(Split(split))[int(number)]
    assert isinstance(case, Case)
    assert stored().digests[id_] == digest(case)


def test_the_kept_figures_come_out_again() -> None:
    case = EVALUATOR.instances(Split.TEST)[1]
    assert isinstance(case, Case)
    found, kept = compute(case), stored().figures[case.id]
    assert (found.naive, found.reference, found.bound) == pytest.approx((kept.naive, kept.reference, kept.bound))


@pytest.mark.slow
def test_all_kept_figures_come_out_again() -> None:
    for split in Split:
        for case in EVALUATOR.instances(split):
            assert isinstance(case, Case)
            assert stored().digests[case.id] == digest(case)
            found, kept = compute(case), stored().figures[case.id]
            assert (found.naive, found.reference, found.bound) == pytest.approx(
                (kept.naive, kept.reference, kept.bound)
            )


def test_the_figures_of_a_users_case_are_kept(tmp_path: Path) -> None:
    case = busy_case(61)  # one that no other test has asked for
    first = figures_of(case)
    (file,) = (tmp_path / "evolve" / "llm_routing").glob("*.json")
    assert file.stem == digest(case)
    assert isinstance(first, Figures) and first.bound < first.reference < first.naive


# What it says


def test_the_feedback_names_replicas_minutes_misses_and_what_befell_machines() -> None:
    case = EVALUATOR.instances(Split.TEST)[0]
    assert isinstance(case, Case)
    outcome = in_process(BASELINES["round_robin"], case)
    for said in (
        r"first token [\d.]+ times: [\d.]+ s behind others, [\d.]+ s for the prompt; \d+ % cached, \d+ s for what",
        r"worst: replica \d+.* in minute \d+, \d+ requests waited [\d.]+ s \(elsewhere [\d.]+ s\)",
        r"head of request \d+: \d+ requests on 16 replicas, \d+ tokens computed again",
        r"later tokens [\d.]+ times: [\d.]+ s on replica \d+ \(\d+ requests\)",
    ):
        assert re.search(said, outcome.feedback), said
    assert len(outcome.feedback) <= 500
    told = re.search(r"([\d.]+) times the SLOs.*first token ([\d.]+) .*later tokens ([\d.]+) ", outcome.feedback)
    assert told and outcome.metrics["times_slo"] == pytest.approx(float(told[1]), abs=0.006)
    assert float(told[1]) == pytest.approx((float(told[2]) + float(told[3])) / 2, abs=0.011), "both are capped alike"


def test_the_reference_is_told_by_its_parts_where_a_model_reads_it() -> None:
    for case in EVALUATOR.instances(Split.TRAIN):
        known = stored().figures[case.id]
        parts = re.fullmatch(r": first ([\d.]+), later ([\d.]+), \d+ % cached", known.reference_did)
        assert parts and known.reference <= (float(parts[1]) + float(parts[2])) / 2 + 0.01
    assert not any(stored().figures[case.id].reference_did for case in EVALUATOR.instances(Split.TEST))


def in_process(source: str, case: Case) -> Outcome:
    """Evaluate without a sandbox: for figures, which must not depend on where a program runs."""
    return EVALUATOR.evaluate(InThisProcess(source, case), case)  # type: ignore[arg-type]


# What the model reads


def test_the_example_policy_gives_the_example_answer_to_the_example_observation() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", STATEMENT, re.DOTALL)
    program: dict[str, Any] = {}
    exec(code, program)

    def thing(facts: Any) -> Any:
        if isinstance(facts, dict):
            return SimpleNamespace(**{key: thing(value) for key, value in facts.items()})
        if isinstance(facts, list) and facts and isinstance(facts[0], int | float):
            return np.array(facts)
        return [thing(fact) for fact in facts] if isinstance(facts, list) else facts

    cluster, example = thing(program["cluster"]), thing(program["example"])
    assert set(vars(cluster)) == set(ClusterInfo.__struct_fields__)
    assert set(vars(example)) == set(Observation.__struct_fields__)
    assert set(vars(example.request)) == set(Request.__struct_fields__)
    assert set(vars(example.finished[0])) == set(Finished.__struct_fields__)
    assert len(example.request.block_hashes) == -(-example.request.input_tokens // cluster.block_tokens)
    assert program["Policy"](cluster).route(example) == program["answer"]
    waiting = example.queued_tokens + example.request.input_tokens - 512 * example.match_blocks
    assert (waiting * cluster.prefill_ms_per_token).round().tolist() == [413, 322, 1008]


def test_every_attribute_is_explained() -> None:
    for record in (ClusterInfo, Request, Finished, Observation):
        for field in record.__struct_fields__:
            assert f"`{field}`" in STATEMENT, field


def test_the_seed_marks_what_may_be_changed() -> None:
    assert SEED.index("# EVOLVE-BLOCK-START") < SEED.index("class Policy") < SEED.index("# EVOLVE-BLOCK-END")


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_names_its_source_and_runs(sandbox: Sandbox, name: str) -> None:
    assert re.search(r"^Source: ", BASELINES[name], re.MULTILINE)
    result = scored(sandbox, BASELINES[name], small())
    assert result.status is Status.OK, result.feedback
    assert result.score is not None and math.isfinite(result.score)


# What does not work


def test_the_program_cannot_write_to_what_it_sees_nor_find_more_there(sandbox: Sandbox) -> None:
    nosy = policy(
        """
names = {name for name in dir(obs) if not name.startswith("_")}
assert names == set(
    "evictions finished kv_used_tokens match_blocks now_s queued_requests queued_tokens reported_s request "
    "running_requests".split()
), names
assert {n for n in dir(obs.request) if not n.startswith("_")} == set(
    "block_hashes id input_tokens tpot_slo_s ttft_slo_s".split()
)
try:
    obs.request.ttft_slo_s = 1e9
    raise SystemError("an observation could be written")
except AttributeError:
    pass
obs.queued_tokens[:] = 0
obs.match_blocks[:] = 99
assert not [name for name in sys.modules if name.startswith(("evaluators", "evolve", "simpy"))]
self.next = (self.next + 1) % self.replicas
return self.next
""",
        "self.replicas, self.next = cluster.replicas, -1",
        "import sys",
    )
    result = scored(sandbox, nosy, small())
    assert result.status is Status.OK, result.feedback
    assert result.metrics == scored(sandbox, BASELINES["round_robin"], small()).metrics


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("obs.request.id % 4 if obs.request.id < 30 else 4", "route returned 4 (int), expected a replica"),
        ("True", "route returned True (bool)"),
        ("2.0", "route returned 2.0 (float)"),
        ("None", "route returned None"),
        ("-1", "route returned -1"),
        ("numpy.array([1])", "route returned"),
        ("[0, 1]", "route returned [0, 1]"),
    ],
)
def test_answers_that_are_no_replica_make_a_program_infeasible(sandbox: Sandbox, answer: str, failure: str) -> None:
    result = scored(sandbox, policy(f"return {answer}", before="import numpy"), small())
    assert (result.status, result.score) == (Status.INFEASIBLE, None)
    assert failure in result.feedback


def test_a_request_cannot_be_held_back(sandbox: Sandbox) -> None:
    """To sleep in `route` delays no request: the clock is the simulator's."""
    waiting = policy("time.sleep(0.002)\nreturn obs.request.id % self.n", "self.n = cluster.replicas", "import time")
    prompt = policy("return obs.request.id % self.n", "self.n = cluster.replicas")
    assert scored(sandbox, waiting, small()).metrics == scored(sandbox, prompt, small()).metrics


def test_rebalance_is_optional_and_its_rules_hold_in_the_sandbox(sandbox: Sandbox) -> None:
    route = "return obs.request.id % 4"
    moving = policy(route, more="    def rebalance(self, report):\n        return [[0, 1]] * 9\n")
    result = scored(sandbox, moving, small())
    assert result.status is Status.INFEASIBLE
    assert "moves 9 requests, at most 4 are allowed" in result.feedback
    early = policy(
        route, more="    def rebalance(self, report):\n        return numpy.array([[59, 1]])\n", before="import numpy"
    )
    assert "request 59 is moved and has not come yet" in scored(sandbox, early, small()).feedback
    attribute = policy(route, "self.rebalance = 3")
    assert scored(sandbox, attribute, small()).status is Status.OK
    idle = policy(route, more="    def rebalance(self, report):\n        return []\n")
    assert scored(sandbox, idle, small()).metrics == scored(sandbox, policy(route), small()).metrics


def test_prefix_only_is_a_trap() -> None:
    case = EVALUATOR.instances(Split.TRAIN)[0]
    assert isinstance(case, Case)
    outcome = in_process(BASELINES["prefix_only"], case)
    assert outcome.score == -100
    assert outcome.metrics["imbalance"] == pytest.approx(16, abs=0.5)


def test_printed_and_remembered_figures_are_none(sandbox: Sandbox) -> None:
    talking = policy(
        "print('times_slo: 0')\nself.times_slo = self.score = 0\nreturn obs.request.id % self.n",
        "self.n = cluster.replicas; import builtins; builtins.seen = getattr(builtins, 'seen', 0) + 1",
        "import builtins\nassert not hasattr(builtins, 'seen'), 'an earlier case left its traces'",
    )
    first, second = (scored(sandbox, talking, small()) for _ in range(2))
    assert first.status is Status.OK, first.feedback
    assert first.metrics == second.metrics == scored(sandbox, policy("return obs.request.id % 4"), small()).metrics


def test_times_slo_of_a_job_uses_its_own_slo() -> None:
    service = served(small(), Asked(in_turn))
    job = service.jobs[0]
    assert times_slo(job, 2 * job.ttft_ns / 1e9) == pytest.approx(0.25 + min(20, job.tpot_ns / 1e8) / 2)
