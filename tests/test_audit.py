"""What `evolve audit` promises: a genuine run passes, a figure that is not true is named, and what is odd is shown."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import TRIVIAL, evolve
from rich.console import Console

from evolve import loop
from evolve.archive import Program, Role, Selection, Store
from evolve.audit import Difference, FlagKind, Subject, differences, rescore
from evolve.audit.flags import failures_clustered, overfit, tampered, time_varies, waits
from evolve.config import resolve
from evolve.evaluator import Split
from evolve.mutate.language import PYTHON
from evolve.registry import load_problem
from evolve.report.audit_document import audit_document
from evolve.report.audit_screen import print_audit
from evolve.report.documents import to_json
from evolve.report.run_folder import RunFolder
from evolve.scoring import InstanceResult, SplitScore, Status

PICKY = """
import time
from evolve.evaluator import Evaluator, Instance, Limits, Outcome


class Picky(Evaluator):
    name, summary, defines = "picky", "Scores what is answered, and how long it took", ("answer",)
    limits = Limits(call_s=2.0, cpu_s=2.0, memory_mb=256)
    timed_metrics = ("wall_ms", "score")

    def instances(self, split):
        return [Instance(f"{split}/{number}") for number in range(2)]

    def evaluate(self, candidate, instance):
        began = time.perf_counter()
        x = candidate.call("answer")
        wall_ms = 1e3 * (time.perf_counter() - began)
        return Outcome(50.0 - min(wall_ms, 100.0) / 100, {"x": x, "wall_ms": wall_ms})
"""
"""A problem with measured time in its score and in a metric, as eplb has it."""


def finished_run(folder: Path, source: str, evaluator: str = "") -> Path:
    """Make a real run that ends with its seed, in the folder's `run`; evaluator: "" for that of the trivial problem."""
    problem = folder / "problem"
    shutil.copytree(TRIVIAL, problem)
    (problem / "seed.py").write_text(source)
    if evaluator:
        (problem / "evaluator.py").write_text(evaluator)
    config = resolve(None, [], {"problem": str(problem), "budget.evaluations": 0, "workers": 1})
    files = RunFolder()
    asyncio.run(loop.run(folder / "run", config, load_problem(str(problem)), (files,)))
    return folder / "run"


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("genuine") / "run"
    said = evolve(
        "run", TRIVIAL, "--evaluations", 15, "--seed", 3, "--deterministic", "--workers", 1, "--run", folder, "--json"
    )
    assert said.code == 0, said.err
    assert said.json["best"]["id"] > 0
    return folder


@pytest.fixture
def run(genuine: Path, tmp_path: Path) -> Path:
    """A copy of the genuine run, to be tampered with."""
    return Path(shutil.copytree(genuine, tmp_path / "run"))


def audited(run: Path) -> tuple[dict[str, Any], str]:
    """Audit once; return the document of `--json` and what a person reads."""
    with Store.open(run) as store:
        best = store.best()
        assert best is not None
        subject = Subject.read(store, best)
    found = asyncio.run(rescore(subject, load_problem(subject.config.problem), 1))
    console = Console(file=io.StringIO(), width=100)
    print_audit(console, found)
    assert isinstance(console.file, io.StringIO)
    return json.loads(to_json(audit_document(found))), " ".join(console.file.getvalue().split())


def alter(run: Path, statement: str, *values: Any) -> None:
    with contextlib.closing(sqlite3.connect(run / "archive.db")) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def kinds(facts: dict[str, Any]) -> set[str]:
    return {flag["kind"] for flag in facts["flags"]}


def test_a_genuine_run_audits_clean(genuine: Path) -> None:
    said = evolve("audit", genuine, "--json")
    facts = said.json
    assert said.code == 0, said.err
    assert (facts["reproduces"], facts["differences"], facts["flags"]) == (True, [], [])
    assert list(facts["splits"]) == ["train", "validation", "test"]
    for split in facts["splits"].values():
        scores = [again["score"] for again in split["repeats"]]
        assert scores == [split["archived"]["score"]] * 2 and scores[0] > 0


def test_a_score_altered_in_the_archive_is_named_with_program_split_instance_and_both_figures(run: Path) -> None:
    facts = evolve("best", run, "--json").json
    best, true = facts["id"], facts["score"]
    of = f"program_id = {best} AND split = 'test'"
    alter(run, f"UPDATE evaluations SET score = score + 0.0009765625 WHERE {of}")
    alter(run, f"UPDATE split_figures SET score = 1e9 WHERE {of}")
    said = evolve("audit", run, "--json", "--trust")
    assert said.code == 1 and not said.json["reproduces"]
    whole, one = said.json["differences"]
    assert (one["program"], one["split"], one["instance"], one["figure"]) == (best, "test", "test/0", "score")
    assert (one["archived"], one["repeats"]) == (true + 0.0009765625, [true, true])
    assert (whole["instance"], whole["archived"], whole["repeats"]) == ("", 1e9, [true, true])
    text = audited(run)[1]
    assert f"program {best} on test/0: score is {true + 0.0009765625} in the archive, {true} and {true} now" in text
    assert f"program {best} on test, all instances: score is 1000000000.0 in the archive" in text
    assert "2 figures do not reproduce. The repeats agree with each other and not with the archive" in text


@pytest.mark.slow
def test_figures_that_were_deleted_or_added_do_not_reproduce(run: Path) -> None:
    best = evolve("best", run, "--json").json["id"]
    alter(run, f"DELETE FROM split_figures WHERE program_id = {best} AND split = 'test'")
    alter(run, f"UPDATE evaluations SET metrics = '{{\"invented\":1.0}}' WHERE program_id = {best} AND split = 'train'")
    said = evolve("audit", run, "--json", "--trust")
    found = {(d["instance"], d["figure"], d["archived"]) for d in said.json["differences"] if d["split"] == "train"}
    assert said.code == 1
    assert {(i, f) for i, f, _ in found} == {("train/0", "invented"), ("train/0", "distance")}
    missing = [d for d in said.json["differences"] if d["split"] == "test"]
    assert ("", "status", None) in {(d["instance"], d["figure"], d["archived"]) for d in missing}


def test_a_program_that_answers_by_chance_is_caught(tmp_path: Path) -> None:
    source = "import numpy as np\n\n\ndef answer():\n    return float(np.random.default_rng().random())\n"
    said = evolve("audit", finished_run(tmp_path, source))
    text = " ".join(said.out.split())
    assert said.code == 1
    assert "program 0 on test/0: score is" in text or "program 0 on test/0: distance is" in text
    assert "The repeats do not agree with each other" in text


@pytest.mark.slow
def test_measured_time_is_tolerated_and_what_is_not_measured_is_not(tmp_path: Path) -> None:
    run = finished_run(tmp_path, "import time\n\n\ndef answer():\n    time.sleep(0.03)\n    return 7\n", PICKY)
    facts, text = audited(run)
    assert facts["differences"] == []
    train = facts["splits"]["train"]
    assert train["repeats"][0]["score"] != train["archived"]["score"], "measured time came out the same: shows nothing"
    assert facts["timed_metrics"] == ["wall_ms", "score"]
    assert "Measured time is in wall_ms, score: within 50%" in text
    metrics = json.dumps({"x": 7.5, "wall_ms": 1.0})
    alter(run, "UPDATE evaluations SET metrics = ?, score = 53.0 WHERE split = 'train' AND position = 1", metrics)
    said = evolve("audit", run, "--json", "--trust")
    found = {(d["instance"], d["figure"], d["timed"]) for d in said.json["differences"]}
    assert said.code == 1
    assert found == {("train/1", "x", False), ("train/1", "wall_ms", True), ("train/1", "score", True)}


def test_a_source_that_mentions_gc_is_flagged_with_its_line_and_that_alone_is_no_failure(tmp_path: Path) -> None:
    run = finished_run(tmp_path, "X = 1\nimport gc\n\n\ndef answer():\n    return X\n")
    said = evolve("audit", run, "--trust")
    text = " ".join(said.out.split())
    assert said.code == 0 and "Every figure reproduces. 1 thing to look at" in text
    assert "source 2 mentions gc: import gc" in text


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import os.path as p", "os"),
        ("from sys import _getframe", "_getframe"),
        ("import numpy, ctypes", "ctypes"),
        ("from inspect import stack", "inspect"),
        ("x = open('/etc/passwd')", "open"),
        ("x = (i for i in ()).gi_frame.f_back", "f_back"),
        ("x = numpy.ctypeslib.ctypes", "ctypes"),
        ("x = getattr(y, 'gi_frame')", "gi_frame"),
        ("x = __import__('gc')", "gc"),
        ("x = importlib.import_module(name='os.path')", "os"),
    ],
)
def test_what_reaches_out_of_a_program_is_found_however_it_is_written(line: str, name: str) -> None:
    found = PYTHON.mentions(f'"""Mentions os and gc in words only."""\nstate = "open"  # sys\n{line}\n')
    assert name in {mention.name for mention in found}
    assert {(mention.line, mention.text) for mention in found} == {(3, line)}


def test_a_best_py_that_is_not_the_archives_is_flagged(run: Path) -> None:
    (run / "best.py").write_text((run / "best.py").read_text() + "# better\n")
    said = evolve("audit", run, "--json", "--trust")
    assert (said.code, kinds(said.json)) == (0, {FlagKind.TAMPERED})
    with Store.open(run) as store:
        best = store.best()
        assert best is not None
        (run / "best.py").unlink()
        assert [flag.text for flag in tampered(store, best, True)] == [
            "best.py cannot be read: No such file or directory"
        ]
        (run / "best.py").write_text((run / "seed.py").read_text())  # a run under way may have come no further
        assert tampered(store, best, False) == [] != tampered(store, best, True)


def test_a_run_that_is_not_finished_is_audited_as_far_as_it_goes(run: Path) -> None:
    alter(run, "UPDATE runs SET status = 'stopped', reason = 'stopped by Ctrl-C', winner_id = NULL")
    alter(run, "DELETE FROM split_figures")
    alter(run, "DELETE FROM evaluations WHERE split <> 'train'")
    facts, text = audited(run)
    assert facts["differences"] == facts["flags"] == []
    assert (facts["finished"], list(facts["splits"])) == (False, ["train"])
    assert "The run is not finished: stopped (stopped by Ctrl-C). Audited is what is there: the best so far, on" in text


def test_what_is_no_run_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    said = evolve("audit", tmp_path)
    assert said.code == 2 and said.out == ""
    assert said.err == f"evolve: {tmp_path} is not a run: it has no archive.db. `evolve runs` lists the runs.\n"


def scored(
    status: Status = Status.OK, score: float | None = 40.0, cpu_s: float = 0.1, wall_s: float = 0.0, **metrics: float
) -> SplitScore:
    feedback = "" if status is Status.OK else "it fails"
    result = InstanceResult("train/0", status, score, metrics, feedback, cpu_s=cpu_s, wall_s=wall_s)
    return SplitScore(Split.TRAIN, status, score, metrics, (result,), True)


def compared(archived: SplitScore, *now: SplitScore, timed: tuple[str, ...] = ()) -> list[Difference]:
    return [d for d in differences(3, Split.TRAIN, archived, now, timed) if d.instance]


def test_a_timed_figure_needs_one_repeat_nearby_and_another_figure_needs_all() -> None:
    near, far, cost = scored(ms=3.0, cost=1.0), scored(ms=30.0, cost=1.0), scored(ms=3.0, cost=1.0 + 1e-15)
    archived = scored(ms=2.0, cost=1.0)
    assert compared(archived, near, far, timed=("ms",)) == []
    assert [d.figure for d in compared(archived, far, far, timed=("ms",))] == ["ms"]
    assert [d.figure for d in compared(archived, near, cost, timed=("ms",))] == ["cost"]
    assert [d.figure for d in compared(scored(score=42.0), scored(score=44.1), timed=("score",))] == ["score"]
    assert compared(scored(score=42.0), scored(score=44.0), timed=("score",)) == []
    assert compared(scored(x=float("nan")), scored(x=float("nan"))) == []


def test_a_status_that_differs_stands_for_all_that_follows_from_it() -> None:
    (wrong,) = compared(scored(cost=1.0), scored(Status.INFEASIBLE, None), scored(cost=1.0))
    assert (wrong.figure, wrong.archived, wrong.repeats) == ("status", "ok", ("infeasible", "ok"))
    assert wrong.detail == "it fails" and not wrong.repeats_agree


def test_an_instance_that_stands_twice_in_the_archive_does_not_hide_behind_its_twin() -> None:
    once = scored()
    twice = replace(once, instances=once.instances * 2)
    (wrong,) = differences(3, Split.TRAIN, twice, [once], ())
    assert (wrong.figure, wrong.archived, wrong.repeats) == ("instances", 2, (1,))


def test_train_above_test_is_flagged_beyond_ten_points() -> None:
    assert overfit(50.0, 40.0, None) == overfit(None, 40.0, None) == overfit(50.0, 70.0, 0.0) == []
    (flag,) = overfit(50.5, 40.0, 0.25)
    assert flag.text == "train 50.50 is 10.50 points above test 40.00 (flagged above 10; of the seed +0.25)"


def test_cpu_time_that_varies_is_flagged_and_a_few_milliseconds_are_not() -> None:
    assert time_varies([scored(cpu_s=0.004), scored(cpu_s=0.012)]) == []
    assert time_varies([scored(cpu_s=1.0), scored(cpu_s=1.4)]) == []
    (flag,) = time_varies([scored(cpu_s=0.6), scored(cpu_s=0.3)])
    assert flag.text == "train/0: 0.300 s of CPU in one repeat, 0.600 s in another"


def test_a_program_that_waits_is_flagged_where_the_seed_does_not_and_in_every_repeat() -> None:
    seed, waiting, once = scored(cpu_s=0.1, wall_s=0.15), scored(cpu_s=0.1, wall_s=3.1), scored(cpu_s=0.1, wall_s=0.2)
    (flag,) = waits([waiting, waiting], seed)
    assert flag.text == "train/0: 3.00 s on the wall beyond its CPU time, of the seed 0.05 s"
    assert waits([waiting, once], seed) == [], "a busy host delays one repeat"
    assert waits([waiting, waiting], scored(cpu_s=0.1, wall_s=2.0)) == [], "the verifier takes long with the seed, too"
    assert waits([scored(cpu_s=3.0, wall_s=3.3)] * 2, seed) == waits([waiting], None) == []


@pytest.mark.parametrize(
    ("count", "kind", "instance", "is_flagged"),
    [
        (12, "out_of_memory", 1, True),
        (9, "out_of_memory", 1, False),
        (12, "exception", 0, False),
        (20, "exception", 0, True),
        (1, "verifier", 0, True),
    ],
)
def test_failures_of_one_kind_on_one_instance_are_flagged(
    tmp_path: Path, count: int, kind: str, instance: int, is_flagged: bool
) -> None:
    """Of 30 children; on the first instance, where all that fails everywhere fails, only half of all are a cluster."""
    store = Store.create(tmp_path / "run", "trivial", "", 0)
    good = InstanceResult("train/0", Status.OK, 1.0), InstanceResult("train/1", Status.OK, 1.0)
    bad = (*good[:instance], InstanceResult(f"train/{instance}", Status.ERROR, failure=kind, feedback="no"))
    with store:
        for id in range(31):
            role = Role.CHILD if id else Role.SEED
            if id:
                store.choose(Selection(id, 0, (), "0", "", "builtin"))
            program = Program(id, role, "constant", str(id), "", 0.0, parent_id=0 if id else None)
            store.bear(program)
            fails = 0 < id <= count
            score = SplitScore(
                Split.TRAIN,
                Status.ERROR if fails else Status.OK,
                None if fails else 1.0,
                {},
                bad if fails else good,
                True,
            )
            store.score(program.with_score(score), dict(enumerate(score.instances)))
        found = failures_clustered(store)
    assert [flag.kind for flag in found] == [FlagKind.FAILURES] * is_flagged
    assert all(f"'{kind}' on train/{instance}" in flag.text for flag in found)
