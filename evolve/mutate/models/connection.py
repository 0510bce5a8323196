"""The wire to one server: a request out, the bytes of its answer in, and what may go wrong on the way."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import zlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from evolve.mutate.models.completion import Completion, names_of, parsed
from evolve.mutate.models.endpoint import is_loopback
from evolve.mutate.models.fault import RETRIED, Fault, ModelGone, retry_after_s, words_of
from evolve.mutate.models.stream import AnswerReader
from evolve.mutate.models.surroundings import blame, http_client

if TYPE_CHECKING:
    import openai

CONNECT_TIMEOUT_S = 10.0
MOST_MOVES = 3
"""How many redirects of one request are followed."""
KNOCK_S = 2.0
MODELS_SHOWN = 5
LINGER_S = 1.0
"""How long a stream that has said its last word may stay open."""
WORDS_BYTES = 64 * 1024
WORDS_S = 5.0
"""How much of a refusal is read, and for how long."""
INFLATED_BYTES = 256 * 1024
"""How much of a compressed answer is taken at once: a few bytes may become very many."""


class Connection:
    """Sends the requests of one model, as the SDK would, but on its HTTP client.

    The way through the SDK costs another 1 ms of CPU a call, its models fail on answers that leave parts of the format
    out, and it reads the body of a refusal to its end, however long that is.

    one_line: makes a server's words fit for a person, without the key.
    """

    def __init__(
        self, base_url: str, model: str, api_key_env: str, key: str, timeout_s: float, one_line: Callable[[str], str]
    ) -> None:
        self._base_url, self._model, self._api_key_env, self._key = base_url, model, api_key_env, key
        self._timeout_s, self._one_line = timeout_s, one_line
        self._client: openai.DefaultAsyncHttpxClient | None = None
        self._headers: dict[str, str] = {}
        self._http: Any = None
        self._reached = False

    def open(self) -> openai.DefaultAsyncHttpxClient:
        """Import the SDK, about half a second of CPU, and return its client; cheap after that.

        Raises UsageError for a variable of the environment that allows no connection.
        """
        if self._client is None:
            import openai

            # The SDK is built on httpx, or httpx2 since its version 3.
            self._http = importlib.import_module(openai.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0])
            client = http_client(
                self._http,
                openai.Timeout(None, connect=min(CONNECT_TIMEOUT_S, self._timeout_s)),
                local=is_loopback(self._base_url),
            )
            # Its headers name the organisation and the project that the environment may give.
            sdk = openai.AsyncOpenAI(api_key=self._key or "none", base_url=self._base_url, http_client=client)
            headers = {**sdk.default_headers, **sdk.auth_headers, "Accept-Encoding": "identity"}
            self._headers = {name: value for name, value in headers.items() if isinstance(value, str)}
            self._client = client
        return self._client

    async def close(self) -> None:
        """Close the connections to the server."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def ask(
        self, path: str, body: Mapping[str, Any], reader: AnswerReader, idle_s: float, start_s: float | None
    ) -> Completion:
        """Send one request and return its answer; `reader` shows how far it has come when this is cancelled.

        A redirect on the same host is followed, by all later requests too.
        idle_s: how long a stream may fall silent.  start_s: how long it may take to begin; None: as long as the call.
        Raises Fault, or ModelGone for what only a person can put right.
        """
        content, silence = json.dumps(body).encode(), None
        try:
            async with asyncio.timeout(start_s) as silence:
                for _ in range(MOST_MOVES + 1):
                    url = self._base_url + path
                    response = await self._send("POST", url, content)
                    self._reached = True
                    try:
                        if response.is_success:
                            await _read(response, reader, silence, idle_s)
                            break
                        if not response.has_redirect_location:
                            raise self._status_fault(response, await _said(response))
                        self._move(response, path)
                    finally:
                        await response.aclose()
                else:
                    self._stop(f"redirects in a circle, at last to {self._base_url}")
        except self._http.HTTPError as error:
            if reader.usable:  # what broke came after the last word of an answer
                return reader.answer()
            raise self._connection_fault(error, sent=True) from None
        except TimeoutError:
            if silence is None or not silence.expired():
                raise
            if reader.usable:
                return reader.answer()
            waited = f"no piece of the answer for {idle_s:g} s" if reader.began else "the answer did not begin"
            raise Fault(waited, billed=True) from None
        except (ValueError, zlib.error) as error:
            raise Fault(f"the server's answer cannot be read: {error}", status=200, billed=True) from None
        try:
            return reader.end()
        except ValueError as error:
            raise Fault(f"the server's answer cannot be read: {error}", status=200, billed=True) from None

    async def knock(self) -> str:
        """Ask the server which models it has, and return what a person should know; empty when all is well.

        Costs nothing. Not every server has the list, and some answer to any name: only what is certain ends a model.
        Raises ModelGone for a server that is not there, a refused key, a path or a model that the server does not know.
        """
        server = f"model {self._model}: the server at {self._base_url}"
        await asyncio.to_thread(self.open)  # the import is ours, and may take longer than a server
        try:
            async with asyncio.timeout(KNOCK_S):
                status, said = await self._list("/models")
                if status == 401 and not re.search("scope|permission", words_of(said), re.IGNORECASE):
                    self._refused_key(f"401: {words_of(said)}")
                if (names := names_of(said)) is None:
                    if names_of((await self._list("/v1/models"))[1]) is not None:
                        self._stop(f"has no API there ({status}), but at {self._base_url}/v1: give that as --base-url")
                    return ""
                if self._model in names:
                    return ""
                status, about = await self._list(f"/models/{quote(self._model, safe='')}")
        except TimeoutError:
            return f"{server} did not say within {KNOCK_S:g} s which models it has."
        except Fault:
            return ""  # the first call finds out
        shown = ", ".join(list(names)[:MODELS_SHOWN]) + (", ..." if len(names) > MODELS_SHOWN else "")
        if (status == 404 and self._model in words_of(about)) or "vllm" in names.values():
            self._stop(f"has no such model. It has: {shown}. Check --model")
        return f"{server} lists other models: {shown}." if len(names) > 1 and status != 200 else ""

    async def _list(self, path: str) -> tuple[int, object]:
        """Return the status and what the body holds of a GET. Raises Fault, or ModelGone as `_send` does."""
        response = await self._send("GET", self._base_url + path)
        self._reached = True
        try:
            return response.status_code, await _said(response)
        finally:
            await response.aclose()

    async def _send(self, method: str, url: str, content: bytes | None = None) -> Any:
        """Return the response, its headers read. Raises Fault, or ModelGone when there has never been a server."""
        client = self.open()
        try:
            return await client.send(
                client.build_request(method, url, content=content, headers=self._headers), stream=True
            )
        except (self._http.HTTPError, self._http.InvalidURL, OSError, UnicodeError) as error:
            raise self._connection_fault(error, sent=_was_sent(error)) from None

    def _status_fault(self, response: Any, said: object) -> Fault:
        """Return the fault that a status of 4xx or 5xx is. Raises ModelGone for those that only a person can end.

        said: what the body holds.
        """
        status = response.status_code
        blamed = said.get("error") if isinstance(said, dict) else None
        blamed = blamed if isinstance(blamed, dict) else {}
        words = f"{status}: {words_of(said) or response.reason_phrase or 'without a word'}"
        match status:
            case 401 | 403:
                self._refused_key(words)
            case 402 | 429 if status == 402 or blamed.get("code") == "insufficient_quota":
                # The one 429 that no waiting ends.
                self._stop(f"says that the account has no credit left ({words}). Add some, then resume the run")
            case 404:
                self._stop(f"does not know the model or the path ({words}). Check --model and --base-url (.../v1)")
        return Fault(
            words,
            status=status,
            retry=status in RETRIED or status >= 500,
            retry_after_s=retry_after_s(response.headers.get("retry-after"), response.headers.get("date")),
            parameter=str(blamed.get("param") or ""),
        )

    def _refused_key(self, words: str) -> NoReturn:
        if not self._key:
            self._stop(f"asks for a key ({words}). Set ${self._api_key_env}, or name another variable: --api-key-env")
        self._stop(f"refused the key in ${self._api_key_env} ({words}). Check it, --model and --base-url")

    def _move(self, response: Any, path: str) -> None:
        """Take a redirect on the same host for all requests to come. Raises ModelGone for one to elsewhere."""
        asked = response.request.url
        target = asked.join(response.headers["location"])
        plainer = (asked.scheme, target.scheme) == ("https", "http")
        if target.host != asked.host or plainer or not str(target).endswith(path):
            self._stop(
                f"redirects to {target} ({response.status_code}). If that is the server you want, give it as --base-url"
            )
        self._base_url = str(target).removesuffix(path)

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
    async with aclosing(_pieces(response)) as pieces:
        async for data in pieces:
            reader.feed(data)
            if reader.complete:
                silence.reschedule(now() + LINGER_S)
            elif reader.began:
                silence.reschedule(now() + idle_s)


def _pieces(response: Any) -> AsyncGenerator[bytes, None]:
    """Return the bytes of a response as they come."""
    coding = response.headers.get("content-encoding", "identity").lower()
    pieces: AsyncGenerator[bytes, None] = response.aiter_raw() if coding == "identity" else _inflated(response, coding)
    return pieces


async def _inflated(response: Any, coding: str) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of an answer that was compressed although nobody asked for that, a few at a time."""
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"it is compressed ({coding})")
    inflating = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either header
    async for data in response.aiter_raw():
        rest = data
        while rest:
            yield inflating.decompress(rest, INFLATED_BYTES)
            rest = inflating.unconsumed_tail
            await asyncio.sleep(0)


async def _said(response: Any) -> object:
    """Return what the beginning of a refusal's body holds: JSON, or else its text."""
    body = bytearray()
    with suppress(TimeoutError, ValueError, zlib.error):
        async with asyncio.timeout(WORDS_S), aclosing(_pieces(response)) as pieces:
            async for data in pieces:
                body += data
                if len(body) >= WORDS_BYTES:
                    break
    text = bytes(body[:WORDS_BYTES]).decode("utf-8", "replace")
    try:
        return parsed(text)
    except ValueError:
        return text


def _causes(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    return chain


def _was_sent(error: BaseException) -> bool:
    """Tell whether a request may have arrived although no answer came."""
    never = {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "LocalProtocolError"}
    return not never & {type(link).__name__ for link in _causes(error)}
