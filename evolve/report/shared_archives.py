"""Runs whose archive is in a database: folders that stand for them, and which of these are followed there.

A folder with a pointer is data like any other run folder: one that was copied from elsewhere could have this machine
log in at a stranger's server. So a pointer is followed only where this user made it here, by a run or by naming the
address; any other address has to be named.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from evolve.archive import point_to, run_names, url_of
from evolve.archive_url import ArchiveUrl
from evolve.errors import UsageError
from evolve.report.own_runs import is_known_pointer, remember

_mirrors: dict[ArchiveUrl, Path] = {}


def mirror(url: ArchiveUrl) -> Path:
    """Return a temporary runs folder that has a folder for every run that is in a database now."""
    if url not in _mirrors:
        _mirrors[url] = Path(tempfile.mkdtemp(prefix="evolve-archive-"))
        atexit.register(shutil.rmtree, _mirrors[url], ignore_errors=True)
    for name in run_names(url):
        if "/" not in name and not (_mirrors[url] / name).exists():
            point_to(_mirrors[url] / name, url.named(name))
    return _mirrors[url]


def refresh(runs: Path) -> None:
    """Make folders for the runs that have come to a database, where a runs folder is a `mirror`."""
    for url, folder in list(_mirrors.items()):
        if folder == runs:
            mirror(url)


def folder_for(url: ArchiveUrl, runs: Path) -> Path:
    """Return the folder of a run in a database: the one in the runs folder that points there, or a new one.

    Raises UsageError where there is no such run, or the folder is another run's.
    """
    if not url.run:
        raise UsageError(f"which run of {url}? `evolve runs --archive {url}` lists them; then: {url}/RUN")
    folder = runs / url.run
    there = url_of(folder)
    if there == url:
        return folder
    if there is not None or folder.exists():
        raise UsageError(f"{folder} is another run than {url}: go to another folder, or move it.")
    if url.run not in run_names(url):
        raise UsageError(f"there is no run '{url.run}' in {url.without_run}. `evolve runs --archive URL` lists them.")
    try:
        point_to(folder, url)
    except OSError as error:
        raise UsageError(f"{folder}, which is to stand for {url}, cannot be made: {error.strerror}.") from None
    remember(folder, only_pointer=True)
    return folder


def require_known_pointer(folder: Path) -> None:
    """Raises UsageError where a folder points to a database and was not made here."""
    url = url_of(folder)
    if url is None or is_mirrored(folder) or is_known_pointer(folder):
        return
    raise UsageError(
        f"{folder} was not made by you on this machine, and its archive is elsewhere. Nothing was asked there. "
        f"If you know that database, name it in the place of the folder: {url}"
    )


def is_mirrored(folder: Path) -> bool:
    """Return whether a folder is a temporary one of `mirror`."""
    return folder.parent in _mirrors.values()


def whereabouts(folder: Path) -> str:
    """Return how a command line names a run: its folder, or its address where the folder is a temporary one."""
    url = url_of(folder) if is_mirrored(folder) else None
    return str(folder if url is None else url)
