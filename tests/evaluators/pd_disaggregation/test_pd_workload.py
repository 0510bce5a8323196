"""The splits: seeded, of the promised kinds, test shifted; traces in four formats and whole cases in ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluators.pd_disaggregation import PdDisaggregation
from evaluators.pd_disaggregation.evaluator import PdDisaggregationOptions
from evaluators.pd_disaggregation.figures import digest, stored
from evaluators.pd_disaggregation.fleet import A100, CHAT, CODE, H100, LONG, Case
from evaluators.pd_disaggregation.work import needs, phase_work
from evaluators.pd_disaggregation.workload import RECIPES, Phase, drawn_arrivals, mean_needs, own_case, rates
from evaluators.serving import MEASURED
from evaluators.serving.traces import azure_trace
from evolve.evaluator import Split, UsageError

EVALUATOR = PdDisaggregation()
OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def cases(split: Split) -> list[Case]:
    return [case for case in EVALUATOR.instances(split) if isinstance(case, Case)]


def test_a_case_has_the_same_requests_whenever_it_is_drawn_and_figures_are_those_of_its_requests() -> None:
    for split, index in ((Split.TRAIN, 5), (Split.TEST, 2)):
        again = own_case(split, index, stored().attempts[split][index])
        assert digest(again) == digest(cases(split)[index]) == stored().digests[f"{split}/{index}"]


def test_the_fleets_are_shifted_from_train_to_test_and_a_third_of_the_cases_is_steady() -> None:
    for split in OWN:
        assert len(cases(split)) == len(RECIPES[split])
        kinds = [recipe.kind for recipe in RECIPES[split]]
        assert set(kinds) == {"phases", "tides", "burst", "steady", "same_prefill"}
        assert sum(kind in ("steady", "same_prefill") for kind in kinds) == len(kinds) // 3
    fleets = {split: [case.fleet for case in cases(split)] for split in OWN}
    assert all(set(fleet.machines) == {A100} and not fleet.failures for fleet in fleets[Split.TRAIN])
    assert max(fleet.switch_s for fleet in fleets[Split.TRAIN]) < max(fleet.switch_s for fleet in fleets[Split.TEST])
    mixed = [fleet for fleet in fleets[Split.TEST] if H100 in fleet.machines]
    assert len(mixed) >= 8 and all(fleet.machines.count(H100) == -(-fleet.instances // 3) for fleet in mixed)
    assert any(fleet.failures for fleet in mixed)
    assert all(8 <= fleet.instances <= 24 for split in OWN for fleet in fleets[split])


def test_sizes_are_such_that_a_case_takes_less_than_a_second() -> None:
    for split in OWN:
        for case in cases(split):
            assert 1500 <= len(case.arrivals) <= 5500, case.id


def test_phases_have_the_load_and_the_share_of_prefill_that_is_asked_for() -> None:
    for load, share, times in ((0.8, 0.5, 1), (1.0, 0.7, 1), (0.9, 0.6, 2)):
        chat, code = rates(8, load, share, times)
        prefill, decode = (
            chat * mean_needs(CHAT, times)[part] + code * mean_needs(CODE, times)[part] for part in (0, 1)
        )
        assert (prefill + decode) / 8 == pytest.approx(load)
        assert prefill / (prefill + decode) == pytest.approx(share)
    arrivals = drawn_arrivals("load", (Phase(0, *rates(8, 0.8, 0.6, 1)),), 1500, 1, 1.0)
    prefill, decode = needs(MEASURED[A100], arrivals)
    per_s = len(arrivals) / 1500
    assert per_s * (prefill + decode) / 8 == pytest.approx(0.8, rel=0.04)
    assert prefill / (prefill + decode) == pytest.approx(0.6, rel=0.03)


def test_what_requests_need_by_hand() -> None:
    """Chat on an A100 machine: 0.19 s of prefill, 0.23 s of decode; code 0.34 and 0.04."""
    trace = azure_trace("conv")
    n = trace.input_tokens
    by_hand = (21.5 * np.minimum(1, n / 2048) + 0.151 * n + 2.1e-6 * n**2).mean() / 1000
    assert mean_needs(CHAT, 1)[0] == pytest.approx(by_hand, rel=1e-4)
    held, answer = 1155 + 211 / 2, 210
    batch = (95 - 44.3) / (0.196 + 3.2e-4 * held)
    assert mean_needs(CHAT, 1)[1] == pytest.approx(answer * 0.095 / batch, rel=0.06)
    assert mean_needs(CODE, 1) == pytest.approx((0.34, 0.044), abs=0.005)


def test_requests_come_at_each_phase_s_rate_and_answers_have_a_stream_of_their_own() -> None:
    phases = (Phase(0, 10.0, 0.0), Phase(100, 2.0, 20.0), Phase(200, 5.0, 5.0, 1.0))
    arrivals = drawn_arrivals("rates", phases, 300, 1, 1.0)
    assert (np.diff(arrivals.arrival_us) >= 0).all()
    for at_s, rate in ((0, (10, 0, 0)), (100, (2, 20, 0)), (200, (5, 5, 1))):
        part = (arrivals.arrival_us >= at_s * 1e6) & (arrivals.arrival_us < (at_s + 100) * 1e6)
        for scenario in (CHAT, CODE, LONG):
            found = int((arrivals.scenario[part] == scenario).sum())
            assert abs(found - 100 * rate[scenario]) <= 4 * np.sqrt(100 * rate[scenario]) + 1
    assert arrivals.input_tokens[arrivals.scenario == LONG].min() >= 24_000
    logs = np.log(arrivals.input_tokens), np.log(arrivals.output_tokens)
    chat = arrivals.scenario == CHAT
    assert abs(np.corrcoef(logs[0][chat], logs[1][chat])[0, 1]) < 0.1
    bursty = drawn_arrivals("rates", (Phase(0, 20.0, 0.0),), 300, 1, 2.0)
    gaps = np.diff(bursty.arrival_us)
    assert gaps.std() / gaps.mean() == pytest.approx(2.0, rel=0.15)


def test_all_work_is_in_some_phase() -> None:
    for case in cases(Split.VALIDATION)[:3]:
        assert sum(requests for _, requests, _ in phase_work(case)) == len(case.arrivals)


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
        json.dumps({"chat_id": 1, "timestamp": s, "input_length": prompt, "output_length": answer, "hash_ids": [1, 2]})
        for s, prompt, answer in ((61.114, 374, 44), (62.614, 396, 109), (65.114, 879, 55))
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_trace_of_each_public_format_is_read_with_its_clock_scaled_to_the_load(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FORMATS[name])
    options = PdDisaggregationOptions(instances=6, load=0.5, switch_s=2)
    (case,) = PdDisaggregation(options).load(tmp_path / name)
    assert isinstance(case, Case)
    arrivals = case.arrivals
    assert arrivals.input_tokens.tolist() == [374, 396, 879] and arrivals.output_tokens.tolist() == [44, 109, 55]
    assert arrivals.arrival_us[1] / arrivals.arrival_us[2] == pytest.approx(1.5 / 4, rel=1e-4)
    assert (case.fleet.instances, case.fleet.switch_s) == (6, 2.0)
    work_s = 3 * sum(needs(MEASURED[A100], arrivals))
    assert work_s / (arrivals.arrival_us[2] / 1e6) / 6 == pytest.approx(0.5, rel=1e-4)


HEAD: dict[str, Any] = {"machines": [A100, A100], "link_bytes_per_s": 25_000_000_000, "overlap": False, "switch_s": 5}
HEAD |= {"kv_capacity_tokens": 5000, "failures": [], "phases_s": [0]}
ROW: dict[str, Any] = {"arrival_us": 0, "input_tokens": 10, "output_tokens": 5, "scenario": "chat"}
WRONG: dict[str, tuple[dict[str, Any], list[Any], str]] = {
    "machine": (HEAD | {"machines": ["x", A100]}, [ROW], "line 1: no machine 'x'"),
    "one machine": (HEAD | {"machines": [A100]}, [ROW], "'machines' is no list of two or more"),
    "overlap": (HEAD | {"overlap": 1}, [ROW], "key 'overlap' is 1; expected true or false"),
    "switch": (HEAD | {"switch_s": float("nan")}, [ROW], "key 'switch_s' is nan"),
    "failures": (HEAD | {"failures": [[2, 5, 5]]}, [ROW], r"'failures' is \[\[2, 5, 5\]\]; expected rows of"),
    "fails twice": (HEAD | {"failures": [[1, 5, 5], [1, 50, 5]]}, [ROW], "names an instance twice"),
    "phases": (HEAD | {"phases_s": [0, 9, 5]}, [ROW], r"'phases_s' is \[0, 9, 5\]; expected rising"),
    "link": (HEAD | {"link_bytes_per_s": 0}, [ROW], "'link_bytes_per_s' is 0; expected a whole number, 1000000"),
    "no requests": (HEAD, [], "holds no requests"),
    "tokens": (HEAD, [ROW | {"input_tokens": 0}], "line 2: key 'input_tokens' is 0; expected a whole number, 1 or"),
    "room": (HEAD, [ROW | {"input_tokens": 4995}], "4995 \\+ 5 tokens; the KV room is 5000"),
    "scenario": (HEAD, [ROW | {"scenario": "vip"}], "key 'scenario' is 'vip'; expected any of chat, code, long"),
    "order": (HEAD, [ROW | {"arrival_us": 5}, ROW], "line 3: comes before the request above"),
    "no object": (HEAD, [[1]], "line 2: not an object"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_is_one_line_that_names_file_line_and_key(what: str, tmp_path: Path) -> None:
    head, rows, says = WRONG[what]
    file = tmp_path / "case.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in (head, *rows)))
    with pytest.raises(UsageError, match=says) as caught:
        EVALUATOR.load(file)
    assert "case.jsonl" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", "x", '{"machines": []}'])
def test_junk_is_no_traceback(text: str, tmp_path: Path) -> None:
    file = tmp_path / "junk.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"junk\.jsonl"):
        EVALUATOR.load(file)


def test_what_is_written_is_read_back_whole(tmp_path: Path) -> None:
    own = [cases(Split.TRAIN)[4], cases(Split.TEST)[7], cases(Split.PUBLIC)[2]]
    assert len(EVALUATOR.write(own, tmp_path)) == len(own)
    again = [case for case in EVALUATOR.load(tmp_path) if isinstance(case, Case)]
    assert [digest(case) for case in again] == [digest(case) for case in own]
