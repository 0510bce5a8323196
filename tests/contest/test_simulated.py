"""The simulated model and its landscapes are what they say."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from evolve.contest.simulated import Odds, SimulatedModel, landscape
from evolve.contest.simulated.model import BROKEN, genes_of
from evolve.evaluator import Split
from evolve.mutate.mutation import Kind
from evolve.registry import load_problem
from evolve.testing import EvaluatorClaims
from evolve.trial import Selection

FOLDER = Path(landscape.__file__).parent
BEST = {
    "deceptive": tuple(int(place % 3 != 0) for place in range(32)),
    "parts": landscape._target("parts", 32),
    "opposed": (*landscape._target("opposed/0", 14), *landscape._target("opposed/1", 14), 1, 1, 1, 1),
}


class TestSimulated(EvaluatorClaims):
    @pytest.fixture
    def problem(self) -> object:
        return load_problem(str(FOLDER))


@pytest.mark.parametrize("kind", landscape.KINDS)
def test_the_seed_has_no_points_and_nothing_has_more_than_a_hundred(kind: str) -> None:
    assert landscape.points(kind, (0,) * 32, 0) == 0
    rng = random.Random(kind)
    for _ in range(300):
        genes = tuple(rng.randrange(2) for _ in range(landscape.GENES))
        assert landscape.points(kind, genes, rng.randrange(2)) <= 100
    if kind in BEST:
        assert [landscape.points(kind, BEST[kind], group) for group in (0, 1)] == [100, 100]


def test_the_optimum_of_the_rugged_landscape_is_that_of_all_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landscape, "GENES", 10)
    for cached in (landscape._nk, landscape._best):
        cached.cache_clear()
    best = max(landscape._value("rugged", genes, 0) for genes in itertools.product((0, 1), repeat=10))
    assert landscape._best("rugged") == pytest.approx(best)
    for cached in (landscape._nk, landscape._best):
        cached.cache_clear()


def test_in_the_opposed_landscape_two_specialists_are_better_than_a_compromise() -> None:
    first, second = landscape._target("opposed/0", 14), landscape._target("opposed/1", 14)
    rest = (0,) * 18
    compromise = (*first[:7], *second[7:], *rest)

    def mean(genes: tuple[int, ...]) -> float:
        return sum(landscape.points("opposed", genes, group) for group in (0, 1)) / 2

    assert mean(compromise) < mean((*first, *rest)) < mean(BEST["opposed"])


def test_answers_break_equal_and_improve_as_often_as_the_odds_say(tmp_path: Path) -> None:
    model = SimulatedModel(tmp_path, "rugged", 3, Odds(breaks=0.2, equals=0.3, improves=0.4))
    seed = f"GENES = {[0] * 32}\n"
    broken = equal = better = 0
    for step in range(1, 601):
        answer = model.answer(Selection(step, 0, (), "", "", "simulated", Kind.EDIT), [seed])
        genes = genes_of(answer)
        broken += BROKEN in answer
        equal += BROKEN not in answer and not any(genes)
        better += BROKEN not in answer and landscape.points("rugged", genes, 0) > 0
    assert broken / 600 == pytest.approx(0.2, abs=0.05)
    assert equal / 600 == pytest.approx(0.3, abs=0.06)
    assert 0.35 < better / 600 < 0.5


def test_a_step_has_one_answer_and_a_repair_mends(tmp_path: Path) -> None:
    model = SimulatedModel(tmp_path, "parts", 3, Odds(breaks=0.0))
    one, other = ([g] * 32 for g in (0, 1))
    sources = [f"GENES = {one}\n", f"GENES = {other}\n"]
    choice = Selection(7, 0, (1,), "", "", "simulated", Kind.CROSSOVER)
    assert model.answer(choice, sources) == model.answer(choice, sources)
    repaired = model.answer(Selection(8, 0, (), "", "", "simulated", Kind.REPAIR), [f"GENES = {other}\n{BROKEN}"])
    assert BROKEN not in repaired and genes_of(repaired) == (1,) * 32
    with pytest.raises(ValueError, match="no line GENES"):
        genes_of("X = 1")


def test_every_half_of_a_split_has_instances_of_each_group() -> None:
    instances = load_problem(str(FOLDER)).instances(Split.TRAIN)
    assert [one.group for one in instances] == [0, 1] * 6
