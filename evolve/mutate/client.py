"""One model on one OpenAI-compatible server: a prompt in, an answer out, whatever the server does in between.

Anything that a server may do wrong for a while (429, 5xx, resets, hangs, bodies that are no JSON) is retried until the
call's one deadline and then is an `Answer` that says so. Anything that only a person can put right is a UsageError.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

from evolve.errors import UsageError
from evolve.mutate.completion import Completion, read_completion, storable
from evolve.mutate.endpoint import checked_url, is_loopback, key_in

if TYPE_CHECKING:
    import openai

    from evolve.mutate.prompt import Prompt

OPENAI_URL = "https://api.openai.com/v1"
CONNECT_TIMEOUT_S = 10.0
LONGEST_PAUSE_S = 30.0
RETRIED = frozenset({408, 409, 425, 429})
"""The 4xx that pass by themselves; every 5xx is retried too."""


class AnswerStatus(StrEnum):
    """How a call ended. EMPTY: an answer without text. REFUSED: the model or a content filter declined."""

    OK = "ok"
    EMPTY = "empty"
    REFUSED = "refused"
    ERROR = "error"
    TIMEOUT = "timeout"


@dataclass(frozen=True)
class Answer:
    """What came of one call, all its attempts together.

    Attributes:
        text: what the model wrote; empty when it wrote nothing. Encodable as UTF-8, without null characters.
        error: why status is not ok, in one line, free of the key.
        tokens_in, tokens_out: as the server counted them; 0 when no answer came.
        tokens_estimated: the server did not count, so they are characters / 4.
        cost_usd: None when no price is known.
        latency_s: seconds from the first attempt's start, pauses included, waiting for a free slot not.
        attempts: requests sent.
        finish_reason: the server's word: "stop"; "length" when the answer was cut at `max_tokens`.
    """

    text: str
    status: AnswerStatus
    error: str
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    latency_s: float
    attempts: int
    tokens_estimated: bool = False
    finish_reason: str = ""
    tokens_cached: int = 0


class _Fault(Exception):
    """One attempt failed and the call may go on. retry: False when the same request would fail again."""

    def __init__(self, reason: str, retry: bool = True, rate_limited: bool = False, retry_after_s: float = 0.0) -> None:
        super().__init__(reason, retry, rate_limited, retry_after_s)
        self.reason, self.retry, self.rate_limited, self.retry_after_s = reason, retry, rate_limited, retry_after_s


class ModelClient:
    """Asks one model.

    model: the server's name for it.
    base_url: the server's address up to and with "/v1"; None: $OPENAI_BASE_URL, else OpenAI's own.
    api_key_env: the environment variable that holds the key. It may be unset where a base URL is given.
    temperature, max_tokens: None leaves them to the server.
    timeout_s: the deadline of one call, all its attempts and pauses together.
    concurrency: calls in flight at most; further ones wait, and their deadline with them.
    usd_per_mtok_in, usd_per_mtok_out: price of a million tokens; a cost is only told where both are known.
    max_attempts: requests of one call at most; a rate limit (429) is waited out until the deadline instead.
    backoff_s: pause before the second attempt; it doubles with each one.

    Raises UsageError for a base URL that is none, and for a missing key where OpenAI's own server is to be asked.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key_env: str = "OPENAI_API_KEY",
        temperature: float | None = None,
        max_tokens: int | None = None,
        timeout_s: float = 300.0,
        concurrency: int = 8,
        usd_per_mtok_in: float | None = None,
        usd_per_mtok_out: float | None = None,
        max_attempts: int = 6,
        backoff_s: float = 0.5,
    ) -> None:
        given_url = base_url or os.environ.get("OPENAI_BASE_URL") or None
        self.model = model
        self.base_url = checked_url(given_url or OPENAI_URL)
        self.api_key_env = api_key_env
        self.timeout_s = timeout_s
        self._key = key_in(api_key_env)
        if not self._key and given_url is None:
            raise UsageError(
                f"model {model}: ${api_key_env} is not set. Set it to your key, name another variable with "
                f"--api-key-env, or give a server that needs no key with --base-url."
            )
        self._usd_per_mtok = (usd_per_mtok_in, usd_per_mtok_out)
        self._max_attempts = max_attempts
        self._backoff_s = backoff_s
        self._slots = asyncio.Semaphore(concurrency)
        self._options = {"temperature": temperature, "max_tokens": max_tokens}
        self._options = {name: value for name, value in self._options.items() if value is not None}
        self._sdk: openai.AsyncOpenAI | None = None
        self._reached = False
        self._quiet_until = 0.0

    def __repr__(self) -> str:
        return f"ModelClient({self.model!r}, base_url={self.base_url!r})"

    async def __aenter__(self) -> ModelClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections to the server."""
        if self._sdk is not None:
            sdk, self._sdk = self._sdk, None
            await sdk.close()

    def warm_up(self) -> None:
        """Import the SDK (about half a second of CPU) now rather than in the first call. Safe on another thread."""
        self._connected()

    def worst_case(self, prompt: Prompt) -> tuple[int, float | None]:
        """Return the most tokens and US dollars that one attempt may cost."""
        tokens_in, tokens_out = len((prompt.system + prompt.user).encode()) + 200, 16_384
        return tokens_in + tokens_out, self._cost_usd(tokens_in, tokens_out)

    async def complete(self, prompt: Prompt, call_id: int = 0) -> Answer:
        """Ask the model and return its answer, or an answer whose status says why there is none.

        Raises UsageError for what a person must put right: no server at the base URL, a key that is missing or refused
        (401, 403), an unknown model or path (404).
        """
        messages = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
        body = {"model": self.model, "messages": messages, **self._options}
        jitter = random.Random(prompt.digest(self.model))
        async with self._slots:
            started = time.monotonic()
            attempts = 0
            fault: _Fault | None = None
            try:
                async with asyncio.timeout(self.timeout_s):
                    while True:
                        await self._wait_for_the_rate_limit()
                        attempts, fault = attempts + 1, None
                        try:
                            completion = await self._attempt(body)
                        except _Fault as failed:
                            fault = failed
                        else:
                            return self._answer(completion, prompt, time.monotonic() - started, attempts)
                        if not fault.retry or (attempts >= self._max_attempts and not fault.rate_limited):
                            break
                        # Half of the pause is chance, so that calls that failed together do not return together.
                        pause_s = min(LONGEST_PAUSE_S, self._backoff_s * 2.0 ** min(attempts - 1, 16))
                        await asyncio.sleep(max(fault.retry_after_s, pause_s * jitter.uniform(0.5, 1.0)))
            except TimeoutError:
                pass
            latency_s = time.monotonic() - started
        status = AnswerStatus.ERROR if fault is not None else AnswerStatus.TIMEOUT
        reason = fault.reason if fault is not None else f"no answer within {self.timeout_s:g} s"
        error = self._one_line(f"{reason} ({attempts} attempt{'s' * (attempts != 1)} in {latency_s:.1f} s)")
        return Answer("", status, error, 0, 0, self._cost_usd(0, 0), latency_s, attempts)

    async def _wait_for_the_rate_limit(self) -> None:
        """Wait until the moment that the server named in its last Retry-After: it holds for every call."""
        while (pause_s := self._quiet_until - time.monotonic()) > 0:
            await asyncio.sleep(pause_s)

    async def _attempt(self, body: dict[str, Any]) -> Completion:
        """Send one request. Raises _Fault or UsageError."""
        import openai

        try:
            # `post` with the bare body, not `chat.completions.create`: the SDK's request transform and response models
            # cost 0.7 ms of CPU a call, and fail on answers of servers that leave parts of the format out.
            text = await self._connected().post("/chat/completions", cast_to=str, body=body)
        except openai.APIStatusError as error:
            self._reached = True
            raise self._status_fault(error) from None
        except openai.APIConnectionError as error:
            raise self._connection_fault(error) from None
        self._reached = True
        try:
            return read_completion(text)
        except ValueError as error:
            raise _Fault(f"the server's answer is no chat completion: {error}") from None

    def _status_fault(self, error: openai.APIStatusError) -> _Fault:
        """Return the fault that a status of 4xx or 5xx is. Raises UsageError for 401, 403 and 404."""
        status = error.status_code
        told = error.body.get("message") if isinstance(error.body, dict) else None
        said = f"{status}: {told or error.message.removeprefix(f'Error code: {status} - ')}"
        match status:
            case 401 | 403 if not self._key:
                self._stop(f"asks for a key ({said}). Set ${self.api_key_env}, or name another variable: --api-key-env")
            case 401 | 403:
                self._stop(f"refused the key in ${self.api_key_env} ({said}). Check it, --model and --base-url")
            case 404:
                self._stop(f"does not know the model or the path ({said}). Check --model and --base-url (.../v1)")
        retry_after_s = _retry_after_s(error.response.headers.get("retry-after"))
        if retry_after_s > 0:
            self._quiet_until = max(self._quiet_until, time.monotonic() + retry_after_s)
        return _Fault(said, status in RETRIED or status >= 500, status == 429, retry_after_s)

    def _connection_fault(self, error: openai.APIConnectionError) -> _Fault:
        """Return the fault that a broken connection is. Raises UsageError when there has never been one."""
        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
            chain.append(cause)
        names = {type(link).__name__ for link in chain}
        why = str(chain[-1]) or type(chain[-1]).__name__
        if not self._reached and names & {"ConnectError", "ConnectTimeout"}:
            self._stop(f"cannot be reached ({why}). Start it, or check --base-url")
        return _Fault(f"connection lost: {why}")

    def _stop(self, what: str) -> NoReturn:
        raise UsageError(self._one_line(f"model {self.model}: the server at {self.base_url} {what}."))

    def _answer(self, completion: Completion, prompt: Prompt, latency_s: float, attempts: int) -> Answer:
        text, reason = completion.text, completion.finish_reason
        estimate = (len(prompt.system + prompt.user) + 3) // 4, (len(text) + 3) // 4
        given, made = completion.tokens or estimate
        status, error = AnswerStatus.OK, ""
        if completion.refusal or reason == "content_filter":
            status, error = AnswerStatus.REFUSED, f"refused: {completion.refusal or 'content filter'}"
        elif not text.strip():
            status, error = AnswerStatus.EMPTY, f"an answer without text (finish reason: {reason or 'none'})"
        return Answer(
            text,
            status,
            self._one_line(error),
            given,
            made,
            self._cost_usd(given, made),
            latency_s,
            attempts,
            tokens_estimated=completion.tokens is None,
            finish_reason=reason,
        )

    def _cost_usd(self, tokens_in: int, tokens_out: int) -> float | None:
        price_in, price_out = self._usd_per_mtok
        if price_in is None or price_out is None:
            return None
        return (tokens_in * price_in + tokens_out * price_out) / 1e6

    def _one_line(self, text: str) -> str:
        """Return a text for a person: one line, cut where a server was wordy, without the key."""
        if self._key:
            text = text.replace(self._key, "[key]")
        line = " ".join(storable(text).split())
        return line if len(line) <= 500 else line[:500] + " ..."

    def _connected(self) -> openai.AsyncOpenAI:
        if self._sdk is None:
            import openai

            local = is_loopback(self.base_url)
            self._sdk = openai.AsyncOpenAI(
                api_key=self._key or "none",
                base_url=self.base_url,
                max_retries=0,
                timeout=openai.Timeout(self.timeout_s, connect=min(CONNECT_TIMEOUT_S, self.timeout_s)),
                # A proxy for the world must not be asked for this machine, and certificates need not be loaded.
                http_client=openai.DefaultAsyncHttpxClient(trust_env=False, verify=False, follow_redirects=False)
                if local
                else None,
            )
        return self._sdk


def _retry_after_s(header: str | None) -> float:
    """Return the seconds that a Retry-After header asks for (a number or a date); 0 without one."""
    if not header:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return seconds if 0.0 < seconds < float("inf") else 0.0
