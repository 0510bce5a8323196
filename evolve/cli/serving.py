"""evolve serve."""

from __future__ import annotations

from pathlib import Path

import click

from evolve import streams
from evolve.errors import UsageError


@click.command(short_help="Show runs in the browser while they grow.")
@click.argument("runs", metavar="[RUNS_DIR]", required=False, default="runs", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Elsewhere than on this machine: with a token.")
@click.option("--archive", metavar="URL", help="Show the runs in a database, postgresql+psycopg://USER@HOST/DATABASE.")
def serve(runs: Path, port: int, host: str, archive: str | None) -> None:
    """Show the runs in RUNS_DIR (default: runs) in the browser: a list, each run as it grows, comparisons.

    Read-only, but for answers to `--model manual`, which are typed into a form. Needs pip install 'evolve[web]'.
    """
    import secrets
    import socket

    from evolve.archive_url import ArchiveUrl
    from evolve.report.shared_archives import mirror

    try:
        import uvicorn

        from evolve.serve.app import make_app
        from evolve.serve.safety import is_loopback
    except ImportError as error:
        raise UsageError(
            f"evolve serve needs {error.name}, which is not installed: pip install 'evolve[web]'"
        ) from None
    if archive is not None:
        runs = mirror(ArchiveUrl.parse(archive).without_run)
    if not runs.is_dir():
        raise UsageError(f"{runs} is no folder of runs. Give one: evolve serve RUNS_DIR")
    token = "" if is_loopback(host) else secrets.token_urlsafe(24)
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be listened on: {error.strerror}. Give another --port.") from None
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listening.getsockname()[1]}/"
    streams.say(f"{address}{f'?token={token}' if token else ''}   (Ctrl-C ends it)")
    config = uvicorn.Config(make_app(runs, token), log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listening])
