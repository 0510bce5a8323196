"""The splits: seeded, of the promised size, test shifted; traces in four formats and whole cases in ours."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from evaluators.llm_batching import LlmBatching
from evaluators.llm_batching.calls import AGENT, DEADLINE, MACHINES, SQL, Case
from evaluators.llm_batching.figures import digest, stored
from evaluators.llm_batching.public_format import MACHINE
from evaluators.llm_batching.server import GUESS_SIGMA, GUESSES
from evaluators.llm_batching.workload import RECIPES, own_case, saturated_per_s
from evolve.evaluator import Split, UsageError

EVALUATOR = LlmBatching()
OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def cases(split: Split) -> list[Case]:
    return [case for case in EVALUATOR.instances(split) if isinstance(case, Case)]


def test_a_case_has_the_same_calls_whenever_it_is_drawn_and_figures_are_those_of_its_calls() -> None:
    for split, index in ((Split.TRAIN, 5), (Split.TEST, 2)):
        again = own_case(split, index, stored().attempts[split][index])
        assert digest(again) == digest(cases(split)[index]) == stored().digests[f"{split}/{index}"]


def test_the_machines_are_shifted_from_train_to_test_and_families_are_in_all() -> None:
    known = {split: {case.machine for case in cases(split)} for split in OWN}
    assert known[Split.TRAIN] == {MACHINES["8b-a100"]}
    assert known[Split.TEST] == {MACHINES["34b-a100"], MACHINES["8b-a40"]}
    for split in OWN:
        assert len(cases(split)) == len(RECIPES[split])
        assert {case.strict for case in cases(split)} == {True, False}
        assert any(set(case.calls.cls.tolist()) >= {AGENT, SQL} for case in cases(split))
        assert {case.max_answer_tokens > 512 for case in cases(split)} == {True, False}


def test_calls_keep_to_the_rules_of_their_form() -> None:
    calls = cases(Split.TRAIN)[5].calls
    begun: list[int] = []
    for call, (after, program) in enumerate(zip(calls.after, calls.program.tolist(), strict=True)):
        assert all(before < call and calls.program[before] == program for before in after)
        if program >= 0 and not after:
            begun.append(program)
        known = int(calls.extends[call])
        if known >= 0:
            assert calls.input_tokens[call] > calls.input_tokens[known] + calls.output_tokens[known]
    assert begun == sorted(begun) == list(range(len(begun))), "numbers tell when a program began, and nothing else"
    assert (calls.input_tokens + calls.output_tokens <= MACHINES["8b-a100"].kv_capacity_tokens // 2).all()


def test_the_predictor_is_off_as_promised_and_no_deadline_tells_more_than_it_does() -> None:
    calls = cases(Split.TRAIN)[0].calls
    off = np.log(calls.guess / calls.output_tokens[:, None])[calls.output_tokens >= 50]
    assert off[:, 0].std() == pytest.approx(GUESS_SIGMA, rel=0.15)
    assert off[:, -1].std() == pytest.approx(GUESS_SIGMA * 0.85 ** (GUESSES - 1), rel=0.2)
    late = calls.cls == DEADLINE
    promised = calls.arrival_us[late] / 1e6 + 20 + 0.1 * calls.guess[late, 0]
    assert calls.due_s[late] == pytest.approx(promised, abs=1e-3)
    unguessed = cases(Split.TRAIN)[5].calls
    assert np.isnan(unguessed.guess[unguessed.cls == DEADLINE]).all() and not np.isnan(calls.guess).any()


FORMATS = {
    "azure.csv": "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    "2023-11-16 18:15:46.0,374,44\n2023-11-16 18:15:47.5,396,109\n2023-11-16 18:15:50.0,879,55\n",
    "burst.csv": "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "5,ChatGPT,374,44,418,Conversation log\n5.5,ChatGPT,9,0,9,Conversation log\n6.5,GPT-4,396,109,505,API log\n"
    "9,ChatGPT,879,55,934,Conversation log\n",
    "mooncake.jsonl": "\n".join(
        json.dumps({"timestamp": ms, "input_length": prompt, "output_length": answer, "hash_ids": ids})
        for ms, prompt, answer, ids in ((0, 374, 44, [1]), (1500, 396, 109, [2]), (4000, 879, 55, [1, 3]))
    ),
    "bailian.jsonl": "\n".join(
        json.dumps(
            {"chat_id": 1, "parent_chat_id": -1, "timestamp": s, "input_length": prompt, "output_length": answer}
            | {"type": "text", "turn": 1, "hash_ids": [1, 2]}
        )
        for s, prompt, answer in ((61.114, 374, 44), (62.614, 396, 109), (65.114, 879, 55))
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_trace_of_each_public_format_is_read_with_its_clock_scaled_to_the_load(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FORMATS[name])
    (case,) = EVALUATOR.load(tmp_path / name)
    assert isinstance(case, Case)
    calls = case.calls
    assert calls.input_tokens.tolist() == [374, 396, 879] and calls.output_tokens.tolist() == [44, 109, 55]
    assert case.max_answer_tokens == 109
    assert calls.arrival_us[1] / calls.arrival_us[2] == pytest.approx(1.5 / 4, rel=1e-4)
    per_s = saturated_per_s(
        MACHINE.model_of_cost, MACHINE.kv_capacity_tokens, (374 + 396 + 879) / 3, (44 + 109 + 55) / 3
    )
    assert calls.arrival_us[2] == pytest.approx(3 / per_s * 1e6, rel=1e-4)


HEAD = {"engine": MACHINE.cost, "model": MACHINE.model, "kv_capacity_tokens": 5000, "max_answer_tokens": 9}
HEAD |= {"strict": False}
CALL = {"arrival_us": 0, "input_tokens": 10, "output_tokens": 5, "class": "chat", "program": -1, "turn": 0}
CALL |= {"after": [], "tool_us": 0, "extends": -1, "due_s": None, "guesses": None}
WRONG = {
    "no engine": (HEAD | {"engine": "x"}, [CALL], "line 1: no engine 'x'"),
    "strict": (HEAD | {"strict": 1}, [CALL], "key 'strict' is 1; expected true or false"),
    "no calls": (HEAD, [], "holds no calls"),
    "class": (HEAD, [CALL | {"class": "vip"}], "line 2: key 'class' is 'vip'"),
    "tokens": (
        HEAD,
        [CALL | {"input_tokens": 0}],
        "line 2: key 'input_tokens' is 0; expected a whole number, 1 or more",
    ),
    "room": (HEAD, [CALL | {"input_tokens": 4999}], "4999 \\+ 5 tokens; the KV room is 5000"),
    "after": (HEAD, [CALL | {"after": [0]}], "key 'after' is \\[0\\]"),
    "deadline": (HEAD, [CALL | {"class": "deadline"}], "key 'due_s' is None"),
    "nan": (HEAD, [CALL | {"class": "deadline", "due_s": math.nan}], "key 'due_s' is nan"),
    "guesses": (HEAD, [CALL | {"guesses": [1]}], "key 'guesses' is \\[1\\]; expected 16"),
    "program": (HEAD, [CALL | {"program": 1}], "programs are numbered in the order in which they begin"),
    "two roots": (HEAD, [CALL | {"program": 0}, CALL | {"program": 0}], "a second call of program 0"),
    "extends": (
        HEAD,
        [CALL | {"program": 0}, CALL | {"program": 0, "after": [0], "extends": 0}],
        "10 prompt tokens extend",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_is_one_line_that_names_file_line_and_key(what: str, tmp_path: Path) -> None:
    head, rows, says = WRONG[what]
    file = tmp_path / "case.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in (head, *rows)))
    with pytest.raises(UsageError, match=says) as caught:
        EVALUATOR.load(file)
    assert "case.jsonl" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", "x", '{"engine": []}'])
def test_junk_is_no_traceback(text: str, tmp_path: Path) -> None:
    file = tmp_path / "junk.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"junk\.jsonl"):
        EVALUATOR.load(file)


def test_what_is_written_is_read_back_whole(tmp_path: Path) -> None:
    own = [cases(Split.TRAIN)[5], cases(Split.TEST)[4], cases(Split.PUBLIC)[2]]
    assert [digest(case) for case in EVALUATOR.load(write(own, tmp_path))] == [digest(case) for case in own]  # type: ignore[arg-type]


def write(own: list[Case], folder: Path) -> Path:
    assert len(EVALUATOR.write(own, folder)) == len(own)
    return folder
