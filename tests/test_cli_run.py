"""What the command line promises of runs: from `evolve run` to looking at what it left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import tomllib
from pathlib import Path

import pytest
from command_line import TRIVIAL, Said, command, evolve, evolve_process
from model_server import ModelServer, trivial

SECRET = "sk-do-not-write-me-down-0123456789"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one run was made, with the built-in mutator."""
    place = tmp_path_factory.mktemp("place")
    said = evolve_process("run", TRIVIAL, "--evaluations", 30, "--seed", 3, "--deterministic", cwd=place)
    assert said.code == 0, said.err
    (place / "said.txt").write_text(said.out)
    return place


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    (folder,) = (place / "runs").iterdir()
    return folder


def test_a_run_says_who_mutates_and_ends_with_the_table_the_verdict_and_its_folder(here: Path, place: Path) -> None:
    lines = (place / "said.txt").read_text().splitlines()
    assert "built-in mutator" in lines[0]
    assert f"run folder: runs/{here.name}" in lines
    assert lines[-1].startswith(f"evolve report runs/{here.name}   # see it")
    text = "\n".join(lines)
    assert "train" in text and "validation" in text and "test" in text and "\x1b" not in text
    assert "it beats the seed" in " ".join(text.split())


def test_the_run_folder_holds_what_the_issue_names(here: Path) -> None:
    names = {path.name for path in here.iterdir()}
    expected = {"config.toml", "curve.svg", "archive.db", "best.py", "seed.py", "summary.md", "programs", "log.jsonl"}
    assert expected <= names
    config = tomllib.loads((here / "config.toml").read_text())
    assert (config["seed"], config["deterministic"], config["budget"]["evaluations"]) == (3, True, 30)
    assert (here / "seed.py").read_text() == (TRIVIAL / "seed.py").read_text()
    programs = list((here / "programs").iterdir())
    assert programs
    for program in programs:
        files = {path.name for path in program.iterdir()}
        assert files == {"program.py", "diff.patch", "prompt.md", "answer.md", "scores.json"}
    events = [json.loads(line) for line in (here / "log.jsonl").read_text().splitlines()]
    assert events[0]["event"] == "started" and events[-1]["event"] == "closed"
    assert sum(e["event"] == "evaluated" for e in events) == 30


def test_show_tells_what_the_issue_asks_for(here: Path) -> None:
    facts = evolve("show", "last", "--json").json
    assert (facts["status"], facts["evaluations"], facts["model_calls"], facts["cost_usd"]) == ("finished", 30, 0, 0.0)
    assert facts["best"]["id"] > 0 and facts["best"]["score"] > 0
    assert facts["beats_seed_on_test"] is True
    said = evolve("show", here.name)
    assert said.code == 0 and "finished" in said.out and f"program {facts['best']['id']}" in said.out


def test_a_run_is_named_by_its_path_its_name_or_last(here: Path) -> None:
    shown = [
        evolve("show", ref, "--json").json["evaluations"] for ref in ("last", here.name, here, f"runs/{here.name}")
    ]
    assert shown == [30, 30, 30, 30]


def test_runs_lists_status_best_score_and_cost(here: Path) -> None:
    (entry,) = evolve("runs", "--json").json["runs"]
    assert (entry["run"], entry["status"], entry["cost_usd"]) == (here.name, "finished", 0.0)
    assert entry["train"]["score"] > 0 and entry["test"]["score"] > 0 and entry["program_is_winner"]
    assert here.name in evolve("runs").out


def test_best_prints_the_source_that_best_py_holds_and_that_scores_as_told(here: Path) -> None:
    source = evolve("best", "last").out
    assert source == (here / "best.py").read_text()
    told = evolve("best", "last", "--json").json
    scored = evolve("score", TRIVIAL, here / "best.py", "--json").json
    assert scored["score"] == told["score"]


def test_diff_goes_from_the_seed_to_the_best_unless_told_otherwise(here: Path) -> None:
    best = evolve("best", "last", "--json").json["id"]
    default = evolve("diff", "last").out
    assert default.startswith("--- a/seed.py\n+++ b/best.py\n@@")
    assert default.splitlines()[2:] == evolve("diff", "last", 0, best).out.splitlines()[2:]
    same = evolve("diff", "last", "best", "best")
    assert (same.code, same.out) == (0, "") and "are the same" in same.err


def test_a_program_is_shown_with_its_parent_and_instances(here: Path) -> None:
    facts = evolve("show", "last", "best", "--json").json
    assert set(facts["splits"]) == {"train", "validation", "test"}
    assert facts["splits"]["train"]["instances"][0]["id"] == "train/0"
    assert facts["selection"]["mutator"] == "builtin"
    assert f"from program {facts['parent_id']}" in evolve("show", "last", facts["id"]).out
    assert evolve("show", "last", "seed", "--json").json["id"] == 0


def test_an_unknown_program_is_one_line_that_tells_the_known_ones(here: Path) -> None:
    said = evolve("show", "last", "bset")
    expected = "has no program 'bset'. Known: seed, best, or the number of a step.\n"
    assert said.code == 2 and said.err == f"evolve: runs/{here.name} {expected}"


def test_a_run_is_not_started_over_an_old_one(here: Path) -> None:
    said = evolve("run", TRIVIAL, "--run", here, "--evaluations", 1)
    assert (said.code, said.err) == (2, f"evolve: {here} already holds a run. To continue it: evolve resume {here}\n")


def test_a_run_with_a_model_keeps_prompts_and_answers_but_never_the_key(tmp_path: Path) -> None:
    with ModelServer(trivial) as server:
        said = evolve_process(
            "run", TRIVIAL, "--model", "m", "--base-url", server.base_url, "--api-key-env", "MY_KEY",
            "--set", "model.usd_per_mtok_in=1", "--set", "model.usd_per_mtok_out=1",
            "--evaluations", 12, "--json", cwd=tmp_path, env={"MY_KEY": SECRET},
        )  # fmt: skip
        assert any(SECRET in request.headers.get("authorization", "") for request in server.requests)
    facts = said.json
    assert (facts["status"], facts["evaluations"], facts["models"]) == ("finished", 12, ["m"])
    assert facts["model_calls"] >= 12 and facts["cost_usd"] > 0 and facts["cost_known"]
    folder = Path(facts["folder"])
    improvement = folder / "programs" / str(facts["improvements"][-1]["id"])
    assert "# Find the number" in (improvement / "prompt.md").read_text()
    assert "SEARCH" in (improvement / "answer.md").read_text()
    assert "test/0" not in (improvement / "prompt.md").read_text()
    for file in folder.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


@pytest.mark.slow
def test_ctrl_c_says_how_to_resume_and_resume_ends_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    running = subprocess.Popen(
        command("run", TRIVIAL, "--evaluations", 100_000, "--run", folder),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for(lambda: (folder / "log.jsonl").exists() and '"evaluated"' in (folder / "log.jsonl").read_text())
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err == f"evolve: stopped by Ctrl-C. To continue: evolve resume {folder}\n"
    done = evolve_process("show", folder, "--json", cwd=tmp_path).json
    assert done["status"] == "stopped" and done["evaluations"] > 0
    resumed: Said = evolve_process("resume", folder, "--evaluations", done["evaluations"] + 5, "--json", cwd=tmp_path)
    assert resumed.code == 0, resumed.err
    assert (resumed.json["status"], resumed.json["evaluations"]) == ("finished", done["evaluations"] + 5)
    summary = (folder / "summary.md").read_text()
    assert "not finished" not in summary and f"{done['evaluations'] + 5} evaluations" in summary


def _wait_for(condition: object, limit_s: float = 60.0) -> None:
    assert callable(condition)
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
