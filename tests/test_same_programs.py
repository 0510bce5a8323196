"""With --deterministic, one seed and the same answers give the programs that they gave when this was last changed.

Every installed problem, with its own seed program, baselines and language; scores are a hash of the program, so that
nothing depends on a clock or on how long a simulation takes. A change that alters what a run does alters these lines:
where that is meant, `python tests/test_same_programs.py` prints the new ones, and the commit says why.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from loop_parts import QuickPool, StepModel, configured

from evolve import loop
from evolve.archive import Store
from evolve.evaluator import Evaluator, Instance, Split
from evolve.registry import Problem, list_problems, load_problem
from evolve.scoring import InstanceResult, Status

KEPT = Path(__file__).parent / "same_programs.json"
EVALUATIONS = 24


class HashPool(QuickPool):
    """Scores a program by a hash of it and of the instance, and gives the other objectives; one in eight fails."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.others = [one.metric for one in problem.evaluator.objectives if one.metric != "score"]

    def scored(self, source: str, split: Split, index: int) -> InstanceResult:
        digest = hashlib.sha256(f"{split}/{index}/{source}".encode()).digest()
        if digest[0] < 32 and "X = " in source:
            return InstanceResult(f"{split}/{index}", Status.INFEASIBLE, feedback="too far", failure="infeasible")
        metrics = {name: float(byte) for name, byte in zip(self.others, digest[2:], strict=False)}
        return InstanceResult(f"{split}/{index}", Status.OK, 100 * digest[1] / 256, metrics, "")


def programs_of(problem: Problem, folder: Path) -> dict[str, object]:
    """Return what a run came to: its best program, and a hash of all programs with parents, kinds and scores."""
    for split in Split:
        problem._instances[split] = [Instance(f"{split}/{n}") for n in range(3)]
    names = ("m", "builtin") if problem.language.name == "python" else ("m",)
    config = configured(EVALUATIONS, seed=1, deterministic=True, model__names=names)
    # These instances are of no kind that the problem knows.
    with patch.object(type(problem.evaluator), "kind_of", Evaluator.kind_of):
        asyncio.run(loop.run(folder, config, problem, pool=HashPool(problem), clients={"m": StepModel()}))
    with Store.open(folder) as store:
        best = store.best()
        facts = [(p.id, p.parent_id, p.kind, p.source, p.score) for p in store.programs()]
    assert best is not None
    return {"best": best.id, "programs": hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}


QUICK = ("cloudcast", "rcpsp", "spot_single")


@pytest.mark.parametrize(
    "name",
    [one.name if one.name in QUICK else pytest.param(one.name, marks=pytest.mark.slow) for one in list_problems()],
)
def test_one_seed_gives_the_same_programs_as_ever(name: str, tmp_path: Path) -> None:
    assert programs_of(load_problem(name), tmp_path / "run") == json.loads(KEPT.read_text()).get(name)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        found = {one.name: programs_of(load_problem(one.name), Path(place) / one.name) for one in list_problems()}
    KEPT.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(KEPT.read_text())
