"""An engine on the clock of simpy: calls come, tools return, KV goes over PCIe, and a policy plans the iterations.

simpy for what is a process and rare: arrivals, the calls of programs, each after those before it, transfers one after
the other, pins that run out. The engine passes time itself, in runs of iterations (`evaluators.serving.planned`); it is
cut when something of this happens. What happens just when an iteration ends has happened before the next is planned.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import simpy

from evaluators.llm_batching.calls import MAX_BATCH, SECOND_NS, Calls, Case
from evaluators.llm_batching.observation import Column, EngineInfo, Observation, Pinned, Table, as_it_is, packed
from evaluators.llm_batching.plan import Plan, read_plan
from evaluators.serving import CHUNK_TOKENS, IDLE, PlannedEngine
from evolve.evaluator import Infeasible

MOST_ITERATIONS = 64
"""A plan holds for so many iterations at most."""
MOST_IDLE_PLANS = 3
"""So many plans in a row that let nothing happen while requests wait make a program infeasible."""
GUESS_EVERY = 50
"""The predictor guesses again after so many tokens of an answer."""
GUESSES = 16
GUESS_SIGMA, GUESS_SHRINKS = 0.5, 0.85
"""The logarithm of its first guess is off by so much (standard deviation), that of each later one by so much less."""
P90 = 1.2816
HISTORY = 1000

Process = Generator[simpy.Event, Any, None]


class Scheduler(Protocol):
    """A policy, wherever it runs."""

    def schedule(self, observation: Observation) -> Any:
        """Return a plan."""


@dataclass
class Service:
    """What became of the calls of a case.

    engine: as it ended.  arrival_ns, finish_ns: (n,) int64.  token_ns: for each call, when its tokens came out.
    tool_ns: what its program spent in tools before a call came.  plans: how often the policy was asked.
    swaps, preemptions: how often the policy took KV to the host, or away.  reused_tokens: of KV that was pinned.
    admitted_ns: (n,) when each call was first computed.  states: at each plan, (now_ns, KV tokens in use, how many
    wait, how many have KV on the GPU).
    """

    engine: PlannedEngine
    arrival_ns: np.ndarray
    finish_ns: np.ndarray
    token_ns: list[np.ndarray] = field(default_factory=list)
    admitted_ns: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    states: list[tuple[int, int, int, int]] = field(default_factory=list)
    plans: int = 0
    swaps: int = 0
    preemptions: int = 0
    reused_tokens: int = 0


def info_of(case: Case) -> EngineInfo:
    """Return the constants that a policy is made with."""
    machine = case.machine
    cost = machine.model_of_cost
    step_ns = cost.compute_ns(0, 0, 1)
    return EngineInfo(
        machine.kv_capacity_tokens,
        MAX_BATCH,
        case.max_answer_tokens,
        step_ns / 1e6,
        (cost.compute_ns(CHUNK_TOKENS, 0, 0) - cost.compute_ns(CHUNK_TOKENS // 2, 0, 0)) / (CHUNK_TOKENS // 2) / 1e6,
        cost.attention_ns / 1e6,
        (cost.compute_ns(0, 0, MAX_BATCH) - step_ns) / (MAX_BATCH - 1) / 1e6,
        cost.kv_ns / 1e6,
        machine.swap_ns_per_token / 1e6,
        case.strict,
    )


def serve(case: Case, scheduler: Scheduler, *, as_sent: bool) -> Service:
    """Serve a case. Raises Infeasible when a plan breaks a rule.

    as_sent: the columns of observations are in the form in which they are sent; else they are arrays, for a policy in
        this process.
    """
    server = Server(case, scheduler, as_sent)
    server.run()
    return server.service


class Server:
    """Serves the calls of a case, one plan after the other."""

    def __init__(self, case: Case, scheduler: Scheduler, as_sent: bool) -> None:
        calls, machine = case.calls, case.machine
        self._calls, self._scheduler, self._swap_ns = calls, scheduler, machine.swap_ns_per_token
        self.engine = PlannedEngine(machine.model_of_cost, machine.kv_capacity_tokens, len(calls), MOST_ITERATIONS)
        nothing = np.full(len(calls), -1, dtype=np.int64)
        self.service = Service(self.engine, nothing, nothing.copy())
        self._tables = _Tables(calls, self.engine, packed if as_sent else as_it_is)
        self.env = simpy.Environment()
        self._pcie = simpy.Resource(self.env)
        self._complete = [self.env.event() for _ in range(len(calls))]
        self._call_of: list[int] = []  # a request's number -> its call
        self._left = len(calls)
        self._idle_plans = self._told = self._news = 0
        self._open: dict[int, int] = {}  # program that has begun -> calls of it that are not complete
        self._ttl_ns: dict[int, int] = {}
        self._until_ns: dict[int, int] = {}

    def run(self) -> None:
        """Serve all calls."""
        for unit in self._calls.units:
            for call in unit:
                self.env.process(self._come(call, len(unit)))
        while self._left:
            self.step()
        by_call = dict(zip(self._call_of, self.engine.token_times(), strict=True))
        self.service.token_ns = [by_call[call] for call in range(len(self._calls))]
        self.service.admitted_ns = np.zeros(len(self._calls), dtype=np.int64)
        self.service.admitted_ns[self._call_of] = self.engine.admitted_ns

    def step(self) -> None:
        """Make a plan, and let time pass until the next is due."""
        engine, env = self.engine, self.env
        if not (engine.waiting or engine.running or engine.swapped):
            env.step()
            return
        self._let_happen_now()
        news = self._news
        self._begin(self._plan())
        if engine.ends_ns == IDLE:
            busy = bool(engine.leaving or engine.coming)
            self._idle_plans = 0 if busy else self._idle_plans + 1
            if self._idle_plans >= MOST_IDLE_PLANS:
                raise Infeasible(
                    f"nothing scheduled in {MOST_IDLE_PLANS} plans in a row while {len(engine.waiting)} requests wait, "
                    f"{len(engine.running)} have KV and {len(engine.swapped)} are swapped out, at "
                    f"{env.now / SECOND_NS:.3f} s"
                )
            while self._news == news and env.peek() != simpy.core.Infinity:
                env.step()
            return
        self._idle_plans = 0
        while env.peek() <= engine.ends_ns:
            env.step()
        if env.now < engine.ends_ns:
            env.run(until=engine.ends_ns)
        for request in engine.end():
            self._finish(request)

    def _let_happen_now(self) -> None:
        """Let all that happens outside the engine at this moment happen before a plan is made."""
        while self.env.peek() <= self.env.now:
            self.env.step()

    def _come(self, call: int, calls_of_unit: int) -> Process:
        calls, env = self._calls, self.env
        if calls.after[call]:
            yield simpy.AllOf(env, [self._complete[before] for before in calls.after[call]])
        wait_us = int(calls.tool_us[call] if calls.after[call] else calls.arrival_us[call])
        if wait_us:
            yield env.timeout(wait_us * 1000)
        self.service.arrival_ns[call] = env.now
        program = int(calls.program[call])
        if program >= 0:
            self._open.setdefault(program, calls_of_unit)
        held = program if calls.extends[call] >= 0 and program in self.engine.held else None
        if held is not None and len(self.engine.running) + len(self.engine.coming) >= MAX_BATCH:
            self.engine.release(program)
            held = None
        request = self.engine.add(int(calls.input_tokens[call]), int(calls.output_tokens[call]), held)
        self._call_of.append(call)
        self.service.reused_tokens += int(self.engine.kv[request])
        self._tables.arrive(call, request, int(env.now))
        self._disturb()

    def _finish(self, request: int) -> None:
        env, engine, call = self.env, self.engine, self._call_of[request]
        self.service.finish_ns[call] = env.now
        self._left -= 1
        self._tables.finish(request)
        program = int(self._calls.program[call])
        if program >= 0:
            self._open[program] -= 1
            if not self._open[program]:
                del self._open[program]
                self._ttl_ns.pop(program, None)
                engine.release(program)
            elif self._ttl_ns.get(program):
                engine.release(program)
                engine.hold(program, int(engine.kv[request]))
                self._expire_in(program, self._ttl_ns[program])
        self._complete[call].succeed()

    def _begin(self, plan: Plan) -> None:
        engine, service = self.engine, self.service
        for program, ttl_s in plan.pin:
            self._ttl_ns[program] = round(ttl_s * SECOND_NS)
            if program in engine.held:
                self._expire_in(program, self._ttl_ns[program])
        for request in plan.recompute:
            engine.preempt(request)
        for request in plan.swap:
            engine.leave(request)
            self.env.process(self._transfer(request, True))
        for request in plan.resume:
            engine.come(request)
            self.env.process(self._transfer(request, False))
        service.preemptions += len(plan.recompute)
        service.swaps += len(plan.swap)
        engine.begin(int(self.env.now), plan.prefill, plan.pause)

    def _plan(self) -> Plan:
        engine, tables = self.engine, self._tables
        forced = engine.forced[self._told :]
        self._told = len(engine.forced)
        pinned = [(program, tokens, self._until_ns[program]) for program, tokens in engine.held.items()]
        self.service.states.append((int(self.env.now), engine.kv_used, len(engine.waiting), len(engine.running)))
        answer = self._scheduler.schedule(tables.observation(int(self.env.now), forced, pinned))
        self.service.plans += 1
        return read_plan(answer, engine, self._open)

    def _transfer(self, request: int, leaves: bool) -> Process:
        """Take a request's KV over PCIe when the transfers before it are done; an engine that computes goes on."""
        engine = self.engine
        with self._pcie.request() as turn:
            yield turn
            yield self.env.timeout(int(engine.kv[request]) * self._swap_ns)
        (engine.has_left if leaves else engine.has_come)(request)
        self._disturb()

    def _expire_in(self, program: int, ttl_ns: int) -> None:
        until_ns = self._until_ns[program] = int(self.env.now) + ttl_ns
        if ttl_ns:
            self.env.process(self._expire(program, until_ns, ttl_ns))
        else:
            self.engine.release(program)

    def _expire(self, program: int, until_ns: int, ttl_ns: int) -> Process:
        yield self.env.timeout(ttl_ns)
        if self._until_ns.get(program) == until_ns and self.engine.release(program):
            self._disturb()

    def _disturb(self) -> None:
        """Let the next plan be due when the iteration in progress has ended."""
        self._news += 1
        self.engine.cut(int(self.env.now))


class _Tables:
    """Makes observations: columns of all requests that have come, of which each table takes the rows that it needs."""

    def __init__(self, calls: Calls, engine: PlannedEngine, column: Column) -> None:
        self._calls, self._engine, self._column = calls, engine, column
        ttft_s, tpot_s = calls.slo_s
        # What is known of a call, and of each request once it has come.
        self._whole = (calls.cls, calls.program, calls.turn)
        self._real = (np.zeros(len(calls)), ttft_s, tpot_s, calls.due_s)
        self._known_whole = tuple(np.zeros_like(known) for known in self._whole)
        self._known_real = tuple(np.zeros_like(known) for known in self._real)
        self._guess = np.zeros_like(calls.guess)
        self._latest = calls.guess.shape[1] - 1
        self._to_p90 = np.exp(P90 * guess_sigma(calls.guess.shape[1]))
        self._history: list[int] = []
        self._sent_history: Any = None
        self._none = column(np.zeros(0, dtype=np.int64))
        self._empty = self._table({})
        self._no_pins = Pinned(self._none, self._none, column(np.zeros(0)))

    def arrive(self, call: int, request: int, now_ns: int) -> None:
        """Take in that a call has come, as which request."""
        self._real[0][call] = now_ns / SECOND_NS
        for known, facts in zip((*self._known_whole, *self._known_real), (*self._whole, *self._real), strict=True):
            known[request] = facts[call]
        self._guess[request] = self._calls.guess[call]

    def finish(self, request: int) -> None:
        """Take in that a request is complete."""
        self._history.append(int(self._engine.output_tokens[request]))
        self._sent_history = None

    def observation(self, now_ns: int, forced: list[int], pinned: list[tuple[int, int, int]]) -> Observation:
        """Return what the policy sees now."""
        engine, column = self._engine, self._column
        if self._sent_history is None:
            self._sent_history = column(np.array(self._history[-HISTORY:], dtype=np.int64))
        moving, pins = self._none, self._no_pins
        if engine.leaving or engine.coming:
            moving = column(np.array([*engine.leaving, *engine.coming], dtype=np.int64))
        if pinned:
            rows = np.array(pinned, dtype=np.int64)
            pins = Pinned(column(rows[:, 0].copy()), column(rows[:, 1].copy()), column(rows[:, 2] / SECOND_NS))
        return Observation(
            now_ns / SECOND_NS,
            engine.kv_capacity_tokens - engine.kv_used,
            self._table(engine.running),
            self._table(engine.waiting),
            self._table(engine.swapped) if engine.swapped else self._empty,
            moving,
            pins,
            column(np.array(forced, dtype=np.int64)) if forced else self._none,
            self._sent_history,
        )

    def _table(self, requests: dict[int, None]) -> Table:
        ids = np.fromiter(requests, dtype=np.int64, count=len(requests))
        engine, column = self._engine, self._column
        cls, program, turn = (column(known[ids]) for known in self._known_whole)
        arrival_s, ttft_s, tpot_s, due_s = (column(known[ids]) for known in self._known_real)
        generated = engine.generated[ids]
        again = np.minimum(generated // GUESS_EVERY, self._latest)
        # Who has generated as much as was guessed goes on for one token at least.
        p50 = np.maximum(self._guess[ids, again], generated + 1)
        return Table(
            column(ids),
            cls,
            program,
            turn,
            arrival_s,
            column(engine.input_tokens[ids]),
            column(generated),
            column(engine.left[ids]),
            column(engine.kv[ids]),
            ttft_s,
            tpot_s,
            due_s,
            column(p50),
            column(p50 * self._to_p90[again]),
        )


def guess_sigma(times: int) -> np.ndarray:
    """Return how far the predictor's guesses are off, the standard deviation of the logarithm: (times,) float64."""
    sigma: np.ndarray = GUESS_SIGMA * GUESS_SHRINKS ** np.arange(times)
    return sigma
