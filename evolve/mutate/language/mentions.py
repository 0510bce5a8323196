"""What a program's source mentions that a program has no honest use for, found in its syntax tree.

A hint for a person, no verdict: the sandbox is what stops a hostile program, whatever it mentions. The tree shows
names, and text that is written down or glued from such pieces; not what a program computes (`chr`, a table, decoded or
reversed text). Of that only the place of use shows: `getattr` with a name that the text does not tell.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from evolve.mutate.language.language import Mention
from evolve.mutate.source import parse

FRAMES = {
    "_current_frames", "_getframe", "ag_frame", "cr_frame", "currentframe", "f_back", "f_builtins", "f_code",
    "f_globals", "f_locals", "gi_frame", "tb_frame",
}  # fmt: skip
MODULES = {"_ctypes", "builtins", "ctypes", "gc", "importlib", "inspect", "os", "posix", "sys"}
IMPORTS = {
    "evaluators", "evolve", "fcntl", "mmap", "multiprocess", "multiprocessing", "resource", "sandbox", "seeds",
    "select", "selectors", "signal", "socket", "subprocess", "threading",
}  # fmt: skip
"""Mentioned where they are imported; elsewhere a program may use the words as it likes."""
CALLS = {"__import__", "eval", "exec", "open"}
INNARDS = {
    "__base__", "__bases__", "__builtins__", "__closure__", "__code__", "__getattribute__", "__globals__", "__loader__",
    "__mro__", "__spec__", "__subclasses__", "CDLL", "PyDLL", "pythonapi",
}  # fmt: skip
WATCHED = FRAMES | MODULES | CALLS | INNARDS
"""Access to frames, to the interpreter and the host, and to files, with the usual ways around naming them."""
BY_TEXT = {"__import__", "attrgetter", "delattr", "getattr", "hasattr", "import_module", "methodcaller", "setattr"}
"""Calls that take a name as text: there a text counts as a mention, elsewhere "open" may be any word."""
NO_WORDS = FRAMES | INNARDS | {"__import__", "_ctypes"}
"""Names that are no word of anything else: as a text they count wherever they stand, the others only when glued."""
LONGEST = 20
"""Pieces that a name is looked for in, at most: the longest name has fewer characters."""
COMPUTED = "getattr"
"""What is mentioned where getattr is given a name that the source does not tell."""


def mentions(source: str) -> list[Mention]:
    """Return the watched names of a source by line, each once a line. Raises SyntaxError when it does not parse."""
    lines = source.splitlines()
    tree = parse(source)
    seen = {(line, name) for name, line in (*_named(tree), *_imported(tree), *_texts(tree)) if name in WATCHED}
    seen |= {(line, name) for name, line in _imported(tree) if name in IMPORTS}
    found = sorted(seen | {(line, COMPUTED) for line in _computed(tree)})
    return [Mention(name, line, lines[line - 1].strip() if line <= len(lines) else "") for line, name in found]


def _imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield from ((part, alias.lineno) for part in alias.name.split("."))
            case ast.ImportFrom(module=module, names=aliases):
                yield from ((part, node.lineno) for part in (module or "").split("."))
                yield from ((alias.name, alias.lineno) for alias in aliases)


def _named(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name):
                yield name, node.lineno
            case ast.Attribute(attr=name):
                yield name, node.end_lineno or node.lineno  # of a chain over several lines, the attribute ends it
            case ast.Call(func=ast.Name(id=function) | ast.Attribute(attr=function)) if function in BY_TEXT:
                for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                    yield from ((part, argument.lineno) for part in (_text(argument) or "").split("."))


def _texts(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names in texts: in those written as one only what is no word, in those glued from pieces all."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        run: list[str] = []
        for piece in _summands(node):
            text = _text(piece)
            if text is not None:
                run.append(text)
                is_glued = len(run) > 1 or not isinstance(piece, ast.Constant)
                line = getattr(piece, "lineno", 1)
                yield from ((part, line) for part in "".join(run[-LONGEST:]).split(".") if is_glued or part in NO_WORDS)
            else:
                run.clear()
                todo += ast.iter_child_nodes(piece)


def _computed(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]) if _text(name) is None:
                yield node.lineno


def _summands(node: ast.AST) -> list[ast.AST]:
    """Return a + b + c as [a, b, c], what is no sum as itself."""
    backwards = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        backwards.append(node.right)
        node = node.left
    return [node, *reversed(backwards)]


def _text(node: ast.AST) -> str | None:
    """Return the text that an expression of constant pieces stands for, None when it is anything else."""
    between = ""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.BinOp(op=ast.Add()):
            pieces = [_text(piece) for piece in _summands(node)]
        case ast.JoinedStr(values=values):
            pieces = [_text(value) for value in values]
        case ast.FormattedValue(value=value):
            return _text(value)
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(between)), attr="join"),
            args=[ast.List(elts=parts) | ast.Tuple(elts=parts)],
        ):
            pieces = [_text(part) for part in parts]
        case _:
            return None
    known = [piece for piece in pieces if piece is not None]
    return between.join(known) if len(known) == len(pieces) else None
