"""What a policy sees. Rows of numbers, one per instance, are sent in the form in which they travel."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

import msgspec
import numpy as np

from evaluators.pd_disaggregation.fleet import SCENARIOS, Case, Family, first_roles, prefill_ms_per_token
from evolve.evaluator import Record, pack


class InstanceState(IntEnum):
    """READY: works in its role.  DRAINING: ends what it has of its old one.  SWITCHING: serves nothing.  DOWN: lost."""

    READY = 0
    DRAINING = 1
    SWITCHING = 2
    DOWN = 3


class FleetInfo(Record, frozen=True):
    """The constants of a case, given to `Policy(fleet)`."""

    instances: int
    role: np.ndarray
    prefill_ms_per_token: np.ndarray
    prefill_ms: np.ndarray
    decode_ms: np.ndarray
    decode_ms_per_request: np.ndarray
    decode_ms_per_kv_token: np.ndarray
    kv_capacity_tokens: int
    link_ms_per_token: float
    switch_s: float
    scenarios: int


class Instances(Record, frozen=True):
    """The instances as they are now, a row each."""

    role: Any
    state: Any
    queued_tokens: Any
    running_requests: Any
    kv_used_tokens: Any
    incoming_tokens: Any
    link_backlog_s: Any


class SharedInstances(Instances, frozen=True):
    """The instances where role 2 has a share. share: of prefill, percent of the SMs; 100 in role 0, 0 in role 1."""

    share: Any


class Prompt(Record, frozen=True):
    """What `dispatch` sees: the request at the head of the gateway's queue, and the instances."""

    now_s: float
    id: int
    scenario: int
    input_tokens: int
    waited_s: float
    ttft_slo_s: float
    generated_tokens: int
    held: int
    instances: Instances


class Prefilled(Record, frozen=True):
    """What `assign` sees: a request whose KV is to go to a decode instance, and the instances."""

    now_s: float
    id: int
    scenario: int
    kv_tokens: int
    generated_tokens: int
    ttft_s: float
    ttft_slo_s: float
    source: int
    instances: Instances


class Report(Record, frozen=True):
    """What `control` sees."""

    now_s: float
    held: int
    held_tokens: int
    arrived_10s: np.ndarray
    arrived_60s: np.ndarray
    completed_10s: np.ndarray
    completed_60s: np.ndarray
    ttft_times_slo: float
    tpot_times_slo: float
    instances: Instances


class SharedPrompt(Prompt, frozen=True):
    """What `dispatch` sees where role 2 has a share."""

    instances: SharedInstances


class SharedPrefilled(Prefilled, frozen=True):
    """What `assign` sees where role 2 has a share."""

    instances: SharedInstances


class SharedReport(Report, frozen=True):
    """What `control` sees where role 2 has a share."""

    instances: SharedInstances


@dataclass(frozen=True)
class Kinds:
    """The records that a policy of a family sees; what travels is told by their types."""

    prompt: type[Prompt]
    prefilled: type[Prefilled]
    report: type[Report]


KINDS: Mapping[Family, Kinds] = {
    "pools": Kinds(Prompt, Prefilled, Report),
    "semi_pd": Kinds(SharedPrompt, SharedPrefilled, SharedReport),
}


class Controller(Protocol):
    """A policy, wherever it runs."""

    def dispatch(self, prompt: Prompt) -> Any:
        """Return the instance that computes a prompt, or -1 to hold it."""

    def assign(self, prefilled: Prefilled) -> Any:
        """Return the instance that generates a request's later tokens."""

    def control(self, report: Report) -> Any:
        """Return rows of instance, role, and perhaps whether its requests are moved away."""


class Rows:
    """Makes rows of numbers, one per instance, into what is sent: (n,) int64 or float64.

    form: "packed", as they travel, in a fifth of the time that `pack` takes; "arrays", for programs of ours that run in
    this process; "lists", for the reference.
    """

    def __init__(self, length: int, form: str) -> None:
        self.whole: Callable[[Sequence[int]], Any] = _array_of_whole
        self.real: Callable[[Sequence[float]], Any] = _array_of_real
        if form == "packed":
            self.whole = _packer(length, np.dtype(np.int64), "q")
            self.real = _packer(length, np.dtype(np.float64), "d")
        elif form == "lists":
            self.whole = self.real = list


def _packer(length: int, dtype: np.dtype[Any], code: str) -> Callable[[Sequence[Any]], Any]:
    head = bytes(pack(np.zeros(length, dtype=dtype)))[: -8 * length]
    body = struct.Struct(f"<{length}{code}").pack
    return lambda numbers: msgspec.Raw(head + body(*numbers))


def _array_of_whole(numbers: Sequence[int]) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def _array_of_real(numbers: Sequence[float]) -> np.ndarray:
    return np.array(numbers, dtype=np.float64)


def info_of(case: Case) -> FleetInfo:
    """Return the constants that a policy is made with."""
    fleet = case.fleet
    costs = fleet.costs
    return FleetInfo(
        fleet.instances,
        np.array(first_roles(fleet.instances), dtype=np.int64),
        np.array([prefill_ms_per_token(cost) for cost in costs]),
        np.array([cost.prefill_ns / 1e6 for cost in costs]),
        np.array([cost.decode_ns / 1e6 for cost in costs]),
        np.array([cost.sequence_ns / 1e6 for cost in costs]),
        np.array([cost.kv_ns / 1e6 for cost in costs]),
        fleet.kv_capacity_tokens,
        fleet.transfer_ns(1000, hidden=fleet.overlap) / 1e9,
        fleet.switch_s,
        len(SCENARIOS),
    )
