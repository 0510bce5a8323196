"""What an iteration of an engine costs in time, on hardware that was measured.

An iteration computes `tokens` new prompt tokens and one token of each of `decodes` requests, which hold `kv_tokens`
tokens in the KV cache. Its time is `compute_ns(tokens, attention, decodes) + kv_ns * kv_tokens`; `attention` is the sum
over the chunks [p, p + n) of (p + n)^2 - p^2. All times are integer nanoseconds: reading one token of KV takes 87 to
320 ns, so that the sum over many iterations (see `stretch.py`) is exact in whole nanoseconds and would not be in
microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Protocol

CHUNK_TOKENS = 2048
"""Prompt tokens that an engine computes in one iteration at most (chunked prefill: Agrawal 2024, OSDI)."""


class CostModel(Protocol):
    """The time of an iteration, in a form whose part that grows with the KV cache is separate."""

    @property
    def kv_ns(self) -> int:
        """Time to read the KV of one token, ns."""

    def compute_ns(self, tokens: int, attention: int, decodes: int) -> int:
        """Time of an iteration but for reading the KV cache of its decodes, ns."""

    def slowed(self, factor: float) -> CostModel:
        """Return the model of the same machine when everything takes `factor` times as long."""


@dataclass(frozen=True)
class Measured:
    """End-to-end fits of prompts alone and of decodes alone; an iteration with both reads the weights once.

    Prompt alone: prefill_ns + token_ns * n + attention_ns * n^2. Decodes alone: decode_ns + sequence_ns * b + kv_ns *
    K. With both: the larger of the fixed decode time and the prompt's time, plus what each decode adds.
    """

    prefill_ns: int
    token_ns: int
    attention_ns: float
    decode_ns: int
    sequence_ns: int
    kv_ns: int

    def compute_ns(self, tokens: int, attention: int, decodes: int) -> int:
        """Time of an iteration but for reading the KV cache, ns; at least one of tokens and decodes is not 0."""
        if not tokens:
            return self.decode_ns + self.sequence_ns * decodes
        work_ns = self.prefill_ns + self.token_ns * tokens
        if decodes and work_ns < self.decode_ns:
            work_ns = self.decode_ns
        return work_ns + round(self.attention_ns * attention) + self.sequence_ns * decodes

    def slowed(self, factor: float) -> Measured:
        """Return the same machine, `factor` times as slow; its times are whole nanoseconds again."""
        return Measured(
            round(self.prefill_ns * factor),
            round(self.token_ns * factor),
            self.attention_ns * factor,
            round(self.decode_ns * factor),
            round(self.sequence_ns * factor),
            round(self.kv_ns * factor),
        )


@dataclass(frozen=True)
class Roofline:
    """t = host + sqrt(t0^2 + (c * (n + b))^2) + attention + kv: a two-parameter roofline of the layers' kernels."""

    host_ns: int
    t0_ns: int
    token_ns: float
    attention_ns: float
    kv_ns: int

    def compute_ns(self, tokens: int, attention: int, decodes: int) -> int:
        """Time of an iteration but for reading the KV cache, ns."""
        work_ns = self.token_ns * (tokens + decodes)
        return self.host_ns + round(sqrt(self.t0_ns**2 + work_ns**2) + self.attention_ns * attention)

    def slowed(self, factor: float) -> Roofline:
        """Return the same machine, `factor` times as slow; its times are whole nanoseconds again."""
        return replace(
            self,
            host_ns=round(self.host_ns * factor),
            t0_ns=round(self.t0_ns * factor),
            token_ns=self.token_ns * factor,
            attention_ns=self.attention_ns * factor,
            kv_ns=round(self.kv_ns * factor),
        )


def _measured(prefill: tuple[float, float, float], decode: tuple[float, float, float]) -> Measured:
    """Make a model of fits in ms: (fixed, per token, per token^2) of a prompt, (fixed, per request, per KV token)."""
    (fixed, token, square), (base, sequence, kv) = prefill, decode
    return Measured(
        round(fixed * 1e6), round(token * 1e6), square * 1e6, round(base * 1e6), round(sequence * 1e6), round(kv * 1e6)
    )


def _roofline(t0: float, token: float, attention: float, kv: float, host: float = 2.5) -> Roofline:
    """Make a model of figures in ms."""
    return Roofline(round(host * 1e6), round(t0 * 1e6), token * 1e6, attention * 1e6, round(kv * 1e6))


MEASURED: Mapping[str, Measured] = {
    # Fitted to the measurements of Patel 2024 (ISCA, Splitwise): prompts of 128..8192 tokens, 1..64 requests.
    "a100-llama-2-70b-tp8": _measured((21.5, 0.151, 2.1e-6), (44.3, 0.196, 3.2e-4)),
    "h100-llama-2-70b-tp8": _measured((22.4, 0.065, 3.7e-6), (30.0, 0.213, 1.5e-4)),
    "a100-bloom-176b-tp8": _measured((31.0, 0.276, 1.4e-5), (48.3, 0.48, 3.2e-4)),
    # Zhong 2024 (OSDI, DistServe), as published; the decode fit holds for fewer than 95 requests.
    "a100-opt-13b-tp1": _measured((22.05, 0.1405, 8.1e-6), (23.5, 0.0607, 5.9e-4)),
    "a100-opt-66b-tp4": _measured((43.0, 0.213, 4.6e-5), (39.6, 0.136, 6.9e-4)),
}
"""End-to-end fits by machine and model."""

ROOFLINES: Mapping[str, Roofline] = {
    # Fitted to the per-layer kernels that Agrawal 2024 (MLSys, Vidur) measured; mean error 3-7 %, worst 7-21 %.
    # attention: 2 * layers * hidden / (half of the peak FLOP/s); kv: bytes per token / (0.75 * memory bandwidth).
    "a100-llama-3-8b-tp1": _roofline(10.1, 0.0680, 1.4e-6, 8.7e-5),
    "a100-llama-3-70b-tp8": _roofline(14.7, 0.0904, 2.1e-6, 2.7e-5),
    "a100-codellama-34b-tp1": _roofline(44.1, 0.303, 5.0e-6, 1.3e-4),
    # Llama-2-7B was measured on the A40 (25.2, 0.1285); the 8B model takes 1.1 and 1.08 times that, as on the A100.
    "a40-llama-3-8b-tp1": _roofline(27.7, 0.139, 3.5e-6, 2.5e-4),
}
"""Rooflines by machine and model."""

KV_BYTES_PER_TOKEN: Mapping[str, int] = {
    "llama-3-8b": 131_072,
    "llama-2-70b": 327_680,
    "llama-3-70b": 327_680,
    "codellama-34b": 196_608,
    "llama-2-7b": 524_288,
    "opt-13b": 819_200,
}
"""2 * layers * KV heads * head size * 2 bytes."""

LINK_BYTES_PER_S: Mapping[str, int] = {
    "pcie-3-x16": 12_000_000_000,
    "pcie-4-x16": 25_000_000_000,
    "a100-nvlink": 224_000_000_000,
    "h100-nvlink": 341_000_000_000,
    "mooncake-4x200": 87_000_000_000,
    "mooncake-8x400": 190_000_000_000,
}
"""What a link moves, bytes/s."""


def prefill_alone_ns(cost: CostModel, tokens: int, cached_tokens: int = 0, chunk_tokens: int = CHUNK_TOKENS) -> int:
    """Return the time to compute a prompt of `tokens` tokens, of which the first are cached, on an idle engine, ns."""
    total_ns, done = 0, cached_tokens
    while done < tokens:
        end = min(done + chunk_tokens, tokens)
        total_ns += cost.compute_ns(end - done, end * end - done * done, 0)
        done = end
    return total_ns
