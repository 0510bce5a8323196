"""The cases of the splits: calls for one engine, at 0.8 to 1.1 of the rate at which it saturates.

Prompts and answers are rows of Azure's traces; in memory-bound cases answers are 5 or 6 times as long. Half of the
requests are chat, 30 % relaxed, 20 % have a deadline; some cases also have programs: agents, whose turns extend one
prompt with tool calls in between, and graphs of Text-to-SQL (one call, some in parallel, one that merges).
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.llm_batching.calls import AGENT, CHAT, DEADLINE, MACHINES, RELAXED, SQL, Calls, Case, Machine
from evaluators.llm_batching.server import GUESSES, guess_sigma
from evaluators.serving import Measured, Roofline
from evaluators.serving.traces import azure_trace
from evolve.evaluator import Split

DEADLINE_S, DEADLINE_TOKEN_S = 20.0, 0.1
"""A request with a deadline must be complete after so long, and so much for each token that is first guessed."""
MIX = (CHAT, RELAXED, DEADLINE)
SHARES = (0.5, 0.3, 0.2)
CHUNK = 1024
"""Prompt tokens of an iteration that the saturated rate is worked out at."""
SAMPLE = 4000
LONGEST_SHARE = 0.5
"""No prompt and answer together take more than this share of the KV room."""
LONGEST_ANSWER = 512
"""Answers are cut to so many tokens, times `Traffic.answer_times`: what a service allows."""
TOOL_S = (math.log(1.5), 1.82)
"""(mu, sigma) of the log of the seconds of a tool call: median 1.5 s, 95 % within 30 s."""
MOST_TOOL_S = 60.0
TURNS = (3, 15)
TURN_PROMPT, TURN_NEW, TURN_ANSWER = (400, 2500), (50, 500), (30, 250)
"""Of an agent: tokens of its first prompt, what each tool call adds, and its answers; least and most."""
SQL_CANDIDATES = (2, 6)
SQL_PROMPT, SQL_ANSWER = (800, 2500), (20, 250)
PROGRAM_TIMES = 3.0
"""A program is due after its tools and so many times what its calls take when 32 others are decoded with them."""


@dataclass(frozen=True)
class Traffic:
    """What calls are like.

    Attributes:
        number: of calls.  load: rate, as a share of the saturated one.  answer_times: how many times as long answers
            are as in the trace.  code_share: of single requests, whose lengths are those of Azure's code trace.
        agent_share, sql_share: of units.  gap_cv: coefficient of variation of the Gamma gaps between units.
        deadlines_guessed: whether the predictor tells of requests with a deadline.
    """

    number: int
    load: float
    answer_times: int = 1
    code_share: float = 0.05
    agent_share: float = 0.0
    sql_share: float = 0.0
    gap_cv: float = 1.0
    deadlines_guessed: bool = True


@dataclass(frozen=True)
class Drawn:
    """Calls drawn at random. per_s: units a second."""

    seed: str
    machine: Machine
    traffic: Traffic
    per_s: float

    def calls(self) -> Calls:
        """Draw the calls."""
        return drawn_calls(self.seed, self.machine, self.traffic, self.per_s)


def drawn_calls(seed: str, machine: Machine, traffic: Traffic, per_s: float) -> Calls:
    """Draw units at `per_s` a second, until there are `traffic.number` calls.

    What a policy sees at once (arrivals, classes, prompts) and what is hidden (answers, tools, the predictor's errors)
    have streams of chance of their own.
    """
    seen, hidden = (random.Random(f"{seed}/{part}") for part in ("seen", "hidden"))
    rows: list[_Row] = []
    within_s: dict[int, float] = {}
    at_s = 0.0
    shape = 1 / traffic.gap_cv**2
    while len(rows) < traffic.number:
        at_s += seen.gammavariate(shape, 1 / shape) / per_s
        dice = seen.random()
        if dice < traffic.agent_share + traffic.sql_share:
            make = _agent if dice < traffic.agent_share else _sql
            calls = make(len(rows), len(within_s), round(at_s * 1e6), machine, seen, hidden)
            within_s[len(within_s)] = _program_s(calls, machine)
            rows += calls
        else:
            rows.append(_single(round(at_s * 1e6), machine, traffic, seen, hidden))
    return _calls(rows, within_s, seed, traffic.deadlines_guessed)


@dataclass
class _Row:
    arrival_us: int
    prompt: int
    answer: int
    cls: int
    program: int = -1
    turn: int = 0
    after: tuple[int, ...] = ()
    tool_us: int = 0
    extends: int = -1


def _single(at_us: int, machine: Machine, traffic: Traffic, seen: random.Random, hidden: random.Random) -> _Row:
    trace = azure_trace("code" if seen.random() < traffic.code_share else "conv")
    prompt = int(trace.input_tokens[seen.randrange(len(trace))])
    answer = min(LONGEST_ANSWER, int(trace.output_tokens[hidden.randrange(len(trace))])) * traffic.answer_times
    most = int(machine.kv_capacity_tokens * LONGEST_SHARE)
    prompt = min(prompt, most - 1)
    return _Row(at_us, prompt, min(answer, most - prompt), seen.choices(MIX, SHARES)[0])


def _agent(
    first: int, program: int, at_us: int, machine: Machine, seen: random.Random, hidden: random.Random
) -> list[_Row]:
    rows: list[_Row] = []
    prompt = seen.randint(*TURN_PROMPT)
    most = int(machine.kv_capacity_tokens * LONGEST_SHARE)
    for turn in range(hidden.randint(*TURNS)):
        answer = hidden.randint(*TURN_ANSWER)
        if prompt + answer > most:
            break
        row = _Row(at_us if not turn else 0, prompt, answer, AGENT, program, turn)
        if turn:
            row.after, row.extends = (first + turn - 1,), first + turn - 1
            row.tool_us = round(min(MOST_TOOL_S, hidden.lognormvariate(*TOOL_S)) * 1e6)
        rows.append(row)
        prompt += answer + hidden.randint(*TURN_NEW)
    return rows


def _sql(
    first: int, program: int, at_us: int, machine: Machine, seen: random.Random, hidden: random.Random
) -> list[_Row]:
    prompt = seen.randint(*SQL_PROMPT)
    middle = hidden.randint(*SQL_CANDIDATES)
    rows = [_Row(at_us, prompt, hidden.randint(*SQL_ANSWER), SQL, program)]
    for turn in range(1, middle + 1):
        rows.append(_Row(0, prompt + 200, hidden.randint(*SQL_ANSWER), SQL, program, turn, (first,)))
    between = tuple(range(first + 1, first + 1 + middle))
    rows.append(_Row(0, prompt + 100 * middle, hidden.randint(*SQL_ANSWER), SQL, program, middle + 1, between))
    return rows


def single_calls(arrival_us: np.ndarray, prompts: np.ndarray, answers: np.ndarray, seed: str) -> Calls:
    """Return single requests as calls; their classes and the predictor's errors are drawn. All arrays (n,) int64."""
    seen = random.Random(f"{seed}/seen")
    rows = [
        _Row(us, prompt, answer, seen.choices(MIX, SHARES)[0])
        for us, prompt, answer in zip(arrival_us.tolist(), prompts.tolist(), answers.tolist(), strict=True)
    ]
    return _calls(rows, {}, seed)


def _calls(rows: list[_Row], within_s: Mapping[int, float], seed: str, deadlines_guessed: bool = True) -> Calls:
    """Make calls of rows. within_s: time that each program has."""

    def column(name: str) -> np.ndarray:
        return np.array([getattr(row, name) for row in rows], dtype=np.int64)

    answers, cls, program = column("answer"), column("cls"), column("program")
    errors = stream(f"{seed}/guesses").standard_normal((len(rows), GUESSES))
    guess = np.maximum(np.round(answers[:, None] * np.exp(errors * guess_sigma(GUESSES))), 1.0)
    arrival_us = column("arrival_us")
    due_s = np.full(len(rows), np.inf)
    late = cls == DEADLINE
    due_s[late] = arrival_us[late] / 1e6 + DEADLINE_S + DEADLINE_TOKEN_S * guess[late, 0]
    for number, seconds in within_s.items():
        unit = np.nonzero(program == number)[0]
        due_s[unit] = arrival_us[unit[0]] / 1e6 + seconds
    if not deadlines_guessed:
        guess[late] = np.nan
    return Calls(
        arrival_us,
        column("prompt"),
        answers,
        cls,
        program,
        column("turn"),
        tuple(row.after for row in rows),
        column("tool_us"),
        column("extends"),
        np.round(due_s, 3),
        guess,
    )


def _program_s(rows: list[_Row], machine: Machine) -> float:
    """Return in which time a program must be complete, s: see PROGRAM_TIMES. Parallel calls count one after another."""
    cost = machine.model_of_cost
    step_ns = cost.compute_ns(0, 0, 32) + 32 * 1000 * cost.kv_ns
    work_ns = sum(cost.compute_ns(row.prompt, row.prompt**2, 0) + row.answer * step_ns for row in rows)
    return sum(row.tool_us for row in rows) / 1e6 + PROGRAM_TIMES * work_ns / 1e9


@dataclass(frozen=True)
class Recipe:
    """How a case is drawn."""

    machine: str
    traffic: Traffic
    strict: bool = False


def _plain(load: float, number: int = 600, **more: float) -> Traffic:
    return Traffic(number, load, **more)  # type: ignore[arg-type]


def _long(load: float, number: int = 450, times: int = 6, **more: float) -> Traffic:
    return Traffic(number, load, times, **more)  # type: ignore[arg-type]


def _programs(load: float, number: int = 600, **more: float) -> Traffic:
    return Traffic(number, load, 1, agent_share=0.08, sql_share=0.08, **more)  # type: ignore[arg-type]


RECIPES: Mapping[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        Recipe("8b-a100", _plain(1.0)),
        Recipe("8b-a100", _plain(1.1, code_share=0.3)),
        Recipe("8b-a100", _long(1.0)),
        Recipe("8b-a100", _long(1.1, times=5, gap_cv=1.5)),
        Recipe("8b-a100", _plain(0.9), strict=True),
        Recipe("8b-a100", _programs(1.7, gap_cv=1.5, deadlines_guessed=False)),
    ),
    Split.VALIDATION: (
        Recipe("13b-a100", _plain(0.95, gap_cv=1.5)),
        Recipe("13b-a100", _plain(1.05, gap_cv=1.5)),
        Recipe("13b-a100", _plain(1.1, gap_cv=2.0, code_share=0.3)),
        Recipe("13b-a100", _long(0.9, gap_cv=1.5)),
        Recipe("13b-a100", _long(1.0, gap_cv=2.0)),
        Recipe("13b-a100", _long(1.1, times=5, gap_cv=1.5)),
        Recipe("13b-a100", _programs(1.6, gap_cv=1.5)),
        Recipe("8b-a100", _plain(1.05, gap_cv=2.0)),
        Recipe("8b-a100", _plain(0.85, gap_cv=1.5), strict=True),
        Recipe("8b-a100", _long(1.05, gap_cv=2.0)),
        Recipe("8b-a100", _programs(1.8, gap_cv=1.5, deadlines_guessed=False)),
        Recipe("8b-a100", _plain(1.0, gap_cv=1.5, code_share=0.5)),
    ),
    Split.TEST: (
        Recipe("34b-a100", _plain(1.0, gap_cv=3.0)),
        Recipe("34b-a100", _long(1.0, 300, gap_cv=3.0, deadlines_guessed=False)),
        Recipe("34b-a100", _programs(1.6, gap_cv=3.0)),
        Recipe("8b-a40", _plain(1.1, gap_cv=3.0)),
        Recipe("8b-a40", _plain(0.85, gap_cv=3.0), strict=True),
        Recipe("8b-a40", _long(1.05, gap_cv=3.0)),
        Recipe("8b-a40", _programs(1.5, gap_cv=3.0, deadlines_guessed=False)),
    ),
}


def own_case(split: Split, index: int, attempt: int = 0) -> Case:
    """Return a case of train, validation or test. attempt: counts the redraws; see reference.py."""
    return drawn_case(split, f"{split.value}/{index}", index, attempt)


def drawn_case(split: Split, name: str, index: int, attempt: int) -> Case:
    """Return a case like that of a split with an index, its calls not yet drawn. name: what chance depends on."""
    recipe = RECIPES[split][index]
    machine, traffic = MACHINES[recipe.machine], recipe.traffic
    per_s = round(traffic.load * saturated_units_per_s(machine, traffic), 6)
    source = Drawn(f"llm_batching/{name}/{attempt}", machine, traffic, per_s)
    return Case(name, machine, source, LONGEST_ANSWER * traffic.answer_times, recipe.strict)


@functools.cache
def saturated_units_per_s(machine: Machine, traffic: Traffic) -> float:
    """Return the rate of units (single requests and programs) at which an engine is always busy and full, units/s."""
    sample = drawn_calls("llm_batching: what a call costs", machine, replace(traffic, number=SAMPLE), 1.0)
    prompt, answer = float(sample.input_tokens.mean()), float(sample.output_tokens.mean())
    per_s = saturated_per_s(machine.model_of_cost, machine.kv_capacity_tokens, prompt, answer)
    return per_s * len(sample.units) / len(sample)


def saturated_per_s(cost: Measured | Roofline, kv_capacity_tokens: int, prompt: float, answer: float) -> float:
    """Return the rate of requests at which an engine is always busy and full, requests/s.

    prompt, answer: mean tokens. In the steady state an iteration has prompt tokens and decodes in the ratio of the two,
    as many as a chunk of CHUNK or the KV room lets it have.
    """
    decodes = min(CHUNK * answer / prompt, kv_capacity_tokens / (prompt + answer / 2))
    chunk = decodes * prompt / answer
    attention = round(chunk * prompt)
    step_ns = cost.compute_ns(round(chunk), attention, round(decodes)) + cost.kv_ns * decodes * (prompt + answer / 2)
    return decodes / (answer * step_ns) * 1e9
