"""From a model's answer to a child: edits of the parent, or one whole program."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evolve.mutate.answers.applying import edited
from evolve.mutate.answers.besides import with_blocks_besides
from evolve.mutate.answers.blocks import search_replace_blocks
from evolve.mutate.answers.edit import AnswerError, Edit, Refused
from evolve.mutate.answers.fences import Fenced, fenced_blocks, outside
from evolve.mutate.answers.hunks import diff_edits, is_diff
from evolve.mutate.answers.in_json import json_texts
from evolve.mutate.answers.left_out import left_out, undefined
from evolve.mutate.answers.own_words import own_words
from evolve.mutate.answers.programs import NOTHING, Text, checked, texts_of, whole_program
from evolve.mutate.answers.spoken import spoken
from evolve.mutate.answers.wrapped import cut_tag, labelled_edits, tagged_edits, tagged_texts, unwrapped
from evolve.mutate.mutation import Kind, Proposal
from evolve.mutate.source import tree_of

MAX_ANSWER_CHARS = 2_000_000
KEPT_CHARS = 20_000
"""Of the head and of the tail of an answer that is too long to be read."""


@dataclass
class _Reading:
    """What one way of reading an answer gives. form: "edit", "rewrite" or "".  source: None when `error` says why."""

    form: str = ""
    source: str | None = None
    error: str = ""
    idea: str = ""
    is_refused: bool = False


def read_answer(parent_source: str, text: str, kind: Kind | str, defines: tuple[str, ...]) -> Proposal:
    """Return the child that an answer describes, or a proposal whose `error` says in one line why there is none.

    text: what the model wrote; any text, nothing makes this raise.
    kind: what was asked for. Either form of answer is taken whatever was asked for. Where an edit or a rewrite was
        asked for, the proposal's kind is the form that was found; any other kind is the purpose of the change, which
        the form does not alter, and stays.
    An answer is read as it is, and where that gives no child, as what a page, JSON or tags may have made of it; never
    is a part of its edits made without the others, and what leaves code out is refused whatever else it might be.
    The proposal's idea is the model's own words on its change: the first sentence or two outside edits and fences.
    Line ends become LF. What stands outside the parent's evolve blocks stays as it is.
    """
    asked = str(kind)
    if len(text) > MAX_ANSWER_CHARS:
        return Proposal(asked, None, too_long(text))
    parent = _lines(parent_source)
    best = _Reading(error=NOTHING)
    for reading in _readings(parent, text, defines):
        if not best.idea:
            best.idea = reading.idea
        if reading.source is not None or reading.is_refused:
            reading.idea = reading.idea or best.idea
            best = reading
            break
        if best.error == NOTHING and reading.error:
            reading.idea = reading.idea or best.idea
            best = reading
    form = best.form if asked in (Kind.EDIT, Kind.REWRITE) and best.form else asked
    return Proposal(form, best.source, best.error, best.idea)


def too_long(text: str) -> str:
    """Return why an answer is not read at all; "" for one of a length that is."""
    if len(text) <= MAX_ANSWER_CHARS:
        return ""
    return f"the answer has {len(text)} characters, more than {MAX_ANSWER_CHARS}"


def shortened(text: str) -> str:
    """Return what is kept of an answer: all of it, and of one that is too long to be read its head and its tail."""
    if not too_long(text):
        return text
    left_out = len(text) - 2 * KEPT_CHARS
    return f"{text[:KEPT_CHARS]}\n[... {left_out} of {len(text)} characters are not kept ...]\n{text[-KEPT_CHARS:]}"


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def _readings(parent: list[str], text: str, defines: tuple[str, ...]) -> Iterator[_Reading]:
    """Yield what each way of reading an answer gives, the most literal one first."""
    try:
        said = spoken(text)
    except AnswerError as error:
        yield _Reading(error=str(error), is_refused=True)
        return
    yield _as_it_is(parent, said, defines)
    others = [_spoken_again(other) for other in unwrapped(said)]
    for other in others:
        yield _as_it_is(parent, other, defines)
    try:
        for tagged in (said, *others):
            yield from _in_tags(parent, tagged, defines)
        edits, texts, words = json_texts(said)
        if edits or texts:
            yield _from_json(parent, edits, texts, words, defines)
    except AnswerError as error:
        yield _Reading("edit", None, str(error), is_refused=True)


def _spoken_again(text: str) -> str:
    """Return an unwrapped text less the tokens that its wrapping hid."""
    try:
        return spoken(text)
    except AnswerError:
        return text


def _as_it_is(parent: list[str], text: str, defines: tuple[str, ...]) -> _Reading:
    """Read a text as edits, and where there are none that can be made, as a program."""
    answer = text.removesuffix("\n").split("\n")
    reading = _Reading()
    rest = answer
    try:
        edits, rest = search_replace_blocks(answer)
        blocks = fenced_blocks(rest)
        reading.idea = own_words(outside(rest, blocks))
        others = diff_edits(rest, blocks)
        if edits and others:
            raise Refused("the answer mixes SEARCH/REPLACE blocks and a diff")
        if edits and _has_divider(rest):
            raise Refused("a block of the answer has a line `=======` and no `<<<<<<< SEARCH` before it")
        labelled = [] if edits or others else labelled_edits(rest, blocks)
        edits = edits or others or labelled
        if edits:
            reading.form = "edit"
            besides = [] if labelled else [block for block in blocks if not is_diff(block)]
            is_open = bool(others) and not any(map(is_diff, blocks))
            reading.source = _edited(parent, edits, defines, besides, is_open)
            return reading
    except Refused as refused:
        reading.form, reading.error, reading.is_refused = "edit", str(refused), True
        return reading
    except AnswerError as error:
        reading.form, reading.error = "edit", str(error)
    try:
        blocks = fenced_blocks(rest)
        if not blocks and (tag := cut_tag(text)):
            raise Refused(f"the answer is cut off: it ends before {tag} is closed")
        texts = [text for text in texts_of(rest, blocks) if not reading.form or text.is_marked_off]
        reading.source = whole_program(parent, texts, defines)
        reading.form, reading.error = "rewrite", ""
        reading.idea = own_words(outside(rest, blocks)) if blocks else ""
    except AnswerError as error:
        if not reading.error:
            reading.error, reading.is_refused = str(error), isinstance(error, Refused)
    return reading


def _has_divider(rest: Sequence[str]) -> bool:
    """Whether a line stands outside the blocks that divides one, and underlines no heading of its length."""
    return any(line == "=======" and len(above) != 7 for above, line in itertools.pairwise(["", *rest]))


def _edited(
    parent: list[str],
    edits: Sequence[Edit],
    defines: tuple[str, ...],
    besides: Sequence[Fenced] = (),
    is_open: bool = False,
) -> str:
    """Return the child that edits give.

    besides: the blocks that the answer has besides them.  is_open: nothing stands behind their last line.
    """
    if len(edits) == 1 and edits[0].is_insertion:
        try:
            return whole_program(parent, [Text(edits[0].readings[0][1])], defines)
        except Refused:
            raise
        except AnswerError:
            pass  # lines to put in
    first: AnswerError | None = None
    try:
        for child in edited(parent, edits):
            try:
                child = with_blocks_besides(parent, child, besides, defines)
                source = checked(parent, child, defines)
            except AnswerError as error:
                first = first or error
                continue
            what = left_out("\n".join(parent), source, child)
            if what:
                raise Refused(f"{edits[0].name if len(edits) == 1 else 'an edit'} leaves code out: {what}")
            if (besides or is_open) and (names := sorted(_undefined(source) - _undefined("\n".join(parent)))):
                raise AnswerError(f"the edits use `{names[0]}`, which they do not define")
            return source
    except Refused:
        raise
    except AnswerError as error:
        first = first or error
    assert first is not None
    if len(edits) > 1 and "no change" not in str(first):
        raise AnswerError(f"{first}; nothing applied")
    raise first


def _undefined(source: str) -> set[str]:
    try:
        return undefined(tree_of(source))
    except SyntaxError:
        return set()


def _in_tags(parent: list[str], text: str, defines: tuple[str, ...]) -> Iterator[_Reading]:
    """Read what stands in tags, edits or a program."""
    words = text.split("<", 1)[0]
    idea = own_words(words.split("\n")) if words.strip() else ""
    if edits := tagged_edits(text):
        yield _from_edits(parent, edits, idea, defines)
    texts = tagged_texts(text)
    for inside in texts:
        reading = _as_it_is(parent, inside, defines)
        reading.idea = idea
        if len(texts) == 1 or reading.source is not None or reading.is_refused:
            yield reading


def _from_edits(parent: list[str], edits: Sequence[Edit], idea: str, defines: tuple[str, ...]) -> _Reading:
    try:
        return _Reading("edit", _edited(parent, edits, defines), idea=idea)
    except AnswerError as error:
        return _Reading("edit", None, str(error), idea, isinstance(error, Refused))


def _from_json(
    parent: list[str], edits: Sequence[Edit], texts: Sequence[str], words: str, defines: tuple[str, ...]
) -> _Reading:
    idea = own_words(words.split("\n")) if words else ""
    if edits:
        return _from_edits(parent, edits, idea, defines)
    found = [reading for text in texts if (reading := _as_it_is(parent, text, defines)).source is not None]
    if len({reading.source for reading in found}) == 1:
        found[0].idea = idea or found[0].idea
        return found[0]
    if found:
        return _Reading("rewrite", None, f"the answer holds {len(found)} different whole programs", idea)
    reading = _as_it_is(parent, texts[0], defines)
    reading.idea = idea
    return reading
