"""The instances: the same everywhere, split apart, worth their place, with stored figures that belong to them."""

from __future__ import annotations

import itertools
import random

import pytest
from other_process import printed

from evaluators.single_machine_tardiness import SingleMachineTardiness, reference
from evaluators.single_machine_tardiness.evaluator import TardinessOptions
from evaluators.single_machine_tardiness.figures import (
    LEAST_GAP,
    LEAST_ROOM,
    compute,
    figures_of,
    file_of,
    programs_digest,
    stored,
    worth_drawing,
)
from evaluators.single_machine_tardiness.jobs import KINDS, digest
from evaluators.single_machine_tardiness.workload import RECIPES, drawn_jobs, own_jobs
from evolve.evaluator import Split

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)
EVALUATORS = {kind: SingleMachineTardiness(TardinessOptions(kind=kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_instance_is_the_one_its_figures_were_computed_from(kind):
    for split in EVALUATORS[kind].splits:
        for jobs in EVALUATORS[kind].instances(split):
            assert digest(jobs) == stored(kind).digests[jobs.id]
    assert programs_digest() == stored(kind).programs, "run python -m evaluators.single_machine_tardiness.reference"


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_the_stored_figures_is_computed_again(kind):
    jobs = min(EVALUATORS[kind].instances(Split.TRAIN), key=lambda one: len(one.due))
    kept, quick = figures_of(jobs, kind), compute(jobs)  # with all effort: in the slow test
    assert (quick.naive, quick.mdd, quick.best_rule) == (kept.naive, kept.mdd, kept.best_rule)
    assert kept.reference <= quick.reference <= 1.01 * kept.reference
    for split in EVALUATORS[kind].splits[3:]:
        for jobs in EVALUATORS[kind].instances(split)[::40]:
            assert compute(jobs) == figures_of(jobs, kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_all_stored_figures_are_computed_again(kind, tmp_path):
    reference.main(kind, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == file_of(kind).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_what_tells_nothing_was_redrawn(kind):
    for split in OWN:
        for jobs in EVALUATORS[kind].instances(split):
            known = figures_of(jobs, kind)
            assert worth_drawing(jobs, known)
            assert known.naive - known.reference >= LEAST_GAP * known.naive
            assert known.best_rule - known.reference >= LEAST_ROOM * (known.naive - known.reference)


def test_a_redrawn_instance_was_not_worth_its_place():
    attempts = stored("weighted").attempts[Split.TRAIN]
    index = next(place for place, count in enumerate(attempts) if count)
    jobs = own_jobs("weighted", Split.TRAIN, index, 0)
    assert not worth_drawing(jobs, compute(jobs))


def test_no_job_file_is_in_two_splits_or_kinds():
    digests = [digest(j) for kind in KINDS for split in OWN for j in EVALUATORS[kind].instances(split)]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("kind", KINDS)
def test_train_spans_the_sizes_of_test_and_validation_is_no_smaller(kind):
    sizes = {split: [len(jobs.due) for jobs in EVALUATORS[kind].instances(split)] for split in OWN}
    assert min(sizes[Split.TRAIN]) <= min(sizes[Split.TEST])
    assert max(sizes[Split.TRAIN]) >= 0.9 * max(sizes[Split.TEST])
    assert len(sizes[Split.VALIDATION]) >= len(sizes[Split.TRAIN])


def test_test_is_shifted_to_other_lengths_and_clustered_due_dates():
    def clustered(split):
        return sum(len(set(jobs.due)) <= 13 for jobs in EVALUATORS["weighted"].instances(split))

    def uniform(recipes):
        return sum(recipe.lengths == "uniform" for recipe in recipes) / len(recipes)

    assert clustered(Split.TEST) > 10 > clustered(Split.TRAIN)
    for kind in KINDS:
        assert uniform(RECIPES[kind][Split.TEST]) < uniform(RECIPES[kind][Split.TRAIN])


def test_instances_are_the_same_in_another_process_whatever_the_hash_seed():
    program = (
        "from evaluators.single_machine_tardiness.jobs import KINDS, digest, shown\n"
        "from evaluators.single_machine_tardiness.workload import own_jobs\n"
        "print([digest(shown(own_jobs(k, s, i, 0))) for k in KINDS for s in list(Split)[:3] for i in range(0, 16, 5)])"
    )
    from evaluators.single_machine_tardiness.jobs import shown

    here = [
        digest(shown(own_jobs(kind, split, index, 0)))
        for kind, split, index in itertools.product(KINDS, OWN, range(0, 16, 5))
    ]
    assert printed(program) == str(here)


def test_the_jobs_that_have_come_tell_nothing_of_those_that_will(monkeypatch):
    """Each has a stream of chance of its own: other draws of one job leave all others as they are."""
    before = drawn_jobs("online", Split.TRAIN, "train/0", 0, 0)
    real = random.Random

    def other_chance_for_the_last(seed):
        return real(f"{seed}/other" if seed.endswith(f"/job-{len(before.due) - 1}") else seed)

    monkeypatch.setattr(random, "Random", other_chance_for_the_last)
    after = drawn_jobs("online", Split.TRAIN, "train/0", 0, 0)
    assert after != before
    for column in ("processing", "due", "weight", "release"):
        assert getattr(after, column)[:-1] == getattr(before, column)[:-1]


def test_online_work_comes_at_the_load_that_a_policy_is_told():
    found = []
    for split in OWN:
        for jobs in EVALUATORS["online"].instances(split):
            found.append(sum(jobs.processing) / jobs.load / max(max(jobs.release), 1))
    assert 0.85 < sum(found) / len(found) < 1.25
