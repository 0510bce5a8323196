"""What scores 0 and 100: kept for the built-in broadcasts, computed once for a user's own."""

from __future__ import annotations

import dataclasses

import pytest
from broadcasts import small

from evaluators import kept_figures
from evaluators.cloudcast import Cloudcast, figures, reference
from evaluators.cloudcast.figures import Figures, compute, digest, figures_of, programs_digest, stored
from evolve.evaluator import Split

BUILT_IN = [instance for split in Split for instance in Cloudcast().instances(split)]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A broadcast that is not built in, and a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    figures_of.cache_clear()
    yield small(
        {("aws:s", "aws:p"): (5, 0.02), ("aws:p", "gcp:q"): (5, 0.02), ("aws:s", "gcp:q"): (5, 0.09)},
        10,
        1,
        ["aws:p", "gcp:q"],
    )
    figures_of.cache_clear()


def test_the_kept_figures_belong_to_these_broadcasts_and_these_programs():
    assert stored().programs == programs_digest(), "run python -m evaluators.cloudcast.reference"
    assert stored().digests == {instance.id: digest(instance) for instance in BUILT_IN}
    assert set(stored().figures) == set(stored().digests)


@pytest.mark.parametrize("instance", BUILT_IN[::6], ids=lambda instance: instance.id)
def test_the_kept_figures_come_out_again(instance):
    again, kept = compute(instance), stored().figures[instance.id]
    *figures, did = dataclasses.astuple(again)
    assert figures == pytest.approx(list(dataclasses.astuple(kept)[:-1]), rel=1e-12)
    assert did == kept.reference_did


def test_every_broadcast_tells_programs_apart_and_the_bound_is_one():
    for kept in stored().figures.values():
        assert kept.tells
        assert kept.bound_usd is not None
        assert kept.bound_usd < kept.reference_usd < kept.naive_usd


def test_a_draw_that_tells_nothing_is_drawn_again(monkeypatch):
    answers = iter([Figures(100.0, 99.5, 80.0), Figures(100.0, 90.1, 80.0), Figures(100.0, 89.9, 80.0)])
    monkeypatch.setattr(reference, "compute", lambda _: next(answers))
    attempt, broadcast, found = reference.accepted(Split.TRAIN, 4)
    assert attempt == 2
    assert digest(broadcast) == digest(reference.own_broadcast(Split.TRAIN, 4, 2))
    assert found.reference_usd == 89.9


def test_a_run_never_computes_a_figure_of_a_built_in_broadcast(monkeypatch):
    monkeypatch.setattr(figures, "compute", lambda _: pytest.fail("computed"))
    figures_of.cache_clear()
    assert figures_of(BUILT_IN[0]).tells


def test_a_digest_hangs_on_every_fact(own):
    changes = {
        "source": 1,
        "destinations": own.destinations[::-1],
        "volume_gb": 11,
        "partitions": 2,
        "vms": 1,
        "vm_ingress_gbit_s": (1.0, 1.0, 1.0),
        "vm_egress_gbit_s": (1.0, 1.0, 1.0),
        "network": dataclasses.replace(own.network, bit_s=own.network.bit_s * 2),
    }
    others = {digest(dataclasses.replace(own, **{name: value})) for name, value in changes.items()}
    assert len(others | {digest(own)}) == len(changes) + 1


def test_a_figure_of_own_data_is_computed_once_and_kept_across_processes(own, monkeypatch):
    first = figures_of(own)
    assert first.bound_usd == pytest.approx(10 * 0.04)
    assert [file.suffix for file in kept_figures.folder_of("cloudcast").iterdir()] == [".json"]
    figures_of.cache_clear()  # what another process would start with
    monkeypatch.setattr(figures, "compute", lambda _: pytest.fail("computed again"))
    assert figures_of(own) == first


@pytest.mark.parametrize("content", ["", "[]", '{"naive_usd": 1}', '{"naive_usd": "x", "bound_usd": null}', "\x00"])
def test_a_broken_cache_file_is_computed_again(own, content):
    expected = figures_of(own)
    (file,) = kept_figures.folder_of("cloudcast").iterdir()
    file.write_text(content)
    figures_of.cache_clear()
    assert figures_of(own) == expected


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(own, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert figures_of(own).tells


def test_with_more_destinations_than_the_bound_takes_there_is_none():
    edges = {("aws:s", f"aws:{i}"): (5, 0.05) for i in range(13)}
    found = compute(small(edges, 10, 1, [f"aws:{i}" for i in range(13)]))
    assert found.bound_usd is None
    assert found.naive_usd == pytest.approx(found.reference_usd)
