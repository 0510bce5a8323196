"""A PostgreSQL server of the tests' own: on a free port of this machine, with a password, gone when they end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "correct horse battery staple"
USER = "driver"


def binaries() -> Path | None:
    """The folder of Debian's newest server, or of the one on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Server:
    """A server that can be stopped, killed and started again. url: of its database, without the password."""

    def __init__(self, folder: Path) -> None:
        bin = binaries()
        assert bin is not None
        self.bin, self.folder = bin, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/postgres"
        folder.chmod(0o700)
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, self.user)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run("initdb", "-D", folder / "data", "-U", USER, "-A", "scram-sha-256", "--pwfile", secret, "--no-sync")
        self.start()

    @property
    def user(self) -> str | None:
        if os.geteuid() != 0:
            return None
        names = {entry.pw_name for entry in pwd.getpwall()}
        return "postgres" if "postgres" in names else "nobody"

    def _run(self, program: str, *arguments: str | Path) -> None:
        as_user = {} if self.user is None else {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid}
        done = subprocess.run(
            [self.bin / program, *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **as_user,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, done.stdout

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60"
        self._run("pg_ctl", "start", "-w", "-D", self.folder / "data", "-l", self.folder / "log", "-o", options)

    def empty(self) -> Server:
        """Return the server with a database that holds nothing."""
        import psycopg.sql

        with self.connection() as connection:
            found = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_.*|public|information_schema)$'"
            for (name,) in connection.execute(found).fetchall():
                connection.execute(psycopg.sql.SQL("DROP SCHEMA {} CASCADE").format(psycopg.sql.Identifier(name)))
        return self

    def connection(self, database: str = "postgres") -> Any:
        """A connection past evolve."""
        import psycopg

        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=database, autocommit=True
        )

    def stop(self) -> None:
        """Cut every connection, as an administrator's restart does."""
        self._run("pg_ctl", "stop", "-w", "-D", self.folder / "data", "-m", "fast")

    def kill(self) -> None:
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)  # immediate: no checkpoint, as after a crash


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server, for all tests of this process. Skips where PostgreSQL or its driver is not installed."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install '.[postgres]'")
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="evolve-pg-"))
    os.environ["PGPASSWORD"] = PASSWORD
    server = None
    try:
        server = Server(folder)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
