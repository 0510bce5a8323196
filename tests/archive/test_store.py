from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evolve.archive import (
    CallStatus,
    Fate,
    ModelCall,
    Program,
    Role,
    RunStatus,
    Selection,
    Store,
)
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.scoring import InstanceResult, SplitScore, Status


def program(id: int, parent_id: int | None = 0, source: str = "X = 1.0\n") -> Program:
    role = Role.CHILD if id > 0 else Role.SEED if id == 0 else Role.BASELINE
    parent_id = parent_id if id > 0 else None
    return Program(id, role, "constant", f"print{id}", source, 1.5, name="" if id > 0 else role, parent_id=parent_id)


def scored(score: float | None, split: Split = Split.TRAIN) -> SplitScore:
    status = Status.OK if score is not None else Status.INFEASIBLE
    results = (
        InstanceResult(
            f"{split}/0", Status.OK, 12.5, {"cost_usd": 3.25}, "waited 3.1 h", "", 0.5, 0.1, 0.7, 4096, "hi"
        ),
        InstanceResult(f"{split}/1", status, score, {}, "GPU 3 is full", "" if score is not None else "infeasible"),
    )
    return SplitScore(split, status, score, {"cost_usd": 3.25} if score is not None else {}, results, True)


def add(store: Store, id: int, score: float | None, told: int | None, parent_id: int = 0) -> Program:
    if id > 0:
        store.add_selection(Selection(id, parent_id, (), 0, told or 1, "because", "builtin"))
    store.add_program(program(id, parent_id), id if id > 0 else None)
    done = program(id, parent_id).with_score(scored(score))
    done = Program(**{**done.__dict__, "told": told})
    store.add_score(done, scored(score))
    return done


def call(step: int, prompt: str = "change this program\n" * 50, status: CallStatus = CallStatus.SENT) -> ModelCall:
    return ModelCall(step, "m", "edit", f"digest{step}", "you are a programmer", f"{prompt}{step}", status)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    with Store.create(tmp_path / "run", "spot_single", "seed = 3\n", 3) as made:
        yield made


def test_everything_comes_back_as_it_was_committed(store: Store) -> None:
    add(store, 0, 0.0, 1)
    child = add(store, 1, 50.0, 2)
    add(store, 2, None, 3)
    with Store.open(store.folder) as reader:
        assert reader.program(1) == child
        assert reader.evaluations(1, Split.TRAIN) == list(scored(50.0).instances)
        assert reader.program(2).failure == "train/1: GPU 3 is full"
        assert reader.selection(1) == Selection(
            1, 0, (), 0, 2, "because", "builtin", fate=Fate.SCORED, taken=1, ended=2
        )
        assert [p.id for p in reader.children(0)] == [1, 2]
        assert reader.program(99) is None and reader.selection(99) is None and reader.model_call(99) is None
        assert reader.config() == "seed = 3\n"


def test_a_prompt_is_there_before_its_answer_and_both_come_back_whole(store: Store) -> None:
    add(store, 0, 0.0, 1)
    for step in (1, 2):
        store.add_selection(Selection(step, 0, (0,), 0, 1, "because", "m"), call(step))
    assert store.model_call(2) == call(2)
    answered = ModelCall(
        **{
            **call(2).__dict__,
            "status": CallStatus.ANSWERED,
            "answer": "an \u00e4 answer",
            "prompt_tokens": 7,
            "completion_tokens": 5,
            "cost_usd": 0.25,
            "latency_s": 1.5,
            "attempts": 2,
        }
    )
    store.add_answer(answered)
    with Store.open(store.folder) as reader:
        assert (reader.model_call(1), reader.model_call(2)) == (call(1), answered)
        totals = reader.call_totals()
    assert (totals.calls, totals.answered, totals.prompt_tokens, totals.cost_usd) == (2, 1, 7, 0.25)


def test_the_best_is_of_seed_and_children_and_ties_go_to_the_older(store: Store) -> None:
    assert store.best() is None
    add(store, 0, 10.0, 1)
    add(store, -1, 99.0, None)
    assert store.best().id == 0
    add(store, 1, 50.0, 2)
    add(store, 2, 50.0, 3)
    assert [p.id for p in store.top(9)] == [1, 2, 0]
    assert store.best().id == 1
    store.set_winner(2)
    assert store.best().id == 2 and store.best_on_train().id == 1


def test_improvements_follow_the_order_in_which_the_search_was_told(store: Store) -> None:
    add(store, 0, 10.0, 1)
    for id, score, told in ((1, 40.0, 3), (2, 30.0, 2), (3, 35.0, 4), (4, None, 5), (5, 40.0, 6), (6, 41.0, None)):
        add(store, id, score, told)
    assert [p.id for p in store.improvements()] == [2, 1, 6]


def test_the_ends_of_steps_come_back_in_the_order_in_which_the_search_heard_of_them(store: Store) -> None:
    add(store, 0, 10.0, 1)
    for id, score in ((1, 40.0), (2, None)):
        add(store, id, score, None)
    store.add_selection(Selection(3, 1, (), 0, 1, "because", "m", "insight"), call(3))
    store.drop_step(3, Fate.INSIGHT, "sorting first helps", 3, detail="on train/0 most")
    store.add_selection(Selection(4, 1, (), 0, 4, "because", "m", "edit"), call(4), [(2, 2), (3, 3), (1, 4)])
    store.drop_step(4, Fate.PARSE_ERROR, "no program", 4)
    heard = store.step_ends(heard=True)
    told = [(end.selection.step, end.selection.ended, end.score) for end in heard]
    assert told == [
        (2, 2, None),
        (3, 3, None),
        (1, 4, 40.0),
    ]
    assert [(end.kind, end.called, end.answered) for end in heard] == [
        ("constant", False, False),
        ("insight", True, False),
        ("constant", False, False),
    ]
    assert (heard[1].selection.note, heard[1].detail) == ("sorting first helps", "on train/0 most")
    assert [end.selection.step for end in store.step_ends(heard=False)] == [4]
    assert [(s.step, line, detail) for s, line, detail in store.insights()] == [
        (3, "sorting first helps", "on train/0 most")
    ]
    assert store.program(1).told == 4 and store.last_taken() == 4


def test_programs_are_remembered_in_the_order_in_which_they_came_not_in_that_of_their_numbers(store: Store) -> None:
    """A resumed run learns from them anew; a replay, which never stopped, must come to the same."""
    for id in (0, -1, -2):
        store.add_program(replace(program(id, source=f"X = {id}.0"), fingerprint="start"))
    for step in (1, 2, 3):
        store.add_selection(Selection(step, 0, (), 0, 1, "because", "m", "edit"))
    for taken, step in enumerate((3, 1, 2), 1):
        store.add_program(program(step, source=f"X = {step}.0"), taken)
    came = [(id, f"X = {id}.0") for id in (0, -1, -2, 3, 1, 2)]
    assert list(store.sources()) == came
    assert store.fingerprints() == {"start": 0, "print3": 3, "print1": 1, "print2": 2}


def test_the_summary_counts_what_ended_how(store: Store) -> None:
    add(store, 0, 10.0, 1)
    add(store, 1, 20.0, 2)
    store.add_selection(Selection(2, 0, (), 0, 2, "because", "m"), call(2))
    store.drop_step(2, Fate.DUPLICATE, "the same program as 1", 2)
    store.add_selection(Selection(3, 0, (), 0, 2, "because", "m"), call(3))
    store.add_split(1, scored(33.0, Split.TEST))
    summary = store.summary()
    assert (summary.evaluations, summary.steps, summary.fates) == (1, 3, {Fate.SCORED: 1, Fate.DUPLICATE: 1})
    assert (summary.best_id, summary.best_score, summary.status) == (1, 20.0, RunStatus.RUNNING)
    assert [(f.program_id, f.split, f.score) for f in summary.splits] == [(1, Split.TEST, 33.0)]
    assert [s.step for s in store.selections(unfinished=True)] == [3]


def test_a_run_whose_process_is_gone_is_interrupted(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from evolve.archive import Store\n"
        "Store.create(Path(sys.argv[1]), 'p', '', 0); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "run")], check=False)
    with Store.open(tmp_path / "run") as reader:
        assert reader.summary().status is RunStatus.INTERRUPTED
    with Store.resume(tmp_path / "run"), Store.open(tmp_path / "run") as reader:
        assert reader.summary().status is RunStatus.RUNNING


def test_a_run_at_work_in_another_process_is_running_and_cannot_be_taken_over(store: Store) -> None:
    program = (
        "import sys; from pathlib import Path; from evolve.archive import Store; from evolve.errors import UsageError\n"
        "print(Store.open(Path(sys.argv[1])).summary().status)\n"
        "try: Store.resume(Path(sys.argv[1]))\n"
        "except UsageError as error: print(error)"
    )
    command = [sys.executable, "-c", program, str(store.folder)]
    status, refusal = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert status == "running"
    assert refusal.endswith(
        f"is being worked on by another process (process {os.getpid()}); wait for it or stop it first."
    )


def test_a_worker_forked_from_a_run_does_not_keep_its_lock(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "run", "p", "", 0)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    os.close(read)
    store.close()
    Store.resume(tmp_path / "run").close()
    os.close(write)
    os.waitpid(child, 0)


def test_a_full_disk_is_one_line_and_loses_nothing_that_was_committed(store: Store) -> None:
    add(store, 0, 10.0, 1)
    store._connection.exec_driver_sql("PRAGMA max_page_count = 1")
    store._connection.rollback()
    with pytest.raises(UsageError, match=r"archive.db cannot be written: .*full.*evolve resume") as error:
        for id in range(1, 200):
            store.add_program(program(id, source=os.urandom(3000).hex()))
    assert "\n" not in str(error.value)
    with Store.open(store.folder) as reader:
        assert reader.program(0).score == 10.0


@pytest.mark.parametrize("content", [None, b"", b"no database", "other"])
def test_what_is_not_a_run_is_named_in_one_line(tmp_path: Path, content: bytes | str | None) -> None:
    if content == "other":
        sqlite3.connect(tmp_path / "archive.db").execute("CREATE TABLE t (x)").connection.close()
    elif content is not None:
        (tmp_path / "archive.db").write_bytes(content)  # type: ignore[arg-type]
    for take in (Store.open, Store.resume):
        with pytest.raises(UsageError, match=r"is not a run|is not the archive of a run") as error:
            take(tmp_path)
        assert "\n" not in str(error.value)


def test_a_finished_run_can_be_read_in_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.create(tmp_path / "run", "p", "", 0) as store:
        add(store, 0, 10.0, 1)
        store.end(RunStatus.FINISHED, "done", 1.0)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr("os.access", lambda *_: False)  # root, who may run this, can write everywhere
    with Store.open(tmp_path / "run") as reader:
        assert reader.summary().reason == "done"
        assert sorted(tmp_path.rglob("*")) == before, "reading made a file"


def test_three_thousand_steps_with_long_prompts_fit_into_15_mb(tmp_path: Path) -> None:
    """A tenth of it, with prompts of 8 kB of which a third is new each time, as a statement and two programs are."""
    import random

    rng = random.Random(0)
    words = [f"word{rng.randrange(4000)}" for _ in range(600)]
    with Store.create(tmp_path / "run", "p", "", 0) as store:
        add(store, 0, 10.0, 1)
        for step in range(1, 301):
            fresh = " ".join(f"value_{rng.randrange(50)} = {rng.random():.3f}" for _ in range(60))
            prompt = " ".join(words) + fresh
            store.add_selection(Selection(step, 0, (0,), 0, 1, "rank 1 of 12 elites", "m"), call(step, prompt))
            answer = ModelCall(**{**call(step).__dict__, "status": CallStatus.ANSWERED, "answer": fresh})
            store.add_answer(answer)
            store.add_program(program(step, 0, fresh))
            store.add_score(program(step).with_score(scored(1.0)), scored(1.0))
    assert sum(file.stat().st_size for file in (tmp_path / "run").iterdir()) < 1_500_000
