"""The model engine as a whole: two servers, a budget, a kill, a resume, a replay; every fault; keys nowhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import zlib
from collections import Counter
from pathlib import Path

import pytest
from command_line import TRIVIAL, command, evolve, evolve_process
from model_server import FAULTS, Http, ModelServer, Recorded, Reply, trivial, with_faults

from evolve.archive import CallStatus, Fate, Store

KEY = "sk-a-key-that-must-be-nowhere-4711"
IN_FLIGHT = 16
"""Calls at the same time: two models with the default concurrency."""


def two_models(folder: Path, large: str, small: str, budget: str) -> Path:
    file = folder / "two-models.toml"
    file.write_text(f"""
seed = 3
[budget]
{budget}
[model]
timeout_s = 20.0
max_tokens = 500
[[models]]
name = "large"
base_url = "{large}"
api_key_env = "LARGE_KEY"
usd_per_mtok_in = 2.0
usd_per_mtok_out = 8.0
[[models]]
name = "small"
base_url = "{small}"
api = "responses"
usd_per_mtok_in = 0.1
usd_per_mtok_out = 0.4
""")
    return file


def slowly(request: dict[str, object], number: int) -> Reply:
    return Reply(str(trivial(request, number)), tokens=(2000, 300), delay_s=0.02)


def questions(server: ModelServer) -> Counter[str]:
    """How often each question arrived. Two steps may well ask the same; a test compares with the archive."""
    return Counter(json.dumps([r.json.get("messages"), r.json.get("input")]) for r in server.requests)


def everything_in(folder: Path) -> bytes:
    """All that a run left behind, what is deflated in the archive included."""
    parts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    with Store.open(folder) as store:
        for call in store.model_calls():
            parts += [call.system.encode(), call.prompt.encode(), call.answer.encode(), call.error.encode()]
        parts += [program.source.encode() for program in store.programs()]
        for row in store._connection.exec_driver_sql("SELECT prompt_dictionary FROM runs"):
            parts.append(bytes(row[0] or b""))
        for row in store._connection.exec_driver_sql("SELECT source FROM programs"):
            parts.append(zlib.decompress(row[0]))
    return b"\n".join(parts)


@pytest.mark.slow
def test_two_servers_a_budget_a_kill_a_resume_and_a_replay(tmp_path: Path) -> None:
    keys = {"LARGE_KEY": KEY, "OPENAI_API_KEY": KEY + "-too"}
    with ModelServer(slowly) as large, ModelServer(slowly) as small:
        file = two_models(tmp_path, large.base_url, small.base_url, "cost_usd = 0.12\nevaluations = 400")
        run = command("run", TRIVIAL, "--config", file, "--run", "run")
        process = subprocess.Popen(
            run, cwd=tmp_path, env=os.environ | keys, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        until = time.monotonic() + 60
        while large.count + small.count < 15 + IN_FLIGHT and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate()
        assert large.count + small.count >= 15 + IN_FLIGHT, said
        with Store.open(tmp_path / "run") as store:
            answered = {c.step for c in store.model_calls() if c.status is CallStatus.ANSWERED}
        done = evolve_process("resume", "run", "--json", cwd=tmp_path, env=keys)
        assert done.code == 0, done.err
        costs = evolve_process("show", "run", "--costs", "--json", cwd=tmp_path).json
        asked = questions(large) + questions(small)
        seen: list[Recorded] = [*large.requests, *small.requests]
        # A replay asks nobody.
        before = large.count + small.count
        replay = evolve_process("replay", "run", "--json", cwd=tmp_path)
        assert large.count + small.count == before
    assert replay.code == 0 and replay.json["same"], replay.out + replay.err
    assert "the budget of $0.12 is used up" in done.json["reason"]
    assert 0.08 < done.json["cost_usd"] <= 0.12
    shares = {share["name"]: share for share in costs["by_model"]}
    assert set(shares) == {"large", "small"}
    assert sum(share["cost_usd"] for share in shares.values()) == pytest.approx(done.json["cost_usd"])
    assert all(share["calls"] > 0 for share in shares.values())
    assert sum(share["programs"] for share in shares.values()) == done.json["evaluations"] > 0
    with Store.open(tmp_path / "run") as store:
        calls = store.model_calls()
        assert all(call.status is CallStatus.ANSWERED for call in calls)
    # Only what was not answered when the kill came was asked again.
    assert answered
    assert 0 <= sum(asked.values()) - len(calls) <= IN_FLIGHT
    # Keys reach the servers, in a header, and nothing else.
    assert any(KEY in str(request.headers) for request in seen)
    assert not any(KEY.encode() in request.body for request in seen)
    assert KEY.encode() not in everything_in(tmp_path / "run")


@pytest.mark.slow
def test_500_answers_at_30_percent_faults_end_with_the_right_number_and_none_is_lost_or_paid_twice(
    tmp_path: Path,
) -> None:
    with ModelServer(with_faults(trivial, 0.3, 11)) as server:
        arguments = (
            *("run", TRIVIAL, "--model", "m", "--model", "n", "--base-url", server.base_url, "--run", "run"),
            *("--evaluations", 500, "--set", "model.timeout_s=4", "--set", "model.idle_timeout_s=0.4"),
            *("--set", "model.concurrency=16", "--json"),
        )
        done = evolve_process(*arguments, cwd=tmp_path)
        requests = server.count
    assert done.code == 0, done.err
    assert done.json["evaluations"] == 500
    with Store.open(tmp_path / "run") as store:
        calls = store.model_calls()
        selections = store.selections()
        assert sum(call.attempts for call in calls) == requests
        assert all(call.status is not CallStatus.SENT for call in calls)
        assert len(calls) == len(selections) == done.json["steps"]
        fates = Counter(selection.fate for selection in selections)
        assert fates[Fate.SCORED] == 500 and fates[Fate.PARSE_ERROR] > 10
        # Every answer that could be read is a program, or repeats one.
        for selection in selections:
            call = store.model_call(selection.step)
            assert (selection.fate is Fate.CALL_ERROR) == (call is not None and call.status is CallStatus.FAILED)


def test_every_kind_of_fault_leaves_the_run_with_the_number_of_evaluations_that_was_asked_for(tmp_path: Path) -> None:
    kinds = [name for name in FAULTS if name not in ("hang", "1 MB")]
    with ModelServer(with_faults(trivial, 0.3, 5, kinds)) as server:
        arguments = (
            *("run", TRIVIAL, "--model", "m", "--base-url", server.base_url, "--run", "run", "--evaluations", 60),
            *("--set", "model.timeout_s=5", "--set", "model.idle_timeout_s=0.3", "--json"),
        )
        done = evolve_process(*arguments, cwd=tmp_path)
        requests = server.count
    assert done.code == 0, done.err
    assert done.json["evaluations"] == 60
    with Store.open(tmp_path / "run") as store:
        calls = store.model_calls()
    assert sum(call.attempts for call in calls) == requests
    assert all(call.status is not CallStatus.SENT for call in calls)


@pytest.mark.slow
def test_a_stalled_server_costs_its_calls_their_time_and_the_run_goes_on_with_the_other(tmp_path: Path) -> None:
    with ModelServer([FAULTS["hang"]]) as dead, ModelServer(trivial) as good:  # type: ignore[list-item]
        file = tmp_path / "models.toml"
        file.write_text(
            f'[[models]]\nname = "dead"\nbase_url = "{dead.base_url}"\ntimeout_s = 2.0\nconcurrency = 4\n'
            f'[[models]]\nname = "good"\nbase_url = "{good.base_url}"\n'
        )
        began = time.monotonic()
        done = evolve_process(
            "run", TRIVIAL, "--config", file, "--run", "run", "--evaluations", 60, "--json", cwd=tmp_path
        )
        took_s = time.monotonic() - began
    assert done.code == 0, done.err
    assert done.json["evaluations"] == 60
    with Store.open(tmp_path / "run") as store:
        failed = [call for call in store.model_calls() if call.model == "dead"]
    assert failed and all(call.status is CallStatus.FAILED for call in failed)
    assert all(call.latency_s < 4.0 for call in failed)
    assert took_s < 60.0


@pytest.mark.slow
def test_no_open_question_holds_a_run_beyond_its_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evolve.loop.budget.GRACE_S", 0.5)
    models = {"served", "manual", "command:sleep 100"}
    asked = [word for model in models for word in ("--model", model)]
    began = time.monotonic()
    with ModelServer([FAULTS["hang"]]) as dead:  # type: ignore[list-item]
        limits = ("--base-url", dead.base_url, "--minutes", 0.1, "--workers", 1)
        done = evolve("run", TRIVIAL, *asked, *limits, "--run", tmp_path / "run", "--json")
    assert done.code == 0, done.err
    assert time.monotonic() - began < 20.0
    assert done.json["reason"] == "the 0.1 minutes are used up"
    with Store.open(tmp_path / "run") as store:
        calls = store.model_calls()
    assert {call.model for call in calls} == models
    assert all(call.status is CallStatus.FAILED and "minutes" in call.error for call in calls)
    assert evolve("replay", tmp_path / "run").code == 0


def test_a_model_that_refuses_our_key_leaves_the_run_to_the_others(tmp_path: Path) -> None:
    refusing = [Reply("no code"), Http(401)]
    with ModelServer(refusing) as strict, ModelServer(trivial) as good:
        file = tmp_path / "models.toml"
        file.write_text(
            f'mutation.models = "weights"\nmodel.concurrency = 2\n'
            f'[[models]]\nname = "strict"\nbase_url = "{strict.base_url}"\nweight = 3.0\n'
            f'[[models]]\nname = "good"\nbase_url = "{good.base_url}"\n'
        )
        done = evolve("run", TRIVIAL, "--config", file, "--run", tmp_path / "run", "--evaluations", 12, "--workers", 1)
        asked = len(good.requests)
    assert done.code == 0, done.err
    (line,) = [line for line in done.out.splitlines() if "401" in line]
    assert line.startswith("model strict: ") and line.endswith("The run goes on with good.")
    with Store.open(tmp_path / "run") as store:
        calls = store.model_calls()
    answered = [c for c in calls if c.model == "good" and c.status is CallStatus.ANSWERED]
    assert len(answered) == asked >= 12
    assert sum(c.model == "strict" for c in calls) <= 5, "those that were in flight"
    assert evolve("replay", tmp_path / "run").code == 0
