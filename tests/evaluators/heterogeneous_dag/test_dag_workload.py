"""Our own graphs and streams: as the recipes say, the same everywhere, with figures that belong to them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from other_process import printed

from evaluators.heterogeneous_dag import HeterogeneousDag
from evaluators.heterogeneous_dag.dag import KINDS, UNSUPPORTED, topological
from evaluators.heterogeneous_dag.evaluator import DagOptions
from evaluators.heterogeneous_dag.figures import LEAST_GAP, compute, digest, figures_of, programs_digest, stored
from evaluators.heterogeneous_dag.shapes import cholesky, fft, gaussian, layered, montage
from evaluators.heterogeneous_dag.workload import SIZES, drawn_instance, own_instance
from evolve.evaluator import Split

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)
BOTH = {kind: HeterogeneousDag(DagOptions(kind=kind)) for kind in SIZES}


@pytest.mark.parametrize("kind", BOTH)
def test_every_instance_is_the_one_its_figures_were_computed_from(kind):
    assert stored(kind).programs == programs_digest(), "run python -m evaluators.heterogeneous_dag.reference"
    for split in (*OWN, Split.PUBLIC):
        cases = BOTH[kind].instances(split)
        assert split is Split.PUBLIC or len(cases) == SIZES[kind][split]
        for case in cases:
            assert digest(case) == stored(kind).digests[case.id]


@pytest.mark.parametrize("kind", BOTH)
def test_instances_tell_programs_apart_and_a_sample_of_figures_is_found_again(kind):
    for split in OWN:
        for case in BOTH[kind].instances(split):
            assert figures_of(case).naive - figures_of(case).reference >= LEAST_GAP * figures_of(case).naive
    for case in BOTH[kind].instances(Split.VALIDATION)[::9]:
        assert compute(case) == figures_of(case)


def test_instances_are_the_same_in_another_process_whatever_the_hash_seed():
    program = (
        "from evaluators.heterogeneous_dag.figures import digest\n"
        "from evaluators.heterogeneous_dag.dag import KINDS\n"
        "from evaluators.heterogeneous_dag.workload import own_instance\n"
        "print([digest(own_instance(k, s, 1, 0)) for k in KINDS for s in (Split.TRAIN, Split.TEST)])"
    )
    here = [digest(own_instance(k, s, 1, 0)) for k in KINDS for s in (Split.TRAIN, Split.TEST)]
    assert printed(program) == str(here)


def test_shapes_have_the_tasks_that_their_sources_say_and_no_cycle():
    assert gaussian(5)[0] == (5 * 5 + 5 - 2) // 2
    assert fft(8)[0] == 2 * 8 - 1 + 8 * 3
    assert cholesky(5)[0] == 5 * 6 * 7 // 6
    assert montage(4)[0] == 4 + 4 + 2 + 4 + 4
    for tasks, arcs in (gaussian(5), fft(8), cholesky(5), montage(4), layered(np.random.default_rng(0), 40, 1.0, 5)):
        assert all(0 <= a < b < tasks for a, b in arcs)
        assert len(set(arcs)) == len(arcs)


def test_the_last_butterflies_of_an_fft_hang_on_every_point():
    tasks, arcs = fft(8)
    before = {task: {a for a, b in arcs if b == task} for task in range(tasks)}
    for last in range(tasks - 8, tasks):
        reached, border = set(), {last}
        while border:
            reached |= border
            border = {a for task in border for a in before[task]} - reached
        assert set(range(7, 15)) <= reached


def test_task_numbers_carry_no_information():
    """In about half of the arcs the successor has the lower number."""
    arcs = [
        (task, successor)
        for case in BOTH["static"].instances(Split.TRAIN)
        for task, row in enumerate(case.dag.successors)
        for successor, _ in row
    ]
    assert 0.44 < sum(a < b for a, b in arcs) / len(arcs) < 0.56


def test_only_the_test_split_has_tasks_that_some_pes_cannot_run_and_each_has_one_that_can():
    limited = {
        split: sum(UNSUPPORTED in row for case in BOTH["static"].instances(split) for row in case.dag.work)
        for split in OWN
    }
    assert limited[Split.TRAIN] == limited[Split.VALIDATION] == 0 < limited[Split.TEST]
    for case in BOTH["static"].instances(Split.TEST):
        assert all(max(row) > 0 for row in case.dag.work)
        assert len(topological(case.dag)) == case.dag.tasks


def test_what_tasks_really_take_is_drawn_from_a_stream_of_its_own():
    """Another sigma or other noise leaves what a program sees as it is."""
    one = drawn_instance("stream", Split.TRAIN, "train/x", 0, 0).jobs
    noise = {(job.arrival, tuple(map(tuple, job.dag.work))): job.real for job in one}
    assert len(noise) > 50
    assert all(job.real != job.dag.work for job in one)
    assert len({str(job.real) for job in one}) == len(one), "each job has noise of its own"


@pytest.mark.parametrize("kind", BOTH)
def test_fresh_instances_are_new_and_tell_programs_apart(kind):
    seed = random.Random(3).getrandbits(60)
    drawn = BOTH[kind].fresh(Split.TRAIN, seed, 2)
    assert [digest(case) for case in drawn] == [digest(case) for case in BOTH[kind].fresh(Split.TRAIN, seed, 2)]
    assert not {digest(case) for case in drawn} & set(stored(kind).digests.values())
    assert all(figures_of(case).naive > figures_of(case).reference for case in drawn)
