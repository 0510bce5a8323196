"""The verifier: scores, figures, what the statement says, and that no cheat works, in a real sandbox."""

from __future__ import annotations

import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pd_worlds import case_of, first_part, mixed_case

import evaluators.pd_disaggregation as domain
import seeds
from evaluators.pd_disaggregation import PdDisaggregation
from evaluators.pd_disaggregation.feedback import explain
from evaluators.pd_disaggregation.figures import Figures, digest, figures_of, stored
from evaluators.pd_disaggregation.fleet import A100, H100, Case, Failure, Fleet, Given
from evaluators.pd_disaggregation.observation import FleetInfo, Instances, Prefilled, Prompt, Report
from evaluators.pd_disaggregation.operation import serve
from evaluators.pd_disaggregation.oracle import Plan, cost_of
from evaluators.pd_disaggregation.programs import NAIVE, OwnProgram, serve_with
from evaluators.pd_disaggregation.service import metrics_of, times_of
from evaluators.pd_disaggregation.work import fluid_cost, served_share
from evolve.evaluator import Infeasible, Split
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

FOLDER = Path(str(domain.__file__)).parent
BASELINES = {path.stem: path for path in sorted((FOLDER / "baselines").glob("*.py"))}
STATEMENT = (FOLDER / "problem.md").read_text(encoding="utf-8")
SEED = (Path(str(seeds.__file__)).parent / "pd_disaggregation.py").read_text(encoding="utf-8")
EVALUATOR = PdDisaggregation()
FIGURES = Figures(0.9, 0.1, 0.0, (1,), 0.0, 1, 0.1)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(EVALUATOR.limits) as made:
        yield made


@pytest.fixture
def known(monkeypatch):
    """Figures of the small cases of these tests, so that none are searched for."""
    monkeypatch.setattr("evaluators.pd_disaggregation.evaluator.figures_of", lambda case: FIGURES)


def policy(dispatch="return 0", assign="return 1", control="return []", start="pass") -> str:
    return (
        f"import numpy as np\nclass Policy:\n    def __init__(self, fleet):\n        {start}\n"
        f"    def dispatch(self, obs):\n        {dispatch}\n    def assign(self, obs):\n        {assign}\n"
        f"    def control(self, obs):\n        {control}\n"
    )


def small(**fleet: Any) -> Case:
    return case_of(*((0.2 * i, 300 + 50 * i, 1 + 7 * i, i % 2) for i in range(8)), **fleet)


def served(source: str, case: Case):
    return serve(case, OwnProgram(source, case), "arrays")


# What is scored


def test_credit_by_hand():
    case = case_of((0.0, 5000, 11, 0))
    service = served(policy(), case)
    (job,) = service.jobs
    for first_s, later_s, credit in ((2.0, 0.1, 1.0), (3.0, 0.05, 0.5), (1.0, 0.15, 0.5), (4.0, 0.0, 0.0), (9, 9, 0.0)):
        job.first_token_ns = round(first_s * 1e9)
        job.finish_ns = job.first_token_ns + round(later_s * 10e9)
        times = times_of(case, service)
        assert times.cost == pytest.approx(1 - credit, abs=1e-9)
        assert metrics_of(case, service, times)["goodput_share"] == float(credit == 1.0)


def test_metrics_by_hand():
    case = case_of((0.0, 1000, 3, 0), (50.0, 1000, 1, 0))
    service = served(policy(), case)
    found = SimpleNamespace(**metrics_of(case, service, times_of(case, service)))
    prefill_s = service.jobs[0].ttft_ns / 1e9
    assert (found.cost, found.goodput_share, found.switches) == (0.0, 1.0, 0.0)
    assert found.ttft_p50_s == pytest.approx(prefill_s)
    assert found.transfer_p99_s == pytest.approx(0.0131072, rel=1e-3)
    assert found.busy_p == pytest.approx(2 * prefill_s / (50 + prefill_s))
    assert found.busy_d == pytest.approx(0.0445 * 2 / (50 + prefill_s), rel=0.02)
    assert found.gpu_h_per_1k_good == pytest.approx(2 * 8 * (50 + prefill_s) / 3600 / 2 * 1000)


def test_what_a_fluid_can_serve_by_hand_and_by_trying():
    assert served_share([1.0], [1.0]) == pytest.approx(0.5)
    assert served_share([2.0, 1.0], [1.0, 1.0]) == pytest.approx(4 / 3)
    rng = np.random.default_rng(0)
    for _ in range(50):
        prefill, decode = rng.uniform(0.1, 2, (2, 3))
        grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 41)] * 3), -1).reshape(-1, 3)
        best = np.minimum(grid @ prefill, (1 - grid) @ decode).max()
        assert best - 1e-9 <= served_share(prefill.tolist(), decode.tolist()) <= best + 0.06


def test_the_figures_kept_are_those_of_the_programs_on_a_sample_of_cases():
    case = EVALUATOR.instances(Split.TRAIN)[2]
    kept = stored().figures[case.id]
    assert stored().digests[case.id] == digest(case)
    assert times_of(case, serve_with(NAIVE, case)).cost == kept.naive
    assert cost_of(case, Plan(kept.counts, kept.lead_s)) == kept.reference
    assert cost_of(case, Plan((kept.fixed,) * len(kept.counts), 0.0)) == kept.fixed_cost >= kept.reference
    assert fluid_cost(case) == kept.fluid


def test_naive_and_reference_are_far_apart_and_above_the_fluid_on_every_case():
    for split in (Split.TRAIN, Split.VALIDATION, Split.TEST):
        same = 0
        for case in EVALUATOR.instances(split):
            kept = figures_of(case)
            assert kept.far_apart and kept.fluid <= kept.reference < kept.naive
            assert kept.reference <= kept.fixed_cost
            same += kept.fixed_cost <= 1.02 * kept.reference + 0.005
        assert same >= len(EVALUATOR.instances(split)) // 3, "in a third of the cases no change of role helps"


def test_the_seed_is_the_naive_program(sandbox, known):
    case = small(instances=5)
    ours = evaluate_instance(EVALUATOR, sandbox, SEED, case)
    theirs = evaluate_instance(EVALUATOR, sandbox, BASELINES["half_round_robin"].read_text(), case)
    assert ours.status is Status.OK, ours.feedback
    assert ours.metrics == theirs.metrics and ours.score == theirs.score
    assert SEED.index("# EVOLVE-BLOCK-START") < SEED.index("class Policy") < SEED.index("# EVOLVE-BLOCK-END")


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_names_its_source_and_runs_in_the_sandbox(sandbox, known, name):
    source = BASELINES[name].read_text()
    assert re.search(r"^Source: ", source, re.MULTILINE)
    failing = Fleet((A100, H100, A100, A100), failures=(Failure(1, 2, 20),))
    case = Case("small", failing, Given(small().arrivals))
    result = evaluate_instance(EVALUATOR, sandbox, source, case)
    assert result.status is Status.OK, result.feedback
    assert result.score is not None and math.isfinite(result.score)


def test_feedback_tells_who_was_late_when_and_is_short():
    short = first_part(mixed_case(14, 8, seed=2), 60, Fleet((A100,) * 4))
    service = serve_with(NAIVE, short)
    said = explain(short, service, times_of(short, service), FIGURES)
    assert len(said) <= 700 and "worst from" in said and "2 prefill and 2 decode" in said
    assert "0 changes of role" in said


# Hostile answers


CHANGES = "return [[1, 0]] if obs.now_s > 0 else []"
BAD = {
    "no instance": (policy(dispatch="return 2"), r"dispatch returned 2 \(int\), expected an instance.* in 0..1, or -1"),
    "negative": (policy(dispatch="return -2"), "dispatch returned -2"),
    "nan": (policy(dispatch="return float('nan')"), r"dispatch returned nan \(float\)"),
    "none": (policy(dispatch="return None"), r"dispatch returned None \(NoneType\)"),
    "bool": (policy(dispatch="return True"), r"dispatch returned True \(bool\)"),
    "list": (policy(dispatch="return [0]"), r"dispatch returned \[0\] \(list\)"),
    "huge": (policy(dispatch="return 10**19"), "dispatch"),
    "decode instance": (policy(dispatch="return 1"), r"dispatch returned instance 1, which is a decode instance"),
    "assign to nobody": (policy(assign="return -1"), r"assign returned -1 .* expected an instance.* in 0..1$"),
    "prefill instance": (policy(assign="return 0"), r"assign returned instance 0, which is a prefill instance"),
    "assign a float": (policy(assign="return 1.0"), r"assign returned 1.0 \(float\)"),
    "no rows": (policy(control="return None"), r"control at 0 s returned NoneType, expected \(m, 2\)"),
    "a number": (policy(control="return 3"), "control at 0 s returned int"),
    "text": (policy(control="return 'ab'"), "control at 0 s returned str"),
    "row of one": (policy(control="return [[0]]"), r"row \[0\] is not \[instance, role\]"),
    "row of four": (policy(control="return np.zeros((1, 4), int)"), "is not \\[instance, role\\]"),
    "float array": (policy(control="return np.array([[0.0, 1.0]])"), "whole numbers"),
    "nan row": (policy(control="return [[0, float('nan')]]"), "whole numbers"),
    "three dimensions": (policy(control="return np.zeros((1, 2, 2), int)"), "is not \\[instance, role\\]"),
    "instance beyond": (policy(control="return [[5, 0]]"), "instance 5, expected 0..1"),
    "negative instance": (policy(control="return [[-1, 0]]"), "instance -1, expected 0..1"),
    "role beyond": (policy(control="return [[0, 3]]"), "takes role 3, expected 0, 1 or 2"),
    "flag": (policy(control="return [[0, 1, 2]]"), "migrate flag of 2"),
    "twice": (policy(control="return [[0, 1], [0, 0]]"), "instance 0 is there twice"),
    "no decode at first": (policy(control="return [[1, 0]]"), "control at 0 s leaves no decode instance of 2"),
    "no decode later": (policy(dispatch="return 0", control=CHANGES), "control at 5 s leaves no decode instance of 2"),
    "no prefill": (
        policy(control="return [[0, 1]]"),
        r"no prefill instance of 2; at least one .* role 0 or 2",
    ),
    "too many": (
        policy(control="return [[0, 0]] * 3 if obs.now_s else []"),
        "at 5 s changes 3 roles, at most 2",
    ),
    "too many at first": (policy(control="return [[0, 0], [1, 1], [0, 0]]"), "control at 0 s changes 3 roles"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_answer_is_infeasible_and_the_message_names_item_and_amount(what):
    source, says = BAD[what]
    case = small()
    late = Case("late", case.fleet, Given(case_of((0.0, 100, 2, 0), (9.0, 100, 200, 0)).arrivals))
    with pytest.raises(Infeasible, match=says):
        served(source, late)


@pytest.mark.parametrize("what", ["no instance", "huge", "nan", "float array", "three dimensions", "text"])
def test_the_sandbox_tells_it_as_well(sandbox, known, what):
    result = evaluate_instance(EVALUATOR, sandbox, BAD[what][0], small())
    assert result.status is Status.INFEASIBLE, result.feedback
    assert result.feedback and "\n" not in result.feedback


def test_who_holds_for_ever_is_told_what_is_held():
    with pytest.raises(Infeasible, match="for 600 s: the gateway holds 8, first request 0"):
        served(policy(dispatch="return -1"), small())


def test_holding_counts_into_the_time_to_the_first_token():
    held = served(policy(dispatch="return 0 if obs.now_s >= 5 else -1"), small())
    assert all(job.first_token_ns >= 5e9 for job in held.jobs)
    assert held.jobs[0].ttft_ns > 5e9
    assert times_of(small(), held).cost > 0.9


def test_a_held_request_is_offered_again_before_those_that_came_later():
    dispatch = "self.seen.append(obs.id); return 0 if not obs.instances.queued_tokens[0] else -1"
    source = policy(dispatch, start="self.seen = []")
    case = small()
    program = OwnProgram(source, case)
    service = serve(case, program, "arrays")
    first = [job.first_token_ns for job in service.jobs]
    assert first == sorted(first)
    assert program._policy.seen == sorted(program._policy.seen)


def test_flapping_costs_and_ends():
    short = first_part(mixed_case(17, 8, seed=3), 60, Fleet((A100,) * 8))
    quiet = times_of(short, serve_with(BASELINES["least_work"], short)).cost
    flaps = "r = obs.instances.role; return [[i, int(1 - r[i]), 1] for i in (0, 7)] if obs.now_s else []"
    flapping = BASELINES["least_work"].read_text().replace("return []", flaps)
    service = served(flapping, short)
    assert service.switches > 8
    assert times_of(short, service).cost > quiet + 0.02


def test_rows_that_change_nothing_cost_nothing():
    source = policy(control="return [[0, 0], [1, 1]]")
    plain, same = served(policy(), small()), served(source, small())
    assert [job.finish_ns for job in plain.jobs] == [job.finish_ns for job in same.jobs] and same.switches == 0


def test_sending_to_an_instance_that_switches_waits_there():
    source = policy(dispatch="return 2 if obs.now_s > 5 else 0", control="return [[2, 0]] if obs.now_s == 5 else []")
    case = case_of((0.0, 10, 1, 0), (5.5, 10, 1, 0), instances=3, switch_s=5.0)
    case = Case(case.id, Fleet((A100,) * 4, switch_s=5.0), case.source)
    source = source.replace("return 1\n", "return 3\n")
    service = served(source, case)
    assert service.jobs[1].first_token_ns > 10e9


def test_one_instance_left_for_both_may_be_mixed():
    source = policy(dispatch="return 0", assign="return 0", control="return [[0, 2], [1, 0]]")
    service = served(source, small())
    assert set(service.decode) == {0} and not service.transfer_ns


# What a policy sees


def unpack(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{key: unpack(one) for key, one in value.items()})
    return np.array(value) if isinstance(value, list) else value


def test_the_example_policy_gives_the_example_answer_and_shows_all_there_is():
    (code,) = re.findall(r"```python\n(.*?)```", STATEMENT, re.DOTALL)
    program: dict[str, Any] = {}
    exec(code, program)
    fleet, example = unpack(program["fleet"]), unpack(program["example"])
    assert set(vars(fleet)) == set(FleetInfo.__struct_fields__)
    assert set(vars(example)) == set(Prompt.__struct_fields__)
    assert set(vars(example.instances)) == set(Instances.__struct_fields__)
    assert program["Policy"](fleet).dispatch(example) == program["answer"]
    for record in (FleetInfo, Instances, Prompt, Prefilled, Report):
        for field in record.__struct_fields__:
            assert f"`{field}`" in STATEMENT or f"`obs.{field}`" in STATEMENT, field


def test_no_field_tells_the_length_of_an_answer_before_it_is_complete():
    lengths = {}
    for answer in (3, 300):
        seen = []
        case = case_of((0.0, 100, answer, 0), (0.5, 100, 2, 0))
        program = OwnProgram(policy(), case)

        class Spy:
            def dispatch(self, prompt, program=program, seen=seen):
                seen.append(repr(prompt))
                return program.dispatch(prompt)

            def assign(self, prefilled, program=program, seen=seen):
                seen.append(repr(prefilled))
                return program.assign(prefilled)

            def control(self, report):
                return []

        serve(case, Spy(), "lists")
        lengths[answer] = seen[:2]
    assert lengths[3] == lengths[300]


def test_windows_of_the_report_by_hand():
    reports = []
    case = case_of((1.0, 100, 2, 0), (2.0, 200, 2, 1), (8.0, 400, 2, 1), (11.5, 5, 1, 2), (70.0, 5, 90, 0))

    class Spy(OwnProgram):
        def control(self, report):
            reports.append(report)
            return []

    serve(case, Spy(policy(), case), "arrays")
    at = {report.now_s: report for report in reports}
    assert at[5.0].arrived_10s.tolist() == at[5.0].arrived_60s.tolist() == [[1, 100], [1, 200], [0, 0]]
    assert at[15.0].arrived_10s.tolist() == [[0, 0], [1, 400], [1, 5]]
    assert at[15.0].arrived_60s.tolist() == [[1, 100], [2, 600], [1, 5]]
    assert at[15.0].completed_10s.tolist() == [[0, 0], [1, 2], [1, 1]]
    assert at[65.0].completed_60s.tolist() == [[0, 0], [1, 2], [1, 1]]
    assert at[0.0].ttft_times_slo == 0.0 < at[5.0].ttft_times_slo < 1
    assert at[5.0].tpot_times_slo == pytest.approx(0.465, abs=0.002)  # 44.5 ms a step and the transfer
