"""The one whole program of an answer, or the functions of its parent that it writes anew."""

from __future__ import annotations

import ast
import itertools
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evolve.mutate.answers.besides import other_piece
from evolve.mutate.answers.characters import plain, without_line_numbers
from evolve.mutate.answers.edit import AnswerError, Refused
from evolve.mutate.answers.evolve_block import editable_lines, is_marker
from evolve.mutate.answers.fences import Fenced, outside
from evolve.mutate.answers.functions import Definition, written_anew
from evolve.mutate.answers.into_block import with_blocks_of
from evolve.mutate.answers.left_out import left_out, undefined
from evolve.mutate.answers.matching import without_blank_ends
from evolve.mutate.source import MAX_SOURCE_BYTES, check, parse, tree_of

NOTHING = "the answer has neither a SEARCH/REPLACE block nor a fenced program"
MAX_PROGRAMS_CHARS = 400_000
"""More text in fenced blocks is no answer, and would be costly to try one by one."""
MAX_PARAGRAPHS = 4
"""Paragraphs of prose that may follow a program without a fence."""

_CODE_LINE = re.compile(r'(?:import |from \w|def |class |async def |@\w|"""|\'\'\'|#|[A-Za-z_]\w* *(?::[^=]+)?= *\S)')


@dataclass(frozen=True)
class Text:
    """Lines that may be a program.

    is_closed: the answer goes on behind them, so that they are not cut off.  is_marked_off: by a fence or a tag.
    may_be_block: they may stand for a block's content.  is_final: the words before them say that they count.
    """

    lines: tuple[str, ...]
    is_closed: bool = True
    is_marked_off: bool = True
    may_be_block: bool = True
    is_final: bool = False


def texts_of(answer: Sequence[str], blocks: Sequence[Fenced]) -> list[Text]:
    """Return what may be a program: the fenced blocks, or the whole answer where there are none."""
    if any(block.may_be_code or any(map(is_marker, block.lines)) for block in blocks):
        before = [0, *(block.end for block in blocks)]
        words = [" ".join(answer[start : block.first]) for start, block in zip(before, blocks, strict=False)]
        return [
            Text(block.lines, block.is_closed, True, block.may_be_code, _says_final(said))
            for block, said in zip(blocks, words, strict=True)
        ]
    words = outside(answer, blocks)
    return [Text(tuple(lines), len(lines) < len(words), False, False) for lines in _unmarked(words)]


def _says_final(words: str) -> bool:
    """Whether the words before a program take back the one before it, and do not offer another one to choose from."""
    return _FINAL.search(words) is not None and _CHOICE.search(words) is None


def _unmarked(answer: list[str]) -> Iterator[list[str]]:
    """Yield an answer, what it has from its first line of code on, and the same without the prose that follows."""
    yield answer
    firsts = [
        next((at for at, line in enumerate(answer) if code.match(line)), None) for code in (_CODE_LINE, _PROGRAM_LINE)
    ]
    for first in dict.fromkeys(at for at in firsts if at is not None):
        if first:
            yield answer[first:]
        end = len(answer)
        for _ in range(MAX_PARAGRAPHS):
            while end > first and answer[end - 1].strip() and _is_outside(answer[end - 1]):
                end -= 1
            if end > first and answer[end - 1].strip():
                break  # a paragraph that has code
            while end > first and not answer[end - 1].strip():
                end -= 1
            if end > first:
                yield answer[first:end]
    indented = [bool(line.strip()) and not line.startswith(("    ", "\t")) for line in answer]
    start = next((at for at, line in enumerate(answer) if _INDENTED.match(line)), None)
    if start is not None and start:
        stop = next((at for at in range(start, len(answer)) if indented[at]), len(answer))
        yield textwrap.dedent("\n".join(answer[start:stop])).split("\n")


_INDENTED = re.compile(r"(?: {4}|\t)\S")
_PROGRAM_LINE = re.compile(r'(?:import |from \w+(?:\.\w+)* import |def |class |async def |@\w|"""|\'\'\'|#!)')
_HEADING = re.compile(r"#{1,6} [A-Z]\w*[^=()\[\]]*$")
_NAME = re.compile(r"(?:python3?|py|[\w./\\-]+\.py):?\s*")
"""What a first line says that names the file or the language; as Python, it would pass for an expression."""
_WORDS = re.compile(r"(?:[-*+•#]{1,4} |\d{1,2}[.)] |\*\*)?[A-Z*`]|[-*+•] ")
_NO_CODE = re.compile(r"%%\w+.*|[%!](?:pip|matplotlib|load_ext|time)\b.*|#!.*|\s*")
"""What a notebook's cell begins with."""
_FINAL = re.compile(
    r"\b(?:final(?:ly)?|corrected|revised|refined|fixed|instead|wait|actually|oops|mistake|bug|everything together"
    r"|(?:complete|full|whole|entire) (?:\w+ )?(?:program|code|solution|version|file|listing))\b|最终|完整",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\b(?:options?|alternatives?|alternatively|variants?|either|or you could)\b", re.IGNORECASE)


def _is_outside(line: str) -> bool:
    """Whether a line behind a program is none of its own: words, or a heading."""
    return _HEADING.match(line) is not None or not (line[0].isspace() or _CODE_LINE.match(line))


def whole_program(parent: list[str], texts: Sequence[Text], defines: tuple[str, ...]) -> str:
    """Return the one whole program among texts; any more must be the same, or drafts of the last one.

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
    if (parts := _in_parts(parent, candidates)) is not None:
        candidates = [parts]
    errors: list[AnswerError] = []
    source = _only_or_last(parent, candidates, defines, errors)
    if source is not None:
        return source
    is_marked = any(text.is_marked_off for text in texts)
    for pieces in [[text for text in texts if text.may_be_block]] if is_marked else [[text] for text in texts]:
        functions = _with_pieces(parent, pieces, defines)
        if functions is not None:
            return functions
    if not is_marked:
        refused = [error for error in errors if isinstance(error, Refused)]
        raise refused[0] if refused else AnswerError(NOTHING)
    # A program quoted for reference is not the model's answer, so it does not tell why there is none.
    telling = [error for error in errors if not str(error).startswith("no change")] or errors
    if not telling:
        raise AnswerError(NOTHING)
    refused = [error for error in telling if isinstance(error, Refused)]
    if refused:
        raise refused[0]
    why = str(telling[0])
    raise AnswerError(why if len(texts) == 1 else f"none of {len(texts)} fenced blocks is a program: {why}")


def _only_or_last(
    parent: list[str], texts: Sequence[Text], defines: tuple[str, ...], errors: list[AnswerError]
) -> str | None:
    """Return the one program of texts, or the last where it says that it counts; None where there is none.

    errors: takes why the others are none. Raises AnswerError for several, Refused where a piece of code behind the
    program contradicts it.
    """
    made: list[tuple[int, str]] = []
    alike: dict[str, str] = {}
    for at, text in enumerate(texts):
        try:
            child = _child(parent, text, defines)
        except AnswerError as error:
            errors.append(error)
            continue
        made.append((at, alike.setdefault(ast.dump(tree_of(child)), child)))  # the same but for comments
        if not text.is_marked_off:
            break  # the others are pieces of this one
    if not made:
        return None
    last, source = made[-1]
    if len(alike) > 1 and not texts[last].is_final:
        raise AnswerError(f"the answer holds {len(alike)} different whole programs")
    for text in texts[last + 1 :]:
        if text.is_marked_off and (name := other_piece(parent, source, text.lines)):
            raise Refused(f"the answer holds a whole program, and behind it another `{name}`")
    return source


def _in_parts(parent: Sequence[str], texts: Sequence[Text]) -> Text | None:
    """Return the one program that texts are the parts of: together they define all that the parent does, each once."""
    if len(texts) < 2 or not all(text.is_marked_off for text in texts):
        return None
    try:
        wanted = _definitions(parent)
        names = [_definitions(text.lines) for text in texts if text.may_be_block]
    except SyntaxError:
        return None
    if sum(map(len, names)) != len(set().union(*names)) or not wanted <= set().union(*names):
        return None
    if any(wanted <= own for own in names) or sum(map(bool, names)) < 2:
        return None
    lines = [line for text in texts if text.may_be_block for line in (*text.lines, "", "")]
    return Text(tuple(lines), texts[-1].is_closed)


def _definitions(lines: Sequence[str]) -> set[str]:
    return {node.name for node in parse("\n".join(lines)).body if isinstance(node, Definition)}


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
    if len(there) > 1 and _NAME.fullmatch(there[0]):
        there = without_blank_ends(there[1:])
    yield there
    mended = list(without_line_numbers(there) or there)
    while len(mended) > 1 and _NO_CODE.fullmatch(mended[0]):
        mended = mended[1:]
    if mended and all(line.startswith((">>> ", "... ")) or line in (">>>", "...", "") for line in mended):
        mended = [line[4:] for line in mended]  # typed into an interpreter
    if mended and mended[0][:1].isspace():
        mended = textwrap.dedent("\n".join(mended)).split("\n")
    mended = [plain(line) for line in mended]
    if mended != there:
        yield mended
    yield from _without_prose(mended)


def _without_prose(lines: list[str]) -> Iterator[list[str]]:
    """Yield lines without the words at their end, where the fence around them was forgotten or comes too late."""
    end = len(lines)
    for _ in range(MAX_PARAGRAPHS):
        start = max((at for at in range(end) if not lines[at].strip()), default=-1) + 1
        if start == 0 or not all(map(_is_prose, lines[start:end])):
            return
        end = start
        while end and not lines[end - 1].strip():
            end -= 1
        yield lines[:end]


def _is_prose(line: str) -> bool:
    return _WORDS.match(line) is not None and line.count(" ") > 2 and not any(sign in line for sign in "=[]{}")


def _complete(parent: list[str], text: Text, lines: list[str], defines: tuple[str, ...]) -> str:
    child = with_blocks_of(parent, lines)
    if child is None:
        raise AnswerError("its EVOLVE-BLOCK comments are not those of its parent")
    source = checked(parent, child, defines)
    if name := _borrowed(source, defines):
        raise AnswerError(f"it does not define {name} at its top level, but imports it")
    if not (text.is_marked_off and text.may_be_block) and _has_prose(source):
        raise AnswerError(NOTHING)
    what = left_out("\n".join(parent), source, lines)
    if what:
        raise Refused(f"the program leaves code out: {what}")
    if not text.is_closed:
        names = sorted(undefined(tree_of(source)) - undefined(tree_of("\n".join(parent))))
        if names:
            raise Refused(f"the program is cut off: it uses `{names[0]}`, which is defined nowhere")
        if cut := _cut_off("\n".join(parent), lines):
            raise Refused(f"the program is cut off: {cut}")
    return source


def _cut_off(parent: str, lines: Sequence[str]) -> str:
    """Return where a program stops short of its parent, "" where it does not: in the middle of its last function."""
    try:
        before, body = tree_of(parent).body, parse("\n".join(lines)).body
    except SyntaxError:
        return ""
    now = body[-1] if body else None
    for node in before:
        if isinstance(now, Definition) and isinstance(node, Definition) and node.name == now.name:
            old, new = ast.unparse(node).split("\n"), ast.unparse(now).split("\n")
            if (len(new) < len(old) and new == old[: len(new)]) or (_returns(node) and not _returns(now)):
                return f"`{now.name}` stops in the middle"
    return ""


def _returns(node: ast.stmt) -> bool:
    """Whether the last line of a statement leaves its function."""
    body = getattr(node, "orelse", None) or getattr(node, "body", None)
    return _returns(body[-1]) if body else isinstance(node, ast.Return | ast.Raise)


def _borrowed(source: str, defines: tuple[str, ...]) -> str:
    """Return which of the problem's names a program imports from another one, as a test of it does; "" for none."""
    imports = (node for node in tree_of(source).body if isinstance(node, ast.ImportFrom))
    return next((alias.name for node in imports for alias in node.names if alias.name in defines), "")


def _has_prose(source: str) -> bool:
    """Whether a line of words passes for Python: a name on a line of its own."""
    alone = [node.value for node in tree_of(source).body if isinstance(node, ast.Expr)]
    return any(isinstance(value, ast.Name | ast.Set) for value in alone)


def _with_pieces(parent: list[str], texts: Sequence[Text], defines: tuple[str, ...]) -> str | None:
    """Return the parent with the functions that texts write anew, and None where that is not all that they hold."""
    if sum(len(line) for text in texts for line in text.lines) > MAX_SOURCE_BYTES:
        return None
    pieces = written_anew(parent, [text.lines for text in texts], defines)
    if pieces is None or any(not text.is_closed and _cut_off("\n".join(parent), text.lines) for text in texts):
        return None
    child, written = pieces
    source = checked(parent, child, defines)
    what = left_out("\n".join(parent), source, written)
    if what:
        raise Refused(f"the program leaves code out: {what}")
    return None if undefined(tree_of(source)) - undefined(tree_of("\n".join(parent))) else source
