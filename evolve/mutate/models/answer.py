"""What came of a call to a model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

RUN_OUT = "the minutes of the run were used up before there was an answer"
"""What the error of a call says that was not given the time it may take."""


class AnswerStatus(StrEnum):
    """How a call ended. EMPTY: an answer without text. REFUSED: the model or a content filter declined."""

    OK = "ok"
    EMPTY = "empty"
    REFUSED = "refused"
    ERROR = "error"
    TIMEOUT = "timeout"


DEEDS = {
    AnswerStatus.OK: "has cut {} answers in a row",
    AnswerStatus.EMPTY: "has given {} answers in a row without a program",
    AnswerStatus.REFUSED: "has refused {} calls in a row",
}
"""What a server has done to calls that it answered, and that are of no use: {} of them."""


@dataclass(frozen=True)
class Answer:
    """What came of one call, all its requests together.

    Attributes:
        text: what the model wrote; empty when it wrote nothing. Encodable as UTF-8, without null characters.
        error: why status is not ok, in one line, free of the key.
        tokens_in, tokens_out: of every request that the server bills or may bill, those without an answer included.
        cost_usd: of the same; None when no price is known.
        latency_s: seconds from the first request's start, pauses included; waiting for a free slot or for the rate
            limit, before it, not.
        attempts: requests sent.
        tokens_estimated: a part of the tokens was not counted by the server, and is characters / 4.
        finish_reason: the server's word: "stop"; "length" when the answer was cut at `max_tokens`.
        tokens_cached: of tokens_in, those that the server had cached.
        tokens_reasoning: of tokens_out, the hidden ones.
        tokens_wasted: of tokens_in and tokens_out, those of requests that broke off: an estimate, the prompt and what
            had come of the answer.
    """

    text: str
    status: AnswerStatus
    error: str
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    latency_s: float
    attempts: int
    tokens_estimated: bool = False
    finish_reason: str = ""
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    tokens_wasted: int = 0
