"""Answers that come in pieces, by either interface, from servers that each take another form of request."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence

import pytest
from client_parts import PROMPT, ask, client
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server import Answer, Http, Json, ModelServer, Reply, Script, Wire

from evolve.mutate.models import stream
from evolve.mutate.models.client import CAP_TOKENS, AnswerStatus
from evolve.mutate.models.completion import Api, Usage, read_usage
from evolve.mutate.models.stream import AnswerReader

PRICES = {"usd_per_mtok_in": 2.0, "usd_per_mtok_out": 10.0}
LONG = "".join(f"line {n}: é\n" for n in range(400))

both_interfaces = pytest.mark.parametrize("api", ["chat", "responses"])
streamed_or_not = pytest.mark.parametrize("stream", [True, False])


@both_interfaces
@streamed_or_not
def test_an_answer_is_the_same_by_every_way(api: Api, stream: bool) -> None:
    reply = Reply(LONG, tokens=(1000, 200), cached=600, written=100, reasoning=150, thoughts="hm " * 50, piece_chars=7)
    (answer,), server = ask(
        [reply], api=api, stream=stream, **PRICES, usd_per_mtok_cached=0.5, usd_per_mtok_cache_write=4.0
    )
    assert (answer.text, answer.status, answer.finish_reason) == (LONG, AnswerStatus.OK, "stop")
    assert (answer.tokens_in, answer.tokens_out) == (1000, 200)
    assert (answer.tokens_cached, answer.tokens_reasoning, answer.tokens_wasted) == (600, 150, 0)
    assert not answer.tokens_estimated
    assert answer.cost_usd == pytest.approx((300 * 2.0 + 600 * 0.5 + 100 * 4.0 + 200 * 10.0) / 1e6)
    assert server.requests[0].path == {"chat": "/v1/chat/completions", "responses": "/v1/responses"}[api]


@both_interfaces
@streamed_or_not
def test_an_answer_that_was_cut_at_its_limit_says_so(api: Api, stream: bool) -> None:
    (answer,), _ = ask([Reply("half", finish_reason="length")], api=api, stream=stream)
    assert (answer.text, answer.finish_reason) == ("half", "length")


@both_interfaces
@streamed_or_not
def test_a_refusal_is_an_answer_with_the_models_words(api: Api, stream: bool) -> None:
    (answer,), server = ask([Reply(None, refusal="I will not.")], api=api, stream=stream)
    assert (answer.status, answer.error, server.count) == (AnswerStatus.REFUSED, "refused: I will not.", 1)


def test_the_responses_interface_is_asked_in_its_own_words() -> None:
    _, server = ask(["hello"], api="responses", reasoning_effort="low", temperature=0.5, max_tokens=99)
    assert server.requests[0].json == {
        "model": "m",
        "instructions": "Be brief.",
        "input": "Say something.",
        "reasoning": {"effort": "low"},
        "max_output_tokens": 99,
        "store": False,
        "stream": True,
    }


def test_a_reasoning_model_is_sent_its_effort_and_no_temperature() -> None:
    _, server = ask(["hello"], reasoning_effort="high", temperature=0.5)
    assert server.requests[0].json["reasoning_effort"] == "high"
    assert "temperature" not in server.requests[0].json


@both_interfaces
def test_a_megabyte_of_text_arrives_whole(api: Api) -> None:
    text = "0123456789abcdef" * 65_536
    (answer,), _ = ask([Reply(text, piece_chars=5_000)], api=api)
    assert answer.text == text


@both_interfaces
def test_a_server_that_does_not_stream_is_understood(api: Api) -> None:
    (answer,), _ = ask([Reply("hello", plain=True)], api=api)
    assert (answer.text, answer.tokens_in, answer.attempts) == ("hello", 100, 1)


@both_interfaces
def test_a_slow_stream_is_not_a_dead_one(api: Api) -> None:
    (answer,), _ = ask([Reply("x" * 12, piece_chars=1, piece_s=0.05)], api=api, idle_timeout_s=0.25)
    assert (answer.text, answer.attempts) == ("x" * 12, 1)
    assert answer.latency_s > 0.5


@both_interfaces
def test_a_stream_that_falls_silent_is_asked_for_again_and_charged(api: Api) -> None:
    (answer,), server = ask([Wire("half"), Reply("hello", tokens=(10, 2))], api=api, idle_timeout_s=0.2, **PRICES)
    assert (answer.text, answer.attempts, server.count) == ("hello", 2, 2)
    assert 0.2 < answer.latency_s < 1.5
    _is_charged_for_a_half(answer.tokens_in, answer.tokens_out, answer.tokens_wasted, answer.cost_usd)
    assert answer.tokens_estimated


@both_interfaces
def test_a_stream_that_is_cut_is_asked_for_again_and_charged(api: Api) -> None:
    (answer,), _ = ask([Wire("cut"), Reply("hello", tokens=(10, 2))], api=api, **PRICES)
    assert (answer.text, answer.attempts) == ("hello", 2)
    _is_charged_for_a_half(answer.tokens_in, answer.tokens_out, answer.tokens_wasted, answer.cost_usd)


def _is_charged_for_a_half(tokens_in: int, tokens_out: int, wasted: int, cost_usd: float | None) -> None:
    """The prompt has 23 characters, 6 tokens; 400 or 800 characters of the answer had come."""
    assert tokens_in == 10 + 6
    assert tokens_out - 2 in (0, 100, 200)
    assert wasted == 6 + tokens_out - 2
    assert cost_usd == pytest.approx((16 * 2.0 + tokens_out * 10.0) / 1e6)


def test_what_breaks_after_the_last_word_costs_nothing() -> None:
    for end in ("late_cut", "open"):
        began = time.monotonic()
        (answer,), server = ask([Wire(end)], idle_timeout_s=30.0)  # type: ignore[arg-type]
        assert (answer.text, answer.tokens_wasted, server.count) == ("x" * 1000, 0, 1)
        assert time.monotonic() - began < 3.0


@both_interfaces
@pytest.mark.parametrize("fault", ["error", "not_json"])
def test_an_error_in_the_middle_of_a_stream_is_one_more_request(api: Api, fault: str) -> None:
    (answer,), _ = ask([Wire(fault), "hello"], api=api)  # type: ignore[arg-type]
    assert (answer.text, answer.attempts) == ("hello", 2)
    assert answer.tokens_wasted > 0


@both_interfaces
@streamed_or_not
def test_bytes_that_are_no_utf8_are_replaced(api: Api, stream: bool) -> None:
    (answer,), _ = ask([Wire("not_utf8")], api=api, stream=stream)
    assert answer.text == "caf\ufffd"


@streamed_or_not
def test_silence_after_the_headers_costs_the_deadline(stream: bool) -> None:
    (answer,), _ = ask([Wire("stall")], stream=stream, timeout_s=0.3, idle_timeout_s=0.1, **PRICES)
    assert (answer.status, answer.attempts) == (AnswerStatus.TIMEOUT, 1)
    assert 0.29 < answer.latency_s < 1.0
    # The server may be writing, and bill the prompt.
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_wasted) == (6, 0, 6)
    assert answer.cost_usd == pytest.approx(6 * 2e-6)


def attempts(answers: Sequence[Answer], **settings: object) -> list[int]:
    """Return the requests that each of three calls took, one after the other."""

    async def thrice(base_url: str) -> list[int]:
        async with client(base_url, idle_timeout_s=0.2, **settings) as model:
            return [(await model.complete(PROMPT)).attempts for _ in range(3)]

    with ModelServer(answers) as server:
        return asyncio.run(thrice(server.base_url))


def test_of_a_model_that_answers_at_once_a_long_silence_before_the_answer_is_known_for_a_hang() -> None:
    began = time.monotonic()
    assert attempts(["first", Wire("hang"), "second", "third"], timeout_s=30.0) == [1, 2, 1]
    assert time.monotonic() - began < 20.0


@pytest.mark.parametrize("settings", [{}, {"reasoning_effort": "high"}, {"stream": False}])
def test_a_model_that_reasons_may_be_silent_before_it_answers(settings: dict[str, object]) -> None:
    first = Reply("first", reasoning=0 if settings else 10)
    assert attempts([first, Reply("second", delay_s=1.0), "third"], **settings) == [1, 1, 1]


# Servers that refuse a part of the request


def picky(refused: dict[str, str]) -> Script:
    """Return a server that refuses parameters: name -> its words."""

    def script(request: Json, number: int) -> Answer:
        for name, words in refused.items():
            if name in request:
                return Http(422 if "Extra" in words else 400, message=words)
        return "hello"

    return script


@pytest.mark.parametrize(
    ("settings", "refused", "left"),
    [
        (
            {"temperature": 0.5},
            {"temperature": "Unsupported value: 'temperature' does not support 0.5 with this model."},
            {"stream", "stream_options"},
        ),
        (
            {"max_tokens": 50},
            {"max_tokens": "Unsupported parameter: 'max_tokens' ... Use 'max_completion_tokens' instead."},
            {"stream", "stream_options", "max_completion_tokens"},
        ),
        ({}, {"stream_options": "Unrecognized request argument supplied: stream_options"}, {"stream"}),
        ({}, {"stream_options": "body.stream_options: Extra inputs are not permitted"}, {"stream"}),
        ({}, {"stream": "Your organization must be verified to stream this model. (stream)"}, set()),
        (
            {"temperature": 0.5, "max_tokens": 50},
            {
                "temperature": "temperature is not supported",
                "max_tokens": "unknown parameter max_tokens",
                "stream_options": "unknown parameter stream_options",
            },
            {"stream", "max_completion_tokens"},
        ),
        ({"api": "responses"}, {"store": "Unknown parameter: 'store'."}, {"stream"}),
    ],
)
def test_a_part_that_the_server_refuses_is_left_out_from_then_on(
    settings: dict[str, object], refused: dict[str, str], left: set[str]
) -> None:
    answers, server = ask(picky(refused), calls=6, concurrency=2, attempts=1, **settings)
    assert [answer.text for answer in answers] == ["hello"] * 6
    assert set(server.requests[-1].json) - {"model", "messages", "instructions", "input"} == left
    assert server.count <= 6 + 2 * len(refused), "each refusal may meet the two calls in flight, and no later one"
    assert sum(answer.tokens_wasted for answer in answers) == 0


def test_the_server_may_name_the_part_in_a_field_of_its_own() -> None:
    script: Script = lambda request, number: (  # noqa: E731
        Http(400, message="Unsupported value.", parameter="temperature") if "temperature" in request else "hello"
    )
    (answer,), _ = ask(script, temperature=2.0)
    assert answer.text == "hello"


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 99999. This model supports at most 16384 completion tokens.",
        "This model's maximum context length is 8192 tokens.",
        "Unknown parameter: 'messages'.",
    ],
)
def test_any_other_refusal_is_the_calls_error(message: str) -> None:
    (answer,), server = ask([Http(400, message=message)], max_tokens=99_999, temperature=0.5)
    assert (answer.status, server.count) == (AnswerStatus.ERROR, 1)
    assert f"400: {message}" in answer.error


def test_a_server_that_refuses_both_names_of_a_limit_is_not_asked_without_one() -> None:
    """Without the limit the worst case would be none."""
    words = "unknown parameter max_tokens", "unknown parameter max_completion_tokens"
    (answer,), server = ask(picky({"max_tokens": words[0], "max_completion_tokens": words[1]}), max_tokens=50)
    assert (answer.status, server.count) == (AnswerStatus.ERROR, 2)


# What one request may cost at most


def test_the_worst_case_is_a_token_a_byte_and_all_tokens_of_the_answer() -> None:
    model = client("http://127.0.0.1:9/v1", max_tokens=1000, **PRICES)
    tokens, usd = model.worst_case(PROMPT)
    assert tokens == 23 + 64 + 1000
    assert usd == pytest.approx(((23 + 64) * 2.0 + 1000 * 10.0) / 1e6)


def test_the_worst_case_knows_that_a_cache_may_cost_more() -> None:
    usd = client("http://127.0.0.1:9/v1", max_tokens=1, **PRICES, usd_per_mtok_cache_write=2.5).worst_case(PROMPT)[1]
    assert usd == pytest.approx((87 * 2.5 + 10.0) / 1e6)


def test_a_limit_is_sent_where_a_budget_needs_one() -> None:
    _, server = ask(["hello"], cap_tokens=True)
    assert server.requests[0].json["max_tokens"] == CAP_TOKENS
    _, server = ask(["hello"], cap_tokens=True, max_tokens=50)
    assert server.requests[0].json["max_tokens"] == 50
    assert client("http://127.0.0.1:9/v1", cap_tokens=True).worst_case(PROMPT) == (87 + CAP_TOKENS, None)


# Lines and pieces


CHUNK = {"choices": [{"delta": {"content": "é"}, "finish_reason": None}]}
APIS: tuple[Api, ...] = ("chat", "responses")
_LINES = [
    b"data: ",
    b"\n\n",
    b"\r\n",
    b"data: [DONE]\n",
    b"data: 1\n\n",
    b'data: {"type": "response.completed"}\n\n',
    b"{",
]
LAST = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


def read(data: bytes, step: int) -> str:
    reader = AnswerReader("chat")
    for start in range(0, len(data), step):
        reader.feed(data[start : start + step])
    return reader.end().text


@pytest.mark.parametrize("step", [1, 2, 3, 7, 10_000])
@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n", "\n"])
def test_pieces_may_be_cut_anywhere_and_lines_may_end_anyhow(step: int, end: str) -> None:
    events = [": comment", "event: x", *(f"data:{json.dumps(c, ensure_ascii=False)}" for c in (CHUNK, CHUNK, LAST))]
    assert read(f"\ufeff{end}{end.join([*events, 'data: [DONE]'])}".encode(), step) == "éé"


def test_an_event_may_be_spread_over_lines() -> None:
    lines = json.dumps(CHUNK, indent=1).splitlines()
    data = "\n".join(f"data: {line}" for line in lines) + f"\n\ndata: {json.dumps(LAST)}\n\n"
    assert read(data.encode(), 5) == "é"


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (f"data: {json.dumps(CHUNK)}\n\n", "ended before the answer did"),
        ("data: {oops\n\ndata: [DONE]\n\n", "no JSON"),
        ("data: {oops\n", "no JSON"),
        ("Bad gateway", "ended before the answer did"),
        ("", "an empty body"),
    ],
)
def test_a_stream_that_holds_no_whole_answer_is_none(stream: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        read(stream.encode(), 3)


@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(st.binary(max_size=20) | st.sampled_from(_LINES), max_size=6), api=st.sampled_from(APIS))
def test_no_bytes_make_the_reader_raise_anything_but_value_error(pieces: list[bytes], api: Api) -> None:
    reader = AnswerReader(api)
    with contextlib.suppress(ValueError):
        for piece in pieces:
            reader.feed(piece)
        reader.end().text.encode()


@pytest.mark.parametrize(
    ("usage", "read_as"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5}, Usage(10, 5)),
        (
            {"input_tokens": 10, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 4}},
            Usage(10, 5, cached=4),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 3}, Usage(10, 5, cached=3)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": None}, Usage(10, 5)),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 99}},
            Usage(10, 5, 10),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 35,
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            Usage(10, 25, reasoning=20),
        ),
        ({"prompt_tokens": 10}, None),
        ([], None),
    ],
)
def test_tokens_are_read_by_every_name_that_servers_give_them(usage: object, read_as: Usage | None) -> None:
    assert read_usage(usage) == read_as


class CountingDecoder:
    """Counts the characters that are looked at."""

    def __init__(self) -> None:
        self.looked_at = 0
        self._decoder = json.JSONDecoder()

    def raw_decode(self, text: str, start: int) -> tuple[object, int]:
        self.looked_at += len(text) - start
        return self._decoder.raw_decode(text, start)


@pytest.mark.parametrize("rest", ["data:,1\n", "data:]\n", "data:\n", "data: \n", ": hm\n"])
def test_an_event_without_an_end_is_looked_at_in_proportion_to_its_length(
    rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = CountingDecoder()
    monkeypatch.setattr(stream, "_decoder", decoder)
    reader, data = AnswerReader("chat"), b"data: [1" + b",1" * 50_000 + b"\n" + rest.encode() * 8000
    for start in range(0, len(data), 4096):
        with contextlib.suppress(ValueError):
            reader.feed(data[start : start + 4096])
    assert decoder.looked_at <= 6 * len(data)


def test_two_events_of_several_lines_need_no_blank_line_between_them() -> None:
    reader = AnswerReader("chat")
    for chunk in (CHUNK, LAST):
        for line in json.dumps(chunk, indent=1).splitlines():
            reader.feed(f"data: {line}\n".encode())
    reader.feed(b"data: [DONE]\n")
    assert reader.end().text == "é"


@pytest.mark.parametrize(
    "piece", [b"data: " + b"x" * 5_000_000, b"{" + b'"a":"' + b"x" * 5_000_000, b'data:"xxxx\n' * 999_999]
)
def test_what_is_longer_than_any_answer_is_refused(piece: bytes) -> None:
    reader = AnswerReader("chat")
    with pytest.raises(ValueError, match="more than 4 MB"):
        for start in range(0, len(piece), 65_536):
            reader.feed(piece[start : start + 65_536])
