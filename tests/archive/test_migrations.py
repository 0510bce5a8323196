"""Archives of other schemas than this version's, in both databases: Alembic's revisions, and what a person is told."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres_server import Server
from sqlalchemy import MetaData

from evolve.archive import Program, Role, Store
from evolve.archive.database import database_of
from evolve.archive.drivers import SharedBase
from evolve.archive.migration import REVISIONS, upgrade, upgrade_file
from evolve.archive.models import SCHEMA_VERSION, Base
from evolve.archive.postgres import PostgresSchema
from evolve.archive.sqlite_file import SqliteFile
from evolve.errors import UsageError

NEXT = SCHEMA_VERSION + 1
FUTURE = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEXT}", "{SCHEMA_VERSION}"


def upgrade() -> None:
    op.add_column("programs", sa.Column("charm", sa.Integer(), nullable=False, server_default="7"))
"""
"""A revision that a later version may bring."""


@pytest.fixture(params=["sqlite", "postgresql"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A run of the present schema."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres").empty().url
    with Store.create(tmp_path / "run", "p", "", 0, archive=url) as store:
        store.bear(Program(0, Role.SEED, "seed", "mark", "X = 1", 1.0))
    return tmp_path / "run"


@pytest.fixture
def future(tmp_path: Path) -> Path:
    shutil.copytree(REVISIONS, tmp_path / "revisions")
    (tmp_path / "revisions" / "versions" / f"schema_{NEXT}.py").write_text(FUTURE)
    return tmp_path / "revisions"


def test_there_is_one_revision_for_every_schema_from_the_first_that_alembic_knows() -> None:
    there = {path.stem for path in (REVISIONS / "versions").glob("*.py")}
    assert there == {f"schema_{number}" for number in range(2, SCHEMA_VERSION + 1)}


def test_a_new_run_in_postgresql_has_the_tables_of_the_models_and_says_which_schema_they_are(
    tmp_path: Path, postgres: Server
) -> None:
    with Store.create(tmp_path / "run", "p", "", 0, archive=postgres.empty().url) as store:
        expected = MetaData()
        for table in (*Base.metadata.sorted_tables, *SharedBase.metadata.sorted_tables):
            table.to_metadata(expected)
        context = MigrationContext.configure(store._connection)
        assert compare_metadata(context, expected) == []
        expected.remove(expected.tables["insights"])
        assert [one[0] for one in compare_metadata(context, expected)] == ["remove_table"], "it does compare"
        assert context.get_current_revision() == str(SCHEMA_VERSION)


def test_a_later_revision_upgrades_a_run_of_today_and_keeps_what_it_holds(folder: Path, future: Path) -> None:
    place = database_of(folder)
    if isinstance(place, SqliteFile):
        upgrade_file(place, SCHEMA_VERSION, False, NEXT, future)
        with sqlite3.connect(folder / f"archive.schema{SCHEMA_VERSION}.db") as copy:
            assert copy.execute("SELECT schema_version FROM runs").fetchall() == [(SCHEMA_VERSION,)]
    with place.engine(writable=True).connect() as connection:
        if isinstance(place, PostgresSchema):
            with place.transaction(connection):
                upgrade(connection, SCHEMA_VERSION, NEXT, future)
        for query, found in (
            ("SELECT id, fingerprint, charm FROM programs", (0, "mark", 7)),
            ("SELECT schema_version FROM runs", (NEXT,)),
            ("SELECT version_num FROM alembic_version", (str(NEXT),)),
        ):
            assert connection.exec_driver_sql(query).fetchall() == [found]
    with pytest.raises(UsageError, match=rf"has schema {NEXT}, of a newer evolve; .* pip install -U evolve$"):
        Store.open(folder)


def test_an_upgrade_that_fails_leaves_the_run_as_it_was(folder: Path, future: Path) -> None:
    (future / "versions" / f"schema_{NEXT}.py").write_text(FUTURE + "    op.drop_table('no such table')\n")
    place = database_of(folder)
    with pytest.raises(Exception, match="no such table"):
        if isinstance(place, SqliteFile):
            upgrade_file(place, SCHEMA_VERSION, False, NEXT, future)
        else:
            with place.engine(writable=True).connect() as connection, place.transaction(connection):
                upgrade(connection, SCHEMA_VERSION, NEXT, future)
    with Store.resume(folder) as store:
        assert store.program(0).fingerprint == "mark"


def test_where_alembic_is_missing_it_says_what_to_install(
    tmp_path: Path, future: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.create(tmp_path / "run", "p", "", 0).close()
    monkeypatch.setitem(__import__("sys").modules, "alembic", None)
    with pytest.raises(UsageError, match=rf"has schema {SCHEMA_VERSION}, .* pip install 'evolve\[postgres\]'"):
        upgrade_file(SqliteFile(tmp_path / "run"), SCHEMA_VERSION, False, NEXT, future)
    Store.open(tmp_path / "run").close()  # which needs none
