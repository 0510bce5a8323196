"""Small random cases, and a policy that does anything that is allowed."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from evaluators.llm_batching.calls import AGENT, CHAT, DEADLINE, RELAXED, SQL, Calls, Case, Given, Machine
from evaluators.llm_batching.server import GUESSES, Server

NEVER = float("inf")


def calls_of(rows: list[dict[str, Any]]) -> Calls:
    """Make calls of rows; what a row does not tell is that of a single chat request."""

    def column(key: str, default: Any, dtype: type) -> np.ndarray:
        return np.array([row.get(key, default) for row in rows], dtype=dtype)

    guess = np.repeat(column("output", 1, float)[:, None], GUESSES, axis=1)
    return Calls(
        column("arrival_us", 0, np.int64),
        column("prompt", 1, np.int64),
        column("output", 1, np.int64),
        column("cls", CHAT, np.int64),
        column("program", -1, np.int64),
        column("turn", 0, np.int64),
        tuple(tuple(row.get("after", ())) for row in rows),
        column("tool_us", 0, np.int64),
        column("extends", -1, np.int64),
        column("due_s", NEVER, float),
        guess,
    )


def case_of(rows: list[dict[str, Any]], machine: Machine, **more: Any) -> Case:
    return Case("hand/0", machine, Given(calls_of(rows)), **{"max_answer_tokens": 512} | more)


def small_case(seed: int, most: int) -> Case:
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    at = 0
    for program in range(rng.randint(1, 3)):
        at += rng.randint(1, 400_000)
        if rng.random() < 0.5:
            prompt = rng.randint(1, most)
            for turn in range(rng.randint(1, 4)):
                row = {"prompt": prompt, "output": rng.randint(1, most), "cls": AGENT, "program": program, "turn": turn}
                if turn:
                    row |= {"after": [len(rows) - 1], "extends": len(rows) - 1}
                    row |= {"tool_us": rng.choice((0, rng.randint(1, 900_000)))}
                else:
                    row["arrival_us"] = at
                rows.append(row)
                prompt += row["output"] + rng.randint(1, 9)
        else:
            first = len(rows)
            rows.append({"prompt": rng.randint(1, most), "output": rng.randint(1, 9), "cls": SQL, "program": program})
            rows[-1]["arrival_us"] = at
            middle = rng.randint(1, 3)
            for _ in range(middle):
                rows.append({"prompt": rng.randint(1, most), "output": rng.randint(1, most), "after": [first]})
            rows.append(
                {"prompt": rng.randint(1, most), "output": 5, "after": list(range(first + 1, first + 1 + middle))}
            )
            for turn, row in enumerate(rows[first:]):
                row |= {"cls": SQL, "program": program, "turn": turn}
    for _ in range(rng.randint(1, 8)):
        cls = rng.choice((CHAT, RELAXED, DEADLINE))
        rows.append({"prompt": rng.randint(1, most), "output": rng.randint(1, 2 * most), "cls": cls})
        rows[-1]["arrival_us"] = rng.choice((0, rng.randint(0, 2_000_000)))
    largest = max(row["prompt"] + row["output"] for row in rows)
    cost, model = rng.choice((("a100-llama-3-8b-tp1", "llama-3-8b"), ("a100-opt-13b-tp1", "opt-13b")))
    return case_of(rows, Machine(cost, model, largest + rng.choice((0, 5, most, 5 * most))))


class Anything:
    """Plans anything that is allowed, and something whenever it can; by the view of `SlowServer`."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.wild = self.rng.random()

    def decide(self, view: dict[str, Any]) -> dict[str, Any]:
        rng, wild = self.rng, self.wild
        plan: dict[str, Any] = {"prefill": [], "preempt": [], "resume": [], "pause": [], "pin": []}
        free = view["free"]
        for id_, _, left, _ in view["running"]:
            if rng.random() < 0.15 * wild:
                plan["preempt"].append([id_, rng.choice(("recompute", "swap"))])
            elif left and rng.random() < 0.7:
                plan["prefill"].append([id_, rng.randint(1, left)])
            elif rng.random() < 0.15 * wild:
                plan["pause"].append(id_)
        for id_, _, _, kv in view["swapped"]:
            if kv <= free and rng.random() < 0.7:
                free -= kv
                plan["resume"].append(id_)
        for id_, _, left, _ in view["waiting"]:
            if rng.random() < 0.5:
                plan["prefill"].append([id_, left if rng.random() < 0.5 else rng.randint(1, left)])
        for program in view["open"]:
            if rng.random() < 0.4:
                plan["pin"].append([program, rng.choice((0.0, 0.2, 5.0))])
        fits = sum(tokens for _, tokens in plan["prefill"]) <= view["free"]
        works = (plan["prefill"] and fits) or any(
            not left and id_ not in plan["pause"] and id_ not in [p[0] for p in plan["preempt"]]
            for id_, _, left, _ in view["running"]
        )
        if not works and not view["moving"]:  # something must happen: take the first that can be done
            plan |= {"preempt": [], "pause": []}
            for id_, _, left, _ in sorted(view["running"] + view["waiting"]):
                if left:
                    plan["prefill"] = [[id_, 1 if rng.random() < 0.3 else left]]
                    break
        return plan


class Watched:
    """A scheduler for the quick server: shows the policy the slow one's view, keeps it, and checks the books."""

    def __init__(self, policy: Any) -> None:
        self.policy, self.log = policy, []
        self.server: Server | None = None

    def schedule(self, obs: Any) -> Any:
        assert self.server is not None
        check_books(self.server)
        order = np.argsort(obs.running.id), np.argsort(obs.waiting.id), np.argsort(obs.swapped.id)

        def rows(table: Any, by: np.ndarray) -> list[tuple[int, ...]]:
            columns = (table.id, table.generated_tokens, table.prefill_left, table.kv_tokens)
            return list(zip(*(column[by].tolist() for column in columns), strict=True))

        view = {
            "now": int(self.server.env.now),
            "free": obs.kv_free_tokens,
            "running": rows(obs.running, order[0]),
            "waiting": rows(obs.waiting, order[1]),
            "swapped": rows(obs.swapped, order[2]),
            "moving": sorted(obs.moving.tolist()),
            "held": sorted(
                zip(
                    obs.pinned.program_id.tolist(),
                    obs.pinned.kv_tokens.tolist(),
                    (obs.pinned.until_s * 1e9).round().astype(int).tolist(),
                    strict=True,
                )
            ),
            "forced": obs.preempted.tolist(),
            "open": sorted(self.server._open),
        }
        self.log.append(view)
        plan = self.policy.decide(view)
        plan["pin"] = [[program, float(ttl)] for program, ttl in plan["pin"]]
        return plan


def check_books(server: Server) -> None:
    """Every request is in one place, KV in use is what they hold, tokens are those that came out."""
    engine = server.engine
    places = [engine.waiting, engine.running, engine.swapped, engine.leaving, engine.coming]
    inside = [request for place in places for request in place]
    complete = [server._call_of.index(c) for c in range(len(server._calls)) if server.service.finish_ns[c] >= 0]
    assert sorted(inside + complete) == list(range(engine.came))
    on_gpu = [request for place in (engine.running, engine.leaving, engine.coming) for request in place]
    assert engine.kv_used == engine.kv[on_gpu].sum() + sum(engine.held.values())
    assert 0 <= engine.kv_used <= engine.kv_capacity_tokens
    assert not engine.kv[list(engine.waiting)].any()
    for request in on_gpu:
        left, kv, seen = engine.left[request], engine.kv[request], engine.generated[request]
        assert left >= 0 and (left > 0 or kv == engine.input_tokens[request] + seen - 1)
    # Tokens that came out: whole rows, and those that go on.
    rows = [sum(end - first for first, end in rows) for rows in engine._rows[: engine.came]]
    for request, began in engine._streaming.items():
        rows[request] += engine.iterations - began
    assert rows == engine.generated[: engine.came].tolist()
