"""The first hour with a local server: whatever LM Studio, Ollama, vLLM and llama.cpp are known to do, a person is told.

Each server below does what reports of its users say. A run either goes on, learns and tells, or ends with one line that
holds the server's own words.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loop_parts import QuickPool, configured, trivial_problem
from model_server import Answer, Http, Json, ModelServer, Raw, Reply, Script, Wire, trivial

from evolve import loop
from evolve.archive import CallStatus, ModelCall, Store
from evolve.errors import UsageError
from evolve.observer import Observer


class Told(Observer):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, text: str) -> None:
        self.lines.append(text)


@dataclass(frozen=True)
class Hour:
    """What came of a run. error: the line that ended it, empty when it went well."""

    error: str
    lines: Sequence[str]
    server: ModelServer
    folder: Path

    @property
    def calls(self) -> list[ModelCall]:
        with Store.open(self.folder) as store:
            return store.model_calls()

    @property
    def told(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)

    def spend(
        script: Script | Sequence[Answer], path: str = "/v1", models: Sequence[tuple[str, str]] = (), **flags: Any
    ) -> Hour:
        told, error = Told(), ""
        with ModelServer(script, models=models) as server:
            settings = {"model__base_url": server.base_url.removesuffix("/v1") + path, "model__attempts": 1}
            config = configured(4, **(settings | {"model__concurrency": 2} | flags))
            try:
                asyncio.run(loop.run(tmp_path / "run", config, trivial_problem(), (told,), pool=QuickPool()))
            except UsageError as ended:
                error = str(ended)
        return Hour(error, told.lines, server, tmp_path / "run")

    return spend


def then_works(*answers: Answer) -> Script:
    """A server that does something odd at first."""
    return lambda asked, number: answers[number] if number < len(answers) else trivial(asked, number)


def without(part: str, refusal: Answer) -> Script:
    """A server that refuses requests with a part that it does not know."""
    return lambda asked, number: refusal if part in json.dumps(asked) else trivial(asked, number)


# LM Studio


def test_lm_studio_without_v1_in_the_url_is_told_at_once_and_leaves_no_run(hour: Any) -> None:
    odd = Raw(json.dumps({"error": "Unexpected endpoint or method. (POST /chat/completions)"}))
    found = hour([odd], path="", models=[("m", "organization_owner")])
    assert f"but at {found.server.base_url}: give that as --base-url" in found.error
    assert found.server.count == 0
    assert not found.folder.exists()


def test_lm_studio_without_a_loaded_model_ends_the_run_in_its_own_words(hour: Any) -> None:
    words = "No models loaded. Please load a model in the developer page or use the `lms load` command."
    found = hour([Http(404, message=words, parameter="model", code="model_not_found")])
    assert words in found.error and "Check --model" in found.error


def test_lm_studios_template_without_a_system_role_gets_the_role_in_the_users_message(hour: Any) -> None:
    body = {"error": 'Error rendering prompt with jinja template: "System role not supported". This is usually ...'}
    found = hour(without('"role": "system"', Raw(json.dumps(body), 400)))
    assert found.error == ""
    (message,) = found.server.requests[-1].json["messages"]
    assert message["role"] == "user" and "X = " in message["content"]
    assert {call.status for call in found.calls} == {CallStatus.ANSWERED}, "what was learnt cost no call"


def test_lm_studios_crashed_model_within_a_stream_ends_the_run_in_its_own_words(hour: Any) -> None:
    event = {"error": {"message": "The model has crashed without additional information. (Exit code: 18446744)"}}
    found = hour([Raw(f"event: error\ndata: {json.dumps(event)}\n\n")])
    assert "The model has crashed" in found.error
    assert "The model has crashed" in found.lines[0], "told after the first failed call, not only at the end"
    assert found.server.count <= 10


def test_lm_studios_short_context_is_told_with_the_cure(hour: Any) -> None:
    words = "Trying to keep the first 6000 tokens when context the overflows. However, the model is loaded with 4096."
    found = hour([Raw(json.dumps({"error": words}), 400)])
    assert words[:60] in found.error and "prompt.budget_tokens" in found.error
    assert found.server.count <= 4


# Ollama


def test_ollamas_model_that_is_not_pulled_is_told_at_once(hour: Any) -> None:
    found = hour(trivial, models=[("qwen3:8b", "library"), ("gemma3:4b", "library")])
    assert "has no such model. It has: qwen3:8b, gemma3:4b. Check --model" in found.error
    assert found.server.count == 0 and not found.folder.exists()


def test_ollamas_short_context_that_cuts_the_prompt_is_told(hour: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evolve.mutate.models.watch.LONG_PROMPT_CHARS", 500)  # those of the small problem are short

    def cut(asked: Json, number: int) -> Answer:
        return Reply(str(trivial(asked, number)), tokens=(64, 20))

    found = hour(cut)
    assert found.error == ""
    assert "has cut the prompt: it counts 64 tokens" in found.told and "OLLAMA_CONTEXT_LENGTH" in found.told


def test_ollamas_model_that_thinks_up_to_the_limit_is_told_with_the_cure(hour: Any) -> None:
    reply = Reply("", thoughts="Let me think. " * 40, finish_reason="length", tokens=(900, 500))
    found = hour([reply], model__max_tokens=500)
    assert "cut at max_tokens = 500, thinking used it up: raise it" in found.lines[0]
    assert "has given 8 answers in a row without a program" in found.error
    assert sum(call.completion_tokens for call in found.calls) == 500 * found.server.count, "all that is paid is kept"


def test_ollamas_plain_404_on_a_wrong_path_ends_the_run_in_its_own_words(hour: Any) -> None:
    found = hour([Raw("404 page not found", 404)], path="/api")
    assert "404 page not found" in found.error or "give that as --base-url" in found.error


# vLLM


def test_vllms_wrong_model_is_told_at_once(hour: Any) -> None:
    found = hour(trivial, models=[("Qwen/Qwen3-8B", "vllm")])
    assert "has no such model. It has: Qwen/Qwen3-8B. Check --model" in found.error
    assert found.server.count == 0


def test_vllms_refusal_of_a_field_by_pydantic_is_learnt_from(hour: Any) -> None:
    detail = [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]
    found = hour(without("stream_options", Raw(json.dumps({"detail": detail}), 422)))
    assert found.error == ""
    assert {call.status for call in found.calls} == {CallStatus.ANSWERED}


def test_vllms_short_context_ends_the_run_in_its_own_words(hour: Any) -> None:
    words = "This model's maximum context length is 4096 tokens. However, you requested 20000 tokens in the messages."
    body = {"object": "error", "message": words, "type": "BadRequestError", "param": None, "code": 400}
    found = hour([Raw(json.dumps(body), 400)])
    assert words in found.error and "prompt.budget_tokens" in found.error


def test_vllms_reasoning_parser_that_takes_the_answer_for_thoughts_is_told(hour: Any) -> None:
    found = hour([Reply(None, thoughts="```python\nX = 3\n```")])
    assert "all of it came as thoughts (reasoning_content)" in found.lines[0] and "reasoning parser" in found.error


def test_vllms_tool_parser_that_takes_the_answer_for_a_call_is_told(hour: Any) -> None:
    message = {"content": None, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}
    found = hour([Raw(json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}]}))])
    assert "asked for a tool" in found.lines[0]


# llama.cpp


def test_llama_cpps_loading_is_told_and_waited_out(hour: Any) -> None:
    loading = Raw(json.dumps({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}), 503)
    found = hour(then_works(loading, loading))
    assert found.error == ""
    assert "503: Loading model" in found.told


def test_llama_cpps_template_that_fails_with_a_500_is_learnt_from(hour: Any) -> None:
    words = "Only user and assistant roles are supported! at row 1, column 20"
    body = {"error": {"code": 500, "message": words, "type": "server_error"}}
    found = hour(without('"role": "system"', Raw(json.dumps(body), 500)))
    assert found.error == ""
    assert {call.status for call in found.calls} == {CallStatus.ANSWERED}


def test_llama_cpps_short_context_ends_the_run_in_its_own_words(hour: Any) -> None:
    words = "the request exceeds the available context size. try increasing the context size or enable context shift"
    body = {"error": {"code": 400, "message": words, "type": "exceed_context_size_error"}}
    found = hour([Raw(json.dumps(body), 400)])
    assert words in found.error and "prompt.budget_tokens" in found.error


def test_llama_cpps_key_is_asked_for(hour: Any) -> None:
    body = {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}}
    found = hour([Raw(json.dumps(body), 401)])
    assert "asks for a key (401: Invalid API Key)" in found.error and "--api-key-env" in found.error


def test_llama_cpps_answers_that_are_cut_are_told_and_none_is_taken_for_a_program(hour: Any) -> None:
    program = "```python\nX = 41.5\n\n\ndef answer():\n    return X\n"
    found = hour([Reply(program, finish_reason="length")], budget__calls=6, model__max_tokens=64)
    assert "cut at max_tokens = 64: raise it" in found.lines[0]
    assert {call.error for call in found.calls} == {"cut at max_tokens = 64: raise it (--set model.max_tokens=N)"}
    with Store.open(found.folder) as store:
        assert store.summary().evaluations == 0


# Any server


def test_a_proxys_page_ends_the_run_in_its_own_words(hour: Any) -> None:
    page = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>"
    found = hour([Raw(page, 502)])
    assert "502: 502 Bad Gateway nginx" in found.lines[0] and "502 Bad Gateway" in found.error
    assert found.server.count <= 10


def test_a_run_that_has_lost_one_of_its_models_goes_on_with_the_others(hour: Any) -> None:
    def script(asked: Json, number: int) -> Answer:
        return Http(404, message="no model b") if asked["model"] == "b" else trivial(asked, number)

    found = hour(script, model__names=("a", "b"))
    assert found.error == ""
    (line,) = [line for line in found.lines if "no model b" in line]
    assert line.endswith("The run goes on with a.")
    asked = [request.json["model"] for request in found.server.requests]
    assert 1 <= asked.count("b") <= 2, "no more than were in flight"


def test_a_run_whose_last_model_is_lost_ends_and_can_be_resumed(hour: Any, tmp_path: Path) -> None:
    def script(asked: Json, number: int) -> Answer:
        return Http(401, message=f"no credit for {asked['model']}")

    found = hour(script, model__names=("a", "b"))
    assert "asks for a key (401: no credit for" in found.error
    told = Told()
    with ModelServer(trivial) as server:
        config = configured(4, model__names=("a", "b"), model__base_url=server.base_url)
        result = asyncio.run(
            loop.run(tmp_path / "run", config, trivial_problem(), (told,), pool=QuickPool(), resume=True)
        )
    assert result.progress.evaluations == 4


def test_a_program_that_always_fails_ends_the_run_in_its_own_words(hour: Any) -> None:
    found = hour(trivial, model__names=("""command:sh -c 'echo "no credit left" >&2; exit 1'""",), model__concurrency=1)
    assert "sh: exit status 1: no credit left" in found.lines[0]
    assert "8 calls in a row in the same words (sh: exit status 1: no credit left)" in found.error
    assert len(found.calls) == 9, "and the next one is not made"


def test_a_long_silence_is_told_while_it_lasts(hour: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evolve.mutate.models.client.LASTING_S", 0.05)
    found = hour(lambda asked, number: Wire("hang") if number < 2 else trivial(asked, number), model__timeout_s=1.0)
    assert found.error == ""
    assert "it took the request and says nothing" in found.lines[0], "and not only when its time is up"
    assert "no answer within 1 s" in found.lines[1]


def test_where_the_order_of_steps_decides_a_lost_model_is_left_out_in_that_order(hour: Any) -> None:
    def script(asked: Json, number: int) -> Answer:
        return Http(404, message="no model b") if asked["model"] == "b" else trivial(asked, number)

    found = hour(script, model__names=("a", "b"), deterministic=True, search__lag=4)
    assert found.error == "" and "The run goes on with a." in found.told
    assert 1 <= sum(call.model == "b" for call in found.calls) <= 5, "the lag, and the step that found out"
