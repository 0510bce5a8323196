"""`evolve data`: the instances of every split as files that the problem reads back; all of them, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import evolve

from evolve.evaluator import Split, UsageError
from evolve.export import export
from evolve.registry import load_problem

SEEDS = Path(__file__).resolve().parent.parent / "seeds"


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_says_how_many_instances_lie_where_and_how_to_use_them() -> None:
    said = evolve("data", "txn_scheduling", "--split", "public", "--out", "new/folder")
    assert said.code == 0
    first, second = said.out.splitlines()
    assert first.startswith("3 instances of txn_scheduling public in new/folder (3 files, ")
    command = second.removeprefix("to score a program on them: evolve ").replace("PROGRAM.py", str(SEEDS / "{}.py"))
    scored = evolve(*command.format("txn_scheduling").split(), "--json").json
    assert scored["status"] == "ok" and scored["metrics"]["adrs_score"] == 0.0
    assert not list(Path("new").glob("**/.*"))


def test_the_json_document_names_every_file() -> None:
    Path("there").mkdir()
    said = evolve("data", "txn_scheduling", "--out", "there", "--json").json
    assert (said["evaluator"], said["split"], said["folder"]) == ("txn_scheduling", "train", "there")
    assert sorted(said["files"]) == sorted(map(str, Path("there").iterdir()))
    assert said["instances"] == len(load_problem("txn_scheduling").instances(Split.TRAIN))
    assert said["bytes"] == sum(file.stat().st_size for file in Path("there").iterdir())


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), UsageError("no place for it"), KeyError()])
def test_a_failure_halfway_leaves_the_folder_as_it_was(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    problem = load_problem("txn_scheduling")

    def write(self: object, instances: object, folder: Path) -> list[Path]:
        (folder / "half.json").write_text("{")
        raise failure

    monkeypatch.setattr(type(problem.evaluator), "write", write)
    Path("there").mkdir()
    for folder in ("there", "new/folder"):
        with pytest.raises(UsageError) as raised:
            export(problem, Split.TRAIN, Path(folder))
        if isinstance(failure, OSError):
            wanted = f"{folder} cannot be written: No space left on device. Give another folder with --out."
            assert str(raised.value) == wanted
    assert [path.name for path in Path().iterdir()] == ["there"] and not list(Path("there").iterdir())


def test_errors_name_the_folder_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = load_problem("txn_scheduling")

    def write(self: object, instances: object, folder: Path) -> list[Path]:
        raise UsageError(f"own: {folder}/a.json has no place for it")

    monkeypatch.setattr(type(problem.evaluator), "write", write)
    with pytest.raises(UsageError, match=r"^own: new/a\.json has no place"):
        export(problem, Split.TRAIN, Path("new"))
