"""Runs a case: control every 5 s, failures and repairs are processes of simpy, which drives the clock of the pools."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from evaluators.pd_disaggregation.answers import Change, read_changes
from evaluators.pd_disaggregation.fleet import SECOND_NS, Case, Failure
from evaluators.pd_disaggregation.observation import Controller
from evaluators.pd_disaggregation.pools import CONTROL_S, GIVES_FIRST, GIVES_LATER, READY, Pools
from evaluators.pd_disaggregation.record import Service
from evolve.evaluator import Infeasible

STUCK_S = 600
"""A fleet that completes nothing for so long while requests wait is stuck."""
LONGEST_DRAIN_S = 7200
"""After the last request has come, all must be complete within so long."""

Process = Generator[simpy.Event, Any, None]


def serve(case: Case, controller: Controller, form: str) -> Service:
    """Serve a case. Raises Infeasible when an answer of the controller breaks a rule.

    form: in which the rows of observations are: "packed", "arrays" or "lists"; see `Rows`.
    """
    pools = Pools(case, controller, form)
    Operation(case, controller, pools).run()
    return pools.service


class Operation:
    """The processes of a case."""

    def __init__(self, case: Case, controller: Controller, pools: Pools) -> None:
        self._case, self._policy, self._pools = case, controller, pools
        self._env = simpy.Environment()

    def run(self) -> None:
        """Serve all requests."""
        self._pools.open(self._changes(-1))
        for failure in self._case.fleet.failures:
            self._env.process(self._fail(failure))
        self._env.process(self._control())
        self._env.run()
        self._pools.close()

    def _wait(self, until_ns: int) -> Process:
        """Let simpy, and then the engines, get to a moment."""
        if until_ns > self._env.now:
            yield self._env.timeout(until_ns - int(self._env.now))
        self._pools.advance(until_ns)

    def _control(self) -> Process:
        """Ask every 5 s who changes its role, until all requests are complete."""
        pools, number = self._pools, len(self._case.arrivals)
        last_ns = int(self._case.arrivals.arrival_us[-1]) * 1000 if number else 0
        tick = stuck = before = 0
        while pools.completed < number:
            tick += 1
            yield from self._wait(tick * CONTROL_S * SECOND_NS)
            if pools.completed == number:
                break
            stuck = stuck + 1 if before == pools.completed < pools.came else 0
            before = pools.completed
            if stuck * CONTROL_S >= STUCK_S or self._env.now > last_ns + LONGEST_DRAIN_S * SECOND_NS:
                raise Infeasible(self._stuck())
            pools.change(self._changes(tick))

    def _stuck(self) -> str:
        pools = self._pools
        said = f"at {int(self._env.now) // SECOND_NS} s no request has been completed for {STUCK_S} s"
        held = pools.held
        if held:
            return f"{said}: the gateway holds {len(held)}, first request {held[0]}; dispatch must send each somewhere"
        return f"{said} while {pools.came - pools.completed} are in the fleet; let instances stay in their roles"

    def _changes(self, tick: int) -> list[Change]:
        """Ask which instances change their roles; a tick of -1 is before the first request."""
        pools = self._pools
        now_s = max(tick, 0) * CONTROL_S
        answer = self._policy.control(pools.report())
        limit = len(pools.roles) if tick < 0 else None
        changes = read_changes(
            answer, len(pools.roles), f"control at {now_s} s", limit, None if pools.shares is None else pools.roles
        )
        roles = list(pools.roles)
        for change in changes:
            if pools.states[change.instance] == READY:
                roles[change.instance] = change.role
        for able, what in ((GIVES_FIRST, "prefill"), (GIVES_LATER, "decode")):
            if not any(role in able for role in roles):
                raise Infeasible(
                    f"control at {now_s} s leaves no {what} instance of {len(roles)}; at least one must have role "
                    f"{int(able[0])} or 2"
                )
        return changes

    def _fail(self, failure: Failure) -> Process:
        yield from self._wait(failure.at_s * SECOND_NS)
        if self._pools.completed < len(self._case.arrivals):
            self._pools.fail(failure.instance)
            yield from self._wait((failure.at_s + failure.repair_s) * SECOND_NS)
            self._pools.repair(failure.instance)
