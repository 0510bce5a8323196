"""What a program's source mentions that a program has no honest use for, found in its syntax tree.

A hint for a person, no verdict: the sandbox is what stops a hostile program, whatever it mentions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from evolve.mutate.source import parse

FRAMES = {
    "_current_frames", "_getframe", "ag_frame", "cr_frame", "currentframe", "f_back", "f_builtins", "f_code",
    "f_globals", "f_locals", "gi_frame", "tb_frame",
}  # fmt: skip
MODULES = {"_ctypes", "builtins", "ctypes", "gc", "importlib", "inspect", "os", "posix", "sys"}
CALLS = {"__import__", "eval", "exec", "open"}
WATCHED = FRAMES | MODULES | CALLS
"""Access to frames, to the interpreter and the host, and to files, with the usual ways around naming them."""
BY_TEXT = {"__import__", "getattr", "import_module"}
"""Calls that take a name as text: there a text counts as a mention, elsewhere "open" may be any word."""


@dataclass(frozen=True)
class Mention:
    """A watched name in a source. line: from 1.  text: that line."""

    name: str
    line: int
    text: str


def mentions(source: str) -> list[Mention]:
    """Return the watched names of a source by line, each once a line. Raises SyntaxError when it does not parse."""
    lines = source.splitlines()
    found = sorted({(line, name) for name, line in _named(parse(source)) if name in WATCHED})
    return [Mention(name, line, lines[line - 1].strip() if line <= len(lines) else "") for line, name in found]


def _named(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name):
                yield name, node.lineno
            case ast.Attribute(attr=name):
                yield name, node.end_lineno or node.lineno  # of a chain over several lines, the attribute ends it
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield from ((part, alias.lineno) for part in alias.name.split("."))
            case ast.ImportFrom(module=module, names=aliases):
                yield from ((part, node.lineno) for part in (module or "").split("."))
                yield from ((alias.name, alias.lineno) for alias in aliases)
            case ast.Call(func=ast.Name(id=function) | ast.Attribute(attr=function)) if function in BY_TEXT:
                for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield from ((part, argument.lineno) for part in argument.value.split("."))
