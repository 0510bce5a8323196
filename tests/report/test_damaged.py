"""Archives with odd cells: one line each, in bounded memory, and the other runs are listed all the same."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import zlib
from pathlib import Path

import pytest
from command_line import evolve
from loop_parts import HashModel, QuickPool, configured, trivial_problem

from evolve import loop
from evolve.archive.packing import inflate
from evolve.errors import UsageError
from evolve.report import RunFolder

BOMB = zlib.compress(b"\0" * 20_000_000, 9)

EDITS: dict[str, tuple[str, tuple[object, ...]]] = {
    "unknown status": ("UPDATE runs SET status = 'odd'", ()),
    "config no TOML": ("UPDATE runs SET config = 'not = [toml'", ()),
    "config a blob": ("UPDATE runs SET config = x'ff00'", ()),
    "winner dangling": ("UPDATE runs SET winner_id = 9999", ()),
    "started a word": ("UPDATE runs SET started = 'yesterday'", ()),
    "started never": ("UPDATE runs SET started = 1e300", ()),
    "ended infinite": ("UPDATE runs SET ended = 9e999", ()),
    "schema a letter": ("UPDATE runs SET schema_version = 'a'", ()),
    "dictionary a number": ("UPDATE runs SET prompt_dictionary = 12", ()),
    "score a word": ("UPDATE programs SET score = 'high'", ()),
    "score infinite": ("UPDATE programs SET score = 9e999 WHERE id = 1", ()),
    "program's status unknown": ("UPDATE programs SET status = 'great'", ()),
    "role unknown": ("UPDATE programs SET role = 'king' WHERE id = 1", ()),
    "source not deflated": ("UPDATE programs SET source = x'00112233'", ()),
    "source no UTF-8": ("UPDATE programs SET source = ?", (zlib.compress(b"\xff\xfe"),)),
    "source a bomb": ("UPDATE programs SET source = ?", (BOMB,)),
    "metrics a list": ("UPDATE programs SET metrics = '[1]'", ()),
    "metrics no JSON": ("UPDATE programs SET metrics = '{'", ()),
    "metrics deep": ("UPDATE programs SET metrics = ?", ("[" * 100_000 + "]" * 100_000,)),
    "metrics of words": ('UPDATE programs SET metrics = \'{"a": "b"}\'', ()),
    "parents in a circle": ("UPDATE programs SET parent_id = id WHERE id > 0", ()),
    "CPU a word": ("UPDATE evaluations SET cpu_s = 'slow'", ()),
    "feedback no UTF-8": ("UPDATE evaluations SET feedback = x'fffe'", ()),
    "memory absurd": ("UPDATE evaluations SET peak_rss_bytes = 1e308", ()),
    "cost a word": ("UPDATE model_calls SET cost_usd = 'cheap'", ()),
    "answer not deflated": ("UPDATE model_calls SET answer = x'abcd'", ()),
    "no programs": ("DELETE FROM programs", ()),
    "no run": ("DELETE FROM runs", ()),
    "no table": ("DROP TABLE evaluations", ()),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "run"
    config = configured(12, seed=1)
    asyncio.run(
        loop.run(folder, config, trivial_problem(), (RunFolder(),), pool=QuickPool(), clients={"m": HashModel()})  # type: ignore[arg-type]
    )
    return folder


def edited(base: Path, folder: Path, edit: str) -> Path:
    shutil.copytree(base, folder)
    connection = sqlite3.connect(folder / "archive.db", isolation_level=None)
    statement, values = EDITS[edit]
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(statement, values)
    connection.close()
    return folder


@pytest.mark.parametrize("edit", EDITS)
def test_an_odd_archive_is_shown_or_refused_in_one_line(base: Path, tmp_path: Path, edit: str) -> None:
    folder = edited(base, tmp_path / "odd", edit)
    for command in (("show",), ("show", "best"), ("show", "3"), ("show", "--programs"), ("diff",), ("best",)):
        said = evolve(command[0], folder, *command[1:])  # a traceback would end the test here
        assert said.code in (0, 2) and len(said.err.splitlines()) == (said.code == 2), (command, said.err)


def test_damage_is_named_with_table_column_and_what_was_expected(base: Path, tmp_path: Path) -> None:
    said = evolve("show", edited(base, tmp_path / "a", "score a word"))
    assert "is damaged: programs.score holds text, expected real." in said.err
    said = evolve("show", edited(base, tmp_path / "b", "source a bomb"))
    assert "is damaged: programs.source holds a text of more than 1 MB." in said.err


def test_one_bad_archive_hides_no_other(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, edit in enumerate(EDITS):
        edited(base, tmp_path / "runs" / f"r{number}", edit)
    shutil.copytree(base, tmp_path / "runs" / "good")
    monkeypatch.chdir(tmp_path)
    said = evolve("runs", "--json")
    assert said.code == 0 and len(said.json["runs"]) == len(EDITS) + 1
    good = next(one for one in said.json["runs"] if one["run"] == "good")
    assert good["status"] == "finished" and good["train"]["score"] is not None
    assert evolve("runs").code == 0 and evolve("show", "last").code in (0, 2)


def test_inflating_stops_where_a_text_is_too_long() -> None:
    assert inflate(zlib.compress(b"abc"), 3) == b"abc"
    for packed, why in ((BOMB, "more than"), (zlib.compress(b"abcdef")[:-3], "cut"), (b"zzz", "not deflated")):
        with pytest.raises(ValueError, match=why):
            inflate(packed, 1000)


def test_a_linked_log_is_not_written_through(base: Path, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "copy")
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "copy" / "log.jsonl").unlink()
    (tmp_path / "copy" / "log.jsonl").symlink_to(victim)
    models = {"m": HashModel()}
    with pytest.raises(UsageError, match=r"log\.jsonl is a link"):
        asyncio.run(
            loop.run(
                tmp_path / "copy",
                configured(14, seed=1),
                trivial_problem(),
                (RunFolder(),),
                resume=True,
                pool=QuickPool(),  # type: ignore[arg-type]
                clients=models,  # type: ignore[arg-type]
            )
        )
    assert victim.read_text() == "mine"
