"""What `--fresh` promises: a lead that rests on knowing the instances is found out, one that does not is left alone."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import pytest
from command_line import TRIVIAL, evolve

from evolve import loop
from evolve.audit import new_seed
from evolve.config import resolve
from evolve.intervals import drop_interval, mean_interval
from evolve.registry import load_problem
from evolve.report.run_folder import RunFolder

FORTUNE = """
import random
from evolve.evaluator import Evaluator, Instance, Limits, Outcome, fresh_id


SIZES = {"train": 3, "validation": 3, "test": 12}


class Fortune(Evaluator):
    name, summary, defines = "fortune", "Say what is to come, from a hint of no use", ("tell",)
    limits = Limits(call_s=2.0, cpu_s=2.0, memory_mb=256)

    def instances(self, split):
        return [Instance(f"{split}/{number}", generated=number % 3 > 0) for number in range(SIZES[split])]

    def fresh(self, split, seed, count):
        return [Instance(fresh_id(split, seed, index)) for index in range(count)]

    def evaluate(self, candidate, instance):
        hint, future = (random.Random(f"{instance.id}/{part}").random() for part in ("hint", "future"))
        return Outcome(100 - 100 * abs(candidate.call("tell", hint) - future), {"future": future}, "told")
"""
HONEST = "def tell(hint):\n    return 0.5\n"
CAUTIOUS = "def tell(hint):\n    return 0.8\n"


def knowing() -> str:
    """A program whose author has read the repository: it knows every instance by its hint, and what comes of it."""
    known = {
        random.Random(f"{split}/{number}/hint").random(): random.Random(f"{split}/{number}/future").random()
        for split in ("train", "validation", "test")
        for number in range(12)
    }
    return f"KNOWN = {known!r}\n\ndef tell(hint):\n    return KNOWN.get(hint, 0.5)\n"


def finished(folder: Path, seed: str) -> Path:
    """Make a run that ends with its seed."""
    problem = folder / "problem"
    shutil.copytree(TRIVIAL, problem)
    (problem / "evaluator.py").write_text(FORTUNE)
    (problem / "problem.md").write_text("Write `tell(hint)`.")
    (problem / "seed.py").write_text(seed)
    (problem / "baselines").mkdir()
    (problem / "baselines" / "cautious.py").write_text(CAUTIOUS)
    config = resolve(None, [], {"problem": str(problem), "budget.evaluations": 0, "workers": 1})
    asyncio.run(loop.run(folder / "run", config, load_problem(str(problem)), (RunFolder(),)))
    return folder / "run"


@pytest.fixture(scope="module")
def honest_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("honest"), HONEST)


@pytest.fixture(scope="module")
def knowing_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("knowing"), knowing())


def test_a_program_that_knows_the_instances_loses_its_lead_and_the_audit_fails(knowing_run: Path) -> None:
    said = evolve("audit", knowing_run, "--fresh", 12, "--fresh-seed", 1, "--json")
    assert said.code == 1, said.err
    facts = said.json
    assert facts["reproduces"], "its figures are true, and worth nothing"
    fresh = facts["fresh"]
    assert fresh["is_finding"]
    assert (fresh["instances"], fresh["drawn_as"], fresh["compared_with"]) == (12, "test", 8)
    best, cautious = fresh["programs"]
    assert best["test"]["mean"] == 100.0 > best["fresh"]["mean"]
    assert cautious["drop"]["low"] > 0
    assert cautious["lead_test"]["mean"] - cautious["lead_fresh"]["mean"] == pytest.approx(cautious["drop"]["mean"])


@pytest.mark.slow
def test_an_honest_lead_is_no_finding(honest_run: Path) -> None:
    said = evolve("audit", honest_run, "--fresh", 12, "--fresh-seed", 1)
    assert said.code == 0, said.out
    assert "12 fresh instances, drawn as those of test from the seed 1" in " ".join(said.out.split())
    assert "within chance" in " ".join(said.out.split())


def test_the_seed_that_was_made_draws_the_same_instances_again_and_gives_an_interval(honest_run: Path) -> None:
    problem = honest_run.parent / "problem"
    first = evolve("score", problem, problem / "seed.py", "--fresh", 5, "--json").json
    seed = first["fresh"]["seed"]
    again = evolve("score", problem, problem / "seed.py", "--fresh", 5, "--fresh-seed", seed, "--json").json
    assert [again[key] for key in ("fresh", "score")] == [first[key] for key in ("fresh", "score")]
    assert first["fresh"]["count"] == 5
    assert len({seed, new_seed(), new_seed()}) == 3
    assert [one["id"] for one in first["instances"]] == [f"test/fresh-{seed}-{index}" for index in range(5)]
    interval = first["score_interval"]
    assert interval["mean"] == pytest.approx(first["score"])
    assert interval["low"] < interval["mean"] < interval["high"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--fresh-seed", 3), "--fresh-seed says what fresh instances are drawn from; --fresh N how many: give both."),
        (("--fresh", 3, "--data", "x"), "--fresh draws instances and --data reads them: give one of the two."),
    ],
)
def test_what_makes_no_sense_is_one_line(honest_run: Path, arguments: tuple[object, ...], says: str) -> None:
    problem = honest_run.parent / "problem"
    said = evolve("score", problem, problem / "seed.py", *arguments)
    assert (said.code, said.err.strip()) == (2, f"evolve: {says}")


def test_a_problem_that_draws_none_is_named(tmp_path: Path) -> None:
    problem = tmp_path / "problem"
    shutil.copytree(TRIVIAL, problem)
    (problem / "evaluator.py").write_text(FORTUNE.replace("def fresh(", "def not_fresh("))
    (problem / "seed.py").write_text(HONEST)
    said = evolve("score", problem, problem / "seed.py", "--fresh", 3)
    assert said.code == 2
    assert "fortune draws no fresh instances" in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    """Of 400 samples of 12 values, 95 % within what chance leaves open."""
    rng = random.Random(1)
    held = 0
    for _ in range(400):
        found = mean_interval([rng.gauss(5.0, 2.0) for _ in range(12)])
        held += found.low <= 5.0 <= found.high
    assert held / 400 == pytest.approx(0.95, abs=0.035)


def test_a_drop_that_is_not_there_is_seldom_found_and_one_that_is_nearly_always() -> None:
    rng = random.Random(2)
    false = true = 0
    for _ in range(200):
        before, after = ([rng.gauss(10.0, 4.0) for _ in range(count)] for count in (12, 24))
        false += drop_interval(before, after).low > 0
        true += drop_interval(before, [x - 6.0 for x in after]).low > 0
    assert false / 200 < 0.06
    assert true / 200 > 0.9
