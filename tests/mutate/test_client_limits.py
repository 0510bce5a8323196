"""Several models and servers at once: a stalled one holds nobody else up, and no key gets out."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
import traceback
from pathlib import Path

import pytest
from client_parts import KEY, PROMPT, client
from model_server import Answer, Http, ModelServer, Raw, Reply, Wire

from evolve.config import ModelConfig, RateConfig
from evolve.errors import UsageError
from evolve.mutate.models.answer import Answer as CallAnswer
from evolve.mutate.models.answer import AnswerStatus
from evolve.mutate.models.breaker import Breaker
from evolve.mutate.models.client import ModelClient
from evolve.mutate.models.fault import EQUAL_REFUSALS
from evolve.mutate.models.providers import Client, make_clients
from evolve.mutate.models.rate import RateLimit


def of(settings: dict[str, object]) -> ModelConfig:
    return ModelConfig.model_validate({"timeout_s": 5.0, **settings})


async def close(clients: dict[str, Client]) -> None:
    for model in clients.values():
        await model.close()


# Several servers


def test_a_stalled_server_costs_its_calls_their_deadline_and_the_other_servers_calls_go_on(tmp_path: Path) -> None:
    calls = 5

    async def both(stalled: str, sound: str) -> tuple[list[CallAnswer], list[CallAnswer], float]:
        await _warm(sound)
        clients = make_clients(
            [
                of({"name": "stalled", "base_url": stalled, "timeout_s": 0.5, "concurrency": calls}),
                of({"name": "sound", "base_url": sound, "concurrency": 4}),
            ],
            RateConfig(),
            tmp_path,
        )
        began = time.monotonic()
        waiting = [asyncio.create_task(clients["stalled"].complete(PROMPT, n)) for n in range(calls)]
        answered = await asyncio.gather(*(clients["sound"].complete(PROMPT, n) for n in range(40)))
        assert not any(task.done() for task in waiting) or time.monotonic() - began > 0.5
        failed = await asyncio.gather(*waiting)
        took_s = time.monotonic() - began
        # The breaker is open now: another round asks the server once at most, and still costs each call its deadline.
        failed += await asyncio.gather(*(clients["stalled"].complete(PROMPT, n) for n in range(calls)))
        await close(clients)
        return failed, answered, took_s

    with ModelServer([Wire("hang")]) as stalled, ModelServer(["hello"]) as sound:
        failed, answered, took_s = asyncio.run(both(stalled.base_url, sound.base_url))
    assert {answer.text for answer in answered} == {"hello"}
    assert {answer.status for answer in failed} == {AnswerStatus.TIMEOUT}
    assert took_s < 2.0
    for answer in failed:
        assert 0.49 < answer.latency_s < 1.0
        assert answer.attempts <= 1
    assert stalled.count <= calls + 1


def test_a_failing_server_is_left_alone_but_for_a_probe_and_taken_up_when_it_is_back(tmp_path: Path) -> None:
    def down_at_first(request: object, number: int) -> Answer:
        return Http(503) if number < 8 else "hello"

    async def ask(base_url: str) -> list[CallAnswer]:
        breaker = Breaker(failures=4, pause_s=0.05)
        settings = {"base_url": base_url, "attempts": 50, "concurrency": 8}
        one, two = (
            ModelClient(of({"name": name, **settings}), breaker=breaker, backoff_s=0.001) for name in ("one", "two")
        )
        answers = await asyncio.gather(*(model.complete(PROMPT, n) for model in (one, two) for n in range(4)))
        assert not breaker.is_open
        await one.close()
        await two.close()
        return answers

    with ModelServer(down_at_first) as server:
        answers = asyncio.run(ask(server.base_url))
    assert [answer.text for answer in answers] == ["hello"] * 8
    # The first eight fail at once; then one at a time is let through, the others of both models wait for it.
    assert server.count == 8 + 8


def test_the_breaker_lets_one_request_through_and_waits_longer_each_time() -> None:
    async def story() -> list[float]:
        breaker = Breaker(failures=2, pause_s=0.04)
        for _ in range(2):
            async with breaker.request() as outcome:
                outcome.works = False
        assert breaker.is_open
        times = [time.monotonic()]
        for works in (False, False, True):
            async with breaker.request() as outcome:
                times.append(time.monotonic())
                late = asyncio.create_task(_enter(breaker))
                await asyncio.sleep(0.01)
                assert not late.done(), "only one probe at a time"
                outcome.works = works
            if works:
                await late
            else:
                late.cancel()
        assert not breaker.is_open
        return [after - before for before, after in itertools.pairwise(times)]

    first, second, third = asyncio.run(story())
    assert first >= 0.04 - 0.005
    assert second >= 0.08 - 0.005
    assert third >= 0.16 - 0.005


async def _enter(breaker: Breaker) -> None:
    async with breaker.request():
        pass


def test_a_probe_that_is_cancelled_makes_room_for_the_next() -> None:
    async def story() -> None:
        breaker = Breaker(failures=1, pause_s=0.0)
        async with breaker.request() as outcome:
            outcome.works = False
        probe = asyncio.create_task(_hold(breaker))
        await asyncio.sleep(0.01)
        probe.cancel()
        async with asyncio.timeout(1.0), breaker.request() as outcome:
            outcome.works = True
        assert not breaker.is_open

    asyncio.run(story())


async def _hold(breaker: Breaker) -> None:
    async with breaker.request():
        await asyncio.sleep(10)


def test_what_the_server_refuses_does_not_open_the_breaker() -> None:
    page, error = Raw("<html>Please log in</html>"), Raw('{"error": {"message": "no GPU is free"}}')
    for answer, opens in ((Http(400), False), (Http(429), False), (page, False), (error, False), (Http(500), True)):
        with ModelServer([answer]) as server:

            async def bounded(base_url: str = server.base_url, answer: Answer = answer) -> bool:
                async with client(base_url, attempts=1, timeout_s=0.1, backoff_s=0.02) as model:
                    for n in range(6 if answer != Http(400) else EQUAL_REFUSALS - 1):
                        assert (await model.complete(PROMPT, n)).status in (AnswerStatus.ERROR, AnswerStatus.TIMEOUT)
                    return model.breaker.is_open

            assert asyncio.run(bounded()) is opens, answer


def test_a_call_may_be_stopped_before_it_pays_again() -> None:
    asked: list[tuple[int, int, float | None]] = []

    def may_retry(call_id: int, tokens: int, cost_usd: float | None) -> bool:
        asked.append((call_id, tokens, cost_usd))
        return len(asked) < 2

    async def ask(base_url: str) -> CallAnswer:
        model = of({"name": "m", "base_url": base_url, "usd_per_mtok_in": 1.0, "usd_per_mtok_out": 1.0})
        async with ModelClient(model, may_retry=may_retry, backoff_s=0.001) as asking:
            return await asking.complete(PROMPT, 7)

    with ModelServer([Http(500), Wire("cut")]) as server:
        answer = asyncio.run(ask(server.base_url))
    # A status of 500 is not billed, so nobody is asked after it.
    assert (server.count, len(asked), answer.status) == (3, 2, AnswerStatus.ERROR)
    assert [call for call, *_ in asked] == [7, 7]
    # Each time for what has come on top since: counted from the call's beginning, it would be held several times.
    assert sum(tokens for _, tokens, _ in asked) == answer.tokens_in + answer.tokens_out == answer.tokens_wasted
    assert (
        sum(usd or 0.0 for *_, usd in asked)
        == pytest.approx(answer.cost_usd)
        == pytest.approx(answer.tokens_wasted / 1e6)
    )


# The rate of all models together


def test_no_minute_holds_more_requests_than_allowed() -> None:
    async def times() -> list[float]:
        limit = RateLimit(RateConfig(requests_per_minute=3), minute_s=0.15)
        admitted: list[float] = []

        async def one() -> None:
            await limit.admit(10)
            admitted.append(time.monotonic())

        await asyncio.gather(*(one() for _ in range(10)))
        return admitted

    at = asyncio.run(times())
    assert at == sorted(at)
    for earlier, later in zip(at, at[3:], strict=False):
        assert later - earlier >= 0.15 - 0.005
    assert at[-1] - at[0] < 1.5


def test_the_rate_of_tokens_counts_what_was_used_not_what_was_expected() -> None:
    async def story() -> float:
        limit = RateLimit(RateConfig(tokens_per_minute=100), minute_s=10.0)
        first = await limit.admit(90)
        waiting = asyncio.create_task(limit.admit(50))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        limit.correct(first, 40)
        began = time.monotonic()
        await waiting
        return time.monotonic() - began

    assert asyncio.run(story()) < 1.0


def test_a_request_above_the_limit_of_tokens_goes_alone() -> None:
    async def story() -> float:
        limit = RateLimit(RateConfig(tokens_per_minute=100), minute_s=0.1)
        began = time.monotonic()
        await limit.admit(500)
        await limit.admit(500)
        return time.monotonic() - began

    assert 0.095 < asyncio.run(story()) < 1.0


def test_less_than_one_request_a_minute_is_one_in_two() -> None:
    async def story() -> float:
        limit = RateLimit(RateConfig(requests_per_minute=0.5), minute_s=0.1)
        began = time.monotonic()
        await limit.admit(1)
        await limit.admit(1)
        return time.monotonic() - began

    assert 0.19 < asyncio.run(story()) < 1.5


def test_the_rate_holds_over_all_models_and_waiting_for_it_is_no_time_out(tmp_path: Path) -> None:
    async def ask(one: str, two: str) -> list[CallAnswer]:
        limit = RateLimit(RateConfig(requests_per_minute=2), minute_s=0.2)
        clients = [
            ModelClient(of({"name": name, "base_url": url, "timeout_s": 0.15}), rate=limit)
            for name, url in (("one", one), ("two", two))
        ]
        answers = await asyncio.gather(*(model.complete(PROMPT, n) for model in clients for n in range(3)))
        for model in clients:
            await model.close()
        return answers

    with ModelServer(["hello"]) as one, ModelServer(["hello"]) as two:
        asyncio.run(_warm(one.base_url))
        began = time.monotonic()
        answers = asyncio.run(ask(one.base_url, two.base_url))
        took_s = time.monotonic() - began
    assert [answer.text for answer in answers] == ["hello"] * 6
    assert took_s >= 0.4 - 0.01


async def _warm(base_url: str) -> None:
    """Import the SDK: half a second that a short deadline has no room for."""
    async with client(base_url) as model:
        await model.complete(PROMPT)


# Keys


def test_the_key_is_in_no_answer_no_error_no_repr_no_log_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    async def ask(base_url: str, call_id: int) -> None:
        async with client(base_url, api_key_env="MY_KEY", attempts=2, timeout_s=0.5) as model:
            seen.append(repr(model))
            seen.append(repr(vars(model)["model"]))
            try:
                seen.append(repr(await model.complete(PROMPT, call_id)))
            except UsageError as stopped:
                seen.append("".join(traceback.format_exception(stopped)))

    faults: list[Answer] = [
        Http(401, message=f"bad key {KEY}"),
        Http(403, message=KEY),
        Http(404, message=f"{KEY} has no such model"),
        Http(400, message=f"bad request by {KEY}"),
        Http(500, message=f"failed for {KEY}"),
        Wire("reset"),
        Wire("cut"),
        Wire("not_json"),
        Wire("hang"),
        Reply(f"Your key is {KEY}."),
        Reply(None, refusal=f"{KEY} may not"),
        Reply("", finish_reason=KEY),
    ]
    for fault in faults:
        with ModelServer([fault]) as server:
            asyncio.run(ask(server.base_url, 1))
            assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
            assert KEY not in server.requests[0].body.decode()
    assert len(seen) == 3 * len(faults)
    assert KEY not in "".join(seen)
    assert "Your key is [key]." in "".join(seen)
    assert KEY not in caplog.text
