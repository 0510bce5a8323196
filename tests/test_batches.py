"""Several answers to one prompt: every one a step of its own, paid once, whatever the server makes of `n`."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest
from loop_parts import Killed, QuickPool, StepModel, archive_digest, configured, kill_after, let_live, trivial_problem
from model_server import Answer, Http, ModelServer, Reply, Wire
from test_loop_process import finish, start

from evolve import loop
from evolve.archive import CallStatus, Fate, Store, read_tape, tape_of, to_lines
from evolve.config import ModelConfig, RunConfig, resolve
from evolve.loop.replaying import tape_clients
from evolve.mutate.models import answer as answers
from evolve.mutate.models.client import ModelClient
from evolve.mutate.models.completion import Usage
from evolve.mutate.models.stream import AnswerReader
from evolve.mutate.mutation import Kind
from evolve.mutate.prompts.prompt import Prompt
from evolve.observer import RunResult

PROBLEM = trivial_problem()
ASKED = Prompt("system", "prompt", Kind.EDIT)


def program(x: float) -> str:
    return f"```python\nX = {x}\n\n\ndef answer():\n    return X\n```"


def wave(request: dict[str, object], number: int, most: int = 100) -> Reply:
    """As many answers as were asked for, all unlike, at 100 tokens for the prompt and 20 for each answer."""
    count = min(most, int(str(request.get("n", 1))))
    first, *others = [program(number + place / 100) for place in range(count)]
    return Reply(first, tokens=(100, 20 * count), further=tuple(others))


class WaveModel(StepModel):
    """Gives all answers to one prompt together."""

    most_answers = 100

    def __init__(self, speed_seed: int = 0) -> None:
        super().__init__(speed_seed)
        self.waves: list[Sequence[int]] = []

    async def complete_several(self, prompt: Prompt, call_ids: Sequence[int]) -> list[answers.Answer]:
        self.waves.append(call_ids)
        return [await self.complete(prompt, id) for id in call_ids]


def run(
    folder: Path, config: RunConfig, speed: int = 0, resume: bool = False, model: StepModel | None = None
) -> RunResult:
    pool, model = QuickPool(speed), model or WaveModel(speed)
    return asyncio.run(loop.run(folder, config, PROBLEM, resume=resume, pool=pool, clients={"m": model}))


def served(folder: Path, server: ModelServer, **flags: object) -> RunResult:
    config = configured(12, **{"model__base_url": server.base_url, "model__answers": 4, **flags})
    return asyncio.run(loop.run(folder, config, PROBLEM, pool=QuickPool()))


def several(server: ModelServer, count: int, **settings: object) -> tuple[ModelClient, list[answers.Answer]]:
    async def ask() -> tuple[ModelClient, list[answers.Answer]]:
        model = ModelConfig(name="m", base_url=server.base_url, answers=count, **settings)
        async with ModelClient(model, backoff_s=0.001) as client:
            return client, await client.complete_several(ASKED, range(count))

    return asyncio.run(ask())


# -- one request -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
def test_one_request_brings_n_answers_and_its_tokens_are_counted_once(stream: bool) -> None:
    with ModelServer(wave) as server:
        _, found = several(server, 3, stream=stream, usd_per_mtok_in=1e6, usd_per_mtok_out=1e6)
    assert [one.text for one in found] == [program(0.0), program(0.01), program(0.02)]
    assert len(server.requests) == 1 and server.requests[0].json["n"] == 3
    assert sum(one.tokens_in for one in found) == 100
    assert sum(one.tokens_out for one in found) == 60
    assert sum(one.attempts for one in found) == 1
    assert sum(one.cost_usd or 0.0 for one in found) == pytest.approx(160.0)


@pytest.mark.parametrize(
    "refusal",
    [
        Http(400, message="Unsupported parameter: 'n'", parameter="n"),
        Http(422, message="body.n: Extra inputs are not permitted"),
        Http(400, message="Only one completion choice is allowed"),
    ],
)
def test_a_server_that_refuses_n_is_not_asked_for_it_again(refusal: Http) -> None:
    def script(request: dict[str, object], number: int) -> Answer:
        return refusal if "n" in request else wave(request, number)

    with ModelServer(script) as server:
        client, found = several(server, 3)
    assert [one.text for one in found] == [program(1.0)]
    assert (client.most_answers, len(server.requests)) == (1, 2)


def test_another_refusal_of_a_request_with_n_does_not_cost_it_the_n() -> None:
    def script(request: dict[str, object], number: int) -> Answer:
        if "temperature" in request:
            return Http(400, message="Unsupported value: temperature", parameter="temperature")
        return wave(request, number)

    with ModelServer(script) as server:
        client, found = several(server, 3, temperature=0.5)
    assert (len(found), client.most_answers) == (3, 3)


def test_a_request_that_fails_fails_for_all_and_is_counted_once() -> None:
    with ModelServer([Wire("half")]) as server:
        _, found = several(server, 3, attempts=2, idle_timeout_s=0.05)
    assert {one.status for one in found} == {answers.AnswerStatus.ERROR}
    assert [one.attempts for one in found] == [2, 0, 0]
    assert found[0].tokens_in > 0 and [one.tokens_in for one in found[1:]] == [0, 0]


def test_an_answer_that_is_whole_when_the_stream_breaks_is_not_lost_with_the_others() -> None:
    def chunk(index: int, text: str, end: str) -> str:
        ended = f'"{end}"' if end else "null"
        return f'data: {{"choices":[{{"index":{index},"delta":{{"content":"{text}"}},"finish_reason":{ended}}}]}}\n\n'

    events = [chunk(1, "whole", "stop"), chunk(0, "broken", "")]
    reader = AnswerReader("chat", 2)
    for event in events:
        reader.feed(event.encode())
    assert reader.usable and not reader.complete
    found = reader.end()
    assert (found.text, found.further, found.lost_chars) == ("whole", (), len("broken"))


def test_a_shared_bill_is_split_to_the_token() -> None:
    whole = Usage(1000, 301, cached=777, written=100, reasoning=200)
    parts = whole.shared([10, 1, 700])
    for name in ("given", "made", "cached", "written", "reasoning"):
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)
    assert all(part.reasoning <= part.made and part.cached <= part.given for part in parts)
    assert parts[2].made > parts[0].made > parts[1].made


# -- a run -------------------------------------------------------------------------------------------------------


def calls_of(folder: Path) -> list[tuple[str, int, int]]:
    with Store.open(folder) as store:
        return [(call.digest, call.prompt_tokens, call.completion_tokens) for call in store.model_calls()]


def test_each_answer_is_a_step_and_a_wave_costs_its_prompt_once(tmp_path: Path) -> None:
    with ModelServer(wave) as server:
        served(tmp_path / "run", server, model__concurrency=4)
    asked = [request.json.get("n", 1) for request in server.requests]
    calls = calls_of(tmp_path / "run")
    assert len(calls) == sum(asked) and max(asked) == 4
    assert sum(given for _, given, _ in calls) == 100 * len(asked)
    assert sum(made for _, _, made in calls) == 20 * sum(asked)
    sizes = [len(list(group)) for _, group in groupby(calls, key=lambda call: call[0])]
    assert sizes[0] == 4 and max(sizes) == 4
    with Store.open(tmp_path / "run") as store:
        assert store.summary().evaluations == 12
        assert len({s.reason for s in store.selections()[:4]}) == 1
        assert store.summary().fates[Fate.SCORED] == 12


@pytest.mark.parametrize("most", [1, 2])
def test_a_server_that_gives_fewer_answers_is_asked_for_the_rest(tmp_path: Path, most: int) -> None:
    with ModelServer(lambda request, number: wave(request, number, most)) as server:
        served(tmp_path / "run", server)
    sizes = [len(list(group)) for _, group in groupby(calls_of(tmp_path / "run"), key=lambda call: call[0])]
    assert sizes[0] == 4
    later = [request.json.get("n", 1) for request in server.requests[4:]]
    assert max(later, default=1) <= max(most, 2)
    with Store.open(tmp_path / "run") as store:
        assert store.summary().evaluations == 12
        assert store.summary().calls.answered == store.summary().calls.calls


def test_who_gives_one_answer_at_a_time_is_asked_the_prompt_n_times(tmp_path: Path) -> None:
    model = StepModel()
    run(tmp_path / "run", configured(12, model__answers=3), model=model)
    with Store.open(tmp_path / "run") as store:
        digests = Counter(call.digest for call in store.model_calls())
    assert Counter(digests.values())[3] >= 3
    assert len(model.asked) == digests.total()


def test_deterministic_waves_are_the_same_at_any_speed_and_when_the_run_is_extended(tmp_path: Path) -> None:
    config = configured(17, deterministic=True, model__answers=3, search__lag=4)
    for name, speed in (("a", 1), ("b", 2)):
        run(tmp_path / name, config, speed)
    assert archive_digest(tmp_path / "a") == archive_digest(tmp_path / "b")
    run(tmp_path / "c", configured(7, deterministic=True, model__answers=3, search__lag=4), 3)
    run(tmp_path / "c", config, 4, resume=True)
    assert archive_digest(tmp_path / "c") == archive_digest(tmp_path / "a")


@pytest.mark.parametrize("as_lines", [True, False])
def test_a_run_with_waves_is_replayed(tmp_path: Path, as_lines: bool) -> None:
    config = configured(20, model__answers=3)
    run(tmp_path / "run", config, 5)
    with Store.open(tmp_path / "run") as store:
        tape = tape_of(store)
    assert len(tape.repeats) >= 10
    if as_lines:
        (tmp_path / "tape").write_text(to_lines(tape))
        tape = read_tape(tmp_path / "tape")
    again = tmp_path / "again"
    asyncio.run(loop.run(again, config, PROBLEM, pool=QuickPool(9), clients=tape_clients(tape), tape=tape))
    assert archive_digest(again) == archive_digest(tmp_path / "run")


@pytest.mark.parametrize(
    "deterministic, stride",
    [(True, 7), pytest.param(True, 1, marks=pytest.mark.slow), pytest.param(False, 1, marks=pytest.mark.slow)],
)
def test_killed_after_any_commit_no_answer_of_a_wave_is_paid_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deterministic: bool, stride: int
) -> None:
    monkeypatch.setattr("evolve.loop.steps.TICK_S", 1e6)
    config = configured(8, deterministic=deterministic, model__answers=3, search__lag=3)
    run(tmp_path / "whole", config)
    for survived in range(1, 60, stride):
        folder, before, after = tmp_path / str(survived), WaveModel(), WaveModel(survived)
        kill_after(survived, monkeypatch)
        try:
            run(folder, config, model=before)
        except Killed:
            pass
        else:
            break
        let_live(monkeypatch)
        with Store.open(folder) as store:
            answered = {call.step for call in store.model_calls() if call.status is CallStatus.ANSWERED}
        assert run(folder, config, survived, resume=True, model=after).progress.evaluations == 8
        asked = {step for steps in after.waves for step in steps}
        assert not asked & answered, f"killed after commit {survived}"
        if deterministic:
            assert archive_digest(folder) == archive_digest(tmp_path / "whole"), f"killed after commit {survived}"
    else:
        assert stride == 7 or survived >= 30


@pytest.mark.parametrize("begun", [5, 6, 7])
def test_a_step_that_goes_on_with_a_wave_after_a_resume_is_not_lost_when_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: int
) -> None:
    for survived in range(2, 8):
        folder = tmp_path / str(survived)
        run(folder, configured(begun, model__answers=3))
        kill_after(survived, monkeypatch)
        with pytest.raises(Killed):
            run(folder, configured(16, model__answers=3), resume=True)
        let_live(monkeypatch)
        with Store.open(folder) as store:
            sent = {call.step for call in store.model_calls() if call.status is CallStatus.SENT}
            assert sent <= {selection.step for selection in store.selections(unfinished=True)}
        assert run(folder, configured(16, model__answers=3), resume=True).progress.evaluations == 16
        with Store.open(folder) as store:
            assert CallStatus.SENT not in {call.status for call in store.model_calls()}
            assert store.summary().calls.cut_off == len(sent)


@pytest.mark.slow
def test_killed_between_the_request_and_its_answers_the_wave_is_asked_for_again_as_one(tmp_path: Path) -> None:
    def script(request: dict[str, object], number: int) -> Answer:
        return Wire("hang") if number == 1 else wave(request, number)

    with ModelServer(script) as server:
        arguments = ["budget.evaluations=8", "model.names=['m']", f"model.base_url={server.base_url}"]
        arguments += ["model.answers=4", "model.concurrency=4", "workers=1"]
        process = start(tmp_path / "run", *arguments)
        while len(server.requests) < 2:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        with Store.open(tmp_path / "run") as store:
            before = {call.step: call for call in store.model_calls()}
        sent = {step for step, call in before.items() if call.status is CallStatus.SENT}
        assert min(sent) == 5 and len(sent) >= 2
        finish(start(tmp_path / "run", "--resume", *arguments))
    again = server.requests[2].json
    assert again["messages"] == server.requests[1].json["messages"]
    assert again["n"] == len(sent) == server.requests[1].json["n"]
    with Store.open(tmp_path / "run") as store:
        after = {call.step: call for call in store.model_calls()}
        assert store.summary().evaluations == 8
    assert all(after[step] == call for step, call in before.items() if step not in sent)


def test_beginnings_and_insights_get_one_answer(tmp_path: Path) -> None:
    config = resolve(
        None, [], {"budget.evaluations": 30, "model.names": ("m",), "model.answers": 3, "search.starts": 3}
    )
    run(tmp_path / "run", config)
    with Store.open(tmp_path / "run") as store:
        selections = store.selections()
    assert len({selection.reason for selection in selections[:3]}) == 3
    kinds = [selection.kind for selection in selections if selection.repeats(selections[selection.step - 2])]
    assert kinds and Kind.INSIGHT not in kinds
