"""The bundled traces have the published statistics, generated ones are like them, and files are read or refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from evaluators.serving.generators import Sessions, Traffic, session_requests
from evaluators.serving.requests import Requests, best_prefix_tokens, blocks_of
from evaluators.serving.trace_format import read_requests, write_mooncake
from evaluators.serving.traces import answer_tokens, azure_trace, mooncake_trace
from evolve.evaluator import UsageError

ANSWERS = tuple(answer_tokens("mooncake_conversation").tolist())


@pytest.mark.parametrize(
    ("requests", "number", "span_s", "inputs", "outputs", "log_inputs", "log_outputs"),
    [
        (azure_trace("conv"), 19_366, 3502, (1155, 1020, 2734, 4142), (211, 129, 424, 601), (6.63, 0.99), (5.02, 0.86)),
        (azure_trace("code"), 8819, 3436, (2048, 1469, 5188, 7436), (28, 13, 55, 251), (7.00, 1.36), (2.79, 0.85)),
        (
            mooncake_trace("conversation"),
            12_031,
            3537,
            (12_035, 6909, 27_367, 85_400),
            (343, 350, 597, 1119),
            (8.74, 1.20),
            (5.34, 1.36),
        ),
        (mooncake_trace("synthetic"), 3993, 1022, (15_325, 11_587, 38_611, 66_456), (149, 69, 389, None), None, None),
    ],
    ids=["azure conv", "azure code", "mooncake conversation", "mooncake synthetic"],
)
def test_the_bundled_traces_have_the_published_statistics(
    requests: Requests,
    number: int,
    span_s: int,
    inputs: tuple[int, ...],
    outputs: tuple[int | None, ...],
    log_inputs: tuple[float, float] | None,
    log_outputs: tuple[float, float] | None,
) -> None:
    assert len(requests) == number
    assert requests.arrival_us[-1] / 1e6 == pytest.approx(span_s, abs=0.6)
    for column, expected, logs in (
        (requests.input_tokens, inputs, log_inputs),
        (requests.output_tokens, outputs, log_outputs),
    ):
        found = (column.mean(), *np.quantile(column, [0.5, 0.9, 0.99]))
        for value, wanted in zip(found, expected, strict=True):
            assert wanted is None or value == pytest.approx(wanted, rel=0.006, abs=0.6)
        if logs is not None:
            assert (np.log(column).mean(), np.log(column).std()) == pytest.approx(logs, abs=0.011)
    assert [len(b) for b in requests.blocks[:2000]] == [blocks_of(n) for n in requests.input_tokens[:2000].tolist()]


def test_arrivals_are_as_bursty_as_published() -> None:
    for name, cv, dispersion in (("conv", 1.09, 1.4), ("code", 13, 13)):
        arrival_s = azure_trace(name).arrival_us / 1e6  # type: ignore[arg-type]
        gaps = np.diff(arrival_s)
        assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.04)
        counts = np.bincount(arrival_s.astype(int))
        assert counts.var() / counts.mean() == pytest.approx(dispersion, rel=0.06)


def test_sessions_have_turns_heads_and_lengths_as_promised() -> None:
    sessions = Sessions(Traffic(), ANSWERS, "1")
    drawn = [sessions.draw() for _ in range(2500)]
    turns = [len(session) for session in drawn]
    assert turns.count(1) / len(turns) == pytest.approx(0.69, abs=0.03)
    assert np.mean(turns) == pytest.approx(1.6, abs=0.06)
    for session in drawn[:300]:
        for before, turn in itertools.pairwise(session):
            whole = before.input_tokens // 512
            assert turn.blocks[:whole] == before.blocks[:whole]
            assert turn.known_tokens == 512 * whole
            assert 25 <= turn.input_tokens - before.input_tokens - before.output_tokens <= 400
            assert not set(turn.blocks[whole:]) & set(before.blocks)
    assert {session[0].blocks[0] for session in drawn} == {0}
    heads = {session[0].blocks[1] for session in drawn if len(session[0].blocks) > 1 and session[0].known_tokens > 512}
    assert len(heads) <= Traffic().tenants
    own = [s[0].input_tokens for s in drawn if s[0].known_tokens == 512 and s[0].input_tokens > 1000]
    # log-normal (8.51, 1.26), cut off below 1,000 tokens: its mean is 8.757
    assert np.log(own).mean() == pytest.approx(8.76, abs=0.15)


def test_requests_come_at_the_rate_asked_for_from_the_first_second_on() -> None:
    rates = []
    for seed in range(4):
        requests = session_requests(Traffic(), ANSWERS, 3.0, 1500, str(seed))
        rates.append(1500 / (requests.arrival_us[-1] / 1e6))
        assert (np.diff(requests.arrival_us) >= 0).all()
        assert not (requests.arrival_us % 1000).any()
    assert np.mean(rates) == pytest.approx(3.0, rel=0.06)


def test_gaps_and_bursts_make_arrivals_uneven() -> None:
    def dispersion(traffic: Traffic) -> float:
        found = []
        for seed in range(4):
            requests = session_requests(traffic, ANSWERS, 3.0, 1500, str(seed))
            counts = np.bincount((requests.arrival_us // 10_000_000).astype(int))[:-1]
            found.append(counts.var() / counts.mean())
        return float(np.mean(found))

    even, uneven, bursty = (
        dispersion(Traffic()),
        dispersion(Traffic(gap_cv=2.0)),
        dispersion(Traffic(gap_cv=4.0, burst=3.0)),
    )
    assert even == pytest.approx(1.0, abs=0.35)
    assert even < uneven < bursty


def test_generated_traffic_can_be_cached_more_than_the_public_one() -> None:
    requests = session_requests(Traffic(), ANSWERS, 3.0, 1500, "0")
    assert 0.45 < best_prefix_tokens(requests).sum() / requests.input_tokens.sum() < 0.75
    assert requests.input_tokens.max() <= Traffic().longest_prompt


def test_what_is_written_in_mooncakes_format_is_read_back(tmp_path: Path) -> None:
    for number, requests in enumerate(
        (
            session_requests(Traffic(), ANSWERS, 3.0, 200, "0"),
            mooncake_trace("conversation").between(0, 300, 0),
        )
    ):
        file = tmp_path / f"{number}.jsonl"
        write_mooncake(requests, file)
        back = read_requests(file, "x", 10**6)
        for column in ("arrival_us", "input_tokens", "output_tokens"):
            expected = getattr(requests, column) - (requests.arrival_us[0] if column == "arrival_us" else 0)
            assert getattr(back, column).tolist() == expected.tolist()
        assert best_prefix_tokens(back).tolist() == best_prefix_tokens(requests).tolist()
    first = read_requests(tmp_path / "1.jsonl", "x", 10**6)
    assert first.blocks == mooncake_trace("conversation").blocks[:300]


def test_azures_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
        "2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109\r\n"
    )
    requests = read_requests(file, "x", 10**6)
    bundled = azure_trace("conv")
    assert requests.arrival_us.tolist() == bundled.arrival_us[:2].tolist() == [0, 4_314_579]
    assert requests.input_tokens.tolist() == [374, 396] == bundled.input_tokens[:2].tolist()
    assert requests.output_tokens.tolist() == [44, 109]
    assert requests.blocks == ((0,), (1,))


GOOD = '{"timestamp": 5, "input_length": 600, "output_length": 3, "hash_ids": [0, 1]}'
HEAD = "TIMESTAMP,ContextTokens,GeneratedTokens"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.jsonl", GOOD + "\n{", "line 2: not JSON; expected one object per line."),
        ("a.jsonl", "[1]", "line 1: not an object with 'timestamp', 'input_length', 'output_length', 'hash_ids'."),
        ("a.jsonl", GOOD.replace("5,", '"5",'), "line 1: key 'timestamp' is '5'; expected a whole number >= 0."),
        ("a.jsonl", GOOD.replace("600", "true"), "line 1: key 'input_length' is True; expected a whole number >= 0."),
        ("a.jsonl", GOOD.replace('"output_length": 3, ', ""), "line 1: key 'output_length' is None; expected a whole"),
        ("a.jsonl", GOOD.replace("3,", "0,"), "line 1: 600 prompt and 0 answer tokens; expected at least one of each."),
        ("a.jsonl", GOOD.replace("[0, 1]", "[0]"), "line 1: key 'hash_ids' has 1 ids; a prompt of 600 tokens has 2 bl"),
        ("a.jsonl", GOOD.replace("[0, 1]", "[0, -1]"), "line 1: key 'hash_ids' is no list of whole numbers >= 0."),
        ("a.jsonl", GOOD.replace("[0, 1]", "[4, 4]"), "line 1: key 'hash_ids' names a block twice; an id stands for"),
        ("a.jsonl", f"{GOOD}\n{GOOD.replace('5,', '4,')}", "line 2: comes 0.001 s before the request above; sort by"),
        ("a.jsonl", GOOD.replace("3,", "9999,"), "line 1: 600 + 9999 tokens; no machine has KV room for more than 50"),
        ("a.jsonl", "\n", "holds no requests."),
        ("a.csv", "TIMESTAMP,ContextTokens\n", "line 1: no column 'GeneratedTokens'; expected TIMESTAMP,ContextTok"),
        ("a.csv", f"{HEAD}\n2023-11-16 18:15:46.6,x,3\n", "line 2: ContextTokens is 'x'; expected a whole number of"),
        ("a.csv", f"{HEAD}\n2023-11-16 18:15:46.6,5\n", "line 2: GeneratedTokens is None; expected a whole number of"),
        ("a.csv", f"{HEAD}\nyesterday,5,3\n", "line 2: TIMESTAMP is 'yesterday'; expected a time like 2023-11-16 18:"),
        ("a.csv", f"{HEAD}\n\n2023-11-16 18:15:46.1x,5,3\n", "line 3: TIMESTAMP is '2023-11-16 18:15:46.1x'; expected"),
        ("a.txt", GOOD, "is neither *.jsonl (Mooncake) nor *.csv (Azure LLM)."),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as said:
        read_requests(tmp_path / name, "llm_routing", 5000)
    assert str(tmp_path / name) in str(said.value)
    assert reason in str(said.value), said.value


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing.jsonl does not exist; give a \*.jsonl"):
        read_requests(tmp_path / "nothing.jsonl", "llm_routing", 5000)
