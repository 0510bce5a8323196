"""Whatever bytes come over the wire: the trusted end has a plain value or a typed failure, in time and in space."""

from __future__ import annotations

import datetime
import itertools
import math
import os
import random
import socket
import struct
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from host_speed import seconds_here
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import BadAnswer, Candidate, CandidateFailure, Limits, decoding_cost, wire
from sandbox.candidate import Ended, Spawned

NONCE = 7
PLAIN = (int, float, str, bool, type(None), list, dict, bytes, np.ndarray, tuple)
FRAMES = 10_000

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


class Forger:
    """A source of "candidates" that are sockets on which bytes already wait. reap: they end as they should."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.bytes = b""

    def spawn(self) -> Spawned:
        ours, theirs = socket.socketpair()
        theirs.sendall(self.bytes)
        theirs.shutdown(socket.SHUT_WR)
        self._theirs = theirs
        return Spawned(0, os.getpid(), ours, os.memfd_create("output"))

    def reap(self, pid: int, patience_s: float) -> Ended:
        self._theirs.close()
        return Ended(0, 0.0, 0)


def answer_to(forger: Forger, frame: bytes) -> Any:
    """Ask a question to which `frame` is what comes back."""
    forger.bytes = frame
    with Candidate(forger, "") as candidate:
        candidate._nonces = itertools.repeat(NONCE)  # type: ignore[assignment]  # so that a forgery can get further
        return candidate._exchange("call", "answer", 0, [])


def is_plain(value: Any) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if type(item) not in PLAIN:
            return False
        if isinstance(item, list | tuple):
            todo += item
        elif isinstance(item, dict):
            todo += [*item, *item.values()]
    return True


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and bool(a == b)


@settings(max_examples=300, deadline=None)
@given(values)
def test_plain_values_survive_the_wire(value: Any) -> None:
    assert same(value, wire.decode(memoryview(wire.encode(value))[wire.HEADER.size :]))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from("?bBhHiIqQefd"), st.lists(st.integers(0, 4), max_size=4), st.randoms(use_true_random=False))
def test_arrays_survive_the_wire(code: str, shape: list[int], rng: random.Random) -> None:
    count = math.prod(shape)
    size = np.dtype(code).itemsize
    array = np.frombuffer(rng.randbytes(count * size), dtype=code).reshape([*shape, 1])
    if code == "?":  # a byte other than 0 or 1: below, `test_truth_arrives_as_zero_or_one`
        array = array.view(np.uint8) % 2 == 1
    back = wire.decode(memoryview(wire.encode(array))[wire.HEADER.size :])
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@settings(max_examples=1000, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_decode_to_a_plain_value_or_are_malformed(payload: bytes) -> None:
    try:
        value = wire.decode(memoryview(payload))
    except wire.Malformed as error:
        assert 0 < len(str(error)) < 1000
    else:
        assert is_plain(value)


def mutated(rng: random.Random) -> bytes:
    """Return a valid answer with some bytes flipped, dropped, doubled or cut off, or only noise."""
    seeds: list[Any] = [
        [NONCE, True, [1, 2.5, "text", None, {"k": [True, -1]}]],
        [NONCE, True, np.arange(12.0).reshape(3, 4)],
        [NONCE, True, [np.ones(3, bool), b"bytes", 2**63]],
        [NONCE, False, ["exception", "E: x", "Traceback"]],
    ]
    if rng.random() < 0.2:
        return rng.randbytes(rng.randrange(64))
    frame = bytearray(wire.encode(rng.choice(seeds)))
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(frame)) if frame else 0
        what = rng.randrange(5)
        if what == 0 and frame:
            frame[at] = rng.randrange(256)
        elif what == 1:
            del frame[at : at + rng.randrange(1, 4)]
        elif what == 2:
            frame[at:at] = frame[at : at + 4]
        elif what == 3:
            frame[at:at] = rng.randbytes(rng.randrange(1, 6))
        else:
            del frame[at:]
    if rng.random() < 0.5 and len(frame) > wire.HEADER.size:  # a true length takes it past the first check
        wire.HEADER.pack_into(frame, 0, len(frame) - wire.HEADER.size)
    return bytes(frame)


def test_the_trusted_end_survives_ten_thousand_forged_frames() -> None:
    forger = Forger(Limits(call_s=0.5, cpu_s=1e9, answer_mb=1))
    rng = random.Random("frames")
    outcomes = {"answered": 0, "refused": 0}
    longest = 0.0
    tracemalloc.start()
    try:
        for number in range(FRAMES):
            frame = mutated(rng)
            began = time.perf_counter()
            try:
                value = answer_to(forger, frame)
            except CandidateFailure as failure:
                outcomes["refused"] += 1
                assert len(str(failure)) < 8200
            else:
                outcomes["answered"] += 1
                assert is_plain(value), (number, frame, value)
            longest = max(longest, time.perf_counter() - began)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert min(outcomes.values()) > FRAMES / 100, "forgeries must get through both ways to be worth anything"
    assert longest < 1.0
    assert peak < 20 * 2**20


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 20])
def test_a_frame_in_pieces_is_one_answer(cut: int) -> None:
    frame = bytes(wire.encode([NONCE, True, list(range(50))]))
    forger = Forger(Limits(call_s=2.0, cpu_s=1e9))
    forger.bytes = frame[:cut]
    with Candidate(forger, "") as candidate:
        candidate._nonces = itertools.repeat(NONCE)  # type: ignore[assignment]
        with pytest.raises(CandidateFailure):
            candidate._exchange("call", "answer", 0, [])
    assert answer_to(forger, frame) == list(range(50))


@pytest.mark.parametrize(
    "payload",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\xdd\x00\x10\x00\x00" * 900,
        b"\xc7\x12\x01d\x04" + struct.pack("<4I", *[2**32 - 1] * 4),
        b"\xc7\x12\x01d\x04" + struct.pack("<4I", 0, *[2**32 - 1] * 3),
        b"\xc7\x02\x01d\xff",
    ],
    ids=lambda payload: payload[:6].hex(),
)
def test_a_size_that_is_only_claimed_costs_nothing(payload: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(wire.Malformed):
            wire.decode(memoryview(payload))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_date_is_no_plain_value() -> None:
    date = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    with pytest.raises(wire.Malformed, match="date"):
        wire.decode(memoryview(msgspec.msgpack.encode([1, {"k": date}])))


def test_truth_arrives_as_zero_or_one() -> None:
    forged = np.frombuffer(b"\xff\x02\x00", dtype=bool)
    back = wire.decode(memoryview(wire.encode(forged))[wire.HEADER.size :])
    assert back.view(np.uint8).tolist() == [1, 1, 0]


@pytest.mark.parametrize("part", [b"\x90", b"\x80", b"\x81\x00\x00"], ids=lambda part: part.hex())
def test_many_small_parts_take_no_more_memory_than_allowed(part: bytes) -> None:
    count = 2**21 // len(part)
    payload = b"\xdd" + struct.pack(">I", count) + part * count
    tracemalloc.start()
    try:
        with pytest.raises(wire.Malformed, match="memory"):
            wire.decode(memoryview(payload))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(), (0,), (0, 1), (0,) * 8])
def test_very_many_small_arrays_are_refused_and_fewer_are_read(shape: tuple[int, ...]) -> None:
    """An array takes some 185 bytes and 2 us, whatever little it holds: 260,000 of them half a second."""
    one = msgspec.msgpack.encode(msgspec.msgpack.Ext(wire.ARRAY, wire.array_bytes(np.zeros(shape, "b"))))
    many = memoryview(b"\xdd" + struct.pack(">I", 300_000) + one * 300_000)
    with pytest.raises(wire.Malformed, match="too many small parts"):
        wire.decode(many)
    few = memoryview(b"\xdd" + struct.pack(">I", 50_000) + one * 50_000)
    assert len(wire.decode(few)) == 50_000


def test_a_large_honest_answer_is_not_taken_for_a_bomb() -> None:
    for value in (list(range(500_000)), [i / 7 for i in range(300_000)], np.random.default_rng(0).random(10**6)):
        back = wire.decode(memoryview(wire.encode(value))[wire.HEADER.size :])
        assert len(back) == len(value)


def dict_of(keys: list[bytes]) -> memoryview:
    return memoryview(b"\xdf" + struct.pack(">I", len(keys)) + b"\0".join(keys) + b"\0")


@pytest.mark.parametrize(
    "key",
    [
        lambda i: b"\x92" + b"\xcf" + struct.pack(">Q", i) + b"\xcf" + struct.pack(">Q", i * i),
        lambda i: b"\xcf" + struct.pack(">Q", i << 32),
        lambda i: b"\xcb" + struct.pack(">d", i / 7),
        lambda i: b"\x92\x00\x92\xce" + struct.pack(">I", i) + b"\xa0",
    ],
    ids=["pairs", "numbers", "fractions", "pairs in pairs"],
)
def test_a_dict_whose_keys_could_all_hash_alike_is_refused_before_it_is_made(key: Callable[[int], bytes]) -> None:
    with pytest.raises(wire.Malformed, match="too many keys that are no text"):
        wire.decode(dict_of([key(i) for i in range(20_000)]))
    assert len(wire.decode(dict_of([key(i) for i in range(2_000)]))) == 2_000


def test_work_with_keys_is_counted_in_every_corner_of_an_answer() -> None:
    pair = b"\x92\xcf" + struct.pack(">Q", 2**40) + b"\xcf" + struct.pack(">Q", 2**41)
    assert decoding_cost.key_work(memoryview(b"\x91\x81\xa1k\x81" + pair + b"\x90")) == len(pair)
    assert decoding_cost.key_work(memoryview(b"\x82" + pair + pair + pair + b"\xa0")) == 2 * 2 * len(pair)
    assert decoding_cost.key_work(memoryview(b"\x93\x81\xa1k\x01\x81\xcd\x01\x00\xc0" + pair)) == 0


@pytest.mark.parametrize("payload", [b"\x91" * 100_000, b"\x81" * 100_000, b"\x81\xdb\xff\xff\xff\xff" * 9000])
def test_a_deep_or_torn_answer_is_malformed_at_once(payload: bytes) -> None:
    with pytest.raises(wire.Malformed):
        wire.decode(memoryview(payload))


def test_honest_dicts_are_not_taken_for_bombs() -> None:
    for value in (
        {i: i for i in range(60_000)},
        {f"job {i}": [i, i] for i in range(60_000)},
        {(f"region {i % 20}", i): ["a", "b"] for i in range(4_000)},
    ):
        assert wire.decode(memoryview(wire.encode(value))[wire.HEADER.size :]) == value


def test_sixteen_million_nothings_are_refused_without_a_long_walk() -> None:
    began = time.process_time()
    with pytest.raises(wire.Malformed, match="too many small parts"):
        wire.decode(memoryview(b"\xdd" + struct.pack(">I", 16_000_000) + b"\xc0" * 16_000_000))
    assert time.process_time() - began < seconds_here(5)


def test_a_failure_told_by_the_candidate_is_cut_to_a_readable_length() -> None:
    forger = Forger(Limits(call_s=1.0, cpu_s=1e9))
    frame = bytes(wire.encode([NONCE, False, ["answer", "e" * 90_000, "t" * 90_000]]))
    with pytest.raises(BadAnswer) as caught:
        answer_to(forger, frame)
    assert len(str(caught.value)) <= 4000
