"""archive.db for people with sqlite3 or pandas: what schema.md says of it is so."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from loop_parts import HashModel, QuickPool, configured, trivial_problem

import evolve.archive
from evolve import loop
from evolve.archive import Store
from evolve.archive.models import Base
from evolve.archive.views import VIEWS

SCHEMA = (Path(evolve.archive.__file__).parent / "schema.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("views") / "run"
    config = configured(40, seed=1)
    asyncio.run(
        loop.run(folder, config, trivial_problem(), pool=QuickPool(), clients={"m": HashModel()})  # type: ignore[arg-type]
    )
    return folder


def documented() -> Iterator[tuple[str, str]]:
    table = ""
    for line in SCHEMA.split("## Tables")[1].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and "`" in cells[1]:
            table = cells[0].strip("`") or table
            for column in re.findall(r"`(\w+)`", cells[1]):
                yield table, column


def test_every_table_and_column_is_documented_and_nothing_else() -> None:
    there = {(table.name, column.name) for table in Base.metadata.sorted_tables for column in table.columns}
    assert set(documented()) == there
    assert set(re.findall(r"^\| `(readable_\w+)`", SCHEMA, re.MULTILINE)) == set(VIEWS)


def test_in_python_the_views_show_the_texts_that_the_archive_holds(folder: Path) -> None:
    connection = sqlite3.connect(f"file:{folder}/archive.db?mode=ro", uri=True)
    connection.create_function("sqlar_uncompress", 2, lambda packed, most: packed and zlib.decompress(packed))
    with Store.open(folder) as store:
        sources = {program.id: program.source for program in store.programs()}
        answers = {call.step: call.answer for call in store.model_calls()}
    assert dict(connection.execute("SELECT id, source FROM readable_programs")) == sources
    assert dict(connection.execute("SELECT step, coalesce(answer, '') FROM readable_answers")) == answers
    for view in VIEWS:
        assert connection.execute(f"SELECT count(*) FROM {view}").fetchone()[0] > 0
    failed = connection.execute("SELECT why FROM readable_steps WHERE status = 'infeasible'").fetchall()
    assert failed and all("is too far" in why for (why,) in failed)
    connection.close()


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the sqlite3 command is not installed")
def test_the_sqlite3_command_shows_a_source_as_text(folder: Path) -> None:
    done = subprocess.run(
        ["sqlite3", "-readonly", folder / "archive.db", "SELECT source FROM readable_programs WHERE id = 0"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.rstrip("\n") == trivial_problem().seed.rstrip("\n")
