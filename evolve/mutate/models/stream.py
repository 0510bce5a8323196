"""Reading a server's answer as it comes: server-sent events, or one JSON body where the server does not stream."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evolve.mutate.models.completion import (
    Api,
    Completion,
    Usage,
    error_in,
    read_completion,
    read_response,
    read_usage,
    require_few_parts,
    storable,
    text_of,
    thoughts_in,
)

MOST_BYTES = 4 * 1024 * 1024
"""A text, a body or an event that is longer is no answer: reading it would hold up all other calls."""
MOST_STREAMED = 16 * MOST_BYTES
"""A stream says the same in many more bytes."""
_decoder = json.JSONDecoder()


class AnswerReader:
    """Takes the bytes of one response and puts its answer together.

    Lenient: any line ends, events without blank lines between them, comments, unknown events, usage anywhere, a stream
    from a server that was not asked for one and a plain body from one that was.

    began_at: on the monotonic clock, when the first piece of the text came; thoughts do not count.
    done: nothing that matters can follow.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._plain: bool | None = None
        self._size = 0
        self._rest = bytearray()
        self._body: list[bytes] = []
        self._event: list[str] = []
        self._event_size = self._looked_at = 0
        self._text_size = 0
        self._pieces: list[str] = []
        self._refusal: list[str] = []
        self._hidden_chars = 0
        self._tools = False
        self._reason = ""
        self._usage: Usage | None = None
        self._whole: Completion | None = None
        self.began_at: float | None = None
        self.done = False

    @property
    def chars(self) -> int:
        """Characters of the answer so far, hidden ones included: what a server may bill of a stream that breaks."""
        if self._plain:
            return sum(map(len, self._body))
        return sum(map(len, self._pieces)) + self._hidden_chars

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises ValueError when they are no answer."""
        self._size += len(data)
        if self._plain is None:
            head = data.lstrip(b"\xef\xbb\xbf \t\r\n")
            if not head:
                return
            # By what comes, not by the header: some servers send events as text/plain, or JSON as an event stream.
            self._plain = head[:1] in b"{[<"
        if self._size > (MOST_BYTES if self._plain else MOST_STREAMED) or len(self._rest) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES >> 20} MB")
        if self._plain:
            self._begin()
            self._body.append(data)
            return
        first, *lines = data.split(b"\n")
        self._rest += first
        for line in lines:
            self._line(bytes(self._rest))
            self._rest[:] = line

    def end(self) -> Completion:
        """Return the answer when no more bytes come. Raises ValueError when it is none, or broken off."""
        if self._plain is not False:
            body = b"".join(self._body)
            if not body:
                raise ValueError("an empty body")
            return read_completion(body.decode("utf-8", "replace"), self._api)
        self._line(bytes(self._rest))
        self._rest.clear()
        self._look()
        if self._event and not self.complete:
            raise ValueError("a piece of the stream is no JSON")
        if not self.complete:
            raise ValueError("the stream ended before the answer did")
        return self.answer()

    @property
    def began(self) -> bool:
        """Whether a piece of the text has come."""
        return self.began_at is not None

    @property
    def streamed(self) -> bool:
        """Whether the answer came in events."""
        return self._plain is False

    @property
    def complete(self) -> bool:
        """Whether the stream has said that the answer is whole."""
        return self.done or bool(self._reason)

    def answer(self) -> Completion:
        """Return the answer of a stream that is complete."""
        text, refusal = storable("".join(self._pieces)), "".join(self._refusal)
        if self._whole is None:
            return Completion(text, storable(self._reason), refusal, self._usage, self._hidden_chars, self._tools)
        # The last event of the responses API repeats everything; some servers leave the text out of it.
        whole = self._whole
        return replace(
            whole, text=whole.text or text, refusal=whole.refusal or refusal, hidden_chars=self._hidden_chars
        )

    def _line(self, line: bytes) -> None:
        line = line.strip(b"\r")
        if not line:
            self._look()
            if self._event:
                raise ValueError("a piece of the stream is no JSON")
            return
        if not line.startswith(b"data:"):
            return  # a comment, or `event:`, which the data repeat
        data = line[5:].strip()
        if data == b"[DONE]":
            self._look()
            self.done = True
            return
        # An event's JSON may be spread over lines, and the blank line after it may be missing: it ends where it parses.
        # Looking only when it is twice as long as at the last look keeps the work in proportion to its length.
        if data:
            self._event.append(data.decode("utf-8", "replace"))
            self._event_size += len(data)
        if self._event_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES >> 20} MB")
        if self._event_size >= 2 * self._looked_at:
            self._look()

    def _look(self) -> None:
        """Take every event that is whole from the front of what has come."""
        text, end = "\n".join(self._event), 0
        require_few_parts(text)
        while end < len(text):
            try:
                event, end = _decoder.raw_decode(text, end)
            except ValueError:
                break
            except RecursionError:
                raise ValueError("nested too deeply") from None
            if isinstance(event, dict):
                self._take_event(event) if self._api == "responses" else self._take_chunk(event)
            while end < len(text) and text[end].isspace():
                end += 1
        self._event = [text[end:]] if end < len(text) else []
        self._event_size = self._looked_at = len(text) - end

    def _take_chunk(self, chunk: Mapping[str, Any]) -> None:
        error = error_in(chunk)
        if error:
            raise ValueError(f"an error: {error}")
        usage = chunk.get("usage")
        if usage:
            self._usage = read_usage(usage) or self._usage
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return
        choice = choices[0]
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._said(text_of(delta.get("content")))
            self._hid(thoughts_in(delta))
            self._tools = self._tools or bool(delta.get("tool_calls") or delta.get("function_call"))
            refused = delta.get("refusal")
            if isinstance(refused, str):
                self._refusal.append(refused)
        reason = choice.get("finish_reason")
        if reason:
            self._reason = str(reason)

    def _take_event(self, event: Mapping[str, Any]) -> None:
        delta, response = event.get("delta"), event.get("response")
        match event.get("type"):
            case "response.output_text.delta":
                self._said(delta if isinstance(delta, str) else "")
            case "response.refusal.delta":
                self._refusal.append(delta if isinstance(delta, str) else "")
            case "response.completed" | "response.incomplete" if isinstance(response, dict):
                self._whole, self.done = read_response({"output": [], **response}), True
            case "response.failed" | "error":
                error = error_in(response if isinstance(response, dict) else event)
                raise ValueError(f"an error: {error or event.get('message') or 'without a reason'}")
            case str(kind) if kind.startswith("response.reasoning"):
                self._hid(delta)

    def _begin(self) -> None:
        if self.began_at is None:
            self.began_at = time.monotonic()

    def _said(self, text: str) -> None:
        if text:
            self._begin()
            self._pieces.append(text)
            self._text_size += len(text)
            if self._text_size > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES >> 20} MB of text")

    def _hid(self, thought: object) -> None:
        if isinstance(thought, str):
            self._hidden_chars += len(thought)
