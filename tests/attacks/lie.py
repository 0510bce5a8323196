"""Attacks that lie: answers that are not what they look like, frames that nobody asked for, work that hides."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from attacks.attack import PATIENT, Attack

from sandbox import Sandbox

FORGER = """
import os, sys
from sandbox import wire
write = os.write
def nonce():
    return sys._getframe(3).f_locals["nonce"]
def frame(*reply):
    return bytes(wire.encode(list(reply)))
"""
"""Knows how the candidate's own end makes frames."""


WORK = "def work():\n    for _ in range(1200): sum(range(10_000))\n"
"""Takes a tenth of a second of CPU time or more."""


def kind_of_answer(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> str:
    """Tell the type that arrives: "exactly" names a plain one."""
    with sandbox.start(attack.source) as candidate:
        answer = candidate.call("answer", facts)
    plain = (int, float, str, bool, type(None), list, dict, bytes)
    if type(answer) is np.ndarray:
        return f"exactly ndarray of {answer.dtype}"
    return f"exactly {type(answer).__name__}" if type(answer) in plain else f"{type(answer)}"


def ask_twice(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    with sandbox.start(attack.source) as candidate:
        candidate.call("answer", facts)
        time.sleep(0.02)
        return candidate.call("answer", facts)


def honest_cpu_s(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> str:
    """Compare the CPU seconds that the trusted end reads with those that the work must have taken."""
    with sandbox.start(attack.source) as candidate:
        before, imported = candidate.cpu_s, candidate.import_cpu_s
        candidate.call("answer", facts)
        for _ in range(8):  # the verifier thinks, the candidate has nothing to do; on a busy machine it is slow at that
            time.sleep(0.15)
            call = candidate.cpu_s - before
            if call > 0.05:
                break
        candidate.close()
        whole = candidate.cpu_s
    seen = [name for name, spent in (("import", imported), ("call and gap", call)) if spent > 0.05]
    return f"seen in {' and '.join(seen)}" if seen and whole >= max(imported, call) else "hidden"


def wrong_number_of_answers(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    with sandbox.start(attack.source) as candidate:
        runs = [candidate.new("Policy") for _ in range(3)]
        return candidate.map(runs, "decide", [1, 2, 3])


def die_between_calls(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    with sandbox.start(attack.source) as candidate:
        candidate.call("answer", facts)
        time.sleep(0.05)
        assert candidate.cpu_s > 0
        return candidate.call("answer", facts)


def answered_as(name: str, source: str, harmless: str) -> Attack:
    return Attack(name, source, failure="", harmless=harmless, play=kind_of_answer)


LIE = (
    Attack(
        "float_whose_difference_is_zero",
        "class F(float):\n    def __sub__(self, o): return 0.0\n    __rsub__ = __sub__\n"
        "def answer(facts): return F(1e9)",
        failure="bad_answer",
        words="F cannot be sent",
    ),
    Attack(
        "int_that_equals_everything",
        "class I(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\n"
        "def answer(facts): return [I(3)]",
        failure="bad_answer",
        words="I cannot be sent",
    ),
    Attack(
        "text_of_its_own_class",
        "class S(str):\n    def __str__(self): return 'x'\ndef answer(facts): return S('a')",
        failure="bad_answer",
        words="S cannot be sent",
    ),
    answered_as(
        "array_of_its_own_class",
        "import numpy as np\nclass A(np.ndarray):\n    def __array_function__(self, *a): return 0.0\n"
        "def answer(facts): return np.ones(3).view(A)",
        "exactly ndarray of float64",
    ),
    answered_as(
        "array_scalar_of_its_own_class",
        "import numpy as np\nclass F(np.float64):\n    def __sub__(self, o): return 0.0\n"
        "def answer(facts): return F(3)",
        "exactly float",
    ),
    answered_as(
        "dict_of_its_own_class", "from collections import *\ndef answer(facts): return Counter('aab')", "exactly dict"
    ),
    answered_as(
        "tuple_with_names", "from collections import *\ndef answer(f): return namedtuple('T', 'a')(1)", "exactly list"
    ),
    Attack(
        "object_that_unpickles",
        "class P:\n    def __reduce__(self): return (print, ('owned',))\ndef answer(facts): return P()",
        failure="bad_answer",
        words="P cannot be sent",
    ),
    *(
        Attack(
            f"array_of_{kind}",
            f"import numpy as np\ndef answer(facts): return np.{array}",
            failure="bad_answer",
            words="cannot be sent",
        )
        for kind, array in (
            ("objects", "array([print], dtype=object)"),
            ("text", "array(['a'])"),
            ("complex_numbers", "ones(2, complex)"),
            ("records", "zeros(2, [('a', int)])"),
            ("dates", "array(['2020-01-01'], 'M8[D]')"),
            ("nine_dimensions", "zeros((1,) * 9)"),
        )
    ),
    Attack(
        "integer_of_a_million_digits",
        "def answer(facts): return 10**10**6",
        failure="bad_answer",
        words="sent",
        limits=PATIENT,  # the power alone takes a while
    ),
    Attack("set", "def answer(facts): return object", failure="bad_answer", words="type cannot be sent"),
    Attack(
        "second_answer_at_once",
        FORGER + "def answer(facts):\n    write(3, frame(nonce(), True, 1) * 2)\n    return 1",
        failure="bad_answer",
        words="more than one answer|never asked",
        play=ask_twice,
    ),
    Attack(
        "second_answer_in_the_gap",
        FORGER
        + """
def answer(facts):
    write(3, frame(nonce(), True, "real"))
    os.read(3, 0)
    write(3, frame(nonce(), True, "early"))
    while True: pass
""",
        failure="bad_answer",
        words="more than one answer|never asked",
        loot="early",
        play=ask_twice,
    ),
    Attack(
        "answer_to_a_guessed_question",
        FORGER + "def answer(facts):\n    write(3, frame(nonce() + 1, True, 1e9))\n    return 1",
        failure="bad_answer",
        words="more than one answer|never asked",
        loot=1e9,
    ),
    *(
        Attack(
            f"forged_frame_{name}",
            FORGER + f"def answer(facts):\n    write(3, {expression})\n    os.read(3, 1)",
            failure="bad_answer",
            words=words,
        )
        for name, expression, words in (
            ("empty", "b'\\0\\0\\0\\0'", "cannot be read|never asked"),
            ("garbage", "b'\\4\\0\\0\\0\\xc1\\xc1\\xc1\\xc1'", "cannot be read"),
            ("of_text", "frame('nonce', True, 1)", "never asked"),
            ("of_floats", "frame(float(nonce()), True, 1)", "never asked"),
            ("without_answer", "frame(nonce())", "never asked"),
            ("that_is_almost_true", "frame(nonce(), 1, 5)", "neither an answer nor a failure"),
            ("with_a_failure_of_numbers", "frame(nonce(), False, [1, 2, 3])", "neither an answer nor a failure"),
            ("with_half_a_character", "b'\\x05\\0\\0\\0\\x91\\xa3\\xed\\xa0\\x80'", "cannot be read"),
            ("with_an_unknown_extension", "b'\\x03\\0\\0\\0\\xd4\\x05\\0'", "cannot be read"),
            (
                "with_an_array_too_short",
                "b'\\x0a\\0\\0\\0\\xc7\\x07\\x01d\\x01\\xff\\xff\\xff\\xffx'",
                "cannot be read",
            ),
            ("with_an_array_of_pointers", "b'\\x09\\0\\0\\0\\xc7\\x06\\x01O\\x01\\0\\0\\0\\0'", "cannot be read"),
        )
    ),
    Attack(
        "failure_that_blames_the_memory",
        FORGER
        + "def answer(facts):\n    write(3, frame(nonce(), False, ['memory', 'm', 'y' * 60000]))\n    os.read(3, 1)",
        failure="out_of_memory",
        words="^out of memory: .*\ny{4000}$",
    ),
    Attack(
        "too_few_answers",
        "class Policy:\n    def decide(self, x): return x\nimport builtins\nbuiltins.zip = lambda *a, **k: [(0, 1)]\n",
        failure="bad_answer",
        words="number of answers is not the number of questions",
        play=wrong_number_of_answers,
    ),
    Attack(
        "dies_between_two_calls",
        "import os, signal\ndef answer(facts):\n    return os.close(3) or 1\n",
        failure="crashed",
        words="ended before it answered",
        play=die_between_calls,
    ),
    *(
        Attack(name, source, failure="", harmless=harmless, loot="hidden", play=honest_cpu_s)
        for name, source, harmless in (
            (
                "patched_clocks",
                WORK + "import time\ntime.time = time.perf_counter = time.process_time = lambda: 0.0\n"
                "def answer(facts): work()",
                "seen in call and gap",
            ),
            (
                "work_at_import_time",
                WORK + "work()\ndef answer(facts): return 1",
                "seen in import",
            ),
            (
                "work_in_the_gap_between_calls",
                FORGER
                + WORK
                + """
def answer(facts):
    write(3, frame(nonce(), True, 1))
    work()
    os._exit(0)
""",
                "seen in call and gap",
            ),
        )
    ),
    Attack(
        "work_in_a_thread",
        "import threading\ndef work():\n    while True: pass\nthreading.Thread(target=work, daemon=True).start()\n"
        "def answer(facts): return 1",
        words="can't start new thread",
    ),
    Attack(
        "work_in_a_timer",
        "import signal\nsignal.signal(signal.SIGALRM, print)\nsignal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\n"
        "def answer(facts): return 1",
    ),
)
