"""The bound and the true optimum: found a second way on small cases, and beaten by nobody."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from broadcasts import BASELINES, SEED, random_paths, random_small, small
from in_process import InProcess

from evaluators.cloudcast import Cloudcast
from evaluators.cloudcast.answer import checked_paths
from evaluators.cloudcast.steiner import cheapest_paths, cheapest_tree_usd_per_gb
from evaluators.cloudcast.transfer import bill
from evolve.evaluator import Split


def trees_enumerated(usd, source, destinations):
    """The cheapest set of edges, by trying for every set of further regions every way to choose who is fed by whom."""
    others = [r for r in range(len(usd)) if r != source and r not in destinations]
    best = np.inf
    for size in range(len(others) + 1):
        for relays in itertools.combinations(others, size):
            fed = [*destinations, *relays]
            for feeders in itertools.product([source, *fed], repeat=len(fed)):
                feeder = dict(zip(fed, feeders, strict=True))
                if all(reaches(feeder, region, source) for region in fed):
                    best = min(best, sum(usd[feeder[region], region] for region in fed))
    return best


def reaches(feeder, region, source):
    for _ in range(len(feeder) + 1):
        if region == source:
            return True
        region = feeder[region]
    return False


def all_simple_paths(broadcast, destination):
    between = [r for r in range(len(broadcast.network.regions)) if r not in (broadcast.source, destination)]
    for size in range(len(between) + 1):
        for middle in itertools.permutations(between, size):
            path = (broadcast.source, *middle, destination)
            if all(broadcast.network.exists[a, b] for a, b in itertools.pairwise(path)):
                yield path


def cheapest_routing(broadcast):
    """The optimum over all routings, time included, by enumeration."""
    keys = [(d, p) for d in broadcast.destinations for p in range(broadcast.partitions)]
    choices = [list(all_simple_paths(broadcast, d)) for d, _ in keys]
    return min(bill(broadcast, dict(zip(keys, chosen, strict=True))).cost_usd for chosen in itertools.product(*choices))


def answered(source, broadcast):
    names = broadcast.network.regions
    answer = InProcess(source).call(
        "route",
        names[broadcast.source],
        [names[d] for d in broadcast.destinations],
        broadcast.graph(),
        broadcast.partitions,
    )
    return bill(broadcast, checked_paths(answer, broadcast)).cost_usd


def test_cheapest_paths_by_hand():
    """0 -> 1 for 0.05 or over 2 for 0.01 + 0.02; nothing leaves 1."""
    usd = np.array([[np.inf, 0.05, 0.01], [np.inf, np.inf, np.inf], [0.4, 0.02, np.inf]])
    expected = [[0, 0.03, 0.01], [np.inf, 0, np.inf], [0.4, 0.02, 0]]
    assert cheapest_paths(usd) == pytest.approx(np.array(expected))
    assert np.isinf(usd[0, 0])


def test_the_cheapest_tree_by_hand_uses_a_relay_that_nobody_asked_for():
    """Three destinations at 0.19 each from s; the relay costs 0.15 and then 0.02 for each."""
    edges = {("a:s", f"a:{d}"): (1, 0.19) for d in "pqr"} | {("a:s", "a:relay"): (1, 0.15)}
    edges |= {("a:relay", f"a:{d}"): (1, 0.02) for d in "pqr"}
    regions = list(dict.fromkeys(itertools.chain.from_iterable(edges)))
    usd = np.full((5, 5), np.inf)
    for (tail, head), (_, price) in edges.items():
        usd[regions.index(tail), regions.index(head)] = price
    ends = [regions.index(f"a:{d}") for d in "pqr"]
    assert cheapest_tree_usd_per_gb(usd, 0, ends) == pytest.approx(0.21)
    assert cheapest_tree_usd_per_gb(usd, 0, ends[:1]) == pytest.approx(0.17)
    assert cheapest_tree_usd_per_gb(usd, ends[0], ends[1:]) == np.inf


def test_the_cheapest_tree_is_the_enumerated_one_on_random_cases():
    rng = np.random.default_rng(2)
    for _ in range(200):
        count = int(rng.integers(3, 6))
        usd = np.where(rng.random((count, count)) < 0.8, rng.integers(1, 20, (count, count)) / 100, np.inf)
        np.fill_diagonal(usd, np.inf)
        ends = rng.permutation(np.arange(1, count))[: int(rng.integers(1, count))].tolist()
        assert cheapest_tree_usd_per_gb(usd, 0, ends) == pytest.approx(trees_enumerated(usd, 0, ends), abs=1e-12)


def test_no_routing_sends_the_data_for_less_than_the_bound():
    rng = np.random.default_rng(3)
    for _ in range(200):
        broadcast = random_small(rng, most_regions=7, most_destinations=5)
        tree = cheapest_tree_usd_per_gb(broadcast.network.usd_per_gb, broadcast.source, broadcast.destinations)
        paid = bill(broadcast, random_paths(rng, broadcast))
        assert paid.egress_usd >= tree * broadcast.volume_gb - 1e-9


def test_no_program_beats_the_enumerated_optimum_and_the_reference_comes_close_to_it():
    rng = np.random.default_rng(4)
    ratios = []
    for _ in range(60):
        broadcast = random_small(rng, most_regions=4, most_destinations=2, most_partitions=2)
        best = cheapest_routing(broadcast)
        for source in (*BASELINES.values(), SEED):
            assert answered(source, broadcast) >= best - 1e-9
        ratios.append(answered(BASELINES["steiner_search"], broadcast) / best)
    assert np.mean(ratios) < 1.01
    assert np.max(ratios) < 1.1


@pytest.mark.parametrize("split", list(Split))
def test_the_reference_sends_at_the_bound_or_slightly_above_it_on_every_broadcast(split):
    evaluator = Cloudcast()
    for instance in evaluator.instances(split):
        found = evaluator.evaluate(InProcess(BASELINES["steiner_search"]), instance).metrics
        assert found["bound_usd"] - 1e-9 <= found["egress_usd"] <= 1.03 * found["bound_usd"]


def test_more_destinations_than_one_optimum_takes_are_joined_to_the_tree_group_by_group():
    """Fourteen destinations behind one relay: the second group reaches it over what the first has paid."""
    edges = {("aws:s", "aws:relay"): (5, 0.1)}
    for number in range(14):
        edges["aws:s", f"aws:{number}"] = (5, 0.15)
        edges["aws:relay", f"aws:{number}"] = (5, 0.01)
    broadcast = small(edges, 100, 2, [f"aws:{number}" for number in range(14)])
    seconds = 100 * 8 / (10 / 14)  # fourteen edges share what may leave the relay
    assert answered(BASELINES["steiner_search"], broadcast) == pytest.approx(24 + 16 * 2 * 0.54 / 3600 * seconds)
