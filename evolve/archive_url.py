"""The address of an archive in a PostgreSQL database: URL of the database, and the name of a run in it.

    postgresql+psycopg://USER@HOST:PORT/DATABASE            a database
    postgresql+psycopg://USER@HOST:PORT/DATABASE/RUN        a run in it
    postgresql+psycopg:///DATABASE/RUN?host=/run/socket     options of libpq, as in its own URLs
    postgresql+psycopg:///?service=NAME                     all of it from a service file

A password is never part of it: libpq takes it from PGPASSWORD, a pgpass file or the service file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from evolve.errors import UsageError

SCHEMES = ("postgresql+psycopg", "postgresql")
SECRET = ("password", "sslpassword", "oauth_client_secret")
"""Options of libpq that must not be written down."""
MOST_NAME_BYTES = 63
"""What PostgreSQL keeps of a name."""
_FORM = "postgresql+psycopg://USER@HOST/DATABASE"


@dataclass(frozen=True)
class ArchiveUrl:
    """A database, and the name of a run in it; run: empty for none. Whatever is empty is left to libpq's defaults."""

    user: str = ""
    host: str = ""
    port: str = ""
    database: str = ""
    run: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> ArchiveUrl:
        """Read an address. Raises UsageError, which repeats no password, for what is none."""
        scheme, _, rest = text.partition("://")
        if scheme not in SCHEMES:
            shown = f"{scheme:.60}://..." if rest else f"{text:.60}"
            raise UsageError(f"archive {shown}: expected {_FORM}; without --archive a run keeps an SQLite file.")
        try:
            parts = urlsplit(f"{SCHEMES[0]}://{rest}")
            options = tuple(parse_qsl(parts.query, keep_blank_values=True))
        except ValueError:
            raise UsageError(f"archive {scheme}://...: expected {_FORM}.") from None
        who, at, where = parts.netloc.rpartition("@")
        if ":" in who or any(name.lower() in SECRET for name, _ in options):
            raise UsageError(
                "leave the password out of the archive's URL, which is written down: "
                "libpq reads it from $PGPASSWORD, ~/.pgpass or a service file."
            )
        place = re.fullmatch(r"(\[[^\]]*\]|[^:@]*)(?::(\d*))?", where)
        names = parts.path.split("/")[1:]
        if place is None or parts.fragment or len(names) > 2 or (at and not who):
            raise UsageError(f"archive {scheme}://...: expected {_FORM}, or {_FORM}/RUN for one run in it.")
        database, run = (unquote(name) for name in (*names, "", "")[:2])
        return cls(unquote(who), unquote(place[1].strip("[]")), place[2] or "", database, run, options)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="")
        where = f"{quote(self.user, safe='')}@" if self.user else ""
        where += host + (f":{self.port}" if self.port else "")
        path = f"/{quote(self.database, safe='')}" if self.database or self.run else ""
        path += f"/{quote(self.run, safe='')}" if self.run else ""
        options = f"{'' if path else '/'}?{urlencode(self.options, safe='/')}" if self.options else ""
        return f"{SCHEMES[0]}://{where}{path}{options}"

    def named(self, run: str) -> ArchiveUrl:
        """Return the address of a run in this database. Raises UsageError for a name that no run can have there."""
        if not 0 < len(run.encode("utf-8", "replace")) <= MOST_NAME_BYTES or "\0" in run or "/" in run:
            raise UsageError(
                f"{run!r:.90} cannot be the name of a run in PostgreSQL, which keeps {MOST_NAME_BYTES} bytes: "
                "give a folder of another name with --run."
            )
        if run in ("public", "information_schema") or run.startswith("pg_"):
            raise UsageError(f"'{run}' is a name of PostgreSQL's own: give a folder of another name with --run.")
        return replace(self, run=run)

    @property
    def without_run(self) -> ArchiveUrl:
        """The database alone."""
        return replace(self, run="")

    def connection_options(self) -> dict[str, str]:
        """Return what libpq is told, by its names."""
        told = {"user": self.user, "host": self.host, "port": self.port, "dbname": self.database}
        return {**{name: value for name, value in told.items() if value}, **dict(self.options)}


def is_archive_url(text: str) -> bool:
    """Return whether a text is meant as an address, not as a path."""
    return "://" in text
