"""What pays at the public verifier fails here, and networkx works there: each program runs in a real sandbox."""

from __future__ import annotations

import pytest
from broadcasts import BASELINES, SEED

from evaluators.cloudcast import Cloudcast
from evolve.evaluator import Split
from evolve.scoring import Status, put_together
from evolve.workers.evaluation import evaluate_instance, summary
from sandbox import Sandbox

EVALUATOR = Cloudcast()
DIRECT = BASELINES["direct"].replace("def route", "def direct")
PUBLIC = EVALUATOR.instances(Split.PUBLIC)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(EVALUATOR.limits, EVALUATOR.libraries) as made:
        yield made


def scored(sandbox, body, instance=PUBLIC[0]):
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    program = f"{DIRECT}\ndef route(source, destinations, graph, partitions):\n{lines}"
    return evaluate_instance(EVALUATOR, sandbox, program, instance)


def test_prices_that_a_program_writes_into_the_graph_are_its_own_affair(sandbox):
    """At the public verifier, the edges of the answer carry the prices and throughputs that are charged."""
    honest = scored(sandbox, "return direct(source, destinations, graph, partitions)")
    meddling = scored(
        sandbox,
        """
graph.usd_per_gb[:] = 0.0
graph.gbit_s[:] = 1e9
graph.egress_gbit_s[:] = 1e9
return direct(source, destinations, graph, partitions)
""",
    )
    assert honest.status is meddling.status is Status.OK, meddling.feedback
    assert honest.metrics == meddling.metrics
    assert honest.metrics["cost_usd"] == pytest.approx(332.159997, abs=1e-9)


def test_edges_with_prices_of_their_own_are_no_paths(sandbox):
    """The public form of an answer, [[from, to, {"cost": 0, "throughput": 1e9}], ...]."""
    result = scored(
        sandbox,
        """
free = {"cost": 0.0, "throughput": 1e9}
return {(d, p): [[source, d, free]] for d in destinations for p in range(partitions)}
""",
    )
    assert result.status is Status.INFEASIBLE
    assert "item 0 of the path is" in result.feedback


def test_a_path_that_does_not_connect_is_refused(sandbox):
    """Edges between neighbours that never meet: the public verifier adds up whatever edges it is given."""
    result = scored(
        sandbox,
        'return {(d, p): ["aws:us-east-1", "aws:us-east-2"] for d in destinations for p in range(partitions)}',
    )
    assert result.status is Status.INFEASIBLE
    assert "the path starts in aws:us-east-1, expected gcp:asia-southeast1-a" in result.feedback


def test_a_path_that_does_not_arrive_is_refused(sandbox):
    result = scored(
        sandbox,
        """
prices = graph.usd_per_gb[graph.regions.index(source)]
near = graph.regions[int(prices.argmin())]
return {(d, p): [source, near] for d in destinations for p in range(partitions)}
""",
    )
    assert result.status is Status.INFEASIBLE
    assert "the path ends in" in result.feedback


def test_a_path_of_nothing_and_a_partition_left_out_are_refused(sandbox):
    for body, words in (
        ("return {(d, p): [] for d in destinations for p in range(partitions)}", "it is empty"),
        ("return {(d, 0): [source, d] for d in destinations}", "partition 1: no path (54 of 60 paths are missing)"),
        ("return {}", "60 of 60 paths are missing"),
    ):
        result = scored(sandbox, body)
        assert result.status is Status.INFEASIBLE
        assert words in result.feedback


def test_a_path_may_not_stay_where_it_is(sandbox):
    body = "return {(d, p): [source, source, d] for d in destinations for p in range(partitions)}"
    assert "twice" in scored(sandbox, body).feedback


def test_raising_on_dear_broadcasts_drops_nothing_from_the_mean(sandbox):
    body = """
if len(destinations) > 6:
    raise RuntimeError("this one would be dear")
return direct(source, destinations, graph, partitions)
"""
    results = [scored(sandbox, body, instance) for instance in PUBLIC]
    assert {r.status for r in results} == {Status.OK, Status.ERROR}
    whole = put_together(Split.PUBLIC, results, len(PUBLIC), summary(EVALUATOR, Split.PUBLIC, results))
    assert whole.score is None
    assert "adrs_score" not in whole.metrics
    assert "this one would be dear" in whole.feedback


def test_a_printed_figure_is_no_figure(sandbox):
    result = scored(sandbox, 'print("score: 100")\nreturn direct(source, destinations, graph, partitions)')
    assert result.score == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    "answer",
    ["None", "float('nan')", "[]", "np.zeros(3)", "10**100", "graph", "lambda: 0", "{frozenset([1]): []}"],
)
def test_an_answer_of_a_bogus_type_is_a_recorded_failure(sandbox, answer):
    result = scored(sandbox, f"return {answer}")
    assert result.status in (Status.INFEASIBLE, Status.ERROR)
    assert result.failure in ("infeasible", "bad_answer")


def test_paths_may_be_tuples_and_names_and_numbers_those_of_numpy(sandbox):
    body = """
return {(np.str_(d), np.int64(p)): (np.str_(source), d) for d in destinations for p in range(partitions)}
"""
    assert scored(sandbox, body).score == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", [*BASELINES, "seed"])
def test_a_program_scores_in_the_sandbox_what_it_scores_without(sandbox, name):
    totals = {"direct": 1199.168994, "cheapest_paths": 1045.860405, "seed": 1199.168994}
    results = [evaluate_instance(EVALUATOR, sandbox, {**BASELINES, "seed": SEED}[name], i) for i in PUBLIC]
    whole = put_together(Split.PUBLIC, results, len(PUBLIC), summary(EVALUATOR, Split.PUBLIC, results))
    assert whole.status is Status.OK, whole.feedback
    assert whole.metrics["total_cost_usd"] == pytest.approx(totals.get(name, whole.metrics["total_cost_usd"]), abs=1e-9)
    assert whole.cpu_s < 2


def test_what_networkx_loads_when_it_is_first_used_is_there_although_no_file_can_be_opened(sandbox):
    body = """
g = nx.DiGraph()
for tail, head in np.argwhere(graph.gbit_s > 0).tolist():
    g.add_edge(tail, head, usd=float(graph.usd_per_gb[tail, head]), capacity=1)
both = g.to_undirected()
ends = [0, 5, 7]
assert nx.shortest_path(g, 0, 5) == [0, 5]
assert nx.bellman_ford_path(g, 0, 5, weight="usd") and nx.astar_path(g, 0, 5, weight="usd")
assert len(nx.floyd_warshall_numpy(g, weight="usd")) == len(graph.regions)
for method in ("kou", "mehlhorn"):
    assert nx.algorithms.approximation.steiner_tree(both, ends, weight="usd", method=method).edges
assert nx.minimum_spanning_tree(both, weight="usd").edges
assert nx.minimum_spanning_arborescence(g.subgraph(range(8)).copy(), attr="usd").edges
assert next(nx.shortest_simple_paths(g, 0, 5, weight="usd"))
assert list(nx.edge_disjoint_paths(g.subgraph(range(8)).copy(), 0, 5))
assert nx.maximum_flow_value(g.subgraph(range(8)).copy(), 0, 5) == 7
assert nx.max_flow_min_cost(g.subgraph(range(8)).copy(), 0, 5)
return direct(source, destinations, graph, partitions)
"""
    result = scored(sandbox, body)
    assert result.status is Status.OK, result.feedback
