"""The archive as a schema of a PostgreSQL database, one per run, and what its errors mean to a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DatabaseError

from evolve.archive import drivers
from evolve.archive.models import SCHEMA_VERSION, Base
from evolve.archive.views import create_views
from evolve.archive_url import ArchiveUrl
from evolve.errors import UsageError

WANTED = "an archive in PostgreSQL needs psycopg and alembic: pip install 'evolve[postgres]'"
CONNECT_S = 10
SILENT_S = 20
"""After so long without an answer the server is taken to be gone."""
_OURS_TO_SAY = ("08", "25006", "25P03", "28", "3D", "42501", "53", "57", "58")
"""Beginnings of SQLSTATE that a person can put right: connection, read-only, a transaction that stood still for too
long, login, no such database, no right, no room, the server shuts down, its disk."""
_RUNS = text(
    "SELECT n.nspname FROM pg_namespace n WHERE (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid "
    "AND c.relname IN ('runs', 'selections', 'model_calls', 'drivers')) = 4 ORDER BY n.nspname"
)


class PostgresSchema:
    """The run's schema, on which several drivers may work. It has the methods of `SqliteFile`."""

    is_shared = True

    def __init__(self, folder: Path, url: ArchiveUrl) -> None:
        self.folder = folder
        self.url = url
        self.shown = str(url)

    def engine(self, writable: bool) -> Engine:
        """Return an engine whose connections see the run's schema alone."""
        return _engine(self.url, f"To continue: evolve resume {self.folder}" if writable else "")

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[Connection]:
        """One short transaction."""
        with connection.begin():
            yield connection

    def require_there(self) -> None:
        """Nothing: the database says so itself."""

    def require_archive(self) -> None:
        """Nothing: the folder points to it, and whoever opens it is told."""

    def holds_run(self) -> bool:
        """Return whether the schema is there."""
        return self.url.run in run_names(self.url)

    def make(self, connection: Connection) -> None:
        """Make the schema, tables and views. Raises UsageError where the database is not empty there."""
        from evolve.archive import migration

        there = connection.execute(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": self.url.run})
        if there.first() is not None:
            raise UsageError(f"{self.url.without_run} has a schema '{self.url.run}' already: give another --run.")
        quoted = connection.dialect.identifier_preparer.quote_identifier(self.url.run)
        connection.exec_driver_sql(f"CREATE SCHEMA {quoted.replace('%', '%%')}")
        for tables in (Base, drivers.SharedBase):
            tables.metadata.create_all(connection)
        create_views(connection)
        migration.stamp(connection, SCHEMA_VERSION)

    def upgrade(self, found: int, is_locked: bool) -> None:
        """Bring the tables to the present schema. is_locked: the caller works on the run."""
        from evolve.archive import migration

        engine = self.engine(writable=True)
        try:
            with engine.connect() as connection, self.transaction(connection):
                drivers.turn(connection)
                if not is_locked and drivers.anybody(connection):
                    raise UsageError(
                        f"{self.shown} has schema {found}, of an earlier evolve, and is brought to the present one "
                        "where it lies: first let the process that works on it end."
                    )
                migration.upgrade(connection, found)
        finally:
            engine.dispose()

    def refusal(self, error: DatabaseError) -> str:
        """Return why what lies there cannot be opened."""
        if not self.holds_run():
            return (
                f"there is no run '{self.url.run}' in {self.url.without_run}. `evolve runs --archive URL` lists them."
            )
        return f"{self.shown} is not the archive of a run: {_line(error.orig)}."

    def is_worked_on(self, connection: Connection) -> bool:
        """Return whether a living process works on the run."""
        with connection.begin():
            return drivers.anybody(connection)


def run_names(url: ArchiveUrl) -> list[str]:
    """Return the names of the runs in a database. Raises UsageError where it cannot be reached."""
    engine = _engine(url.without_run, "")
    try:
        with engine.connect() as connection:
            return [name for (name,) in connection.execute(_RUNS)]
    finally:
        engine.dispose()


def _engine(url: ArchiveUrl, what_then: str) -> Engine:
    """Return an engine; whatever is wrong with the server is a UsageError. what_then: what to do once it is back."""
    psycopg = _psycopg()
    dumper = _dumper(psycopg)

    def connect() -> Any:
        told = {"connect_timeout": CONNECT_S, "tcp_user_timeout": 1000 * SILENT_S, "application_name": "evolve"}
        try:
            connection = psycopg.connect(**{**told, **url.connection_options()})
        except psycopg.ProgrammingError as error:  # an option that libpq does not know
            raise UsageError(f"{url.without_run}: {_line(error)}.") from None
        connection.adapters.register_dumper(str, dumper)
        if url.run:
            connection.execute(psycopg.sql.SQL("SET search_path TO {}").format(psycopg.sql.Identifier(url.run)))
            connection.commit()
        return connection

    engine = create_engine("postgresql+psycopg://", creator=connect, use_native_hstore=False, pool_size=4)

    @event.listens_for(engine, "handle_error")
    def _tell(context: ExceptionContext) -> None:
        error = context.original_exception
        state = getattr(error, "sqlstate", None) or ""
        is_cut = context.is_disconnect or (isinstance(error, psycopg.OperationalError) and not state)
        if isinstance(error, psycopg.Error) and (is_cut or state.startswith(_OURS_TO_SAY)):
            kept = f" All that was committed is kept. {what_then}" if what_then else ""
            raise UsageError(f"{url.without_run} does not serve the archive: {_line(error)}.{kept}") from None

    return engine


def _dumper(psycopg: Any) -> Any:
    """Return how texts go to PostgreSQL, which has no NUL, as a program may print it; U+2400 stands for it."""

    class Words(psycopg.types.string.StrDumper):  # type: ignore[misc]
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\u2400") if "\0" in obj else obj)

    return Words


def _psycopg() -> Any:
    try:
        import alembic  # noqa: F401
        import psycopg
        import psycopg.sql
        import psycopg.types.string
    except ImportError:
        raise UsageError(f"{WANTED}.") from None
    return psycopg


def _line(error: object) -> str:
    """Return what the server says, in a line without its last full stop."""
    return " ".join(str(error).split())[:300].rstrip(".?")
