"""Runs whose archive is in PostgreSQL: a real server, from the command line as a person uses it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import TRIVIAL, command, evolve
from loop_parts import HashModel, QuickPool, archive_digest, configured, trivial_problem
from postgres_server import PASSWORD, Server
from starlette.testclient import TestClient
from test_loop_resume import survives_kills

from evolve import loop
from evolve.archive import Program, Role, RunStatus, Selection, Stage, Store, drivers, run_names, url_of
from evolve.archive_url import ArchiveUrl
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.report.shared_archives import mirror
from evolve.scoring import InstanceResult, Status
from evolve.serve.app import make_app


def run(folder: Path, archive: str = "", evaluations: int = 30, **settings: Any) -> None:
    config = configured(evaluations, seed=1, archive=archive, **settings)
    asyncio.run(loop.run(folder, config, trivial_problem(), pool=QuickPool(), clients={"m": HashModel()}))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- addresses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgresql://me@host/db", "postgresql+psycopg://me@host/db"),
        ("postgresql+psycopg://me@host:5433/db/run-1", "postgresql+psycopg://me@host:5433/db/run-1"),
        ("postgresql+psycopg://[::1]/db", "postgresql+psycopg://[::1]/db"),
        ("postgresql+psycopg://a%40b@host/d%2Fb/r", "postgresql+psycopg://a%40b@host/d%2Fb/r"),
        ("postgresql:///db/r?host=/run/pg&sslmode=require", "postgresql+psycopg:///db/r?host=/run/pg&sslmode=require"),
        ("postgresql:///?service=runs", "postgresql+psycopg:///?service=runs"),
    ],
)
def test_an_address_is_read_and_written_back_in_one_form(given: str, kept: str) -> None:
    assert str(ArchiveUrl.parse(given)) == kept
    assert ArchiveUrl.parse(kept) == ArchiveUrl.parse(given)


@pytest.mark.parametrize(
    "secret",
    [
        "postgresql+psycopg://me:hunter2@host/db",
        "postgresql+psycopg://me:hun@ter2@host/db",
        "postgresql+psycopg://:hunter2@host/db",
        "postgresql+psycopg://me@host/db?password=hunter2",
        "postgresql+psycopg://me@host/db?PassWord=hunter2",
        "postgresql+psycopg://me@host/db?sslpassword=hunter2",
        "postgresql+psycopg://me:hunter2@[host/db",
        "mysql://me:hunter2@host/db",
        "postgresql+psycopg://me@host/a/b/hunter2",
        "postgresql+psycopg://me@host/a#hunter2",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(here: Path, secret: str) -> None:
    for arguments in (("run", TRIVIAL, "--archive", secret), ("run", TRIVIAL, "--set", f'archive="{secret}"')):
        said = evolve(*arguments)
        assert said.code == 2 and said.err.count("\n") == 1
        assert "hunter2" not in said.err and "ter2" not in said.err
    assert not list(here.rglob("archive.*"))


@pytest.mark.parametrize("name", ["public", "pg_mine", "x" * 64, "information_schema"])
def test_a_name_that_no_schema_can_have_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="another name with --run"):
        Store.create(tmp_path / name, "p", "", 0, archive="postgresql://me@127.0.0.1:1/db")
    assert not list(tmp_path.iterdir())


def test_without_the_driver_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError, match=r"pip install 'evolve\[postgres\]'"):
        run_names(ArchiveUrl.parse("postgresql://me@127.0.0.1:1/db"))


# -- the same run in both ----------------------------------------------------------------------------------------


def learnt(store: Store) -> list[tuple[Selection, str, str]]:
    """What a run has learnt, but for the numbers of events that a choice knew of: how many come between is speed."""
    return [(selection._replace(known=0), line, detail) for selection, line, detail in store.insights()]


def test_a_run_is_the_same_in_both_databases(tmp_path: Path, postgres: Server) -> None:
    settings = {"deterministic": True, "prompt__insights_every": 2}
    run(tmp_path / "file", **settings)
    run(tmp_path / "shared", postgres.empty().url, **settings)
    assert archive_digest(tmp_path / "shared") == archive_digest(tmp_path / "file")
    assert not list((tmp_path / "shared").glob("archive.db*"))
    with Store.open(tmp_path / "shared") as shared, Store.open(tmp_path / "file") as file:
        assert shared.shares() == file.shares() and shared.failures() == file.failures()
        assert shared.curve() == file.curve() and shared.improvements() == file.improvements()
        assert [s.splits for s in (shared.summary(),)] == [s.splits for s in (file.summary(),)]
        assert shared.model_calls() == file.model_calls()
        assert learnt(shared) == learnt(file) != []


@pytest.mark.slow
def test_killed_after_any_commit_it_ends_as_if_undisturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Server
) -> None:
    survives_kills(tmp_path, monkeypatch, True, 6, 9, postgres.empty().url)


@pytest.mark.slow
@pytest.mark.parametrize("deterministic", [True, False])
def test_killed_after_every_single_commit_it_ends_as_if_undisturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Server, deterministic: bool
) -> None:
    survives_kills(tmp_path, monkeypatch, deterministic, 12, 1, postgres.empty().url)


def test_what_postgresql_cannot_hold_as_text_is_there_nevertheless(tmp_path: Path, postgres: Server) -> None:
    said = InstanceResult("train/0", Status.OK, 1.0, {"x": float("nan")}, "a\0b", "", 0.0, 0.0, 0.0, 2**40, "\0")
    with Store.create(tmp_path / "run", "p", "", 0, archive=postgres.empty().url) as store:
        store.bear(Program(0, Role.SEED, "seed", "mark", "X = '\0 \ud800'", 1.0))
        store.measure(0, Split.TRAIN, {0: said})
        found = store.measured(0, Split.TRAIN)[0]
        assert (found.feedback, found.output, found.peak_rss_bytes) == ("a\u2400b", "\u2400", 2**40)
        assert found.metrics["x"] != found.metrics["x"]
        assert store.program(0).source == "X = '\0 \ud800'", "a source is kept as bytes"


# -- many runs, read from anywhere -------------------------------------------------------------------------------


def two_runs(here: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a database with the runs one and two; another user of it is in another folder from here on."""
    url = postgres.empty().url
    for name in ("one", "two"):
        run(here / name, url, 5)
    with pytest.raises(UsageError, match=r"has a schema 'two' already: give another --run\.$"):
        run(here / "x" / "two", url, 5)
    elsewhere = here / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("XDG_STATE_HOME", str(here / "another user"))
    return url


def test_runs_of_a_database_are_listed_and_read_from_another_folder(
    here: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = two_runs(here, postgres, monkeypatch)
    listed = evolve("runs", "--archive", url, "--json").json["runs"]
    assert [(one["run"], one["status"], one["archive"]) for one in listed] == [
        (name, "finished", f"{url}/{name}") for name in ("two", "one")
    ]
    assert not list(Path().iterdir()), "a list leaves nothing behind"
    assert "two" in evolve("runs", "--archive", url).out
    assert evolve("show", "last", "--archive", url, "--json").json["run"] == "two"
    assert evolve("show", f"{url}/one", "seed", "--json").json["id"] == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == ["one", "two"], "which are names from now on"
    assert evolve("show", "one", "--json").json["evaluations"] == 5
    said = evolve("report", "one", "--archive", url, "--no-pictures")
    assert said.code == 0 and Path("runs/one/report.html").stat().st_size > 10_000
    for wrong in (("show", "three", "--archive", url), ("show", f"{url}/three"), ("show", url)):
        said = evolve(*wrong)
        assert said.code == 2 and said.err.count("\n") == 1 and "evolve runs --archive" in said.err


@pytest.mark.slow
def test_a_run_of_a_database_is_audited_resumed_and_replayed_elsewhere(
    here: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.empty().url
    said = evolve("run", TRIVIAL, "--evaluations", 5, "--archive", url, "--run", here / "one", "--workers", 1)
    assert said.code == 0, said.err
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    monkeypatch.setenv("XDG_STATE_HOME", str(here / "another user"))
    said = evolve("audit", "one", "--archive", url)
    assert said.code == 2 and "run the code in" in said.err, "an archive is data, wherever it lies"
    said = evolve("audit", "one", "--archive", url, "--trust", "--workers", 1)
    assert said.code == 0, said.out + said.err
    said = evolve("resume", "one", "--archive", url, "--trust", "--evaluations", 8, "--json")
    assert said.json["evaluations"] == 8
    said = evolve("replay", "one", "--trust", "--json")
    assert said.code == 0 and run_names(ArchiveUrl.parse(url)) == ["one"], "a replay is not put there"


def test_the_server_of_pages_shows_the_runs_of_a_database(
    here: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = two_runs(here, postgres, monkeypatch)
    runs = mirror(ArchiveUrl.parse(url))
    client = TestClient(make_app(runs), base_url="http://127.0.0.1")
    assert "two" in client.get("/").text
    page = client.get("/run/one/")
    assert page.status_code == 200 and "finished" in page.text and str(runs) not in page.text
    with pytest.MonkeyPatch.context() as as_owner:
        as_owner.chdir(here)
        run(here / "three", url, 3)
    assert "three" in client.get("/").text, "one that has come since"


def test_a_folder_from_elsewhere_does_not_lead_to_a_server(here: Path, postgres: Server) -> None:
    """It would be given the password."""
    run(here / "runs" / "mine", postgres.empty().url, 3)
    (here / "runs" / "mine").rename(here / "runs" / "stranger")
    for arguments in (("show", "stranger"), ("resume", "stranger"), ("runs", "--json"), ("show", "last")):
        said = evolve(*arguments)
        text = said.err + said.out
        assert "not made by you" in text or "no run" in text, text
    assert evolve("runs", "--json").json["runs"][0]["status"] == "unreadable"


# -- a server that goes away -------------------------------------------------------------------------------------


def no_password_in(here: Path, postgres: Server, *said: str) -> None:
    """The password is in no file, message or table; nor is a wrong one in the refusal."""
    assert str(url_of(here / "run")) == f"{postgres.url}/run"
    assert f'archive = "{postgres.url}"' in (here / "run" / "config.toml").read_text()
    written = [path.read_bytes() for path in here.rglob("*") if path.is_file()]
    dumped = subprocess.run(
        [postgres.bin / "pg_dump", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "driver", "postgres"],
        env={**os.environ, "PGPASSWORD": PASSWORD},
        capture_output=True,
        check=True,
    ).stdout
    assert b"trivial" in dumped
    for text in (*written, dumped, *(one.encode() for one in said)):
        assert PASSWORD.encode() not in text
    with pytest.MonkeyPatch.context() as wrongly:
        wrongly.setenv("PGPASSWORD", "not-the-one")
        wrong = evolve("runs", "--archive", postgres.url)
    assert wrong.code == 2 and wrong.err.count("\n") == 1 and "authentication failed" in wrong.err
    assert "not-the-one" not in wrong.err


def test_a_run_whose_server_restarts_ends_with_one_line_and_goes_on_when_told(here: Path, postgres: Server) -> None:
    arguments = [
        "run",
        TRIVIAL,
        "--evaluations",
        100_000,
        "--archive",
        postgres.empty().url,
        "--run",
        "run",
        "--workers",
        1,
    ]
    process = subprocess.Popen(command(*arguments), cwd=here, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    log = here / "run" / "log.jsonl"
    while not (log.exists() and '"evaluated"' in log.read_text()):
        assert process.poll() is None, process.communicate()
    postgres.stop()
    _, err = process.communicate(timeout=60)
    last = err.splitlines()[-1]
    assert process.returncode == 2, err
    assert last.startswith("evolve: postgresql+psycopg://driver@127.0.0.1") and "Traceback" not in err
    assert last.endswith("All that was committed is kept. To continue: evolve resume run"), last
    refused = evolve("show", "run")
    assert refused.code == 2 and "does not serve the archive" in refused.err
    postgres.start()
    before = evolve("show", "run", "--json").json
    assert before["status"] == "interrupted" and before["evaluations"] > 0
    done = before["evaluations"] + 5
    said = evolve("resume", "run", "--evaluations", done, "--json")
    assert said.code == 0, said.err
    assert said.json["evaluations"] == done and said.json["status"] == "finished"
    no_password_in(here, postgres, said.out, said.err, err)
    with Store.open(here / "run") as store:
        sources = [program.source for program in store.programs() if program.id >= 0]
        assert len(sources) == len(set(sources)) and not store.selections(unfinished=True)


def test_a_resume_waits_for_nobody_and_takes_nothing_from_a_living_driver(tmp_path: Path, postgres: Server) -> None:
    """Another machine has the run by its address, in a folder of its own: no lock file tells it."""
    with Store.create(tmp_path / "a" / "run", "p", "", 0, archive=postgres.empty().url) as store:
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        with pytest.raises(UsageError, match=rf"another process \(process {os.getpid()} on .*\); wait for it"):
            Store.resume(tmp_path / "b" / "run")
        store.bear(Program(0, Role.SEED, "seed", "mark", "X = 1", 1.0))
        with Store.open(tmp_path / "b" / "run") as reader:
            assert reader.summary().status is RunStatus.RUNNING
    with Store.open(tmp_path / "b" / "run") as reader:
        assert reader.summary().status is RunStatus.INTERRUPTED
    with Store.resume(tmp_path / "b" / "run") as store:
        store.choose(Selection(1, 0, (), "", "", "builtin"))


def test_a_driver_whose_lease_is_over_writes_no_more_into_what_was_taken_over(tmp_path: Path, postgres: Server) -> None:
    """As after a machine slept: its connection may still be there."""
    with Store.create(tmp_path / "a" / "run", "p", "", 0, archive=postgres.empty().url) as slept:
        slept.bear(Program(0, Role.SEED, "seed", "mark", "X = 1", 1.0))
        slept.choose(Selection(1, 0, (), "", "", "builtin"))
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        with postgres.connection() as connection:
            connection.execute("UPDATE run.drivers SET seen = seen - 3600")
        with Store.resume(tmp_path / "b" / "run") as awake:
            with pytest.raises(UsageError, match=r"step 1 of .* was taken over by another driver"):
                slept.bear(Program(1, Role.CHILD, "edit", "mark1", "X = 2", 1.0, parent_id=0))
            awake.bear(Program(1, Role.CHILD, "edit", "mark1", "X = 3", 1.0, parent_id=0))
            assert awake.program(1).source == "X = 3"


@pytest.mark.parametrize(
    "program, split, whose", [(1, Split.TRAIN, "step 1"), (0, Split.TRAIN, "the start"), (0, Split.TEST, "the end")]
)
def test_a_driver_whose_lease_is_over_adds_no_result_to_what_another_evaluates_anew(
    tmp_path: Path, postgres: Server, program: int, split: Split, whose: str
) -> None:
    result = {0: InstanceResult(f"{split}/0", Status.OK, 1.0)}
    with Store.create(tmp_path / "a" / "run", "p", "", 0, archive=postgres.empty().url) as slept:
        slept.claim(Stage.START)
        slept.claim(Stage.END)
        slept.bear(Program(0, Role.SEED, "seed", "mark", "X = 1", 1.0))
        slept.choose(Selection(1, 0, (), "", "", "builtin"))
        slept.bear(Program(1, Role.CHILD, "edit", "mark1", "X = 2", 1.0, parent_id=0))
        slept.measure(program, split, result)
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        with postgres.connection() as connection:
            connection.execute("UPDATE run.drivers SET seen = seen - 3600")
        with Store.resume(tmp_path / "b" / "run") as awake:
            assert awake.claim(Stage.START) and awake.claim(Stage.END)
            with pytest.raises(UsageError, match=rf"{whose} of .* was taken over by another driver"):
                slept.measure(program, split, {1: result[0]})
            awake.measure(program, split, {1: result[0]})
            assert list(awake.measured(program, split)) == [0, 1]


def test_a_lease_is_renewed_although_its_connection_was_cut(
    tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "RENEW_S", 0.01)
    with (
        Store.create(tmp_path / "run", "p", "", 0, archive=postgres.empty().url) as store,
        postgres.connection() as outside,
    ):

        def until_renewed() -> None:
            (before,) = outside.execute("SELECT seen FROM run.drivers").fetchone()
            while outside.execute("SELECT seen FROM run.drivers").fetchone() == (before,):
                assert store._driver._renewing.is_alive()
                time.sleep(0.01)

        until_renewed()
        others = (store._connection, store._driver.connection)
        kept = [one.connection.dbapi_connection.info.backend_pid for one in others]
        drivers_own = "FROM pg_stat_activity WHERE application_name = 'evolve' AND pid != ALL(%s)"
        assert outside.execute(f"SELECT pg_terminate_backend(pid) {drivers_own}", [kept]).fetchall()
        until_renewed()
