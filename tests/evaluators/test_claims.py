"""Every bundled problem keeps to what `evolve check` tests of a plug-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evolve.bench import InProcess, InWorkers
from evolve.registry import Problem, list_problems, load_problem
from evolve.testing import EvaluatorClaims
from evolve.testing.headroom import order_of_baselines

NAMES = [listing.name for listing in list_problems()]


@pytest.fixture(scope="module", autouse=True)
def _one_sandbox_for_all_claims() -> Iterator[None]:
    with InProcess() as bench:
        TestBundled.bench = bench
        yield


@pytest.fixture(scope="module", params=NAMES)
def problem(request: pytest.FixtureRequest) -> Problem:
    return load_problem(request.param)


class TestBundled(EvaluatorClaims):
    """All of them, on each problem."""


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_splits_order_the_baselines_alike_and_one_of_them_comes_near_100(name: str) -> None:
    with InWorkers() as bench:
        said = order_of_baselines(load_problem(name), bench)
    assert "not feasible" not in said
    assert said.endswith("All splits order them alike"), said
