"""stdout and stderr as they are found: closed, full, with a reader who left, or of an encoding that lacks much."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command_line import TRIVIAL, command, evolve_process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("streams")
    assert evolve_process("run", TRIVIAL, "--evaluations", 3, "--workers", 1, "--run", "r", cwd=where).code == 0
    return where


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii"])
def test_an_encoding_that_lacks_characters_gets_others_in_their_place(folder: Path, encoding: str) -> None:
    done = subprocess.run(
        command("show", "r"), cwd=folder, env=_with(PYTHONIOENCODING=encoding), capture_output=True, check=False
    )
    assert done.returncode == 0 and done.stderr == b"" and b"best on train" in done.stdout
    done.stdout.decode(encoding)


def test_a_width_of_zero_is_no_width(folder: Path) -> None:
    assert "finished" in evolve_process("show", "r", cwd=folder, env={"COLUMNS": "0"}).out


@pytest.mark.slow
def test_a_reader_who_leaves_does_not_stop_a_run(folder: Path) -> None:
    line = " ".join(command("run", TRIVIAL, "--evaluations", 4, "--workers", 1, "--run", "piped"))
    subprocess.run(["bash", "-c", f"{line} | head -1"], cwd=folder, capture_output=True, check=True, timeout=120)
    facts = evolve_process("show", "piped", "--json", cwd=folder).json
    assert (facts["status"], facts["evaluations"]) == ("finished", 4)


@pytest.mark.parametrize("redirection", [">&-", ">&- 2>&-", "> /dev/full"])
def test_a_closed_or_full_stdout_is_no_traceback(folder: Path, redirection: str) -> None:
    for what in (("show", "r"), ("best", "r"), ("list",), ("list", TRIVIAL)):
        line = " ".join(command(*what))
        done = subprocess.run(["bash", "-c", f"{line} {redirection}"], cwd=folder, capture_output=True, check=False)
        assert b"Traceback" not in done.stderr
        assert (done.returncode == 2) == ("full" in redirection)


@pytest.mark.slow
def test_odd_paths_are_one_line(folder: Path) -> None:
    long = "x" * 600
    for what in (("show", long), ("run", f"./{long}"), ("score", TRIVIAL, long), ("run", TRIVIAL, "--run", long)):
        said = evolve_process(*what, cwd=folder)
        assert said.code == 2 and len(said.err.splitlines()) == 1
    (folder / "seed.toml").write_bytes(b"\xef\xbb\xbfseed = 3\n")
    said = evolve_process("run", "nope", "--config", "seed.toml", cwd=folder)
    assert "is unknown" in said.err and "TOML" not in said.err


def _with(**values: str) -> dict[str, str]:
    import os

    return {**os.environ, **values}
