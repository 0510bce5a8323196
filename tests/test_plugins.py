"""Plug-ins of a package that is really installed, beside one that is broken and one that takes a name twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import ROOT, TRIVIAL, Said, evolve_process

EXAMPLE = ROOT / "tests" / "plugins" / "example"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("packages")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*pip, "--target", str(folder), str(EXAMPLE)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    yield folder


def said(installed: Path, *arguments: object, cwd: Path) -> Said:
    return evolve_process(*arguments, cwd=cwd, env={"PYTHONPATH": str(installed)})


def another(folder: Path, points: str) -> None:
    """Write what pip leaves of a package that gives entry points: its metadata."""
    facts = folder / "another-2.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 2.0\n")
    (facts / "entry_points.txt").write_text(points)


def test_each_kind_is_listed_with_its_package_and_a_broken_one_is_one_line(installed: Path, tmp_path: Path) -> None:
    listed = said(installed, "list", "--plugins", "--json", cwd=tmp_path)
    assert listed.code == 0, listed.err
    found = {(one["kind"], one["name"]): one for one in listed.json["plugins"]}
    for key in (("evaluator", "halving"), ("strategy", "newest"), ("mutator", "nudge"), ("engine", "counting")):
        assert (found[key]["package"], found[key]["error"]) == ("evolve-example-plugins 1.0", "")
    assert found["evaluator", "eplb"]["package"].startswith("evolve ")
    broken = found["mutator", "broken"]["error"]
    assert broken.startswith("does not load (ModuleNotFoundError: No module named") and "\n" not in broken


def test_one_of_each_works_in_a_run(installed: Path, tmp_path: Path) -> None:
    sets = ["--set", "search.strategy=newest", "--set", "mutation.mutator=nudge", "--set", "engine=counting"]
    done = said(installed, "run", "halving", "--evaluations", 12, *sets, "--run", "run", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "the engine counting is at work" in done.err
    assert done.json["evaluations"] == 12
    best = said(installed, "show", "run", "best", "--json", cwd=tmp_path).json
    assert best["kind"] == "nudge"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("run", TRIVIAL, "--set", "mutation.mutator=broken"),
            "mutation.mutator broken: evolve_example_plugins.not_th",
        ),
        (("run", TRIVIAL, "--set", "mutation.mutator=nudg"), "'nudg' is unknown. Did you mean 'nudge'? Known: broken,"),
    ],
)
def test_what_is_broken_or_not_there_is_one_line(
    installed: Path, tmp_path: Path, arguments: tuple[object, ...], says: str
) -> None:
    done = said(installed, *arguments, "--evaluations", 2, cwd=tmp_path)
    assert done.code == 2 and says in done.err and len(done.err.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_name_that_two_packages_give_is_said_with_both(installed: Path, tmp_path: Path) -> None:
    another(tmp_path, "[evolve.evaluators]\nhalving = other:Other\n[evolve.strategies]\nnewest = other:Newest\n")
    both = {"PYTHONPATH": f"{installed}:{tmp_path}"}
    listed = evolve_process("list", "--plugins", "--json", cwd=tmp_path, env=both).json["plugins"]
    errors = {(one["name"], one["package"]): one["error"] for one in listed if one["error"]}
    assert "also by another 2.0" in errors["halving", "evolve-example-plugins 1.0"]
    assert "also by evolve-example-plugins 1.0" in errors["halving", "another 2.0"]
    assert "also by evolve-example-plugins 1.0" in errors["newest", "another 2.0"]
    done = evolve_process("score", "halving", EXAMPLE / "pyproject.toml", cwd=tmp_path, env=both)
    assert done.code == 2 and len(done.err.strip().splitlines()) == 1
    assert "other:Other" in done.err and "evolve_example_plugins.halving.evaluator:Halving" in done.err
    done = evolve_process("run", TRIVIAL, "--search", "newest", "--evaluations", 1, cwd=tmp_path, env=both)
    assert done.code == 2 and "other:Newest" in done.err and len(done.err.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_name_of_evolves_own_that_a_package_gives_too_is_said(tmp_path: Path) -> None:
    another(tmp_path, "[evolve.strategies]\nislands = other:Islands\n")
    twice = {"PYTHONPATH": str(tmp_path)}
    listed = evolve_process("list", "--plugins", "--json", cwd=tmp_path, env=twice).json["plugins"]
    assert ["also by evolve itself" in one["error"] for one in listed if one["package"] == "another 2.0"] == [True]
    done = evolve_process("run", TRIVIAL, "--evaluations", 1, cwd=tmp_path, env=twice)
    assert done.code == 2 and "given by evolve itself and by other:Islands" in done.err
