"""The cases of the splits: traffic whose need of prefill and decode shifts, or does not.

Prompts and answers are rows of Azure's traces (chat: conversation, code), in some cases also bursts of prompts of 24 to
32 k tokens. A phase has a load (share of the fleet's time that a fluid would take) and a share of prefill in it; the
rates of chat and code follow. Kinds: `phases` alternate between two shares every 60 to 120 s, `tides` swing between
them once, `burst` adds long prompts for a while, `steady` keeps one share, `same_prefill` alternates chat and code that
need the same prefill. In the last two, a third of each split, changing roles cannot help: one ratio is best for all.

Train: A100 machines, arrivals near Poisson. Validation: more machines, burstier, roles that take longer. Test: a third
of the machines H100, links half as quick, changes of role that reload weights, and machines that fail.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.pd_disaggregation.fleet import A100, CHAT, CODE, H100, LONG, Arrivals, Case, Failure, Family, Fleet
from evaluators.pd_disaggregation.work import needs
from evaluators.serving import MEASURED
from evaluators.serving.requests import Requests
from evaluators.serving.traces import azure_trace
from evolve.evaluator import Split

LONG_TOKENS = (24_000, 32_000)
H100_IS = 2.1
"""An H100 machine does the work of so many A100 machines, in between of prefill (2.3) and decode (1.9)."""
PHASE_S = (60, 120)
TIDE_STEP_S = 30
"""Tides are drawn, and known to the reference, in steps of so long."""
BURST_S, BURST_LOAD = 60, 0.95
"""For how long prompts are long, and which share of the fleet's time all requests take then."""


LOAD_TIMES: Mapping[Family, float] = {"pools": 1.0, "semi_pd": 1.3}
"""By how much more comes where machines may be shared: those do up to 1.4 times as much of both together."""


@dataclass(frozen=True)
class Recipe:
    """How a case is drawn.

    Attributes:
        kind: phases, tides, burst, steady or same_prefill; see the module's text.
        load: work as a share of what the fleet can do.  shares: of prefill in the work, least and most.
        instances, span_s: how many, and for how long requests come.
        times: how many times as long prompts and answers of chat and code are as in the traces.
        gap_cv: coefficient of variation of the gaps between requests; 1 is Poisson.
        switch_s, overlap: see `Fleet`.  slow_link: 12 GB/s.  mixed: a third of the machines are H100.
        failures: how many machines fail once.
    """

    kind: str
    load: float
    shares: tuple[float, float]
    instances: int = 8
    span_s: int = 300
    times: int = 1
    gap_cv: float = 1.0
    switch_s: float = 5.0
    overlap: bool = False
    slow_link: bool = False
    mixed: bool = False
    failures: int = 0


RECIPES: Mapping[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        Recipe("phases", 0.8, (0.45, 0.75), span_s=210),
        Recipe("steady", 0.85, (0.62, 0.62), span_s=180),
        Recipe("phases", 0.88, (0.5, 0.72), span_s=210, switch_s=1.0),
        Recipe("same_prefill", 0.88, (0.45, 0.9), span_s=240, switch_s=20.0, overlap=True),
        Recipe("tides", 0.82, (0.45, 0.75), 10, 240, times=2, switch_s=2.0),
        Recipe("burst", 0.7, (0.5, 0.6), span_s=180, gap_cv=1.3),
    ),
    Split.VALIDATION: (
        Recipe("phases", 0.75, (0.45, 0.75), 12, 300, 2, 1.5),
        Recipe("phases", 0.82, (0.5, 0.75), 8, 240, 1, 1.5, 10.0),
        Recipe("phases", 0.95, (0.45, 0.7), 8, 240, 1, 1.5, 2.0, overlap=True),
        Recipe("steady", 0.82, (0.7, 0.7), 8, 210, 1, 2.0),
        Recipe("steady", 0.85, (0.42, 0.42), 16, 240, 2, 1.5),
        Recipe("same_prefill", 0.85, (0.45, 0.9), 12, 300, 2, 1.5, 10.0),
        Recipe("tides", 0.85, (0.45, 0.75), 8, 240, 1, 1.5),
        Recipe("tides", 0.75, (0.5, 0.75), 16, 240, 2, 2.0, 2.0, overlap=True),
        Recipe("burst", 0.7, (0.5, 0.6), 10, 240, 2, 1.5),
    ),
    Split.TEST: (
        Recipe("phases", 0.75, (0.45, 0.75), 12, 300, 2, 2.0, 20.0, slow_link=True, mixed=True),
        Recipe("phases", 0.85, (0.45, 0.75), 9, 300, 2, 2.0, 5.0, slow_link=True, mixed=True, failures=1),
        Recipe("phases", 1.1, (0.5, 0.72), 8, 240, 1, 1.5, 30.0, slow_link=True),
        Recipe("steady", 0.8, (0.65, 0.65), 9, 300, 2, 2.0, 20.0, slow_link=True, mixed=True),
        Recipe("steady", 0.8, (0.6, 0.6), 24, 200, 3, 2.0, 20.0, slow_link=True, mixed=True, failures=2),
        Recipe("same_prefill", 0.85, (0.45, 0.9), 12, 300, 2, 2.0, 60.0, slow_link=True, mixed=True),
        Recipe("tides", 0.8, (0.45, 0.75), 12, 300, 2, 2.0, 20.0, slow_link=True, mixed=True),
        Recipe("burst", 0.7, (0.5, 0.6), 12, 300, 2, 2.0, 20.0, overlap=True, slow_link=True, mixed=True, failures=1),
        Recipe("tides", 0.8, (0.45, 0.7), 18, 240, 3, 1.5, 5.0, overlap=True, mixed=True, failures=1),
    ),
}


@dataclass(frozen=True)
class Phase:
    """What comes from `start_s` on: requests of chat, of code and with long prompts, a second."""

    start_s: int
    chat_per_s: float
    code_per_s: float
    long_per_s: float = 0.0

    @property
    def per_s(self) -> tuple[float, float, float]:
        """The rates in the order of SCENARIOS."""
        return self.chat_per_s, self.code_per_s, self.long_per_s


@dataclass(frozen=True)
class Drawn:
    """Requests drawn at random."""

    seed: str
    phases: tuple[Phase, ...]
    span_s: int
    times: int
    gap_cv: float

    def arrivals(self) -> Arrivals:
        """Draw the requests."""
        return drawn_arrivals(self.seed, self.phases, self.span_s, self.times, self.gap_cv)


def drawn_arrivals(seed: str, phases: tuple[Phase, ...], span_s: int, times: int, gap_cv: float) -> Arrivals:
    """Draw the requests of some phases: Gamma gaps, run through at each phase's rate.

    What a policy sees at once (arrivals, scenarios, prompts) and what is hidden (answers) have streams of their own.
    """
    seen, hidden = stream(f"{seed}/seen"), stream(f"{seed}/hidden")
    starts = np.array([phase.start_s for phase in phases] + [span_s], dtype=float)
    rates = np.array([phase.per_s for phase in phases])
    expected = np.concatenate([[0.0], np.cumsum(rates.sum(axis=1) * np.diff(starts))])
    shape = 1 / gap_cv**2
    number = int(expected[-1] * 1.2 + 20 * gap_cv * math.sqrt(expected[-1]) + 50)
    place = np.cumsum(seen.gamma(shape, 1 / shape, number))
    place = place[place < expected[-1]]
    at_s = np.interp(place, expected, starts)
    phase = np.clip(np.searchsorted(starts, at_s, side="right") - 1, 0, len(phases) - 1)
    odds = np.cumsum(rates, axis=1)[phase]
    dice = seen.random(len(place)) * odds[:, -1]
    scenario = (dice[:, None] >= odds).sum(axis=1)
    prompts, answers = np.zeros((2, len(place)), dtype=np.int64)
    for kind in (CHAT, CODE, LONG):
        those = np.nonzero(scenario == kind)[0]
        trace = _trace(kind)
        if kind == LONG:
            prompts[those] = seen.integers(LONG_TOKENS[0], LONG_TOKENS[1] + 1, len(those))
        else:
            prompts[those] = trace.input_tokens[seen.integers(len(trace), size=len(those))] * times
        answers[those] = trace.output_tokens[hidden.integers(len(trace), size=len(those))] * times
    return Arrivals(np.round(at_s * 1e6).astype(np.int64), prompts, answers, scenario.astype(np.int64))


def _trace(scenario: int) -> Requests:
    return azure_trace("code" if scenario == CODE else "conv")


@functools.cache
def mean_needs(scenario: int, times: int) -> tuple[float, float]:
    """Return the prefill and decode of an A100 machine that a request of a scenario takes on average, s."""
    trace = _trace(scenario)
    prompts = np.full(len(trace), sum(LONG_TOKENS) // 2) if scenario == LONG else trace.input_tokens * times
    answers = trace.output_tokens * times
    return needs(MEASURED[A100], Arrivals(trace.arrival_us, prompts, answers, np.zeros(len(trace))))


def rates(machines: float, load: float, share: float, times: int) -> tuple[float, float]:
    """Return how many requests of chat and of code come a second.

    machines: as many A100 as the fleet amounts to.  share: of prefill in the work; where it is less than chat's own
    there is chat alone, where it is more than code's, code.
    """
    (chat_p, chat_d), (code_p, code_d) = mean_needs(CHAT, times), mean_needs(CODE, times)
    prefill, decode = load * machines * share, load * machines * (1 - share)
    determinant = chat_p * code_d - code_p * chat_d
    chat = (prefill * code_d - code_p * decode) / determinant
    code = (chat_p * decode - prefill * chat_d) / determinant
    if code < 0:
        return load * machines / (chat_p + chat_d), 0.0
    if chat < 0:
        return 0.0, load * machines / (code_p + code_d)
    return chat, code


def own_case(split: Split, index: int, attempt: int = 0, family: Family = "pools") -> Case:
    """Return a case of train, validation or test. attempt: counts the redraws; see reference.py."""
    return drawn_case(split, f"{split.value}/{index}", index, attempt, family)


def drawn_case(split: Split, name: str, index: int, attempt: int, family: Family = "pools") -> Case:
    """Return a case like that of a split with an index, its requests not yet drawn. name: what chance depends on."""
    recipe = RECIPES[split][index]
    seed = (
        f"pd_disaggregation/{name}/{attempt}" if family == "pools" else f"pd_disaggregation/{family}/{name}/{attempt}"
    )
    rng = random.Random(f"{seed}/fleet")
    machines = [H100 if recipe.mixed and place % 3 == 0 else A100 for place in range(recipe.instances)]
    rng.shuffle(machines)
    failing = rng.sample(range(recipe.instances), recipe.failures)
    # Not at a multiple of 5 s, when control is asked.
    failures = tuple(
        Failure(instance, round(recipe.span_s * rng.uniform(0.2, 0.8)) // 5 * 5 + 3, rng.randint(20, 60))
        for instance in failing
    )
    fleet = Fleet(
        tuple(machines),
        12_000_000_000 if recipe.slow_link else 25_000_000_000,
        recipe.overlap,
        recipe.switch_s,
        failures=failures,
    )
    worth = sum(H100_IS if machine == H100 else 1.0 for machine in machines)
    worth *= LOAD_TIMES[family]
    phases = tuple(_phases(recipe, worth, random.Random(f"{seed}/phases")))
    starts = tuple(phase.start_s for phase in phases)
    return Case(name, fleet, Drawn(seed, phases, recipe.span_s, recipe.times, recipe.gap_cv), starts, family)


def _phases(recipe: Recipe, machines: float, rng: random.Random) -> list[Phase]:
    low, high = recipe.shares
    load, times = recipe.load, recipe.times
    if recipe.kind == "tides":
        steps = range(0, recipe.span_s, TIDE_STEP_S)
        turn = rng.uniform(0, 2 * math.pi)
        swing = [0.5 + 0.5 * math.sin(turn + 2 * math.pi * (at + TIDE_STEP_S / 2) / recipe.span_s) for at in steps]
        shares = [low + (high - low) * up for up in swing]
        return [_phase(at, rates(machines, load, share, times)) for at, share in zip(steps, shares, strict=True)]
    if recipe.kind == "burst":
        plain = rates(machines, load, low, times)
        start_s = round(recipe.span_s * rng.uniform(0.25, 0.6))
        # The burst takes what is left of the fleet's time.
        long = (BURST_LOAD - load) * machines / sum(mean_needs(LONG, times))
        return [
            _phase(0, plain),
            _phase(start_s, plain, round(long, 6)),
            _phase(start_s + BURST_S, rates(machines, load, high, times)),
        ]
    starts = [0]
    while starts[-1] + PHASE_S[0] < recipe.span_s:
        starts.append(starts[-1] + rng.randint(*PHASE_S))
    starts = [at for at in starts if at + PHASE_S[0] / 2 < recipe.span_s]
    first = rng.randrange(2)
    if recipe.kind == "same_prefill":
        chat = load * machines / sum(mean_needs(CHAT, times))
        both = ((chat, 0.0), (0.0, chat * mean_needs(CHAT, times)[0] / mean_needs(CODE, times)[0]))
    else:
        both = (rates(machines, load, low, times), rates(machines, load, high, times))
    return [_phase(at, both[(place + first) % 2]) for place, at in enumerate(starts)]


def _phase(start_s: int, per_s: tuple[float, float], long_per_s: float = 0.0) -> Phase:
    chat, code = per_s
    return Phase(start_s, round(chat, 6), round(code, 6), long_per_s)
