"""Reads and writes the public format: one CSV file per table, read as pandas reads it.

The text of a cell is what the public benchmark makes of it: `pandas.read_csv(path, low_memory=False)`, then row by row
"" for a missing value, else `str` of the value as it sits in the row. So 7 stays "7" beside columns of text and is
"7.0" when all columns are numbers and one of them a float; "007" is "7", an int column with a hole is float. Merged
columns are joined as `f"{value}"` after the same rule among themselves, and a hole gives "nan"; they come last. pandas
itself does the reading, so that what it takes for a number, a flag or a hole is not ours to get wrong; it is needed
for --data only.

Which columns are merged is said by a file beside the table, NAME.merges.json: [["title", "link"], ...]; without one,
a table with the name of a published one has its published merges, any other none.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluators.llm_sql.table import Table
from evolve.evaluator import UsageError

PUBLISHED_MERGES: dict[str, tuple[tuple[str, ...], ...]] = {
    "movies": (("movieinfo", "movietitle", "rottentomatoeslink"),),
    "beer": (("beer/beerId", "beer/name"),),
    "bird": (("PostId", "Body"),),
    "pdmx": (
        ("path", "metadata"),
        ("hasmetadata", "isofficial", "isuserpublisher", "isdraft", "hasannotations", "subsetall"),
    ),
    "products": (("product_title", "parent_asin"),),
}
"""By name of the file in small letters, without .csv."""

SIDECAR = ".merges.json"


def read_tables(path: Path) -> list[tuple[str, Table]]:
    """Read a CSV file, or all those of a folder in the order of their names. Raises UsageError.

    Returns (name of the file without .csv, table).
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".csv")
        if not files:
            raise UsageError(f"llm_sql: {path} holds no .csv file; give a folder of CSV tables, or one of them.")
    else:
        files = [path]
    return [(file.stem, read_table(file)) for file in files]


def read_table(path: Path) -> Table:
    """Read one CSV file. Raises UsageError that names the file and the line, column or key."""
    pandas = _pandas()
    try:
        frame = pandas.read_csv(path, low_memory=False)
    except OSError as error:
        raise UsageError(f"llm_sql: {path} cannot be read ({error.strerror}); give a CSV file.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"llm_sql: {path} is not UTF-8 (byte {error.start}); convert it.") from None
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"llm_sql: {path} is no CSV table with a line of column names: {reason}") from None
    frame.columns = [str(name) for name in frame.columns]
    if _rows_are_wider(pandas, path):
        raise UsageError(f"llm_sql: {path}: line 2 has more cells than line 1 has column names; give each a name.")
    if frame.empty:
        raise UsageError(f"llm_sql: {path} has no rows below its line of column names; expected at least one.")
    return table_of(frame, merges_of(path, tuple(frame.columns)))


def _rows_are_wider(pandas: Any, path: Path) -> bool:
    """Return whether a table that could be read has more cells in its first row than column names.

    pandas takes the first cells for an index then, and the table has lost a column. The index itself does not tell:
    where these cells are 0, 1, 2 or 1, 4, 7 it is the one that pandas counts by itself.
    """
    try:
        pandas.read_csv(path, header=None, nrows=2, dtype=str)
    except pandas.errors.ParserError:
        return True
    return False


def table_of(frame: Any, merges: tuple[tuple[str, ...], ...]) -> Table:
    """Return the texts of a pandas frame. Merged columns come last, each with its text as it is within its merge."""
    together = [name for names in merges for name in names]
    free = [name for name in frame.columns if name not in together]
    # A merged column is text, so that the others of a table with one are never all numbers.
    texts = _texts(frame[free], "", as_they_are=bool(together)) if free else [[] for _ in range(len(frame))]
    for names in merges:
        for row, more in zip(texts, _texts(frame[list(names)], "nan"), strict=True):
            row += more
    return Table((*free, *together), texts, merges)


def _texts(frame: Any, hole: str, as_they_are: bool = False) -> list[list[str]]:
    """Return the text of every cell. as_they_are: columns of numbers do not turn into one type within a row."""
    values = (frame.astype(object) if as_they_are else frame).to_numpy()
    holes = frame.isna().to_numpy()
    return [
        [hole if missing else str(value) for value, missing in zip(row, gaps, strict=True)]
        for row, gaps in zip(values, holes.tolist(), strict=True)
    ]


def merges_of(path: Path, columns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the merges of a table: those of its sidecar, else the published ones of its name, else none."""
    sidecar = path.with_name(path.stem + SIDECAR)
    merges: Any = PUBLISHED_MERGES.get(path.stem.lower(), ())
    where = f"{path} has the name of a published table"
    remedy = f"; give it another name, or put [] into {sidecar.name}"
    if sidecar.exists():
        where, remedy = str(sidecar), ""
        try:
            merges = json.loads(sidecar.read_text(encoding="utf-8"))
        except (OSError, RecursionError, ValueError) as error:
            raise UsageError(f"llm_sql: {sidecar} cannot be read as JSON ({error}).") from None
        if not isinstance(merges, list) or not all(
            isinstance(names, list) and len(names) > 1 and all(isinstance(name, str) for name in names)
            for names in merges
        ):
            raise UsageError(f'llm_sql: {sidecar}: expected lists of two or more column names: [["title", "link"]].')
    known: set[str] = set()
    for name in (name for names in merges for name in names):
        if name not in columns:
            raise UsageError(f"llm_sql: {where}, but there is no column {name!r}{remedy}.")
        if name in known:
            raise UsageError(f"llm_sql: {where}: column {name!r} is merged twice.")
        known.add(name)
    return tuple(tuple(names) for names in merges)


def write_tables(tables: Sequence[tuple[str, Table]], folder: Path) -> list[Path]:
    """Write tables as CSV, each with its merges beside it. Returns the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, table in tables:
        path = folder / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.columns)
            writer.writerows(table.rows)
        sidecar = folder / f"{name}{SIDECAR}"
        sidecar.write_text(json.dumps([list(names) for names in table.merges]) + "\n", encoding="utf-8")
        written += [path, sidecar]
    return written


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise UsageError(
            "llm_sql: --data needs pandas, which reads CSV as the benchmark does: pip install 'evolve[tables]'"
        ) from None
    return pandas
