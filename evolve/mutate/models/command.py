"""A program that answers prompts: the prompt on its stdin, the answer from its stdout."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import IO

from evolve.config import COMMAND, ModelConfig
from evolve.errors import UsageError
from evolve.mutate.models.answer import RUN_OUT, Answer, AnswerStatus
from evolve.mutate.models.client import CAP_TOKENS, LeftS, no_limit
from evolve.mutate.models.completion import storable
from evolve.mutate.models.endpoint import key_in
from evolve.mutate.models.fault import EqualFailures, Fault, ModelGone
from evolve.mutate.models.manual import MOST_BYTES, answer_by_hand
from evolve.mutate.prompts.prompt import Prompt

STDERR_BYTES = 4096
LINGER_S = 0.5
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class CommandClient:
    """Runs a program for each prompt, without a shell and in a process group of its own.

    model: its settings; the name is `command:` and the command line.
    key_variables: environment variables that hold models' keys; the program sees none of them.
    left_s: how long the run itself lets a program take.

    Raises UsageError when the command line is none or its program does not exist.
    """

    def __init__(self, model: ModelConfig, key_variables: Sequence[str] = (), left_s: LeftS = no_limit) -> None:
        self.model = model
        self._keys = {key for key in map(key_in, key_variables) if key}
        self._key_variables = frozenset(key_variables)
        try:
            self._words = shlex.split(model.name.removeprefix(COMMAND))
        except ValueError as error:
            raise UsageError(f"model {model.name}: not a command line: {error}.") from None
        if not self._words:
            raise UsageError(f"model {model.name}: name a program, e.g. '{COMMAND}my-agent --flag'.")
        if shutil.which(self._words[0]) is None:
            raise UsageError(
                f"model {model.name}: no program {self._words[0]!r} on the PATH, or it is not executable. "
                "Install it, or give its path."
            )
        self._left_s = left_s
        self._slots = asyncio.Semaphore(model.concurrency)
        self._failures = EqualFailures()

    def __repr__(self) -> str:
        return f"CommandClient({self.model.name!r})"

    def warm_up(self) -> None:
        """Nothing has to be made ready."""

    async def close(self) -> None:
        """Nothing is open: a program that is cancelled is killed there and then."""

    def worst_case(self, prompt: Prompt) -> tuple[int, float | None]:
        """Return the tokens that a prompt and its answer are taken to be at most, and no dollars: nobody bills us."""
        return len((prompt.system + prompt.user).encode()) + (self.model.max_tokens or CAP_TOKENS), 0.0

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        """Run the program and return what it prints, or why that is no answer.

        An answer is the stdout of a program that ends with status 0; what it leaves running in its group, with stdout
        or stderr open, is then killed. It is killed itself, with all that it started, when it takes longer than
        timeout_s, prints more than 4 MB, or the call is cancelled.
        Raises ModelGone when the program cannot be started, or has failed a few times in a row in the same words.
        """
        async with self._slots:
            if hopeless := self._failures.verdict:
                raise ModelGone(f"model {self.model.name}: {hopeless}. Put that right, then resume the run.")
            started = time.monotonic()
            async with _pipe() as (stdout, stdout_end), _pipe() as (stderr, stderr_end):
                process = await self._start(stdout_end, stderr_end)
                output, errors, ended = bytearray(), bytearray(), False
                reading = asyncio.create_task(_head(stdout, output))
                listening = asyncio.create_task(_tail(stderr, errors))
                ending = asyncio.create_task(process.wait())
                writing = asyncio.create_task(_write(process.stdin, f"{prompt.system}\n\n{prompt.user}"))
                try:
                    async with asyncio.timeout(self._left_s()) as run_out, asyncio.timeout(self.model.timeout_s):
                        await asyncio.wait([reading, ending], return_when=asyncio.FIRST_COMPLETED)
                        if len(output) <= MOST_BYTES:
                            await ending
                            ended = True
                except TimeoutError:
                    pass
                finally:
                    writing.cancel()
                    if not ended:
                        await _kill(process)
                    _, open_still = await asyncio.wait([reading, listening], timeout=LINGER_S)
                    if open_still:
                        await _kill(process)
                    for task in (reading, listening, ending):
                        task.cancel()
            last = _last_line(errors)
            latency_s = time.monotonic() - started
        if not ended or len(output) > MOST_BYTES:
            timed_out = len(output) <= MOST_BYTES
            late = RUN_OUT if run_out.expired() else f"no answer within {self.model.timeout_s:g} s"
            why = late if timed_out else f"more than {MOST_BYTES >> 20} MB"
            status = AnswerStatus.TIMEOUT if timed_out else AnswerStatus.ERROR
            return self._failed(status, why, last, latency_s, is_ours=run_out.expired())
        if process.returncode:
            return self._failed(AnswerStatus.ERROR, f"exit status {process.returncode}", last, latency_s)
        self._failures.end()
        return answer_by_hand(prompt, self._without_keys(bytes(output)), latency_s)

    async def _start(self, stdout: IO[bytes], stderr: IO[bytes]) -> asyncio.subprocess.Process:
        starting = asyncio.create_task(
            asyncio.create_subprocess_exec(
                *self._words,
                stdin=asyncio.subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                preexec_fn=_die_with_us,
                env=self._environment(),
            )
        )
        try:
            # Cancelled half way, asyncio kills the program alone and waits until its children have ended.
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await _kill(await starting)
            raise
        except OSError as error:
            raise ModelGone(f"model {self.model.name}: cannot be started: {error.strerror}.") from None
        finally:
            stdout.close()
            stderr.close()

    def _failed(self, status: AnswerStatus, why: str, last: str, latency_s: float, is_ours: bool = False) -> Answer:
        words = self._without_keys(last.encode())
        error = f"{self._words[0]}: {why}{': ' if words else ''}{words[:400]}"
        if not is_ours:
            self._failures.add(Fault(error, status=500))
        return Answer("", status, error, 0, 0, 0.0, latency_s, 1)

    def _without_keys(self, output: bytes) -> str:
        text = storable(output.decode("utf-8", "replace"))
        for key in self._keys:
            text = text.replace(key, "[key]")
        return text

    def _environment(self) -> dict[str, str]:
        """Return our environment without the keys, under whatever name they are in it."""
        return {
            name: value
            for name, value in os.environ.items()
            if name not in self._key_variables and not any(key in value for key in self._keys)
        }


def _die_with_us() -> None:
    """Have the kernel kill the program when we are killed: nobody would end it at its deadline or read its answer."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill a program and all that it started, unless they have left its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdin is not None:
        process.stdin.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            await process.wait()


async def _write(pipe: asyncio.StreamWriter | None, text: str) -> None:
    """Write all of a prompt; a program that does not read it need not."""
    if pipe is not None:
        with suppress(BrokenPipeError, ConnectionResetError):
            pipe.write(text.encode("utf-8", "replace"))
            await pipe.drain()
        pipe.close()


@asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[asyncio.StreamReader, IO[bytes]]]:
    """Give a pipe: our end to read from, and the program's end.

    Those of asyncio stay open until everybody has closed the other end, which a process left behind may never do.
    """
    ours, theirs = os.pipe()
    reader = asyncio.StreamReader()
    with os.fdopen(theirs, "wb", buffering=0) as end:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb", buffering=0)
        )
        try:
            yield reader, end
        finally:
            transport.close()


async def _head(pipe: asyncio.StreamReader, read: bytearray) -> None:
    """Put all that comes into `read`, or a little more than allowed."""
    while len(read) <= MOST_BYTES and (data := await pipe.read(1 << 16)):
        read += data


async def _tail(pipe: asyncio.StreamReader, read: bytearray) -> None:
    """Keep the last of what comes in `read`."""
    while data := await pipe.read(1 << 16):
        read += data
        del read[:-STDERR_BYTES]


def _last_line(said: bytearray) -> str:
    """Return the last line that says something."""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
