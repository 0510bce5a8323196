"""Runs as processes of their own: real workers, a real sandbox, a real server, real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from loop_parts import archive_digest
from model_server import ModelServer, Reply

from evolve.archive import CallStatus, RunStatus, Store

SCRIPT = Path(__file__).parent / "loop_process.py"


def start(folder: Path, *arguments: str, hash_seed: str = "random") -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    command = [sys.executable, str(SCRIPT), str(folder), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def finish(process: subprocess.Popen[str]) -> list[str]:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output.splitlines()


def read_until(process: subprocess.Popen[str], word: str, count: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        count -= line.startswith(word)
        if count == 0:
            return
    raise AssertionError("the run ended early")


@pytest.mark.slow
@pytest.mark.parametrize("model", ["builtin", "m"])
def test_deterministic_one_seed_gives_one_archive_whatever_the_hash_seed_and_the_workers(
    tmp_path: Path, model: str
) -> None:
    def by_prompt(request: dict[str, object], number: int) -> str:
        x = sum(json.dumps(request["messages"]).encode()) % 8000 / 100
        return f"```python\nX = {x}\n\n\ndef answer():\n    return X\n```"

    with ModelServer(by_prompt) as server:
        common = ["deterministic=true", "seed=5", "budget.evaluations=25", f"model.names=['{model}']"]
        common.append(f"model.base_url={server.base_url}")
        finish(start(tmp_path / "one", "workers=1", *common, hash_seed="1"))
        finish(start(tmp_path / "two", "workers=2", *common, hash_seed="2"))
    digest = archive_digest(tmp_path / "one")
    assert len(digest) > 25
    assert digest == archive_digest(tmp_path / "two")


@pytest.mark.slow
def test_killed_and_resumed_a_run_scores_as_many_and_asks_no_answered_prompt_again(tmp_path: Path) -> None:
    with ModelServer(whole_programs) as server:
        arguments = ["budget.evaluations=60", "model.names=['m']", f"model.base_url={server.base_url}"]
        process = start(tmp_path / "run", *arguments)
        read_until(process, "evaluated", 20)
        process.kill()
        process.wait()
        with Store.open(tmp_path / "run") as store:
            assert store.summary().status is RunStatus.INTERRUPTED
            calls = [store.model_call(s.step) for s in store.selections()]
            answered = sum(call is not None and call.status is CallStatus.ANSWERED for call in calls)
        assert answered >= 20
        asked_before = len(server.requests)
        lines = finish(start(tmp_path / "run", "--resume", *arguments))
        asked_after = len(server.requests) - asked_before
    with Store.open(tmp_path / "run") as store:
        summary = store.summary()
        digests = Counter(call.digest for s in store.selections() if (call := store.model_call(s.step)))
    assert (summary.status, summary.evaluations) == (RunStatus.FINISHED, 60)
    assert asked_after == sum(digests.values()) - answered
    assert lines[-1] == "closed finished all 60 evaluations are done"


def whole_programs(request: dict[str, object], number: int) -> Reply:
    """A new constant for each request, after a while, so that there is always a call in flight."""
    return Reply(f"```python\nX = {number}.25\n\n\ndef answer():\n    return X\n```", delay_s=0.01)


@pytest.mark.parametrize("number, by", [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_one_signal_stops_cleanly_with_every_answer_in_flight_committed(
    tmp_path: Path, number: signal.Signals, by: str
) -> None:
    with ModelServer(whole_programs) as server:
        arguments = ["budget.evaluations=100000", "model.names=['m']", f"model.base_url={server.base_url}"]
        process = start(tmp_path / "run", *arguments)
        read_until(process, "evaluated", 10)
        process.send_signal(number)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert output.splitlines()[-1] == f"closed stopped stopped by {by}"
    with Store.open(tmp_path / "run") as store:
        assert store.summary().status is RunStatus.STOPPED
        calls = store.summary().calls
    assert calls.answered == calls.calls == len(server.requests)


@pytest.mark.slow
def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    def slow(request: dict[str, object], number: int) -> Reply:
        return Reply("never mind", delay_s=0.0 if number < 3 else 30.0)

    with ModelServer(slow) as server:
        arguments = ["budget.evaluations=100", "model.names=['m']", f"model.base_url={server.base_url}"]
        process = start(tmp_path / "run", *arguments)
        read_until(process, "dropped", 3)
        process.send_signal(signal.SIGINT)
        read_until(process, "notice Ctrl-C", 1)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
    assert time.monotonic() - asked < 5
    assert process.returncode == 130
    assert output.splitlines()[-1] == "closed stopped stopped at once by Ctrl-C"
