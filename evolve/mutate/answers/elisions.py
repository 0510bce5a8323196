"""Words that stand for code that a model has left out: "# ... rest unchanged ...", "# same loop as in the parent"."""

from __future__ import annotations

import re
from collections.abc import Collection

MAX_CHARS = 200
"""A line that is longer says more than that."""

_COMMENT = re.compile(r"[ \t]*(?:#+|//|/\*)[ \t]*(.{1,160}?)[ \t]*(?:\*/)?\s*")
_AROUND = " .…[](){}<>-=*:;!/#（）【】《》。：`"
_BARE_DOTS = re.compile(r"[ \t]*(?:\.{3,}|…|\[\.\.\.\]|\(\.\.\.\)|<\.\.\.>)[ \t]*")

_CODE = r"(?:code|functions?|methods?|program|implementations?|logic|definitions?|imports?|helpers?|loop|loop body)"
_WHAT = rf"(?:{_CODE}|body|class|classes|file|module|parts?|lines?|block|section|listing|script|calculations?|steps?)"
_WHENCE = (
    r"(?:(?:in|from|to|of|with) )?(?:the )?(?:before|above|below|original|parent|previous|existing|earlier|initial"
    rf"|current|old|program \d+|previous version)(?:'s)?(?: (?:{_WHAT}|version|one))?"
)
_STATE = (
    r"(?:unchanged|untouched|unmodified|omitted|elided|truncated|snip(?:ped)?|left out|cut|skipped|hidden|not shown"
    r"|not changed|not repeated|no changes?|as is|as (?:it|they) (?:is|are|was|were)|ditto"
    rf"|(?:exactly |just )?(?:the )?(?:same|identical|as)(?: {_CODE})?(?: (?:as|to))?(?: {_WHENCE})?"
    rf"|continues?|continued|follows|goes)"
)
_TAIL = rf"(?: (?:here|above|below|for (?:brevity|clarity|length)|to save space|{_WHENCE}))*"
_WHICH = r"(?:other|remaining|existing|original|previous|unchanged|above)"
_REST = rf"(?:(?:all )?(?:the )?(?:rest|remainder|others?)(?: of (?:the |this |your )?(?:\w+ )?{_WHAT})?)"
_PIECE = (
    rf"(?:{_REST}|(?:all )?(?:the |of the )?{_WHICH} (?:\w+ )?{_WHAT}(?: {_WHAT})?|(?:the )?(?:\w+ )?{_WHAT}"
    r"|everything(?: else)?|it|all|this)"
)
_SENTENCES = (
    rf"{_STATE}{_TAIL}",
    rf"{_PIECE}[:,]? (?:(?:is|are|was|stays?|remains?|kept|continues?|would be|goes|left) )*{_STATE}{_TAIL}",
    rf"(?:all )?(?:the )?(?:rest|remainder) of (?:the |this |your )?(?:\w+ )?{_WHAT}\b.*",
    rf"(?:all )?(?:the )?(?:{_WHICH} (?:\w+ )?(?:{_CODE}|body|class|classes|file|module|parts?|lines?)"
    rf"|(?:same|your|more) (?:\w+ )?{_CODE})(?: (?:goes|continues|follows|comes|remains?|stays?))?{_TAIL}",
    rf"(?:please )?(?:keep|leave|copy|reuse|repeat|insert|paste|preserve|add|put|use) (?:{_PIECE}|{_STATE})"
    rf"(?: (?:is|{_STATE}))?{_TAIL}",
    rf"{_WHAT}(?: goes)? here|(?:implementation|logic) remains|(?:{_WHAT} )?{_STATE}\b for .*",
    rf"(?:todo|fixme)(?:\W+(?:implement(?:ed|ation)?(?: this| me| it)?|{_PIECE}))?|implement(?: this| me| it)",
    r"placeholder(?: for (?:the )?(?:rest|remainder|code).*| code)?|etc|and so on|see above|and the rest",
    rf"continue[ds]?(?: (?:as|like))? {_WHENCE}|copy from {_WHENCE}",
    rf".{{2,80}}? [(\[](?:\w+ )?(?:{_STATE}|existing code){_TAIL}",
    r"其[余他].{0,10}|.{0,8}(?:保持不变|保持原样|代码不变|同上|省略.{0,4})|.{0,8}与(?:之前|原来|上面).{0,4}相同|(?:原有|原始|现有)代码",
    r".{0,24}\b(?:inchangée?s?|unverändert|sin cambios|без изменений)|(?:der )?rest (?:bleibt|wie)\b.*",
    r".{0,12}(?:変更なし|変更しない|以下省略|변경 없음|나머지.{0,8}동일)",
)
_SAID = re.compile(rf"(?:(?:todo|note|nb|fixme)\W+)?(?:{'|'.join(_SENTENCES)})", re.IGNORECASE)
"""The whole of a comment that stands for code."""
_ALONE = re.compile(
    r"(?:the )?(?:rest|remainder|others?|all|it|this|above|below|cut|as|goes|same|hidden|skipped|continue)", re.I
)
"""What says nothing of code where it is all of a comment."""
_PLAINLY = re.compile(r"unchanged|omitted|elided|same as (?:before|above)|as before|no changes?\b", re.IGNORECASE)
_WORDS = re.compile(
    _PLAINLY.pattern + r"|the same\b|as is\b|existing|rest of|\brest\b|remaining|original|previous|snip|your code|etc"
    r"|other (?:code|functions|methods|helpers)|not changed|keep",
    re.IGNORECASE,
)
"""What a comment says of code that it stands for: at its end, or behind dots."""
_STAYS = re.compile(
    r"(?:class |def |the )?`?(\w{2,60})`?(?:\(\))?(?: class| function| method)?[:,]? "
    rf"(?:is |are |stays? |remains? |kept |left )?{_STATE}{_TAIL}",
    re.IGNORECASE,
)
"""What a comment says of the function that it names."""


def placeholder(line: str, names: Collection[str] = ()) -> bool:
    """Tell whether a line stands for code that was left out: dots, or a comment that says so.

    names: functions and classes of the parent, of which a comment may say that they are unchanged.
    """
    if len(line) > MAX_CHARS or not line.strip():
        return False
    found = _COMMENT.fullmatch(line)
    if "..." in line or "…" in line:
        if found is None:
            return _BARE_DOTS.fullmatch(line) is not None
        said = found[1]
        bare = said.strip(_AROUND)
        begins, ends = said.lstrip("[(<{ ")[:1] in ("…", "."), said.rstrip("])>} ")[-1:] in ("…", ".")
        if not bare or (begins and ends and "..." in line[len(line) // 2 :].replace("…", "...")):
            return True
        return _stands_for_code(bare) or (_WORDS if begins else _PLAINLY).search(said) is not None
    if found is None or not line.lstrip().startswith("#"):
        return False
    bare = found[1].strip(_AROUND)
    of_name = _STAYS.fullmatch(bare)
    return _stands_for_code(bare) or (of_name is not None and of_name[1] in names)


def _stands_for_code(words: str) -> bool:
    return _SAID.fullmatch(words) is not None and _ALONE.fullmatch(words) is None
