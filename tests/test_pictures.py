"""`evolve picture`: what a program does on an instance, drawn; and what is said where nothing can be drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import ROOT, TRIVIAL, evolve

from evolve.identity import identity
from evolve.registry import load_problem

SEED = ROOT / "seeds" / "rcpsp.py"
BETTER = ROOT / "evaluators" / "rcpsp" / "baselines"


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_program_is_drawn_in_the_terminal_beside_another_one() -> None:
    other = sorted(BETTER.glob("*.py"))[0]
    said = evolve("picture", "rcpsp", SEED, "--against", other, "--instance", "train/1")
    assert said.code == 0, said.err
    assert said.out.startswith(f"{other.name}: train/1: ") and f"{SEED.name}: train/1: " in said.out
    assert "Use of the resources" in said.out


def test_the_makespan_in_the_picture_is_the_one_that_is_scored(tmp_path: Path) -> None:
    said = evolve("picture", "rcpsp", SEED, "--json")
    (drawn,) = said.json["pictures"].values()
    ends = [one["end"] for lane in drawn["panels"][0]["lanes"] for one in lane["intervals"]]
    scored = evolve("score", "rcpsp", SEED, "--json").json["instances"][0]
    assert max(ends) == scored["metrics"]["makespan_ticks"]
    assert json.loads(said.out)["evaluator"] == "rcpsp"


def test_what_cannot_be_drawn_is_said_in_one_line_with_exit_code_1_or_2(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def schedule(project):\n    return None\n")
    bad = evolve("picture", "rcpsp", "bad.py")
    assert bad.code == 1 and "no picture of bad.py: the answer is None" in bad.err and bad.out == ""
    for arguments, message in (
        ((TRIVIAL, TRIVIAL / "seed.py"), "draws no pictures"),
        (("rcpsp", SEED, "--instance", "train/x"), "has no instance 'train/x'. It has"),
        (("rcpsp", SEED, "--out", "x.gif"), "a picture is a file ending in"),
        (("rcpsp", "missing.py"), "missing.py does not exist"),
    ):
        said = evolve("picture", *arguments)
        assert said.code == 2 and message in said.err and len(said.err.splitlines()) == 1, said.err


def test_a_picture_is_no_part_of_what_figures_hang_on(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    for file in ("evaluator.py", "seed.py", "problem.md"):
        (folder / file).write_text((TRIVIAL / file).read_text())
    before = identity(load_problem(str(folder)))
    (folder / "picture.py").write_text("COLOUR = 'red'\n")
    assert identity(load_problem(str(folder))) == before
    (folder / "workload.py").write_text("SIZE = 1\n")
    assert identity(load_problem(str(folder))) != before


def test_every_region_of_the_bundled_network_has_a_place_on_the_map() -> None:
    from evaluators.cloudcast.network import bundled_network
    from evaluators.cloudcast.places import PLACES

    assert set(bundled_network().regions) == set(PLACES)
    assert all(-180 <= x <= 180 and -60 <= y <= 75 for x, y in PLACES.values())
