"""Programs that the claims about a problem are tested with: the seed, changed in ways that must gain nothing."""

from __future__ import annotations

import ast
import unittest
from types import MappingProxyType

from evolve.bench import InProcess
from evolve.evaluator import Split
from evolve.registry import Problem
from evolve.scoring import InstanceResult

JUNK = ("'text'", "-1", "1e400", "float('nan')", "2**80", "[]", "{}", "[[[]]]", "[None] * 3", "b''", "True")
"""Answers, as source, that a verifier must be able to read without failing itself."""

_HELPERS = """
def _evolve_first(answer, change):
    if hasattr(answer, "tolist"):
        answer = answer.tolist()
    if isinstance(answer, dict) and answer:
        key = next(iter(answer))
        return {**answer, key: _evolve_first(answer[key], change)}
    if isinstance(answer, (list, tuple)) and answer:
        return type(answer)([_evolve_first(answer[0], change), *answer[1:]])
    return change(answer)


def _evolve_whole(answer, of_dict, of_list, of_one):
    if hasattr(answer, "tolist"):
        answer = answer.tolist()
    if isinstance(answer, dict):
        return of_dict(answer)
    return type(answer)(of_list(list(answer))) if isinstance(answer, (list, tuple)) else of_one(answer)


def _evolve_wrap(function, skipped):
    return lambda *given: _evolve_change(given[skipped:], function(*given))

"""

WRONG = MappingProxyType(
    {
        "nan for its first number": "_evolve_first(answer, lambda x: float('nan'))",
        "text for its first value": "_evolve_first(answer, lambda x: 'wrong')",
        "None for its first value": "_evolve_first(answer, lambda x: None)",
        "a list for its first value": "_evolve_first(answer, lambda x: [x, x])",
        "its last part missing": "_evolve_whole(answer, lambda d: dict(list(d.items())[:-1]), lambda a: a[:-1], "
        "lambda x: [])",
        "one part too many": "_evolve_whole(answer, lambda d: d | {'more': 0}, lambda a: [*a, *a[-1:]], "
        "lambda x: [x, x, x])",
    }
)
"""What is wrong with an answer -> the expression that makes it so of the seed's `answer`."""

_REFUSED = "raise RuntimeError('refused')"

ATTACKS = MappingProxyType(
    {
        "changes what it was given": """
    for thing in given:
        for change in ("thing.clear()", "thing.sort()", "thing.fill(0)", "thing.setflags(write=True)"):
            try:
                exec(change)
            except Exception:
                pass
        for name in dir(thing):
            try:
                setattr(thing, name, 0)
            except Exception:
                pass
    return answer""",
        "reads the problem's files": f"""
    try:
        open(FOLDER + "/evaluator.py").read()
    except Exception:
        {_REFUSED}
    return answer""",
        "looks for the verifier's modules": f"""
    import sys
    if not any(name.partition(".")[0].startswith(("evaluators", "evolve")) for name in sys.modules):
        {_REFUSED}
    return answer""",
        "looks for the verifier's variables": f"""
    import sys
    frame = sys._getframe()
    while frame:
        if {{"evaluator", "instance"}} & {{*frame.f_locals, *frame.f_globals}}:
            return answer
        frame = frame.f_back
    {_REFUSED}""",
        "opens a socket": f"""
    import socket
    try:
        socket.socket().bind(("127.0.0.1", 0))
    except Exception:
        {_REFUSED}
    return answer""",
        "starts a process": f"""
    import os
    try:
        if os.fork() == 0:
            os._exit(0)
    except Exception:
        {_REFUSED}
    return answer""",
        "leaves a file": f"""
    import tempfile
    try:
        tempfile.NamedTemporaryFile(delete=False)
    except BaseException:
        {_REFUSED}
    return answer""",
        "reads a clock": f"""
    import time
    try:
        time.perf_counter()
    except Exception:
        {_REFUSED}
    return answer""",
        "writes an answer of its own to every file": """
    import os
    for number in range(3, 20):
        try:
            os.write(number, b'{"score": 1000000}')
        except Exception:
            pass
    return answer""",
        "answers numbers that lie": """
    class Liar(float):
        def __lt__(self, other): return True
        __le__ = __gt__ = __ge__ = __eq__ = __lt__
        __hash__ = float.__hash__
    return _evolve_first(answer, lambda x: Liar(x) if isinstance(x, (int, float)) else x)""",
    }
)
"""What a hostile program does -> the body of a function that does it, given the call's arguments and its answer.

One that is refused raises; one that is not goes on with the seed's answer.
"""


def scored(problem: Problem, source: str, split: Split = Split.TRAIN) -> InstanceResult:
    """Return what a program gets on the first instance of a split: status, score, metrics, feedback."""
    (result,) = InProcess().evaluate(problem, [source], split)
    return result


def answering(problem: Problem, answer: str) -> str:
    """Return a program that answers every call with the same expression. What the seed has as a class becomes one."""
    program = []
    for name, methods in _defined(problem).items():
        if methods is None:
            program.append(f"def {name}(*given): return {answer}")
        else:
            body = [f"    def {method}(self, *given): return {answer}" for method in methods]
            program += [f"class {name}:", "    def __init__(self, *given): pass", *body]
    return "\n".join(program) + "\n"


def answering_wrongly(problem: Problem, wrong: str) -> str:
    """Return the seed with every answer spoiled. wrong: an expression of `WRONG`."""
    return _changed(problem, f"    return {wrong}")


def attacking(problem: Problem, attack: str) -> str:
    """Return the seed with an attack after every call. attack: a body of `ATTACKS`."""
    return f"FOLDER = {str(problem.folder)!r}\n" + _changed(problem, attack)


def _changed(problem: Problem, body: str) -> str:
    program = [problem.seed, _HELPERS, f"def _evolve_change(given, answer):\n{body.lstrip(chr(10))}\n\n"]
    for name, methods in _defined(problem).items():
        if methods is None:
            program.append(f"{name} = _evolve_wrap({name}, 0)")
        else:
            program += [f"{name}.{method} = _evolve_wrap({name}.{method}, 1)" for method in methods]
    return "\n".join(program) + "\n"


def _defined(problem: Problem) -> dict[str, list[str] | None]:
    """Return what the seed defines of what a program must: a class's methods by its name, None for a function."""
    if not (problem.evaluator.in_sandbox and problem.language.runs_in_sandbox):
        raise unittest.SkipTest(f"the programs are {problem.evaluator.language}: there are no calls to answer")
    found: dict[str, list[str] | None] = {}
    for node in ast.parse(problem.seed).body:
        if isinstance(node, ast.ClassDef) and node.name in problem.evaluator.defines:
            methods = [m.name for m in node.body if isinstance(m, ast.FunctionDef)]
            found[node.name] = [name for name in methods if not name.startswith("_")]
        elif isinstance(node, ast.FunctionDef) and node.name in problem.evaluator.defines:
            found[node.name] = None
    return found
