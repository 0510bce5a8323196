"""Whole answers as models write them, and compositions of them: what each means, or that it must not be used.

answers.jsonl holds three sets, each written before the reader was mended for it: the forms that are common, rarer ones,
and mixtures. `⟦P+loop.pick⟧` in it is the function `pick` of the program P with the edit `loop` made; `means` is the
program that is meant, "" where there is none; "or refused" marks what nobody can be blamed for not understanding.
"""

from __future__ import annotations

import ast
import difflib
import functools
import html
import itertools
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evolve.mutate.answers.answer import read_answer

SETS = Path(__file__).parent / "answer_sets"
P = '''"""Assign jobs to machines so that the last one ends early."""

import heapq
from typing import List

SLACK = 0.05


def assign(jobs: List[float], machines: int) -> List[int]:
    """Return the machine of each job."""
    loads = [0.0] * machines
    result = [0] * len(jobs)
    for index, job in enumerate(jobs):
        machine = pick(loads, job)
        result[index] = machine
        loads[machine] += job
    return result


def pick(loads, job):
    # The first machine that is not much fuller than the emptiest.
    low = min(loads)
    for machine, load in enumerate(loads):
        if load <= low * (1 + SLACK):
            return machine
    return 0


class Tracker:
    """Keeps what was seen."""

    def __init__(self, size):
        self.size = size
        self.seen = []

    def add(self, value):
        self.seen.append(value)
        if len(self.seen) > self.size:
            self.seen.pop(0)
'''
Q = '''"""Order requests so that prefixes are shared."""

import math

# EVOLVE-BLOCK-START
def score(request, now):
    # Older requests first.
    age = now - request["arrival"]
    return age


def order(requests, now):
    ranked = sorted(requests, key=lambda r: score(r, now), reverse=True)
    return [r["id"] for r in ranked]
# EVOLVE-BLOCK-END


def limit(value, low, high):
    return max(low, min(high, value))
'''
R = '''#!/usr/bin/env python3
"""Route requests to servers."""
from __future__ import annotations

import math
from dataclasses import dataclass

RULES = """
=======
prefer idle servers
"""


@dataclass
class Server:
    speed: float
    queue: float = 0.0

    def wait(self, size):
        return (self.queue + size) / self.speed


def route(requests, speeds):
    servers = [Server(speed) for speed in speeds]
    answer = []
    for request in requests:
        def cost(server):
            return server.wait(request)

        best = min(servers, key=cost)
        best.queue += request
        answer.append(servers.index(best))
    return answer


def total(requests):
    answer = 0.0
    for request in requests:
        answer += request
    return answer
'''
DEFINES = {"P": ("assign",), "Q": ("order",), "R": ("route",)}
EDITS = {
    "loop": (
        "    for index, job in enumerate(jobs):",
        "    for index, job in sorted(enumerate(jobs), key=lambda pair: -pair[1]):",
    ),
    "body": (
        P[P.index("    low =") : P.index("\n\n\nclass")],
        "    return min(range(len(loads)), key=loads.__getitem__)",
    ),
    "slack": ("SLACK = 0.05", "SLACK = 0.0"),
    "age": ("    return age", '    return age + math.log1p(len(request["prompt"]))'),
    "ties": (
        "        best = min(servers, key=cost)",
        "        best = min(servers, key=lambda server: (cost(server), -server.speed))",
    ),
    "wait": (
        "        return (self.queue + size) / self.speed",
        "        return (self.queue + 1.1 * size) / self.speed",
    ),
    "sum": (
        "    for request in requests:\n        answer += request\n    return answer",
        "    return math.fsum(requests)",
    ),
}
_PIECE = re.compile(r"⟦([^⟧/]+)(/json)?⟧")


def changed(program: str, *edits: str) -> str:
    for name in edits:
        old, new = EDITS[name]
        assert program.count(old) == 1
        program = program.replace(old, new)
    return program


def function(program: str, name: str) -> str:
    found = next(node for node in ast.parse(program).body if getattr(node, "name", "") == name)
    return ast.get_source_segment(program, found) or ""


def written_out(text: str) -> str:
    """Return a text with its pieces in the place of their names."""

    def piece(found: re.Match[str]) -> str:
        name = found[1]
        if name.endswith((".old", ".new")):
            made = EDITS[name[:-4]][name.endswith(".new")]
        else:
            program, _, inside = name.partition(".")
            first, *edits = program.split("+")
            made = changed({"P": P, "Q": Q, "R": R}[first], *edits)
            made = function(made, inside) if inside else made
        return json.dumps(made)[1:-1] if found[2] else made

    return _PIECE.sub(piece, text)


@functools.lru_cache(maxsize=64)
def shape(source: str, in_any_order: bool = False) -> list[str]:
    told = [ast.dump(node) for node in ast.parse(source).body]
    return sorted(told) if in_any_order else told


ANSWERS = [json.loads(line) for line in (SETS / "answers.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row["name"])
def test_an_answer_of_the_sets_is_understood_or_refused_and_never_half_applied(row: dict[str, str]) -> None:
    parent = {"P": P, "Q": Q, "R": R}[row["parent"]]
    made = read_answer(parent, written_out(row["answer"]), row["kind"], DEFINES[row["parent"]])
    if made.source is None:
        assert row["means"] == "" or row.get("or refused"), made.error
        return
    assert row["means"], f"made a program of it:\n{made.source}"
    any_order = bool(row.get("in any order"))
    wanted = [written_out(program) for program in (row["means"], *row.get("or", []))]
    assert made.source in wanted or shape(made.source, any_order) in [shape(one, any_order) for one in wanted]


# Compositions: a form of the change, what stands around it, and a slip


def block(old: str, new: str, opens: str = "<<<<<<< SEARCH", closes: str = ">>>>>>> REPLACE") -> str:
    return f"{opens}\n{old}\n=======\n{new}\n{closes}"


def fence(text: str, info: str = "python") -> str:
    return f"```{info}\n{text.rstrip()}\n```"


def diff(edits: tuple[str, ...], head: str = "") -> str:
    lines = difflib.unified_diff(R.splitlines(True), changed(R, *edits).splitlines(True), "a/r.py", "b/r.py")
    return "".join(re.sub(r"@@ .* @@", head or r"\g<0>", line) for line in lines)


def keyed(edit: str, *keys: str) -> dict[str, str]:
    return dict(zip(keys, EDITS[edit], strict=True))


Form = Callable[[tuple[str, ...]], str]
FORMS: dict[str, Form] = {
    "blocks": lambda e: "\n\n".join(block(*EDITS[name]) for name in e),
    "blocks in a fence": lambda e: fence("\n".join(block(*EDITS[name]) for name in e), ""),
    "blocks in fences": lambda e: "\n\nand\n\n".join(fence(block(*EDITS[name])) for name in e),
    "dashes": lambda e: "\n".join(block(*EDITS[name], "------- SEARCH", "+++++++ REPLACE") for name in e),
    "conflict": lambda e: "\n".join(block(*EDITS[name], "<<<<<<< HEAD", ">>>>>>> new") for name in e),
    "diff": lambda e: fence(diff(e), "diff"),
    "diff without fence": diff,
    "diff without numbers": lambda e: fence(diff(e, "@@"), "diff"),
    "patch": lambda e: "*** Begin Patch\n*** Update File: r.py\n" + diff(e, "@@").split("\n", 2)[2] + "*** End Patch",
    "json": lambda e: json.dumps({"idea": "ties", "edits": [keyed(n, "search", "replace") for n in e]}),
    "json in a fence": lambda e: fence(json.dumps([keyed(n, "old", "new") for n in e], indent=1), "json"),
    "tags": lambda e: "\n".join("<old>\n{}\n</old>\n<new>\n{}\n</new>".format(*EDITS[name]) for name in e),
    "words": lambda e: "\n".join(f"Replace:\n{fence(EDITS[n][0])}\nwith:\n{fence(EDITS[n][1])}" for n in e),
    "program": lambda e: fence(changed(R, *e)),
    "program without language": lambda e: fence(changed(R, *e), ""),
    "program in a tag": lambda e: f"<program>\n{changed(R, *e)}</program>",
    "program in json": lambda e: json.dumps({"code": changed(R, *e)}),
    "program without fence": lambda e: changed(R, *e),
    "functions": lambda e: fence(
        "@dataclass\n" + "\n\n\n".join(function(changed(R, *e), name) for name in ("Server", "route", "total"))
    ),
}
AROUND: dict[str, Callable[[str], str]] = {
    "nothing": lambda t: t,
    "idea": lambda t: "Ties go to the faster server.\n\n" + t,
    "thoughts": lambda t: "<think>\nMaybe\n```python\nx = 1\n```\n</think>\n\n" + t,
    "thoughts not opened": lambda t: "Let me see.\n</think>\n" + t,
    "channels": lambda t: "<|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>" + t,
    "headings": lambda t: f"## Analysis\n\nTies.\n\n## Change\n\n{t}\n\n## Effect\n\n- lower waits\n- same order",
    "words behind": lambda t: t + "\n\nThis should reduce the wait on train/1 because ties go to the faster server.",
    "end": lambda t: t + "<|im_end|>",
    "tag": lambda t: f"<answer>\n{t}\n</answer>",
    "quote": lambda t: "The simulator says\n\n```text\nserver 2 waits 12.0\n```\n\nso:\n\n" + t,
    "other language": lambda t: f"**思路**：平局时选择更快的服务器。\n\n{t}\n\n以上修改应能提升得分。",
    "question": lambda t: t + "\n\nWould you like me to tune it further?",
}
SLIPS: dict[str, Callable[[str], str]] = {
    "none": lambda t: t,
    "CRLF": lambda t: t.replace("\n", "\r\n"),
    "HTML": lambda t: html.escape(t, quote=False),
    "no-break spaces": lambda t: t.replace("    ", "\u00a0   "),
    "blank lines": lambda t: f"\ufeff\n\n{t}\n\n\n",
}
CHANGES = [("ties",), ("wait",), ("sum",), ("ties", "sum"), ("wait", "sum")]


def compositions(count: int) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    every = [
        mixed
        for mixed in itertools.product(FORMS, AROUND, SLIPS, CHANGES)
        if (mixed[1], mixed[2]) != ("channels", "HTML")
    ]
    yield from random.Random(1).sample(every, count)


def test_compositions_of_forms_are_understood() -> None:
    for form, around, slip, edits in compositions(200):
        made = read_answer(R, SLIPS[slip](AROUND[around](FORMS[form](edits))), "edit", DEFINES["R"])
        assert made.source is not None, (form, around, slip, edits, made.error)
        means = changed(R, *edits)
        assert made.source == means or shape(made.source) == shape(means), (form, around, slip, edits)


OPEN = ("program", "functions")
"""Models forget the fence behind these, so that nothing tells a cut within the last line but the server."""
CLOSED = [form for form in FORMS if not form.endswith("without fence") and form.partition(" ")[0] not in OPEN]


@pytest.mark.parametrize("form", CLOSED)
def test_a_composition_that_is_cut_off_makes_no_half_of_the_change(form: str) -> None:
    answer = FORMS[form](("ties", "sum"))
    whole = [shape(changed(R, *edits)) for edits in (("ties", "sum"), ())]
    for end in random.Random(form).sample(range(len(answer)), 25):
        made = read_answer(R, answer[:end], "edit", DEFINES["R"])
        # A cut between two edits cannot be seen; nor one behind the last line that counts.
        between = shape(made.source) == shape(changed(R, "ties")) if made.source else False
        assert made.source is None or between or shape(made.source) in whole, (end, answer[end - 60 : end], made.source)


# What a comment says


def with_line(line: str) -> tuple[str, str]:
    """Return a whole program and an edit that both put a line in the place of a statement."""
    old = "        best.queue += request\n        answer.append(servers.index(best))"
    new = f"        answer.append(servers.index(best))\n        {line}"
    return fence(R.replace(old, new).replace("    answer = []\n", "    answer = list()\n")), block(old, new)


@pytest.mark.parametrize("line", (SETS / "elisions.txt").read_text(encoding="utf-8").splitlines())
def test_a_comment_that_stands_for_code_is_refused(line: str) -> None:
    for answer in with_line(line):
        assert "leaves code out" in read_answer(R, answer, "edit", DEFINES["R"]).error


@pytest.mark.parametrize("line", (SETS / "comments.txt").read_text(encoding="utf-8").splitlines())
def test_a_comment_on_what_the_program_does_is_none_that_stands_for_code(line: str) -> None:
    for answer in with_line(line):
        assert read_answer(R, answer, "edit", DEFINES["R"]).error == ""
