"""Synthetic requests: sessions of several turns, with heads that many sessions share.

Figures of the Mooncake conversation trace where the trace tells them (lengths of first prompts and gaps between turns:
log-normal fits; answers: its own rows); heads as in shared deployments: a system prompt in all requests, instructions
per tenant, documents that some sessions are about.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, count

import numpy as np

from evaluators.serving.cache import BLOCK_TOKENS
from evaluators.serving.requests import Requests, blocks_of

SINGLE_SHARE = 0.69
"""Sessions of one turn; the others go on with probability GOES_ON after each further turn: mean 1.6, p99 6 turns."""
GOES_ON = 0.5
TURN_GAP_S = (4.88, 0.98)
"""(mu, sigma) of the log of the seconds from one turn to the next: median 132 s."""
NEW_TOKENS = (25, 400)
"""What a user adds in a further turn, at least and at most, tokens."""
LEAD_S = 1500.0
"""Sessions begin so long before the first request counts, so that further turns are as frequent at once as later."""


@dataclass(frozen=True)
class Traffic:
    """What requests are like.

    Attributes:
        first_prompt: (mu, sigma) of the log of the tokens of a session's first prompt.
        longest_prompt: cap on any prompt, tokens.
        tenants, tenant_share: how many there are (Zipf, exponent 1) and which share of sessions has one.
        tenant_blocks: least and most blocks of a tenant's head.
        documents, document_share: how many there are (Zipf, exponent 1.1) and which share of sessions is about one.
        document_blocks: least and most blocks of a document.
        gap_cv: coefficient of variation of the Gamma gaps between sessions; 1 is Poisson.
        burst: how many times as many sessions begin in a burst (mean 15 s) as between bursts (mean 45 s); 1: no bursts.
    """

    first_prompt: tuple[float, float] = (8.51, 1.26)
    longest_prompt: int = 120_000
    tenants: int = 40
    tenant_share: float = 0.7
    tenant_blocks: tuple[int, int] = (1, 12)
    documents: int = 150
    document_share: float = 0.3
    document_blocks: tuple[int, int] = (4, 60)
    gap_cv: float = 1.0
    burst: float = 1.0


@dataclass(frozen=True)
class Turn:
    """One request of a session.

    after_s: since the session began.  known_tokens: how many of the first tokens are in shared heads or earlier turns.
    blocks: names of its blocks.
    """

    after_s: float
    input_tokens: int
    output_tokens: int
    known_tokens: int
    blocks: tuple[int, ...]


class Sessions:
    """Draws sessions; blocks are named in the order in which they are first drawn.

    What a gateway sees of a session (its prompts) and what it cannot know (answers, further turns and when they come)
    have streams of chance of their own, and so has every session: what was seen tells nothing of what is to come.
    """

    def __init__(self, traffic: Traffic, outputs: Sequence[int], seed: str) -> None:
        """outputs: lengths of answers to draw from, tokens."""
        self._traffic, self._outputs, self._seed = traffic, outputs, seed
        self._names, self._numbers = count(1), count()
        rng = random.Random(f"{seed}/heads")
        self._heads = [self._new_blocks(rng.randint(*traffic.tenant_blocks)) for _ in range(traffic.tenants)]
        # A document comes after its tenant's head: each has one tenant, and sessions about it are that tenant's.
        self._documents = [
            (rng.randrange(traffic.tenants), self._new_blocks(rng.randint(*traffic.document_blocks)))
            for _ in range(traffic.documents)
        ]
        self._tenant_weights = _zipf(traffic.tenants, 1.0)
        self._document_weights = _zipf(traffic.documents, 1.1)

    def draw(self) -> list[Turn]:
        """Return the turns of a session."""
        number, traffic = next(self._numbers), self._traffic
        rng, hidden = (random.Random(f"{self._seed}/session/{number}/{part}") for part in ("prompts", "hidden"))
        head = self._head(rng)
        tokens = max(
            len(head) * BLOCK_TOKENS + rng.randint(*NEW_TOKENS), round(rng.lognormvariate(*traffic.first_prompt))
        )
        tokens = min(tokens, traffic.longest_prompt)
        blocks, known = head, len(head) * BLOCK_TOKENS
        turns: list[Turn] = []
        after_s = 0.0
        for _ in range(_turns(hidden)):
            output = hidden.choice(self._outputs)
            blocks = (*blocks, *self._new_blocks(blocks_of(tokens) - len(blocks)))
            turns.append(Turn(after_s, tokens, output, known, blocks))
            after_s += hidden.lognormvariate(*TURN_GAP_S)
            known = tokens // BLOCK_TOKENS * BLOCK_TOKENS
            blocks = blocks[: tokens // BLOCK_TOKENS]  # what follows fills the last block otherwise
            tokens += output + rng.randint(*NEW_TOKENS)
            if tokens > traffic.longest_prompt:
                break
        return turns

    def _head(self, rng: random.Random) -> tuple[int, ...]:
        """Return the blocks that a first prompt shares with others: 0, the system's, is in all."""
        traffic = self._traffic
        if rng.random() < traffic.document_share:
            tenant, document = rng.choices(self._documents, cum_weights=self._document_weights)[0]
            return (0, *self._heads[tenant], *document)
        if rng.random() < traffic.tenant_share:
            return (0, *rng.choices(self._heads, cum_weights=self._tenant_weights)[0])
        return (0,)

    def _new_blocks(self, number: int) -> tuple[int, ...]:
        return tuple(next(self._names) for _ in range(number))


def _turns(rng: random.Random) -> int:
    if rng.random() < SINGLE_SHARE:
        return 1
    turns = 2
    while rng.random() < GOES_ON:
        turns += 1
    return turns


def session_requests(
    traffic: Traffic, outputs: Sequence[int], requests_per_s: float, number: int, seed: str
) -> Requests:
    """Draw the first `number` requests of sessions that begin at random. Arrivals are whole milliseconds.

    seed: what chance depends on, e.g. the name of the instance.
    """
    sessions = Sessions(traffic, outputs, seed)
    turns_per_session = SINGLE_SHARE + (1 - SINGLE_SHARE) * (2 + GOES_ON / (1 - GOES_ON))
    begins = _begins(traffic, requests_per_s / turns_per_session, random.Random(f"{seed}/begins"))
    found: list[tuple[int, int, Turn]] = []
    drawn = count()
    span_s = number / requests_per_s
    limit_ms = None
    for begin_s in begins:
        at_s = begin_s - LEAD_S
        if limit_ms is not None and at_s * 1000 > limit_ms:
            break
        for turn in sessions.draw():
            if at_s + turn.after_s >= 0:
                found.append((int((at_s + turn.after_s) * 1000), next(drawn), turn))
        if limit_ms is None and begin_s - LEAD_S > span_s and len(found) >= number:
            limit_ms = sorted(found)[number - 1][0]
    found = sorted(found)[:number]
    columns = [[ms * 1000, turn.input_tokens, turn.output_tokens] for ms, _, turn in found]
    arrival_us, inputs, answers = np.array(columns, dtype=np.int64).T
    return Requests(arrival_us, inputs, answers, tuple(turn.blocks for _, _, turn in found))


def _begins(traffic: Traffic, per_s: float, rng: random.Random) -> Iterator[float]:
    """Yield when sessions begin, s: Gamma gaps, run through faster in bursts, `per_s` of them a second on average."""
    shape = 1 / traffic.gap_cv**2
    calm = 1 / (0.75 + 0.25 * traffic.burst)  # rate between bursts, as a share of the mean rate
    rate, left_s = calm, rng.expovariate(1 / 45)
    now_s = 0.0
    while True:
        need = rng.gammavariate(shape, 1 / shape) / per_s  # seconds at the mean rate
        while need > rate * left_s:
            need -= rate * left_s
            now_s += left_s
            bursting = rate == calm and traffic.burst != 1
            rate, left_s = (
                (calm * traffic.burst, rng.expovariate(1 / 15)) if bursting else (calm, rng.expovariate(1 / 45))
            )
        now_s += need / rate
        left_s -= need / rate
        yield now_s


def _zipf(number: int, exponent: float) -> list[float]:
    return list(accumulate(1 / math.pow(rank, exponent) for rank in range(1, number + 1)))
