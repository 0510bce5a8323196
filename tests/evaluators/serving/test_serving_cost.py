"""What iterations cost, by hand; and the closed form of many decode iterations against their sum."""

from __future__ import annotations

import random
from math import sqrt

import pytest

from evaluators.serving import (
    KV_BYTES_PER_TOKEN,
    MEASURED,
    ROOFLINES,
    Measured,
    Roofline,
    iterations_past,
    prefill_alone_ns,
    stretch_ns,
)

A100 = MEASURED["a100-llama-2-70b-tp8"]


def test_a_prompt_alone_and_decodes_alone_take_what_was_fitted() -> None:
    assert A100.compute_ns(1000, 1000**2, 0) == pytest.approx((21.5 + 0.151 * 1000 + 2.1e-6 * 1000**2) * 1e6)
    assert A100.compute_ns(0, 0, 10) + A100.kv_ns * 5000 == pytest.approx((44.3 + 0.196 * 10 + 3.2e-4 * 5000) * 1e6)


def test_an_iteration_with_both_reads_the_weights_once() -> None:
    # 100 prompt tokens take 36.6 ms, less than the 44.3 ms in which the decodes read the weights.
    assert A100.compute_ns(100, 0, 10) == pytest.approx((44.3 + 0.196 * 10) * 1e6)
    assert A100.compute_ns(2048, 0, 10) == pytest.approx((21.5 + 0.151 * 2048 + 0.196 * 10) * 1e6)


def test_the_roofline_is_the_root_of_both_squares() -> None:
    model = Roofline(host_ns=5, t0_ns=30, token_ns=4.0, attention_ns=0.5, kv_ns=2)
    assert model.compute_ns(8, 10, 2) == 5 + 50 + 5  # sqrt(30^2 + (4 * 10)^2) = 50
    llama = ROOFLINES["a100-llama-3-8b-tp1"]
    assert llama.compute_ns(0, 0, 1) / 1e6 == pytest.approx(2.5 + sqrt(10.1**2 + 0.068**2), rel=1e-6)


def test_a_slowed_machine_takes_so_many_times_as_long() -> None:
    for model in (*MEASURED.values(), *ROOFLINES.values()):
        assert model.slowed(2).compute_ns(2048, 2048**2, 5) == pytest.approx(2 * model.compute_ns(2048, 2048**2, 5))
        assert model.slowed(2).kv_ns == 2 * model.kv_ns


def test_a_prompt_alone_goes_through_in_chunks() -> None:
    tiny = Measured(prefill_ns=10, token_ns=3, attention_ns=1.0, decode_ns=100, sequence_ns=7, kv_ns=2)
    # chunks [2, 6), [6, 9): (10 + 12 + 36 - 4) + (10 + 9 + 81 - 36)
    assert prefill_alone_ns(tiny, 9, cached_tokens=2, chunk_tokens=4) == 54 + 64


def test_a_kv_token_takes_what_the_layers_and_heads_say() -> None:
    for model, layers, heads in (
        ("llama-3-8b", 32, 8),
        ("llama-3-70b", 80, 8),
        ("llama-2-7b", 32, 32),
        ("opt-13b", 40, 40),
    ):
        assert KV_BYTES_PER_TOKEN[model] == 2 * layers * heads * 128 * 2


def test_a_stretch_by_hand() -> None:
    assert [stretch_ns(k, 100, 6) for k in (0, 1, 2, 3)] == [0, 100, 206, 318]
    assert [iterations_past(t, 100, 6) for t in (0, 99, 100, 205, 206, 317, 318)] == [1, 1, 2, 2, 3, 3, 4]
    assert [iterations_past(t, 100, 0) for t in (0, 99, 100)] == [1, 1, 2]


def test_two_hundred_random_stretches_agree_with_their_sum() -> None:
    rng = random.Random(0)
    for _ in range(200):
        first, growth = rng.randint(1, 60_000_000), rng.choice((0, 1, rng.randint(0, 10**5), rng.randint(0, 10**9)))
        end, ends = 0, []
        for k in range(60):
            end += first + growth * k
            ends.append(end)
        for k in (1, 2, 30, 60):
            assert stretch_ns(k, first, growth) == ends[k - 1]
        for moment in (0, ends[0], ends[0] - 1, ends[40], ends[40] - 1, rng.randrange(ends[-1])):
            assert iterations_past(moment, first, growth) == next(k for k, e in enumerate(ends, 1) if e > moment)
