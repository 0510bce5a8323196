"""The built-in mutator is a real baseline: what it finds holds on windows that the search never saw."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import evolve


@pytest.mark.slow
def test_the_builtin_mutator_beats_the_seed_on_test_for_four_of_five_seeds(tmp_path: Path) -> None:
    better = 0
    for seed in range(1, 6):
        folder = tmp_path / str(seed)
        run = evolve("run", "spot_single", "--evaluations", "200", "--seed", seed, "--run", folder, "--json")
        rows = {row["role"]: row["splits"]["test"] for row in run.json["programs"]}
        better += rows["best"]["status"] == "ok" and rows["best"]["score"] > rows["seed"]["score"]
    assert better >= 4
