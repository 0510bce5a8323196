"""The one whole program of an answer, or the functions of its parent that it writes anew."""

from __future__ import annotations

import ast
import itertools
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from evolve.mutate.answers.characters import plain, without_line_numbers
from evolve.mutate.answers.edit import AnswerError, Refused
from evolve.mutate.answers.evolve_block import editable_lines, is_marker, may_replace
from evolve.mutate.answers.fences import Fenced
from evolve.mutate.answers.into_block import with_blocks_of
from evolve.mutate.answers.left_out import left_out, placeholder, undefined
from evolve.mutate.answers.matching import without_blank_ends
from evolve.mutate.source import MAX_SOURCE_BYTES, check, tree_of

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

MAX_PROGRAMS_CHARS = 400_000
"""More text in fenced blocks is no answer, and would be costly to try one by one."""
MAX_PARAGRAPHS = 4
"""Paragraphs of prose that may follow a program without a fence."""

_CODE_LINE = re.compile(r'(?:import |from \w|def |class |async def |@\w|"""|\'\'\'|#|[A-Za-z_]\w* *(?::[^=]+)?= *\S)')


@dataclass(frozen=True)
class Text:
    """Lines that may be a program.

    is_closed: the answer goes on behind them, so that they are not cut off.  is_marked_off: by a fence or a tag.
    may_be_block: they may stand for a block's content.
    """

    lines: tuple[str, ...]
    is_closed: bool = True
    is_marked_off: bool = True
    may_be_block: bool = True


def texts_of(answer: Sequence[str], blocks: Sequence[Fenced]) -> list[Text]:
    """Return what may be a program: the fenced blocks, or the whole answer where there are none."""
    if blocks:
        return [Text(block.lines, block.is_closed, True, block.may_be_code) for block in blocks]
    return [Text(tuple(lines), True, False, False) for lines in _unmarked(list(answer))]


def _unmarked(answer: list[str]) -> Iterator[list[str]]:
    """Yield an answer, what it has from its first line of code on, and the same without the prose that follows."""
    yield answer
    first = next((at for at, line in enumerate(answer) if _CODE_LINE.match(line)), None)
    if first is not None:
        if first:
            yield answer[first:]
        end = len(answer)
        for _ in range(MAX_PARAGRAPHS):
            while (
                end > first and (line := answer[end - 1]).strip() and not (line[0].isspace() or _CODE_LINE.match(line))
            ):
                end -= 1
            if end > first and answer[end - 1].strip():
                break  # a paragraph that has code
            while end > first and not answer[end - 1].strip():
                end -= 1
            if end > first:
                yield answer[first:end]
    indented = [bool(line.strip()) and not line.startswith(("    ", "\t")) for line in answer]
    start = next((at for at, line in enumerate(answer) if re.match(r"(?: {4}|\t)\S", line)), None)
    if start is not None and start:
        stop = next((at for at in range(start, len(answer)) if indented[at]), len(answer))
        yield textwrap.dedent("\n".join(answer[start:stop])).split("\n")


def whole_program(parent: list[str], texts: Sequence[Text], defines: tuple[str, ...]) -> str:
    """Return the one whole program among texts; any more must be the same.

    Raises AnswerError when there is none, or more than one, and Refused where the only one leaves code out.
    """
    candidates = list(texts)
    if editable_lines(parent):
        # Any text may stand for a block's content, so a program with markers goes before, and prose is never taken.
        marked = [text for text in candidates if any(map(is_marker, text.lines))]
        candidates = marked or [text for text in candidates if text.is_marked_off and text.may_be_block]
    size = sum(map(len, itertools.chain.from_iterable(text.lines for text in candidates if text.is_marked_off)))
    if len(candidates) > 1 and size > MAX_PROGRAMS_CHARS:
        raise AnswerError(f"the fenced blocks hold {size} characters, more than {MAX_PROGRAMS_CHARS}")
    whole: dict[str, None] = {}
    errors: list[AnswerError] = []
    for text in candidates:
        try:
            whole[_child(parent, text, defines)] = None
        except AnswerError as error:
            errors.append(error)
        else:
            if not text.is_marked_off:
                break  # the others are pieces of this one
    if len(whole) > 1:
        raise AnswerError(f"the answer holds {len(whole)} different whole programs")
    if whole:
        return next(iter(whole))
    if not any(text.is_marked_off for text in texts):
        refused = [error for error in errors if isinstance(error, Refused)]
        raise (
            refused[0] if refused else AnswerError("the answer has neither a SEARCH/REPLACE block nor a fenced program")
        )
    functions = _with_functions_of(parent, [text for text in texts if text.may_be_block], defines)
    if functions is not None:
        return functions
    # A program quoted for reference is not the model's answer, so it does not tell why there is none.
    telling = [error for error in errors if not str(error).startswith("no change")] or errors
    if not telling:
        raise AnswerError("the answer has neither a SEARCH/REPLACE block nor a fenced program")
    refused = [error for error in telling if isinstance(error, Refused)]
    if refused:
        raise refused[0]
    why = str(telling[0])
    raise AnswerError(why if len(texts) == 1 else f"none of {len(texts)} fenced blocks is a program: {why}")


def checked(parent: list[str], child: list[str], defines: tuple[str, ...]) -> str:
    """Return the child's source. Raises AnswerError when nothing changed or the child is no program of the problem."""
    if [line.rstrip() for line in child] == [line.rstrip() for line in parent]:
        where = " inside the evolve block" if editable_lines(parent) else ""
        raise AnswerError(f"no change{where}: the program is its parent")
    source = "\n".join(child) + "\n"
    if error := check(source, defines):
        raise AnswerError(f"the changed program is broken: {error}")
    return source


def _child(parent: list[str], text: Text, defines: tuple[str, ...]) -> str:
    size = sum(map(len, text.lines)) + len(text.lines)
    if size > MAX_SOURCE_BYTES:
        raise AnswerError(f"the changed program is broken: it has {size} characters, more than {MAX_SOURCE_BYTES}")
    first: AnswerError | None = None
    for lines in _readings(text.lines):
        try:
            return _complete(parent, text, lines, defines)
        except Refused:
            raise
        except AnswerError as error:
            first = first or error
    assert first is not None
    raise first


def _readings(lines: tuple[str, ...]) -> Iterator[list[str]]:
    """Yield a program as it is, and without what copying has done to it, where it does not parse."""
    there = without_blank_ends(lines)
    yield there
    mended = list(without_line_numbers(there) or there)
    if mended and all(line.startswith((">>> ", "... ")) or line in (">>>", "...", "") for line in mended):
        mended = [line[4:] for line in mended]  # typed into an interpreter
    if mended and mended[0][:1].isspace():
        mended = textwrap.dedent("\n".join(mended)).split("\n")
    mended = [plain(line) for line in mended]
    if mended != there:
        yield mended


def _complete(parent: list[str], text: Text, lines: list[str], defines: tuple[str, ...]) -> str:
    child = with_blocks_of(parent, lines)
    if child is None:
        raise AnswerError("its EVOLVE-BLOCK comments are not those of its parent")
    source = checked(parent, child, defines)
    if not (text.is_marked_off and text.may_be_block) and _has_prose(source):
        raise AnswerError("the answer has neither a SEARCH/REPLACE block nor a fenced program")
    what = left_out("\n".join(parent), source, lines)
    if what:
        raise Refused(f"the program leaves code out: {what}")
    if not text.is_closed:
        names = sorted(undefined(tree_of(source)) - undefined(tree_of("\n".join(parent))))
        if names:
            raise Refused(f"the program is cut off: it uses `{names[0]}`, which is defined nowhere")
    return source


def _has_prose(source: str) -> bool:
    """Whether a line of words passes for Python: a name on a line of its own."""
    alone = [node.value for node in tree_of(source).body if isinstance(node, ast.Expr)]
    return any(isinstance(value, ast.Name | ast.Set) for value in alone)


# Functions written anew


def _stands_for_code(line: str, parent: Sequence[str]) -> bool:
    return placeholder(line) and line not in parent and line.strip() != "..."  # of dots alone the tree tells


def _with_functions_of(parent: list[str], texts: Sequence[Text], defines: tuple[str, ...]) -> str | None:
    """Return the parent with the functions that texts write anew, and None where that is not all that they hold.

    Each text must hold imports, functions and classes only, all of it parse, and one of them at least be the parent's.
    A name that the parent does not have is put in before them. Raises Refused where one leaves code out.
    """
    try:
        there = {node.name: node for node in tree_of("\n".join(parent)).body if _is_definition(node)}
    except SyntaxError:
        return None
    new: dict[str, list[str]] = {}
    imports: list[str] = []
    for text in texts:
        lines = without_blank_ends(text.lines)
        short = next((line.strip() for line in lines if _stands_for_code(line, parent)), "")
        if short:
            raise Refused(f"the program leaves code out: `{short[:80]}`")
        try:
            body = tree_of("\n".join(lines)).body
        except SyntaxError:
            return None
        for node in body:
            first, end = _span(node)
            if isinstance(node, ast.Import | ast.ImportFrom):
                imports += [line for line in lines[first:end] if line not in parent]
            elif not _is_definition(node):
                return None
            elif node.name in there and lines[first:end] == parent[slice(*_span(there[node.name]))]:
                continue  # quoted as it is
            elif new.setdefault(node.name, lines[first:end]) != lines[first:end]:
                return None
        if not text.is_closed:
            return None
    changed = [name for name in new if name in there]
    if not changed:
        return None
    blocks = editable_lines(parent)
    child = list(parent)
    for name in sorted(changed, key=lambda name: -there[name].lineno):
        first, end = _span(there[name])
        if not may_replace(blocks, first, end):
            return None
        child[first:end] = new[name]
    at = min(_span(there[name])[0] for name in changed)
    added = [line for name in new if name not in there for line in (*new[name], "", "")]
    child[at:at] = [*imports, *(["", ""] if imports else []), *added]
    source = checked(parent, child, defines)
    what = left_out("\n".join(parent), source, [line for lines in new.values() for line in lines])
    if what:
        raise Refused(f"the program leaves code out: {what}")
    if undefined(tree_of(source)) - undefined(tree_of("\n".join(parent))):
        return None
    return source


def _is_definition(node: ast.stmt) -> TypeGuard[Definition]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _span(node: ast.stmt) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1, node.end_lineno or node.lineno
