"""One model on one OpenAI-compatible server: a prompt in, an answer out, whatever the server does in between.

Anything that a server may do wrong for a while (429, 5xx, resets, hangs, streams that break, bodies that are no JSON)
is retried until the call's one deadline and then is an `Answer` that says so. Anything that only a person can put right
is a UsageError.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evolve.config import ModelConfig, RateConfig
from evolve.errors import UsageError
from evolve.mutate.models.answer import DEEDS, RUN_OUT, Answer, AnswerStatus
from evolve.mutate.models.breaker import Breaker
from evolve.mutate.models.completion import Completion, Usage, estimated_tokens
from evolve.mutate.models.connection import Connection
from evolve.mutate.models.endpoint import OPENAI_URL, checked_url, key_in
from evolve.mutate.models.fault import CUT_ANSWERS, LASTING_S, EqualFailures, Fault, ModelGone, cure_of
from evolve.mutate.models.prices import prices_of
from evolve.mutate.models.rate import RateLimit
from evolve.mutate.models.request import LEARNT_FROM, RequestForm
from evolve.mutate.models.sharing import answers_of, estimated_usage, for_nothing, one_line
from evolve.mutate.models.stream import AnswerReader
from evolve.mutate.models.watch import Watch
from evolve.words import counted

if TYPE_CHECKING:
    from evolve.mutate.prompts.prompt import Prompt

LONGEST_PAUSE_S, BACKOFF_S = 30.0, 0.5
CAP_TOKENS = 16_384
"""Most tokens of an answer where a budget must hold and `max_tokens` is not set; hidden ones are among them."""
TEMPLATE_TOKENS = 64
"""More than any server's chat template puts around two messages."""
SLOW_START = 4.0
"""How many times the longest wait so far for an answer's first piece is a hang, in a model that does not reason."""

MayRetry = Callable[[int, int, float | None], bool]
"""(call id, tokens, US dollars): whether a call that used so much more without an answer may send another request."""
LeftS = Callable[[], float | None]
"""Seconds that the run has left for calls, whatever `timeout_s` allows; None: as many as they need."""
Tell = Callable[[str], None]
"""Takes a line for the person who watches the run."""
USUAL_KEY = "OPENAI_API_KEY"
"""The variable that need not be set where a server is asked that may need no key; any other one was given."""


def no_limit() -> None:
    """Of a run without a budget of minutes."""


def unheard(line: str) -> None:
    """Of a client that nobody watches."""


class _Tally:
    """What a call has done so far."""

    def __init__(self) -> None:
        self.requests = 0
        self.reader: AnswerReader | None = None
        """Of the request that is on its way."""
        self.fault: Fault | None = None
        """Of the last request that has ended."""
        self.on_its_way = False
        self.wasted = Usage(0, 0)
        self.allowed = Usage(0, 0)
        """What of that the budget has been asked for."""
        self.began_at: float | None = None
        """When the first piece of a streamed answer came."""
        self.run_out = False
        """The run's minutes ended before the call did."""


class ModelClient:
    """Asks one model.

    model: its settings.
    breaker: of its server; shared by all models there.  rate: shared by all models of a run.
    cap_tokens: limit every answer to CAP_TOKENS when `model.max_tokens` does not, so that `worst_case` holds.
    may_retry: asked before another request is sent for a call whose earlier ones may be billed.
    left_s: how long the run itself lets a call take.
    tell: hears what a person should know of the server, once each.
    backoff_s: pause before the second request; it doubles with each one.

    Raises UsageError for a base URL that is none, and for a missing key where OpenAI's own server is to be asked.
    """

    def __init__(
        self,
        model: ModelConfig,
        *,
        breaker: Breaker | None = None,
        rate: RateLimit | None = None,
        cap_tokens: bool = False,
        may_retry: MayRetry | None = None,
        left_s: LeftS = no_limit,
        tell: Tell = unheard,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        given_url = model.base_url or os.environ.get("OPENAI_BASE_URL") or None
        self.model = model
        self.base_url = checked_url(given_url or OPENAI_URL)
        self._key = key_in(model.api_key_env)
        if not self._key and (given_url is None or model.api_key_env not in ("", USUAL_KEY)):
            cure = "give a server that needs no key with --base-url" if given_url is None else "leave the option out"
            raise UsageError(
                f"model {model.name}: ${model.api_key_env} is not set. Set it to your key, name another variable with "
                f"--api-key-env, or {cure}."
            )
        self.breaker = breaker or Breaker()
        self._rate = rate or RateLimit(RateConfig())
        self._may_retry = may_retry
        self._left_s = left_s
        self._watch = Watch(model, self.base_url, tell)
        self._backoff_s = backoff_s
        self._prices = prices_of(model)
        self._slots = asyncio.Semaphore(model.concurrency)
        self._form = RequestForm(model, self.base_url, CAP_TOKENS if cap_tokens else None)
        self._connection = Connection(
            self.base_url, model.name, model.api_key_env, self._key, model.timeout_s, self._one_line
        )
        self._in_flight = 0
        self._quiet_until = 0.0
        self._quiet_words = ""
        self._last_fault: Fault | None = None
        """Of the last request of any call; None when that was answered."""
        self._failures = EqualFailures()
        self._slowest_start_s: float | None = None
        self._reasons = model.reasoning_effort is not None
        self._usual_tokens_out = 1000.0

    def __repr__(self) -> str:
        return f"ModelClient({self.model.name!r}, base_url={self.base_url!r})"

    async def __aenter__(self) -> ModelClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._connection.close()

    def warm_up(self) -> None:
        """Import the SDK (about half a second of CPU) now rather than in the first call. Safe on another thread."""
        self._connection.open()

    def worst_case(self, prompt: Prompt) -> tuple[int, float | None]:
        """Return the most tokens and US dollars that one request for a prompt can be billed with.

        A token is a byte at least, so a prompt has no more of them than bytes. Holds with `max_tokens` or `cap_tokens`.
        The dollars are None when no price is known.
        """
        given = len(prompt.system.encode()) + len(prompt.user.encode()) + TEMPLATE_TOKENS
        made = self._form.most_tokens or CAP_TOKENS
        return given + made, None if self._prices is None else self._prices.most_usd(given, made)

    async def knock(self) -> str:
        """Ask the server which models it has, and return what a person should know; empty when all is well.

        Raises ModelGone for what a person must put right, as far as the server says so.
        """
        return await self._connection.knock()

    async def complete(self, prompt: Prompt, call_id: int = 0) -> Answer:
        """Ask the model and return its answer, or an answer whose status says why there is none.

        Raises ModelGone as `complete_several`.
        """
        return (await self.complete_several(prompt, (call_id,)))[0]

    @property
    def most_answers(self) -> int:
        """How many answers the server gives to one request, as far as is known."""
        return self._form.most_answers

    async def complete_several(self, prompt: Prompt, call_ids: Sequence[int]) -> list[Answer]:
        """Ask the model for several answers to one prompt, in one request.

        Return those of the first calls, at least one: a server may give fewer. Or, for every call, an answer whose
        status says why there is none. Together they have the tokens, dollars and attempts of the request once.

        The deadline begins when a slot is free and the rate limit lets the call through, and covers everything after
        that: requests, pauses, the breaker. A call that its own limits hold back has not been stalled by a server.
        The end of the run's minutes cuts a call wherever it is.
        Raises ModelGone for what a person must put right: no server at the base URL, a key that is missing or refused
        (401, 403), an unknown model or path (404), an account without credit (402), a few calls in a row that fail
        in the same words.
        """
        async with self._slots:
            self._require_hope()
            expected = estimated_tokens(prompt.system + prompt.user) + len(call_ids) * self._usual_tokens_out
            started, tally = time.monotonic(), _Tally()
            admission = completion = None
            self._in_flight += 1
            try:
                async with asyncio.timeout(self._left_s()) as run_out:
                    admission = await self._rate.admit(expected)
                    self.warm_up()  # the import is ours, and takes seconds on a busy machine: no server is to blame
                    started = time.monotonic()
                    with self._while_waiting(tally):
                        async with asyncio.timeout(self.model.timeout_s) as deadline:
                            completion = await self._until_answered(prompt, call_ids, tally, deadline)
                    if completion is not None and not completion.lost_chars:
                        self._form.gave(len(completion.all), len(call_ids))
            except TimeoutError:
                tally.run_out = run_out.expired()
                self._waste(prompt, tally)
            finally:
                self._in_flight -= 1
            answers = self._answers(prompt, completion, tally, time.monotonic() - started)
            if completion is None and not tally.run_out:
                # The breaker may have held a call back all its time: what it was held back for is why it failed.
                self._failures.add(tally.fault if tally.requests else self._last_fault)
                if tally.wasted == Usage(0, 0):  # else it is the next call that says so: what was paid is to be counted
                    self._require_hope()
            elif completion is not None:
                for answer in answers:
                    if not answer.error:
                        self._failures.end()
                    else:  # paid for, so the next call is the one that is not made
                        most = CUT_ANSWERS if answer.status is AnswerStatus.OK else None
                        self._failures.add(Fault(answer.error, status=200), DEEDS[answer.status], most)
                if tally.began_at is not None:
                    self._watch.answered(tally.began_at, time.monotonic(), self._in_flight)
                self._watch.compare(prompt, completion.usage)
            self._rate.correct(admission, sum(answer.tokens_in + answer.tokens_out for answer in answers))
        return answers + [for_nothing(answers[0])] * (0 if completion else len(call_ids) - 1)

    async def _until_answered(
        self, prompt: Prompt, call_ids: Sequence[int], tally: _Tally, deadline: asyncio.Timeout
    ) -> Completion | None:
        """Send requests until one is answered; None when no more are to be sent. Raises TimeoutError, UsageError."""
        jitter: random.Random | None = None
        failures = 0
        while True:
            body = self._form.body(prompt, len(call_ids))
            try:
                return await self._request(body, tally, deadline)
            except Fault as fault:
                tally.fault, tally.on_its_way = fault, False
                if fault.billed:
                    self._waste(prompt, tally)
                tally.reader = None
                if fault.status in LEARNT_FROM and self._form.learn(body, fault.reason, fault.parameter):
                    continue
                failures += 1
                self._failures.outage(fault, time.monotonic())
                if tally.wasted == Usage(0, 0):
                    self._require_hope()
                if self.breaker.is_open:
                    self._watch.fails(fault)
                if fault.retry_after_s > LASTING_S:
                    self._watch.waits(fault)
                    if not self._in_time(fault.retry_after_s, deadline):
                        return None
                # A rate limit is waited out until the deadline: it says that the server will answer.
                if not fault.retry or (failures >= self.model.attempts and fault.status != 429):
                    return None
                wasted = Usage(tally.wasted.given - tally.allowed.given, tally.wasted.made - tally.allowed.made)
                tally.allowed = tally.wasted
                if wasted != Usage(0, 0) and self._may_retry is not None:
                    cost_usd = None if self._prices is None else self._prices.cost_usd(wasted)
                    if not self._may_retry(call_ids[0], wasted.given + wasted.made, cost_usd):
                        return None
                # Half of the pause is chance, so that calls that failed together do not return together.
                jitter = jitter or random.Random(prompt.digest(self.model.name))
                pause_s = min(LONGEST_PAUSE_S, self._backoff_s * 2.0 ** min(failures - 1, 16))
                await asyncio.sleep(max(fault.retry_after_s, pause_s * jitter.uniform(0.5, 1.0)))
                await self._rate.admit(estimated_tokens(prompt.system + prompt.user))

    async def _request(self, body: dict[str, Any], tally: _Tally, deadline: asyncio.Timeout) -> Completion:
        """Send one request when the server may be asked. Raises Fault or UsageError."""
        async with self.breaker.request() as outcome:
            if tally.wasted == Usage(0, 0):
                self._require_hope()
            # The moment that the server named in its last Retry-After holds for every call.
            while (pause_s := self._quiet_until - time.monotonic()) > 0:
                if pause_s > LASTING_S and not self._in_time(pause_s, deadline):
                    outcome.works = True
                    raise Fault(self._quiet_words, status=429, retry=False, retry_after_s=pause_s)
                await asyncio.sleep(pause_s)
            tally.requests += 1
            tally.on_its_way = True
            reader = tally.reader = AnswerReader(self._form.api, body.get("n", 1))
            idle_s, began = self.model.idle_timeout_s, time.monotonic()
            try:
                completion = await self._connection.ask(self._form.path, body, reader, idle_s, self._start_s())
            except Fault as fault:
                self._last_fault = fault
                outcome.works = fault.server_works
                quiet_until = time.monotonic() + fault.retry_after_s
                if quiet_until > self._quiet_until:
                    self._quiet_until, self._quiet_words = quiet_until, fault.reason
                raise
            except asyncio.CancelledError:
                # A call that somebody stopped says nothing of the server; one that its deadline stopped does.
                outcome.works = False if deadline.expired() else None
                raise
            outcome.works, self._last_fault = True, None
            tally.reader = None
            tally.began_at = reader.began_at if reader.streamed else None
            self._reasons = self._reasons or (completion.usage is not None and completion.usage.reasoning > 0)
            if reader.streamed and reader.began_at is not None:
                self._slowest_start_s = max(self._slowest_start_s or 0.0, reader.began_at - began)
        return completion

    def _in_time(self, pause_s: float, deadline: asyncio.Timeout) -> bool:
        """Tell whether a call still has time after a pause."""
        when = deadline.when()
        return when is None or asyncio.get_running_loop().time() + pause_s < when

    @contextmanager
    def _while_waiting(self, tally: _Tally) -> Iterator[None]:
        """Tell of a call that has waited for long, and what for."""

        def tell() -> None:
            if tally.reader is None or not tally.reader.chars:
                fault = tally.fault or self._last_fault
                self._watch.silent(LASTING_S, self.model.timeout_s, "" if fault is None else fault.reason)

        timer = asyncio.get_running_loop().call_later(LASTING_S, tell)
        try:
            yield
        finally:
            timer.cancel()

    def _require_hope(self) -> None:
        """Raises ModelGone when so many calls have failed in the same words that no other will do better."""
        if hopeless := self._failures.verdict:
            self.breaker.let_go()
            line = f"model {self.model.name}: the server at {self.base_url} {hopeless}"
            raise ModelGone(self._one_line(f"{line}. {cure_of(hopeless)}"))

    def _start_s(self) -> float | None:
        """Return how long a stream may take to begin; None: as long as the call.

        A model that reasons is silent for as long as it thinks, and giving it up would be to pay twice. Of one that
        does not, some answers have to be known first.
        """
        if self._reasons or self._slowest_start_s is None:
            return None
        return max(self.model.idle_timeout_s, SLOW_START * self._slowest_start_s)

    def _waste(self, prompt: Prompt, tally: _Tally) -> None:
        """Count what the server may bill for a request without an answer: the prompt, and what had come."""
        if tally.reader is not None:
            given, made = estimated_tokens(prompt.system + prompt.user), (tally.reader.chars + 3) // 4
            tally.wasted = Usage(tally.wasted.given + given, tally.wasted.made + made)
            tally.reader = None

    def _answers(self, prompt: Prompt, completion: Completion | None, tally: _Tally, latency_s: float) -> list[Answer]:
        """Return the answers that a call came to, each with its part of what was counted, the first with the waste."""
        wasted = tally.wasted
        answer = Answer(
            text="",
            status=AnswerStatus.TIMEOUT if tally.on_its_way or tally.fault is None else AnswerStatus.ERROR,
            error="",
            tokens_in=wasted.given,
            tokens_out=wasted.made,
            cost_usd=None if self._prices is None else self._prices.cost_usd(wasted),
            latency_s=latency_s,
            attempts=tally.requests,
            tokens_estimated=wasted != Usage(0, 0),
            tokens_wasted=wasted.given + wasted.made,
        )
        if completion is None:
            return [replace(answer, error=self._one_line(self._why_none(tally, latency_s)))]
        usage = completion.usage or estimated_usage(prompt, completion)
        self._usual_tokens_out += 0.2 * (usage.made / len(completion.all) - self._usual_tokens_out)
        answer = replace(answer, tokens_estimated=answer.tokens_estimated or completion.usage is None)
        return answers_of(completion, usage, answer, self._prices, self._form.most_tokens, self._without_key)

    def _why_none(self, tally: _Tally, latency_s: float) -> str:
        fault, reason = tally.fault, f"no answer within {self.model.timeout_s:g} s"
        if tally.run_out:
            reason = RUN_OUT
        elif fault is not None:
            reason = f"{reason}, after {fault.reason}" if tally.on_its_way else fault.reason
        elif not tally.requests:
            said = f", at last with {self._last_fault.reason}" if self._last_fault is not None else ""
            reason += f": the server at {self.base_url} fails every request{said}"
        return f"{reason} ({counted(tally.requests, 'attempt')} in {latency_s:.1f} s)"

    def _one_line(self, text: str) -> str:
        return one_line(self._without_key(text))

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text
