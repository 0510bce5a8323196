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

    answers: how many were asked for; a server may give fewer.
    began_at: on the monotonic clock, when the first piece of the text came; thoughts do not count.
    done: nothing that matters can follow.
    """

    def __init__(self, api: Api, answers: int = 1) -> None:
        self._api, self._answers = api, answers
        self._plain: bool | None = None
        self._size = 0
        self._rest = bytearray()
        self._body: list[bytes] = []
        self._event: list[str] = []
        self._event_size = self._looked_at = 0
        self._text_size = 0
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None
        self._whole: Completion | None = None
        self.began_at: float | None = None
        self.done = False

    @property
    def chars(self) -> int:
        """Characters of the answer so far, hidden ones included: what a server may bill of a stream that breaks."""
        if self._plain:
            return sum(map(len, self._body))
        return sum(choice.chars for choice in self._choices.values())

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
            said = read_completion(body.decode("utf-8", "replace"), self._api)
            return replace(said, further=said.further[: self._answers - 1])
        self._line(bytes(self._rest))
        self._rest.clear()
        self._look()
        if self._event and not self.usable:
            raise ValueError("a piece of the stream is no JSON")
        if not self.usable:
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
        """Whether the stream has said that the answer is whole; of several, that all of them are."""
        ended = sum(bool(choice.reason) for choice in self._choices.values())
        return self.done or ended >= max(self._answers, len(self._choices))

    @property
    def usable(self) -> bool:
        """Whether an answer is whole; others to the same prompt may have broken off."""
        return self.done or any(choice.reason for choice in self._choices.values())

    def answer(self) -> Completion:
        """Return the answer of a stream that is usable."""
        if self._whole is not None:
            # The last event of the responses API repeats everything; some servers leave the text out of it.
            whole, said = self._whole, self._choice(0).said()
            return replace(
                whole,
                text=whole.text or said.text,
                refusal=whole.refusal or said.refusal,
                hidden_chars=said.hidden_chars,
            )
        choices = [self._choices[place] for place in sorted(self._choices)] or [_Choice()]
        ended = [choice for choice in choices if choice.reason] or choices[:1]
        first, *others = [choice.said() for choice in ended]
        lost_chars = sum(choice.chars for choice in choices if choice not in ended)
        return replace(first, usage=self._usage, further=tuple(others), lost_chars=lost_chars)

    def _choice(self, place: object) -> _Choice:
        """Return one of several answers. A server that does not number them gives one."""
        return self._choices.setdefault(place if type(place) is int and 0 <= place < self._answers else 0, _Choice())

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
        for said in choices[: self._answers] if isinstance(choices, list) else ():
            if isinstance(said, dict):
                self._take_piece(said)

    def _take_piece(self, said: Mapping[str, Any]) -> None:
        choice, delta = self._choice(said.get("index")), said.get("delta")
        if isinstance(delta, dict):
            self._said(text_of(delta.get("content")), choice)
            choice.hid(thoughts_in(delta))
            choice.tools = choice.tools or bool(delta.get("tool_calls") or delta.get("function_call"))
            refused = delta.get("refusal")
            if isinstance(refused, str):
                choice.refusal.append(refused)
        reason = said.get("finish_reason")
        if reason:
            choice.reason = str(reason)

    def _take_event(self, event: Mapping[str, Any]) -> None:
        delta, response, choice = event.get("delta"), event.get("response"), self._choice(0)
        match event.get("type"):
            case "response.output_text.delta":
                self._said(delta if isinstance(delta, str) else "", choice)
            case "response.refusal.delta":
                choice.refusal.append(delta if isinstance(delta, str) else "")
            case "response.completed" | "response.incomplete" if isinstance(response, dict):
                self._whole, self.done = read_response({"output": [], **response}), True
            case "response.failed" | "error":
                error = error_in(response if isinstance(response, dict) else event)
                raise ValueError(f"an error: {error or event.get('message') or 'without a reason'}")
            case str(kind) if kind.startswith("response.reasoning"):
                choice.hid(delta)

    def _begin(self) -> None:
        if self.began_at is None:
            self.began_at = time.monotonic()

    def _said(self, text: str, choice: _Choice) -> None:
        if text:
            self._begin()
            choice.pieces.append(text)
            self._text_size += len(text)
            if self._text_size > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES >> 20} MB of text")


class _Choice:
    """One of the answers that a stream brings. reason: why it ended; empty while it goes on."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.refusal: list[str] = []
        self.hidden_chars = 0
        self.tools = False
        self.reason = ""

    @property
    def chars(self) -> int:
        """Characters so far, hidden ones included."""
        return sum(map(len, self.pieces)) + self.hidden_chars

    def hid(self, thought: object) -> None:
        """Take a piece of what is not shown."""
        if isinstance(thought, str):
            self.hidden_chars += len(thought)

    def said(self) -> Completion:
        """Return what has come."""
        text, refusal = storable("".join(self.pieces)), "".join(self.refusal)
        return Completion(text, storable(self.reason), refusal, None, self.hidden_chars, self.tools)
