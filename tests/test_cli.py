"""What the command line promises of the commands that need no run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import TRIVIAL, evolve, evolve_process

from evolve import __version__

SHARP = "def answer():\n    return {}\n"


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_help_imports_nothing_heavy() -> None:
    heavy = ("numpy", "sqlalchemy", "rich", "pydantic", "openai", "msgspec", "jinja2", "asyncio")
    program = f"import sys, evolve.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_the_packages() -> None:
    assert evolve("--version").out == f"evolve {__version__}\n"


def test_every_command_has_help_and_the_ones_that_print_facts_have_json() -> None:
    for name in (
        "list",
        "run",
        "resume",
        "runs",
        "show",
        "best",
        "diff",
        "audit",
        "score",
        "baselines",
        "data",
        "doctor",
    ):
        said = evolve(name, "--help")
        assert said.code == 0 and said.out.startswith(f"Usage: evolve {name}")
        assert "--json" in said.out


def test_without_a_command_it_prints_the_help() -> None:
    assert evolve().out == evolve("--help").out


def test_list_names_the_bundled_problems() -> None:
    assert {"spot_single", "eplb"} <= {entry["name"] for entry in evolve("list", "--json").json["evaluators"]}
    assert "spot_single" in evolve("list").out


def test_score_tells_what_the_issue_asks_for(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(SHARP.format("21.5"))
    said = evolve("score", TRIVIAL, "p.py", "--split", "validation", "--workers", 1, "--json")
    facts = said.json
    assert said.code == 0
    assert (facts["evaluator"], facts["split"], facts["status"]) == ("trivial", "validation", "ok")
    assert facts["score"] == pytest.approx(50.0) and facts["metrics"] == {"distance": 20.5}
    (instance,) = facts["instances"]
    assert instance["id"] == "validation/0" and instance["score"] == facts["score"] and "21.5" in instance["feedback"]
    assert 0 < facts["cpu_s"] < 2 and 0 < facts["wall_s"] < 60
    assert 1e6 < facts["peak_rss_bytes"] < 1e9


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("def answer():\n    return float('nan')\n", "infeasible"),
        ("def answer():\n    return 1 / 0\n", "error"),
        ("def answer():\n    while True: pass\n", "timeout"),
        ("def answer(:\n", "error"),
        ("import os\nos._exit(0)\n", "error"),
    ],
)
def test_a_score_without_ok_is_null_and_its_status_is_told(tmp_path: Path, body: str, status: str) -> None:
    (tmp_path / "p.py").write_text(body)
    facts = evolve("score", TRIVIAL, "p.py", "--workers", 1, "--json").json
    assert (facts["status"], facts["score"]) == (status, None)
    assert facts["instances"][0]["feedback"]


def test_in_the_terminal_too_a_failure_is_told_instead_of_a_score(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("def answer():\n    return float('nan')\n")
    told = evolve("score", TRIVIAL, "p.py", "--workers", 1).out
    assert "status       infeasible" in told and "expected a finite number" in told
    assert "nan" not in told.replace("answer() returned nan", "")


def test_repeats_show_the_spread_of_cpu(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(SHARP.format(42))
    facts = evolve("score", TRIVIAL, "p.py", "--repeat", 3, "--workers", 1, "--json").json
    spread = facts["cpu_spread_s"]
    assert facts["repeats"] == 3 and facts["score"] == 100.0
    assert 0 < spread["lower_quartile"] <= spread["median"] == facts["cpu_s"] <= spread["upper_quartile"]
    assert "CPU of 2 repeats" in evolve("score", TRIVIAL, "p.py", "--repeat", 2, "--workers", 1).out


def test_baselines_are_sorted_by_score_and_failures_come_last(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "baselines").mkdir(parents=True)
    for name in ("evaluator.py", "seed.py", "problem.md"):
        (folder / name).write_text((TRIVIAL / name).read_text())
    for name, value in {"far": "2.0", "near": "40.0", "wrong": "None"}.items():
        (folder / "baselines" / f"{name}.py").write_text(SHARP.format(value))
    facts = evolve("baselines", folder, "--split", "test", "--workers", 1, "--json").json
    assert (facts["evaluator"], facts["split"]) == ("trivial", "test")
    assert [(b["name"], b["status"]) for b in facts["baselines"]] == [
        ("near", "ok"),
        ("far", "ok"),
        ("wrong", "infeasible"),
    ]
    assert facts["baselines"][0]["metrics"] == {"distance": 2.0} and facts["baselines"][2]["score"] is None
    table = evolve("baselines", folder, "--workers", 1).out
    assert table.index("near") < table.index("far") < table.index("wrong") and "distance" in table


def test_doctor_names_every_layer_and_what_to_do() -> None:
    from sandbox.zygote import LAYERS

    facts = evolve("doctor", "--json").json
    assert [layer["name"] for layer in facts["layers"]] == list(LAYERS)
    for layer in facts["layers"]:
        assert isinstance(layer["active"], bool) and layer["detail"]
        assert layer["active"] or layer["advice"]
    assert facts["isolated"] == all(layer["active"] for layer in facts["layers"])
    assert facts["packages"]["numpy"] and facts["cores"] >= 1
    said = evolve("doctor").out
    assert all(name in said for name in LAYERS)


@pytest.mark.slow
def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    program = f"{sys.executable} -m evolve list --json | true"
    done = subprocess.run(program, shell=True, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_messages_go_to_stderr_and_tables_fit_80_columns(tmp_path: Path) -> None:
    said = evolve_process("baselines", "spot_single", cwd=tmp_path, env={"COLUMNS": "80"})
    assert said.code == 0 and said.err == ""
    assert max(map(len, said.out.splitlines())) <= 80
    assert "…" not in said.out and "late_runs" in said.out
