"""What a policy sees of the instances, counted anew only where something has happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evaluators.pd_disaggregation.fleet import SECOND_NS
from evaluators.pd_disaggregation.observation import Instances, InstanceState, Rows, SharedInstances
from evaluators.serving import PooledReplica, Role, SharedReplica


class View:
    """Looks at what the pools keep of each instance: the lists given are theirs.

    inbox_tokens: prompt tokens sent to one that is not ready.  incoming: KV tokens on their way there, or waiting till
    it is ready.  link_free_ns: when the last transfer that it sends will be done.  form: see `Rows`.
    shares: of prefill in role 2, percent; None where there are none.

    Attributes:
        stale: the instances to which something has happened.  queued, kv: tokens of each as last seen.
    """

    def __init__(
        self,
        replicas: Sequence[PooledReplica | SharedReplica],
        roles: Sequence[Role],
        states: Sequence[InstanceState],
        inbox_tokens: Sequence[int],
        incoming: Sequence[int],
        link_free_ns: Sequence[int],
        form: str,
        shares: Sequence[int] | None = None,
    ) -> None:
        number = len(replicas)
        self._replicas, self._roles, self._states, self._shares = replicas, roles, states, shares
        self._inbox_tokens, self._incoming, self._link_free_ns = inbox_tokens, incoming, link_free_ns
        self.queued, self._running, self.kv, self._coming = ([0] * number for _ in range(4))
        self.stale = set(range(number))
        self._growing: list[int] = []  # of whom the KV in use grows with time
        self._rows = Rows(number, form)
        self._fixed: tuple[Any, Any] | None = None  # roles and states as sent
        self._fixed_shares: Any = None

    def changed(self) -> None:
        """Look at roles and states again."""
        self._fixed = None

    def instances(self, now_ns: int) -> Instances:
        """Return the instances as they are now."""
        row = self._rows.whole
        if self._fixed is None:
            self._fixed = row(self._roles), row(self._states)
            if self._shares is not None:
                self._fixed_shares = row([share_of(*one) for one in zip(self._roles, self._shares, strict=True)])
        if self.stale:
            self._count_again()
        for number in self._growing:
            self.kv[number] = self._replicas[number].kv_tokens_at(now_ns)
        backlog_s = [(free - now_ns) / SECOND_NS if free > now_ns else 0.0 for free in self._link_free_ns]
        counted = row(self.queued), row(self._running), row(self.kv), row(self._coming)
        if self._shares is not None:
            return SharedInstances(*self._fixed, *counted, self._rows.real(backlog_s), self._fixed_shares)
        return Instances(*self._fixed, *counted, self._rows.real(backlog_s))

    def _count_again(self) -> None:
        for number in self.stale:
            replica = self._replicas[number]
            self.queued[number] = replica.queued_tokens + self._inbox_tokens[number]
            self._running[number] = len(replica.running)
            self.kv[number] = replica.kv_tokens
            self._coming[number] = self._incoming[number] + replica.waiting_kv_tokens
        self.stale.clear()
        self._growing = [number for number, replica in enumerate(self._replicas) if replica.decodes]


def share_of(role: Role, share: int) -> int:
    """Return which share of an instance's SMs prefill has, percent. share: in role 2."""
    return share if role is Role.MIXED else 100 if role is Role.PREFILL else 0
