"""The prompts' templates: the built-in ones in prompts/, and those of a run or a problem that stand in their place.

A template that a folder does not have is taken from the next folder, and last from the built-in ones. Templates may
come from strangers (a problem's folder), so they are rendered in Jinja's sandbox.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from evolve.errors import UsageError
from evolve.mutate.mutation import Example, Kind
from evolve.mutate.prompts.quoting import fenced

if TYPE_CHECKING:
    import jinja2

BUILT_IN = Path(__file__).parent
SYSTEM = ("role.j2", f"{Kind.INSIGHT}.j2")
"""The system message: of every kind that asks for a program, the same for all of them, and of INSIGHT."""
USER = ("task.j2", "comparison.j2")
"""The user message, likewise."""
ASKED = tuple(f"{kind}.j2" for kind in Kind if kind is not Kind.INSIGHT)
"""The end of task.j2, one for each kind: what is asked for."""
PARTS = ("problem.j2", "first.j2", "edits.j2", "program.j2")
"""What the built-in ones include."""


def render(folders: Sequence[Path], name: str, content: Mapping[str, Any]) -> str:
    """Return the text of a template. Raises UsageError that names the file and the line of a template that fails."""
    import jinja2

    try:
        return _environment(tuple(folders)).get_template(name).render(content)
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(f"{error.filename or name}:{error.lineno}: {error.message}") from None
    except jinja2.TemplateNotFound as error:
        raise UsageError(f"{_place(error.__traceback__, folders, name)}there is no template '{error.name}'") from None
    except Exception as error:
        # A stranger's template may raise anything; a fault in ours is a bug and shows as one.
        place = _place(error.__traceback__, folders, "")
        if not place:
            raise
        text = " ".join(str(error).split())
        raise UsageError(f"{place}{text}; it may use {', '.join(sorted(content))}") from None


def compile_all(folders: Sequence[Path]) -> None:
    """Compile the templates beforehand, which takes a tenth of a second: no step waits for it, nor does the loop."""
    for name in (*SYSTEM, *USER, *ASKED):
        _environment(tuple(folders)).get_template(name)


def _place(traceback: TracebackType | None, folders: Sequence[Path], otherwise: str) -> str:
    """Return "file:line: " of the innermost template that an exception came through, of `folders` only."""
    place = f"{otherwise}: " if otherwise else ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file.endswith(".j2") and any(Path(file).is_relative_to(folder) for folder in folders):
            place = f"{file}:{traceback.tb_lineno}: "
        traceback = traceback.tb_next
    return place


@functools.cache
def _environment(folders: tuple[Path, ...]) -> jinja2.Environment:
    """Return what renders templates; each is compiled once."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # No autoescaping: what comes out is a prompt, not HTML.
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader([*folders, BUILT_IN]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        auto_reload=False,
    )
    environment.filters |= {"fenced": fenced, "score": _score, "change": _change, "described": described}
    return environment


def syntax(folders: Sequence[Path], name: str) -> tuple[jinja2.nodes.Template, Path]:
    """Return a template's syntax tree and its file. Raises UsageError with file and line."""
    import jinja2

    environment = _environment(tuple(folders))
    assert environment.loader is not None
    try:
        source, file, _ = environment.loader.get_source(environment, name)
        environment.compile(source, name, file)  # finds unknown filters too, which parsing does not
        return environment.parse(source, name, file), Path(file or name)
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(f"{error.filename or name}:{error.lineno}: {error.message}") from None
    except UnicodeDecodeError as error:
        raise UsageError(
            f"template {name} in {', '.join(map(str, folders))} is not UTF-8 text: {error.reason}"
        ) from None


def described(example: Example) -> str:
    """Return a program's figures in a line: "score 41.50; cost_usd 9, moves 3"."""
    told = f"it failed: {example.status}" if example.score is None else f"score {example.score:.2f}"
    metrics = ", ".join(f"{name} {value:.6g}" for name, value in [*example.metrics.items()][:METRICS_SHOWN])
    return f"{told}; {metrics}" if metrics else told


METRICS_SHOWN = 16


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _change(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"
