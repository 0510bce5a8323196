"""The verifier: what it refuses, what it scores and says, the statement's example, and that files are read whole."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from in_process import InProcess
from small_dags import SOURCES

import seeds
from evaluators import heterogeneous_dag
from evaluators.heterogeneous_dag import HeterogeneousDag
from evaluators.heterogeneous_dag.dag import KINDS, DagInstance, make_dag
from evaluators.heterogeneous_dag.evaluator import DagOptions
from evaluators.heterogeneous_dag.figures import digest, figures_of
from evaluators.heterogeneous_dag.placement import read_placement, scheduled
from evaluators.heterogeneous_dag.public_format import parsed_stg, read_graphs, write_graphs
from evolve.evaluator import Infeasible, Split, UsageError
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

FOLDER = Path(heterogeneous_dag.__file__).parent
SEED = (Path(seeds.__file__).parent / "heterogeneous_dag.py").read_text()
STATEMENT = (FOLDER / "problem.md").read_text()
DAG = make_dag([[3, 6], [4, 9], [8, 5], [2, -1]], [(0, 1, 2), (0, 2, 2), (1, 3, 1), (2, 3, 4)])
CASE = DagInstance("data/0", lambda: DAG)
BOTH = {kind: HeterogeneousDag(DagOptions(kind=kind)) for kind in KINDS}


def answering(answer):
    return InProcess(f"class Policy:\n  def __init__(self, info): pass\n  def place(self, dag): return {answer}")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "the answer is None, expected"),
        ([[0, 1, 2, 3]], r"expected \(order, pe\)"),
        ([[0, 1, 2], [0, 0, 0, 0]], "a list of 3 where 4 belong"),
        ([[0, 1, 2, 3], [0, 0, 0]], "a list of 3 where 4 belong"),
        ([[0, 1, 2.0, 3], [0, 0, 0, 0]], "float"),
        ([[0, 1, True, 3], [0, 0, 0, 0]], "bool"),
        ([[0, 1, 2, 4], [0, 0, 0, 0]], r"task at place 3 is 4, expected 0\.\.3"),
        ([[0, 1, 2, 2], [0, 0, 0, 0]], "task 2 is in the order twice, at places 2 and 3"),
        ([[0, 1, 3, 2], [0, 0, 0, 0]], "task 3 comes before its predecessor 2"),
        ([[0, 1, 2, 3], [0, 0, 2, 0]], r"PE of task 2 is 2, expected 0\.\.1"),
        ([[0, 1, 2, 3], [0, 0, 0, 1]], r"PE 1 cannot run task 3; PEs \[0\] can"),
        ([np.arange(4.0), np.zeros(4, dtype=int)], "float64"),
    ],
)
def test_an_answer_that_is_no_placement_is_infeasible_and_named(answer, message):
    with pytest.raises(Infeasible, match=message):
        read_placement(answer, DAG)


def test_figures_of_a_placement_are_ours():
    outcome = BOTH["static"].evaluate(answering("([0, 1, 2, 3], [0, 0, 1, 0])"), CASE)
    assert outcome.metrics["makespan_ticks"] == 16
    assert outcome.metrics["bound_ticks"] == 10
    assert outcome.metrics["slr"] == 1.6


@pytest.mark.parametrize("kind", BOTH)
def test_the_seed_scores_0_and_the_reference_program_100_on_every_own_instance(kind):
    for split in (Split.TRAIN, Split.TEST):
        for case in BOTH[kind].instances(split)[::3]:
            assert BOTH[kind].evaluate(InProcess(SEED), case).score == 0.0
        case = BOTH[kind].instances(split)[0]
        assert BOTH[kind].evaluate(InProcess(SOURCES["refined"]), case).score == 100.0


def test_feedback_of_a_placement_names_the_chain_that_ends_last():
    text = BOTH["static"].evaluate(answering("([0, 1, 2, 3], [0, 0, 1, 0])"), CASE).feedback
    assert "4 tasks on 2 PEs end at 16 (reference 16, in turn 17, never below 10)" in text
    assert "has 3 tasks: 10 ticks of work (fastest PEs 10), 6 of transfer, 0 tasks behind others on their PE" in text
    assert "its longest transfer is 4 ticks, to task 3 on PE 0" in text


def test_feedback_of_a_stream_names_waits_and_the_worst_job():
    text = BOTH["stream"].evaluate(InProcess(SEED), BOTH["stream"].instances(Split.TRAIN)[0]).feedback
    assert re.match(
        r"60 jobs take \d+ ticks on average \(reference \d+, first come first served \d+, never below", text
    )
    assert re.search(
        r"worst: job \d+ took \d+ \(alone \d+\), its task \d+ was ready for \d+ before it started\.$", text
    )


@pytest.mark.parametrize("kind", BOTH)
def test_feedback_has_at_most_500_characters(kind):
    for name in ("fifo_round_robin", "cpop"):
        for case in (*BOTH[kind].instances(Split.TRAIN)[::5], BOTH[kind].instances(Split.TEST)[0]):
            text = BOTH[kind].evaluate(InProcess(SOURCES[name]), case).feedback
            assert len(text) < 500
            assert text.endswith(".")


def test_the_example_of_the_statement_runs_and_gives_what_it_shows():
    (block,) = re.findall(r"```python\n(.*?)```", STATEMENT, re.DOTALL)
    scope: dict = {}
    exec(block, scope)
    shown = scope["dag"]
    arcs = [(a, b, ticks) for a, row in enumerate(shown["successors"]) for b, ticks in row]
    dag = make_dag(shown["work"], arcs)
    assert dag.predecessors == shown["predecessors"]
    answer = scope["Policy"](SimpleNamespace(kind="static", pes=2)).place(SimpleNamespace(**shown))
    assert answer == (scope["order"], scope["pe"])
    schedule = scheduled(dag, *read_placement(list(answer), dag))
    assert (schedule.start, schedule.makespan_ticks) == (scope["start"], scope["makespan"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOTH)
def test_the_dearest_baselines_run_within_their_limits_in_the_sandbox(kind):
    largest = max(BOTH[kind].instances(Split.TEST), key=lambda case: len(str(case.draw())))
    with Sandbox(HeterogeneousDag.limits) as sandbox:
        for name in ("refined", "peft"):
            result = evaluate_instance(BOTH[kind], sandbox, SOURCES[name], largest)
            assert result.status is Status.OK, (name, result.feedback)


def test_a_program_that_changes_its_graph_changes_nothing():
    cheat = "class Policy:\n  def __init__(self, info): pass\n  def place(self, d):\n    d.work[0][0] = 0\n"
    with Sandbox(HeterogeneousDag.limits) as sandbox, sandbox.start(cheat + "    return [0, 1, 2, 3], [0] * 4") as one:
        assert BOTH["static"].evaluate(one, CASE).metrics["makespan_ticks"] == 17


# Files


def test_what_is_written_is_read_back(tmp_path):
    cases = BOTH["static"].instances(Split.TEST)[::7]
    assert len(write_graphs(cases, tmp_path)) == 2 * len(cases)
    assert [one.dag for one in read_graphs(tmp_path, 1)] == [case.dag for case in cases]


def test_the_folder_of_socrates_is_read_as_it_is_and_becomes_streams_too():
    graphs = BOTH["static"].load(FOLDER / "data")
    assert len(graphs) == 10
    assert {one.dag.pes for one in graphs} == {3}
    streams = BOTH["stream"].load(FOLDER / "data" / "job_Top.txt")
    assert len(streams[0].jobs) == 200
    assert BOTH["stream"].evaluate(InProcess(SEED), streams[0]).score == 0.0


def test_a_stream_is_read_back_with_its_arrivals_and_real_times_and_its_figures(tmp_path):
    own = [*BOTH["stream"].instances(Split.TEST)[::4], BOTH["stream"].instances(Split.PUBLIC)[0]]
    assert len(BOTH["stream"].write(own, tmp_path)) == len(own)
    again = BOTH["stream"].load(tmp_path)
    assert [digest(one) for one in again] == [digest(one) for one in own]
    assert [figures_of(one) for one in again] == [figures_of(one) for one in own]
    (alone,) = BOTH["stream"].load(tmp_path / "0000_test_stream-0.stream.json")
    assert alone.jobs[3].dag == own[0].jobs[3].dag


def test_a_stream_that_is_wrong_is_named_with_its_place(tmp_path):
    graph = {"work": [[3, 6], [4, -1]], "arcs": [[0, 1, 2]]}
    job = {"arrival": 5, "graph": 0, "real": [[3, 7], [4, -1]]}
    file = tmp_path / "one.stream.json"

    def given(graphs, jobs):
        file.write_text(json.dumps({"graphs": graphs, "jobs": jobs}))
        return BOTH["stream"].load(file)

    assert len(given([graph], [job, job])) == 1
    for graphs, jobs, message in [
        ([graph], [], "length >= 1"),
        ([graph], [{**job, "graph": 1}], "job 0 is of graph 1; there are 1 graphs"),
        ([graph], [job, {**job, "arrival": 4}], "job 1 comes at 4, before the one above it (5)"),
        ([graph], [{**job, "real": [[3, 7]]}], "job 0: expected real times of 2 tasks on 2 PEs"),
        ([graph], [{**job, "real": [[3, -1], [4, -1]]}], "job 0: its real times are -1 elsewhere than the work"),
        ([graph], [{**job, "arrival": "soon"}], "$.jobs[0].arrival"),
        ([{**graph, "arcs": [[0, 2, 2]]}], [job], "graph 0: arc 0 to 2; there are 2 tasks"),
        ([{**graph, "arcs": [[0, 1, 2], [1, 0, 2]]}], [job], "is its own successor"),
        ([{**graph, "work": [[3, 6], [-1, -1]]}], [job], "graph 0: task 1 has 2 times; expected 2, not all of them -1"),
    ]:
        with pytest.raises(UsageError, match=r"heterogeneous_dag: .*one\.stream\.json") as error:
            given(graphs, jobs)
        assert message in str(error.value)


def test_an_stg_file_is_read_with_identical_pes_and_no_transfers(tmp_path):
    (tmp_path / "one.stg").write_text("# two tasks\n 2\n 0 0 0\n 1 5 1 0\n 2 7 1 0\n 3 0 2 1 2\n")
    (one,) = HeterogeneousDag(DagOptions(pes=3)).load(tmp_path / "one.stg")
    assert one.dag.work == [[0] * 3, [5] * 3, [7] * 3, [0] * 3]
    assert one.dag.predecessors == [[], [(0, 0)], [(0, 0)], [(1, 0), (2, 0)]]
    for text, message in [
        ("", "is empty"),
        ("2\n0 0 0\n", "has 1 tasks where line 1 says 2 and two dummies"),
        ("0\n0 0 0\n1 x 1 0\n", "line 3: a duration is 'x'"),
        ("0\n0 0 0\n1 0 2 0\n", "line 3: task 1 has 1 predecessors, said to be 2"),
        ("0\n0 0 0\n2 0 1 0\n", "line 3: expected task 1"),
        ("0\n0 0 1 1\n1 3 1 0\n", "is its own successor"),
        ("0\n0 0 0\n1 0 1 0\n", "no task that takes any time"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            parsed_stg(text, 3)


def test_a_file_that_is_wrong_is_named_with_its_line(tmp_path):
    job, soc = write_graphs([CASE], tmp_path)
    good = {file: file.read_text() for file in (job, soc)}
    for file, old, new, message in [
        (job, "add_new_tasks 4", "add_new_tasks 5", "has 4 tasks where add_new_tasks says 5"),
        (job, "add_new_tasks 4", "add_new_tasks x", "line 2: the number of tasks is 'x'"),
        (job, "task_2 1 0", "task_2 1 9", "line 4: a predecessor is '9'"),
        (job, "task_2 1 0", "task_2 0 0", "line 4: task 0 is there twice"),
        (job, "task_1 0", "task_1 0 3", "is its own successor"),
        (job, "comm_vol 0 1 2", "comm_vol 0 1 -2", "a volume is '-2'"),
        (job, "comm_vol 0 1 2", "comm_vol 0 3 2", "task 0 is no predecessor of task 3"),
        (soc, "task_2 4 4", "task_2 4.5 4", "line 3: the time of task_2 is '4.5'"),
        (soc, "task_4 2 2\n", "", "can run task 'task_4'"),
        (soc, "add_new_resource", "add_new_thing", "line 1: 'add_new_thing' is outside of a resource"),
        (job, "task_1 0", "täsk_1 0", "is no ASCII text"),
    ]:
        for each, text in good.items():
            each.write_text(text.replace(old, new, 1 if "resource" not in old else -1) if each == file else text)
        with pytest.raises(UsageError, match=re.escape(message)) as caught:
            read_graphs(tmp_path, 1)
        assert "\n" not in str(caught.value)
    soc.unlink()
    with pytest.raises(UsageError, match=r"expected its resources in SoC_0000_data_0\.txt"):
        read_graphs(tmp_path, 1)
    with pytest.raises(UsageError, match="does not exist"):
        read_graphs(tmp_path / "nothing", 1)
