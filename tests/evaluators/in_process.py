"""A stand-in for a sandboxed candidate, for tests of a verifier's arithmetic: the program runs in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from sandbox import wire


class InProcess:
    """Calls a program like `sandbox.Candidate`. Records pass as they are, their packed arrays as arrays again."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._arrays: dict[bytes, Any] = {}
        self._packed: dict[type, list[str]] = {}
        self._program: dict[str, Any] = {}
        self.import_cpu_s = 0.0
        self.top_level_cpu_s = 0.0
        exec(compile(source, "program.py", "exec"), self._program)

    @property
    def cpu_s(self) -> float:
        return time.process_time()

    def fresh(self) -> InProcess:
        return InProcess(self._source)

    def call(self, function: str, *arguments: Any) -> Any:
        return _plain(self._program[function](*map(self._seen, arguments)))

    def new(self, cls: str, *arguments: Any) -> _Run:
        return _Run(self._program[cls](*map(self._seen, arguments)), self._seen)

    def map(self, runs: Sequence[_Run], method: str, observations: Sequence[Any]) -> list[Any]:
        return [run.call(method, obs) for run, obs in zip(runs, observations, strict=True)]

    def _seen(self, value: Any) -> Any:
        if not isinstance(value, msgspec.Struct):
            return value
        names = self._packed.get(type(value))
        if names is None:
            fields = value.__struct_fields__
            names = self._packed[type(value)] = [
                f for f in fields if isinstance(getattr(value, f), msgspec.Raw | msgspec.Struct)
            ]
        if not names:
            return value
        return msgspec.structs.replace(value, **{name: self._part(getattr(value, name)) for name in names})

    def _part(self, part: msgspec.Raw | msgspec.Struct) -> Any:
        return self._array(part) if isinstance(part, msgspec.Raw) else self._seen(part)

    def _array(self, packed: msgspec.Raw) -> Any:
        raw = bytes(packed)
        if len(self._arrays) > 5000:
            self._arrays.clear()
        if raw not in self._arrays:
            self._arrays[raw] = wire.decode(memoryview(raw))
        return self._arrays[raw]


class _Run:
    def __init__(self, policy: Any, seen: Callable[[Any], Any]) -> None:
        self._policy, self._seen = policy, seen

    def call(self, method: str, *arguments: Any) -> Any:
        return _plain(getattr(self._policy, method)(*map(self._seen, arguments)))

    def offers(self, method: str) -> bool:
        return callable(getattr(self._policy, method, None))


def _plain(answer: Any) -> Any:
    """Return an answer as it would come over the wire: tuples as lists."""
    if isinstance(answer, tuple | list):
        return [_plain(a) for a in answer]
    if isinstance(answer, dict):
        return {key: _plain(a) for key, a in answer.items()}
    return answer
