"""What is written down of a case while it is served: its requests, roles and transfers, and what came of late."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluators.pd_disaggregation.fleet import SCENARIOS, SECOND_NS, Case
from evaluators.serving import Job, PooledReplica, Role, SharedReplica

WINDOWS_S = (10, 60)
"""Over how long a report tells what came and what was completed."""


@dataclass
class Service:
    """What became of the requests of a case.

    jobs: in the order of arrival.  prefill, decode: (n,) where each request's first and later tokens were made, last.
    replicas: the engines as they ended.  roles: (time ns, instance, role) of each change; the first ones at 0.
    states: (time ns, prompts held, prompt tokens queued, decodes, KV in use) at each control.
    transfer_ns: of each transfer, from the end of the prefill to the arrival.  busy_ns, role_ns: time that an instance
    computed, and was, in each role; both sides count where it is shared.  since_ns: when each took its present one.
    shares: (time ns, instance, percent) of each change of a share; the first ones at 0.
    """

    jobs: list[Job]
    replicas: list[PooledReplica] | list[SharedReplica]
    prefill: list[int] = field(default_factory=list)
    decode: list[int] = field(default_factory=list)
    roles: list[tuple[int, int, int]] = field(default_factory=list)
    states: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    transfer_ns: list[int] = field(default_factory=list)
    busy_ns: list[list[int]] = field(default_factory=list)
    role_ns: list[list[int]] = field(default_factory=list)
    since_ns: list[int] = field(default_factory=list)
    shares: list[tuple[int, int, int]] = field(default_factory=list)
    switches: int = 0
    end_ns: int = 0

    def __post_init__(self) -> None:
        number = len(self.replicas)
        self.busy_ns, self.role_ns = [[0, 0, 0] for _ in range(number)], [[0, 0, 0] for _ in range(number)]
        self.since_ns, self._busy_before_ns = [0] * number, [0] * number

    def open_shares(self, roles: Sequence[Role], shares: Sequence[int] | None) -> None:
        """Write down the shares that the fleet starts with; None where there are none."""
        if shares is not None:
            self.shares = [(0, number, shares[number]) for number, role in enumerate(roles) if role is Role.MIXED]

    @property
    def share_changes(self) -> int:
        """How often a share changed after the first answer of `control`."""
        return sum(at_ns > 0 for at_ns, _, _ in self.shares)

    def count_time(self, number: int, role: Role, now_ns: int, busy_ns: int) -> None:
        """Count the time that an instance has spent in a role until now. busy_ns: that it has computed in all."""
        now_ns = max(now_ns, self.since_ns[number])
        self.role_ns[number][role] += now_ns - self.since_ns[number]
        self.busy_ns[number][role] += busy_ns - self._busy_before_ns[number]
        self.since_ns[number], self._busy_before_ns[number] = now_ns, busy_ns


def engines_of(case: Case, roles: Sequence[Role]) -> list[PooledReplica] | list[SharedReplica]:
    """Return the engines of a case's machines, all of one kind; both do what the pools ask for."""
    kind: Any = SharedReplica if case.shares else PooledReplica
    return [kind(cost, case.fleet.kv_capacity_tokens, role) for cost, role in zip(case.fleet.costs, roles, strict=True)]


class Windows:
    """What came, got its first token and was complete within the last seconds."""

    def __init__(self, case: Case) -> None:
        arrivals = case.arrivals
        one_hot = (arrivals.scenario[:, None] == np.arange(len(SCENARIOS))).astype(np.int64)
        table = np.stack([one_hot, one_hot * arrivals.input_tokens[:, None]], axis=2)
        self._came_ns = arrivals.arrival_us * 1000
        self._came = np.concatenate([np.zeros((1, len(SCENARIOS), 2), dtype=np.int64), np.cumsum(table, axis=0)])
        self._first_ns: list[int] = []  # when first tokens came, and sums of their times over the SLO
        self._first_sums = [0.0]
        self._done_ns: list[int] = []  # when requests were complete, and sums of their times between tokens
        self._done_sums = [0.0]
        self._done_by: list[tuple[list[int], list[int]]] = [([], [0]) for _ in SCENARIOS]  # when, and sums of tokens

    @property
    def completed(self) -> int:
        """How many requests are complete."""
        return len(self._done_ns)

    def first(self, now_ns: int, times_slo: float) -> None:
        """Note a first token. times_slo: its time over the SLO."""
        self._first_ns.append(now_ns)
        self._first_sums.append(self._first_sums[-1] + times_slo)

    def done(self, now_ns: int, scenario: int, answer_tokens: int, times_slo: float) -> None:
        """Note a request that is complete. times_slo: its mean time between tokens over the SLO."""
        self._done_ns.append(now_ns)
        self._done_sums.append(self._done_sums[-1] + times_slo)
        at_ns, tokens = self._done_by[scenario]
        at_ns.append(now_ns)
        tokens.append(tokens[-1] + answer_tokens)

    def told(self, now_ns: int, came: int) -> tuple[Any, ...]:
        """Return what a report tells: what came of the first `came`, what was completed, and how late tokens were."""
        since_ns = [now_ns - seconds * SECOND_NS for seconds in WINDOWS_S]
        arrived, completed = [self.arrived(at, came) for at in since_ns], [self.completed_since(at) for at in since_ns]
        return (*arrived, *completed, *self.times_slo(since_ns[-1]))

    def arrived(self, since_ns: int, came: int) -> np.ndarray:
        """Return of the first `came` requests those after a moment: (scenarios, 2) int64, number and prompt tokens."""
        first = min(int(np.searchsorted(self._came_ns, since_ns, side="right")), came)
        found: np.ndarray = self._came[came] - self._came[first]
        return found

    def completed_since(self, since_ns: int) -> np.ndarray:
        """Return what was completed after a moment: (scenarios, 2) int64, number and answer tokens."""
        rows = []
        for at_ns, tokens in self._done_by:
            first = bisect_right(at_ns, since_ns)
            rows.append((len(at_ns) - first, tokens[-1] - tokens[first]))
        return np.array(rows, dtype=np.int64)

    def times_slo(self, since_ns: int) -> tuple[float, float]:
        """Return the means of first tokens, and of requests completed, after a moment; 0 where there are none."""
        return _mean_since(since_ns, self._first_ns, self._first_sums), _mean_since(
            since_ns, self._done_ns, self._done_sums
        )


def _mean_since(since_ns: int, at_ns: list[int], sums: list[float]) -> float:
    """Return the mean of what came after a moment; 0 where that is nothing. sums: of what came before each."""
    first = bisect_right(at_ns, since_ns)
    return (sums[-1] - sums[first]) / (len(at_ns) - first) if first < len(at_ns) else 0.0
