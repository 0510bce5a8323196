"""What a statement says, held against what is there: its example, and the names in it.

An example is a block of Python in problem.md. What can be checked of it without knowing the problem:

    place([(30, 2), (10, 1)], 2, 4)  # [0, 0]: both fit        a call and its answer, by the block's program or the seed

    class Policy: ...                                          a program, what it is given, and its answer;
    info = dict(speeds=[1.0, 2.0])                             a parameter that has no value of its own name gets
    example = dict(now_s=0.0, present=[1, 0])                  `example`; a dict becomes a record with attributes
    answer = 1
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from evolve.evaluator import Record
from evolve.registry import Problem
from sandbox import CandidateFailure, Sandbox

_PLAIN = (np.ndarray, list, dict, str, int, float)

_BEFORE = "import math\nfrom types import SimpleNamespace\n\nimport numpy as np\n"
FORM = "write one as `call(...)  # its answer`, or a program with `example = dict(...)` and `answer = ...`"

_ANSWER = """

class _EvolveRecord:
    def __init__(self, facts):
        self.__dict__.update(facts)


def _evolve_record(value, arrays):
    import numpy
    if isinstance(value, dict):
        return _EvolveRecord({key: _evolve_record(one, arrays) for key, one in value.items()})
    if arrays and isinstance(value, list) and value and isinstance(value[0], (int, float)):
        return numpy.array(value)
    return [_evolve_record(one, arrays) for one in value] if isinstance(value, list) else value


def _evolve_given(names, arrays):
    facts = globals()
    return [_evolve_record(facts[name if name in facts else "example"], arrays) for name in names]


def _evolve_plain(value):
    if hasattr(value, "tolist"):
        return value.tolist()
    return [_evolve_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _evolve_example():
    for arrays in (False, True):
        try:
            found = EXPRESSION
            break
        except Exception:
            if arrays:
                raise
    return _evolve_plain(found), _evolve_plain(EXPECTED)
"""


def blocks(statement: str) -> list[str]:
    """Return the blocks of Python of a statement."""
    return re.findall(r"^```python\n(.*?)^```", statement, re.DOTALL | re.MULTILINE)


def wrong_examples(problem: Problem) -> list[str] | None:
    """Return what is wrong with a statement's examples, one line each; None where it has none that can be checked.

    They run in the sandbox, under the problem's limits, after the seed.
    """
    wrong, checked = [], 0
    for number, block in enumerate(blocks(problem.statement), 1):
        try:
            tree = ast.parse(block)
        except SyntaxError as error:
            return [f"block {number} is no Python: line {error.lineno}: {error.msg}"]
        calls = {id(node) for node, _ in _calls(block, tree)}
        rest = ast.unparse(ast.Module([node for node in tree.body if id(node) not in calls], []))
        for expression, expected in [*_shown(block, tree), *_answered(problem, tree)]:
            checked += 1
            ending = _ANSWER.replace("EXPRESSION", expression).replace("EXPECTED", expected)
            said = _said(problem, f"{_BEFORE}{problem.seed}\n{rest}\n{ending}")
            if said:
                wrong.append(f"block {number}: {said}")
    return wrong if checked else None


def _said(problem: Problem, program: str) -> str:
    """Run an example; return how its answer differs, or that it fails."""
    evaluator = problem.evaluator
    with Sandbox(evaluator.limits, tuple(evaluator.libraries)) as sandbox, sandbox.start(program) as candidate:
        try:
            found, expected = candidate.call("_evolve_example")
        except CandidateFailure as failed:
            return f"it fails: {(str(failed).strip().splitlines() or [''])[-1]}"
    return "" if found == expected else f"the statement says {expected!r:.200}, the program answers {found!r:.200}"


def _calls(block: str, tree: ast.Module) -> Iterator[tuple[ast.Expr, str]]:
    """Yield each expression that stands alone, with the comments that follow it on its line and below."""
    lines = block.splitlines()
    for node in tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and node.end_lineno is not None:
            said = [lines[node.end_lineno - 1].encode()[node.end_col_offset or 0 :].decode().strip()]
            for line in lines[node.end_lineno :]:
                if not line.startswith("#"):
                    break
                said.append(line)
            yield node, " ".join(text.lstrip("# ") for text in said)


def _shown(block: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node, comment in _calls(block, tree):
        value = _value(comment)
        if value is not None:
            yield ast.unparse(node), value


def _value(comment: str) -> str | None:
    """Return the literal that a comment begins with, as source: "[0, 1]: both fit" -> "[0, 1]"."""
    text = comment.replace("np.array(", "(").replace("array(", "(")
    for end in sorted({len(text), *(found.start() for found in re.finditer(r"[:;,.( ]", text))}, reverse=True):
        try:
            return repr(ast.literal_eval(text[:end].strip()))
        except (ValueError, SyntaxError):
            continue
    return None


def _answered(problem: Problem, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the call that a block's own `example` and `answer` mean."""
    names = {
        t.id for node in tree.body if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)
    }
    if not {"example", "answer"} <= names:
        return
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in problem.evaluator.defines:
            yield f"{node.name}(*_evolve_given({_parameters(node)}, arrays))", "answer"
        elif isinstance(node, ast.ClassDef) and node.name in problem.evaluator.defines:
            methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
            made = next((_parameters(one)[1:] for one in methods if one.name == "__init__"), [])
            for asked in [one for one in methods if not one.name.startswith("_")][:1]:
                run = f"{node.name}(*_evolve_given({made}, arrays))"
                yield f"{run}.{asked.name}(*_evolve_given({_parameters(asked)[1:]}, arrays))", "answer"


def _parameters(node: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]


def wrong_names(problem: Problem) -> list[str]:
    """Return which names of a statement are not there, one line each.

    Held against the seed: parameters and methods of what a program defines; against the problem's records: attributes
    of the parameters.
    """
    wrong: list[str] = []
    bases: set[str] = set()
    for name, node in _seed_functions(problem):
        given = [one for one in _parameters(node) if one != "self"]
        bases |= set(given)
        for text in re.findall(rf"\bdef {name}\(([^)]*)\)|`{name}\(([^`]*)\) ->", problem.statement):
            shown = [one for one in _names("".join(text)) if one != "self"]
            if shown != given:
                wrong.append(f"problem.md has {name}({', '.join(shown)}), the seed {name}({', '.join(given)})")
    fields = _fields()
    code = "\n".join(re.findall(r"`([^`\n]+)`", problem.statement) + blocks(problem.statement))
    for base, attribute in sorted(set(re.findall(r"(?<![\w.])(\w+)\.([A-Za-z]\w*)", code))) if fields else []:
        if base in bases and attribute not in fields and not any(hasattr(kind, attribute) for kind in _PLAIN):
            wrong.append(f"problem.md names {base}.{attribute}, and no record of the problem has {attribute!r}")
    return wrong


def _seed_functions(problem: Problem) -> Iterator[tuple[str, ast.FunctionDef]]:
    if not problem.language.runs_in_sandbox:
        return
    for node in ast.parse(problem.seed).body:
        if isinstance(node, ast.FunctionDef) and node.name in problem.evaluator.defines:
            yield node.name, node
        elif isinstance(node, ast.ClassDef) and node.name in problem.evaluator.defines:
            methods = (one for one in node.body if isinstance(one, ast.FunctionDef))
            yield from ((one.name, one) for one in methods if not re.match(r"_(?!_init__)", one.name))


def _names(parameters: str) -> list[str]:
    """Return the names of parameters as a statement writes them: "jobs: list[tuple[int, int]], machines: int"."""
    try:
        (node,) = ast.parse(f"def f({parameters}): ...").body
    except (SyntaxError, ValueError):
        return []
    return _parameters(node) if isinstance(node, ast.FunctionDef) else []


def _fields() -> set[str]:
    """Return the fields of all records that are known in this process."""
    found: set[str] = set()
    classes: list[Any] = [Record]
    while classes:
        cls = classes.pop()
        found |= set(cls.__struct_fields__)
        classes += cls.__subclasses__()
    return found
