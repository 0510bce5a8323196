"""Facts about a program's source, without running it."""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import io
import re
import tokenize
import warnings
from collections.abc import Iterator

from evolve.mutate.novelty.normal_form import normal_form

MAX_SOURCE_BYTES = 200_000
MAX_SOURCE_LINES = 5_000
"""Of a program that is as long as it may be, with lines of an ordinary length."""
MAX_FIELDS = 1_000
MAX_TOKENS = 20_000

_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What would move the cursor, or turn the text around, wherever the program is shown: a diff, a summary, a prompt."""
_TOKEN = re.compile(
    r"""
    \#[^\n]*
    | ^[ \t]*[rRuU]?(?:\"{3}(?:[^\"]|\"(?!\"\"))*+\"{3}|'{3}(?:[^']|'(?!''))*+'{3})(?=[ \t]*(?:\#|$))
    | ("(?:[^"\\\n]|\\.)*+"? | '(?:[^'\\\n]|\\.)*+'? | \w+(?:\.\d+)? | [^\w\s])
    """,
    re.VERBOSE | re.MULTILINE,
)
"""A comment, a docstring (neither captured) or a token. A quote that nothing closes takes the rest of its line with it:
looked for again and again, its end would cost time that grows with the square of the line."""


def parse(source: str) -> ast.Module:
    """Parse a program. Raises SyntaxError for whatever makes it unparseable, absurd size and depth included.

    Takes time in proportion to the source's length: what Python needs more for is refused.
    """
    if len(source) > MAX_SOURCE_BYTES:
        raise SyntaxError(f"the program has {len(source)} characters, more than {MAX_SOURCE_BYTES}")
    if source.count("\n") > MAX_SOURCE_LINES:
        raise SyntaxError(f"the program has {source.count(chr(10))} lines, more than {MAX_SOURCE_LINES}")
    if source.count("{") > MAX_FIELDS and _fields(source) > MAX_FIELDS:
        raise SyntaxError(f"an f-string of the program has more than {MAX_FIELDS} fields")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (RecursionError, MemoryError):
        raise SyntaxError("the program is nested too deeply to parse") from None
    except ValueError as error:  # a null byte, a lone surrogate
        raise SyntaxError(str(error)) from None


def _fields(source: str) -> int:
    """Return the most braces that an f-string of a source opens: Python 3.11 looks through all of it for each."""
    most = 0
    with contextlib.suppress(tokenize.TokenError, SyntaxError, ValueError):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.STRING and token.string[:1] in "fFrR":
                most = max(most, token.string.count("{"))
    return most


def missing_definitions(tree: ast.Module, defines: tuple[str, ...]) -> list[str]:
    """Return the names of `defines` that the program does not bind at its top level by def, class or assignment."""
    bound: set[str] = set()
    for statement in top_level(tree):
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            bound.add(statement.name)
        elif isinstance(statement, ast.Name) and isinstance(statement.ctx, ast.Store):
            bound.add(statement.id)
        elif isinstance(statement, ast.alias):
            bound.add(statement.asname or statement.name)
    return [name for name in defines if name not in bound]


def top_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes that run when the module is imported, the bodies of functions and classes left out."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def check(source: str, defines: tuple[str, ...]) -> str:
    """Return why a source is no program of the problem, in one line; empty when it is one."""
    try:
        tree = tree_of(source)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return f"{where}{error.msg}"
    unseen = _UNSEEN.search(source)
    if unseen:
        line = source.count("\n", 0, unseen.start()) + 1
        return f"line {line}: the control character U+{ord(unseen[0]):04X}; write it as an escape sequence"
    missing = missing_definitions(tree, defines)
    return f"it does not define {', '.join(missing)} at its top level" if missing else ""


def fingerprint(source: str) -> str:
    """Return the hash of what a program does: whatever its layout, comments, docstrings and names of local variables.

    Two programs with one fingerprint do the same (`normal_form` says when a name stays); two that do the same may well
    have different ones. Raises SyntaxError when the source does not parse.
    """
    try:
        words = normal_form(tree_of(source))
    except RecursionError:
        raise SyntaxError("the program is nested too deeply to compare") from None
    return hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:32]


@functools.lru_cache(maxsize=4)
def tree_of(source: str) -> ast.Module:
    """Return the tree of a program, not to be changed: a child is checked, and at once compared with its parent.

    Raises SyntaxError, as `parse` does.
    """
    return parse(source)


def tokens(source: str) -> list[str]:
    """Return a program's tokens, without layout, comments and docstrings; of a very long one, the first 20,000.

    No tokenizer but a pattern, which is ten times as fast: where it errs, it errs alike on programs that are alike.
    """
    return [token for token in _TOKEN.findall(source[:MAX_SOURCE_BYTES]) if token][:MAX_TOKENS]
