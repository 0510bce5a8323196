"""Attacks that want to know what the verifier will ask, which instance this is, or what a neighbour was told."""

from __future__ import annotations

import os
from typing import Any

from attacks.attack import QUICK, TOOLS, Attack
from attacks.persist import SYSTEM_CALLS, two_in_turn
from attacks.read import beside_a_victim

from sandbox import Sandbox


def place_in_the_order(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """ "known" when a process can tell that it came after another one."""
    answers = []
    for _ in range(2):
        with sandbox.start(attack.source) as candidate:
            answers.append(candidate.call("answer", facts))
    return "unknown" if answers[0] == answers[1] else "known"


def other_zygotes_order(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """ "known" when two sandboxes give a program different figures."""
    with sandbox.start(attack.source) as here, Sandbox(QUICK) as another, another.start(attack.source) as there:
        return "same" if here.call("answer", facts) == there.call("answer", facts) else "different"


def a_process_beside(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """Ask a second process of the program, which `fresh` makes, what the first was told."""
    with sandbox.start(attack.source) as candidate:
        candidate.call("answer", facts | {"turn": 0})
        return candidate.fresh().call("answer", facts | {"turn": 1})


def pid_of_the_first(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """The first process number of a new sandbox, read by the trusted end: small when it counts from 1."""
    with Sandbox(QUICK, without=sandbox.without) as fresh, fresh.start(attack.source) as candidate:
        return "counts from 1" if candidate._pid < 100 else "counts from anywhere"


PEEK = (
    Attack(
        "process_number",
        "import os, threading\ndef answer(facts): return [os.getpid(), os.getppid(), threading.get_native_id()]",
        failure="",
        harmless="unknown",
        loot="known",
        layers=SYSTEM_CALLS,
        play=place_in_the_order,
    ),
    Attack(
        "process_number_from_the_start",
        "def answer(facts): return 1",
        failure="",
        harmless="counts from anywhere",
        loot="counts from 1",
        play=pid_of_the_first,
    ),
    Attack(
        "order_of_hashes",
        "def answer(facts): return [hash('a'), list({f'task {i}' for i in range(50)})]",
        failure="",
        harmless="same",
        loot="different",
        play=other_zygotes_order,
    ),
    Attack(
        "random_state",
        "import random, numpy as np\ndef answer(facts): return [random.random(), np.random.rand()]",
        failure="",
        harmless="same",
        loot="different",
        play=other_zygotes_order,
    ),
    Attack(
        "clock_of_a_sibling",
        TOOLS
        + """
def answer(facts):
    clock, into = ~facts["victim"] << 3 | 2, ctypes.create_string_buffer(16)
    return system_call(facts["calls"]["clock_gettime"], clock, into) == 0
""",
        layers=SYSTEM_CALLS,
        loot=True,
        play=beside_a_victim,
    ),
    Attack(
        "load_of_the_machine",
        TOOLS
        + """
def answer(facts):
    block = ctypes.create_string_buffer(256)
    return system_call(facts["calls"]["sysinfo"], block) == 0
""",
        layers=SYSTEM_CALLS,
        loot=True,
    ),
    Attack(
        "name_of_the_host",
        "import os, platform, socket\ndef answer(facts): return sorted({os.uname().nodename, platform.node()})",
        failure="",
        harmless=["candidate"],
        loot=[os.uname().nodename],
        layers=frozenset({"namespaces"}),
    ),
    Attack(
        "state_between_processes_of_one_program",
        """
import collections
def answer(facts):
    if facts["turn"] == 0:
        collections.seen = "the other half"
        return None
    return getattr(collections, "seen", "nothing")
""",
        failure="",
        harmless="nothing",
        loot="the other half",
        play=a_process_beside,
    ),
    Attack(
        "class_attribute_between_instances",
        "class Policy:\n    seen = []\ndef answer(facts):\n    Policy.seen.append(1)\n    return len(Policy.seen)",
        failure="",
        harmless=1,
        loot=2,
        play=two_in_turn,
    ),
    Attack(
        "questions_of_the_verifier_in_the_frames",
        """
import sys
def answer(facts):
    frame, found = sys._getframe(), set()
    while frame is not None:
        found |= {k for k, v in frame.f_locals.items() if "instance" in k or "evaluator" in k or "split" in k}
        frame = frame.f_back
    return sorted(found)
""",
        failure="",
        harmless=[],
    ),
    Attack(
        "next_question_ahead_of_time",
        "import os\ndef answer(facts): return os.read(3, 100)",
        failure="wall_time",
        words="wall time",
    ),
)
