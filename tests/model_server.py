"""An OpenAI-compatible server on 127.0.0.1 whose every answer and fault is scripted.

In a test: `with ModelServer(script) as server:` and `server.base_url`.
For benchmarks and trials: `python tests/model_server.py --port 0 --program trivial`, which prints the base URL.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import math
import random
import re
import socket
import struct
import sys
import threading
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal
from urllib.parse import unquote

Json = dict[str, Any]


@dataclass(frozen=True)
class Http:
    """An error status. retry_after: the header's text, seconds or a date; None leaves it out.

    parameter: which part of the request is blamed.  code: the server's own word for what is wrong.
    """

    status: int
    retry_after: str | None = None
    message: str = "scripted fault"
    parameter: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class Wire:
    """What breaks below HTTP.

    reset, hang: before any header.  stall: headers, and then nothing.  half: half of an answer, and then nothing.
    cut: half of an answer, and the connection is closed.  late_cut: closed after the last word of a stream, before its
    end.  open: a stream that has said everything and is not closed.  error: half of a stream, and an error event.
    not_json, list, nested, not_utf8: bodies, or pieces of a stream, that are not what they should be.
    """

    how: Literal[
        "reset",
        "hang",
        "stall",
        "half",
        "cut",
        "late_cut",
        "open",
        "error",
        "not_json",
        "not_utf8",
        "list",
        "nested",
    ]


@dataclass(frozen=True)
class Reply:
    """An answer with its particulars.

    tokens: (prompt, completion), None leaves `usage` out.  cached, written, reasoning: those of them.
    thoughts: reasoning that is shown besides the text.
    piece_chars: how much of a text goes into one piece of a stream.  piece_s: time between two pieces.
    plain: a body of JSON, also for a request that asks for a stream.
    further: texts of other answers to the same request; `tokens` are those of all.
    """

    text: str | None
    tokens: tuple[int, int] | None = (100, 20)
    finish_reason: str = "stop"
    refusal: str | None = None
    delay_s: float = 0.0
    cached: int = 0
    written: int = 0
    reasoning: int = 0
    thoughts: str = ""
    piece_chars: int = 400
    piece_s: float = 0.0
    plain: bool = False
    further: tuple[str, ...] = ()


@dataclass(frozen=True)
class Raw:
    """A body of any kind. headers: lines with their ends."""

    body: str | bytes
    status: int = 200
    headers: str = ""


Answer = str | Reply | Http | Wire | Raw
Script = Callable[[Json, int], Answer]


@dataclass(frozen=True)
class Recorded:
    """A request as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def json(self) -> Json:
        parsed: Json = json.loads(self.body)
        return parsed


class ModelServer:
    """Serves POST .../chat/completions and .../responses in a thread of its own, until the `with` block ends.

    A request with `"stream": true` is answered with server-sent events, as OpenAI's own server writes them.

    script: called with the request's JSON and its number (0, 1, ...) on the server's thread, or a sequence of answers
        of which the last one repeats.
    record: keep every request in `requests`.
    models: (name, owner) of each one that GET .../models lists; none: there is no such list. Never counted, nor kept.
    """

    def __init__(
        self,
        script: Script | Sequence[Answer],
        *,
        port: int = 0,
        record: bool = True,
        models: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.script = script if callable(script) else _in_turn(script)
        self.record = record
        self.models = models
        self.requests: list[Recorded] = []
        self.count = 0
        self.open = 0
        """Requests that came in and are not answered yet."""
        self.most_open = 0
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port = int(self._socket.getsockname()[1])
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="model-server", daemon=True)
        self._protocols: set[_Connection] = set()

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._loop.create_server(lambda: _Connection(self), sock=self._socket))
        try:
            self._loop.run_forever()
        finally:
            server.close()
            for connection in list(self._protocols):
                connection.transport.abort()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    def serve_forever(self) -> None:
        """Serve on this thread until it is interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._run()

    def listed(self, path: str) -> Answer:
        """Answer a GET: the list of models, or one of them, as OpenAI's own server does."""
        known = [{"id": name, "object": "model", "owned_by": owner} for name, owner in self.models]
        _, found, name = path.partition("/v1/models")
        if not found or not known:
            return Raw(json.dumps({"detail": "Not Found"}), 404)
        if not name:
            return Raw(json.dumps({"object": "list", "data": known}))
        one = [model for model in known if model["id"] == unquote(name[1:])]
        return Raw(json.dumps(one[0])) if one else Http(404, message=f"The model '{unquote(name[1:])}' does not exist")

    def answer(self, recorded: Recorded) -> Answer:
        number, self.count = self.count, self.count + 1
        if self.record:
            self.requests.append(recorded)
        if not recorded.path.endswith(("/chat/completions", "/responses")):
            return Http(404, message=f"no such path: {recorded.path}")
        return self.script(recorded.json, number)


class _Connection(asyncio.Protocol):
    """One kept-alive connection: requests in, answers out, in order."""

    transport: asyncio.Transport

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.connections += 1
        self.server._protocols.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.server._protocols.discard(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, gap, rest = self.buffer.partition(b"\r\n\r\n")
            if not gap:
                return
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", "0"))
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.server.open += 1
            self.server.most_open = max(self.server.most_open, self.server.open)
            method, path, _ = first.split(" ")
            recorded = Recorded(path, headers, rest[:length])
            answer = self.server.listed(path) if method == "GET" else self.server.answer(recorded)
            if isinstance(answer, Reply) and answer.delay_s:
                self.server._loop.call_later(answer.delay_s, self.send, answer, recorded)
            else:
                self.send(answer, recorded)

    def send(self, answer: Answer, recorded: Recorded) -> None:
        if answer == Wire("hang"):
            return
        self.server.open -= 1
        if isinstance(answer, Http):
            blame = {"message": answer.message, "type": "scripted", "param": answer.parameter, "code": answer.code}
            extra = "" if answer.retry_after is None else f"Retry-After: {answer.retry_after}\r\n"
            self.write(json.dumps({"error": blame}).encode(), status=answer.status, extra=extra)
        elif isinstance(answer, Raw):
            body = answer.body.encode() if isinstance(answer.body, str) else answer.body
            self.write(body, status=answer.status, extra=answer.headers)
        elif isinstance(answer, Wire):
            self.break_wire(answer, recorded)
        else:
            self.reply(Reply(answer) if isinstance(answer, str) else answer, recorded)

    def reply(self, reply: Reply, recorded: Recorded) -> None:
        asked, number = recorded.json, self.server.count
        if not asked.get("stream") or reply.plain:
            self.write(_body(reply, recorded, number))
            return
        pieces = [_chunked(piece) for piece in _pieces(reply, recorded, number)]
        if reply.piece_s:
            self.transport.write(STREAM_HEAD)
            for n, piece in enumerate(pieces):
                self.server._loop.call_later(n * reply.piece_s, self.transport.write, piece)
            self.server._loop.call_later((len(pieces) - 1) * reply.piece_s + 1e-4, self.transport.write, _chunked(b""))
        else:
            self.transport.write(b"".join([STREAM_HEAD, *pieces, _chunked(b"")]))

    def break_wire(self, fault: Wire, recorded: Recorded) -> None:
        streamed = recorded.json.get("stream")
        if fault.how == "reset":
            # Linger 0: close sends RST, not FIN.
            raw = self.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        elif streamed:
            pieces = _pieces(Reply("caf@" if fault.how == "not_utf8" else "x" * 1000), recorded, 0)
            half = pieces[: len(pieces) // 2]
            match fault.how:
                case "stall":
                    pieces = []
                case "half" | "cut":
                    pieces = half
                case "error":
                    pieces = [*half, b'data: {"type": "error", "error": {"message": "out of memory"}}\n\n']
                case "not_utf8":
                    pieces = [piece.replace(b"caf@", b"caf\xe9") for piece in pieces]
                case "not_json":
                    pieces = [*half, b"data: {oops\n\n", *pieces[len(half) :]]
                case "list" | "nested":
                    pieces = [BODIES[fault.how]]
            whole = fault.how not in ("stall", "half", "cut", "open", "late_cut")
            self.transport.write(b"".join([STREAM_HEAD, *map(_chunked, pieces), _chunked(b"") if whole else b""]))
            if fault.how in ("cut", "late_cut"):
                self.transport.close()
        else:
            body = _body(Reply("caf@" if fault.how == "not_utf8" else "x" * 1000), recorded, 0)
            if fault.how in BODIES:
                self.write(BODIES[fault.how])
            elif fault.how == "not_utf8":
                self.write(body.replace(b"caf@", b"caf\xe9"))
            else:
                self.write(b"" if fault.how == "stall" else body[: len(body) // 2], length=len(body))
                if fault.how == "cut":
                    self.transport.close()

    def write(self, body: bytes, status: int = 200, extra: str = "", length: int | None = None) -> None:
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{extra}"
            f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
BODIES = {"list": b"[1, 2]", "nested": b"[" * 100_000, "not_json": b"<html>Bad gateway</html>"}


def _chunked(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _body(reply: Reply, recorded: Recorded, number: int) -> bytes:
    responses = recorded.path.endswith("/responses")
    return json.dumps(_response(reply, number) if responses else _completion(reply, number)).encode()


def _pieces(reply: Reply, recorded: Recorded, number: int) -> list[bytes]:
    """Return the events of a streamed answer."""
    if recorded.path.endswith("/responses"):
        events = _response_events(reply, number)
        return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    counted = bool((recorded.json.get("stream_options") or {}).get("include_usage"))
    chunks = [json.dumps(chunk) for chunk in _chunks(reply, number, counted)]
    return [f"data: {chunk}\n\n".encode() for chunk in [*chunks, "[DONE]"]]


def _split(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _usage(reply: Reply) -> Json | None:
    if reply.tokens is None:
        return None
    given, made = reply.tokens
    return {
        "prompt_tokens": given,
        "completion_tokens": made,
        "total_tokens": given + made,
        "prompt_tokens_details": {"cached_tokens": reply.cached, "cache_write_tokens": reply.written},
        "completion_tokens_details": {"reasoning_tokens": reply.reasoning},
    }


def _completion(reply: Reply, number: int) -> Json:
    message: Json = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    if reply.thoughts:
        message["reasoning_content"] = reply.thoughts
    completion: Json = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [
            {"index": index, "finish_reason": reply.finish_reason, "message": {**message, "content": text}}
            for index, text in enumerate([reply.text, *reply.further])
        ],
    }
    usage = _usage(reply)
    return completion if usage is None else {**completion, "usage": usage}


def _chunks(reply: Reply, number: int, counted: bool) -> list[Json]:
    def chunk(delta: Json, finish_reason: str | None = None, index: int = 0) -> Json:
        choices = [{"index": index, "delta": delta, "finish_reason": finish_reason}]
        return {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 0, "choices": choices}

    chunks = [chunk({"role": "assistant", "content": ""})]
    chunks += [chunk({"reasoning_content": thought}) for thought in _split(reply.thoughts, reply.piece_chars)]
    chunks += [chunk({"content": piece}) for piece in _split(reply.text or "", reply.piece_chars)]
    if reply.refusal:
        chunks.append(chunk({"refusal": reply.refusal}))
    for index, text in enumerate(reply.further, 1):
        chunks += [chunk({"content": piece}, index=index) for piece in _split(text, reply.piece_chars)]
    chunks += [chunk({}, reply.finish_reason, index) for index in range(1 + len(reply.further))]
    usage = _usage(reply)
    if counted and usage is not None:
        chunks.append({**chunk({}), "choices": [], "usage": usage})
    return chunks


def _response(reply: Reply, number: int) -> Json:
    content = [] if reply.text is None else [{"type": "output_text", "text": reply.text, "annotations": []}]
    if reply.refusal:
        content.append({"type": "refusal", "refusal": reply.refusal})
    cause = {"stop": None, "length": "max_output_tokens"}.get(reply.finish_reason, reply.finish_reason)
    usage = _usage(reply)
    if usage is not None:
        names = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
        names |= {f"{old}_details": f"{new}_details" for old, new in names.items()}
        usage = {names.get(name, name): value for name, value in usage.items()}
    thoughts = [{"type": "summary_text", "text": reply.thoughts}] if reply.thoughts else []
    return {
        "id": f"resp-{number}",
        "object": "response",
        "status": "completed" if cause is None else "incomplete",
        "error": None,
        "incomplete_details": None if cause is None else {"reason": cause},
        "output": [
            {"type": "reasoning", "id": "r", "summary": thoughts},
            {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content},
        ],
        "usage": usage,
    }


def _response_events(reply: Reply, number: int) -> list[Json]:
    response = _response(reply, number)
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    thoughts = [
        {"type": "response.reasoning_summary_text.delta", "delta": thought}
        for thought in _split(reply.thoughts, reply.piece_chars)
    ]
    pieces = [
        {"type": "response.output_text.delta", "delta": piece} for piece in _split(reply.text or "", reply.piece_chars)
    ]
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        *thoughts,
        *pieces,
        {"type": f"response.{response['status']}", "response": response},
    ]
    return [{**event, "sequence_number": n} for n, event in enumerate(events)]


def _in_turn(answers: Sequence[Answer]) -> Script:
    return lambda request, number: answers[min(number, len(answers) - 1)]


def edit(search: str, replace: str) -> str:
    """Return a model's answer that is one SEARCH/REPLACE edit."""
    return f"An edit.\n\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


def prompt_in(request: Json) -> str:
    """Return what a request of either interface asks."""
    return str(request["messages"][-1]["content"] if "messages" in request else request["input"])


def program_in(request: Json) -> str:
    """Return the program that a prompt asks to change: the last fenced block of its last message."""
    fences = re.findall(r"^(`{3,})[^\n`]*\n(.*?)^\1[ \t]*$", prompt_in(request), re.M | re.S)
    return str(fences[-1][1]) if fences else ""


def trivial(request: Json, number: int) -> Answer:
    """Set the line `X = <number>` to a value that no other answer has, spread over 2..82."""
    lines = re.findall(r"^X = .*$", prompt_in(request), re.M)
    if not lines:
        return "I see no line `X = ...`."
    # The golden ratio's multiples modulo 1 never repeat and fill the interval evenly.
    return edit(lines[-1], f"X = {2 + 80 * math.modf((number + 1) * 0.6180339887498949)[0]:.9f}")


def constants(request: Json, number: int) -> Answer:
    """Change one number of the program, whatever the program is, and a line that makes every answer another program."""
    program = program_in(request)
    lines = program.splitlines()
    rng = random.Random(number)
    variant = next((line for line in lines if line.startswith("VARIANT = ")), None)
    opening = next((line for line in lines if re.match(r"(class|def) ", line)), "")
    mark = f"VARIANT = {number}"
    answer = edit(variant, mark) if variant else edit(opening, f"{mark}\n\n\n{opening}")
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in rng.sample(tokens := list(tokenize.generate_tokens(io.StringIO(program).readline)), len(tokens)):
            line = lines[token.start[0] - 1] if token.type == tokenize.NUMBER else ""
            if (
                re.fullmatch(r"\d+(\.\d*)?", token.string)
                and line not in ("", variant, opening)
                and lines.count(line) == 1
            ):
                value = float(token.string) * rng.uniform(0.5, 2)
                new = f"{value:.4g}" if "." in token.string else str(max(1, round(value)))
                answer += edit(line, line[: token.start[1]] + new + line[token.end[1] :])
                break
    return answer


PROGRAMS: dict[str, Script] = {"trivial": trivial, "constants": constants}


def edit_of_nothing(request: Json, number: int) -> Answer:
    """A SEARCH that no program has."""
    return edit(f"no_such_line_{number} = 1", "X = 1")


def edit_of_two(request: Json, number: int) -> Answer:
    """A SEARCH that is there twice: a line that the program repeats, or else a fragment of two."""
    lines = program_in(request).splitlines()
    twice = [line for line in dict.fromkeys(lines) if line.strip() and lines.count(line) > 1]
    return edit(twice[0] if twice else " ", "X = 1")


def a_megabyte(request: Json, number: int) -> Answer:
    """Far more text than asked for, without an end that helps."""
    return Reply("All work and no play makes a dull program.\n" * 24_000, tokens=(100, 250_000), piece_chars=50_000)


FAULTS: dict[str, Answer | Script] = {
    "429": Http(429),
    "429 in seconds": Http(429, retry_after="0"),
    "429 at a date": Http(429, retry_after="Mon, 01 Jan 2024 00:00:00 GMT"),
    "500": Http(500),
    "503": Http(503),
    "reset": Wire("reset"),
    "hang": Wire("hang"),
    "silence after the headers": Wire("stall"),
    "silence in the middle": Wire("half"),
    "slow": Reply("I take my time.", piece_chars=1, piece_s=0.002),
    "cut": Wire("cut"),
    "no JSON": Wire("not_json"),
    "no UTF-8": Wire("not_utf8"),
    "empty": "",
    "no code": "I would rather not.",
    "wrong fences": "````python\nX = 1\n```\n~~~\n",
    "two blocks": "Either\n\n```python\nX = 1\n```\n\nor\n\n```python\nX = 2\n```\n",
    "SEARCH nowhere": edit_of_nothing,
    "SEARCH twice": edit_of_two,
    "1 MB": a_megabyte,
}
"""What a client must survive, by name."""


def with_faults(script: Script, rate: float, seed: int, kinds: Sequence[str] = tuple(FAULTS)) -> Script:
    """Return the script with a fault in `rate` of its answers, each one of the kinds that a client must survive."""

    def faulty(request: Json, number: int) -> Answer:
        rng = random.Random(f"{seed}/{number}")
        if rng.random() >= rate:
            return script(request, number)
        fault = FAULTS[rng.choice(kinds)]
        return fault(request, number) if callable(fault) else fault

    return faulty


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve scripted model answers on 127.0.0.1; prints the base URL.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--program", choices=sorted(PROGRAMS), default="trivial")
    parser.add_argument("--faults", type=float, default=0.0, help="share of answers that are faults")
    parser.add_argument("--seed", type=int, default=0, help="which answers are faults")
    given = parser.parse_args()
    script = PROGRAMS[given.program]
    server = ModelServer(
        with_faults(script, given.faults, given.seed) if given.faults else script, port=given.port, record=False
    )
    sys.stdout.write(f"{server.base_url}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
