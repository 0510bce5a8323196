"""Reading an archive that may have been cut, copied in parts or made to harm: one line says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evolve.archive import Store, damage_of, url_of
from evolve.archive.sqlite_file import NAME
from evolve.errors import UsageError
from evolve.report.own_runs import is_own
from evolve.report.places import find_run
from evolve.report.shared_archives import require_known_pointer

LOG = f"{NAME}-wal"
COPY_ALL = "copy the whole folder, while no process works on the run"


@contextmanager
def opened(ref: str) -> Iterator[Store]:
    """Open the run that a person names, for reading. Raises UsageError where there is none, or it is damaged."""
    folder = find_run(ref)
    with explained(folder), Store.open(folder) as store:
        yield store


def without_its_log(folder: Path) -> bool:
    """Return whether an archive from elsewhere came without the file that holds what was committed last.

    Ask before it is opened: whoever closes an archive last removes that file, so an own run may lack it, too.
    """
    try:
        with (folder / NAME).open("rb") as file:
            head = file.read(20)
    except OSError:
        return False
    writes_ahead = head[:15] == b"SQLite format 3" and head[18:20] == b"\x02\x02"
    return writes_ahead and not (folder / LOG).exists() and not is_own(folder)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what goes wrong while an archive is read into a UsageError, where the archive is to blame.

    A bug of ours keeps its traceback: the archive is searched for damage first, and only of one from elsewhere, in
    which anything may be odd, is every failure its own.
    """
    require_known_pointer(folder)
    came_without = without_its_log(folder)
    try:
        yield
    except UsageError as error:
        if came_without and str(folder / NAME) in str(error) and LOG not in str(error):
            raise UsageError(f"{error} It came without {LOG}: {COPY_ALL}.") from None
        raise
    except OSError:
        raise
    except Exception as error:
        found = damage_of(folder)
        if found:
            raise UsageError(f"{folder / NAME} is damaged: {found}.") from None
        if not is_own(folder) and url_of(folder) is None:
            why = f"{type(error).__name__}: {error}"
            raise UsageError(f"{folder / NAME}, which was not made here, cannot be read ({why:.200}).") from None
        raise
