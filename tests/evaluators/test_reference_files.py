"""reference.json: every domain's writer makes the very bytes that are there, and its reader finds them all again."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from evaluators.reference_file import Stored, first_that_tells, read_reference, write_reference
from evolve.errors import UsageError
from evolve.evaluator import Instance, Split
from evolve.registry import load_problem

DOMAINS = (
    "cloud_balancing",
    "cloudcast",
    "edge_offloading",
    "flow_time",
    "heterogeneous_dag",
    "hybrid_storage",
    "job_shop",
    "llm_batching",
    "llm_routing",
    "llm_sql",
    "memory_mapping",
    "moe_offloading",
    "pd_disaggregation",
    "pod_packing",
    "prism",
    "rcpsp",
    "serverless_autoscaling",
    "single_machine_tardiness",
    "spot_multi",
    "spot_single",
    "training_placement",
    "training_schedule",
    "txn_scheduling",
    "vm_rescheduling",
)
"""All whose reference.json counts redraws: eplb's instances are never redrawn."""


@dataclass(frozen=True)
class Costs:
    """Figures of no domain."""

    naive: float
    others: tuple[float | None, ...]


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_writes_the_very_bytes_that_are_kept(domain, tmp_path, monkeypatch):
    evaluator = load_problem(domain).evaluator
    reference = importlib.import_module(f"evaluators.{domain}.reference")
    figures = importlib.import_module(f"evaluators.{domain}.figures")
    stored = figures.stored()

    def known(split, index, *_):  # of the default family, which is what `main` is asked for
        instance = evaluator.instances(split)[index]
        return stored.attempts[split][index], instance, stored.figures[instance.id]

    before = figures.STORED.read_bytes()
    monkeypatch.setattr(reference, "accepted", known)  # the slow part: what it finds is compared in the domain's tests
    monkeypatch.setattr(reference, "compute", figures.figures_of)
    monkeypatch.setattr(reference, "STORED", tmp_path / "reference.json", raising=False)
    monkeypatch.setattr(reference, "file_of", lambda _: tmp_path / "reference.json", raising=False)
    reference.main()
    assert (tmp_path / "reference.json").read_bytes() == before


@pytest.mark.slow
def test_they_are_the_same_bytes_on_a_processor_without_wide_vector_units():
    """numpy's exp, log and power have other last digits there: what is drawn by them must be rounded."""
    found = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    assert found, "this processor has none to leave out"
    again = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "slow or not slow", __file__]
    environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(found)}
    done = subprocess.run([*again, "-k", "very_bytes"], env=environment, capture_output=True, text=True)
    assert f"{len(DOMAINS)} passed" in done.stdout, done.stdout[-3000:]


def test_the_first_draw_that_tells_is_taken_and_refusals_are_counted():
    asked = []

    def draw(attempt):
        asked.append(attempt)
        return Instance(f"draw-{attempt}")

    taken = first_that_tells(draw, lambda instance: len(asked), lambda instance, figures: figures == 3)
    assert taken == (2, Instance("draw-2"), 3)
    assert asked == [0, 1, 2]


def test_a_recipe_of_which_no_draw_tells_anything_is_refused_by_name():
    with pytest.raises(UsageError, match="None of 1000 draws of train/3 tells"):
        first_that_tells(lambda attempt: Instance("train/3"), lambda instance: 0, lambda instance, figures: False)


def test_what_is_written_is_read_back(tmp_path, capsys):
    by_rules = {"strict": Costs(2.0, (1.5, None)), "public": Costs(1.0, ())}
    file = tmp_path / "reference.json"
    sizes = {Split.TRAIN: 2, Split.TEST: 1}
    write_reference(
        file,
        "things",
        sizes,
        lambda split, index: (index * 3, Instance(f"{split.value}/{index}"), by_rules),
        lambda instance: f"digest of {instance.id}",
        public=[(Instance("public/0"), by_rules)],
        programs="p",
    )
    assert capsys.readouterr().out.splitlines() == [
        "train: 2 things, redrawn [0, 3]",
        "test: 1 things, redrawn [0]",
        "wrote reference.json: 4 things",
    ]
    again = read_reference(file, "things", dict[str, Costs])
    ids = ["train/0", "train/1", "test/0", "public/0"]
    assert again == Stored(
        "p",
        {Split.TRAIN: (0, 3), Split.TEST: (0,)},
        {id_: f"digest of {id_}" for id_ in ids},
        dict.fromkeys(ids, by_rules),
    )
    assert again.with_digest("digest of test/0") == by_rules
    assert again.with_digest("digest of test/1") is None
    assert len(file.read_text().splitlines()) == 3 + len(ids) + 1, "an instance a line, so that changes can be read"
