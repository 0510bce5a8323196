"""What a run learns, written down by a model or by a rule: a line for every prompt, and a detail for a few of them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from evolve.line_diff import unified_diff
from evolve.mutate.mutation import Example
from evolve.mutate.novelty.normal_form import normal_form
from evolve.mutate.prompts.quoting import one_line, printable
from evolve.mutate.source import parse
from evolve.words import counted

LINE_CHARS = 300
DETAIL_CHARS = 1_500
PAIRS_TOLD = 6
NAMES_TOLD = 3
LINE_TOLD_CHARS = 60
WHAT_CHARS = 200

_HEADING = re.compile(r"[\s>#*_`\-]*(insight|lesson|line|summary|detail|details)[\s*_`]*:[\s*_`]*", re.IGNORECASE)


def read_insight(text: str) -> tuple[str, str]:
    """Return (line, detail) of a model's answer, lenient: without headings, the first line and what comes after it.

    The line is printable and at most 300 characters, the detail at most 1,500; both are empty where the model wrote
    nothing. Any text, nothing makes this raise.
    """
    text = text[:200_000].rpartition("</think>")[2][: 8 * (LINE_CHARS + DETAIL_CHARS)]
    lines = [line for line in printable(text).split("\n") if not line.strip().startswith(("```", "~~~"))]
    parts: dict[str, list[str]] = {"line": [], "detail": []}
    part = ""
    for line in lines:
        heading = _HEADING.match(line)
        if heading is not None:
            part = "detail" if heading[1].lower().startswith("detail") else "line"
            line = line[heading.end() :]
        elif part == "line" and parts["line"] and not line.strip():
            part = "detail"
        if part:
            parts[part].append(line)
    if not any(words.strip() for words in parts["line"]):
        said = [line for line in lines if line.strip() and not _HEADING.fullmatch(line)]
        parts = {"line": said[:1], "detail": said[1:]}
    line = one_line(" ".join(parts["line"]).strip(" *_`"), LINE_CHARS)
    detail = "\n".join(words.rstrip() for words in parts["detail"]).strip()
    return line, detail if len(detail) <= DETAIL_CHARS else detail[: DETAIL_CHARS - 3].rstrip() + "..."


def rule_insight(subjects: Sequence[tuple[Example, Example]]) -> tuple[str, str]:
    """Return (line, detail) on pairs (program before, program after), written without a model.

    The line names what changed, what it brought and where most, the greatest change first; the detail has a line for
    each pair. The same pairs give the same words. A pair of which it cannot be said in a few words what changed is left
    out, since "changed schedule: +1.80" teaches nobody; returns ("", "") where that leaves none.
    """
    told = sorted((pair for pair in subjects if _what(*pair)), key=lambda pair: -_weight(*pair))
    sentences = [f"{_what(*pair)}: {_outcome(*pair)}" for pair in told[:PAIRS_TOLD]]
    line = ""
    for sentence in sentences:
        longer = f"{line}; {sentence}" if line else sentence
        if line and len(longer) > LINE_CHARS:
            break
        line = longer
    detail = "\n".join(
        f"- {before.id} to {after.id}: {_at_length(before, after)}" for before, after in told[:PAIRS_TOLD]
    )
    return one_line(line, LINE_CHARS), detail[:DETAIL_CHARS]


def _weight(before: Example, after: Example) -> float:
    """Return how much a pair tells: its change in points; a failure is worth a middling one."""
    return 10.0 if before.score is None or after.score is None else abs(after.score - before.score)


# What came of it


def _outcome(before: Example, after: Example) -> str:
    if after.score is None:
        return f"{after.status or 'failed'} ({_failure(after)})" if _failure(after) else after.status or "failed"
    if before.score is None:
        return f"runs again at {after.score:.2f}"
    change = f"{after.score - before.score:+.2f} to {after.score:.2f}"
    moved = _moved(before, after)
    if len(moved) < 2:
        return change
    # The instance that moved most with the mean, and one that moved most against it.
    sign = 1 if after.score >= before.score else -1
    name, most = max(moved, key=lambda entry: sign * entry[1])
    against, least = min(moved, key=lambda entry: sign * entry[1])
    change += f", most on {name} ({most:+.2f})" if sign * most > 0 else ""
    return change + (f", against it {against} ({least:+.2f})" if sign * least < -0.5 else "")


def _moved(before: Example, after: Example) -> list[tuple[str, float]]:
    """Return the change of each instance's score, in the order of the instances."""
    old = {name: score for name, score, _ in before.instances}
    return [
        (one_line(name, 60), score - known)
        for name, score, _ in after.instances
        if score is not None and (known := old.get(name)) is not None
    ]


def _failure(example: Example) -> str:
    """Return the last line of what went wrong, where a traceback has its exception."""
    text = next((text for _, score, text in example.instances if score is None and text.strip()), "")
    lines = [line for line in printable(text[-4_000:]).split("\n") if line.strip()]
    return one_line(lines[-1], 120) if lines else ""


# What changed


@dataclass
class _Facts:
    """Of one program: its functions by name, the numbers in each, and how often it calls what."""

    functions: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, list[str]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    size: int = 0


def _what(before: Example, after: Example) -> str:
    """Return what changed, in a few words: "WEIGHT 0.5 -> 0.8, calls sorted"; "" where they would not tell."""
    old, new = _facts(before.source), _facts(after.source)
    if old is None or new is None:
        return ""
    touched = [name for name in new.functions if name in old.functions and old.functions[name] != new.functions[name]]
    moves = {name: _number_moves(old.numbers[name], new.numbers[name]) for name in touched}
    parts = [f"{name} {a} -> {b}" for name in touched for a, b in moves[name]][:NAMES_TOLD]
    changed = [name for name in touched if not moves[name]]
    added = [name for name in new.functions if name not in old.functions]
    gone = [name for name in old.functions if name not in new.functions]
    calls = [name for name in new.calls if name not in old.calls and name.rpartition(".")[2] not in added]
    ended = [name for name in old.calls if name not in new.calls and name.rpartition(".")[2] not in gone]
    parts += _line_change(before.source, after.source) if changed and not parts else []
    for label, names in (("new", added), ("without", gone), ("calls", calls), ("no longer calls", ended)):
        if names:
            parts.append(f"{label} {_few(names)}")
    if not parts:
        return ""
    return one_line(", ".join([*parts, f"changed {_few(changed)}"] if changed else parts), WHAT_CHARS)


def _few(names: Sequence[str]) -> str:
    return f"{', '.join(names[:NAMES_TOLD])}{' ...' if len(names) > NAMES_TOLD else ''}"


def _line_change(before: str, after: str) -> list[str]:
    """Return what became of what, where one line was changed, put in or taken out and nothing else; else nothing."""
    one, other = ([line.strip() for line in source.splitlines()] for source in (before, after))
    lines = [line for line in unified_diff(one, other, "", "") if line[:1] in "+-" and line.strip("+-\n ")]
    old = [one_line(line[1:], LINE_TOLD_CHARS) for line in lines if line.startswith("-")]
    new = [one_line(line[1:], LINE_TOLD_CHARS) for line in lines if line.startswith("+")]
    if not (len(old) <= 1 and len(new) <= 1 and old + new):
        return []
    return [f"'{old[0]}' -> '{new[0]}'" if old and new else f"with '{new[0]}'" if new else f"without '{old[0]}'"]


def _at_length(before: Example, after: Example) -> str:
    old, new = _facts(before.source), _facts(after.source)
    text = f"{_what(before, after)}: {_outcome(before, after)}"
    if old is not None and new is not None and old.size != new.size:
        text += f"; {old.size} -> {counted(new.size, 'line')}"
    moved = sorted(_moved(before, after), key=lambda entry: -abs(entry[1]))
    if len(moved) > 1:
        same = sum(change == 0 for _, change in moved)
        told = ", ".join(f"{name} {change:+.2f}" for name, change in moved[:NAMES_TOLD] if change)
        text += f"; {told}" if told else ""
        text += f"; {same} of {counted(len(moved), 'instance')} unchanged" if same else ""
    return text


def _number_moves(old: list[str], new: list[str]) -> list[tuple[str, str]]:
    """Return which numbers became which, where a function has as many as before."""
    return [(a, b) for a, b in zip(old, new, strict=True) if a != b] if len(old) == len(new) else []


def _facts(source: str) -> _Facts | None:
    try:
        tree = parse(source)
        dumps = {name: "\n".join(normal_form(ast.Module(nodes, []))) for name, nodes in _parts(tree)}
    except (SyntaxError, RecursionError):
        return None
    facts = _Facts(dumps, size=sum(bool(line.strip()) for line in source.splitlines()))
    for name, nodes in _parts(tree):
        inside = [node for part in nodes for node in ast.walk(part)]
        facts.numbers[name] = [_number(node) for node in inside if _is_number(node)]
        facts.calls.update(called for node in inside if isinstance(node, ast.Call) and (called := _called(node.func)))
    return facts


def _parts(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Yield the functions and methods of a program, each assignment at the top by its name, and the rest as "top"."""
    top: list[ast.stmt] = []
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, [statement]
            case ast.ClassDef(name=name, body=body):
                methods = [s for s in body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
                for method in methods:
                    yield f"{name}.{method.name}", [method]
                others = [s for s in body if s not in methods]
                if others:
                    yield name, others
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, [statement]
            case _:
                top.append(statement)
    if top:
        yield "top", top


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)


def _number(node: ast.AST) -> str:
    assert isinstance(node, ast.Constant)
    value = node.value
    assert isinstance(value, int | float)
    return repr(value) if isinstance(value, float) or value < 10**18 else "huge"


def _called(node: ast.expr) -> str:
    """Return "np.argsort" of what is called; "" where it has no such name. Of self.x and of results only ".x"."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=name), attr=attr) if name != "self":
            return f"{name}.{attr}"
        case ast.Attribute(attr=attr):
            return attr
    return ""
