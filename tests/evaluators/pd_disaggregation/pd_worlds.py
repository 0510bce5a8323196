"""Small random cases, a policy that does anything that is allowed, and the traffic of the prototype."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from evaluators.pd_disaggregation.fleet import A100, Arrivals, Case, Failure, Fleet, Given
from evaluators.pd_disaggregation.operation import Operation
from evaluators.pd_disaggregation.pools import Pools
from evaluators.pd_disaggregation.record import Service
from evaluators.serving import State
from evaluators.serving.traces import azure_trace


def arrivals_of(*rows: tuple[float, int, int, int]) -> Arrivals:
    """rows: (arrival s, prompt tokens, answer tokens, scenario)."""
    return Arrivals(*np.array([[round(s * 1e6), p, a, c] for s, p, a, c in rows], dtype=np.int64).reshape(-1, 4).T)


def case_of(*rows: tuple[float, int, int, int], instances: int = 2, **fleet: Any) -> Case:
    return Case("hand/0", Fleet((A100,) * instances, **fleet), Given(arrivals_of(*rows)))


def small_case(seed: int) -> Case:
    rng = random.Random(seed)
    most = rng.choice((40, 900, 3000))
    rows, at_s = [], 0.0
    for _ in range(rng.randint(2, 14)):
        at_s += rng.choice((0.0, rng.random() * 0.5, rng.random() * 3))
        rows.append((at_s, rng.randint(1, most), rng.choice((1, rng.randint(1, 60))), rng.randrange(3)))
    number = rng.randint(2, 4)
    names = (A100, "h100-llama-2-70b-tp8", "a100-opt-13b-tp1")
    largest = max(prompt + answer for _, prompt, answer, _ in rows) + 1
    failures = ()
    if rng.random() < 0.6:
        failures = (Failure(rng.randrange(number), rng.choice((1, 2, 3, 5)), rng.randint(6, 12)),)
    fleet = Fleet(
        tuple(rng.choice(names) for _ in range(number)),
        rng.choice((25_000_000_000, 200_000_000)),
        rng.random() < 0.5,
        rng.choice((0.0, 1.0, 4.5)),
        largest + rng.choice((0, 3, most, 10 * most)),
        failures,
    )
    return Case(f"small/{seed}", fleet, Given(arrivals_of(*rows)))


class Anything:
    """Answers anything that is allowed; sees a plain view, the same of the quick and of the slow pools."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.wild = self.rng.choice((0.0, 0.3, 1.0))

    def dispatch(self, view: dict[str, Any]) -> int:
        able = [i for i, role in enumerate(view["roles"]) if role != 1]
        return -1 if self.rng.random() < 0.2 * self.wild else self.rng.choice(able)

    def assign(self, view: dict[str, Any]) -> int:
        return self.rng.choice([i for i, role in enumerate(view["roles"]) if role != 0])

    def control(self, view: dict[str, Any]) -> list[list[int]]:
        roles, rows = list(view["roles"]), []
        for _ in range(2):
            if self.rng.random() > self.wild:
                continue
            instance, role = self.rng.randrange(len(roles)), self.rng.randrange(3)
            after = [*roles[:instance], role, *roles[instance + 1 :]]
            if view["states"][instance] or any(instance == row[0] for row in rows):
                continue
            if all(role == 0 for role in after) or all(role == 1 for role in after):
                continue
            roles = after
            rows.append([instance, role, *([self.rng.randrange(2)] if self.rng.random() < 0.7 else [])])
        return rows


class Watched:
    """A controller for the quick pools: shows a policy the plain view, keeps it, and checks the books."""

    def __init__(self, policy: Any) -> None:
        self.policy, self.log = policy, []

    def ask(self, what: str, obs: Any, who: int = -1, tokens: int = 0) -> Any:
        now = obs.instances
        rows = {
            "roles": [int(role) for role in now.role],
            "states": [int(state) for state in now.state],
            "queued": list(now.queued_tokens),
            "running": list(now.running_requests),
            "kv": list(now.kv_used_tokens),
            "coming": list(now.incoming_tokens),
            "backlog": [round(s * 1e9) for s in now.link_backlog_s],
        }
        if hasattr(now, "share"):
            rows["shares"] = list(now.share)
        view = {"what": what, "who": who, "tokens": tokens, "now": round(obs.now_s * 1e9), **rows}
        answer = getattr(self.policy, what)(view)
        self.log.append((view, answer))
        return answer

    def dispatch(self, obs: Any) -> Any:
        return self.ask("dispatch", obs, obs.id, obs.input_tokens)

    def assign(self, obs: Any) -> Any:
        return self.ask("assign", obs, obs.id, obs.kv_tokens)

    def control(self, obs: Any) -> Any:
        return self.ask("control", obs)


def check_books(pools: Pools) -> None:
    """Every request is in one place, KV in use is what they hold, and tokens are those that came out."""
    places: list[Any] = [job for _, job in pools._gateway]
    places += list(pools._flying)
    for number, replica in enumerate(pools._replicas):
        places += [*replica.queue, *replica.running, *pools._inbox[number]]
        partial = replica.partial
        held = 0
        for job in replica.running:
            if job.finish_step >= 0:
                seen = job.output_tokens - (job.finish_step - replica._steps)
                held += job.input_tokens + seen - 1
            else:
                held += job.context_tokens
        assert replica.kv_tokens == held
        assert replica.role == 0 or held <= replica.kv_capacity_tokens
        decoding = [job for job in replica.running if job.finish_step >= 0]
        assert len(decoding) == replica.decodes
        assert not (replica.role == 0 and decoding) and not (replica.role == 1 and partial)
        computing = sum(tokens for _, tokens in replica._chunks)
        left = sum(job.context_tokens - job.computed_tokens for job in replica.running if job.finish_step < 0)
        prompts = sum(job.context_tokens for job in replica.queue if not job.resident)
        assert replica.queued_tokens == prompts + left >= computing
        assert replica.waiting_kv_tokens == sum(job.context_tokens for job in replica.queue if job.resident)
        to_here = sum(job.context_tokens for job, (_, _, to) in pools._flying.items() if to == number)
        to_here += sum(job.context_tokens for job in pools._inbox[number] if job.resident)
        assert pools._incoming[number] == to_here
        waits = sum(job.context_tokens for job in pools._inbox[number] if not job.resident)
        assert pools._inbox_tokens[number] == waits
    done = [job for job in pools._jobs[: pools.came] if job.state is State.DONE]
    assert len(done) == pools.completed
    assert sorted(job.number for job in [*places, *done]) == list(range(pools.came))
    assert pools._gateway_tokens == sum(job.context_tokens for _, job in pools._gateway)
    for job in places:
        assert 0 <= job.generated_tokens < job.output_tokens
        assert job.generated_tokens == 0 or job.first_token_ns >= job.arrival_ns
    for job in done:
        assert job.generated_tokens == job.output_tokens and job.finish_ns >= job.first_token_ns > job.arrival_ns


def booked(case: Case, policy: Any) -> tuple[Service, Watched]:
    """Serve a case, the books checked after every event."""
    watched = Watched(policy)
    pools = Booked(case, watched, "lists")
    Operation(case, watched, pools).run()
    return pools.service, watched


class Booked(Pools):
    """Checks the books after every event."""

    def _touch(self) -> None:
        super()._touch()
        check_books(self)


def mixed_case(chat_per_s: float, code_per_s: float, seed: int, switch_s: float = 5.0) -> Case:
    """Phases of 120 s of chat and of code in turn, 480 s, Poisson, rows of Azure's traces; 8 A100 machines."""
    rng = np.random.default_rng(seed)
    parts = []
    for phase in range(4):
        trace, rate = azure_trace("code" if phase % 2 else "conv"), (code_per_s if phase % 2 else chat_per_s)
        number = rng.poisson(rate * 120)
        at_s = np.sort(rng.uniform(phase * 120, (phase + 1) * 120, number))
        prompts, answers = (rng.integers(len(trace), size=number) for _ in range(2))
        rows = (np.round(at_s * 1e6), trace.input_tokens[prompts], trace.output_tokens[answers])
        parts.append(np.stack([*rows, np.full(number, phase % 2)]))
    columns = np.concatenate(parts, axis=1).astype(np.int64)
    return Case("mix", Fleet((A100,) * 8, switch_s=switch_s), Given(Arrivals(*columns)), (0, 120, 240, 360))


def first_part(case: Case, seconds: int, fleet: Fleet) -> Case:
    """Return what comes within so many seconds, for another fleet."""
    a = case.arrivals
    part = a.arrival_us < seconds * 1_000_000
    columns = (a.arrival_us, a.input_tokens, a.output_tokens, a.scenario)
    return Case("part", fleet, Given(Arrivals(*(column[part] for column in columns))))
