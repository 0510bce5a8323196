"""The cases: the same everywhere, split apart, worth their place, with stored figures that belong to them."""

from __future__ import annotations

import itertools
import random

import pytest
from other_process import printed

from evaluators.flow_time import FlowTime, reference
from evaluators.flow_time.evaluator import FlowTimeOptions
from evaluators.flow_time.figures import (
    LEAST_GAP,
    LEAST_ROOM,
    compute,
    figures_of,
    file_of,
    programs_digest,
    stored,
    worth_drawing,
)
from evaluators.flow_time.machine import KINDS, digest
from evaluators.flow_time.workload import RECIPES, Recipe, drawn_case, means, own_case
from evaluators.flow_time.workload import _chain as chain
from evolve.evaluator import Split

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)
EVALUATORS = {kind: FlowTime(FlowTimeOptions(kind=kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_case_is_the_one_its_figures_were_computed_from(kind):
    for split in EVALUATORS[kind].splits:
        for case in EVALUATORS[kind].instances(split):
            assert digest(case) == stored(kind).digests[case.id]
    assert programs_digest() == stored(kind).programs, "run python -m evaluators.flow_time.reference"


def test_a_sample_of_the_stored_figures_is_computed_again():
    for kind, split, index in (("gradual", Split.TRAIN, 4), ("blind", Split.TEST, 0), ("tests", Split.VALIDATION, 0)):
        case = EVALUATORS[kind].instances(split)[index]
        assert compute(case, kind) == figures_of(case, kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_all_stored_figures_are_computed_again(kind, tmp_path):
    reference.main(kind, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == file_of(kind).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_what_tells_nothing_was_redrawn(kind):
    for split in OWN:
        for case in EVALUATORS[kind].instances(split):
            known = figures_of(case, kind)
            assert worth_drawing(known)
            assert known.naive - known.reference >= LEAST_GAP * known.naive
            assert known.best_rule - known.reference >= LEAST_ROOM * (known.naive - known.reference)


def test_no_case_is_in_two_splits_or_kinds():
    digests = [digest(c) for kind in KINDS for split in OWN for c in EVALUATORS[kind].instances(split)]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("kind", KINDS)
def test_train_spans_the_sizes_of_test_and_validation_is_no_smaller(kind):
    recipes = RECIPES[kind]
    assert max(r.ops for r in recipes[Split.TRAIN]) == max(r.ops for r in recipes[Split.TEST])
    assert {r.machines * r.jobs for r in recipes[Split.TRAIN]} == {r.machines * r.jobs for r in recipes[Split.TEST]}
    assert len(recipes[Split.VALIDATION]) >= len(recipes[Split.TRAIN])
    assert {r.family for r in recipes[Split.TEST]} - {r.family for r in recipes[Split.TRAIN]}, "test has new families"


@pytest.mark.parametrize("family", ["exponential", "bimodal", "rising", "trap", "pareto"])
def test_the_means_of_a_family_are_those_of_its_draws(family):
    rng = random.Random(family)
    drawn = [chain(rng, family, 6) for _ in range(30_000)]
    work, ops = means(family, 6)
    assert sum(map(len, drawn)) / len(drawn) == pytest.approx(ops, rel=0.02)
    if family != "pareto":  # its tail is too heavy for a sample
        assert sum(map(sum, drawn)) / len(drawn) == pytest.approx(work, rel=0.03)
    else:
        assert min(map(sum, drawn)) >= 1
        assert max(map(sum, drawn)) <= 1e4
        # The middle of a bounded Pareto distribution: 2^(1/1.1).
        assert sorted(map(sum, drawn))[15_000] == pytest.approx(2 ** (1 / 1.1), rel=0.03)


def test_cases_are_the_same_in_another_process_whatever_the_hash_seed():
    program = (
        "from evaluators.flow_time.machine import KINDS, digest, estimates\n"
        "from evaluators.flow_time.workload import own_case\n"
        "cases = [own_case(k, s, i, 0) for k in KINDS for s in list(Split)[:3] for i in (0, 5)]\n"
        "print([(digest(c), sum(estimates(c, 1))) for c in cases])"
    )
    from evaluators.flow_time.machine import estimates

    cases = [own_case(kind, split, index, 0) for kind, split, index in itertools.product(KINDS, OWN, (0, 5))]
    assert printed(program) == str([(digest(case), sum(estimates(case, 1))) for case in cases])


def test_the_jobs_that_have_come_tell_nothing_of_those_that_will(monkeypatch):
    """Each has a stream of chance of its own: other draws of one job leave all before it as they are."""
    before = drawn_case("gradual", Split.TRAIN, "train/0", 0, 0).machines
    real = random.Random

    def other_chance_for_one(seed):
        return real(f"{seed}/other" if seed.endswith("machine-2/job-100") else seed)

    monkeypatch.setattr(random, "Random", other_chance_for_one)
    after = drawn_case("gradual", Split.TRAIN, "train/0", 0, 0).machines
    assert after[2] != before[2]
    assert after[2][:100] == before[2][:100]
    assert [job.ops for job in after[2][101:]] == [job.ops for job in before[2][101:]]
    assert [*after[:2], *after[3:]] == [*before[:2], *before[3:]]


def test_bunches_come_together_and_bursts_raise_the_load_for_a_tenth_of_the_time():
    from evaluators.flow_time.workload import Drawn

    def jobs_of(**recipe):
        return Drawn("bursts", Recipe("exponential", 3, machines=1, jobs=4000, **recipe), False).machines()[0]

    bunched = jobs_of(bunch=5.0)
    assert 4 < 4000 / len({job.arrival for job in bunched}) < 6
    work = 2000  # ticks of a mean job
    steady, bursty = jobs_of(load=0.8), jobs_of(load=0.8, bursts=True)
    for jobs, share in ((steady, 0.1), (bursty, 0.1 * 1.5 / 0.8)):
        in_burst = sum(job.arrival % (60 * work) < 6 * work for job in jobs) / len(jobs)
        assert in_burst == pytest.approx(share, abs=0.02)
        assert len(jobs) * work / jobs[-1].arrival == pytest.approx(0.8, rel=0.06)
