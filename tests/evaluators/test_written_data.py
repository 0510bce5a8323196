"""What `evolve data` writes is read back as the same problem data, and a program scores on it as on the split."""

from __future__ import annotations

from pathlib import Path

import pytest
from in_process import InProcess

from evaluators.cloud_balancing.figures import digest as cloud_digest
from evaluators.cloudcast.figures import digest as cloudcast_digest
from evaluators.flow_time.machine import digest as flow_time_digest
from evaluators.heterogeneous_dag.figures import digest as dag_digest
from evaluators.hybrid_storage.traces import digest as hybrid_digest
from evaluators.job_shop.figures import digest as job_shop_digest
from evaluators.llm_batching.figures import digest as batching_digest
from evaluators.memory_mapping.figures import digest as memory_digest
from evaluators.pd_disaggregation.figures import digest as pd_digest
from evaluators.pod_packing.figures import digest as pod_digest
from evaluators.prism.figures import digest as prism_digest
from evaluators.rcpsp.figures import digest as rcpsp_digest
from evaluators.serverless_autoscaling.functions import digest as serverless_digest
from evaluators.single_machine_tardiness.jobs import digest as tardiness_digest
from evaluators.training_placement.cluster import digest as placement_digest
from evaluators.txn_scheduling.figures import digest as txn_digest
from evaluators.vm_rescheduling.figures import digest as vm_digest
from evolve.evaluator import Split
from evolve.export import export
from evolve.registry import load_problem

DATA = {
    "eplb": lambda one: (one.cluster, one.windows().fingerprint(one.cluster)),
    "pod_packing": pod_digest,
    "prism": prism_digest,
    "cloudcast": cloudcast_digest,
    "cloud_balancing": cloud_digest,
    "heterogeneous_dag": dag_digest,
    "rcpsp": rcpsp_digest,
    "flow_time": flow_time_digest,
    "job_shop": job_shop_digest,
    "llm_batching": batching_digest,
    "memory_mapping": memory_digest,
    "pd_disaggregation": pd_digest,
    "hybrid_storage": hybrid_digest,
    "serverless_autoscaling": serverless_digest,
    "single_machine_tardiness": tardiness_digest,
    "training_placement": placement_digest,
    "txn_scheduling": lambda one: txn_digest(one.transactions),
    "vm_rescheduling": vm_digest,
}
"""Of an instance, everything but its id."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def splits():
    return [(name, split) for name in DATA for split in load_problem(name).evaluator.splits]


@pytest.mark.parametrize(("name", "split"), splits())
def test_it_is_the_same_data_in_the_same_order(tmp_path, name, split):
    problem = load_problem(name)
    written = export(problem, split, tmp_path / "out")
    again = problem.evaluator.load(tmp_path / "out")
    assert [DATA[name](one) for one in again] == [DATA[name](one) for one in problem.instances(split)]
    assert len({one.id for one in again}) == len(again) == written.instances
    assert sorted(written.files) == sorted(file for file in (tmp_path / "out").rglob("*") if file.is_file())


@pytest.mark.parametrize("name", DATA)
def test_a_program_scores_as_on_the_split_and_no_reference_is_computed_again(tmp_path, name):
    problem = load_problem(name, {"cpu_weight": 0, "calls": 1} if name == "eplb" else {})
    export(problem, Split.TRAIN, tmp_path / "out")
    program = InProcess(problem.seed)
    pairs = zip(problem.instances(Split.TRAIN)[:3], problem.evaluator.load(tmp_path / "out"), strict=False)
    for own, read in pairs:
        assert problem.evaluator.evaluate(program, read).score == problem.evaluator.evaluate(program, own).score
    assert not (tmp_path / "cache").exists()
