"""The splits: seeded, disjoint, of the promised size, test shifted; public windows and a user's traces."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from routing_worlds import FOLDER

from evaluators.llm_routing import LlmRouting
from evaluators.llm_routing.cluster import A100, CACHE_BLOCKS, H100, KV_CAPACITY_TOKENS, Case, Replacement, SlowDown
from evaluators.llm_routing.evaluator import LlmRoutingOptions
from evaluators.llm_routing.figures import stored
from evaluators.llm_routing.programs import serve_with
from evaluators.llm_routing.public_format import PUBLIC_CLUSTER, TraceWindow
from evaluators.llm_routing.service import metrics_of
from evaluators.llm_routing.workload import RECIPES, own_case
from evaluators.serving.requests import best_prefix_tokens
from evaluators.serving.traces import azure_trace, mooncake_trace
from evolve.evaluator import Split, UsageError

EVALUATOR = LlmRouting()
OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def cases(split: Split) -> list[Case]:
    return [case for case in EVALUATOR.instances(split) if isinstance(case, Case)]


@pytest.mark.slow
def test_a_case_has_the_same_requests_whenever_it_is_drawn_and_no_two_cases_have() -> None:
    again, first = own_case(Split.VALIDATION, 1, stored().attempts[Split.VALIDATION][1]), cases(Split.VALIDATION)[1]
    assert again.cluster == first.cluster
    assert again.requests.input_tokens.tolist() == first.requests.input_tokens.tolist()
    assert again.requests.blocks == first.requests.blocks
    seen = {tuple(case.requests.arrival_us.tolist()) for split in OWN for case in cases(split)}
    assert len(seen) == sum(RECIPES[split].count for split in OWN)


def test_train_is_of_the_promised_size() -> None:
    *calm, disturbed, hardest = cases(Split.TRAIN)
    for case in calm:
        assert len(case.requests) / case.cluster.replicas == pytest.approx(2700 / 16, abs=5)
        assert set(case.cluster.machines) == {A100}
        assert (case.cluster.report_interval_s, case.cluster.cache_blocks) == (0.1, CACHE_BLOCKS)
        assert not case.cluster.incidents
    for case in (disturbed, hardest):
        assert case.cluster.incidents and set(case.cluster.machines) == {A100, H100}, "as all cases of test are"
    assert [case.cluster.replicas for case in calm] == [16, 10, 24]


def test_test_is_shifted_as_promised() -> None:
    shuffled = False
    for case in cases(Split.TEST):
        cluster = case.cluster
        assert cluster.machines.count(H100) == cluster.replicas // 2 == cluster.machines.count(A100)
        shuffled |= cluster.machines[::2] != (A100,) * (cluster.replicas // 2)
        assert (cluster.report_interval_s, cluster.cache_blocks) == (1.0, CACHE_BLOCKS // 2)
        slow, replaced = cluster.incidents
        assert isinstance(slow, SlowDown) and isinstance(replaced, Replacement)
        assert (slow.length_s, slow.factor) == (60, 2.0)
        assert slow.replica != replaced.replica
        last_s = case.requests.arrival_us[-1] / 1e6
        assert slow.start_s + 60 < last_s and replaced.at_s < last_s
    assert shuffled
    assert {case.cluster.replicas for case in cases(Split.TEST)} == {8, 16, 32}


@pytest.mark.slow
def test_no_request_is_larger_than_a_replica() -> None:
    for split in Split:
        for case in cases(split):
            assert (case.requests.input_tokens + case.requests.output_tokens).max() < KV_CAPACITY_TOKENS


def test_all_requests_share_a_block_and_sessions_come_back() -> None:
    for case in cases(Split.TRAIN):
        assert {blocks[0] for blocks in case.requests.blocks} == {0}
        share = best_prefix_tokens(case.requests).sum() / case.requests.input_tokens.sum()
        assert 0.45 < share < 0.75


# Public


def test_the_public_windows_are_the_trace_in_windows_of_900_s() -> None:
    trace = mooncake_trace("conversation")
    windows = cases(Split.PUBLIC)
    assert sum(len(case.requests) for case in windows) == len(trace) == 12_031
    assert len(windows) == 4
    arrivals = np.concatenate([case.requests.arrival_us + 900_000_000 * i for i, case in enumerate(windows)])
    # up to 3 s later than published, spread evenly
    assert (np.diff(arrivals) >= 0).all()
    shift_s = (np.sort(arrivals) - np.sort(trace.arrival_us)) / 1e6
    assert shift_s.min() >= 0 and shift_s.max() < 3 and shift_s.mean() == pytest.approx(1.5, abs=0.05)
    assert {case.cluster for case in windows} == {PUBLIC_CLUSTER}


def test_the_published_order_of_routers_holds_on_the_first_window() -> None:
    """Mean TTFT: random > load balancing > cache-aware (Mooncake, figure 5), and what lies between."""
    case = cases(Split.PUBLIC)[0]
    order = (
        "random_replica",
        "round_robin",
        "least_requests",
        "llumnix_freeness",
        "aibrix_prefix_cache",
        "dualmap",
        "min_ttft",
    )
    found = {name: metrics_of(case, serve_with(FOLDER / "baselines" / f"{name}.py", case)) for name in order}
    ttft_s = [found[name]["ttft_mean_s"] for name in order]
    assert ttft_s == sorted(ttft_s, reverse=True)
    assert ttft_s[0] > 6 * ttft_s[-1]  # published: 19.65 s and 3.07 s
    assert found["min_ttft"]["times_slo"] == min(figures["times_slo"] for figures in found.values())
    assert found["round_robin"]["ttft_mean_s"] == pytest.approx(18.2, rel=0.1)


def test_dualmap_falls_behind_where_a_head_is_too_hot_for_two_replicas_and_its_note_says_so() -> None:
    def hottest(case: Case) -> float:
        heads = Counter(blocks[:2] for blocks in case.requests.blocks if len(blocks) > 1)
        return max(heads.values()) / len(case.requests)

    hot = cases(Split.TRAIN)[1]
    assert hottest(hot) > 2 / hot.cluster.replicas
    assert max(hottest(case) for case in cases(Split.PUBLIC)) < 0.01
    figures = {
        name: metrics_of(hot, serve_with(FOLDER / "baselines" / f"{name}.py", hot))["times_slo"]
        for name in ("dualmap", "llumnix_freeness", "least_requests")
    }
    assert figures["dualmap"] == max(figures.values())
    assert "On train it is below both" in (FOLDER / "baselines" / "dualmap.py").read_text(encoding="utf-8")


def test_the_synthetic_trace_can_be_served_too() -> None:
    case = Case("tests/synthetic", PUBLIC_CLUSTER, TraceWindow("synthetic", 0))
    figures = metrics_of(case, serve_with(FOLDER / "baselines" / "min_ttft.py", case))
    assert figures["ttft_mean_s"] < 4


# Files


def test_a_users_copy_of_the_public_trace_is_the_public_split(tmp_path: Path) -> None:
    trace = mooncake_trace("conversation")
    with (tmp_path / "trace.jsonl").open("w") as file:
        columns = (trace.arrival_us // 1000, trace.input_tokens, trace.output_tokens)
        for ms, prompt, answer, blocks in zip(*(c.tolist() for c in columns), trace.blocks, strict=True):
            row = {"timestamp": ms, "input_length": prompt, "output_length": answer, "hash_ids": blocks}
            file.write(json.dumps(row) + "\n")
    loaded = EVALUATOR.load(tmp_path / "trace.jsonl")
    assert [case.id for case in loaded] == [f"data/trace.jsonl/{i}" for i in range(4)]
    for case, public in zip(loaded, cases(Split.PUBLIC), strict=True):
        assert isinstance(case, Case)
        for column in ("arrival_us", "input_tokens", "output_tokens"):
            assert getattr(case.requests, column).tolist() == getattr(public.requests, column).tolist()
        assert case.requests.blocks == public.requests.blocks


def test_what_is_written_is_read_back_as_the_same_requests(tmp_path: Path) -> None:
    own = [cases(Split.TRAIN)[0], cases(Split.TEST)[1], cases(Split.PUBLIC)[1]]
    files = EVALUATOR.write(own, tmp_path)
    assert [file.name for file in files] == ["train-0.jsonl", "test-1.jsonl", "public-1.jsonl"]
    for case, file in zip(own, files, strict=True):
        (back,) = EVALUATOR.load(file)
        assert isinstance(back, Case)
        gaps = np.diff(case.requests.arrival_us)
        assert np.diff(back.requests.arrival_us).tolist() == gaps.tolist()
        assert back.requests.input_tokens.tolist() == case.requests.input_tokens.tolist()
        assert back.requests.output_tokens.tolist() == case.requests.output_tokens.tolist()
        assert best_prefix_tokens(back.requests).tolist() == best_prefix_tokens(case.requests).tolist()


def test_azures_trace_is_cut_into_windows_too(tmp_path: Path) -> None:
    trace = azure_trace("conv")
    with (tmp_path / "azure.csv").open("w") as file:
        file.write("TIMESTAMP,ContextTokens,GeneratedTokens\n")
        for us, prompt, answer in zip(
            trace.arrival_us[:6000].tolist(), trace.input_tokens.tolist(), trace.output_tokens.tolist(), strict=False
        ):
            seconds, fraction = divmod(us, 1_000_000)
            stamp = f"2023-11-16 18:{seconds // 60:02d}:{seconds % 60:02d}.{fraction:06d}0"
            file.write(f"{stamp},{prompt},{answer}\n")
    loaded = EVALUATOR.load(tmp_path)
    assert [case.id for case in loaded] == ["data/azure.csv/0"]
    assert isinstance(loaded[0], Case)
    assert loaded[0].requests.arrival_us.tolist() == trace.arrival_us[:6000].tolist()
    assert loaded[0].cluster == PUBLIC_CLUSTER
    (few,) = LlmRouting(LlmRoutingOptions(replicas=3)).load(tmp_path)
    assert isinstance(few, Case)
    assert few.cluster.machines == (A100,) * 3


def test_a_folder_without_traces_and_a_bad_line_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no \*.jsonl"):
        EVALUATOR.load(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"timestamp": 0}\n')
    with pytest.raises(UsageError, match=r"llm_routing: .*a.jsonl: line 1: key 'input_length' is None"):
        EVALUATOR.load(tmp_path)
    big = {"timestamp": 0, "input_length": 1_399_999, "output_length": 2, "hash_ids": list(range(2735))}
    (tmp_path / "a.jsonl").write_text(json.dumps(big))
    with pytest.raises(UsageError, match=r"line 1: 1399999 \+ 2 tokens; no machine has KV room for more than 1400000"):
        EVALUATOR.load(tmp_path)
