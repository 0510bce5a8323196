"""The gateway: what a policy sees and when, what it may answer, and what happens to machines."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from routing_worlds import Asked, busy_case, case_of, in_turn, requests_of, served

from evaluators.llm_routing.cluster import A100, H100, Case, Cluster, Given, Replacement, SlowDown
from evaluators.llm_routing.gateway import SECOND_NS, info_of, ttft_slos_s
from evaluators.llm_routing.observation import Finished, Observation, Report, Request, array_row, packed_row
from evaluators.serving import State
from evolve.evaluator import Infeasible, pack

PREFILL_1000_MS = 21.5 + 0.151 * 1000 + 2.1e-6 * 1000**2


def test_a_request_alone_takes_what_the_formulas_say() -> None:
    case = case_of(requests_of((1.0, 1000, 3, (0, 1))), 2)
    (job,) = served(case, Asked(in_turn)).jobs
    assert job.ttft_ns / 1e6 == pytest.approx(PREFILL_1000_MS)
    assert job.tpot_ns / 1e6 == pytest.approx(44.3 + 0.196 + 3.2e-4 * 1000.5)
    assert ttft_slos_s(case) == pytest.approx([0.5 + PREFILL_1000_MS / 1000])


@pytest.mark.parametrize("interval_s", [0.1, 1.0])
def test_a_report_is_as_old_as_its_interval_says_and_what_was_sent_since_is_not_in_it(interval_s: float) -> None:
    rows = [(2.0 + 0.03 * i, 20_000, 5, (0, *range(100 * i + 100, 100 * i + 139))) for i in range(30)]
    asked = Asked(lambda obs: 0)
    served(case_of(requests_of(*rows), 2, report_interval_s=interval_s), asked)
    seen_at = {}
    for obs in asked.observations:
        assert obs.now_s - interval_s < obs.reported_s <= obs.now_s
        assert obs.reported_s / interval_s == pytest.approx(round(obs.reported_s / interval_s), abs=1e-6)
        sent_before = sum(earlier.now_s < obs.reported_s for earlier in asked.observations)
        # none is complete: all that were there at the report wait or run, those sent since are not counted
        assert obs.queued_requests[0] + obs.running_requests[0] == sent_before
        assert obs.queued_requests[1] == obs.running_requests[1] == obs.kv_used_tokens[1] == 0
        assert seen_at.setdefault(obs.reported_s, obs.queued_tokens.tolist()) == obs.queued_tokens.tolist()


def test_fresh_figures_hold_what_was_sent_in_the_same_instant() -> None:
    rows = [(1.0, 5000, 5, (0, *range(10 * i + 100, 10 * i + 109))) for i in range(4)]
    asked = Asked(lambda obs: 0)
    served(case_of(requests_of(*rows), 1), asked, fresh=True)
    assert [int(obs.queued_requests[0] + obs.running_requests[0]) for obs in asked.observations] == [0, 0, 0, 0]
    rows = [(1.0 + i / 1000, *row[1:]) for i, row in enumerate(rows)]
    asked = Asked(lambda obs: 0)
    served(case_of(requests_of(*rows), 1), asked, fresh=True)
    assert [int(obs.queued_requests[0] + obs.running_requests[0]) for obs in asked.observations] == [0, 1, 2, 3]


def test_matches_count_the_leading_blocks_of_each_replica_now() -> None:
    rows = [(1.0, 1536, 1, (0, 1, 2)), (3.0, 1536, 1, (0, 1, 7)), (5.0, 1024, 1, (9, 1))]
    asked = Asked(lambda obs: 1)
    served(case_of(requests_of(*rows), 2), asked)
    assert [obs.match_blocks.tolist() for obs in asked.observations] == [[0, 0], [0, 2], [0, 0]]


def hashes_seen(id_: str, *prompts: tuple[int, ...]) -> list[list[int]]:
    asked = Asked(in_turn)
    rows = [(1.0 + place, 512 * len(prompt), 1, prompt) for place, prompt in enumerate(prompts)]
    served(Case(id_, Cluster((A100,) * 2), Given(requests_of(*rows))), asked)
    return [obs.request.block_hashes.tolist() for obs in asked.observations]


def test_hashes_agree_where_prompts_do() -> None:
    first, second = hashes_seen("tests/0", (0, 1, 2), (0, 1, 7))
    assert first[:2] == second[:2] and first[2] != second[2]
    assert len({*first, *second}) == 4
    assert all(-(2**63) <= value < 2**63 for value in first)


def test_which_case_it_is_cannot_be_derived_from_hashes() -> None:
    """They are the same whatever the case's name and whatever its blocks are called: their order is all they tell."""
    known = hashes_seen("train/0", (0, 1, 2), (0, 5), (0, 1, 7))
    assert hashes_seen("test/3", (0, 1, 2), (0, 5), (0, 1, 7)) == known
    assert hashes_seen("test/3", (90, 17, 4), (90, 33), (90, 17, 61)) == known


def test_the_program_that_undid_the_salt_learns_the_same_in_every_case() -> None:
    """The mixing can still be undone; what comes out is how many blocks were seen before."""
    prompts = (40, 7, 7000), (40, 8, 123)
    for id_ in ("train/0", "test/3", "data/mine/0"):
        found = [[unmixed(value) for value in hashes] for hashes in hashes_seen(id_, *prompts)]
        assert found == [[1, 2, 3], [1, 4, 5]]


def unmixed(hashed: int) -> int:
    """Undo splitmix64 and the multiplication before it."""
    bits = (1 << 64) - 1

    def unshifted(x: int, by: int) -> int:
        found = x
        for _ in range(64 // by + 1):
            found = x ^ (found >> by)
        return found & bits

    x = unshifted(hashed & bits, 31) * pow(0x94D049BB133111EB, -1, 1 << 64) & bits
    x = unshifted(x, 27) * pow(0xBF58476D1CE4E5B9, -1, 1 << 64) & bits
    return unshifted(x, 30) * pow(0x9E3779B97F4A7C15, -1, 1 << 64) & bits


def test_every_completion_is_told_once_with_its_true_figures() -> None:
    case = busy_case()
    asked = Asked(in_turn, lambda report: [])
    service = served(case, asked)
    told = [done for seen in (*asked.observations, *asked.reports) for done in seen.finished]
    assert len({done.id for done in told}) == len(told)
    assert len(told) >= len(service.jobs) - 4  # those of the very last second are told to nobody
    for done in told:
        job = service.jobs[done.id]
        assert (done.replica, done.output_tokens) == (job.replica, job.output_tokens)
        assert (done.ttft_s, done.tpot_s) == (job.ttft_ns / SECOND_NS, job.tpot_ns / SECOND_NS)
    for obs in asked.observations:
        assert all(service.jobs[done.id].finish_ns / SECOND_NS <= obs.now_s for done in obs.finished)


def test_nothing_that_a_policy_sees_tells_the_future_or_an_answers_length() -> None:
    """Two worlds that differ only in later arrivals and in answers not complete yet look the same until then."""
    rows = [(0.5 + i, 3000 + i, 400, (0, *range(10 * i + 1, 10 * i + 6))) for i in range(20)]
    changed = [(s, p, a if i < 5 else a + 1000, b) for i, (s, p, a, b) in enumerate(rows[:12])]
    seen = []
    for world in (rows, changed):
        asked = Asked(in_turn)
        served(case_of(requests_of(*world), 2), asked)
        seen.append(asked.observations)
    for one, other in zip(*(observations[:12] for observations in seen), strict=True):
        for field in one.__struct_fields__:
            if field != "request":
                assert np.array_equal(getattr(one, field), getattr(other, field)), field
        assert one.request.block_hashes.tolist() == other.request.block_hashes.tolist()
    assert set(Request.__struct_fields__) == {"id", "input_tokens", "block_hashes", "ttft_slo_s", "tpot_slo_s"}
    assert not {name for name in Observation.__struct_fields__ if "output" in name or "answer" in name}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (4, "request 0 at 0.500 s: route returned 4 (int), expected a replica, a whole number (int) in 0..3"),
        (-1, "route returned -1 (int)"),
        (True, "route returned True (bool)"),
        (1.0, "route returned 1.0 (float)"),
        (None, "route returned None (NoneType)"),
        ([1], "route returned [1] (list)"),
        ("1", "route returned '1' (str)"),
        (10**30, "(int), expected a replica"),
    ],
)
def test_an_answer_that_is_no_replica_is_infeasible(answer: Any, said: str) -> None:
    with pytest.raises(Infeasible) as infeasible:
        served(case_of(requests_of((0.5, 1000, 3, (0, 1)))), Asked(lambda obs: answer))
    assert said in str(infeasible.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([[0, 1]] * 5, "rebalance at 2 s moves 5 requests, at most 4 are allowed"),
        ([[0, 4]], "rebalance at 2 s: request 0 is moved to replica 4, expected 0..3"),
        ([[0, -1]], "request 0 is moved to replica -1"),
        ([[3, 1]], "request 3 is moved and has not come yet"),
        ([[-1, 1]], "request -1 is moved and has not come yet"),
        ([[77, 1]], "request 77 is moved and has not come yet"),
        ([[1, 1]], "request 1 is moved and was complete before"),
        ([[0, 1], [0, 2]], "request 0 is moved twice"),
        ([[0, True]], "move [0, True] is no pair of whole numbers"),
        ([[0.0, 1]], "move [0.0, 1] is no pair"),
        ([[0, 1, 2]], "move [0, 1, 2] is no pair"),
        ([0, 1], "move 0 is no pair"),
        (None, "returned NoneType, expected (m, 2) whole numbers"),
        ("no", "returned str"),
        (np.array([[0.0, 1.0]]), "move [0.0, 1.0] is no pair"),
    ],
)
def test_moves_that_break_a_rule_are_infeasible_and_named(answer: Any, said: str) -> None:
    rows = [(0.5, 30_000, 300, (0, *range(1, 59))), (0.6, 100, 1, (7,)), (0.7, 100, 300, (8,)), (9.0, 100, 1, (9,))]
    router = Asked(in_turn, lambda report: answer if report.now_s == 2.0 else [])
    with pytest.raises(Infeasible) as infeasible:
        served(case_of(requests_of(*rows)), router)
    assert said in str(infeasible.value)


def test_rebalance_is_asked_once_a_second_until_all_is_done_and_its_moves_happen() -> None:
    rows = [(0.5, 20_000, 50, tuple(range(40))), (0.6, 5000, 50, tuple(range(50, 60)))]
    stay = served(case_of(requests_of(*rows)), Asked(lambda obs: 0))
    router = Asked(lambda obs: 0, lambda report: np.array([[1, 3]]) if report.now_s == 1.0 else np.empty((0, 2)))
    moved = served(case_of(requests_of(*rows)), router)
    assert [report.now_s for report in router.reports] == [float(s) for s in range(1, len(router.reports) + 1)]
    assert len(router.reports) == -(-moved.jobs[0].finish_ns // SECOND_NS)
    assert (moved.jobs[1].replica, moved.jobs[1].moves) == (3, 1)
    assert moved.jobs[1].admitted_ns == SECOND_NS
    assert moved.jobs[1].ttft_ns < stay.jobs[1].ttft_ns
    assert router.reports[0].queued_requests.tolist() == [1, 0, 0, 0]


def test_a_moved_request_in_decode_stands_still_for_its_kv_over_the_link() -> None:
    rows = [(0.5, 2000, 200, tuple(range(4)))]
    stay = served(case_of(requests_of(*rows)), Asked(lambda obs: 0)).jobs[0]
    router = Asked(lambda obs: 0, lambda report: [[0, 1]] if report.now_s == 2.0 else [])
    job = served(case_of(requests_of(*rows)), router).jobs[0]
    transfer_s = (job.finish_ns - stay.finish_ns) / SECOND_NS
    kv_tokens = 2000 + (2.0 - 0.5 - stay.ttft_ns / SECOND_NS) // (stay.tpot_ns / SECOND_NS) + 1
    assert transfer_s == pytest.approx(kv_tokens * 327_680 / 12e9, rel=0.01)


def test_a_slow_replica_is_slow_for_as_long_as_said() -> None:
    rows = [(float(s), 1000, 1, (0, s)) for s in range(1, 9)]
    incident = SlowDown(0, start_s=3, length_s=3, factor=2.0)
    # the first block is cached from the second request on
    jobs = served(case_of(requests_of(*rows), 1, incidents=(incident,)), Asked(lambda obs: 0)).jobs
    usual = jobs[1].ttft_ns
    assert [round(job.ttft_ns / usual, 6) for job in jobs[1:]] == [1, 2, 2, 2, 1, 1, 1]


def test_a_replaced_replica_has_an_empty_cache_and_starts_its_requests_again() -> None:
    rows = [(1.0, 1000, 300, (0, 1)), (5.001, 1000, 1, (0, 1)), (6.0, 1000, 1, (0, 1))]
    incident = Replacement(0, at_s=5)
    asked = Asked(lambda obs: 0)
    first = served(case_of(requests_of(*rows), 1, incidents=(incident,)), asked).jobs[0]
    assert first.restarts == 1
    # empty at first; a second later the restarted request has put its blocks back
    assert [obs.match_blocks.tolist() for obs in asked.observations] == [[0], [0], [2]]
    undisturbed = served(case_of(requests_of(*rows), 1), Asked(lambda obs: 0)).jobs[0]
    assert first.finish_ns > undisturbed.finish_ns
    assert first.first_token_ns == undisturbed.first_token_ns


def test_all_requests_are_served_whatever_the_router_does() -> None:
    case = busy_case(200, incidents=(SlowDown(1, 20, 30, 2.0), Replacement(2, 50)))
    counter = itertools.count()
    moves = Asked(
        in_turn,
        lambda report: [[id_, next(counter) % 4] for id_ in open_ids(moves, report)[:4]],
    )
    service = served(case, moves)
    assert {job.state for job in service.jobs} == {State.DONE}
    assert sum(job.moves for job in service.jobs) > 20
    assert all(0 < job.ttft_ns <= job.finish_ns - job.arrival_ns for job in service.jobs)


def open_ids(asked: Asked, report: Report) -> list[int]:
    done = {f.id for seen in (*asked.observations, *asked.reports) for f in seen.finished}
    return [obs.request.id for obs in asked.observations if obs.request.id not in done][-8:]


def test_rows_are_packed_as_the_wire_packs_arrays() -> None:
    for length in (1, 8, 16, 32):
        numbers = [(-1) ** i * 3**i for i in range(length)]
        assert bytes(packed_row(length)(numbers)) == bytes(pack(array_row(numbers)))


def test_the_constants_tell_machines_apart() -> None:
    info = info_of(Case("x", Cluster((A100, H100)), Given(requests_of((0.0, 1, 1, (0,))))))
    assert info.prefill_ms_per_token == pytest.approx(
        [(21.5 + 0.151 * 2048 + 2.1e-6 * 2048**2) / 2048, (22.4 + 0.065 * 2048 + 3.7e-6 * 2048**2) / 2048]
    )
    assert info.decode_ms_per_request.tolist() == [0.196, 0.213]
    assert info.decode_ms_per_kv_token.tolist() == [3.2e-4, 1.5e-4]
    assert set(Finished.__struct_fields__) == {"id", "replica", "ttft_s", "tpot_s", "output_tokens"}
