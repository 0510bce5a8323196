"""A program that answers prompts: fed, watched, and killed with all that it started."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from client_parts import KEY, PROMPT

from evolve.config import ModelConfig, RateConfig
from evolve.errors import UsageError
from evolve.mutate.models.answer import Answer, AnswerStatus
from evolve.mutate.models.command import CommandClient
from evolve.mutate.models.providers import make_clients
from evolve.mutate.prompts.prompt import Prompt


def command(line: str, *keys: str, **settings: Any) -> CommandClient:
    return CommandClient(ModelConfig.model_validate({"name": f"command:{line}", "timeout_s": 20.0, **settings}), keys)


def run(line: str, *keys: str, prompt: Prompt = PROMPT, **settings: Any) -> Answer:
    return asyncio.run(command(line, *keys, **settings).complete(prompt, 1))


def test_the_prompt_goes_in_and_the_answer_comes_out() -> None:
    answer = run("cat")
    assert (answer.text, answer.status, answer.cost_usd) == ("Be brief.\n\nSay something.", AnswerStatus.OK, 0.0)
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_estimated, answer.attempts) == (6, 7, True, 1)


def test_a_large_prompt_and_a_large_answer_do_not_block_each_other() -> None:
    large = Prompt("", "0123456789" * 100_000, PROMPT.kind)
    assert run("cat", prompt=large).text == "\n\n" + large.user


def test_a_program_need_not_read_the_prompt() -> None:
    large = Prompt("", "0123456789" * 100_000, PROMPT.kind)
    assert run("echo hello", prompt=large).text == "hello\n"


def test_no_shell_reads_the_command_line() -> None:
    assert run("echo '$HOME' ';' touch x").text == "$HOME ; touch x\n"


def test_a_program_that_fails_is_a_failed_call_with_its_last_words() -> None:
    answer = run("""sh -c 'echo starting >&2; echo "no credit left" >&2; echo half an answer; exit 3'""")
    assert (answer.status, answer.text) == (AnswerStatus.ERROR, "")
    assert answer.error == "sh: exit status 3: no credit left"


def test_a_program_that_says_nothing_is_an_answer_without_text() -> None:
    assert run("true").status is AnswerStatus.EMPTY


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert run(r"printf 'caf\351 \000'").text == "caf\ufffd \ufffd"


def test_a_program_that_hangs_is_killed_with_its_children_at_the_deadline(tmp_path: Path) -> None:
    began = time.monotonic()
    answer = run(_with_a_child(tmp_path), timeout_s=0.5)
    assert (answer.status, answer.text) == (AnswerStatus.TIMEOUT, "")
    assert "no answer within 0.5 s: thinking" in answer.error
    assert time.monotonic() - began < 3.0
    assert not _alive(tmp_path)


def test_a_call_that_is_cancelled_kills_the_program_and_its_children(tmp_path: Path) -> None:
    async def story() -> None:
        call = asyncio.create_task(command(_with_a_child(tmp_path)).complete(PROMPT, 1))
        async with asyncio.timeout(10.0):
            while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
                await asyncio.sleep(0.01)
        assert _alive(tmp_path)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(story())
    assert not _alive(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_program_does_not_outlive_a_run_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys; from test_command import PROMPT, command; "
        "asyncio.run(command(sys.argv[1]).complete(PROMPT, 1))"
    )
    line = f"sh -c {shlex.quote(f'echo $$ > {tmp_path}/pid; exec sleep 60')}"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    process = subprocess.Popen([sys.executable, "-c", script, line], env={**os.environ, "PYTHONPATH": path})
    for _ in range(1000):
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip():
            break
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not _alive(tmp_path)


def _with_a_child(folder: Path) -> str:
    """A program that starts another one, which writes down its pid, and waits for it."""
    script = f"sleep 60 & echo $! > {folder}/pid; echo thinking >&2; wait"
    return f"sh -c {shlex.quote(script)}"


def _alive(folder: Path) -> bool:
    """Tell whether the child is running; one that is dead and not reaped yet is not."""
    pid = int((folder / "pid").read_text())
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
            os.kill(pid, 0)
        except OSError:
            return False
        time.sleep(0.01)
    return True


def test_a_program_that_never_stops_talking_is_killed() -> None:
    answer = run("yes")
    assert answer.status is AnswerStatus.ERROR
    assert answer.error == "yes: more than 4 MB"


def test_no_more_programs_run_at_once_than_allowed(tmp_path: Path) -> None:
    script = "import os, sys, time\nmine = os.path.join(sys.argv[1], str(os.getpid()))\nopen(mine, 'w').close()\n"
    script += "print(len(os.listdir(sys.argv[1])))\ntime.sleep(0.1)\nos.unlink(mine)\n"

    async def story() -> list[Answer]:
        model = command(f"{sys.executable} -S -c {shlex.quote(script)} {tmp_path}", concurrency=2)
        return await asyncio.gather(*(model.complete(PROMPT, n) for n in range(5)))

    assert {answer.text.strip() for answer in asyncio.run(story())} <= {"1", "2"}


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("no-such-program --flag", "no program 'no-such-program' on the PATH"),
        ("", "name a program"),
        ("'unfinished", "not a command line"),
        ("/etc/passwd", "not executable"),
    ],
)
def test_a_program_that_cannot_be_run_is_said_before_the_run_starts(line: str, error: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=error):
        make_clients([ModelConfig(name=f"command:{line}")], RateConfig(), tmp_path)


def test_the_program_sees_no_key_of_the_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    monkeypatch.setenv("THE_SAME_KEY", f"Bearer {KEY}")
    monkeypatch.setenv("HARMLESS", "yes")
    models = [
        ModelConfig(name="command:env"),
        ModelConfig(name="served", base_url="http://127.0.0.1:9/v1", api_key_env="MY_KEY"),
    ]
    clients = make_clients(models, RateConfig(), tmp_path)
    text = asyncio.run(clients["command:env"].complete(PROMPT, 1)).text
    assert "HARMLESS=yes" in text
    assert "MY_KEY" not in text
    assert KEY not in text
    assert KEY not in repr(clients)


def test_a_key_that_the_program_knows_from_elsewhere_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    (tmp_path / "key").write_text(KEY)
    assert run(f"cat {tmp_path}/key", "MY_KEY").text == "[key]"
    failed = run(f"sh -c 'cat {tmp_path}/key >&2; exit 1'", "MY_KEY")
    assert failed.error == "sh: exit status 1: [key]"


def test_what_a_program_leaves_behind_takes_no_answer_and_no_descriptor(tmp_path: Path) -> None:
    """A helper process that keeps stdout and stderr open: a language server, a daemon that an agent has started."""

    async def story() -> tuple[list[Answer], int]:
        model = command(_leaving_a_child(tmp_path, 'echo "the answer"'))
        await model.complete(PROMPT, 0)
        await asyncio.sleep(0)
        open_before = _descriptors()
        answers = [await model.complete(PROMPT, n) for n in (1, 2)]
        await asyncio.sleep(0)
        return answers, _descriptors() - open_before

    answers, leaked = asyncio.run(story())
    assert [(answer.text, answer.status) for answer in answers] == [("the answer\n", AnswerStatus.OK)] * 2
    assert leaked == 0
    assert not _alive(tmp_path)


def test_a_program_that_fails_and_leaves_something_behind_is_a_failed_call(tmp_path: Path) -> None:
    answer = run(_leaving_a_child(tmp_path, 'echo "no credit left" >&2; exit 3'))
    assert (answer.status, answer.error) == (AnswerStatus.ERROR, "sh: exit status 3: no credit left")


def _leaving_a_child(folder: Path, then: str) -> str:
    return f"sh -c {shlex.quote(f'sleep 60 & echo $! > {folder}/pid; {then}')}"


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
