"""The mechanics: by hand, against a slow transcription, and against the optimum of small cases."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from evaluators.txn_scheduling.baselines import (
    as_given,
    insertion_search,
    random_best_of_100,
    smf,
    smf_full,
    smf_local_search,
)
from evaluators.txn_scheduling.bound import makespan_bound, ticks_of_one_machine
from evaluators.txn_scheduling.evaluator import adrs_score
from evaluators.txn_scheduling.mechanics import Transaction, makespan, schedule
from evaluators.txn_scheduling.public_format import transaction, written

PROGRAMS = (as_given, random_best_of_100, smf, smf_full, smf_local_search, insertion_search)


def transactions(*texts):
    return [transaction(text) for text in texts]


def random_texts(rng, most=6):
    def text():
        return " ".join(
            rng.choice(["*", f"r-{rng.randint(1, 3)}", f"w-{rng.randint(1, 3)}"]) for _ in range(rng.randint(1, 6))
        )

    return [text() for _ in range(rng.randint(1, most))]


@pytest.mark.parametrize(
    ("texts", "makespans"),
    [
        (("r-1 w-2 * *", "r-2 w-1", "r-1 r-2 *"), {(0, 1, 2): 7, (2, 0, 1): 5, (1, 0, 2): 6}),
        (
            ("w-1 * * * *", "* * * w-1", "r-1", "r-1 *"),
            {(0, 1, 2, 3): 6, (0, 2, 3, 1): 5, (1, 2, 3, 0): 10},
        ),
        (("r-9 r-9 w-9", "w-9 r-9 *", "r-9 * * * *"), {(0, 1, 2): 9, (2, 1, 0): 5}),
    ],
)
def test_the_worked_examples_of_the_public_benchmark(texts, makespans):
    for order, ticks in makespans.items():
        assert makespan(transactions(*texts), order) == ticks


def test_starts_by_hand():
    """0 writes key 2 in tick 2. 1 reads it at its position 1: tick 3, and writes key 1 in tick 4. 2 reads that."""
    placed = schedule(transactions("r-1 w-2 * *", "r-2 w-1", "r-1 r-2 *"), (0, 1, 2))
    assert [(p.start, p.end) for p in placed] == [(1, 4), (3, 4), (5, 7)]
    assert [p.blocker for p in placed] == [-1, 0, 1]
    assert [p.op for p in placed] == [None, ("r", 2, 1), ("r", 1, 1)]


def test_reads_share_a_key_and_a_write_waits_for_the_last_of_them():
    texts = ("* * * r-1", "r-1", "w-1")
    assert [p.start for p in schedule(transactions(*texts), (0, 1, 2))] == [1, 1, 5]


def test_an_early_access_of_one_that_is_later_in_the_order_does_not_loosen_a_lock():
    """The read in tick 1 comes after the read in tick 4 in the order; the write waits for tick 4 all the same."""
    assert [p.start for p in schedule(transactions("* * * r-1", "r-1", "w-1 *"), (0, 1, 2))][2] == 5


def test_own_operations_do_not_hold_a_transaction_up():
    assert [p.start for p in schedule(transactions("w-1 r-1 w-1"), (0,))] == [1]


def test_bound_by_hand():
    assert makespan_bound(transactions("* * *", "w-1")) == 3
    # Key 1 is written for 2 ticks (positions 2 to 3), then 1; head 0 of the second, tail 1 of the first.
    assert makespan_bound(transactions("* w-1 w-1 *", "w-1 *")) == max(4, 0 + 3 + 1)
    assert makespan_bound(transactions(*["* w-1 *"] * 10)) == 1 + 10 + 1
    # Who reads first and writes two ticks later holds the key for three ticks; so does who reads last.
    assert makespan_bound(transactions(*["r-1 * w-1"] * 4)) == 12 == makespan_bound(transactions(*["w-1 * r-1"] * 4))
    assert makespan_bound(transactions("r-1", "* * r-1")) == 3, "reads hold nothing"


def test_one_machine_by_hand_and_against_all_orders():
    """Two jobs that come late with long tails make the machine wait; it may not be idle while another could run."""
    assert ticks_of_one_machine([(0, 3, 0)]) == 3
    assert ticks_of_one_machine([(5, 1, 9), (0, 4, 0)]) == 15
    assert ticks_of_one_machine([(0, 4, 0), (2, 1, 9)]) == 12, "the first is interrupted"
    rng = random.Random(6)
    for _ in range(100):
        unit = [(rng.randint(0, 5), 1, rng.randint(0, 5)) for _ in range(rng.randint(1, 5))]

        def ends(jobs):
            now, end = 0, 0
            for head, ticks, tail in jobs:
                now = max(now, head) + ticks
                end = max(end, now + tail)
            return end

        assert ticks_of_one_machine(unit) == min(map(ends, itertools.permutations(unit))), "exact for jobs of one tick"


def test_heads_and_tails_of_the_insertion_search_agree_with_the_ledger():
    rng = random.Random(5)
    for _ in range(40):
        listed = transactions(*random_texts(rng, most=8))
        order = rng.sample(range(len(listed)), len(listed))
        line = insertion_search.Line(listed)
        assert line.reset(order) == makespan(listed, order)
        moved = rng.choice(order)
        place = order.index(moved)
        line.take(place)
        rest = [each for each in order if each != moved]
        assert line.makespan() == (makespan(listed, rest) if rest else 0)
        through = np.maximum(line.through(moved), line.makespan())
        tried = [makespan(listed, [*rest[:at], moved, *rest[at:]]) for at in range(len(order))]
        assert through.tolist() == tried
        line.put(moved, place)
        assert line.reset(order) == line.makespan() == makespan(listed, order)


@pytest.mark.parametrize(("ticks", "score"), [(537, 0), (600, 0), (95.1, 100), (50, 100), (352, 41.86467526589727)])
def test_published_score_by_hand(ticks, score):
    assert adrs_score(ticks) == pytest.approx(score, rel=1e-12)


def slow_makespan(texts, order):
    """Tick by tick: the first start at which no token breaks the rule against any token of any earlier transaction."""
    done = []
    for index in order:
        tokens = texts[index].split()
        start = 1
        while True:
            clash = False
            for position, token in enumerate(tokens):
                if token == "*":
                    continue
                for tick, other in done:
                    same = other != "*" and other[2:] == token[2:]
                    if same and (token[0] == "w" or other[0] == "w") and tick >= start + position:
                        clash = True
            if not clash:
                break
            start += 1
        done += [(start + position, token) for position, token in enumerate(tokens)]
    return max(tick for tick, _ in done)


def test_the_ledger_agrees_with_a_transcription_on_random_cases():
    rng = random.Random(1)
    for _ in range(200):
        texts = random_texts(rng, most=8)
        order = rng.sample(range(len(texts)), len(texts))
        assert makespan(transactions(*texts), order) == slow_makespan(texts, order)


def test_the_reference_programs_arithmetic_agrees_with_the_ledger():
    rng = random.Random(2)
    for _ in range(50):
        listed = transactions(*random_texts(rng, most=8))
        orders = np.array([rng.sample(range(len(listed)), len(listed)) for _ in range(5)])
        longest, total = smf_local_search.evaluate(smf_local_search.Table(listed), orders)
        for order, ticks, ends in zip(orders.tolist(), longest.tolist(), total.tolist(), strict=True):
            placed = schedule(listed, order)
            assert ticks == max(p.end for p in placed)
            assert ends == sum(p.end for p in placed)


def test_every_neighbour_is_a_permutation():
    rng = np.random.default_rng(0)
    for n in (2, 3, 7, 30):
        made = smf_local_search.neighbours(rng.permutation(n), rng, 200)
        assert (np.sort(made, axis=1) == np.arange(n)).all()


def optimum(listed):
    return min(makespan(listed, order) for order in itertools.permutations(range(len(listed))))


def test_no_program_beats_the_optimum_and_no_optimum_the_bound(monkeypatch):
    monkeypatch.setattr(smf_local_search, "PLACED", 100)
    monkeypatch.setattr(insertion_search, "STEPS", 3000)
    rng = random.Random(3)
    reached = 0
    for _ in range(40):
        listed = transactions(*random_texts(rng, most=5))
        least = optimum(listed)
        assert least >= makespan_bound(listed)
        for program in PROGRAMS:
            assert makespan(listed, program.schedule(listed)) >= least
        searches = (smf_local_search, insertion_search)
        reached += min(makespan(listed, program.schedule(listed)) for program in searches) == least
    assert reached >= 36, "the reference is not at the optimum of most small cases"


def test_cp_sat_agrees_that_the_enumerated_optimum_is_least():
    """Every pair that conflicts is ordered one way; the later one's start follows from its conflicting tokens."""
    cp_model = pytest.importorskip("ortools.sat.python.cp_model", reason="OR-Tools is not installed")
    rng = random.Random(4)
    for _ in range(20):
        listed = transactions(*random_texts(rng, most=5))
        model = cp_model.CpModel()
        starts = [model.new_int_var(1, 60, "") for _ in listed]
        places = [model.new_int_var(0, len(listed) - 1, "") for _ in listed]
        model.add_all_different(places)
        latest = model.new_int_var(1, 60, "")
        for start, t in zip(starts, listed, strict=True):
            model.add(latest >= start + t.length - 1)
        for a, b in itertools.permutations(range(len(listed)), 2):
            first = model.new_bool_var("")
            model.add(places[a] < places[b]).only_enforce_if(first)
            model.add(places[a] > places[b]).only_enforce_if(~first)
            for kind, key, p in listed[a].ops:
                for other, same, q in listed[b].ops:
                    if key == same and "w" in (kind, other):
                        model.add(starts[b] + q > starts[a] + p).only_enforce_if(first)
        model.minimize(latest)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        assert solver.solve(model) == cp_model.OPTIMAL
        assert round(solver.objective_value) == optimum(listed)


def test_smf_is_the_published_rule_transcribed():
    """Of 10 drawn from the rest, the one after which all that were chosen have the least makespan, each time anew."""

    def slow_smf(listed):
        drawing, rest, order = random.Random(0), list(range(len(listed))), []
        while rest:
            sample = drawing.sample(rest, min(10 if order else 1, len(rest)))
            order.append(min(sample, key=lambda i: makespan(listed, [*order, i])))
            rest.remove(order[-1])
        return order

    rng = random.Random(6)
    for _ in range(200):
        listed = transactions(*random_texts(rng, most=20))
        assert smf.schedule(listed) == slow_smf(listed)


def test_what_is_written_is_read_back():
    rng = random.Random(5)
    texts = random_texts(rng, most=8)
    listed = transactions(*texts)
    assert [text in written(listed) for text in texts] == [True] * len(texts)
    assert listed[0] == Transaction(listed[0].length, listed[0].ops)
