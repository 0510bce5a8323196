"""What the README shows, works."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from command_line import ROOT, evolve

from evolve.cli import evolve as program

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SHELL = "".join(text for language, text in BLOCKS if language == "sh").replace("\\\n", " ")
COMMANDS = [line for line in SHELL.splitlines() if line]
EVOLVE = [shlex.split(line)[1:] for line in COMMANDS if line.startswith("evolve ")]


def test_the_two_commands_make_a_virtual_environment_each_install_and_run() -> None:
    main, tests = (line for line in COMMANDS if line.startswith("python3 -m venv"))
    assert main == (
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/evolve run spot_single --evaluations 200"
    )
    for part in ("pip install '.[dev]'", "ruff format --check", "ruff check", "mypy --strict", "pytest"):
        assert part in tests
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    for line in (main, tests):
        assert f"{line.split()[3]}/" in ignored


def test_ci_runs_the_test_command_of_the_readme_letter_by_letter() -> None:
    (shown,) = (text for language, text in BLOCKS if language == "sh" and "pytest" in text)
    script = (ROOT / ".ci" / "run").read_text()
    assert script.endswith(f"\n\n{shown}")
    assert "set -euo pipefail" in script
    code = [line for line in script.removesuffix(shown).splitlines() if line and not line.startswith("#")]
    install = "apt-get update && apt-get install -y --no-install-recommends"
    assert code == [
        "set -euo pipefail",
        'cd "$(dirname "$0")/.."',
        f"command -v chromium >/dev/null || {{ {install} chromium; }} || true",
        f"[ -d /usr/lib/postgresql ] || {{ {install} postgresql; }} || true",
    ]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


@pytest.mark.parametrize("arguments", [*EVOLVE, ["run", "spot_single", "--evaluations", "200"]], ids=" ".join)
def test_every_command_shown_is_one_that_the_command_line_accepts(arguments: list[str]) -> None:
    name, *rest = arguments
    command = program.commands[name]
    context = command.make_context(name, rest, parent=click.Context(program), resilient_parsing=False)
    sets = context.params.get("sets") or ()
    from evolve.config import resolve

    resolve(None, sets, {})


def test_every_file_and_folder_that_it_names_is_there() -> None:
    for name in re.findall(r"`((?:evolve|evaluators|seeds|sandbox|tests|runs)/[\w./]*)`", README):
        assert (ROOT / name).exists(), name


@pytest.mark.slow
def test_the_problem_of_the_readme_runs_and_its_program_scores_as_the_text_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = [text for language, text in BLOCKS if language == "python"]
    statement = next(text for language, text in BLOCKS if language == "markdown")
    folder = tmp_path / "my_problem"
    folder.mkdir()
    (folder / "evaluator.py").write_text(python[0])
    (folder / "seed.py").write_text(python[1])
    (folder / "problem.md").write_text(statement)
    (tmp_path / "shortest_first.py").write_text(
        "def order(jobs_s):\n    return sorted(range(len(jobs_s)), key=jobs_s.__getitem__)\n"
    )
    (tmp_path / "twice.py").write_text("def order(jobs_s):\n    return [0] * len(jobs_s)\n")
    monkeypatch.chdir(tmp_path)
    run = next(line for line in EVOLVE if line[0] == "run" and "./my_problem" in line)
    done = evolve(*run, "--json")
    assert done.code == 0, done.err
    assert done.json["evaluations"] == 20 and done.json["programs"][0]["splits"]["test"]["score"] == 0.0
    assert evolve("score", "./my_problem", "shortest_first.py", "--json").json["score"] == pytest.approx(100.0)
    twice = evolve("score", "./my_problem", "twice.py", "--json").json
    assert (twice["status"], twice["score"]) == ("infeasible", None)
    assert "job 0 is in the order more than once" in twice["feedback"]
    assert evolve("check", "./my_problem").code == 0
    for shown in ("list", "runs", "show last", "show last best", "diff last", "best last"):
        assert evolve(*shown.split()).code == 0, shown


def test_it_names_no_machine_and_no_place_of_ours() -> None:
    assert not re.search(r"/(home|root|work|tmp)/", README)


@pytest.mark.slow
def test_the_online_problem_that_it_points_to_is_sound_and_what_is_shown_is_part_of_it(tmp_path: Path) -> None:
    online = ROOT / "tests" / "plugins" / "online"
    shown = [text for language, text in BLOCKS if language == "python" and "candidate.new" in text]
    assert len(shown) == 1 and shown[0] in (online / "evaluator.py").read_text()
    said = evolve("check", online)
    assert said.code == 0, said.out
    shortest = (online / "seed.py").read_text().replace("place + 0.009 * length_s", "length_s")
    (tmp_path / "shortest.py").write_text(shortest)
    assert evolve("score", online, tmp_path / "shortest.py", "--json").json["score"] == pytest.approx(100.0)


def test_a_script_needs_no_guard_around_its_main_part(tmp_path: Path) -> None:
    """Workers are started without running the script again."""
    (tmp_path / "score_it.py").write_text(
        "import asyncio\n"
        "from evolve.config import resolve\n"
        "from evolve.evaluator import Split\n"
        "from evolve.measure import measure\n"
        "from evolve.registry import load_problem\n"
        f"problem = load_problem({str(ROOT / 'tests' / 'plugins' / 'trivial')!r})\n"
        "config = resolve(None, [], {'workers': 2})\n"
        "(found,) = asyncio.run(measure(problem, config, {'seed': problem.seed}, Split.TRAIN))\n"
        "print(found.score.score)\n"
    )
    done = subprocess.run(
        [sys.executable, tmp_path / "score_it.py"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.stderr, done.returncode, len(done.stdout.split())) == ("", 0, 1)
