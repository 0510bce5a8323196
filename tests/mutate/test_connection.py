"""What a server may do to HTTP itself: send a call elsewhere, never end a refusal, compress what nobody asked for."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from client_parts import PROMPT, ask, client
from model_server import Answer, Json, ModelServer, Raw

from evolve.errors import UsageError
from evolve.mutate.models import connection
from evolve.mutate.models.answer import AnswerStatus

ANSWER = {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}


def test_calls_that_meet_a_redirect_together_follow_it_and_later_ones_go_straight() -> None:
    def script(asked: Json, number: int) -> Answer:
        return Raw("", 308, "Location: /other/v1/chat/completions\r\n") if number < 4 else "hello"

    async def story(base_url: str) -> list[tuple[AnswerStatus, int]]:
        async with client(base_url, attempts=1) as model:
            answers = await asyncio.gather(*(model.complete(PROMPT, n) for n in range(4)))
            answers.append(await model.complete(PROMPT, 5))
            return [(answer.status, answer.attempts) for answer in answers]

    with ModelServer(script) as server:
        assert asyncio.run(story(server.base_url)) == [(AnswerStatus.OK, 1)] * 5
    paths = [request.path for request in server.requests]
    assert paths == ["/v1/chat/completions"] * 4 + ["/other/v1/chat/completions"] * 5
    assert len({request.body for request in server.requests}) == 1, "the whole request, whatever the status"


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://example.com/v1/chat/completions", r"redirects to https://example\.com/v1/chat/completions \(302\)"),
        ("/login?next=1", r"redirects to http://127\.0\.0\.1:\d+/login\?next=1 \(302\)"),
        ("/v1/chat/completions", "redirects in a circle"),
    ],
)
def test_a_redirect_to_elsewhere_is_named(location: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        ask([Raw("", 302, f"Location: {location}\r\n")])


@pytest.fixture
def endless() -> Iterator[str]:
    """Refuses every request with a body that never ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                one, _ = listening.accept()
                one.recv(65536)
                one.sendall(b"HTTP/1.1 500 X\r\nContent-Length: 99999999\r\n\r\nout of memory" + b" " * 5_000_000)
            except OSError:
                pass

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    done.set()
    listening.close()


def test_no_more_is_read_of_a_refusal_than_a_person_is_told(endless: str) -> None:
    async def story() -> str:
        async with client(endless, attempts=2, timeout_s=60) as model:
            return (await model.complete(PROMPT)).error

    assert asyncio.run(story()).startswith("500: out of memory (2 attempts")


def test_a_refusal_that_comes_in_drips_is_told_as_far_as_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WORDS_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            one, _ = listening.accept()
            one.recv(65536)
            one.sendall(b"HTTP/1.1 404 X\r\nContent-Length: 99999999\r\n\r\nno such model")
            time.sleep(60)

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(UsageError, match="404: no such model"):
            asyncio.run(client(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", timeout_s=60).complete(PROMPT))


def test_an_answer_that_is_compressed_unasked_is_read() -> None:
    packed = gzip.compress(json.dumps(ANSWER).encode())
    (answer,), server = ask([Raw(packed, headers="Content-Encoding: gzip\r\n")])
    assert (answer.status, answer.text) == (AnswerStatus.OK, "hello")
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("body", "coding", "told"),
    [
        (gzip.compress(b'{"' + b"x" * 60_000_000), "gzip", "more than 4 MB"),
        (b"whatever", "br", r"it is compressed \(br\)"),
        (b"no gzip at all", "gzip", "cannot be read"),
    ],
)
def test_a_compressed_answer_that_is_none_is_a_failed_call(body: bytes, coding: str, told: str) -> None:
    (answer,), _ = ask([Raw(body, headers=f"Content-Encoding: {coding}\r\n")], attempts=1)
    assert answer.status is AnswerStatus.ERROR
    assert re.search(told, answer.error)
