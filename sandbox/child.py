"""The candidate's end of the wire: imports the program and answers calls, until the other end is closed.

Nothing here is trusted: a candidate may change all of it in its own process. It only serves honest programs well.
"""

from __future__ import annotations

import gc
import linecache
import logging
import os
import platform
import random
import select
import sys
import time
import traceback
import types
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from sandbox import wire

FILENAME = "candidate.py"
MAX_TEXT = 3500
READ_AT_ONCE = 1 << 16

CLOCKS = """
    clock_gettime clock_gettime_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns
    thread_time thread_time_ns time time_ns
""".split()
"""Functions of the module time that a candidate has not."""


class _OnlyPreloaded:
    """The last finder of modules: says why there is nothing to be found."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        raise ModuleNotFoundError(
            f"No module named {name!r} here: a candidate may import numpy, the problem's own libraries and what "
            "computes of the standard library, no files",
            name=name,
        )


def _without_clocks() -> types.ModuleType:
    """Return a module time that says why there is no time to tell.

    What the standard library imported before keeps the real one, whose clocks stand still: its log records and
    time-outs go on working.
    """

    def refusing(name: str) -> Callable[..., Any]:
        def no_clock(*_: object, **__: object) -> None:
            raise RuntimeError(f"time.{name}(): a candidate has no clock; bound its work by counting steps instead")

        return no_clock

    module = types.ModuleType("time", time.__doc__)
    vars(module).update({name: value for name, value in vars(time).items() if not name.startswith("__")})
    vars(module).update({name: refusing(name) for name in CLOCKS if hasattr(time, name)})
    vars(module)["sleep"] = lambda seconds: select.select([], [], [], seconds) and None
    return module


def settle() -> None:
    """Make the zygote's state the one that every child starts from."""
    sys.modules["time"] = _without_clocks()
    vars(logging)["_startTime"] = 0.0  # when this zygote was made
    vars(os).update(cpu_count=lambda: 1, sched_getaffinity=lambda pid: {0})  # which of the host's cores is no news
    vars(platform)["_uname_cache"] = None  # the host's name, asked for by an import before it was hidden
    np.random.seed(0)  # noqa: NPY002 - candidates may use it; every one starts from the same state
    sys.meta_path[:] = [f for f in sys.meta_path if getattr(f, "__name__", "") == "BuiltinImporter"]
    sys.meta_path.append(_OnlyPreloaded)
    gc.collect()
    gc.freeze()


def open_streams() -> None:
    """Let print write to the descriptors 1 and 2. Before the filter of system calls: opening looks at the file."""
    sys.stdin = None
    sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115


def serve(wire_fd: int) -> None:
    """Answer one request after the other. Never returns: the process ends with the other end, or is killed."""
    random.seed(0)  # the module seeds itself anew in every fork
    sys.argv = [FILENAME]
    handlers = _Program()
    read = _reader(wire_fd)
    # Bound once: what a program does to os or msgspec later disturbs its own answers less.
    head = msgspec.msgpack.Decoder(tuple[int, str, Any, int, msgspec.Raw])
    encode, write = wire.encode, os.write
    while True:
        nonce, what, target, signature, raw = head.decode(read())
        try:
            reply = [nonce, True, getattr(handlers, what)(target, signature, raw)]
        except MemoryError:
            reply = [nonce, False, _account("memory")]
        except BaseException:
            reply = [nonce, False, _account("exception")]
        try:
            frame = encode(reply)
        except (TypeError, ValueError, OverflowError, RecursionError, MemoryError) as error:
            frame = encode([nonce, False, ["answer", f"the answer cannot be sent: {error}"[:MAX_TEXT], ""]])
        sent = write(wire_fd, frame)
        while sent < len(frame):
            sent += write(wire_fd, frame[sent:])


def _reader(wire_fd: int) -> Callable[[], memoryview]:
    read = os.read

    def frame() -> memoryview:
        data = read(wire_fd, READ_AT_ONCE)
        need = wire.HEADER.size
        if len(data) >= need:
            need += wire.HEADER.unpack_from(data)[0]
        if len(data) != need:
            data = whole(data)
        return memoryview(data)[wire.HEADER.size :]

    def whole(data: bytes) -> bytes:
        parts = bytearray(data)
        more = len(data)
        while True:
            if not more:
                os._exit(0)
            need = wire.HEADER.size + (wire.HEADER.unpack_from(parts)[0] if len(parts) >= wire.HEADER.size else 0)
            if len(parts) >= need > wire.HEADER.size:
                return bytes(parts)
            chunk = read(wire_fd, 1 << 20)
            more = len(chunk)
            parts += chunk

    return frame


class _Program:
    """The candidate's module and objects; one method for each kind of request."""

    def __init__(self) -> None:
        self._module = types.ModuleType("candidate")
        self._readers = wire.Readers()
        self._objects: list[Any] = []

    def compile(self, source: str, signature: int, raw: Any) -> None:
        linecache.cache[FILENAME] = (len(source), None, source.splitlines(keepends=True), FILENAME)
        sys.modules["candidate"] = self._module
        try:
            self._code = compile(source, FILENAME, "exec")
        except RecursionError:
            raise SyntaxError("the program is nested too deeply to parse") from None
        except MemoryError:  # the parser says so of operators within operators, too, with memory to spare
            lines = source.count("\n") + 1
            why = f"the program is nested too deeply, or too long ({lines} lines) for the memory that parsing takes"
            raise SyntaxError(why) from None

    def load(self, target: None, signature: int, raw: Any) -> None:
        exec(self._code, self._module.__dict__)

    def define(self, definition: list[Any], signature: int, raw: Any) -> None:
        self._readers.define(definition)

    def call(self, function: str, signature: int, raw: Any) -> Any:
        return getattr(self._module, function)(*self._readers.arguments(signature, raw))

    def new(self, cls: str, signature: int, raw: Any) -> None:
        self._objects.append(getattr(self._module, cls)(*self._readers.arguments(signature, raw)))

    def method(self, target: tuple[int, str], signature: int, raw: Any) -> Any:
        number, name = target
        return getattr(self._objects[number], name)(*self._readers.arguments(signature, raw))

    def offers(self, target: tuple[int, str], signature: int, raw: Any) -> bool:
        number, name = target
        return callable(getattr(self._objects[number], name, None))

    def map(self, target: tuple[list[int], str], signature: int, raw: Any) -> list[Any]:
        numbers, name = target
        observations = self._readers.batch(signature, raw)
        objects = self._objects
        return [getattr(objects[n], name)(o) for n, o in zip(numbers, observations, strict=True)]


def _account(kind: str) -> list[str]:
    """Tell the exception being handled: its kind, its one-line text, and the frames that are the program's own."""
    error_type, error, trace = sys.exc_info()
    assert error_type is not None
    try:
        own = [f for f in traceback.extract_tb(trace, limit=50) if f.filename == FILENAME]
        line = "".join(traceback.format_exception_only(error_type, error)).strip()[-MAX_TEXT // 2 :]
        frames = "".join(traceback.format_list(own))
        if len(frames) > MAX_TEXT // 2:
            frames = frames[: MAX_TEXT // 4] + "  ...\n" + frames[-MAX_TEXT // 4 :]
        last = line.splitlines()[-1] if line else error_type.__name__
        told = [kind, last, f"Traceback (most recent call last):\n{frames}{line}"]
        return [text.encode(errors="backslashreplace").decode() for text in told]  # lone surrogates cannot be sent
    except BaseException:  # an exception class of the program's own may do anything
        return [kind, "an exception that cannot be described", ""]
