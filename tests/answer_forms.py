"""A small program, a change of it, and the forms in which models write such a change."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence

VAN = '''\
"""Pick parcels for a van."""

import math


def choose(parcels, capacity_kg):
    # First come, first served.
    chosen = []
    free = capacity_kg
    for index in rank(parcels):
        weight = parcels[index][0]
        if weight <= free:
            chosen.append(index)
            free -= weight
    return chosen


def rank(parcels):
    order = list(range(len(parcels)))
    order.sort(key=lambda n: worth(parcels[n][0], parcels[n][1]))
    return order


def worth(weight, value):
    if weight <= 0.0:
        return math.inf
    note = "not used"
    return 0.0
'''
DEFINES = ("choose",)

Pair = tuple[str, str]
DENSITY: Pair = ('    note = "not used"\n    return 0.0', "    return -value / weight")
ORDER: Pair = (
    "    order = list(range(len(parcels)))\n    order.sort(",
    "    order = [*range(len(parcels))]\n    order.sort(",
)
ORDER = (ORDER[0].partition("\n")[0], ORDER[1].partition("\n")[0])
GONE: Pair = ("    order = sorted(parcels, reverse=True)", "    order = parcels")
"""An edit of lines that the program does not have."""


def made(edits: Sequence[Pair], program: str = VAN) -> str:
    """Return the program that edits give."""
    for search, replace in edits:
        assert program.count(search) == 1
        program = program.replace(search, replace)
    return program


DENSE = made([DENSITY])
SHORT = DENSE.replace("    for index in rank(parcels):", "    # ... rest unchanged ...\n    for index in []:")
"""A program that leaves code out."""

EditForm = Callable[[Sequence[Pair]], str]
ProgramForm = Callable[[str], str]


def blocks(
    edits: Sequence[Pair],
    opening: str = "<<<<<<< SEARCH",
    divider: str = "=======",
    closing: str = ">>>>>>> REPLACE",
    each: Callable[[str], str] = lambda text: text,
    around: Callable[[str], str] = lambda text: text,
) -> str:
    """Return SEARCH/REPLACE blocks. each: made of each section.  around: of each whole block."""
    written = [around(f"{opening}\n{each(search)}\n{divider}\n{each(replace)}\n{closing}") for search, replace in edits]
    return "Use density.\n\n" + "\n\n".join(written) + "\n"


def indented(text: str, by: str) -> str:
    return "\n".join(by + line if line else line for line in text.split("\n"))


def fence(text: str, info: str = "python", sign: str = "```") -> str:
    return f"{sign}{info}\n{text.rstrip()}\n{sign}\n"


def numbered(text: str, form: str = "{:>3} | {}", first: int = 1) -> str:
    return "\n".join(form.format(first + n, line) for n, line in enumerate(text.rstrip("\n").split("\n")))


def tabs(text: str) -> str:
    return re.sub(r"(?m)^(?: {4})+", lambda white: "\t" * (len(white[0]) // 4), text)


def halves(text: str) -> str:
    return re.sub(r"(?m)^(?: {4})+", lambda white: "  " * (len(white[0]) // 4), text)


def hunks(edits: Sequence[Pair], head: str = "@@ -{line},{old} +{line},{new} @@", context: str = " ") -> str:
    """Return the body of a unified diff, with one line of context before each edit."""
    lines = VAN.split("\n")
    told = []
    for search, replace in edits:
        old, new = search.split("\n"), replace.split("\n")
        at = lines.index(old[0]) if old[0] in lines else 5
        told.append(head.format(line=at, old=len(old) + 1, new=len(new) + 1))
        told += [context + lines[at - 1], *(f"-{line}" for line in old), *(f"+{line}" for line in new)]
    return "\n".join(line for line in told if line != "NONE") + "\n"


HEADER = "--- a/program.py\n+++ b/program.py\n"


def both_lines(edits: Sequence[Pair]) -> str:
    """Quotes two levels of indentation, so that a model's own steps can be told."""
    wider = [
        ("    if weight <= 0.0:\n        return math.inf\n" + s, "    if weight <= 0.0:\n        return math.inf\n" + r)
        if s == DENSITY[0]
        else (s, r)
        for s, r in edits
    ]
    return blocks(wider, each=halves)


def tagged(edits: Sequence[Pair], old: str, new: str) -> str:
    return "Use density.\n\n" + "\n".join(f"<{old}>\n{s}\n</{old}>\n<{new}>\n{r}\n</{new}>" for s, r in edits)


def labelled(edits: Sequence[Pair], old: str, new: str) -> str:
    return "Use density.\n\n" + "\n".join(f"{old}\n\n{fence(s)}\n{new}\n\n{fence(r)}" for s, r in edits)


EDIT_FORMS: dict[str, EditForm] = {
    "as asked": blocks,
    "unified diff in a fence": lambda e: "Use density.\n\n" + fence(HEADER + hunks(e), "diff"),
    "unified diff without numbers": lambda e: fence(HEADER + hunks(e, "@@"), "diff"),
    "unified diff with dots for numbers": lambda e: fence(hunks(e, "@@ ... @@"), "diff"),
    "unified diff with wrong numbers": lambda e: fence(HEADER + hunks(e, "@@ -900,7 +900,7 @@"), "diff"),
    "unified diff without any head": lambda e: (
        fence(hunks(e[:1], "NONE"), "diff") + fence(hunks(e[1:], "NONE"), "diff")
        if len(e) > 1
        else fence(hunks(e, "NONE"), "diff")
    ),
    "bare unified diff": lambda e: "Use density.\n\n" + HEADER + hunks(e),
    "bare unified diff and words": lambda e: "Use density.\n\n" + HEADER + hunks(e) + "\nThat is all.\n",
    "diff whose context lacks its blank": lambda e: fence(HEADER + hunks(e, context=""), "diff"),
    "git diff": lambda e: fence("diff --git a/p.py b/p.py\nindex 3f2a..9b1c 100644\n" + HEADER + hunks(e), "diff"),
    "patch envelope": lambda e: "*** Begin Patch\n*** Update File: program.py\n" + hunks(e, "@@") + "*** End Patch\n",
    "git conflict": lambda e: blocks(e, "<<<<<<< HEAD", closing=">>>>>>> density"),
    "git conflict without labels": lambda e: blocks(e, "<<<<<<<", closing=">>>>>>>"),
    "original and updated": lambda e: blocks(e, "<<<<<<< ORIGINAL", closing=">>>>>>> UPDATED"),
    "lower case": lambda e: blocks(e, "<<<<<<< search", closing=">>>>>>> replace"),
    **{
        f"{n} signs": lambda e, n=n: blocks(e, "<" * n + " SEARCH", "=" * n, ">" * n + " REPLACE")  # type: ignore[misc]
        for n in (4, 5, 6, 8, 9, 10)
    },
    "no blank before the words": lambda e: blocks(e, "<<<<<<<SEARCH", closing=">>>>>>>REPLACE"),
    "a file's name": lambda e: blocks(e, "<<<<<<< SEARCH program.py", closing=">>>>>>> REPLACE program.py"),
    "signs on both sides": lambda e: blocks(e, "<<<<<<< SEARCH >>>>>>>", closing=">>>>>>> REPLACE <<<<<<<"),
    "bold marks": lambda e: blocks(e, "**<<<<<<< SEARCH**", "**=======**", "**>>>>>>> REPLACE**"),
    "marks in backticks": lambda e: blocks(e, "`<<<<<<< SEARCH`", "`=======`", "`>>>>>>> REPLACE`"),
    "marks as comments": lambda e: blocks(e, "# <<<<<<< SEARCH", "# =======", "# >>>>>>> REPLACE"),
    "a list item": lambda e: blocks(e, around=lambda b: "1. Do:\n\n" + indented(b, "   ")),
    "a mark behind a bullet": lambda e: blocks(e, around=lambda b: "- " + indented(b, "  ").lstrip()),
    "a code block by indentation": lambda e: blocks(e, around=lambda b: indented(b, "    ")),
    "quoted": lambda e: blocks(e, around=lambda b: "> " + b.replace("\n", "\n> ")),
    "each in a fence": lambda e: blocks(e, around=lambda b: fence(b, "diff")),
    "each in a Python fence": lambda e: blocks(e, around=fence),
    "all in a fence of Markdown": lambda e: fence(blocks(e), "markdown"),
    "fences in the sections": lambda e: blocks(e, each=lambda s: fence(s).rstrip()),
    "tabs": lambda e: blocks(e, each=tabs),
    "two blanks": both_lines,
    "curly quotes": lambda e: blocks(e, each=lambda s: re.sub(r'"(\w[^"]*)"', "\u201c\\1\u201d", s)),
    "no-break spaces": lambda e: blocks(e, each=lambda s: s.replace(" ", "\u00a0")),
    "zero-width spaces": lambda e: blocks(e, each=lambda s: s.replace("e", "e\u200b")),
    "full-width signs": lambda e: blocks(e, each=lambda s: s.replace("(", "\uff08").replace(")", "\uff09")),
    "line numbers and bars": lambda e: blocks(e, each=lambda s: numbered(s, first=28)),
    "line numbers and colons": lambda e: blocks(e, each=lambda s: numbered(s, "{}: {}", 7)),
    "line numbers and tabs": lambda e: blocks(e, each=lambda s: numbered(s, "{:>6}\t{}", 7)),
    "line numbers and arrows": lambda e: blocks(e, each=lambda s: numbered(s, "{:>6}→{}", 7)),
    "line numbers in SEARCH alone": lambda e: blocks([(numbered(s, first=9), r) for s, r in e]),
    "HTML": lambda e: html.escape(blocks(e)),
    "backslashes before the signs": lambda e: re.sub(r"([<>=]{7})", lambda m: "\\" + "\\".join(m[1]), blocks(e)),
    "a divider too much": lambda e: blocks(e, closing="=======\n>>>>>>> REPLACE"),
    "a labelled divider": lambda e: blocks(e, divider="======= REPLACE"),
    "a shorter divider": lambda e: blocks(e, divider="====="),
    "a divider of dashes": lambda e: blocks(e, divider="-------"),
    "two blocks for one": lambda e: blocks(e, divider=">>>>>>> SEARCH\n<<<<<<< REPLACE"),
    "REPLACE opened instead of divided": lambda e: blocks(e, divider="<<<<<<< REPLACE"),
    "closed with the wrong sign": lambda e: blocks(e, closing="<<<<<<< REPLACE"),
    "the closing mark left out before the fence": lambda e: (
        blocks(e[:-1]) + "\n```\n" + blocks(e[-1:]).partition("\n\n")[2].replace("\n>>>>>>> REPLACE", "") + "```\n"
    ),
    "search and replace tags": lambda e: tagged(e, "search", "replace"),
    "old_str and new_str tags": lambda e: tagged(e, "old_str", "new_str"),
    "labels and fences": lambda e: labelled(e, "Replace:", "With:"),
    "bold labels and fences": lambda e: labelled(e, "**Before:**", "**After:**"),
    "JSON edits": lambda e: json.dumps({"idea": "density", "edits": [{"search": s, "replace": r} for s, r in e]}),
    "JSON edits in a fence": lambda e: fence(
        json.dumps([{"old_string": s, "new_string": r} for s, r in e], indent=1), "json"
    ),
    "every edit twice": lambda e: blocks([*e, *e]),
    "blank lines around": lambda e: blocks(e, each=lambda s: f"\n{s}\n"),
    "Windows line ends": lambda e: blocks(e).replace("\n", "\r\n"),
    "colours": lambda e: blocks(e).replace("<<<", "\x1b[31m<<<").replace("REPLACE", "REPLACE\x1b[0m"),
    "an end token": lambda e: blocks(e) + "<|im_end|>",
}
"""By name; each gives one answer with all the edits."""

PROGRAM_FORMS: dict[str, ProgramForm] = {
    "as asked": lambda p: f"Use density.\n\n{fence(p)}",
    "tildes": lambda p: fence(p, sign="~~~~"),
    "another language": lambda p: fence(p, "Python3"),
    "a file's name behind the language": lambda p: fence(p, "python:program.py"),
    "attributes behind the language": lambda p: fence(p, '{.python title="program.py"}'),
    "no fence": lambda p: p,
    "no fence, words before": lambda p: f"Here is the program, by density:\n\n{p}",
    "no fence, words around": lambda p: f"Density, then.\n\n{p}\n\nThis should raise the score.\n",
    "indented as a code block": lambda p: "Density:\n\n" + indented(p, "    ") + "\nThat is all.\n",
    "a list item": lambda p: "1. Density.\n\n" + indented(fence(p), "   "),
    "quoted": lambda p: "> " + fence(p).rstrip().replace("\n", "\n> ") + "\n",
    "all in a fence of Markdown": lambda p: f"```markdown\nDensity.\n\n{fence(p)}\nThat is all.\n```\n",
    "all in a fence": lambda p: f"```\nDensity.\n\n{fence(p)}```\n",
    "JSON": lambda p: json.dumps({"idea": "density", "code": p}),
    "JSON in a fence": lambda p: fence(json.dumps({"explanation": "density", "program": p}, indent=2), "json"),
    "JSON of lines": lambda p: json.dumps({"program": p.split("\n")}),
    "a tool call": lambda p: json.dumps({"name": "submit", "arguments": json.dumps({"code": p})}),
    "JSON with an answer in it": lambda p: json.dumps({"answer": f"Density.\n\n{fence(p)}"}),
    "tags": lambda p: f"Density.\n\n<program>\n{p}</program>\n",
    "tags and a fence": lambda p: f"<answer>\n{fence(p)}</answer>\n",
    "CDATA": lambda p: f"<code><![CDATA[\n{p}]]></code>\n",
    "an artifact": lambda p: f'<antArtifact identifier="p" type="application/vnd.ant.code">\n{p}</antArtifact>\n',
    "HTML in a fence": lambda p: fence(html.escape(p)),
    "all of it HTML": lambda p: html.escape(f"Density.\n\n{fence(p)}"),
    "a byte order mark": lambda p: "\ufeff" + fence(p),
    "no-break spaces": lambda p: fence(re.sub(r"(?m)^ +", lambda white: "\u00a0" * len(white[0]), p)),
    "curly quotes": lambda p: fence(
        p.replace('"not used"', "\u201cnot used\u201d").replace("math.inf", "float(\u2018inf\u2019)")
    ),
    "line numbers": lambda p: fence(numbered(p)),
    "indented in its fence": lambda p: fence(indented(p, "    ")),
    "an end token": lambda p: fence(p) + "<|eot_id|>",
    "an end token in the code": lambda p: f"```python\n{p}<|im_end|>",
    "no closing fence": lambda p: f"```python\n{p}",
    "a second turn made up": lambda p: fence(p) + "<|im_end|>\n<|im_start|>user\nBetter:\n```python\nx = 1\n```\n",
    "the parent quoted before": lambda p: f"Instead of\n\n{fence(VAN)}\ntake\n\n{fence(p)}",
    "twice the same": lambda p: fence(p) + "\nOnce more:\n\n" + fence(p),
    "one string": lambda p: json.dumps(f"Density.\n\n{fence(p)}"),
    "escaped line ends": lambda p: json.dumps(f"Density.\n\n{fence(p)}")[1:-1],
    "diff of a new file": lambda p: fence(
        "--- /dev/null\n+++ b/p.py\n@@ -0,0 +1,30 @@\n+" + p.rstrip().replace("\n", "\n+"), "diff"
    ),
    "an empty SEARCH": lambda p: blocks([("", p.rstrip())]),
    "Windows line ends": lambda p: fence(p).replace("\n", "\r\n"),
}

THOUGHTS: dict[str, Callable[[str, str], str]] = {
    **{
        name: lambda draft, answer, name=name: f"<{name}>\n{draft}\n</{name}>\n\n{answer}"  # type: ignore[misc]
        for name in ("think", "thinking", "thought", "reasoning", "THINK", "seed:think", "scratchpad")
    },
    "Magistral": lambda draft, answer: f"[THINK]{draft}[/THINK]{answer}",
    "Kimi": lambda draft, answer: f"◁think▷{draft}◁/think▷{answer}",
    "gpt-oss": lambda draft, answer: (
        f"<|channel|>analysis<|message|>{draft}<|end|><|start|>assistant<|channel|>final<|message|>{answer}<|return|>"
    ),
    "gpt-oss without its tokens": lambda draft, answer: f"analysisWe look.\n{draft}\nassistantfinal{answer}",
    "Ollama": lambda draft, answer: f"Thinking...\n{draft}\n...done thinking.\n\n{answer}",
    "Granite": lambda draft, answer: f"Here is my thought process:\n{draft}\nHere is my response:\n{answer}",
    "OpenThinker": lambda draft, answer: (
        f"<|begin_of_thought|>{draft}<|end_of_thought|>\n<|begin_of_solution|>{answer}"
    ),
    "Command": lambda draft, answer: (
        f"<|START_THINKING|>{draft}<|END_THINKING|><|START_RESPONSE|>{answer}<|END_RESPONSE|>"
    ),
    "Gemma": lambda draft, answer: f"<|channel>thought\n{draft}<channel|>{answer}",
    "a page": lambda draft, answer: f'<details type="reasoning" done="true">\n{draft}\n</details>\n{answer}',
    "the opening mark swallowed": lambda draft, answer: f"{draft}\n</think>{answer}",
    "the closing mark named among them": lambda draft, answer: (
        f"<think>I end with </think>, then\n{draft}</think>\n{answer}"
    ),
    "twice": lambda draft, answer: f"<think>{draft}</think>\n<think>{draft}</think>\n{answer}",
}
"""By who writes them so: of a draft and an answer, the whole text."""

UNCLOSED = (
    "<think>\n",
    "<thinking>",
    "[THINK]",
    "◁think▷",
    "Thinking...\n",
    "<|channel|>analysis<|message|>",
    "<|begin_of_thought|>",
    "Here is my thought process:\n",
)

LEFT_OUT = (
    "# ... rest unchanged ...",
    "# ... (rest of the code remains the same)",
    "# ...",
    "#  …",
    "# [... existing code ...]",
    "# rest of the function unchanged",
    "# Rest of the code remains the same as before.",
    "# existing code here",
    "# (unchanged)",
    "# same as before",
    "# the remaining code is omitted for brevity",
    "# your code here",
    "# other functions unchanged ...",
    "// ... existing code ...",
    "...",
    "[...]",
)
"""What models write for code that they leave out."""
