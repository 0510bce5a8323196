from __future__ import annotations

import itertools
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evolve import archive
from evolve.archive import (
    CallStatus,
    EventKind,
    Fate,
    ModelCall,
    Program,
    Role,
    RunStatus,
    Selection,
    State,
    Store,
    Trial,
)
from evolve.archive.events import MOVES
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


def by_index(score: SplitScore) -> dict[int, InstanceResult]:
    return dict(enumerate(score.instances))


def add(store: Store, id: int, score: float | None, known: bool = True, parent_id: int = 0) -> Program:
    if id > 0:
        store.choose(Selection(id, parent_id, (), "0", "because", "builtin"))
    store.bear(program(id, parent_id))
    done = program(id, parent_id).with_score(scored(score))
    store.score(done, by_index(scored(score)), known)
    return done


def call(step: int, prompt: str = "change this program\n" * 50, status: CallStatus = CallStatus.SENT) -> ModelCall:
    return ModelCall(step, "m", "edit", f"digest{step}", "you are a programmer", f"{prompt}{step}", status)


def answer(step: int, **facts: Any) -> ModelCall:
    given = {"status": CallStatus.ANSWERED, "prompt_tokens": 7, "completion_tokens": 5, "cost_usd": 0.25}
    return replace(call(step), **{**given, **facts})


@pytest.fixture(params=["sqlite", "postgresql"])
def archive_url(request: pytest.FixtureRequest) -> str:
    """Where the archive of a test is: in the run folder, or in a database."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres").empty().url


@pytest.fixture
def store(tmp_path: Path, archive_url: str) -> Iterator[Store]:
    with Store.create(tmp_path / "run", "spot_single", "seed = 3\n", 3, archive=archive_url) as made:
        yield made


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "run", "spot_single", "seed = 3\n", 3) as made:
        yield made


def test_everything_comes_back_as_it_was_committed(store: Store) -> None:
    add(store, 0, 0.0)
    child = add(store, 1, 50.0)
    add(store, 2, None)
    with Store.open(store.folder) as reader:
        assert reader.program(1) == child
        assert reader.evaluations(1, Split.TRAIN) == list(scored(50.0).instances)
        assert reader.program(2).failure == "train/1: GPU 3 is full"
        expected = Selection(1, 0, (), "0", "because", "builtin", known=4, state=State.SCORED, fate=Fate.SCORED)
        assert reader.selection(1) == expected
        assert [p.id for p in reader.programs() if p.parent_id == 0] == [1, 2]
        assert reader.program(99) is None and reader.selection(99) is None and reader.model_call(99) is None
        assert reader.config() == "seed = 3\n"


def test_a_prompt_is_there_before_its_answer_and_both_come_back_whole(store: Store) -> None:
    add(store, 0, 0.0)
    with Store.open(store.folder) as early:
        for step in (1, 2):
            store.choose(Selection(step, 0, (0,), "0", "because", "m"), call(step))
        assert store.model_call(2) == early.model_call(2) == call(2)
    answered = answer(2, answer="an \u00e4 answer", latency_s=1.5, attempts=2)
    store.answer(answered)
    with Store.open(store.folder) as reader:
        assert (reader.model_call(1), reader.model_call(2)) == (call(1), answered)
        totals = reader.summary().calls
    assert (totals.calls, totals.answered, totals.prompt_tokens, totals.cost_usd) == (2, 1, 7, 0.25)


# -- the sequence ------------------------------------------------------------------------------------------------


def put_into(store: Store, step: int, state: State) -> None:
    """Take a step from its choice to a state, by the shortest way."""
    asked = state in (State.ASKED, State.ANSWERED, State.FAILED)
    store.choose(Selection(step, 0, (), "", "", "m"), call(step) if asked else None)
    if state in (State.ANSWERED, State.FAILED, State.DROPPED, State.BORN):
        move(store, step, state)
    elif state is State.SCORED:
        move(store, step, State.BORN)
        move(store, step, state)


def move(store: Store, step: int, state: State) -> None:
    done = program(step).with_score(scored(1.0))
    moves = {
        State.ANSWERED: lambda: store.answer(answer(step)),
        State.FAILED: lambda: store.fail(answer(step, status=CallStatus.FAILED), Fate.CALL_ERROR, "no answer"),
        State.BORN: lambda: store.bear(program(step)),
        State.SCORED: lambda: store.score(done, by_index(scored(1.0))),
        State.DROPPED: lambda: store.drop(step, Fate.DUPLICATE, "the same program as 0"),
    }
    moves[state]()


@pytest.mark.parametrize("old", State)
def test_the_store_makes_the_moves_of_the_table_and_refuses_all_others(store: Store, old: State) -> None:
    add(store, 0, 0.0)
    # A prompt is committed with its choice, so ASKED is no move of its own.
    for step, new in enumerate((state for state in State if state not in (State.CHOSEN, State.ASKED)), 1):
        put_into(store, step, old)
        before = store.events()
        if new in MOVES[old]:
            move(store, step, new)
            assert (store.selection(step).state, store.events()[-1].kind) == (new, EventKind(new))
        else:
            with pytest.raises(RuntimeError, match=f"step {step}: {old} -> {new} is no legal move"):
                move(store, step, new)
            assert store.selection(step).state is old
            assert store.events() == before, "what is refused leaves no trace"


def test_the_half_page_at_the_top_of_the_package_draws_every_move(store: Store) -> None:
    drawn = set()
    for line in (archive.__doc__ or "").splitlines():
        states = [State(word.lower()) for word in re.findall(r"[A-Z]{4,}", line)] if "->" in line else []
        drawn |= set(itertools.pairwise(states))
    assert drawn == {(old, new) for old, after in MOVES.items() for new in after}


def test_what_the_search_heard_comes_back_in_that_order(store: Store) -> None:
    add(store, 0, 10.0)
    for id, score in ((1, 40.0), (2, None)):
        add(store, id, score, known=False)
    store.choose(Selection(3, 1, (1,), "0", "because", "m", "insight"), call(3))
    store.answer(answer(3))
    store.drop(3, Fate.INSIGHT, "sorting first helps", "on train/0 most")
    store.choose(Selection(4, 1, (), "0", "because", "m", "edit"), call(4), [2, 3, 1])
    store.fail(answer(4, status=CallStatus.FAILED), Fate.CALL_ERROR, "no answer within 300 s")
    heard = [("trial" if isinstance(one, Trial) else "choice", one) for one in store.history()]
    order = [(what, one.id if what == "trial" else one.step) for what, one in heard]
    trials, choices = [("trial", n) for n in (2, 3, 1)], [("choice", n) for n in (1, 2, 3)]
    assert order == [("trial", 0), *choices, *trials, ("choice", 4)]
    found = {one.id: one for what, one in heard if what == "trial"}
    assert (found[0].parent, found[0].score) == (None, 10.0)
    assert found[1] == store.trial(1)
    assert (found[1].scores, found[1].metrics, found[1].place) == ((12.5, 40.0), {"cost_usd": 3.25}, "0")
    assert (found[2].status, found[2].score, found[2].is_broken) == (Status.INFEASIBLE, None, True)
    assert (found[3].fate, found[3].note, found[3].detail) == (
        Fate.INSIGHT,
        "sorting first helps",
        "on train/0 most",
    )
    assert (found[3].called, found[3].answered, found[3].call_tokens, found[3].cost_usd) == (True, True, 12, 0.25)
    known = store.selection(4).known
    assert [event.kind for event in store.events()][known - 3 : known + 2] == [
        *[EventKind.KNOWN] * 3,
        EventKind.CHOSEN,
        EventKind.ASKED,
    ]
    assert [trial.id for trial in store.trials()] == [2, 3, 1, 4], "what is not known yet comes last"
    assert [(s.step, line, detail) for s, line, detail in store.insights()] == [
        (3, "sorting first helps", "on train/0 most")
    ]


def test_a_result_that_is_committed_is_there_before_the_program_is_scored(store: Store) -> None:
    add(store, 0, 10.0)
    store.choose(Selection(1, 0, (), "0", "because", "builtin"))
    store.bear(program(1))
    first, second = scored(20.0).instances
    store.measure(1, Split.TRAIN, {1: second})
    with Store.open(store.folder) as reader:
        assert reader.measured(1, Split.TRAIN) == {1: second}
        assert reader.program(1).status is None
    store.score(program(1).with_score(scored(20.0)), {0: first})
    assert store.evaluations(1, Split.TRAIN) == [first, second]
    assert [event.kind for event in store.events()][-3:] == [
        EventKind.MEASURED,
        EventKind.MEASURED,
        EventKind.SCORED,
    ]


# -- what people ask ---------------------------------------------------------------------------------------------


def test_the_best_is_of_seed_and_children_and_ties_go_to_the_older(store: Store) -> None:
    assert store.best() is None
    add(store, 0, 10.0)
    add(store, -1, 99.0, known=False)
    assert store.best().id == 0
    add(store, 1, 50.0)
    add(store, 2, 50.0)
    assert [p.id for p in store.top(9)] == [1, 2, 0]
    assert store.best().id == 1
    store.set_winner(2)
    assert store.best().id == 2 and store.best_on_train().id == 1 and store.best_on_train(last=0).id == 0


def test_improvements_follow_the_order_in_which_the_search_heard_of_them(store: Store) -> None:
    add(store, 0, 10.0)
    for id, score in ((1, 40.0), (2, 30.0), (3, 35.0), (4, None), (5, 40.0), (6, 41.0)):
        add(store, id, score, known=False)
    store.know([2, 1, 3, 4, 5])
    assert store.curve() == [(0, 10.0), (2, 30.0), (1, 40.0), (3, 35.0), (4, None), (5, 40.0), (6, 41.0)]
    best = [(one.evaluation, one.trial.id, one.score, one.gain) for one in store.improvements()]
    assert best == [(0, 0, 10.0, 0.0), (1, 2, 30.0, 20.0), (2, 1, 40.0, 10.0), (6, 6, 41.0, 1.0)]


def test_programs_are_remembered_in_the_order_in_which_they_came_not_in_that_of_their_numbers(store: Store) -> None:
    """A resumed run learns from them anew; a replay, which never stopped, must come to the same."""
    for id in (0, -1, -2):
        store.bear(replace(program(id), fingerprint="start"), b"%d" % id)
    for step in (1, 2, 3):
        store.choose(Selection(step, 0, (), "0", "because", "builtin"))
    for step in (3, 1, 2):
        store.bear(program(step), b"%d" % step)
    assert [(id, kept) for id, _, kept in store.born()] == [(id, b"%d" % id) for id in (0, -1, -2, 3, 1, 2)]
    assert [mark for _, mark, _ in store.born()] == ["start", "start", "start", "print3", "print1", "print2"]


def test_the_summary_counts_what_ended_how(store: Store) -> None:
    add(store, 0, 10.0)
    add(store, 1, 20.0)
    store.choose(Selection(2, 0, (), "0", "because", "m"), call(2))
    store.answer(answer(2))
    store.drop(2, Fate.DUPLICATE, "the same program as 1")
    store.choose(Selection(3, 0, (), "0", "because", "m"), call(3))
    store.score_split(1, scored(33.0, Split.TEST), by_index(scored(33.0, Split.TEST)))
    summary = store.summary()
    assert (summary.evaluations, summary.steps, summary.fates) == (1, 3, {Fate.SCORED: 1, Fate.DUPLICATE: 1})
    assert (summary.best_id, summary.best_score, summary.status) == (1, 20.0, RunStatus.RUNNING)
    assert [(f.program_id, f.split, f.score) for f in summary.splits] == [(1, Split.TEST, 33.0)]
    assert (summary.calls.calls, summary.calls.answered, summary.calls.failed) == (2, 1, 0)
    assert [s.step for s in store.selections(unfinished=True)] == [3]
    assert store.failures() == [("duplicate", "the same program as 1", 1)]


# -- who may open it ---------------------------------------------------------------------------------------------


def test_a_run_whose_process_is_gone_is_interrupted(tmp_path: Path, archive_url: str) -> None:
    program = (
        "import os, sys; from pathlib import Path; from evolve.archive import Store\n"
        "Store.create(Path(sys.argv[1]), 'p', '', 0, archive=sys.argv[2]); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "run"), archive_url], check=False)
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
    assert re.search(
        rf"is being worked on by another process \(process {os.getpid()}\b.*\); wait for it or stop it first\.",
        refusal,
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


def test_a_full_disk_is_one_line_and_loses_nothing_that_was_committed(file_store: Store) -> None:
    store = file_store
    add(store, 0, 10.0)
    store._connection.exec_driver_sql("PRAGMA max_page_count = 1")
    store._connection.rollback()
    with pytest.raises(UsageError, match=r"archive.db cannot be written: .*full.*evolve resume") as error:
        for id in range(1, 200):
            store.bear(program(-id, source=os.urandom(3000).hex()))
    assert "\n" not in str(error.value)
    with Store.open(store.folder) as reader:
        assert reader.program(0).score == 10.0


def test_a_run_folder_that_is_renamed_is_told_at_the_next_commit(file_store: Store, tmp_path: Path) -> None:
    store = file_store
    add(store, 0, 10.0)
    store.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="not there any more: moved, or removed"):
        add(store, 1, 20.0)
    with Store.open(tmp_path / "elsewhere") as reader:
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
        add(store, 0, 10.0)
        store.end(RunStatus.FINISHED, "done", 1.0)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr("os.access", lambda *_: False)  # root, who may run this, can write everywhere
    with Store.open(tmp_path / "run") as reader:
        assert reader.summary().reason == "done"
        assert sorted(tmp_path.rglob("*")) == before, "reading made a file"


def test_a_run_at_work_or_killed_is_read_whole_by_who_may_not_write_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed last lies in the file beside the archive: an archive that is taken to be all is stale."""
    program = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from archive.test_store import Store, add\n"
        "store = Store.create(Path(sys.argv[1]), 'p', '', 0); add(store, 0, 10.0)\n"
        "if sys.argv[3] == 'killed': os.kill(os.getpid(), 9)\n"
        "print('there', flush=True); sys.stdin.read()"
    )
    tests = str(Path(__file__).resolve().parents[1])
    for how in ("killed", "at work"):
        folder = tmp_path / how
        command = [sys.executable, "-c", program, str(folder), tests, how]
        writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if how == "killed":
            writer.wait()
        else:
            writer.stdout.readline()
        with monkeypatch.context() as as_stranger:
            as_stranger.setattr("os.access", lambda *_: False)
            with Store.open(folder) as reader:
                assert reader.best().score == 10.0
        writer.communicate()


def test_an_archive_whose_write_ahead_log_is_gone_is_no_start_that_was_killed(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "archive.db") as empty:  # what a kill leaves of a short run without its -wal
        empty.execute("PRAGMA journal_mode=WAL")
    (tmp_path / "log.jsonl").write_text("{}\n")
    assert Store.holds_run(tmp_path)  # so that no other run is begun on top of it
    for take in (Store.open, Store.resume):
        with pytest.raises(UsageError, match=r"holds nothing without archive.db-wal.* Put that file back"):
            take(tmp_path)


@pytest.mark.parametrize("left", [b"", None])
def test_what_a_start_that_was_killed_left_is_no_run_and_may_be_begun_over(tmp_path: Path, left: bytes | None) -> None:
    if left is None:  # the file's first page, and no table
        with sqlite3.connect(tmp_path / "archive.db") as empty:
            empty.execute("PRAGMA journal_mode=WAL")
    else:
        (tmp_path / "archive.db").write_bytes(left)
    for take in (Store.open, Store.resume):
        with pytest.raises(
            UsageError, match=r"is empty. Either it was stopped as it began .*, or it was copied without archive.db-wal"
        ):
            take(tmp_path)
    with Store.create(tmp_path, "p", "", 0) as store:
        add(store, 0, 10.0)
    with Store.open(tmp_path) as reader:
        assert reader.best().score == 10.0


def test_three_thousand_steps_with_long_prompts_fit_into_15_mb(tmp_path: Path) -> None:
    """A tenth of it, with prompts of 8 kB of which a third is new each time, as a statement and two programs are."""
    import random

    rng = random.Random(0)
    words = [f"word{rng.randrange(4000)}" for _ in range(600)]
    with Store.create(tmp_path / "run", "p", "", 0) as store:
        add(store, 0, 10.0)
        for step in range(1, 301):
            fresh = " ".join(f"value_{rng.randrange(50)} = {rng.random():.3f}" for _ in range(60))
            prompt = " ".join(words) + fresh
            store.choose(Selection(step, 0, (0,), "0", "rank 1 of 12 elites", "m"), call(step, prompt))
            store.answer(answer(step, answer=fresh))
            store.bear(program(step, 0, fresh), rng.randbytes(512))
            store.score(program(step).with_score(scored(1.0)), by_index(scored(1.0)), known=True)
    assert sum(file.stat().st_size for file in (tmp_path / "run").iterdir()) < 1_500_000
