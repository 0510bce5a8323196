"""The wire to one server: a request out, the bytes of its answer in, and what may go wrong on the way."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from evolve.mutate.models.completion import Completion
from evolve.mutate.models.endpoint import is_loopback
from evolve.mutate.models.fault import RETRIED, Fault, ModelGone, retry_after_s, words_of
from evolve.mutate.models.stream import AnswerReader
from evolve.mutate.models.surroundings import blame, http_client

if TYPE_CHECKING:
    import openai

CONNECT_TIMEOUT_S = 10.0
MOST_MOVES = 3
"""How many redirects are followed in all."""
LINGER_S = 1.0
"""How long a stream that has said its last word may stay open."""


class Connection:
    """Sends the requests of one model. The SDK's own retries and deadlines are off: the call has its own.

    one_line: makes a server's words fit for a person, without the key.
    """

    def __init__(
        self, base_url: str, model: str, api_key_env: str, key: str, timeout_s: float, one_line: Callable[[str], str]
    ) -> None:
        self._base_url, self._model, self._api_key_env, self._key = base_url, model, api_key_env, key
        self._timeout_s, self._one_line = timeout_s, one_line
        self._sdk: openai.AsyncOpenAI | None = None
        self._http: Any = None
        self._reached = False
        self._moves = 0

    def open(self) -> openai.AsyncOpenAI:
        """Import the SDK, about half a second of CPU, and return it; cheap after that.

        Raises UsageError for a variable of the environment that allows no connection.
        """
        if self._sdk is None:
            import openai

            # The SDK is built on httpx, or httpx2 since its version 3.
            self._http = importlib.import_module(openai.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0])
            local = is_loopback(self._base_url)
            self._sdk = openai.AsyncOpenAI(
                api_key=self._key or "none",
                base_url=self._base_url,
                max_retries=0,
                timeout=openai.Timeout(None, connect=min(CONNECT_TIMEOUT_S, self._timeout_s)),
                # A proxy for the world must not be asked for this machine, and certificates need not be loaded.
                http_client=openai.DefaultAsyncHttpxClient(trust_env=False, verify=False, follow_redirects=False)
                if local
                else http_client(self._http),
            )
        return self._sdk

    async def close(self) -> None:
        """Close the connections to the server."""
        if self._sdk is not None:
            sdk, self._sdk = self._sdk, None
            await sdk.close()

    async def ask(
        self, path: str, body: Mapping[str, Any], reader: AnswerReader, idle_s: float, start_s: float | None
    ) -> Completion:
        """Send one request and return its answer; `reader` shows how far it has come when this is cancelled.

        idle_s: how long a stream may fall silent.  start_s: how long it may take to begin; None: as long as the call.
        Raises Fault, or ModelGone for what only a person can put right.
        """
        import openai

        sdk, silence = self.open(), None
        try:
            async with asyncio.timeout(start_s) as silence:
                # `post` with the bare body and the bare response: the SDK's transforms and models cost 0.7 ms of CPU a
                # call, and fail on answers of servers that leave parts of the format out.
                response = await sdk.post(
                    path, cast_to=self._http.Response, body=body, stream=True, stream_cls=openai.AsyncStream[Any]
                )
                self._reached = True
                try:
                    await _read(response, reader, silence, idle_s)
                finally:
                    await response.aclose()
        except openai.APIStatusError as error:
            self._reached = True
            raise self._status_fault(error) from None
        except openai.APIConnectionError as error:
            raise self._connection_fault(error, sent=_was_sent(error)) from None
        except self._http.HTTPError as error:
            if reader.complete:  # what broke came after the last word
                return reader.answer()
            raise self._connection_fault(error, sent=True) from None
        except TimeoutError:
            if silence is None or not silence.expired():
                raise
            if reader.complete:
                return reader.answer()
            waited = f"no piece of the answer for {idle_s:g} s" if reader.began else "the answer did not begin"
            raise Fault(waited, billed=True) from None
        except ValueError as error:
            raise Fault(f"the server's answer cannot be read: {error}", status=200, billed=True) from None
        try:
            return reader.end()
        except ValueError as error:
            raise Fault(f"the server's answer cannot be read: {error}", status=200, billed=True) from None

    def _status_fault(self, error: openai.APIStatusError) -> Fault:
        """Return the fault that a status of 4xx or 5xx is. Raises ModelGone for those that only a person can end."""
        status = error.status_code
        blamed = error.body if isinstance(error.body, dict) else {}
        said = f"{status}: {words_of(error.body) or error.response.reason_phrase or 'without a word'}"
        match status:
            case 301 | 302 | 303 | 307 | 308:
                return self._moved(error, status)
            case 401 | 403 if not self._key:
                self._stop(
                    f"asks for a key ({said}). Set ${self._api_key_env}, or name another variable: --api-key-env"
                )
            case 401 | 403:
                self._stop(f"refused the key in ${self._api_key_env} ({said}). Check it, --model and --base-url")
            case 402 | 429 if status == 402 or blamed.get("code") == "insufficient_quota":
                # The one 429 that no waiting ends.
                self._stop(f"says that the account has no credit left ({said}). Add some, then resume the run")
            case 404:
                self._stop(f"does not know the model or the path ({said}). Check --model and --base-url (.../v1)")
        return Fault(
            said,
            status=status,
            retry=status in RETRIED or status >= 500,
            retry_after_s=retry_after_s(error.response.headers.get("retry-after")),
            parameter=str(blamed.get("param") or ""),
        )

    def _moved(self, error: openai.APIStatusError, status: int) -> Fault:
        """Follow a redirect on the same host for all requests to come. Raises ModelGone for one to elsewhere."""
        asked = error.request.url
        target = asked.join(error.response.headers.get("location", ""))
        path = str(asked).removeprefix(str(self.open().base_url).rstrip("/"))
        here = target.host == asked.host and str(target).endswith(path) and target != asked
        if not here or self._moves >= MOST_MOVES:
            self._stop(f"redirects to {target} ({status}). If that is the server you want, give it as --base-url")
        self._moves += 1
        self.open().base_url = str(target)[: -len(path)]
        return Fault(f"{status}: moved to {target}", status=status)

    def _connection_fault(self, error: BaseException, sent: bool) -> Fault:
        """Return the fault that a broken connection is. Raises ModelGone when there has never been one."""
        chain = _causes(error)
        why = str(chain[-1]) or type(chain[-1]).__name__
        if not self._reached and {type(link).__name__ for link in chain} & {"ConnectError", "ConnectTimeout"}:
            hint = "" if is_loopback(self._base_url) else blame(self._base_url, why)
            self._stop(f"cannot be reached ({why}{hint}). Start it, or check --base-url")
        return Fault(f"connection lost: {why}", billed=sent)

    def _stop(self, what: str) -> NoReturn:
        # Without its cause: what the server said may repeat the key.
        raise ModelGone(self._one_line(f"model {self._model}: the server at {self._base_url} {what}.")) from None


async def _read(response: Any, reader: AnswerReader, silence: asyncio.Timeout, idle_s: float) -> None:
    """Feed a response's bytes to the reader until it ends. A stream may be slow, but not silent."""
    now = asyncio.get_running_loop().time
    async for data in response.aiter_bytes():
        reader.feed(data)
        if reader.complete:
            silence.reschedule(now() + LINGER_S)
        elif reader.began:
            silence.reschedule(now() + idle_s)


def _causes(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    return chain


def _was_sent(error: BaseException) -> bool:
    """Tell whether a request may have arrived although no answer came."""
    never = {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "LocalProtocolError"}
    return not never & {type(link).__name__ for link in _causes(error)}
