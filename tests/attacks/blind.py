"""Attacks written by somebody who had not read the sandbox, first played against it from outside."""

from __future__ import annotations

from attacks.attack import TOOLS, Attack

COLLIDING = """
P1, P2, P5, ALL = 11400714785074694791, 14029467366897019727, 2870177450012600261, (1 << 64) - 1
UNDO = pow(P2, -1, 1 << 64)
def alike(n):
    # Pairs of numbers whose tuples hash alike: the second number undoes what the first did to the sum.
    pairs, first = [], 0
    while len(pairs) < n:
        first += 1
        mixed = (P5 + first * P2) & ALL
        mixed = (((mixed << 31) | (mixed >> 33)) & ALL) * P1 & ALL
        second = (4711 - mixed) * UNDO & ALL
        if second < (1 << 61) - 1:
            pairs.append((first, second))
    return pairs
class Pair(tuple):
    __hash__ = object.__hash__
"""
"""A dict of such keys takes the trusted end a time that grows with their square; its own end has it for nothing."""

BLIND = (
    Attack(
        "keys_that_hash_alike",
        COLLIDING + "def answer(facts):\n    return {Pair(pair): 0 for pair in alike(12_000)}\n",
        failure="bad_answer",
        words="too many keys that are no text",
    ),
    Attack(
        "flags_of_the_shared_input",
        "import fcntl, os\ndef answer(facts):\n"
        "    fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK)  # the same open /dev/null in every candidate\n"
        "    return 'left a bit behind'\n",
        words="Operation not permitted|Bad file descriptor",
        layers=frozenset({"seccomp", "descriptors"}),
        loot="left a bit behind",
    ),
    Attack(
        "environment_on_the_stack",
        TOOLS
        + """
libc.getauxval.restype, libc.getauxval.argtypes = ctypes.c_ulong, [ctypes.c_ulong]
def answer(facts):
    end = libc.getauxval(31)  # AT_EXECFN: the kernel put it behind the environment that this process began with
    secret = bytes(b ^ 0x5A for b in facts["masked"])
    first = ctypes.cast(ctypes.c_void_p.in_dll(libc, "environ").value, ctypes.POINTER(ctypes.c_void_p))[0]
    if not 0 < end - first < 1 << 20 or b"STAGE_SECRET=" + secret not in ctypes.string_at(first, end - first):
        raise LookupError("no secret on the stack")
    return secret.decode()
""",
        words="no secret on the stack",
        layers=frozenset({"environment"}),
    ),
    Attack(
        "every_function_of_the_runner_replaced",
        """
import builtins, sys, types
def answer(facts):
    frame = sys._getframe().f_back
    while frame:
        for name, value in list(frame.f_globals.items()):
            if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)) and not name.startswith("__"):
                frame.f_globals[name] = lambda *a, **k: 42.0
        frame = frame.f_back
    for name in ("len", "isinstance", "bytes", "int", "getattr"):
        setattr(builtins, name, lambda *a, **k: 42)
""",
        failure="any",
        words=".",
    ),
    Attack(
        "report_of_a_crash_into_the_wire",
        "import faulthandler\ndef answer(facts):\n"
        "    for descriptor in range(3, 16):\n"
        "        try: faulthandler.dump_traceback(file=descriptor)\n"
        "        except OSError: pass\n",
        failure="bad_answer",
        words="the answer has [0-9]+ bytes, more than",
    ),
    Attack(
        "words_to_every_descriptor",
        "import os\ndef answer(facts):\n"
        "    for descriptor in range(65):\n"
        "        try: os.write(descriptor, b'\\x01\\0\\0\\0\\xc0' * 9)\n"
        "        except OSError: pass\n",
        failure="bad_answer",
        words="never asked|more than one answer",
    ),
    Attack(
        "exception_that_describes_itself_for_ever",
        "class E(Exception):\n    def __str__(self):\n        while True: pass\ndef answer(facts): raise E\n",
        failure="any",
        words="wall time of a call|CPU time",
    ),
    Attack(
        "exception_of_half_characters_and_escapes",
        "def answer(facts):\n    raise type('E\\n\\x1b[2J', (ValueError,), {})('\\ud800 [/] \\x1b]0;owned\\x07')\n",
        words=r"\\ud800 \[/\]",
    ),
    Attack(
        "hook_for_what_nobody_raises",
        "import sys\ndef loop(*_):\n    while True: pass\nsys.unraisablehook = sys.excepthook = loop\n"
        "class D:\n    def __del__(self): raise ValueError\ndef answer(facts): D()\n",
        failure="any",
        words="wall time of a call|CPU time",
    ),
    Attack(
        "array_of_nothing_of_astronomic_length",
        "import numpy as np\ndef answer(facts): return np.zeros((0, 1 << 40))\n",
        failure="bad_answer",
        words="of shape .* cannot be sent",
    ),
    Attack(
        "number_that_is_no_plain_number",
        "import numpy as np\ndef answer(facts): return np.longdouble(42)\n",
        failure="bad_answer",
        words="longdouble cannot be sent",
    ),
    Attack(
        "number_that_takes_for_ever_to_fold",
        "X = 2**2**2**2**2**2\ndef answer(facts): return 1\n",
        failure="any",
        words="wall time of a call|CPU time|out of memory",  # whichever comes first on this host
    ),
    Attack(
        "priority_of_the_whole_user",
        "import os\ndef answer(facts):\n    os.setpriority(os.PRIO_USER, 0, 19)\n    return 'slower'\n",
        loot="slower",
    ),
    Attack(
        "exit_from_within_the_answer_sent",
        """
import os, sys
def leave(frame, event, called):
    if event == "c_return" and called.__name__ == "write":
        os._exit(0)
def answer(facts):
    sys.setprofile(leave)  # gone before the trusted end reads the clock
    return "sent"
""",
        failure="",
        harmless="sent",
    ),
    Attack(
        "modules_of_the_runner_gone",
        "import sys\nsys.modules.clear()\ndef answer(facts): return 'still here'\n",
        failure="",
        harmless="still here",
    ),
)
