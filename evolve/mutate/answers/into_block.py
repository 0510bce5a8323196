"""A whole program put into its parent's evolve blocks: what is outside stays the parent's, its additions are kept."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from evolve.mutate.answers.evolve_block import closes, editable_lines, is_marker, opens
from evolve.mutate.source import parse


def with_blocks_of(parent: Sequence[str], program: Sequence[str]) -> list[str] | None:
    """Return the parent with the blocks of another program in place of its own; what is outside stays the parent's.

    Imports and definitions that the program has above its only block go to the beginning of the block, and those below
    it that are used to its end, unless they bind a name that the parent binds outside. A program with one marker of two
    is completed where what is on the other side is the parent's, or has nothing of it; one without markers stands for
    the parent's only block, less what repeats the parent's own lines around it. Returns None when the two have
    different numbers of blocks, or it cannot be told where the block ends.
    """
    inside = editable_lines(parent)
    if not inside:
        return list(program)
    if len(inside) > 1 or sum(map(opens, program)) > 1 or sum(map(closes, program)) > 1:
        contents = [list(program[block.start : block.stop]) for block in editable_lines(program)]
    else:
        content = _only_block(parent, inside[0], list(program))
        contents = [] if content is None else [content]
    if len(contents) != len(inside) or any(is_marker(line) for content in contents for line in content):
        return None
    whole: list[str] = []
    done = 0
    for block, content in zip(inside, contents, strict=True):
        whole += [*parent[done : block.start], *content]
        done = block.stop
    return [*whole, *parent[done:]]


def _only_block(parent: Sequence[str], block: range, program: list[str]) -> list[str] | None:
    """Return what a program has for the parent's only block; None where that cannot be told."""
    before = [line for line in parent[: block.start] if not is_marker(line)]
    after = [line for line in parent[block.stop :] if not is_marker(line)]
    start = next((at for at, line in enumerate(program) if opens(line)), None)
    end = next((at for at, line in enumerate(program) if closes(line)), None)
    if start is not None and end is not None:
        if end < start:
            return None
        kept = _kept(program[:start], program[end + 1 :], program[start + 1 : end], [*before, *after])
        return [*kept[0], *program[start + 1 : end], *kept[1]]
    if start is not None:
        content = _less_tail(program[start + 1 :], after)
        return None if content is None else [*_kept(program[:start], [], content, [*before, *after])[0], *content]
    if end is not None:
        content = _less_head(program[:end], before)
        return None if content is None else [*content, *_kept([], program[end + 1 :], content, [*before, *after])[1]]
    head = _repeats(program, before)
    rest = program[head:]
    tail = _repeats(rest[::-1], after[::-1])
    return _less_repeated(rest[: len(rest) - tail], [*before, *after]) if not head else rest[: len(rest) - tail]


def _repeats(lines: Sequence[str], others: Sequence[str]) -> int:
    """Return how many lines at the beginning of `lines` are those others, all of them or none, blank lines aside."""
    wanted = [line.rstrip() for line in others if line.strip()]
    at = met = 0
    while at < len(lines) and met < len(wanted):
        if lines[at].strip():
            if lines[at].rstrip() != wanted[met]:
                return 0
            met += 1
        at += 1
    return at if met == len(wanted) and met else 0


def _less_tail(content: list[str], after: Sequence[str]) -> list[str] | None:
    """Return content without the parent's lines behind the block; None where it has some of their names only."""
    tail = _repeats(content[::-1], after[::-1])
    if tail or not _names(content) & _names(after):
        return content[: len(content) - tail]
    return None


def _less_head(content: list[str], before: Sequence[str]) -> list[str] | None:
    head = _repeats(content, before)
    if head or not _names(content) & _names(before):
        return content[head:]
    return _less_repeated(content, before) if not _names(_less_repeated(content, before)) & _names(before) else None


# Statements


def _parsed(lines: Sequence[str]) -> list[ast.stmt]:
    try:
        return parse("\n".join(lines)).body
    except SyntaxError:
        return []


def _span(node: ast.stmt) -> tuple[int, int]:
    """Return the lines of a statement, its decorators among them: first and end, from 0."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1, node.end_lineno or node.lineno


def _binds(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module binds."""
    names: set[str] = set()
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        match part:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
                continue
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.add(other or name.partition(".")[0])
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                continue
        waiting.extend(ast.iter_child_nodes(part))
    return names


def _names(lines: Sequence[str]) -> set[str]:
    return set[str]().union(*map(_binds, _parsed(lines)))


def _reads(lines: Sequence[str]) -> set[str]:
    return {node.id for top in _parsed(lines) for node in ast.walk(top) if isinstance(node, ast.Name)}


def _less_repeated(program: list[str], fixed: Sequence[str]) -> list[str]:
    """Return a program without the statements that are the parent's own outside its block."""
    own = {ast.dump(node) for node in _parsed(fixed)}
    gone: set[int] = set()
    for node in _parsed(program):
        if ast.dump(node) in own:
            gone.update(range(*_span(node)))
    lines = [line for number, line in enumerate(program) if number not in gone]
    while gone and lines and not lines[0].strip():
        lines.pop(0)
    return lines


def _kept(
    above: Sequence[str], below: Sequence[str], content: Sequence[str], fixed: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the lines to keep of what a program has above and below its block: what binds names of its own."""
    taken = _names(fixed) | _names(content)
    first = _chosen(above, taken, None)
    last = _chosen(below, taken | _names(first), _reads([*first, *content]))
    return first, ["", "", *last] if last else []


def _chosen(lines: Sequence[str], taken: Iterable[str], used: set[str] | None) -> list[str]:
    """Return the statements that bind no taken name, and a used one unless all count."""
    chosen: list[str] = []
    for node in _parsed(lines):
        names = _binds(node)
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            own = [alias for alias in node.names if not (_bound_by(alias) in taken or _bound_by(alias) == "*")]
            if own and (used is None or any(_bound_by(alias) in used for alias in own)):
                node.names = own
                chosen.append(ast.unparse(node))
        elif names and names.isdisjoint(taken) and (used is None or names & used):
            first, end = _span(node)
            is_definition = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            chosen += ["", "", *lines[first:end]] if is_definition and chosen else lines[first:end]
            chosen += ["", ""] if is_definition else []
    return chosen


def _bound_by(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]
