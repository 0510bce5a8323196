"""Which programs count as the same before they are run: a false "same" loses a program, so names stay when in doubt."""

from __future__ import annotations

import ast
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.mutate.source import check, fingerprint

PROGRAM = '''
"""What it does."""
import math


class Policy:
    """Greedy."""

    def __init__(self, info):
        self.limit = info.limit  # hours

    def decide(self, obs, weight=0.5):
        best, least = None, math.inf
        for k, zone in enumerate(obs.zones):
            cost = zone.price * weight
            if cost < least:
                best, least = k, cost
        return best


def rank(items, key):
    order = sorted(items, key=lambda item: item[key])
    return [x for x in order if x]
'''


def same(one: str, two: str) -> bool:
    return fingerprint(one) == fingerprint(two)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Greedy."""', '"""Lazy."""'),
        ("  # hours", ""),
        ("zone.price * weight", "(zone.price\\n                * weight)".replace("\\n", "\n")),
        ("best", "pick"),
        ("self", "this"),
        ("obs", "observation"),
        ("least", "lowest"),
        ("zone", "z"),
        ("item[", "it["),
        ("[x for x in order if x]", "[y for y in order if y]"),
        ("order", "sorted_items"),
    ],
)
def test_layout_and_words_and_local_names_do_not_count(old: str, new: str) -> None:
    changed = PROGRAM.replace(old, new)
    if old == "item[":
        changed = PROGRAM.replace("lambda item: item[", "lambda it: it[")
    if old == "zone":
        changed = PROGRAM.replace("zone in", "z in").replace("zone.price", "z.price")
    assert changed != PROGRAM
    assert same(PROGRAM, changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.5", "0.25"),
        ("cost < least", "cost <= least"),
        ("(self, obs, weight=0.5)", "(self, weight, obs=0.5)"),
        ("best, least = k, cost", "least, best = k, cost"),
        ("self.limit", "self.most"),
        ("rank", "order_of"),
        ("info.limit", "info.hours"),
        ("math.inf", "math.nan"),
        ("import math", "import cmath as math"),
        ("return best", "return least"),
        ("if x]", "if order]"),
        ("sorted(items", "sorted(key"),
        ("def rank(items, key)", "def rank(items, *key)"),
        ("def rank(items, key)", "def rank(items, /, key)"),
        ("def rank(items, key)", "def rank(items, *, key)"),
        ("[x for x in order if x]", "{x for x in order if x}"),
        ("[x for x in order if x]", "[x for x in order]"),
        ("price * weight", "price * Weight"),
    ],
)
def test_what_a_program_does_counts(old: str, new: str) -> None:
    assert old in PROGRAM
    assert not same(PROGRAM, PROGRAM.replace(old, new))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # a name that is a keyword somewhere
        ("def f(a): return a\nf(a=1)", "def f(b): return b\nf(a=1)"),
        ("def f(a): return dict(a=a)", "def f(b): return dict(a=b)"),
        ("def f(a): return a\nf(**{'a': 1})", "def f(b): return b\nf(**{'a': 1})"),
        ("def f(*, a=1, b=2): return a\nf(a=3)", "def f(*, b=1, a=2): return b\nf(a=3)"),
        ("def f():\n def g(a): return a\n return g(**k)", "def f():\n def g(b): return b\n return g(**k)"),
        ("def f(a): return a\nvectorize(f, excluded=['a'])", "def f(b): return b\nvectorize(f, excluded=['a'])"),
        # globals and builtins by the same name
        ("def f(): return [len for len in x] + [len]", "def f(): return [max for max in x] + [max]"),
        ("def f(n=x): return n", "def f(n=y): return n"),
        ("def f(x, n=x): return n", "def f(y, n=y): return n"),
        ("def f(x): return g(x)", "def f(x): return h(x)"),
        ("def f():\n global a\n a = 1", "def f():\n global b\n b = 1"),
        ("def f():\n def g():\n  global a\n  a = 1\n a = 2", "def f():\n def g():\n  global b\n  b = 1\n b = 2"),
        ("def f():\n x = 1\n def g():\n  y = x\n  return y", "def f():\n x = 1\n def g():\n  x = x\n  return x"),
        ("def f():\n def g():\n  a = 1\n  return a\n return a", "def f():\n def g():\n  b = 1\n  return b\n return b"),
        ("def f(): return [x for x in x]", "def f(): return [y for y in y]"),
        ("def f(): return (lambda a=a: a)", "def f(): return (lambda b=b: b)"),
        # what shadows what
        ("def f(a): return lambda b: a", "def f(a): return lambda a: a"),
        ("def f(a, b): return a - b", "def f(a, b): return b - a"),
        ("def f(a): return [b for b in a for c in b]", "def f(a): return [c for b in a for c in b]"),
        # names that the program can see
        ("def f(a): return locals()", "def f(b): return locals()"),
        ("def f(a): return eval('a')", "def f(b): return eval('a')"),
        ("def f(a): return vars()", "def f(b): return vars()"),
        ("def f(a): a\nf.__code__.co_varnames", "def f(b): b\nf.__code__.co_varnames"),
        ("import inspect\ndef f(a): a", "import inspect\ndef f(b): b"),
        ("from sys import _getframe as g\ndef f(a): g()", "from sys import _getframe as g\ndef f(b): g()"),
        ("def f(a): getattr(x, 'locals')", "def f(b): getattr(x, 'locals')"),
        ("def f(a):\n try: a\n except NameError as e: e.name", "def f(c):\n try: c\n except NameError as e: e.name"),
        # names that are attributes, modules or cells
        ("def f():\n class C:\n  a = 1\n return C.a", "def f():\n class C:\n  b = 1\n return C.a"),
        ("def f():\n import os.path\n return os", "def f():\n import os.path as os\n return os"),
        ("import os.path", "import os.path as os"),
        ("def f():\n import numpy", "def f():\n import math"),
        ("def f():\n def g(): pass\n return g.__name__", "def f():\n def h(): pass\n return h.__name__"),
        ("class C:\n a = 1", "class C:\n b = 1"),
        ("a = 1", "b = 1"),
        ("g = lambda a: a\nb = 1", "g = lambda b: b\nb = 1"),
        ("def f(x):\n match x:\n  case C(a=y): return y", "def f(x):\n match x:\n  case C(b=y): return y"),
        # constants
        ("x = 1", "x = True"),
        ("x = 1", "x = 1.0"),
        ("x = 0.0", "x = -0.0"),
        ("x = ''", "x = b''"),
        ("x = None", "x = 'None'"),
        ("x = '-'", "x = None"),
        ("x = 'a\\nb'", "x = 'a\\\\nb'"),
        ("x = {**a}", "x = {None: a}"),
        ("assert x", "pass"),
        ("x[1:None]", "x[1:]"),
        ("async def f(): pass", "def f(): pass"),
        ("def f(): return [x async for x in y]", "def f(): return [x for x in y]"),
        ("def f(x): return f'{x}'", "def f(x): return f'{x!r}'"),
    ],
    ids=str,
)  # fmt: skip
def test_programs_that_may_differ_are_not_the_same(one: str, other: str) -> None:
    assert not same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f():\n x = 1\n def g():\n  nonlocal a\n  a = 2", "def f():\n y = 1\n def g():\n  nonlocal a\n  a = 2"),
        ("def f(a):\n def g(b): return a + b\n return g", "def f(x):\n def g(y): return x + y\n return g"),
        ("def f(a): return (b := a)", "def f(x): return (y := x)"),
        ("def f(a): return [(b := c) for c in a], b", "def f(x): return [(y := z) for z in x], y"),
        ("def f():\n try: pass\n except E as e: return e", "def f():\n try: pass\n except E as err: return err"),
        ("def f(x):\n match x:\n  case [a, *b]: return a, b", "def f(v):\n match v:\n  case [g, *h]: return g, h"),
        ("def f():\n match 1:\n  case {1: c, **d} as e: c, d", "def f():\n match 1:\n  case {1: i, **j} as k: i, j"),
        ("def f(*a, **k): return a, k", "def f(*args, **kwargs): return args, kwargs"),
        ("def f(x):\n with x as a, x as b: return a", "def f(x):\n with x as p, x as q: return p"),
        ("def f(x):\n g(**x)\n y = 1", "def f(x):\n g(**x)\n z = 1"),
        ("def f(): return {k: v for k, v in d}", "def f(): return {a: b for a, b in d}"),
        ("def f(a):\n 'words'", "def f(b):\n pass"),
    ],
    ids=str,
)  # fmt: skip
def test_closures_and_every_way_to_bind_a_name_are_seen_through(one: str, other: str) -> None:
    assert same(one, other)


# Programs put together at random

NAMES = ("a", "b", "c", "total", "x1")
_name = st.sampled_from(NAMES)
_number = st.integers(-3, 9).map(str)
_expression = st.recursive(
    _name | _number,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]})"),
        st.tuples(inner, _name, inner).map(lambda t: f"sum({t[0]} for {t[1]} in ({t[2]},))"),
        st.tuples(_name, inner, inner).map(lambda t: f"(lambda {t[0]}: {t[1]})({t[2]})"),
    ),
    max_leaves=6,
)
_statement = st.tuples(_name, _expression).map(lambda t: f"    {t[0]} = {t[1]}")


@st.composite
def functions(draw: st.DrawFn) -> str:
    parameters = draw(st.lists(_name, unique=True, max_size=3))
    body = draw(st.lists(_statement, min_size=1, max_size=4))
    return f"def f({', '.join(parameters)}):\n" + "\n".join(body) + f"\n    return {draw(_expression)}\n"


def bound_in(source: str) -> set[str]:
    """The names that the function itself binds."""
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    assigned = {t.id for s in function.body if isinstance(s, ast.Assign) for t in s.targets if isinstance(t, ast.Name)}
    return assigned | {a.arg for a in function.args.args}


class Renaming(ast.NodeTransformer):
    def __init__(self, new: dict[str, str]) -> None:
        self.new = new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.new.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self.new.get(node.arg, node.arg)
        return node


def renamed(source: str, new: dict[str, str]) -> str:
    return ast.unparse(Renaming(new).visit(ast.parse(source)))


@settings(max_examples=100, deadline=None)
@given(source=functions(), order=st.permutations(NAMES))
def test_renaming_the_variables_of_a_function_keeps_the_fingerprint(source: str, order: list[str]) -> None:
    new = {name: f"new_{order.index(name)}" for name in bound_in(source)}
    assert same(source, renamed(source, new))


@settings(max_examples=100, deadline=None)
@given(source=functions(), at=st.integers(0, 30))
def test_another_number_is_another_program(source: str, at: int) -> None:
    tree = ast.parse(source)
    numbers = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    if numbers:
        numbers[at % len(numbers)].value += 1  # type: ignore[operator]
        assert not same(source, ast.unparse(tree))


def outcome(source: str, globals_: dict[str, object]) -> list[object]:
    """What f returns or raises for arguments that tell its parameters apart."""
    space = dict(globals_)
    exec(compile(source, "f", "exec"), space)
    function = space["f"]
    found: list[object] = []
    for scale in (1, 10, 1_000):
        arguments = [scale * n for n in (2, 5, 7)][: function.__code__.co_argcount]  # type: ignore[attr-defined]
        try:
            found.append(repr(function(*arguments)) if callable(function) else None)
        except Exception as error:
            found.append(type(error))
    return found


@settings(max_examples=200, deadline=None)
@given(source=functions(), order=st.permutations(NAMES), one=st.booleans())
def test_programs_with_one_fingerprint_do_the_same(source: str, order: list[str], one: bool) -> None:
    # Any permutation of all names, globals among them: mostly another program, sometimes the same.
    mapping = dict(zip(NAMES, order, strict=True))
    if one:  # swap two names only
        mapping = {**{n: n for n in NAMES}, order[0]: order[1], order[1]: order[0]}
    other = renamed(source, mapping)
    if same(source, other):
        known = {name: 100 * n + 3 for n, name in enumerate(NAMES)}
        assert outcome(source, dict(known)) == outcome(other, dict(known))


def test_a_fingerprint_costs_little_more_than_the_parsing_that_a_child_needs_anyway() -> None:
    program = PROGRAM + "\n".join(
        f"def f{n}(a, b):\n    s = a * {n}\n    for k in range(b):\n        s += k > {n} and a\n    return s\n"
        for n in range(13)
    )
    assert 95 <= len(program.splitlines()) <= 105
    parsing_s, fingerprint_s = [], []
    for n in range(20):
        began_s = time.process_time()
        check(f"{program}\nN = {n}\n", ())
        parsed_s = time.process_time()
        fingerprint(f"{program}\nN = {n}\n")
        parsing_s.append(parsed_s - began_s)
        fingerprint_s.append(time.process_time() - parsed_s)
    assert min(fingerprint_s) < 1.5 * min(parsing_s)


def test_a_program_too_deep_to_compare_is_a_syntax_error() -> None:
    with pytest.raises(SyntaxError):
        fingerprint("x = " + "-" * 5_000 + "1\n")
