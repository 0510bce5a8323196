"""What servers say that will not answer, in whatever form they say it, reaches a person, and ends what is hopeless."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from client_parts import PROMPT, ask, client
from model_server import Http, Json, ModelServer, Raw, Reply

from evolve.config import ModelConfig
from evolve.mutate.models.answer import AnswerStatus
from evolve.mutate.models.client import ModelClient
from evolve.mutate.models.fault import CUT_ANSWERS, EQUAL_FAULTS, EQUAL_REFUSALS, ModelGone, words_of
from evolve.mutate.models.watch import Watch
from evolve.mutate.mutation import Kind
from evolve.mutate.prompts.prompt import Prompt

PAGE = (
    "<!DOCTYPE html><html><head><style>b{}</style><script>if (a<b) x()</script></head><body><h1>502</h1>Bad &amp; gone"
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "no such model"}}, "no such model"),
        ({"error": "no such model"}, "no such model"),
        ([{"error": {"message": "no such model"}}], "no such model"),
        ({"detail": "no such model"}, "no such model"),
        (
            {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "x"}]},
            "body.messages: field required",
        ),
        ({"message": "no such model"}, "no such model"),
        ({"error": {"error": {"message": "no such model"}}}, "no such model"),
        ({"errors": ["no such model"]}, "no such model"),
        ({"error_description": "no such model", "error": None}, "no such model"),
        ("no such\n model", "no such model"),
        (PAGE, "502 Bad & gone"),
        ({"code": 17}, '{"code": 17}'),
        ("x" * 900, "x" * 200 + " ..."),
        (None, ""),
        ({}, ""),
    ],
)
def test_the_servers_words_are_found_in_bodies_of_all_shapes(body: object, words: str) -> None:
    assert words_of(body) == words


@pytest.mark.parametrize("status", [400, 404, 405, 413, 422])
@pytest.mark.parametrize("body", [{"detail": "not today"}, "not today", "<html><p>not today</p></html>"])
def test_a_lasting_refusal_ends_a_model_after_a_few_calls_with_the_servers_words(status: int, body: Any) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    error, server = failing(Raw(text, status))
    assert "not today" in error and str(status) in error
    assert server.count <= EQUAL_REFUSALS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Raw(json.dumps({"error": {"message": "the engine is dead"}})), "the engine is dead"),
        (Raw(PAGE), "502 Bad & gone"),
        (Http(503, message="loading"), "503: loading"),
    ],
)
def test_a_fault_that_lasts_ends_a_model_too_though_later(answer: Any, words: str) -> None:
    error, server = failing(answer, attempts=2, timeout_s=1.0)
    assert words in error and f"{EQUAL_FAULTS} calls in a row" in error
    assert server.count <= 2 * EQUAL_FAULTS


def test_who_asks_to_be_left_alone_for_the_day_is_not_waited_for_and_says_so_once() -> None:
    told: list[str] = []
    error, server = failing(Http(429, "36000", "daily limit"), tell=told.append)
    assert "daily limit" in error and "left alone for 36000 s" in error.replace("35999", "36000")
    assert server.count == 1, "the other calls know without asking"
    (line,) = told
    assert "asks to be left alone for 36000 s (429: daily limit)" in line


def failing(answer: Any, tell: Any = None, **settings: Any) -> tuple[str, ModelServer]:
    """Return the line that ends a model, and the server that was asked one call after the other."""

    async def one_by_one(base_url: str) -> str:
        async with client(base_url, **settings) as model:
            if tell is not None:
                model._watch._hear = tell
            for _ in range(20):
                try:
                    await model.complete(PROMPT)
                except ModelGone as gone:
                    return str(gone)
        return "never"

    with ModelServer(answer if callable(answer) else [answer]) as server:
        return asyncio.run(one_by_one(server.base_url)), server


def test_a_server_that_fails_every_request_is_told_of_before_any_call_has_ended() -> None:
    told: list[str] = []

    async def until_told(base_url: str) -> None:
        async with client(base_url, timeout_s=60.0) as model:
            model._watch._hear = told.append
            calls = [asyncio.create_task(model.complete(PROMPT)) for _ in range(8)]
            while not told:
                await asyncio.sleep(0.01)
            assert not any(call.done() for call in calls)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    with ModelServer([Http(503, message="no GPU")]) as server:
        asyncio.run(until_told(server.base_url))
    (line,) = told
    assert "fails every request (503: no GPU); it is asked again now and then, by each call for 60 s at most" in line
    assert "given up after 120 s of the same words" in line


@pytest.mark.parametrize("words", ["no GPU", "Loading model"])
def test_a_server_out_of_order_is_given_up_long_before_its_calls_time_and_one_that_is_starting_is_not(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolve.mutate.models.fault.LASTING_FAULT_S", 0.2)

    async def all_at_once(base_url: str) -> list[Any]:
        timeout_s = 2.0 if words == "Loading model" else 600.0
        async with client(base_url, timeout_s=timeout_s, attempts=1000) as model:
            model.breaker._pause_s = 0.01
            return await asyncio.gather(*(model.complete(PROMPT) for _ in range(12)), return_exceptions=True)

    with ModelServer([Http(503, message=words)]) as server:
        ended = asyncio.run(all_at_once(server.base_url))
    if words == "Loading model":
        assert any(not isinstance(answer, ModelGone) and "Loading model" in answer.error for answer in ended)
        return
    assert all(isinstance(error, ModelGone) for error in ended), "those that wait know it at once"
    assert "has failed every request for " in str(ended[0]) and "(503: no GPU)" in str(ended[0])


def test_answers_that_are_all_cut_end_a_model_and_a_few_that_follow_each_other_do_not() -> None:
    error, server = failing(Reply("def f():", finish_reason="length"), max_tokens=77)
    assert f"has cut {CUT_ANSWERS} answers in a row (cut at max_tokens = 77: raise it (--set model" in error
    assert server.count == CUT_ANSWERS
    often = [Reply("def f():", finish_reason="length")] * (CUT_ANSWERS - 1)
    error, _ = failing(lambda asked, number: [*often, "hello"][number % CUT_ANSWERS])
    assert error == "never"


def test_an_answer_between_two_refusals_starts_the_count_again() -> None:
    def script(asked: Json, number: int) -> Any:
        return "hello" if number % 3 == 2 else Http(400)

    async def many(base_url: str) -> list[AnswerStatus]:
        async with client(base_url) as model:
            return [(await model.complete(PROMPT)).status for _ in range(12)]

    with ModelServer(script) as server:
        assert asyncio.run(many(server.base_url)).count(AnswerStatus.OK) == 4


@pytest.mark.parametrize(
    "words",
    [
        "System role not supported",
        "Conversation roles must alternate user/assistant/user/assistant/...",
        "Only user and assistant roles are supported!",
        "Developer instruction is not enabled for models/gemma",
        "This model does not support system messages",
    ],
)
@pytest.mark.parametrize("status", [400, 500])
def test_a_model_without_a_system_role_is_told_all_in_the_users_message(words: str, status: int) -> None:
    def script(asked: Json, number: int) -> Any:
        return Http(status, message=words) if asked["messages"][0]["role"] == "system" else "hello"

    (answer,), server = ask(script)
    assert (answer.text, server.count) == ("hello", 2)
    (message,) = server.requests[1].json["messages"]
    assert message["role"] == "user"
    assert message["content"] == f"{PROMPT.system}\n\n{PROMPT.user}"


@pytest.mark.parametrize("body", [{"detail": "reasoning_effort is not supported"}, "unknown field reasoning_effort"])
def test_what_is_refused_is_learnt_whatever_the_body(body: Any) -> None:
    def script(asked: Json, number: int) -> Any:
        refused = "reasoning_effort" in asked
        return Raw(body if isinstance(body, str) else json.dumps(body), 400) if refused else "hello"

    (answer,), server = ask(script, reasoning_effort="low")
    assert (answer.text, server.count) == ("hello", 2)


def test_a_redirect_on_the_same_host_is_followed_once_for_all_calls_and_one_to_elsewhere_is_named() -> None:
    def script(asked: Json, number: int) -> Any:
        return Raw("", 307, "Location: /proxy/v1/chat/completions\r\n") if number == 0 else "hello"

    answers, server = ask(script, attempts=3)
    assert answers[0].text == "hello"
    assert [request.path for request in server.requests] == ["/v1/chat/completions", "/proxy/v1/chat/completions"]
    for _ in range(1):
        error, _ = failing(Raw("", 301, "Location: http://192.0.2.1/v1/chat/completions\r\n"))
        assert "redirects to http://192.0.2.1/v1/chat/completions (301)" in error and "--base-url" in error


def test_a_cut_answer_says_what_to_raise() -> None:
    (answer,), _ = ask([Reply("def f():", finish_reason="length")], max_tokens=77)
    assert (answer.text, answer.status) == ("def f():", AnswerStatus.OK)
    assert answer.error == "cut at max_tokens = 77: raise it (--set model.max_tokens=N)"


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (
            Reply(None, finish_reason="length", thoughts="hm " * 9),
            "cut at max_tokens, the server's own, thinking used it up",
        ),
        (Reply(None, thoughts="the answer"), "all of it came as thoughts (reasoning_content)"),
        (Reply("", finish_reason="stop"), "an answer without text (finish reason: stop)"),
    ],
)
def test_an_answer_without_text_names_the_cure(reply: Reply, error: str, plain: bool) -> None:
    (answer,), _ = ask([Reply(**{**vars(reply), "plain": plain})])
    assert answer.status is AnswerStatus.EMPTY
    assert error in answer.error


def test_a_model_that_asks_for_a_tool_is_said_to() -> None:
    body = {"choices": [{"message": {"content": None, "tool_calls": [{"id": "1"}]}, "finish_reason": "tool_calls"}]}
    (answer,), _ = ask([Raw(json.dumps(body))])
    assert "asked for a tool" in answer.error


def watched(script: Any, calls: int, prompt: Prompt, **settings: Any) -> list[str]:
    """Return what a person is told while calls are made at once."""
    told: list[str] = []

    async def all_at_once(base_url: str) -> None:
        model = ModelConfig.model_validate({"name": "m", "base_url": base_url, "timeout_s": 20.0, **settings})
        async with ModelClient(model, tell=told.append) as asked:
            await asyncio.gather(*(asked.complete(prompt) for _ in range(calls)))

    with ModelServer(script) as server:
        asyncio.run(all_at_once(server.base_url))
    return told


def test_a_server_that_cuts_the_prompt_is_told_of_once() -> None:
    long = Prompt("role", "word " * 2000, Kind.EDIT)
    (line,) = watched([Reply("hello", tokens=(512, 3))], 3, long)
    assert "has cut the prompt: it counts 512 tokens of 10004 characters" in line
    assert watched([Reply("hello", tokens=(2001, 3))], 3, long) == []


@pytest.mark.parametrize(
    ("streams", "told"),
    [
        ([(10.0 * n + 2, 10.0 * n + 10) for n in range(12)], True),
        ([(0.1 * n + 0.02, 0.1 * n + 0.1) for n in range(12)], False),  # no time to speak of
        ([(10.0 * n - 1, 10.0 * n + 10) for n in range(12)], False),  # each begun while the one before it was made
        ([(10.0 * n + 9.9, 10.0 * n + 10) for n in range(12)], False),  # made in one piece, who knows when
    ],
)
def test_a_server_that_answers_one_call_at_a_time_is_told_of_once(
    streams: list[tuple[float, float]], told: bool
) -> None:
    lines: list[str] = []
    watch = Watch(ModelConfig(name="m"), "http://127.0.0.1:9/v1", lines.append)
    for began_s, ended_s in streams:
        watch.answered(began_s, ended_s, waiting=7)
    assert len(lines) == told
    assert all("answers one call at a time while 7 wait: --set model.concurrency=1" in line for line in lines)


def test_answers_that_are_quick_or_come_whole_are_no_queue() -> None:
    assert watched(["hello"], 12, PROMPT, concurrency=12) == []
    assert watched([Reply("hello", plain=True)], 12, PROMPT, concurrency=12) == []


@pytest.mark.parametrize(
    ("reply", "deed"),
    [
        (Reply(None, finish_reason="length", thoughts="hm"), "has given 8 answers in a row without a program"),
        (Reply("", refusal="No."), "has refused 8 calls in a row (refused: No."),
    ],
)
def test_paid_answers_without_text_end_a_model_too_and_none_of_them_is_lost(reply: Reply, deed: str) -> None:
    async def until_gone(base_url: str) -> tuple[int, str]:
        async with client(base_url) as model:
            for count in range(20):
                try:
                    await model.complete(PROMPT)
                except ModelGone as gone:
                    return count, str(gone)
        return 20, "never"

    with ModelServer([reply]) as server:
        count, error = asyncio.run(until_gone(server.base_url))
    assert count == server.count == EQUAL_FAULTS, "the call that is not made is the one that says so"
    assert deed in error
