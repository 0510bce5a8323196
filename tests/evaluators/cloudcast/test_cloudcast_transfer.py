"""The cost model: the worked examples of the public benchmark, each formula by hand, and a second transcription."""

from __future__ import annotations

import numpy as np
import pytest
from broadcasts import numbered, random_paths, random_small, slow_cost, small

from evaluators.cloudcast.transfer import bill, flows, loads


def direct(broadcast):
    return {(d, p): (broadcast.source, d) for d in broadcast.destinations for p in range(broadcast.partitions)}


EXAMPLE_A = {("aws:s", "aws:p"): (5, 0.02), ("aws:s", "aws:q"): (5, 0.02)}
EXAMPLE_B = {("aws:s", "aws:p"): (3.65, 0.02), ("aws:p", "gcp:q"): (3.65, 0.09)}
EXAMPLE_C = {
    ("azure:s", "aws:x"): (6, 0.05),
    ("azure:s", "azure:y"): (6, 0.02),
    ("aws:x", "aws:z"): (6, 0.02),
    ("aws:x", "gcp:w"): (6, 0.09),
    ("azure:y", "aws:z"): (6, 0.0875),
    ("azure:y", "gcp:w"): (6, 0.0875),
}


def test_worked_example_a_two_direct_edges_share_the_egress_of_their_source():
    broadcast = small(EXAMPLE_A, 10, 2, ["aws:p", "aws:q"])
    paid = bill(broadcast, direct(broadcast))
    assert paid.time_s == pytest.approx(16.0, abs=1e-12)
    assert paid.cost_usd == pytest.approx(0.41440000000000005, abs=1e-12)


def test_worked_example_b_a_destination_passes_the_data_on():
    broadcast = small(EXAMPLE_B, 10, 2, ["aws:p", "gcp:q"])
    paths = {("aws:p", p): ["aws:s", "aws:p"] for p in range(2)} | {
        ("gcp:q", p): ["aws:s", "aws:p", "gcp:q"] for p in range(2)
    }
    paid = bill(broadcast, numbered(broadcast, paths))
    assert paid.time_s == pytest.approx(10.95890410958904, abs=1e-12)
    assert paid.cost_usd == pytest.approx(1.109864, abs=1e-12)


@pytest.mark.parametrize(("odd", "time_s", "cost_usd"), [(0, 60.0, 19.24), (9, 72.0, 19.257999999999996)])
def test_worked_examples_c_and_d_the_order_of_the_regions_decides_what_is_cut_first(odd, time_s, cost_usd):
    broadcast = small(EXAMPLE_C, 100, 10, ["aws:z", "gcp:w"])
    paths = {(d, p): ["azure:s", "aws:x" if p == odd else "azure:y", d] for d in ("aws:z", "gcp:w") for p in range(10)}
    paid = bill(broadcast, numbered(broadcast, paths))
    assert paid.time_s == pytest.approx(time_s, abs=1e-12)
    assert paid.cost_usd == pytest.approx(cost_usd, abs=1e-12)


def test_an_edge_carries_a_partition_once_however_many_destinations_use_it():
    broadcast = small(EXAMPLE_B, 10, 2, ["gcp:q", "aws:p"])
    paths = {("aws:p", p): ["aws:s", "aws:p"] for p in range(2)} | {
        ("gcp:q", p): ["aws:s", "aws:p", "gcp:q"] for p in range(2)
    }
    regions, load = loads(broadcast, numbered(broadcast, paths))
    assert regions == (0, 1, 2)
    assert load == {(0, 1): 2, (1, 2): 2}


def test_flows_start_at_twice_the_throughput_and_are_left_alone_below_the_limits():
    broadcast = small({("azure:s", "azure:p"): (3, 0.02), ("azure:s", "azure:q"): (4, 0.02)}, 10, 1, ["azure:p"])
    assert flows(broadcast, (0, 1, 2), [(0, 1), (0, 2)]) == {(0, 1): 6.0, (0, 2): 8.0}


def test_a_limit_cuts_to_an_equal_share_and_leaves_slower_edges_as_they_are():
    """AWS gives out 10 Gbit/s: 2, 8 and 12 add up to 22, a third of 10 is 3.33."""
    edges = {("aws:s", "azure:p"): (1, 0.09), ("aws:s", "azure:q"): (4, 0.09), ("aws:s", "azure:r"): (6, 0.09)}
    broadcast = small(edges, 10, 1, ["azure:p", "azure:q", "azure:r"])
    assert flows(broadcast, (0, 1, 2, 3), [(0, 1), (0, 2), (0, 3)]) == {
        (0, 1): 2.0,
        (0, 2): pytest.approx(10 / 3),
        (0, 3): pytest.approx(10 / 3),
    }


def test_ingress_is_judged_on_flows_that_an_earlier_region_has_cut():
    """40 Gbit/s from each of two sources; AWS lets 10 of it out, Azure 32; into AWS go at most 20."""
    edges = {("aws:s", "aws:p"): (20, 0.02), ("azure:t", "aws:p"): (20, 0.02), ("aws:s", "azure:t"): (1, 0.09)}
    broadcast = small(edges, 10, 1, ["aws:p"])
    s, p, t = (broadcast.network.index[name] for name in ("aws:s", "aws:p", "azure:t"))
    used = [(s, p), (t, p)]
    assert flows(broadcast, (s, p, t), used) == {(s, p): 10.0, (t, p): 10.0}
    assert flows(broadcast, (s, t, p), used) == {(s, p): 10.0, (t, p): 10.0}
    assert flows(broadcast, (t, p, s), used) == {(s, p): 10.0, (t, p): 10.0}
    assert flows(broadcast, (t, s), used) == {(s, p): 10.0, (t, p): 32.0}


def test_time_is_that_of_the_last_edge_and_is_rounded_for_the_vms_only():
    edges = {("azure:s", "azure:p"): (3, 0.02), ("azure:s", "azure:q"): (4, 0.05)}
    broadcast = small(edges, 10, 3, ["azure:p", "azure:q"])
    paid = bill(broadcast, direct(broadcast))
    assert paid.time_s == pytest.approx(10 * 8 / 6, abs=1e-12)  # 13.333..., rounded to 13.33
    assert paid.egress_usd == pytest.approx(10 * 0.02 + 10 * 0.05, abs=1e-12)
    assert paid.vm_usd == pytest.approx(3 * 2 * 0.54 / 3600 * 13.33, abs=1e-15)


def test_the_price_of_the_vms_goes_with_their_number_and_the_time_against_it():
    edges = {("azure:s", "azure:p"): (1, 0.02)}
    one, four = (small(edges, 10, 1, ["azure:p"], vms=vms) for vms in (1, 4))
    assert bill(one, direct(one)).time_s == 4 * bill(four, direct(four)).time_s == 80.0
    assert bill(one, direct(one)).vm_usd == pytest.approx(2 * 0.54 / 3600 * 80)
    assert bill(four, direct(four)).vm_usd == pytest.approx(2 * 4 * 0.54 / 3600 * 20)


def test_the_bill_agrees_with_a_second_transcription_on_random_cases():
    rng = np.random.default_rng(1)
    cut = 0
    for _ in range(300):
        broadcast = random_small(rng, most_regions=7, most_destinations=5, dense=0.8)
        paths = random_paths(rng, broadcast)
        paid = bill(broadcast, paths)
        assert (paid.time_s, paid.cost_usd) == pytest.approx(slow_cost(broadcast, paths), abs=1e-9, rel=1e-12)
        cut += any(paid.flow_gbit_s[e] < broadcast.flow_alone(e) for e in paid.load)
    assert cut > 100


def test_the_graph_that_a_candidate_sees_has_the_figures_of_all_vms_together():
    broadcast = small(EXAMPLE_C, 100, 10, ["aws:z"], vms=3)
    graph = broadcast.graph()
    index = broadcast.network.index
    assert graph.regions == list(broadcast.network.regions)
    assert graph.gbit_s[index["azure:s"], index["aws:x"]] == 18.0
    assert (graph.ingress_gbit_s[index["aws:x"]], graph.egress_gbit_s[index["aws:x"]]) == (30, 15)
    assert (graph.ingress_gbit_s[index["gcp:w"]], graph.egress_gbit_s[index["gcp:w"]]) == (48, 21)
    assert graph.partition_gb == 10.0
    assert graph.region_usd_per_s == pytest.approx(3 * 0.54 / 3600)
    assert np.isinf(graph.usd_per_gb[graph.gbit_s == 0]).all()
