"""The cases of the splits: sessions on a cluster that is neither idle nor hopeless.

Sessions begin at 0.55 to 0.95 of the rate at which the cluster saturates. In train most cases have A100 machines,
Poisson sessions and reports ten times a second; validation has other mixtures, burstier. All cases of test, and some of
the others, are disturbed: half of the machines H100, half the cache, reports once a second, one replica slow for a
minute, one replaced by an empty one, and bursts that the cluster cannot keep up with. Test is shifted on purpose: what
a router does when machines differ, slow down or come back empty is what it is for. Train has one case as hard as
those, so that only 32 replicas are in test alone. Replicas are shuffled for each case, and hashes of blocks tell
nothing of the case.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass

from evaluators.llm_routing.cluster import A100, CACHE_BLOCKS, H100, Case, Cluster, Replacement, SlowDown
from evaluators.serving import MEASURED, prefill_alone_ns
from evaluators.serving.generators import Sessions, Traffic, session_requests
from evaluators.serving.requests import Requests
from evaluators.serving.traces import answer_tokens
from evolve.evaluator import Split

UNSCORED_S = 60.0
TYPICAL_BATCH = 24
"""Decodes that a busy machine has at once: what one more of them costs is worked out at this many."""
SAMPLE = 500
"""Sessions drawn to work out what a request costs a machine."""


@dataclass(frozen=True)
class Recipe:
    """How the cases of a split are drawn; one entry per case.

    loads: rate of requests as a share of the rate at which the cluster saturates.  replicas: how many.
    numbers: of requests.  traffics: what they are like.  disturbed: see the module's text.
    """

    loads: tuple[float, ...]
    replicas: tuple[int, ...]
    numbers: tuple[int, ...]
    traffics: tuple[Traffic, ...]
    disturbed: tuple[bool, ...]

    @property
    def count(self) -> int:
        """How many cases."""
        return len(self.loads)


RECIPES: Mapping[Split, Recipe] = {
    Split.TRAIN: Recipe(
        (0.6, 0.72, 0.85, 0.7, 0.9),
        (16, 10, 24, 16, 8),
        (2700, 1700, 4000, 2700, 1350),
        (
            Traffic(),
            Traffic(tenants=12, tenant_share=0.9, document_share=0.15),
            Traffic(documents=60, document_share=0.5),
            Traffic(gap_cv=3.0, burst=2.0),
            Traffic(gap_cv=4.0, burst=3.0, tenants=80, tenant_share=0.9, first_prompt=(8.2, 1.1)),
        ),
        (False, False, False, True, True),
    ),
    Split.VALIDATION: Recipe(
        (0.65, 0.75, 0.85, 0.95, 0.6, 0.8, 0.55, 0.7, 0.9, 0.8),
        (16, 12, 20, 16, 8, 28, 12, 8, 12, 10),
        (2700, 2025, 3375, 2700, 1350, 4700, 2025, 1350, 2025, 1700),
        (
            Traffic(gap_cv=2.0),
            Traffic(gap_cv=2.0, tenants=20, tenant_share=0.9),
            Traffic(gap_cv=2.0, documents=80, document_share=0.45),
            Traffic(gap_cv=1.5, first_prompt=(8.3, 1.35)),
            Traffic(gap_cv=3.0, burst=2.5, tenants=16, document_share=0.25),
            Traffic(gap_cv=3.0, burst=2.5, first_prompt=(8.3, 1.2), tenants=60),
            Traffic(tenants=16, document_share=0.2),
            Traffic(gap_cv=2.0, documents=40, document_share=0.5),
            Traffic(gap_cv=3.0, burst=2.0, tenants=30, tenant_share=0.9),
            Traffic(gap_cv=4.0, burst=3.0, documents=80, document_share=0.4),
        ),
        (False, False, False, False, True, True, False, True, False, True),
    ),
    Split.TEST: Recipe(
        (0.55, 0.65, 0.75, 0.9),
        (16, 8, 32, 16),
        (2700, 1350, 5400, 2700),
        (
            Traffic(gap_cv=4.0, burst=3.0),
            Traffic(gap_cv=4.0, burst=3.0, tenants=10, tenant_share=0.9, document_share=0.2),
            Traffic(gap_cv=4.0, burst=3.0, documents=100, document_share=0.5),
            Traffic(gap_cv=4.0, burst=3.0, first_prompt=(8.2, 1.1), tenants=80),
        ),
        (True, True, True, True),
    ),
}


@dataclass(frozen=True)
class Drawn:
    """Requests of sessions drawn at random."""

    seed: str
    traffic: Traffic
    requests_per_s: float
    number: int
    disturbed: bool

    def requests(self) -> Requests:
        """Draw the requests."""
        return session_requests(self.traffic, answers(self.disturbed), self.requests_per_s, self.number, self.seed)


@functools.cache
def answers(disturbed: bool) -> tuple[int, ...]:
    """Return lengths of answers to draw from, tokens: of Mooncake's conversations; disturbed: of Azure's."""
    return tuple(answer_tokens("azure_conv" if disturbed else "mooncake_conversation").tolist())


def own_case(split: Split, index: int, attempt: int = 0) -> Case:
    """Return a case of train, validation or test. attempt: counts the redraws; see reference.py."""
    return drawn_case(split, f"{split.value}/{index}", index, attempt)


def drawn_case(split: Split, name: str, index: int, attempt: int) -> Case:
    """Return a case like that of a split with an index, its requests not yet drawn.

    name: what chance depends on. Machines, what happens to them, arrivals, and the prompts and answers of each session
    have streams of their own: who has seen some knows nothing of those to come.
    """
    recipe, seed = RECIPES[split], f"llm_routing/{name}/{attempt}"
    number, replicas, traffic = recipe.numbers[index], recipe.replicas[index], recipe.traffics[index]
    rng = random.Random(f"{seed}/cluster")
    disturbed = recipe.disturbed[index]
    machines = [H100 if disturbed and place % 2 else A100 for place in range(replicas)]
    rng.shuffle(machines)
    rate = recipe.loads[index] * saturated_per_s(tuple(machines), traffic, disturbed)
    cluster = Cluster(tuple(machines))
    if disturbed:
        rng = random.Random(f"{seed}/incidents")
        slow, replaced = rng.sample(range(replicas), 2)
        span_s = number / rate
        incidents = (
            SlowDown(slow, round(span_s * rng.uniform(0.2, 0.5)), 60, 2.0),
            Replacement(replaced, round(span_s * rng.uniform(0.4, 0.8))),
        )
        cluster = Cluster(tuple(machines), CACHE_BLOCKS // 2, report_interval_s=1.0, incidents=incidents)
    source = Drawn(seed, traffic, round(rate, 6), number, disturbed)
    return Case(name, cluster, source, UNSCORED_S)


@functools.cache
def saturated_per_s(machines: tuple[str, ...], traffic: Traffic, disturbed: bool) -> float:
    """Return the rate of requests at which a cluster is always busy when every shared head is cached, requests/s.

    A request takes a machine the time of its own part of the prompt, and for each token of its answer what one more
    decode adds to an iteration, with its share of the fixed time of a batch of TYPICAL_BATCH.
    """
    sessions = Sessions(traffic, answers(disturbed), "llm_routing: what a request costs")
    turns = [turn for _ in range(SAMPLE) for turn in sessions.draw()]
    per_s = {}
    for name in set(machines):
        cost = MEASURED[name]
        total_ns = 0.0
        for turn in turns:
            step_ns = cost.compute_ns(0, 0, TYPICAL_BATCH) / TYPICAL_BATCH + cost.kv_ns * turn.input_tokens
            total_ns += prefill_alone_ns(cost, turn.input_tokens, turn.known_tokens) + step_ns * turn.output_tokens
        per_s[name] = len(turns) / total_ns * 1e9
    return sum(per_s[name] for name in machines)
