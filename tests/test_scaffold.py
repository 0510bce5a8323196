"""What `evolve new` writes is a problem that keeps to the contract, and that the built-in mutator improves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import evolve

from evolve.registry import Problem, load_problem
from evolve.testing import EvaluatorClaims, scored

KINDS = ("offline", "online")


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    parent = tmp_path_factory.mktemp(request.param) / "deeper"
    said = evolve("new", "my_problem", f"--{request.param}", "--dir", parent, "--json")
    assert said.code == 0, said.err
    assert said.json["next"][0] == f"evolve check {parent}/my_problem"
    files = [Path(file) for file in said.json["files"]]
    assert sorted(files) == sorted(file for file in parent.rglob("*") if file.is_file())
    return parent / "my_problem"


class TestWhatIsWritten(EvaluatorClaims):
    @pytest.fixture
    def problem(self, folder: Path) -> Problem:
        return load_problem(str(folder))


def test_the_seed_is_the_naive_answer_to_the_digit_and_the_baseline_is_better(folder: Path) -> None:
    problem = load_problem(str(folder))
    (baseline,) = problem.baselines.values()
    assert scored(problem, problem.seed).score == 0.0
    assert 0 < scored(problem, baseline).score < 100  # type: ignore[operator]


def test_it_is_a_tutorial_that_says_what_to_change_and_that_programs_are_changed_within_the_marks(folder: Path) -> None:
    texts = {file.name: file.read_text() for file in folder.rglob("*") if file.suffix in (".py", ".md")}
    assert "CHANGE" in texts["evaluator.py"] and "CHANGE" in texts["workload.py"]
    assert "EVOLVE-BLOCK-START" in texts["seed.py"]
    assert not any("{{" in text or "jinja" in text for text in texts.values())
    assert sum(len(text.splitlines()) for text in texts.values()) <= 120


def test_the_built_in_mutator_improves_it(folder: Path, tmp_path: Path) -> None:
    done = evolve("run", folder, "--evaluations", 15, "--deterministic", "--run", tmp_path / "run", "--json")
    assert done.code == 0, done.err
    seed, *_, best = (row["splits"]["test"]["score"] for row in done.json["programs"])
    assert best > 10 + seed


def test_its_own_test_file_passes(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "named", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert "1 passed" in done.stdout and done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("my problem",), "a problem cannot be called 'my problem': letters, digits and _ only, e.g. bin_packing."),
        (("class",), "a problem cannot be called 'class': letters, digits and _ only, e.g. bin_packing."),
        (("there",), "there is there already: give another name, or another place by --dir."),
        (("x", "--dir", "/proc/none"), "/proc/none/x cannot be made: No such file or directory."),
    ],
)
def test_what_cannot_be_written_is_one_line(
    arguments: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    said = evolve("new", *arguments)
    assert (said.code, said.err.strip()) == (2, f"evolve: {says}")
    assert [file.name for file in tmp_path.iterdir()] == ["there"]
