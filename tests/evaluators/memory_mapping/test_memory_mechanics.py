"""Rectangles, the timing of plans and the bounds: by hand, and against slow and obvious ones on random small cases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from evaluators.memory_mapping.baselines import best_fit, first_come, greedy_benefit, knapsack, restarts
from evaluators.memory_mapping.buffers import Buffers, peak_bytes
from evaluators.memory_mapping.machine import Program, ProgramInstance, Stay, bound_ticks, run
from evaluators.memory_mapping.plans import checked_plan
from evaluators.memory_mapping.rectangles import first_overlap, max_load
from evolve.evaluator import Infeasible

PLANNERS = (first_come, greedy_benefit, knapsack, best_fit, restarts)


def case(compute, uses, sizes, inputs, outputs, fast_bytes):
    """uses: per instruction (reads, writes); sizes in units of 512 bytes."""
    flat = [[*((t, 0) for t in reads), *((t, 1) for t in writes)] for reads, writes in uses]
    program = Program(
        np.array(compute),
        np.cumsum([0, *map(len, flat)]),
        np.array([t for here in flat for t, _ in here]),
        np.array([k for here in flat for _, k in here]),
        512 * np.array(sizes),
        np.array([t in inputs for t in range(len(sizes))]),
        np.array([t in outputs for t in range(len(sizes))]),
    )
    return ProgramInstance("data/0", lambda: (program, 512 * fast_bytes))


def random_case(rng):
    count = int(rng.integers(2, 9))
    uses, sizes, inputs = [], [], set()
    alive = []
    for _ in range(count):
        reads = {int(t) for t in rng.choice(alive, min(len(alive), int(rng.integers(0, 3))), replace=False)}
        if rng.random() < 0.5:
            sizes.append(int(rng.integers(1, 9)))
            inputs.add(len(sizes) - 1)
            reads.add(len(sizes) - 1)
            alive.append(len(sizes) - 1)
        sizes.append(int(rng.integers(1, 9)))
        uses.append((sorted(reads), [len(sizes) - 1]))
        alive.append(len(sizes) - 1)
    outputs = {int(t) for t in rng.choice([t for t in range(len(sizes)) if t not in inputs], 1)}
    return case(rng.integers(0, 9, count).tolist(), uses, sizes, inputs, outputs, int(rng.integers(6, 20)))


def random_plan(rng, one):
    """Try stays of all kinds; keep those that the checker accepts with the ones before."""
    count, kept = len(one.program.compute), []
    for _ in range(30):
        first = int(rng.integers(count))
        tensor = int(rng.integers(len(one.program.bytes)))
        fetch = -1 if one.uses.producer[tensor] == first else int(rng.integers(-1, count))
        row = [tensor, first, int(rng.integers(first, count)), 512 * int(rng.integers(0, 18)), fetch]
        try:
            checked_plan([*kept, row], one)
        except Infeasible:
            continue
        kept.append(row)
    return checked_plan(kept, one)


def slow_ticks(one, stays):
    """Tick by tick, with a queue of copies that hold what is left of them."""
    program, uses = one.program, one.uses
    size = (program.bytes // 512).tolist()
    queue, now = [], 0  # [ticks left, tensor, lowest address, highest address, direction]

    def tick():
        if queue:
            queue[0][0] -= 1
            if not queue[0][0]:
                queue.pop(0)

    def job(stay, way):
        low = stay.offset // 512
        return [size[stay.tensor], stay.tensor, low, low + size[stay.tensor] - 1, way]

    for i in range(len(program.compute)):
        queue += [job(s, "in") for s in stays if s.fetch_at == i]
        here = {s.tensor: s for s in stays if s.first <= i <= s.last}
        written = [s for s in stays if s.first == i and s.fetch_at < 0]

        def blocked(queue=queue, i=i, here=here, written=written):
            for _, tensor, low, high, way in queue:
                if tensor in uses.reads[i] and (way == "in") == (tensor in here):
                    return True
                for s in written:
                    a, b = s.offset // 512, s.offset // 512 + size[s.tensor] - 1
                    if low <= b and a <= high:
                        return True
            return False

        while blocked():
            tick()
            now += 1
        used = [*uses.reads[i], *uses.writes[i]]
        main = sum(size[t] for t in used if t not in here)
        near = sum(size[t] for t in used if t in here)
        took = max(int(program.compute[i]), main, (near + 4) // 5)
        for _ in range(took - main):
            tick()
        now += took
        for s in stays:
            later = any(s.tensor in reads for reads in uses.reads[i + 1 :])
            if s.last == i and s.fetch_at < 0 and (program.is_output[s.tensor] or later):
                queue.append(job(s, "out"))
    return now + sum(left for left, *_ in queue)


def test_plans_take_as_long_as_tick_by_tick_and_no_less_than_the_bound_on_200_random_programs():
    rng = np.random.default_rng(1)
    stalled = stays_seen = 0
    for _ in range(200):
        one = random_case(rng)
        stays = random_plan(rng, one)
        timing = run(one, stays)
        assert timing.ticks == slow_ticks(one, stays)
        assert bound_ticks(one) <= timing.ticks
        stalled += sum(timing.stall) > 0
        stays_seen += len(stays)
    assert stalled > 30 and stays_seen > 300, "the cases do try waits"


def test_a_small_program_by_hand():
    """Input 0 (4) -> tensor 2 (6); 2 and weight 1 (10) -> 3 (5), read and written out by the last instruction."""
    one = case([3, 2, 4], [([0], [2]), ([2, 1], [3]), ([3], [4])], [4, 10, 6, 5, 5], {0, 1}, {4}, 32)
    assert run(one, []).ticks == 10 + 21 + 10
    # 2 stays: 4 main, 6 near (2 ticks): max(3, 4, 2) = 4; then 15 main; nothing to copy back.
    assert run(one, [Stay(2, 0, 1, 0, -1)]).ticks == 4 + 15 + 10
    # 3 too, at other addresses: 4, then 10 main and 11 near, then 5 main.
    both = [Stay(2, 0, 1, 0, -1), Stay(3, 1, 2, 6 * 512, -1)]
    assert run(one, both).ticks == 4 + 10 + 5
    # The weight is queued before instruction 0, which leaves no tick of main memory's: all 10 are waited for.
    fetched = [*both, Stay(1, 1, 1, 11 * 512, 0)]
    timing = run(one, fetched)
    assert (timing.stall, timing.took) == ([0, 10, 0], [4, 5, 5])
    # The output is written near and copied back at the end.
    timing = run(one, [*both, Stay(4, 2, 2, 11 * 512, -1)])
    assert (timing.drain, timing.ticks) == (5, 4 + 10 + 4 + 5)
    assert bound_ticks(one) == max(3 + 4 + 4, 4 + 10 + 5) == 19


def test_a_tensor_that_is_written_where_a_copy_is_still_read_waits_for_it():
    """Tensor 1 is copied back as it is read once more at the end; tensor 2 takes its place at once."""
    uses = [([0], [1]), ([], [2]), ([1, 2], [3])]
    one = case([0, 0, 0], uses, [3, 4, 4, 1], {0}, {3}, 4)
    timing = run(one, [Stay(1, 0, 0, 0, -1), Stay(2, 1, 2, 0, -1)])
    assert timing.stall == [0, 4, 0]


def test_the_rules_of_the_baselines_give_plans_that_keep_to_all_rules():
    rng = np.random.default_rng(5)
    for _ in range(30):
        one = random_case(rng)
        for rule in PLANNERS:
            plan = [list(stay) for stay in rule.plan(one.program, one.fast_bytes)]
            run(one, checked_plan(plan, one))


def random_buffers(rng, most=8):
    count = int(rng.integers(1, most))
    lower = rng.integers(0, 8, count)
    return Buffers(lower.tolist(), (lower + rng.integers(1, 6, count)).tolist(), rng.integers(1, 6, count).tolist())


def test_loads_and_overlaps_are_those_of_every_cell_on_200_random_cases():
    rng = np.random.default_rng(2)
    overlapping = 0
    for _ in range(200):
        one = random_buffers(rng)
        offset = rng.integers(0, 16, len(one.size)).tolist()
        cells = [
            {(t, a) for t in range(low, up) for a in range(o, o + s)}
            for low, up, s, o in zip(one.lower, one.upper, one.size, offset, strict=True)
        ]
        pairs = {(j, k) for j, k in itertools.combinations(range(len(cells)), 2) if cells[j] & cells[k]}
        found = first_overlap(one.lower, one.upper, one.size, offset)
        assert (found is not None) == bool(pairs)
        assert found is None or tuple(sorted(found[1:])) in pairs
        overlapping += bool(pairs)
        there = [
            sum(s for a, b, s in zip(one.lower, one.upper, one.size, strict=True) if a <= t < b) for t in range(14)
        ]
        assert max_load(one.lower, one.upper, one.size) == max(there) == one.max_load
    assert 50 < overlapping < 190


def test_no_placement_of_a_few_buffers_beats_the_largest_load_and_rules_are_no_better_than_the_best():
    """The least peak by all orders with first fit, which holds an optimal one (Graham's list argument)."""
    rng = np.random.default_rng(3)
    for _ in range(25):
        one = random_buffers(rng, 6)
        n = range(len(one.size))
        best = min(
            peak_bytes(one, first_come.fit(order, one.lower, one.upper, one.size, 1 << 30))
            for order in itertools.permutations(n)
        )
        assert one.max_load <= best
        for rule in PLANNERS:
            offsets = rule.allocate(*one.arrays())
            assert first_overlap(one.lower, one.upper, one.size, offsets) is None
            assert peak_bytes(one, offsets) >= best
        assert peak_bytes(one, restarts.allocate(*one.arrays())) == pytest.approx(best, rel=0.2)
