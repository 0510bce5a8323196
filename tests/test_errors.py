"""Bad input: one line on stderr, exit code 2, nothing on stdout, no traceback. The table is what a person reads."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from command_line import TRIVIAL, evolve

from evolve.cli import evolve as program

OWN = """
from evolve.evaluator import Evaluator, Instance, Outcome


class Own(Evaluator):
    name = "own"
    summary = "A test"
    defines = ("f",)

    def instances(self, split):
        return [Instance(f"{split}/0")]

    def evaluate(self, candidate, instance):
        candidate.call("f")
        return Outcome(1.0)
"""

TABLE = {
    # command line ({trivial}: the trivial problem's folder): text after "evolve: "
    "run spot_sngle": "evaluator 'spot_sngle' is unknown. Did you mean 'spot_single'? Known: {known}. "
    "A problem of your own is given by its folder, e.g. ./my_problem",
    "run": "which EVALUATOR? `evolve list` shows them. (see: evolve run --help)",
    "run ./nope": "{cwd}/nope does not exist. `evolve list` shows the installed evaluators.",
    "run ./seedless": "{cwd}/seedless/seed.py does not exist: it is the program that a run starts from.",
    "run ./broken_seed": "{cwd}/broken_seed/seed.py is no program for own: line 1: expected '('.",
    "run ./empty_seed": "{cwd}/empty_seed/seed.py is no program for own: it does not define f at its top level.",
    "run ./empty": "{cwd}/empty is no problem: it has no evaluator.py with one subclass of Evaluator.",
    "run ./file": "{cwd}/file is a file: give the folder that it lies in. "
    "`evolve list` shows the installed evaluators.",
    "run {trivial} --evaluatons 3": "No such option '--evaluatons'. "
    "(Did you mean one of: '--evaluations', '--mutation', '--tokens'?) (see: evolve run --help)",
    "run {trivial} --evaluations x": "Invalid value for '--evaluations': 'x' is not a valid integer range. "
    "(see: evolve run --help)",
    "run {trivial} --minutes 0": "Invalid value for '--minutes': 0.0 is not in the range x>0. (see: evolve run --help)",
    "run {trivial} --seed 9223372036854775808": "configuration: seed = 9223372036854775808: "
    "Input should be less than or equal to 9223372036854775807.",
    "run {trivial} --set evaluator.x=1": "trivial: option 'evaluator.x' is unknown. Known: none.",
    "run {trivial} --set search": "--set search: expected key=value, e.g. --set search.plateau=30",
    "run {trivial} --set search.island=8": "configuration: the key 'search.island' does not exist. "
    "Did you mean 'search.islands'?",
    "run {trivial} --set search.islands=2": "configuration: search.islands is an option of "
    "--search adaptive and --search islands, not of portfolio.",
    "run {trivial} --search islands --set search.islands=0": "configuration: search.islands = 0: "
    "Input should be greater than or equal to 1.",
    "run {trivial} --search islands --set search.islands=100000000": "configuration: search.islands = 100000000: "
    "Input should be less than or equal to 10000.",
    "run {trivial} --set workers=100000": "configuration: workers = 100000: "
    "Input should be less than or equal to 1024.",
    "resume empty --workers 100000": "Invalid value for '--workers': 100000 is not in the range 1<=x<=1024. "
    "(see: evolve resume --help)",
    "run {trivial} --search ilands": "search.strategy 'ilands' is unknown. Did you mean 'islands'? "
    "Known: adaptive, climbing, islands, map_elites, pareto, portfolio, sampling, sequential.",
    "run {trivial} --config nope.toml": "nope.toml cannot be read: No such file or directory.",
    "run {trivial} --config file": "file is not TOML: "
    "Expected '=' after a key in a key/value pair (at line 1, column 5).",
    "run {trivial} --config typo.toml": "typo.toml: the key 'search.island' does not exist. "
    "Did you mean 'search.islands'?",
    "run {trivial} --cost-usd 1": "the built-in mutator costs nothing and makes no model call: "
    "give --evaluations or --minutes besides --cost-usd, --tokens or --calls.",
    "run {trivial} --model ''": "configuration: model.names = ['']: expected names of models.",
    "run {trivial} --model m": "model m: $OPENAI_API_KEY is not set. Set it to your key, "
    "name another variable with --api-key-env, or give a server that needs no key with --base-url.",
    "run {trivial} --model m --base-url http://127.0.0.1:1/v1 --api-key-env sk-1": "--api-key-env "
    "(not shown: it may be the key itself): expected the NAME of an environment variable that holds the key, "
    "e.g. OPENAI_API_KEY.",
    "run {trivial} --model m --base-url nonsense": "--base-url nonsense: not a URL; "
    "expected e.g. http://127.0.0.1:8000/v1",
    "run {trivial} --run file": "file cannot be written: File exists. Give another folder with --run.",
    "run {trivial} --run file/below": "file/below cannot be written: Not a directory. Give another folder with --run.",
    "run {trivial} --run ./broken_seed": "broken_seed has a seed.py that is not a run's. "
    "Give another folder with --run.",
    "run {trivial} --run ''": "Invalid value for '--run': the path is empty. (see: evolve run --help)",
    "resume nope": "there is no run 'nope'. `evolve runs` lists the runs.",
    "resume empty": "empty is not a run: it has no archive.db. `evolve runs` lists the runs.",
    "resume not_a_run": "not_a_run/archive.db is not the archive of a run: file is not a database.",
    "resume empty --base-url x": "empty is not a run: it has no archive.db. `evolve runs` lists the runs.",
    "show last": "there is no run in runs/ yet, and none was started from here. "
    "To start one: evolve run EVALUATOR (see: evolve list)",
    "best nope": "there is no run 'nope'. `evolve runs` lists the runs.",
    "diff nope": "there is no run 'nope'. `evolve runs` lists the runs.",
    "show": "Missing argument 'RUN'. (see: evolve show --help)",
    "score {trivial} nope.py": "nope.py does not exist: it is the program to score.",
    "score {trivial} {trivial}": "{trivial} cannot be read: Is a directory.",
    "score {trivial} {trivial}/seed.py --split public": "trivial has no public split. It has: train, validation, test.",
    "baselines pod_packing --split public": "pod_packing has no public split. It has: train, validation, test. "
    "--data PATH reads others: `evolve list pod_packing` says of which format.",
    "score {trivial} {trivial}/seed.py --data x": "trivial reads no data files (got --data x); leave --data out.",
    "score {trivial} {trivial}/seed.py --split tset": "Invalid value for '--split': 'tset' is not one of "
    "'train', 'validation', 'test', 'public'. (see: evolve score --help)",
    "check ./empty": "{cwd}/empty is no problem: it has no evaluator.py with one subclass of Evaluator.",
    "check": "Missing argument 'FOLDER_OR_NAME'. (see: evolve check --help)",
    "data {trivial} --out new": "trivial writes no data files: it has no public file format.",
    "data {trivial}": "Missing option '--out'. (see: evolve data --help)",
    "data {trivial} --out new --split tset": "Invalid value for '--split': 'tset' is not one of "
    "'train', 'validation', 'test', 'public'. (see: evolve data --help)",
    "data {trivial} --out new --split public": "trivial has no public split. It has: train, validation, test.",
    "data txn_scheduling --out file": "file is a file: give a folder that is new or empty with --out.",
    "data txn_scheduling --out empty_seed": "empty_seed is not empty: give a folder that is new or empty with --out.",
    "data txn_scheduling --out file/below": "file/below cannot be written: Not a directory. "
    "Give another folder with --out.",
    "data txn_scheduling --out /proc/new": "/proc/new cannot be written: No such file or directory. "
    "Give another folder with --out.",
    "data eplb --out new --split public": "eplb: the public expert loads are not bundled; give the file with "
    "--data PATH (JSON with load_history, each entry with logical_expert_load [58][256]).",
    "rnu": f"there is no command 'rnu'. Did you mean 'run'? Known: {', '.join(program.commands)}. (see: evolve --help)",
    "--versoin": "No such option '--versoin'. Did you mean '--version'? (see: evolve --help)",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("empty", "not_a_run", "seedless", "broken_seed", "empty_seed"):
        (tmp_path / name).mkdir()
        if name.endswith(("seed", "seedless")):
            (tmp_path / name / "evaluator.py").write_text(OWN)
            (tmp_path / name / "problem.md").write_text("# Own\n")
    (tmp_path / "broken_seed" / "seed.py").write_text("def f:\n")
    (tmp_path / "empty_seed" / "seed.py").write_text("\n")
    (tmp_path / "not_a_run" / "archive.db").write_text("not a database, and longer than the header of one " * 10)
    (tmp_path / "file").write_text("text\n")
    (tmp_path / "typo.toml").write_text("[search]\nisland = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    return tmp_path


@pytest.mark.parametrize("line", TABLE)
def test_bad_input_is_one_line_and_exit_code_2(folder: Path, line: str) -> None:
    from evolve.registry import list_problems

    known = ", ".join(listing.name for listing in list_problems())
    said = evolve(*shlex.split(line.format(trivial=TRIVIAL)))
    assert said.err == f"evolve: {TABLE[line].format(trivial=TRIVIAL, cwd=folder, known=known)}\n"
    assert said.code == 2
    assert "Traceback" not in said.out
    assert not list(folder.glob("runs/*/archive.db"))
    assert not (folder / "new").exists()


@pytest.mark.parametrize("name", ["best.py", "config.toml", "summary.md"])
def test_a_run_writes_over_no_file_of_a_person(folder: Path, name: str) -> None:
    (folder / "empty" / name).write_text("mine\n")
    said = evolve("run", TRIVIAL, "--evaluations", 1, "--run", "empty")
    assert (said.code, said.err) == (
        2,
        f"evolve: empty has a {name} that is not a run's. Give another folder with --run.\n",
    )
    assert [file.name for file in (folder / "empty").iterdir()] == [name]
    assert (folder / "empty" / name).read_text() == "mine\n"


def test_a_runs_folder_that_cannot_be_written_is_one_line(folder: Path) -> None:
    (folder / "runs").write_text("a file in its place")
    said = evolve("run", TRIVIAL, "--evaluations", 1)
    assert (said.code, said.err) == (
        2,
        "evolve: runs cannot be made: File exists. Give another folder with --run DIR.\n",
    )


def test_a_server_that_is_not_there_is_one_line(folder: Path) -> None:
    said = evolve("run", TRIVIAL, "--model", "m", "--base-url", "http://127.0.0.1:9/v1", "--evaluations", 1)
    assert said.code == 2
    assert said.err.startswith("evolve: model m: the server at http://127.0.0.1:9/v1 cannot be reached")
    assert said.err.count("\n") == 1


def test_json_says_nothing_on_stdout_when_the_input_is_bad(folder: Path) -> None:
    for line in ("run ./nope --json", "show nope --json", "score ./nope x.py --json"):
        said = evolve(*line.split())
        assert (said.code, said.out) == (2, "") and said.err


def test_a_program_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    said = evolve("score", TRIVIAL, tmp_path / "pipe.py")
    assert said.code == 2
    assert said.err == f"evolve: {tmp_path}/pipe.py is no file: it should be the program to score.\n"


def test_a_program_with_a_byte_order_mark_is_read_without_it(tmp_path: Path) -> None:
    (tmp_path / "marked.py").write_bytes(b"\xef\xbb\xbf" + (TRIVIAL / "seed.py").read_bytes())
    assert evolve("score", TRIVIAL, tmp_path / "marked.py", "--json").json["status"] == "ok"
