"""Lineages, comparisons, tables and a run that is followed: what they say is what the archive holds."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from command_line import evolve
from loop_parts import HashModel
from page_parts import made_run

from evolve.archive import Store
from evolve.errors import UsageError
from evolve.report.following import follow, line_of
from evolve.report.tree import branches, print_tree


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_run(tmp_path_factory.mktemp("looking") / "one", 60)


def test_the_chain_leads_from_the_seed_to_the_best_with_what_each_step_brought(run: Path) -> None:
    found = evolve("tree", run, "--json").json
    steps = found["chain"]
    assert steps[0]["parent_id"] == 0 and steps[-1]["id"] == found["program"]
    for step in steps:
        assert step["gain"] == step["after"] - step["before"] and step["deed"].startswith(f"+{step['added']} -")
    shown = evolve("tree", run).out
    assert shown.startswith("seed  ") and all(f"\n{step['id']}  {step['after']:.2f}" in shown for step in steps)


def test_the_whole_tree_holds_every_program_once_the_way_to_the_best_first(run: Path) -> None:
    programs = evolve("tree", run, "--all", "--json").json["programs"]
    with Store.open(run) as store:
        best = store.best()
        assert best is not None and {one["id"] for one in programs} == {p.id for p in store.programs() if p.id >= 0}
    by_id = {one["id"]: one for one in programs}
    id = 0
    while id != best.id:
        id = by_id[id]["children"][0]
        assert by_id[id]["leads_to_best"]
    shown = evolve("tree", run, "--all").out
    assert len(shown.strip().splitlines()) == len(programs)


def test_a_lineage_of_hundreds_of_steps_is_shown_without_running_off_the_screen() -> None:
    from evolve.archive import Program, Role
    from evolve.report.terminal import Terminal
    from evolve.report.tree import Branch

    def one(id: int) -> Program:
        return Program(id, Role.CHILD, "edit", str(id), "", 0.0, parent_id=id - 1, score=1.0)

    found = {id: Branch(one(id), False, (id + 1,) if id < 299 else ()) for id in range(300)}
    screen = io.StringIO()
    print_tree(Terminal(file=screen, width=100), found)
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) < 300 and all(any(f" {id} " in f" {line} " for line in lines) for id in found)


def test_a_program_is_shown_beside_its_parent_the_seed_and_the_best_baseline(run: Path) -> None:
    with Store.open(run) as store:
        best = store.best()
        assert best is not None and best.parent_id is not None
        parent = store.program(best.parent_id)
        assert parent is not None and len(branches(store)[best.parent_id].children) >= 1
    shown = evolve("show", run, "best").out
    assert "lineage  seed" in shown and "against the parent" in shown
    row = next(line for line in shown.splitlines() if line.strip().startswith("train/0"))
    assert f"{best.scores[0]:.2f}" in row and f"{parent.scores[0]:.2f}" in row
    assert "def answer" in evolve("show", run, "best", "--source").out


def test_runs_are_compared_by_split_by_curve_and_by_the_settings_that_differ(run: Path, tmp_path: Path) -> None:
    other = made_run(tmp_path / "other", 30, HashModel(values=50), seed=9)
    found = evolve("compare", run, other, "--json").json
    assert [one["run"] for one in found["runs"]] == ["one", "other"]
    assert found["differing_settings"]["budget.evaluations"] == ["60", "30"]
    assert found["test_across_runs"] is None
    for one in found["runs"]:
        curve = one["curve"]
        assert [point["best_on_train"] for point in curve] == sorted(point["best_on_train"] for point in curve)
        assert curve[-1]["evaluations"] == one["evaluations"] and curve[-1]["cost_usd"] > 0
    shown = evolve("compare", run, other).out
    assert "Settings that differ" in shown and "best on train over dollars" in shown


def test_runs_that_differ_in_their_seed_alone_have_an_interval_over_runs(tmp_path: Path) -> None:
    folders = [made_run(tmp_path / f"seed{seed}", 12, seed=seed) for seed in (1, 2, 3)]
    across = evolve("compare", *folders, "--json").json["test_across_runs"]
    assert across["low"] <= across["mean"] <= across["high"]
    alone = evolve("compare", folders[0], folders[0])
    assert alone.code == 2 and "two different runs" in alone.err


@pytest.mark.parametrize("table", ["programs", "evaluations", "calls"])
def test_the_three_forms_of_a_table_hold_the_same_rows(run: Path, tmp_path: Path, table: str) -> None:
    from pyarrow import parquet

    csv.field_size_limit(10_000_000)
    as_csv = list(csv.DictReader(io.StringIO(evolve("export", run, "--table", table).out)))
    as_lines = [json.loads(line) for line in evolve("export", run, "--table", table, "--jsonl").out.splitlines()]
    path = tmp_path / "t.parquet"
    said = evolve("export", run, "--table", table, "--parquet", "--out", path)
    assert said.code == 0 and said.out == f"{len(as_lines)} {table} in {path}\n"
    assert parquet.read_table(path).to_pylist() == as_lines
    assert len(as_csv) == len(as_lines) > 50 and list(as_csv[0]) == list(as_lines[0])
    assert "model" not in as_lines[-1] or as_lines[-1]["model"] == "m"


def test_parquet_on_a_terminal_is_refused(run: Path) -> None:
    said = evolve("export", run, "--parquet")
    assert said.code == 2 and "give a file with --out" in said.err


def test_a_finished_run_is_followed_in_one_line_that_says_how_it_ended(run: Path) -> None:
    said = evolve("watch", run)
    assert said.code == 0 and len(said.out.splitlines()) == 1 and "finished" in said.out
    assert evolve("watch", run, "--json").json["evaluations"] == 60


def test_following_shows_each_change_once_and_ends_when_the_writer_is_gone(tmp_path: Path) -> None:
    """The writer is this process; when it is closed without a word, the run is interrupted."""
    from evolve.archive import Program, Role
    from evolve.evaluator import Split
    from evolve.scoring import InstanceResult, SplitScore, Status

    store = Store.create(tmp_path / "run", "trivial", "seed = 3\n", 3)
    steps = iter(["score", "nothing", "gone"])

    def work() -> None:
        match next(steps):
            case "score":
                result = InstanceResult("train/0", Status.OK, 12.5)
                score = SplitScore(Split.TRAIN, Status.OK, 12.5, {}, (result,), True)
                seed = Program(0, Role.SEED, "seed", "f", "X = 1\n", 1.0, name="seed")
                store.bear(seed)
                store.score(seed.with_score(score), {0: result}, True)
            case "gone":
                store.close()

    seen = list(follow(tmp_path / "run", pause=work))
    assert [(one.best_score, one.status.value) for one in seen] == [
        (None, "running"),
        (12.5, "running"),
        (12.5, "interrupted"),
    ]
    assert seen[1].improved and line_of(seen[1]).startswith("* 0 evaluations, best 12.50")
    assert next(steps, None) is None


def test_following_what_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        next(follow(tmp_path))
