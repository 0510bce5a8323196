"""A case: one engine, and the calls that come to it: single requests, and programs of many calls."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from evaluators.serving import KV_BYTES_PER_TOKEN, LINK_BYTES_PER_S, MEASURED, ROOFLINES, Measured, Roofline
from evolve.evaluator import Instance

CHAT, RELAXED, DEADLINE, AGENT, SQL = range(5)
CLASS_NAMES = ("chat", "relaxed", "deadline", "agent", "sql")
NEVER_S = float("inf")
SLO_S = {CHAT: (0.5, 0.25e-3, 0.1), RELAXED: (3.0, 0.5e-3, 0.2)}
"""Of the streaming classes: first token due after so long, and so much for each prompt token; each later one."""
MAX_BATCH = 256
SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Machine:
    """An engine's hardware and model.

    cost: name of its cost model.  model: name of the model whose KV it keeps.  kv_capacity_tokens: room for KV.
    """

    cost: str
    model: str
    kv_capacity_tokens: int

    @property
    def model_of_cost(self) -> Measured | Roofline:
        """Its cost model."""
        return ROOFLINES[self.cost] if self.cost in ROOFLINES else MEASURED[self.cost]

    @property
    def swap_ns_per_token(self) -> int:
        """Time that the KV of a token takes to the host's memory or back (PCIe 4 x16), ns, rounded up."""
        return -(-KV_BYTES_PER_TOKEN[self.model] * SECOND_NS // LINK_BYTES_PER_S["pcie-4-x16"])


MACHINES = {
    "8b-a100": Machine("a100-llama-3-8b-tp1", "llama-3-8b", 150_000),
    "13b-a100": Machine("a100-opt-13b-tp1", "opt-13b", 66_144),
    "34b-a100": Machine("a100-codellama-34b-tp1", "codellama-34b", 18_000),
    "8b-a40": Machine("a40-llama-3-8b-tp1", "llama-3-8b", 190_000),
}
"""8b-a100: a card of 40 GB. KV room is 0.9 of the card less weights and activations; OPT-13B's as DistServe has it."""


@dataclass(frozen=True, eq=False)
class Calls:
    """Calls in the order in which they are numbered: 0..n-1. All arrays are (n,).

    arrival_us: int64, from the start; of a call that follows others, 0.  input_tokens, output_tokens: int64, >= 1.
    cls: int64, CHAT to SQL.  program: int64, number of its program; -1 of a single request.  turn: int64, its place in
        the program.  after: the calls that must be complete before it comes.  tool_us: int64, how long what lies
        between takes (a tool call).  extends: int64, the call whose prompt and answer its own prompt begins with; -1.
    due_s: float64, absolute time by which the request or its whole program must be complete; inf of streaming ones.
    guess: (n, k) float64, what the predictor says of output_tokens at first and after every further 50 tokens; nan
        where it says nothing.
    """

    arrival_us: np.ndarray = field(repr=False)
    input_tokens: np.ndarray = field(repr=False)
    output_tokens: np.ndarray = field(repr=False)
    cls: np.ndarray = field(repr=False)
    program: np.ndarray = field(repr=False)
    turn: np.ndarray = field(repr=False)
    after: tuple[tuple[int, ...], ...] = field(repr=False)
    tool_us: np.ndarray = field(repr=False)
    extends: np.ndarray = field(repr=False)
    due_s: np.ndarray = field(repr=False)
    guess: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.after)

    @functools.cached_property
    def slo_s(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) float64 each: by when after its arrival the first token is due, and each later one; inf: no matter."""
        ttft, tpot = np.full(len(self), NEVER_S), np.full(len(self), NEVER_S)
        for cls, (base_s, token_s, later_s) in SLO_S.items():
            of = self.cls == cls
            ttft[of] = base_s + token_s * self.input_tokens[of]
            tpot[of] = later_s
        return ttft, tpot

    @functools.cached_property
    def units(self) -> list[list[int]]:
        """What is credited: single requests, and programs as a whole; the calls of each, in order of their first."""
        programs: dict[int, list[int]] = {}
        units = []
        for call, program in enumerate(self.program.tolist()):
            if program in programs:
                programs[program].append(call)
                continue
            units.append([call])
            if program >= 0:
                programs[program] = units[-1]
        return units


class Source(Protocol):
    """Where a case's calls come from."""

    def calls(self) -> Calls:
        """Return the calls, always the same."""


@dataclass(frozen=True)
class Given:
    """Calls as they are."""

    given: Calls = field(repr=False)

    def calls(self) -> Calls:
        """Return them."""
        return self.given


@dataclass(frozen=True)
class Case(Instance):
    """Calls that come to an engine.

    max_answer_tokens: longest answer that the service allows.  strict: a streaming request counts only if its pauses
    are short, too.
    """

    machine: Machine
    source: Source
    max_answer_tokens: int
    strict: bool = False

    @functools.cached_property
    def calls(self) -> Calls:
        """The calls; made when they are first needed."""
        return self.source.calls()
