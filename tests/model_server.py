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

Json = dict[str, Any]


@dataclass(frozen=True)
class Http:
    """An error status. retry_after: the header's text, seconds or a date; None leaves it out."""

    status: int
    retry_after: str | None = None
    message: str = "scripted fault"


@dataclass(frozen=True)
class Wire:
    """What breaks below HTTP: reset, hang, a body cut in its middle, or one that is no JSON, no object, no UTF-8."""

    how: Literal["reset", "hang", "cut", "not_json", "not_utf8", "list", "nested"]


@dataclass(frozen=True)
class Reply:
    """An answer with its particulars. tokens: (prompt, completion), None leaves `usage` out."""

    text: str | None
    tokens: tuple[int, int] | None = (100, 20)
    finish_reason: str = "stop"
    refusal: str | None = None
    delay_s: float = 0.0


Answer = str | Reply | Http | Wire
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
    """Serves POST .../chat/completions in a thread of its own, until the `with` block ends.

    script: called with the request's JSON and its number (0, 1, ...) on the server's thread, or a sequence of answers
        of which the last one repeats.
    record: keep every request in `requests`.
    """

    def __init__(self, script: Script | Sequence[Answer], *, port: int = 0, record: bool = True) -> None:
        self.script = script if callable(script) else _in_turn(script)
        self.record = record
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

    def answer(self, recorded: Recorded) -> Answer:
        number, self.count = self.count, self.count + 1
        if self.record:
            self.requests.append(recorded)
        if not recorded.path.endswith("/chat/completions"):
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
            answer = self.server.answer(Recorded(first.split(" ")[1], headers, rest[:length]))
            if isinstance(answer, Reply) and answer.delay_s:
                self.server._loop.call_later(answer.delay_s, self.send, answer)
            else:
                self.send(answer)

    def send(self, answer: Answer) -> None:
        if answer == Wire("hang"):
            return
        self.server.open -= 1
        if isinstance(answer, Http):
            body = json.dumps({"error": {"message": answer.message, "type": "scripted", "code": None}}).encode()
            extra = "" if answer.retry_after is None else f"Retry-After: {answer.retry_after}\r\n"
            self.write(body, status=answer.status, extra=extra)
        elif isinstance(answer, Wire):
            self.break_wire(answer)
        else:
            reply = Reply(answer) if isinstance(answer, str) else answer
            self.write(json.dumps(_completion(reply, self.server.count)).encode())

    def break_wire(self, fault: Wire) -> None:
        if fault.how == "reset":
            # Linger 0: close sends RST, not FIN.
            raw = self.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        elif fault.how == "cut":
            body = json.dumps(_completion(Reply("x" * 1000), 0)).encode()
            self.write(body[: len(body) // 2], length=len(body))
            self.transport.close()
        elif fault.how == "not_utf8":
            self.write(json.dumps(_completion(Reply("caf@"), 0)).encode().replace(b"caf@", b"caf\xe9"))
        else:
            bodies = {"list": b"[1, 2]", "nested": b"[" * 100_000, "not_json": b"<html>Bad gateway</html>"}
            self.write(bodies[fault.how])

    def write(self, body: bytes, status: int = 200, extra: str = "", length: int | None = None) -> None:
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{extra}"
            f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)


def _completion(reply: Reply, number: int) -> Json:
    completion: Json = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [
            {
                "index": 0,
                "finish_reason": reply.finish_reason,
                "message": {"role": "assistant", "content": reply.text, "refusal": reply.refusal},
            }
        ],
    }
    if reply.tokens is not None:
        given, made = reply.tokens
        completion["usage"] = {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}
    return completion


def _in_turn(answers: Sequence[Answer]) -> Script:
    return lambda request, number: answers[min(number, len(answers) - 1)]


def edit(search: str, replace: str) -> str:
    """Return a model's answer that is one SEARCH/REPLACE edit."""
    return f"An edit.\n\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


def program_in(request: Json) -> str:
    """Return the program that a prompt asks to change: the last fenced block of its last message."""
    fences = re.findall(r"^(`{3,})[^\n`]*\n(.*?)^\1[ \t]*$", request["messages"][-1]["content"], re.M | re.S)
    return str(fences[-1][1]) if fences else ""


def trivial(request: Json, number: int) -> Answer:
    """Set the line `X = <number>` to a value that no other answer has, spread over 2..82."""
    lines = re.findall(r"^X = .*$", request["messages"][-1]["content"], re.M)
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


def with_faults(script: Script, rate: float, seed: int) -> Script:
    """Return the script with a fault in `rate` of its answers, each one of the kinds that a client must survive."""
    faults: tuple[Answer, ...] = (
        Http(429),
        Http(429, retry_after="0"),
        Http(500),
        Http(503),
        Wire("reset"),
        Wire("cut"),
        Wire("not_json"),
        "",
        "I would rather not.",
    )

    def faulty(request: Json, number: int) -> Answer:
        rng = random.Random(f"{seed}/{number}")
        return rng.choice(faults) if rng.random() < rate else script(request, number)

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
