"""Writes the folder of a new problem, small but real, for its author to change (`evolve new`).

The files lie in `offline/` and `online/` as templates, which a test makes into problems and runs.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import jinja2

from evolve.errors import UsageError

__all__ = ["write_problem"]

HERE = Path(__file__).resolve().parent
SUFFIX = ".jinja"


def write_problem(name: str, kind: str, parent: Path) -> list[Path]:
    """Write a problem's files into a new folder `parent / name`.

    kind: "offline", one answer for each instance; "online", a policy that is asked again and again by a simulation.
    Returns the files. Raises UsageError for a name that no problem can have, a folder that is there, and what the
    machine refuses; then nothing has been written.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise UsageError(f"a problem cannot be called {name!r}: letters, digits and _ only, e.g. bin_packing.")
    class_name = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    folder = parent / name
    sources = sorted((HERE / kind).rglob(f"*{SUFFIX}"))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / kind), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(f"{folder} is there already: give another name, or another place by --dir.") from None
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}.") from None
    written = []
    for source in sources:
        place = source.relative_to(HERE / kind)
        file = folder / place.with_name(place.name.removesuffix(SUFFIX).replace("test.py", f"test_{name}.py"))
        file.parent.mkdir(exist_ok=True)
        text = environment.get_template(place.as_posix()).render({"name": name, "class": class_name})
        file.write_text(text, encoding="utf-8")
        written.append(file)
    return written
