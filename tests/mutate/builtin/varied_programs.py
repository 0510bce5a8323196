"""Programs that hold about everything that Python's grammar has, for the robustness tests."""

CLASSES = '''
"""Docstring of the module."""
from __future__ import annotations
import math
from dataclasses import dataclass, field

LIMIT = 3
WEIGHTS: dict[str, float] = {"a": 1.0, "b": -2.5}

@dataclass(frozen=True)
class Point:
    """A point."""
    x: float = 0.0
    y: float = 1e-3
    tags: list = field(default_factory=list)

    @property
    def norm(self) -> float:
        return math.hypot(self.x, self.y)

class Base(Exception): pass

class Policy(Base):
    rate = 0.5
    def __init__(self, info, /, margin=2, *rest, flag=True, **options):
        super().__init__()
        self.info, self.margin = info, margin
        self._seen = {k: v for k, v in options.items() if v is not None}

    async def later(self, source):
        async with source as stream:
            async for item in stream:
                await item.ready()
                yield item
        return

    @staticmethod
    def helper(a, b=1, *, c=-3): return a + b if a > c else b - a

    def decide(self, obs):
        """Say what to do."""
        if (n := len(self._seen)) > LIMIT and not obs.flag: return "WAIT"
        elif n == 1:
            # a comment that may go
            return f"{n!r:>{LIMIT}} {obs.name + 'x'!s}"
        else: x = 1; y = 2
        return "GO" if x < y * self.margin else "WAIT"
'''

CONTROL = """
import sys
counter = 0

def outer(xs, ys=(), *args, key=None, **kwargs):
    global counter
    total = 0
    def inner(z):
        nonlocal total
        total += z
        return total ** 2
    try:
        for i, x in enumerate(xs):
            if x is None: continue
            elif x in ys or x < 0: break
            while total < 10 and x > 0:
                total += x; x -= 1
            else:
                pass
        else:
            inner(3)
    except (ValueError, TypeError) as error:
        raise RuntimeError("no") from error
    finally:
        counter += 1
    return total
"""

GROUPS = """
def main(v):
    try:
        pass
    except* OSError as group:
        v = group
    else:
        v = 1
    with open(v) as f, open(v + 1):
        assert f, "message"
        del v
    return f
"""

MATCHING = """
def main(command, state={}):
    match command:
        case ["go", int(n)] if n > 0: return n * 2
        case {"k": v, **rest}: return v - len(rest)
        case [name, *_]:
            return name
        case -1 | 2.5 | True | None:
            return 0
        case _:
            return lambda a, *b, c=1: (a, *b, c, [i for i in range(3) if i % 2 for j in (i,) if j], {*b}, {**state})
"""

GENERATORS = """
def gen(n):
    x = yield n
    y = yield from (a * b for a in range(n) for b in range(a) if a != b)
    return (x, y)[::-1][0:1:1], n @ n if n else ~n << 2 & 3 | 1 ^ n >> 1, b"bytes", 1j, ..., 10**400, 1e400
main = lambda q=3, *, r: q if q > 1 else (q := r)
"""

TABS = "\r\n".join(
    (
        "def main(a):",
        "\tb = a + 1  # \u00e9",
        "\tif b > 2:",
        "\t\treturn '\u00e9' * b; c = 1",
        "\treturn (b",
        "\t\t+ 3)",
        "",
    )
)

ONE_LINE = "def main(x): return 1 if x > 0 else 2"

STRINGS = '''
def main(a, b):
    """First.

    # EVOLVE is only a word here
    """
    text = f"""line
  {a + 1:>{b}} { {'k': a}['k'] }
end"""
    other = """x
y"""
    if a > 1 and text:
        text = '\\n'
        return other
    return text
'''

MARKED = """import math
# EVOLVE-BLOCK-START
SPEED = 2.0

def main(a, b):
    return a * SPEED if a > b else b - 1
# EVOLVE-BLOCK-END

def fixed(a):  # stays
    return   a+1   # oddly   spaced
"""

TWO_BLOCKS = """# kept
A = 1
# EVOLVE-BLOCK-START
B = 2
# EVOLVE-BLOCK-END
C   =   3  # kept
class Policy:
    def __init__(self):
        # EVOLVE-BLOCK-START
        self.x = 1.5
        self.y = self.x * B
        # EVOLVE-BLOCK-END
        self.z = 4   # kept
    def main(self, n):
        # EVOLVE-BLOCK-START
        if n > self.x:
            return n
        # EVOLVE-BLOCK-END
        return   0
"""

NO_END = """def fixed(a): return a + 10
# EVOLVE-BLOCK-START
def main(a, b=2):
    c = a * b
    if c > 3: return c
    return a
"""

NO_START = """def main(a, b=2):
    c = a * b
    # EVOLVE-BLOCK-END
    if c > 3: return c
    return a
"""

ODD_MARKERS = """def main(a):
    if a > 1:
        # EVOLVE-BLOCK-START
        a = a * 2
    else:
        a = a + 1
        # EVOLVE-BLOCK-END
    # EVOLVE-BLOCK-START
    # EVOLVE-BLOCK-START
    return a  # EVOLVE-BLOCK-END
"""

EMPTY_BLOCK = "X = 1\n# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\ndef main(): return X\n"

NUMPY = """
import numpy as np

def main(weight, count):
    rows, items = weight.shape
    order = np.argsort(-weight, axis=1, kind="stable")
    load = np.zeros((rows, count))
    for i in range(items):
        best = load.argmin(axis=1)
        load[np.arange(rows), best] += weight[np.arange(rows), order[:, i]] * 0.5
    return np.where(load > load.mean(), load, 0.0)
"""

PROGRAMS = {
    "classes": (CLASSES, ("Policy", "Point")),
    "control": (CONTROL, ("outer",)),
    "groups": (GROUPS, ("main",)),
    "matching": (MATCHING, ("main",)),
    "generators": (GENERATORS, ("gen", "main")),
    "tabs": (TABS, ("main",)),
    "one_line": (ONE_LINE, ("main",)),
    "strings": (STRINGS, ("main",)),
    "marked": (MARKED, ("main", "fixed")),
    "two_blocks": (TWO_BLOCKS, ("Policy",)),
    "no_end": (NO_END, ("main",)),
    "no_start": (NO_START, ("main",)),
    "odd_markers": (ODD_MARKERS, ("main",)),
    "numpy": (NUMPY, ("main",)),
}

UNCHANGEABLE = {
    "empty": ("", ()),
    "only a comment": ("# nothing\n", ()),
    "empty block": (EMPTY_BLOCK, ("main",)),
    "does not parse": ("def main(:\n", ("main",)),
    "null byte": ("a = 1\0", ()),
    "too deep": ("x = " + "(" * 5000 + ")" * 5000, ("x",)),
}
