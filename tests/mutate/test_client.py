"""The client against a real server on 127.0.0.1 that does whatever a server may do."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
import logging
import re
import socket
import subprocess
import sys
import time

import pytest
from client_parts import KEY, PROMPT, ask, client
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server import FAULTS, Answer, Http, ModelServer, Reply, Script, Wire, with_faults

from evolve.errors import UsageError
from evolve.mutate.models.answer import Answer as CallAnswer
from evolve.mutate.models.answer import AnswerStatus
from evolve.mutate.models.completion import Api, read_completion
from evolve.mutate.models.fault import retry_after_s
from evolve.mutate.models.stream import AnswerReader
from evolve.mutate.mutation import Kind
from evolve.mutate.prompts.prompt import Prompt

APIS: tuple[Api, ...] = ("chat", "responses")
_KEYS = st.sampled_from(["choices", "message", "content", "refusal", "usage", "prompt_tokens", "text", "error"])


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)


def test_an_answer_comes_with_its_tokens_its_cost_and_its_latency() -> None:
    (answer,), server = ask([Reply("hello", tokens=(1000, 200))], usd_per_mtok_in=2.0, usd_per_mtok_out=10.0)
    assert (answer.text, answer.status, answer.error) == ("hello", AnswerStatus.OK, "")
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_estimated) == (1000, 200, False)
    assert answer.cost_usd == pytest.approx(1000 * 2e-6 + 200 * 10e-6)
    assert (answer.attempts, answer.finish_reason) == (1, "stop")
    assert 0 < answer.latency_s < 5
    assert server.count == 1


def test_the_request_is_a_chat_completion_with_nothing_that_was_not_asked_for() -> None:
    _, server = ask(["hello"])
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.json == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say something."}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    _, server = ask(["hello"], stream=False)
    assert set(server.requests[0].json) == {"model", "messages"}
    _, server = ask(["hello"], temperature=0.7, max_tokens=99)
    assert (server.requests[0].json["temperature"], server.requests[0].json["max_tokens"]) == (0.7, 99)


def test_without_a_price_no_cost_is_guessed() -> None:
    (answer,), _ = ask(["hello"], usd_per_mtok_in=2.0)
    assert answer.cost_usd is None


def test_tokens_that_the_server_does_not_count_are_marked_as_estimated() -> None:
    (answer,), _ = ask([Reply("12345678", tokens=None)])
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_estimated) == (6, 2, True)


@pytest.mark.parametrize(
    "fault",
    [
        Http(429),
        Http(429, retry_after="0"),
        Http(429, retry_after="0.05"),
        Http(429, retry_after="soon"),
        Http(408),
        Http(500),
        Http(503),
        Wire("reset"),
        Wire("cut"),
        Wire("not_json"),
        Wire("list"),
    ],
    ids=str,
)
def test_a_passing_fault_costs_one_more_attempt_and_no_answer(fault: Answer) -> None:
    (answer,), server = ask([fault, "hello"])
    assert (answer.text, answer.status, answer.attempts) == ("hello", AnswerStatus.OK, 2)
    assert server.count == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Http(500, message="out of order"), "500: out of order"),
        (Wire("reset"), "connection lost"),
        (Wire("cut"), "connection lost"),
        (Wire("not_json"), "cannot be read"),
        (Wire("error"), "an error: out of memory"),
    ],
    ids=str,
)
def test_a_lasting_fault_is_an_answer_that_says_so(fault: Answer, reason: str) -> None:
    (answer,), server = ask([fault], attempts=3)
    assert (answer.status, answer.text, answer.attempts, server.count) == (AnswerStatus.ERROR, "", 3, 3)
    assert reason in answer.error
    assert "\n" not in answer.error


def test_a_request_that_the_server_refuses_is_not_sent_again() -> None:
    (answer,), server = ask([Http(400, message="context length exceeded")])
    assert (answer.status, server.count) == (AnswerStatus.ERROR, 1)
    assert "400: context length exceeded" in answer.error


def test_a_rate_limit_is_waited_out_beyond_the_attempts_of_other_faults() -> None:
    (answer,), server = ask([Http(429)] * 5 + ["hello"], attempts=2)
    assert (answer.status, server.count) == (AnswerStatus.OK, 6)


def test_retry_after_holds_back_every_call_of_the_client() -> None:
    async def second_while_the_first_waits(base_url: str) -> float:
        async with client(base_url) as model:
            first = asyncio.create_task(model.complete(PROMPT))
            while not server.count:
                await asyncio.sleep(0.002)
            await asyncio.sleep(0.02)
            second = await model.complete(PROMPT)
            assert (await first).attempts == 2
            return second.latency_s

    with ModelServer([Http(429, retry_after="0.2"), "hello"]) as server:
        assert asyncio.run(second_while_the_first_waits(server.base_url)) > 0.1


def test_a_retry_after_may_be_a_date() -> None:
    wait_s = retry_after_s(email.utils.formatdate(time.time() + 100, usegmt=True))
    assert 98 < wait_s <= 100
    assert retry_after_s("Mon, 99 Foo") == 0.0
    assert 98 < retry_after_s(email.utils.formatdate(time.time() + 100, usegmt=True), "Mon, 99 Foo") <= 100
    assert retry_after_s("inf") == 0.0


def test_a_date_to_retry_after_counts_from_the_servers_own_clock() -> None:
    yesterday = time.time() - 86_400
    until, now = (email.utils.formatdate(yesterday + more_s, usegmt=True) for more_s in (30, 0))
    assert retry_after_s(until, now) == 30.0


def test_a_retry_after_that_is_a_date_is_waited_for() -> None:
    # A date has whole seconds, so this one is between 0.5 s and 1.5 s away.
    (answer,), _ = ask([Http(429, retry_after=email.utils.formatdate(time.time() + 1.5, usegmt=True)), "hello"])
    assert (answer.text, answer.attempts) == ("hello", 2)
    assert answer.latency_s > 0.4


def test_a_hanging_server_costs_a_call_its_deadline_and_the_run_goes_on() -> None:
    def hang_at_first(request: object, number: int) -> Answer:
        return Wire("hang") if number < 4 else "hello"

    async def twice(base_url: str) -> tuple[list[CallAnswer], CallAnswer]:
        async with client(base_url, timeout_s=0.3, concurrency=4) as model:
            stalled = await asyncio.gather(*(model.complete(PROMPT) for _ in range(4)))
            return stalled, await model.complete(PROMPT)

    with ModelServer(hang_at_first) as server:
        stalled, later = asyncio.run(twice(server.base_url))
    for answer in stalled:
        assert (answer.status, answer.attempts) == (AnswerStatus.TIMEOUT, 1)
        assert 0.29 < answer.latency_s < 0.6
        assert "no answer within 0.3 s" in answer.error
    assert later.status is AnswerStatus.OK


def test_one_deadline_covers_all_attempts_and_pauses() -> None:
    (answer,), server = ask([Http(429)], timeout_s=0.3, backoff_s=0.05)
    assert answer.status in (AnswerStatus.ERROR, AnswerStatus.TIMEOUT), "in a pause, or with a request on its way"
    assert "429" in answer.error
    assert answer.attempts == server.count > 2
    assert 0.29 < answer.latency_s < 0.6
    (answer,), server = ask([Http(429, retry_after="3600")], timeout_s=0.1)
    assert (answer.status, server.count) == (AnswerStatus.ERROR, 1)
    assert "429" in answer.error
    assert answer.latency_s < 0.5


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("", AnswerStatus.EMPTY),
        (Reply(None), AnswerStatus.EMPTY),
        (Reply(" \n", finish_reason="length"), AnswerStatus.EMPTY),
        (Reply(None, refusal="I will not."), AnswerStatus.REFUSED),
        (Reply("half", finish_reason="content_filter"), AnswerStatus.REFUSED),
    ],
    ids=str,
)
def test_an_answer_without_use_is_paid_for_and_not_asked_again(reply: Answer, status: AnswerStatus) -> None:
    (answer,), server = ask([reply], usd_per_mtok_in=1.0, usd_per_mtok_out=1.0)
    assert (answer.status, server.count, answer.tokens_in) == (status, 1, 100)
    assert answer.cost_usd
    assert answer.error


def test_text_that_no_file_could_hold_arrives_storable() -> None:
    (answer,), _ = ask([Wire("not_utf8")])
    assert answer.text == "caf\ufffd"
    (answer,), _ = ask(["a\ud800b\0c"])
    assert answer.text.encode() == "a?b\ufffdc".encode()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(message=_JSON, choice=st.dictionaries(_KEYS, _JSON, max_size=3), said=st.dictionaries(_KEYS, _JSON, max_size=3))
def test_no_body_makes_the_reader_raise_anything_but_value_error(
    message: object, choice: dict[str, object], said: dict[str, object]
) -> None:
    for body in (message, {"choices": [{**choice, "message": said}], "usage": message}, {"output": [said, message]}):
        for api in APIS:
            with contextlib.suppress(ValueError):
                read_completion(json.dumps(body), api).text.encode()
    for event in (message, {"choices": [{**choice, "delta": said}], "usage": message}):
        for api in APIS:
            reader = AnswerReader(api)
            with contextlib.suppress(ValueError):
                reader.feed(b"data: " + json.dumps(event).encode() + b"\n\ndata: [DONE]\n\n")
                reader.end().text.encode()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"error": {"message": "overloaded"}}, "an error: overloaded"),
        ({"choices": []}, "no choices in"),
        ({"choices": [{"message": None}]}, "no choices in"),
    ],
)
def test_a_body_without_an_answer_says_what_it_is(body: object, error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        read_completion(json.dumps(body))


@pytest.mark.parametrize("count", [-1, 2**80, 1.5, True, None, "7"])
def test_a_token_count_that_is_none_is_estimated_instead(count: object) -> None:
    body = {"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": count, "completion_tokens": 3}}
    assert read_completion(json.dumps(body)).usage is None


def test_content_in_parts_is_put_together() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {"type": "image"}]
    assert read_completion(json.dumps({"choices": [{"message": {"content": parts}}]})).text == "ab"


def test_no_more_calls_are_in_flight_than_allowed() -> None:
    answers, server = ask(lambda request, number: Reply("hello", delay_s=0.02), calls=12, concurrency=3)
    assert all(answer.status is AnswerStatus.OK for answer in answers)
    assert server.most_open == 3
    assert server.connections <= 3


def test_waiting_for_a_slot_does_not_use_up_the_deadline() -> None:
    script: Script = lambda request, number: Reply("hello", delay_s=0.1)  # noqa: E731
    answers, _ = ask(script, calls=4, concurrency=1, timeout_s=0.25)
    assert [answer.status for answer in answers] == [AnswerStatus.OK] * 4


def test_three_hundred_calls_at_thirty_percent_faults_end_each_with_one_answer() -> None:
    # A hang before the first piece costs a call its whole deadline: that has a test of its own.
    kinds = [kind for kind in FAULTS if kind not in ("hang", "silence after the headers")]
    script = with_faults(lambda request, number: f"answer {number}", 0.3, seed=1, kinds=kinds)
    answers, server = ask(script, 300, concurrency=32, backoff_s=0.001, timeout_s=30.0, idle_timeout_s=0.5, attempts=20)
    assert {answer.status for answer in answers} == {AnswerStatus.OK, AnswerStatus.EMPTY}
    texts = [answer.text for answer in answers if answer.text.startswith("answer")]
    assert len(texts) == len(set(texts)) > 200
    assert sum(answer.attempts for answer in answers) == server.count > 330


# What only a person can put right


def test_a_local_server_needs_no_key() -> None:
    (answer,), server = ask(["hello"])
    assert answer.status is AnswerStatus.OK
    assert server.requests[0].headers["authorization"] == "Bearer none"


def test_the_key_is_sent_from_the_variable_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")
    _, server = ask(["hello"], api_key_env="MY_KEY")
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_without_base_url_and_key_the_variable_to_set_is_named() -> None:
    with pytest.raises(UsageError, match=r"\$MY_KEY is not set.*--api-key-env.*--base-url"):
        client(None, api_key_env="MY_KEY")


def test_a_variable_that_was_given_for_the_key_must_be_set_for_a_local_server_too() -> None:
    with pytest.raises(UsageError, match=r"model m: \$MY_KEY is not set.*leave the option out"):
        client("http://127.0.0.1:9/v1", api_key_env="MY_KEY")
    assert client("http://127.0.0.1:9/v1", api_key_env="").base_url


def test_the_base_url_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1/")
    assert client(None).base_url == "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_with_one_line(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=rf"asks for a key \({status}: .*Set \$OPENAI_API_KEY"):
        ask([Http(status, message="who are you")])
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(UsageError, match=rf"refused the key in \$OPENAI_API_KEY \({status}") as stopped:
        ask([Http(status, message=f"bad key:\n{KEY}")])
    assert KEY not in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_an_unknown_model_or_path_stops_with_one_line() -> None:
    with pytest.raises(UsageError, match=r"model m: .*404: no model m.*Check --model and --base-url"):
        ask([Http(404, message="no model m")])


@pytest.mark.parametrize("fault", [Http(402, message="Insufficient Balance"), Http(429, code="insufficient_quota")])
def test_an_account_without_credit_stops_with_one_line(fault: Answer) -> None:
    with pytest.raises(UsageError, match=r"has no credit left \(4.*resume the run"):
        ask([fault])


def test_a_server_that_was_never_there_stops_the_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(UsageError, match=r"cannot be reached \(.*check --base-url") as stopped:
        asyncio.run(client(f"http://127.0.0.1:{port}/v1").complete(PROMPT))
    assert "\n" not in str(stopped.value)


def test_a_host_without_an_address_stops_the_run() -> None:
    with pytest.raises(UsageError, match=r"no-such-host\.invalid.*cannot be reached"):
        asyncio.run(client("http://no-such-host.invalid/v1").complete(PROMPT))


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("ALL_PROXY", "socks5://me:secret@127.0.0.1:1080", r"\(socks5://\.\.\.@127.* is a SOCKS proxy.*pip install"),
        ("https_proxy", "socks5h://127.0.0.1:1080", "is a SOCKS proxy"),
        ("HTTP_PROXY", "ftp://127.0.0.1:21", "is no proxy"),
        ("HTTPS_PROXY", "http://[::1", "is no proxy"),
        ("SSL_CERT_FILE", "/no/such/file.pem", "cannot be read as certificates: No such file"),
        ("SSL_CERT_FILE", __file__, "cannot be read as certificates"),
    ],
)
@pytest.mark.usefixtures("no_proxy")
def test_a_variable_that_allows_no_connection_is_named_in_one_line(
    variable: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=rf"^\${variable} .*{told}") as stopped:
        client("https://example.invalid/v1").warm_up()
    assert "\n" not in str(stopped.value)
    assert "secret" not in str(stopped.value)
    (answer,), _ = ask(["a server on this machine is asked all the same"])
    assert answer.status is AnswerStatus.OK


@pytest.mark.usefixtures("no_proxy")
def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{port}")
    with pytest.raises(UsageError, match=r"cannot be reached \(.*asked through \$HTTPS_PROXY"):
        asyncio.run(client("https://example.invalid/v1").complete(PROMPT))


def test_a_server_that_goes_away_later_does_not_stop_the_run() -> None:
    async def before_and_after() -> CallAnswer:
        with ModelServer(["hello"]) as server:
            model = client(server.base_url, attempts=2)
            assert (await model.complete(PROMPT)).status is AnswerStatus.OK
        answer = await model.complete(PROMPT)
        await model.close()
        return answer

    answer = asyncio.run(before_and_after())
    assert (answer.status, answer.attempts) == (AnswerStatus.ERROR, 2)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000/v1", "localhost", "ftp://host/v1", "http://", "http://[::1", "http://a:b"]
)
def test_what_is_no_url_is_said_at_once(url: str) -> None:
    with pytest.raises(UsageError, match=r"not a URL; expected e\.g\. http"):
        client(url)


@pytest.mark.parametrize("url", [f"http://me:{KEY}@host/v1", f"http://host/v1?key={KEY}", f"me:{KEY}@host"])
def test_a_key_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError, match=r"without user, password and query|not shown") as refused:
        client(url)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(UsageError, match=r"\$OPENAI_API_KEY holds characters") as refused:
        client("http://127.0.0.1:9/v1")
    assert key not in str(refused.value)


def test_the_key_shows_in_no_answer_no_repr_and_no_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    (answer,), server = ask([Http(500, message=f"failed for {KEY}")], attempts=2)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "500: failed for [key]" in answer.error
    assert KEY not in repr(answer)
    assert KEY not in repr(client(server.base_url))
    assert KEY not in caplog.text
    assert KEY not in repr(server.requests)


def test_the_same_request_has_the_same_digest_and_another_model_another() -> None:
    assert PROMPT.digest("m") == Prompt("Be brief.", "Say something.", Kind.REWRITE).digest("m")
    assert len({PROMPT.digest("m"), PROMPT.digest("n"), Prompt("", "Say something.", Kind.EDIT).digest("m")}) == 3


def test_the_sdk_is_imported_only_when_a_model_is_asked() -> None:
    program = (
        "import sys, evolve.mutate.models.client, evolve.mutate.prompts.prompt\n"
        "print('openai' in sys.modules, 'jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
