"""Our own shops: as the recipes say, the same everywhere, with figures that belong to them."""

from __future__ import annotations

from statistics import fmean

import pytest
from other_process import printed

from evaluators.job_shop import JobShop
from evaluators.job_shop.figures import LEAST_GAP, compute, digest, figures_of, programs_digest, stored
from evaluators.job_shop.shop import KINDS
from evaluators.job_shop.workload import RECIPES, Recipe, drawn_instance, drawn_shop, own_instance
from evolve.evaluator import Split


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)
EVALUATORS = {kind: JobShop(JobShop.Options(kind=kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_shop_is_the_one_its_figures_were_computed_from_and_tells_programs_apart(kind):
    assert stored(kind).programs == programs_digest(kind), "run python -m evaluators.job_shop.reference"
    for split in EVALUATORS[kind].splits:
        shops = EVALUATORS[kind].instances(split)
        assert split is Split.PUBLIC or len(shops) == len(RECIPES[kind][split])
        for one in shops:
            assert digest(one) == stored(kind).digests[one.id]
            figures = figures_of(one)
            assert split is Split.PUBLIC or figures.naive - figures.reference >= LEAST_GAP[kind] * figures.naive


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_figures_is_found_again(kind):
    one = EVALUATORS[kind].instances(Split.TRAIN)[0]
    assert compute(one) == figures_of(one)


def test_shops_are_the_same_in_another_process_whatever_the_hash_seed():
    program = (
        "from evaluators.job_shop.figures import digest\n"
        "from evaluators.job_shop.shop import KINDS\n"
        "from evaluators.job_shop.workload import own_instance\n"
        "print([digest(own_instance(k, s, 1, 0)) for k in KINDS for s in (Split.TRAIN, Split.TEST)])"
    )
    here = [digest(own_instance(k, s, 1, 0)) for k in KINDS for s in (Split.TRAIN, Split.TEST)]
    assert printed(program) == str(here)


def test_routes_pass_every_machine_once_and_two_sets_one_half_first():
    for index, recipe in enumerate(RECIPES["jsp"][Split.TEST]):
        shop = own_instance("jsp", Split.TEST, index, 0).shop
        assert (len(shop.jobs), shop.machines) == (recipe.jobs, recipe.machines)
        for job in shop.jobs:
            route = [op[0][0] for op in job.ops]
            assert sorted(route) == list(range(shop.machines))
            first = set(route[: shop.machines // 2])
            assert (first == set(range(shop.machines // 2))) is (recipe.routing == "two_sets") or recipe.jobs > 40


def test_an_operation_has_as_many_machines_as_the_recipe_allows_a_fifth_quicker_or_slower():
    shop = drawn_shop(Recipe(200, 10, alternatives=5), "test/alternatives")
    ops = [op for job in shop.jobs for op in job.ops]
    assert {len(op) for op in ops} == {1, 2, 3, 4, 5}
    assert fmean(len(op) for op in ops) == pytest.approx(3, abs=0.15)
    long = [op for op in ops if len(op) > 1 and min(ticks for _, ticks in op) > 30]
    assert all(max(t for _, t in op) / min(t for _, t in op) <= 1.2 / 0.8 + 0.1 for op in long)
    assert all(len({m for m, _ in op}) == len(op) for op in ops)


def test_jobs_come_at_the_load_and_are_due_at_the_multiple_of_their_work_that_is_said():
    recipe = Recipe(3000, 10, ops=(2, 10), utilisation=0.9, due_factor=1.5, down=0.05, repair=5.0)
    shop = drawn_shop(recipe, "test/dynamic")
    work = [sum(op[0][1] for op in job.ops) for job in shop.jobs]
    assert sum(work) / (10 * shop.jobs[-1].arrival) == pytest.approx(0.9, abs=0.03)
    assert all(job.due == job.arrival + round(1.5 * ticks) for job, ticks in zip(shop.jobs, work, strict=True))
    shares = [sum(job.weight == weight for job in shop.jobs) / 3000 for weight in (1, 2, 4)]
    assert shares == pytest.approx([0.2, 0.6, 0.2], abs=0.03)
    end = max(one.end for one in shop.breakdowns)
    down = sum(one.end - one.start for one in shop.breakdowns) / (10 * end)
    assert down == pytest.approx(0.05, abs=0.01)
    assert fmean(one.end - one.start for one in shop.breakdowns) == pytest.approx(250, rel=0.1)


def test_who_knows_the_first_jobs_knows_nothing_of_later_ones_or_of_breakdowns():
    """Every job has its own stream: fewer jobs, the same ones; and breakdowns do not depend on them."""
    recipe = Recipe(40, 10, ops=(2, 10), utilisation=0.9, due_factor=1.5, down=0.05)
    shorter = Recipe(20, 10, ops=(2, 10), utilisation=0.9, due_factor=1.5, down=0.05)
    whole, part = drawn_shop(recipe, "test/own streams"), drawn_shop(shorter, "test/own streams")
    assert whole.jobs[:20] == part.jobs
    assert set(part.breakdowns) <= set(whole.breakdowns)


@pytest.mark.parametrize("kind", ["blocking", "dynamic"])
def test_a_shop_that_is_drawn_again_has_figures_of_its_own(kind):
    """Both draws have one id: the second one must not get the figures of the first, or it would be drawn for ever."""
    first, second = (drawn_instance(kind, Split.TRAIN, f"train/again-{kind}", 0, attempt) for attempt in (0, 1))
    assert first.id == second.id
    assert figures_of(first) != figures_of(second) == compute(second)


def test_another_name_is_another_shop():
    one, other = (drawn_instance("jsp", Split.TRAIN, name, 0, 0).shop for name in ("train/x", "train/y"))
    assert one != other
