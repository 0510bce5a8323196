"""Which experts tokens go to, drawn at random: no trace of gates small enough to be bundled is public.

The gate's logit of an expert is its popularity, N(0, s), what the present topic makes of it, N(0, s), with a new topic
every 150 tokens on average, and an AR(1) process over tokens of unit variance; a token goes to the top k. So calibrated
that consecutive tokens share experts as Mixtral's and DeepSeek's do (tests). What a policy is told of the next layers
is the true gate with noise: of the top k, 90 %, 80 % and 70 % are found one, two and three layers ahead.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

AHEAD = 3
TOPIC_TOKENS = 150
PROFILE_TOKENS = 600


@dataclass(frozen=True)
class Shape:
    """Of a model's gates.

    spread: of popularity and of topics.  rho: of the AR(1).  noise: of what is told, per layer ahead.
    """

    layers: int
    experts: int
    top_k: int
    spread: float
    rho: float
    noise: tuple[float, float, float]


@dataclass(frozen=True)
class Step:
    """A pass over all layers. active, tokens: per layer the experts that are needed, and how many tokens go to each.

    gate: (layers, experts) float32, mean of the tokens' gate.  told: (layers, 3, experts) float32, what is told of the
    next layers.
    """

    prefill: bool
    active: list[list[int]]
    tokens: list[list[int]]
    gate: np.ndarray
    told: np.ndarray


@dataclass(frozen=True)
class Gates:
    """What a case asks of the experts. popularity: (layers, experts), share of tokens in another mix of prompts."""

    popularity: np.ndarray
    requests: list[list[Step]]


def stream(name: str) -> np.random.Generator:
    """Return a stream of chance that depends on a name alone."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big"))


def draw(seed: str, shape: Shape, requests: tuple[tuple[int, int, int], ...]) -> Gates:
    """Draw the gates of some requests: (tokens of the prompt, tokens of the answer, sequences in the batch)."""
    size = (shape.layers, shape.experts)
    popular = shape.spread * stream(f"{seed}/popular").standard_normal(size)
    profile = logits(stream(f"{seed}/profile"), shape, popular, PROFILE_TOKENS, TOPIC_TOKENS / 5)
    share = chosen(profile, shape.top_k).mean(axis=0)
    return Gates(share, [_request(f"{seed}/request-{k}", shape, popular, *one) for k, one in enumerate(requests)])


def logits(
    rng: np.random.Generator, shape: Shape, popular: np.ndarray, tokens: int, topic_tokens: float = TOPIC_TOKENS
) -> np.ndarray:
    """Return the gate's logits of tokens of one sequence: (tokens, layers, experts). popular: (layers, experts)."""
    size = (shape.layers, shape.experts)
    out = np.empty((tokens, *size), dtype=np.float32)
    state = rng.standard_normal(size)
    topic = shape.spread * rng.standard_normal(size)
    for t in range(tokens):
        if t:
            state = shape.rho * state + np.sqrt(1 - shape.rho**2) * rng.standard_normal(size)
            if rng.random() < 1 / topic_tokens:
                topic = shape.spread * rng.standard_normal(size)
        out[t] = popular + topic + state
    return out


def chosen(values: np.ndarray, top_k: int) -> np.ndarray:
    """Return which experts are among the top k. values: (..., experts). Returns the same shape, bool."""
    places = np.argpartition(values, -top_k, axis=-1)[..., -top_k:]
    out = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(out, places, True, axis=-1)
    return out


def _softmax(values: np.ndarray) -> np.ndarray:
    raised = np.exp(values - values.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def _request(seed: str, shape: Shape, popular: np.ndarray, prompt: int, answer: int, batch: int) -> list[Step]:
    """Return the passes of a request: its prompt in one, then one for each token of the answers."""
    rng, told = stream(seed), stream(f"{seed}/told")
    sequences = [logits(rng, shape, popular, prompt // batch + answer) for _ in range(batch)]
    first = np.concatenate([one[: prompt // batch] for one in sequences])
    steps = [_step(told, shape, first, True)]
    for t in range(answer):
        now = np.stack([one[prompt // batch + t] for one in sequences])
        steps.append(_step(told, shape, now, False))
    return steps


def _step(rng: np.random.Generator, shape: Shape, values: np.ndarray, prefill: bool) -> Step:
    """Return one pass. values: (tokens, layers, experts)."""
    counts = chosen(values, shape.top_k).sum(axis=0)
    told = np.zeros((shape.layers, AHEAD, shape.experts), dtype=np.float32)
    for j, noise in enumerate(shape.noise):
        guess = values[:, j + 1 :] + noise * rng.standard_normal(values[:, j + 1 :].shape)
        told[: shape.layers - j - 1, j] = _softmax(guess).mean(axis=0)
    active = [np.flatnonzero(row).tolist() for row in counts]
    return Step(
        prefill,
        active,
        [row[experts].tolist() for row, experts in zip(counts, active, strict=True)],
        _softmax(values).mean(axis=0).astype(np.float32),
        told,
    )
