"""Machines that divide their SMs are exact: a slow engine, token by token, gives the same; nothing is lost."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pd_worlds import Anything, Watched, case_of, first_part, mixed_case, small_case
from slow_shared import SlowSharedPools

import evaluators.pd_disaggregation as domain
from evaluators.pd_disaggregation import PdDisaggregation, reference
from evaluators.pd_disaggregation.evaluator import PdDisaggregationOptions
from evaluators.pd_disaggregation.feedback import explain
from evaluators.pd_disaggregation.figures import SharedFigures, digest, figures_of, file_of, stored
from evaluators.pd_disaggregation.fleet import A100, H100, Case, Failure, Fleet
from evaluators.pd_disaggregation.observation import SharedInstances
from evaluators.pd_disaggregation.operation import Operation, serve
from evaluators.pd_disaggregation.oracle_shared import SharedPlan, cost_of_shared
from evaluators.pd_disaggregation.pools import Pools
from evaluators.pd_disaggregation.programs import NAIVE, OwnProgram, serve_with
from evaluators.pd_disaggregation.record import Service
from evaluators.pd_disaggregation.service import metrics_of, times_of
from evaluators.pd_disaggregation.work import fluid_cost, rates_at, served_share, served_share_divided
from evaluators.serving import (
    IDLE,
    MEASURED,
    Job,
    Role,
    SharedReplica,
    State,
    decode_slowdown,
    prefill_slowdown,
    stretch_ns,
)
from evolve.errors import UsageError
from evolve.evaluator import Infeasible, Split
from evolve.registry import load_problem
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

COST = MEASURED[A100]


class AnythingShared(Anything):
    """Gives role 2 shares, and divides machines anew that have it."""

    def control(self, view: dict[str, Any]) -> list[list[int]]:
        rows = super().control(view)
        for row in rows:
            if row[1] == 2 and self.rng.random() < 0.8:
                row[2:] = [row[2] if len(row) > 2 else 0, self.rng.randint(10, 90)]
        named = {row[0] for row in rows}
        for instance, role in enumerate(view["roles"]):
            if role == 2 and instance not in named and self.rng.random() < 0.5:
                rows.append([instance, 2, self.rng.randrange(2), self.rng.randint(10, 90)])
        if view["now"] == 0 and self.rng.random() < 0.7:
            rows = [
                [i, 2, 0, self.rng.randint(10, 90)]
                for i in range(len(view["roles"]))
                if i == 0 or self.rng.random() < 0.6
            ]
        return rows


def shared(case: Case) -> Case:
    return dataclasses.replace(case, family="semi_pd")


def check_shared_books(pools: Pools) -> None:
    """Every request is in one place, KV in use is what they hold and fits, and tokens are those that came out."""
    places: list[Any] = [*(job for _, job in pools._gateway), *pools._flying]
    for number, machine in enumerate(pools._replicas):
        assert isinstance(machine, SharedReplica)
        places += [*machine.queue, *machine.running, *pools._inbox[number]]
        decode, held = machine._decode, 0
        for job in machine.running:
            seen = job.output_tokens - (job.finish_step - decode._steps) if job.finish_step >= 0 else None
            held += job.context_tokens if seen is None else job.input_tokens + seen - 1
        assert machine.kv_tokens == held
        assert machine.role == 0 or held <= machine._kv_capacity_tokens
        assert len([job for job in machine.running if job.finish_step >= 0]) == machine.decodes
        assert decode.role == 1 and machine._prefill.role == 0 and not machine._prefill.prefilled
        if machine.role != 2:
            assert not (decode.running if machine.role == 0 else machine._prefill.running)
        assert set(decode.handed) <= set(decode.running) and not (decode.handed and decode.ends_ns < 0)
        prompts = [*machine._prefill.queue, *machine._prefill.running]
        assert machine.queued_tokens == sum(job.context_tokens - job.computed_tokens for job in prompts)
        assert machine.waiting_kv_tokens == sum(job.context_tokens for job in machine.queue if job.resident)
    done = [job for job in pools._jobs[: pools.came] if job.state is State.DONE]
    assert len(done) == pools.completed
    assert sorted(job.number for job in [*places, *done]) == list(range(pools.came))
    for job in places:
        assert 0 <= job.generated_tokens < job.output_tokens
    for job in done:
        assert job.generated_tokens == job.output_tokens and job.finish_ns >= job.first_token_ns > job.arrival_ns


class BookedShared(Pools):
    """Checks the books after every event."""

    def _touch(self) -> None:
        super()._touch()
        check_shared_books(self)


def booked(case: Case, policy: Any) -> tuple[Service, Watched]:
    watched = Watched(policy)
    pools = BookedShared(case, watched, "lists")
    Operation(case, watched, pools).run()
    return pools.service, watched


def same_as_slow(seeds: range) -> set[str]:
    seen = set()
    for seed in seeds:
        case = shared(small_case(seed))
        slow = SlowSharedPools(case, AnythingShared(seed))
        slow.run()
        service, watched = booked(case, AnythingShared(seed))
        for (ours, answer), (theirs, other) in zip(watched.log, slow.log, strict=False):
            assert ours == theirs, f"case {seed}"
            assert answer == other
        assert len(watched.log) == len(slow.log)
        assert [j.first_token_ns for j in service.jobs] == [r.first for r in slow.requests], f"case {seed}"
        assert [j.finish_ns for j in service.jobs] == [r.finish for r in slow.requests], f"case {seed}"
        seen |= {"switch"} if service.switches else set()
        seen |= {"lost"} if any(job.restarts for job in service.jobs) else set()
        seen |= {"swap"} if any(r.preemptions for r in service.replicas) else set()
        seen |= {"divided"} if any(at for at, _, _ in service.shares) else set()
        here = any(a == b for a, b in zip(service.prefill, service.decode, strict=True))
        seen |= {"stayed"} if here else set()
    return seen


@pytest.mark.parametrize("part", range(4))
def test_a_slow_engine_gives_the_same_times_and_shows_a_policy_the_same(part):
    seen = same_as_slow(range(50 * part, 50 * part + 50))
    assert {"switch", "lost", "divided", "stayed", "swap"} <= seen, "the cases are of many kinds"


class Alone:
    """All requests go to instance 0, which is shared; what `control` answers, by second."""

    def __init__(self, share: int, later: dict[int, list[list[int]]] | None = None) -> None:
        self.rows = {0: [[0, 2, 0, share]]} | (later or {})

    def dispatch(self, view):
        return 0

    def assign(self, view):
        return 0

    def control(self, view):
        return self.rows.get(view["now"] // 10**9, [])


def test_what_a_share_costs_by_hand():
    assert prefill_slowdown(50) == pytest.approx(0.5**-0.9) and prefill_slowdown(90) == pytest.approx(0.9**-0.9)
    assert decode_slowdown(50) == decode_slowdown(54) == decode_slowdown(10) == 1.0
    assert decode_slowdown(55) == pytest.approx(1 / 0.99) and decode_slowdown(80) == pytest.approx(1 / 0.44)


def test_a_request_by_hand():
    service, _ = booked(shared(case_of((1.0, 1000, 3, 0))), Alone(75))
    (job,) = service.jobs
    prefill, decode = COST.slowed(0.75**-0.9), COST.slowed(1 / 0.55)
    first_ns = 10**9 + prefill.compute_ns(1000, 1000**2, 0)
    assert job.first_token_ns == pytest.approx(first_ns, abs=5000)
    step_ns = decode.decode_ns + decode.sequence_ns
    assert job.finish_ns - job.first_token_ns == 2 * step_ns + decode.kv_ns * (1000 + 1001)
    assert not service.transfer_ns and service.prefill == service.decode == [0]


def test_both_sides_run_at_once_and_neither_waits_for_the_other():
    alone, _ = booked(shared(case_of((0.0, 500, 90, 0))), Alone(50))
    both, _ = booked(shared(case_of((0.0, 500, 90, 0), (1.0, 9000, 1, 0))), Alone(50))
    assert both.jobs[0].finish_ns == alone.jobs[0].finish_ns
    took_ns = both.jobs[1].first_token_ns - 10**9
    assert took_ns == COST.slowed(prefill_slowdown(50)).compute_ns(9000, 9000**2, 0)


def test_a_new_share_counts_from_the_next_iteration_of_each_side():
    case = shared(case_of((0.0, 500, 200, 0), (4.9, 9000, 1, 0)))
    same, _ = booked(case, Alone(50))
    less, _ = booked(case, Alone(50, {5: [[0, 2, 0, 90]]}))
    assert less.jobs[1].first_token_ns == same.jobs[1].first_token_ns, "the batch in progress"
    assert less.share_changes == 1 and less.switches == 0
    # Those steps that begin after 5 s take 1 / 0.22 times as long.
    assert (less.jobs[0].finish_ns - 5e9) / (same.jobs[0].finish_ns - 5e9) == pytest.approx(1 / 0.22, rel=0.02)


def test_memory_is_one_a_prompt_waits_until_its_kv_fits_beside_all_others():
    rows = ((0.0, 600, 50, 0), (1.0, 600, 2, 0))
    wide, _ = booked(shared(case_of(*rows, kv_capacity_tokens=2000)), Alone(50))
    tight, _ = booked(shared(case_of(*rows, kv_capacity_tokens=1200)), Alone(50))
    assert wide.jobs[1].first_token_ns < wide.jobs[0].finish_ns
    batch_ns = wide.jobs[1].first_token_ns - 10**9
    assert tight.jobs[1].first_token_ns == tight.jobs[0].finish_ns + batch_ns


def test_where_a_batch_of_prompts_ends_with_a_step_its_requests_decode_from_the_next_one_on():
    machine = SharedReplica(COST, 10_000, Role.MIXED)
    machine.enqueue(Job(0, 0, 100, 300, ()), 0)
    machine.resume(0)
    at_ns = machine.ends_ns
    machine.end(at_ns)
    assert machine.resume(at_ns)
    decode, prefill = machine._decode, machine._prefill
    machine.enqueue(Job(1, 0, 100, 300, ()), 0)
    machine.resume(at_ns)
    prefill.ends_ns = at_ns + stretch_ns(
        2, decode._first_ns, decode._growth_ns
    )  # to the nanosecond with the second step
    machine._tell()
    machine.end(prefill.ends_ns)  # to the nanosecond with the second step
    assert decode.ends_ns == IDLE and decode._steps == 2
    machine.resume(at_ns + 1)
    assert machine.decodes == 2 and machine.kv_tokens == 202


def small(**fleet: Any) -> Case:
    return shared(case_of(*((0.2 * i, 300 + 50 * i, 1 + 7 * i, i % 2) for i in range(8)), **fleet))


def policy(control: str) -> str:
    return (
        "class Policy:\n    def __init__(self, fleet): pass\n    def dispatch(self, obs): return 0\n"
        f"    def assign(self, obs): return len(obs.instances.role) - 1\n    def control(self, obs): {control}\n"
    )


BAD = {
    "share of a half": (
        "return [[0, 2, 0, 0.5]]",
        r"row \[0, 2, 0, 0.5\] is not .* or \[instance, 2, migrate, share\]",
    ),
    "too little": ("return [[0, 2, 0, 9]]", r"instance 0 has a share of 9, expected 10 to 90 \(percent\)"),
    "too much": ("return [[0, 2, 0, 91]]", "has a share of 91"),
    "of prefill": ("return [[0, 0, 0, 50]]", "instance 0 takes role 0 with a share; only role 2 has one"),
    "five numbers": ("return [[0, 2, 0, 50, 1]]", "is not"),
    "rows": ("return [[0, 2, 0, 50]] * 5", "control at 0 s has 5 rows for 4 instances"),
    "twice": ("return [[0, 2, 0, 50]] * 2", "instance 0 is there twice"),
    "roles": ("return [[i, 2] for i in range(3)] if obs.now_s else []", "at 5 s changes 3 roles, at most 2"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_row_is_infeasible_and_the_message_names_item_and_amount(what):
    control, says = BAD[what]
    case = shared(case_of((0.0, 100, 2, 0), (9.0, 100, 200, 0), instances=4))
    with pytest.raises(Infeasible, match=says):
        serve(case, OwnProgram(policy(control), case), "arrays")


def test_rows_that_change_only_shares_are_not_counted_and_the_other_family_has_none():
    control = "return [[i, 2, 0, 50 + int(obs.now_s)] for i in range(4)]"
    case = shared(case_of((0.0, 100, 200, 0), instances=4))
    service = serve(case, OwnProgram(policy(control), case), "arrays")
    assert service.share_changes == 4 and service.switches == 0  # at 5 s
    plain = case_of((0.0, 100, 2, 0))
    with pytest.raises(Infeasible, match=r"row \[0, 2, 0, 50\] is not \[instance, role\] or"):
        serve(plain, OwnProgram(policy("return [[0, 2, 0, 50]]"), plain), "arrays")


# The family


OPTIONS = {"family": "semi_pd"}
EVALUATOR = PdDisaggregation(PdDisaggregationOptions(family="semi_pd"))
PROBLEM = load_problem("pd_disaggregation", OPTIONS)
OWN = ("half_share", "share_control", "whole_and_shared")
FIGURES = SharedFigures(0.9, 0.1, 0.0, (1,), 0.0, 1, 0.1, (54,), 54)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(EVALUATOR.limits) as made:
        yield made


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setattr("evaluators.pd_disaggregation.evaluator.figures_of", lambda case: FIGURES)


def test_it_has_a_seed_and_baselines_of_its_own_and_the_other_family_does_not_see_them():
    plain = load_problem("pd_disaggregation")
    assert set(PROBLEM.baselines) == {*OWN, NAIVE.stem} and not set(OWN) & set(plain.baselines)
    assert PROBLEM.baselines[NAIVE.stem] == plain.baselines[NAIVE.stem]
    assert PROBLEM.seed != plain.seed and "SHARED" in PROBLEM.seed


def test_the_seed_is_the_naive_program(sandbox, known):
    case = dataclasses.replace(small(), fleet=Fleet((A100,) * 5))
    ours = evaluate_instance(EVALUATOR, sandbox, PROBLEM.seed, case)
    theirs = evaluate_instance(EVALUATOR, sandbox, NAIVE.read_text(), case)
    assert ours.status is Status.OK, ours.feedback
    assert ours.metrics == theirs.metrics and ours.score == theirs.score


@pytest.mark.parametrize("name", [*OWN, "seed, shared"])
def test_every_baseline_of_its_own_names_its_source_and_runs_in_the_sandbox(sandbox, known, name):
    if name in OWN:
        source = PROBLEM.baselines[name]
        assert re.search(r"^Source: ", source, re.MULTILINE)
    else:
        source = PROBLEM.seed.replace("SHARED = 0.0", "SHARED = 1.0").replace("MOVE = 0 ", "MOVE = 5 ")
    failing = Fleet((A100, H100, A100, A100), failures=(Failure(1, 2, 20),))
    result = evaluate_instance(EVALUATOR, sandbox, source, dataclasses.replace(small(), fleet=failing))
    assert result.status is Status.OK, result.feedback
    assert result.metrics["busy_shared"] > 0


def test_baselines_tell_apart_on_traffic_that_half_and_half_cannot_serve():
    case = shared(first_part(mixed_case(23, 10, seed=2), 60, Fleet((A100,) * 8)))
    folder = NAIVE.parent / "semi_pd"
    paths = (NAIVE, *(folder / f"{name}.py" for name in ("half_share", "share_control")))
    costs = [times_of(case, serve_with(path, case)).cost for path in paths]
    assert costs[0] - 0.05 > costs[1] > costs[2] + 0.05, costs


def test_the_figures_kept_are_those_of_the_programs_on_a_sample_of_cases():
    case = EVALUATOR.instances(Split.TRAIN)[1]
    kept = stored("semi_pd").figures[case.id]
    assert isinstance(kept, SharedFigures) and stored("semi_pd").digests[case.id] == digest(case)
    assert times_of(case, serve_with(NAIVE, case)).cost == kept.naive
    assert cost_of_shared(case, SharedPlan(kept.counts, kept.shares, kept.lead_s)) == kept.reference
    phases = len(kept.counts)
    fixed = SharedPlan((kept.fixed,) * phases, (kept.fixed_share,) * phases)
    assert cost_of_shared(case, fixed) == kept.fixed_cost >= kept.reference
    assert fluid_cost(case) == kept.fluid


def test_naive_and_reference_are_far_apart_and_above_the_fluid_on_every_case():
    for split in (Split.TRAIN, Split.VALIDATION, Split.TEST):
        for case in EVALUATOR.instances(split):
            kept = figures_of(case)
            assert isinstance(kept, SharedFigures) and kept.far_apart
            assert kept.fluid <= kept.reference <= kept.fixed_cost < kept.naive


def test_its_writer_makes_the_very_bytes_that_are_kept(tmp_path, monkeypatch):
    def known(split, index, family):
        case = EVALUATOR.instances(split)[index]
        return stored(family).attempts[split][index], case, figures_of(case)

    monkeypatch.setattr(reference, "accepted", known)
    monkeypatch.setattr(reference, "file_of", lambda family: tmp_path / "again.json")
    reference.main("semi_pd")
    assert (tmp_path / "again.json").read_bytes() == file_of("semi_pd").read_bytes()


def test_cases_are_drawn_apart_from_the_other_family_s_and_read_back_whole(tmp_path):
    plain = PdDisaggregation().instances(Split.TRAIN)[1]
    (case,) = [case for case in EVALUATOR.instances(Split.TRAIN) if case.id == plain.id]
    assert digest(case) != digest(plain) and len(case.arrivals) > 1.15 * len(plain.arrivals)
    EVALUATOR.write([case], tmp_path)
    (again,) = EVALUATOR.load(tmp_path)
    assert digest(again) == digest(case) and again.family == "semi_pd"
    with pytest.raises(UsageError, match="no public cases of the family semi_pd"):
        EVALUATOR.instances(Split.PUBLIC)


def test_what_divided_machines_can_serve_as_a_fluid():
    rng = np.random.default_rng(0)
    assert rates_at(COST, 54) == (pytest.approx(0.54**0.9), 1.0) and rates_at(COST, 90)[1] == 0.0
    for _ in range(20):
        prefill, decode = rng.uniform(0.1, 2, (2, 3)).tolist()
        found = served_share_divided(prefill, decode, (COST,) * 3)
        assert found >= served_share(prefill, decode)
        for share in (50, 54, 60, 70):  # what one can do with the same share everywhere
            of_prefill, of_decode = rates_at(COST, share)
            assert found >= min(of_prefill * sum(prefill), of_decode * sum(decode))
    assert served_share_divided([1.0], [1.0], (COST,)) < 0.75  # 1 for each at most, 0.65 of both


def test_feedback_and_metrics_tell_of_shares():
    case = shared(first_part(mixed_case(14, 8, seed=2), 30, Fleet((A100,) * 4)))
    service = serve_with(NAIVE.parent / "semi_pd" / "share_control.py", case)
    times = times_of(case, service)
    said = explain(case, service, times, FIGURES)
    assert len(said) <= 800 and "1 prefill, the others shared with 54 % for prefill" in said
    assert re.search(r"shared instances \d+ % busy, with shares of \d+ to \d+ %, changed \d+ times", said)
    assert "the reference never changes a role or a share" in said
    metrics = metrics_of(case, service, times)
    assert 0 < metrics["busy_shared"] <= 1 and metrics["busy_p"] == metrics["busy_d"] == 0
    assert "busy_shared" not in metrics_of(dataclasses.replace(case, family="pools"), service, times)


def test_the_statement_tells_of_all_that_a_policy_sees():
    statement = (Path(str(domain.__file__)).parent / "problem.md").read_text(encoding="utf-8")
    assert "`share`" in statement and set(SharedInstances.__struct_fields__) >= {"share", "role"}
    assert "`--set evaluator.family=semi_pd`" in statement
