"""Steps, recoveries and whole runs against the second implementation, and by hand."""

from __future__ import annotations

import random

import pytest
import slow_training
from placed import a_node, random_case, random_plan, random_plans

from evaluators.training_placement.cluster import Case, Event, Job
from evaluators.training_placement.plan import Plan, Stage
from evaluators.training_placement.recovery import holdings, recovery_of
from evaluators.training_placement.step import chunked_us, pipeline_us, step_of
from evaluators.training_placement.training import Progress, train

CASES = 200


@pytest.mark.parametrize("block", range(4))
def test_a_run_is_that_of_the_second_implementation_after_every_event(block):
    for number in range(block * CASES // 4, (block + 1) * CASES // 4):
        rng = random.Random(number)
        case = random_case(rng)
        plans = random_plans(rng, case)
        log, steps = slow_training.run(case, plans)
        progress = Progress(case)
        for plan in plans:
            progress.go(plan)
            done = [count for _, us, count in log if us <= progress.now_us]
            assert progress.steps == (done[-1] if done else 0), (number, progress.now_us)
            saved = [count for kind, us, count in log if kind == "checkpoint" and us <= progress.now_us]
            assert progress.saved == (saved[-1] if saved else 0), (number, progress.now_us)
        assert progress.steps == steps
        trained = sum(one.steps for one in progress.segments)
        assert trained - sum(one.lost for one in progress.segments) == steps  # none is counted twice or forgotten
        for one in progress.segments:  # and no time: what is not used is less than a step
            if one.step is not None and one.recovered:
                used = one.recovery.us + one.steps * one.step.us + one.writing_us
                assert 0 <= one.end_us - one.start_us - used < one.step.us


def test_a_step_is_that_of_the_second_implementation():
    for number in range(CASES):
        rng = random.Random(number)
        case = random_case(rng)
        plan = random_plan(rng, case, range(len(case.nodes)))
        speed = [rng.choice([1.0, 0.7]) for _ in case.nodes]
        found = step_of(case, plan, speed)
        assert abs(found.us - slow_training.step(case, plan, speed)) <= 2, number  # the order of additions
        assert found.us >= max(found.pipelines_us)


def test_passes_follow_1f1b_of_the_second_implementation():
    for number in range(CASES):
        rng = random.Random(number)
        p = rng.randint(1, 6)
        forward, backward = (tuple(rng.randint(1, 30) for _ in range(p)) for _ in range(2))
        links = tuple(rng.choice([0, 3, 40]) for _ in range(p - 1))
        count = rng.randint(1, 12)
        facts = (forward, backward, links, count, rng.choice([0, 0, 1, 3]))
        assert pipeline_us(*facts) == slow_training.pipeline(*facts)


def test_a_pipeline_of_like_stages_has_the_bubble_of_the_paper():
    """(p - 1)/m of the ideal time: Narayanan 2021, section 2.2.1."""
    assert pipeline_us((10,) * 4, (20,) * 4, (0,) * 3, 16, 0) == 16 * 30 + 3 * 30


def test_a_slow_link_costs_its_latency_where_few_are_in_flight():
    # Two stages, two in flight: forward there, backward here, each over the link, for every two microbatches.
    plain, slow, hidden = (
        pipeline_us((10, 10), (20, 20), (link,), 100, ahead) for link, ahead in ((0, 0), (6, 0), (6, 1))
    )
    assert plain == 101 * 30
    assert slow == plain + 100 * 6
    assert hidden == plain + 2 * 6


def test_chunks_overlap_and_forward_and_backward_want_different_numbers():
    assert chunked_us(1000, 400, 1) == 2 * 450 + 1020
    assert chunked_us(1000, 400, 2) == (50 + 200) + 2 * (20 + 500) + (50 + 200)  # computing is what takes long
    assert chunked_us(100, 400, 2) == 4 * 250  # the link is
    best = [min(range(1, 17), key=lambda n: chunked_us(compute, 2000, n)) for compute in (1600, 3200)]
    assert best[0] != best[1]
    for number in range(CASES):
        rng = random.Random(number)
        facts = rng.uniform(0, 900), rng.uniform(0, 900), rng.randint(1, 8)
        assert chunked_us(*facts) == pytest.approx(slow_training.chunks_us(*facts))


JOB = Job(4, 1024, 1024, 1000, 0, 0, 1, 8, 10)
NODES = (a_node(), a_node(), a_node())


def on(*pipelines, counts=None, **more):
    """Return a plan of whole nodes: each pipeline a list of (first, last, node)."""
    chains = tuple(tuple(Stage(a, b, tuple(range(8 * n, 8 * n + 8))) for a, b, n in chain) for chain in pipelines)
    counts = counts or (8 // len(chains),) * len(chains)
    return Plan(8, 1, False, chains, counts, **{"checkpoint_every": 10, **more})


def case_of(events=(), horizon_s=600, nodes=NODES, job=JOB):
    return Case("data/0", "small", job, nodes, horizon_s, tuple(events))


def test_a_step_by_hand():
    plan = on([(0, 3, 0)])
    flops = 24 * 1024 * 1024**2 + 4 * 1024**2 * 1024  # forward, a sequence and layer
    head = 2 * 1024 * 1024 * 1000
    rate = 8 * 312e6 * 0.5 * 0.97**3 * 0.85
    forward = round((4 * flops + head) / rate)
    assert step_of(case_of(), plan, [1.0] * 3).us == 8 * (forward + round(2 * (4 * flops + head) / rate))


def test_gradients_of_two_nodes_take_the_link_and_are_partly_hidden():
    dense = 12 * 1024**2
    ends = 2 * 1000 * 1024
    found = step_of(case_of(), on([(0, 3, 0)], [(0, 3, 1)]), [1.0] * 3)
    assert found.sync_us == round(4 * (4 * dense + ends) / 8 / 2 / 25e3)
    assert found.exposed_us == found.sync_us - round(0.7 * found.sync_us)
    mixed = case_of(nodes=(a_node(), a_node("RoCE"), a_node()))
    slow = step_of(mixed, on([(0, 3, 0)], [(0, 3, 1)]), [1.0] * 3)
    assert slow.sync_us == round(4 * (4 * dense + ends) / 2 / 3.1e3)  # all eight rings over one line
    assert slow.exposed_us == slow.sync_us - 4 * slow.backward[0][0]  # passes are too short to hide 70 %


def recovered(ran, plan, lost=(), job=JOB):
    case = case_of(job=job)
    held = {gpu: one for gpu, one in holdings(ran).items() if gpu // 8 not in lost}
    return recovery_of(case, ran, held, plan, bool(lost))


def test_what_a_change_of_plan_costs_by_hand():
    both, one = on([(0, 3, 0)], [(0, 3, 1)]), on([(0, 3, 0)])
    layer, ends = 12 * 1024**2, 1000 * 1024
    assert recovered(both, both).us == 0
    dropped = recovered(both, one, lost={1})
    assert (dropped.detect_us, dropped.communicators_us, dropped.state_us) == (10_000_000, 1_000_000, 0)
    grown = recovered(one, both)  # node 1 has nothing: all of it over its NICs
    assert (grown.detect_us, grown.communicators_us) == (0, 4_000_000)
    assert grown.state_us == round(14 * (4 * layer + 2 * ends) / 8 / 25e3)
    split = recovered(on([(0, 1, 0), (2, 3, 1)]), on([(0, 2, 0), (3, 3, 1)]))  # one layer moves, in place
    assert (split.communicators_us, split.state_us) == (1_000_000, round(14 * layer / 8 / 25e3))
    new = recovered(on([(0, 1, 0), (2, 3, 1)]), on([(0, 1, 1), (2, 3, 0)]))
    assert new.communicators_us == 82_000_000


def test_without_a_live_copy_state_comes_from_the_last_checkpoint():
    chain, one = on([(0, 1, 0), (2, 3, 1)]), on([(0, 3, 0)])
    found = recovered(chain, one, lost={1})
    assert found.reload
    layer, ends = 12 * 1024**2, 1000 * 1024
    assert found.us == 10_000_000 + 300_000_000 + round(14 * (4 * layer + 2 * ends) / 2e3)
    assert recovered(on([(0, 3, 0)], [(0, 3, 1)], zero=1), one, lost={1}).reload  # its part of the optimizer is gone


def test_a_plan_with_a_lost_gpu_waits_until_it_is_back():
    both = on([(0, 3, 0)], [(0, 3, 1)])
    events = (Event(100, lost=(1,)), Event(300, returned=(1,)))
    run = train(case_of(events), lambda seen: both.shown(), lambda seen, plan, change: plan)
    before, waiting, after = run.segments
    assert before.step is not None
    assert (waiting.step, waiting.steps, waiting.stopped_us) == (None, 0, 200_000_000)
    assert after.recovery.us == 10_000_000 + 4_000_000 + after.recovery.state_us
    assert run.steps == before.steps + after.steps
    assert run.hours_per_billion == pytest.approx((600 / 3600) / (run.steps * 8 * 1024 / 1e9))
