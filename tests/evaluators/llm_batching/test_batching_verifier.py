"""What is scored, by hand; what a plan may say; what is seen; that the two engines of the serving core agree."""

from __future__ import annotations

import math
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from batching_worlds import case_of
from in_process import InProcess

import evaluators.llm_batching
import seeds
from evaluators.llm_batching import LlmBatching
from evaluators.llm_batching.calls import AGENT, CHAT, DEADLINE, MACHINES, RELAXED, Machine
from evaluators.llm_batching.credit import bound, cost_of, credits_of, longest_pause_ns, metrics_of, on_time_share
from evaluators.llm_batching.server import serve
from evaluators.serving import MEASURED, ROOFLINES, CacheIndex, Engine, Job, PlannedEngine, PrefixCache, Replica
from evolve.evaluator import Infeasible, Split

FOLDER = Path(str(evaluators.llm_batching.__file__)).parent
SEED = (Path(str(seeds.__file__)).parent / "llm_batching.py").read_text(encoding="utf-8")
EIGHT_B = MACHINES["8b-a100"]
COST = EIGHT_B.model_of_cost


class Plans:
    """Gives plans by a function of the observation."""

    def __init__(self, plan: Any) -> None:
        self.plan, self.seen = plan, []

    def schedule(self, obs: Any) -> Any:
        self.seen.append(obs)
        return self.plan(obs)


def whole(obs: Any) -> dict[str, Any]:
    """Every prompt as a whole, at once."""
    return {
        "prefill": [
            [int(i), int(n)] for t in (obs.running, obs.waiting) for i, n in zip(t.id, t.prefill_left, strict=True) if n
        ]
    }


# What is scored


def test_tokens_on_time_are_counted_one_by_one_and_early_ones_buffer_late_ones():
    tokens = np.array([1.0, 1.05, 1.3, 1.31]) * 1e9  # due at 1.0, 1.1, 1.2, 1.3
    assert on_time_share(tokens.astype(np.int64), 10**9, 10**8) == 0.5
    assert on_time_share(tokens.astype(np.int64) - 20_000_000, 10**9, 10**8) == 0.75


def test_the_cost_has_a_tenth_for_latency():
    assert cost_of([1.0, 0.5], [60.0, 6000.0]) == pytest.approx(0.25 + 0.1 * (0.1 + 1.0) / 2)


def test_the_longest_pause_is_the_99th_percentile():
    tokens = np.cumsum([0, *[10] * 98, 100, 100])
    assert longest_pause_ns(tokens) == np.quantile([10] * 98 + [100] * 2, 0.99)
    assert longest_pause_ns(np.array([5])) == 0.0


def test_a_lone_request_by_hand_takes_its_prompt_and_its_steps_and_is_the_bound():
    case = case_of([{"prompt": 1000, "output": 3, "arrival_us": 7}], EIGHT_B)
    service = serve(case, Plans(whole), as_sent=False)
    first = 7000 + COST.compute_ns(1000, 1000**2, 0)
    second = first + COST.compute_ns(0, 0, 1) + 1000 * COST.kv_ns
    third = second + COST.compute_ns(0, 0, 1) + 1001 * COST.kv_ns
    assert service.token_ns[0].tolist() == [first, second, third]
    assert service.finish_ns.tolist() == [third]
    assert credits_of(case, service).x == pytest.approx(0.1 * (third - 7000) / 600e9)
    assert bound(case) == pytest.approx(credits_of(case, service).x, rel=1e-9)


@pytest.mark.parametrize(
    ("cls", "due_s", "credit"), [(DEADLINE, 0.05, 0.0), (DEADLINE, 0.2, 1.0), (CHAT, math.inf, 1.0)]
)
def test_a_deadline_is_all_or_nothing(cls, due_s, credit):
    case = case_of([{"prompt": 1000, "output": 2, "cls": cls, "due_s": due_s}], EIGHT_B)  # done after some 84 ms
    assert credits_of(case, serve(case, Plans(whole), as_sent=False)).credit.tolist() == [credit]


def test_a_long_chunk_costs_a_strict_request_all_its_credit():
    rows = [{"prompt": 100, "output": 50}, {"prompt": 8000, "output": 1, "cls": RELAXED, "arrival_us": 200_000}]
    shares = []
    for strict in (False, True):
        case = case_of(rows, EIGHT_B, strict=strict)
        shares.append(credits_of(case, serve(case, Plans(whole), as_sent=False)).credit[0])
    assert shares == [1.0, 0.0]  # a pause of more than half a second, five steps are 63 ms


def test_a_program_is_one_unit_and_its_tools_are_no_latency():
    second = {"prompt": 200, "output": 2, "after": [0], "extends": 0, "tool_us": 4_000_000, "turn": 1}
    rows = [{"prompt": 100, "output": 2}, second]
    for row in rows:
        row |= {"cls": AGENT, "program": 0, "due_s": 5.0}
    case = case_of(rows, EIGHT_B)
    found = credits_of(case, serve(case, Plans(whole), as_sent=False))
    assert found.credit.tolist() == [1.0]
    assert 0.04 < found.latency_s[0] < 0.2


def test_pinned_kv_spares_computing_a_turn_again_and_counts_as_used():
    second = {"prompt": 2100, "output": 2, "after": [0], "extends": 0, "tool_us": 1_000_000, "turn": 1}
    rows = [{"prompt": 2000, "output": 50}, second, {"prompt": 100, "output": 5, "arrival_us": 1_500_000}]
    for row in rows[:2]:
        row |= {"cls": AGENT, "program": 0, "due_s": 60.0}
    plans = {
        False: Plans(whole),
        True: Plans(lambda obs: whole(obs) | {"pin": [[0, 9.0]] if len(obs.running.id) else []}),
    }
    services = {pins: serve(case_of(rows, EIGHT_B), plan, as_sent=False) for pins, plan in plans.items()}
    assert (services[False].reused_tokens, services[True].reused_tokens) == (0, 2049)
    assert services[True].finish_ns[1] < services[False].finish_ns[1]
    held = [obs for obs in plans[True].seen if len(obs.pinned.program_id)]
    assert held and all(obs.kv_free_tokens <= EIGHT_B.kv_capacity_tokens - 2049 for obs in held)


def test_the_engine_of_routing_and_the_planned_one_give_the_same_times_when_planned_alike():
    for seed in range(40):
        rng = random.Random(seed)
        cost = rng.choice([*MEASURED.values(), *ROOFLINES.values()])
        jobs = [(rng.randrange(10**9), rng.randint(1, 5000), rng.randint(1, 200)) for _ in range(12)]
        jobs.sort()
        index = CacheIndex(1)
        routed = Engine([Replica(cost, 10**6, PrefixCache(0, index, 0))], index, 1, 1)
        ours = [Job(i, at, prompt, answer, ()) for i, (at, prompt, answer) in enumerate(jobs)]
        for job in ours:
            routed.advance(job.arrival_ns)
            routed.submit(job, 0)
        routed.drain()
        planned, now, coming = PlannedEngine(cost, 10**6, len(jobs)), 0, list(jobs)
        finish: dict[int, int] = {}
        while len(finish) < len(jobs):
            while coming and coming[0][0] <= now:
                planned.add(*coming.pop(0)[1:])
            budget, chunks = 2048, []
            for request in sorted([*planned.running, *planned.waiting]):
                tokens = min(budget, int(planned.left[request]))
                if tokens:
                    chunks.append((request, tokens))
                budget -= tokens
            planned.begin(now, chunks)
            if planned.ends_ns < 0:
                now = coming[0][0]
                continue
            if coming and coming[0][0] < planned.ends_ns:
                planned.cut(coming[0][0])
            now = planned.ends_ns
            finish |= dict.fromkeys(planned.end(), now)
        assert finish == {job.number: job.finish_ns for job in ours}, seed
        assert [int(tokens[0]) for tokens in planned.token_times()] == [job.first_token_ns for job in ours]


# What a plan may say

BAD: dict[str, tuple[Any, str]] = {
    "no dict": ([], "a list of 0, expected a dict"),
    "part": ({"prefil": []}, "'prefil'"),
    "no list": ({"prefill": 3}, "prefill is 3, expected a list"),
    "no pair": ({"prefill": [[0]]}, r"prefill holds a list of 1, expected \[request id, tokens\]"),
    "bool": ({"prefill": [[True, 5]]}, "True for a request id"),
    "float": ({"prefill": [[0, 5.0]]}, "5.0 for tokens of request 0"),
    "nan": ({"prefill": [[float("nan"), 5]]}, "nan for a request id"),
    "too many tokens": ({"prefill": [[0, 101]]}, r"101 tokens of request 0, which has 100 left; expected 1..100"),
    "no tokens": ({"prefill": [[0, 0]]}, "0 tokens of request 0"),
    "unknown": ({"prefill": [[7, 1]]}, "request 7 is unknown"),
    "huge": ({"prefill": [[2**70, 1]]}, "is unknown"),
    "negative": ({"prefill": [[-1, 1]]}, "request -1 is unknown"),
    "twice": ({"prefill": [[0, 1], [0, 2]]}, "request 0 is there twice, with 1 and 2 tokens"),
    "waits": ({"preempt": [[0, "recompute"]]}, "request 0 is waiting, expected a running one"),
    "how": ({"preempt": [[0, "drop"]]}, "request 0 by 'drop'"),
    "resume": ({"resume": [0]}, "request 0 is waiting, expected one of `swapped`"),
    "pause": ({"pause": [0]}, "request 0 is waiting, expected a running one"),
    "pause twice": ({"pause": [0, 0]}, "request 0 is there twice"),
    "pin": ({"pin": [[0, 1.0]]}, "program 0 is none that has begun"),
    "pin of a float": ({"pin": [[0.0, 1.0]]}, "0.0 for a program id"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_plan_is_infeasible_and_the_message_names_item_and_amount(what):
    plan, says = BAD[what]
    case = case_of([{"prompt": 100, "output": 5}], EIGHT_B)
    with pytest.raises(Infeasible, match=says):
        serve(case, Plans(lambda obs: plan), as_sent=False)


@pytest.mark.parametrize("ttl", [float("nan"), float("inf"), -1, 1e9, True, "9", None])
def test_a_wrong_pin_of_a_program_is_infeasible(ttl):
    case = case_of([{"prompt": 100, "output": 5, "cls": AGENT, "program": 0, "due_s": 9.0}], EIGHT_B)
    with pytest.raises(Infeasible, match="pin: program 0 for"):
        serve(case, Plans(lambda obs: {"pin": [[0, ttl]]}), as_sent=False)


def test_three_plans_without_any_progress_are_infeasible():
    case = case_of([{"prompt": 100, "output": 5}], EIGHT_B)
    with pytest.raises(Infeasible, match="nothing scheduled in 3 plans in a row while 1 requests wait"):
        serve(case, Plans(lambda obs: {}), as_sent=False)


def test_number_257_cannot_be_started():
    case = case_of([{"prompt": 10, "output": 5}] * 257, EIGHT_B)
    with pytest.raises(Infeasible, match="request 256 would be number 257 that runs; max_batch is 256"):
        serve(case, Plans(whole), as_sent=False)


def test_a_resume_without_room_is_infeasible():
    machine = Machine(EIGHT_B.cost, EIGHT_B.model, 400)

    def plan(obs: Any) -> dict[str, Any]:
        if 0 in obs.running.id and not obs.running.prefill_left[obs.running.id == 0][0] and len(obs.waiting.id):
            return {"preempt": [[0, "swap"]]}
        if 0 in obs.swapped.id and 1 in obs.running.id:
            return {"resume": [0]}
        return {"prefill": [[1, 250]]} if 1 in obs.waiting.id and 0 not in obs.waiting.id else {"prefill": [[0, 300]]}

    case = case_of([{"prompt": 300, "output": 50}, {"prompt": 250, "output": 50, "arrival_us": 20_000}], machine)
    with pytest.raises(Infeasible, match=r"resume: request 0 needs room for 30\d tokens, 15\d more than are free"):
        serve(case, Plans(plan), as_sent=False)


def test_dropping_a_request_earns_nothing_since_it_must_be_served_to_the_end():
    case = case_of([{"prompt": 100, "output": 5}, {"prompt": 100, "output": 5, "arrival_us": 50}], EIGHT_B)

    def first_only(obs: Any) -> dict[str, Any]:
        return {"prefill": [[0, 100]]} if 0 in obs.waiting.id else {}

    with pytest.raises(Infeasible, match="1 requests wait"):
        serve(case, Plans(first_only), as_sent=False)


# What a policy sees


def test_neither_lengths_nor_later_calls_can_be_told_from_what_is_seen():
    rows = [{"prompt": 100, "output": 7, "cls": AGENT, "program": 0, "due_s": 9.0}]
    rows += [{"prompt": 300, "output": 9, "after": [0], "turn": 1, "tool_us": 500_000} | {"cls": AGENT, "program": 0}]
    rows += [{"prompt": 50, "output": 3, "arrival_us": 1000}]
    plans = Plans(whole)
    serve(case_of(rows, EIGHT_B), plans, as_sent=False)
    ids = sorted(
        {(int(t.id[k]), int(t.turn[k])) for o in plans.seen for t in (o.running, o.waiting) for k in range(len(t.id))}
    )
    assert ids == [(0, 0), (1, 0), (2, 1)], "numbers go by arrival: none is kept free for a call to come"
    assert all(set(vars_of(o)) == OBSERVED for o in plans.seen)


OBSERVED = {"now_s", "kv_free_tokens", "running", "waiting", "swapped", "moving", "pinned", "preempted", "history"}


def vars_of(record: Any) -> tuple[str, ...]:
    return record.__struct_fields__


def test_the_seed_is_the_naive_baseline_and_feedback_is_short():
    evaluator = LlmBatching()
    case = evaluator.instances(Split.TRAIN)[0]
    outcome = evaluator.evaluate(InProcess(SEED), case)
    assert outcome.score == pytest.approx(0.0, abs=1e-9)
    assert outcome.metrics["naive_cost"] == pytest.approx(outcome.metrics["cost"], abs=1e-12)
    assert "reference" in outcome.feedback and len(outcome.feedback) <= 500
    assert outcome.metrics["bound_cost"] < outcome.metrics["cost"]


def test_metrics_by_hand():
    case = case_of([{"prompt": 1000, "output": 3}, {"prompt": 1, "output": 1, "cls": DEADLINE, "due_s": 0.0}], EIGHT_B)
    service = serve(case, Plans(whole), as_sent=False)
    found = SimpleNamespace(**metrics_of(service, credits_of(case, service)))
    assert (found.goodput_share, found.worst_class_credit, found.preemptions) == (0.5, 0.0, 0.0)
    both_s = COST.compute_ns(1001, 1000**2 + 1, 0) / 1e9
    assert found.ttft_p50_s == pytest.approx(both_s)
    assert found.goodput_tokens_s == pytest.approx(3 / (both_s + 2 * COST.compute_ns(0, 0, 1) / 1e9), rel=0.01)
