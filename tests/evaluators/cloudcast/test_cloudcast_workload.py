"""The generator: the same in every process, apart from split to split, and as real as it claims."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from other_process import printed

from evaluators.cloudcast import Cloudcast
from evaluators.cloudcast.figures import digest
from evaluators.cloudcast.network import bundled_network, provider
from evaluators.cloudcast.workload import RECIPES, own_broadcast, perturbed, sources
from evolve.evaluator import Split

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def instances(split):
    return Cloudcast().instances(split)


def test_no_two_splits_nor_the_public_set_have_a_source_in_common():
    of = {split: {instance.source for instance in instances(split)} for split in Split}
    for one, other in itertools.combinations(Split, 2):
        assert not of[one] & of[other]
    assert all(of[split] <= set(sources(split)) for split in OWN)


@pytest.mark.parametrize("split", OWN)
def test_broadcasts_keep_to_their_recipe(split):
    recipe = RECIPES[split]
    found = instances(split)
    assert [instance.id for instance in found] == [f"{split.value}/{i}" for i in range(recipe.count)]
    for number, instance in enumerate(found):
        regions = [instance.network.regions[r] for r in (instance.source, *instance.destinations)]
        assert len(set(regions)) == len(regions)
        assert recipe.destinations[0] <= len(instance.destinations) <= recipe.destinations[1]
        assert recipe.volume_gb[0] <= instance.volume_gb <= recipe.volume_gb[1]
        assert recipe.partitions[0] <= instance.partitions <= recipe.partitions[1]
        assert instance.vms in recipe.vms
        assert len({provider(name) for name in regions}) == number % 3 + 1


@pytest.mark.parametrize("split", OWN)
def test_the_recipe_is_within_what_the_specification_asks_for(split):
    recipe = RECIPES[split]
    assert 3 <= recipe.destinations[0] <= recipe.destinations[1] <= 12
    assert 30 <= recipe.volume_gb[0] <= recipe.volume_gb[1] <= 3000
    assert 1 <= recipe.partitions[0] <= recipe.partitions[1] <= 20


def test_prices_differ_from_the_published_ones_in_train_nearly_as_much_as_in_test():
    published = bundled_network()
    for split, least, most in ((Split.TRAIN, 0.1, 0.35), (Split.VALIDATION, 0.05, 0.16), (Split.TEST, 0.15, 0.4)):
        for instance in instances(split):
            ratio = instance.network.usd_per_gb[published.exists] / published.usd_per_gb[published.exists]
            assert least < np.std(np.log(ratio)) < most
            assert (instance.network.exists == published.exists).all()
        assert len({instance.network.fingerprint for instance in instances(split)}) == RECIPES[split].count


def test_train_spans_what_test_has():
    train, test = RECIPES[Split.TRAIN], RECIPES[Split.TEST]
    for part in ("destinations", "volume_gb", "partitions"):
        assert getattr(train, part)[0] <= getattr(test, part)[0] and getattr(train, part)[1] >= getattr(test, part)[1]
    assert set(train.vms) == set(test.vms)


def test_prices_of_a_region_that_were_equal_stay_equal_and_no_others_become_so():
    published = bundled_network()
    other = perturbed(published, 0.25, 0.3, np.random.default_rng(5))
    for before, after in zip(published.usd_per_gb, other.usd_per_gb, strict=True):
        for price in np.unique(before[np.isfinite(before)]):
            changed = np.unique(after[before == price])
            assert changed.size == 1
            assert changed[0] == round(changed[0], 4) > 0
    assert (published.usd_per_gb == bundled_network().usd_per_gb).all()
    log_ratio = np.log(other.bit_s[published.exists] / published.bit_s[published.exists])
    assert np.std(log_ratio) == pytest.approx(0.3, abs=0.02)


def test_a_draw_is_the_same_again_and_a_redraw_is_another():
    assert digest(own_broadcast(Split.TEST, 3, 0)) == digest(own_broadcast(Split.TEST, 3, 0))
    assert digest(own_broadcast(Split.TEST, 3, 0)) != digest(own_broadcast(Split.TEST, 3, 1))
    assert digest(own_broadcast(Split.TRAIN, 3, 0)) != digest(own_broadcast(Split.VALIDATION, 3, 0))


@pytest.mark.slow
def test_another_process_draws_the_same_broadcasts():
    program = (
        "from evaluators.cloudcast import Cloudcast; from evaluators.cloudcast.figures import digest\n"
        "print(*(digest(i) for s in Split for i in Cloudcast().instances(s)))"
    )
    assert printed(program).split() == [digest(instance) for split in Split for instance in instances(split)]
