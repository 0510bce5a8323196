"""MiniMalloc's sets and our own: the figures that were measured before, and what the draws are like."""

from __future__ import annotations

import numpy as np
import pytest

from evaluators.memory_mapping import MemoryMapping
from evaluators.memory_mapping.baselines import by_size, first_come, greedy_benefit, restarts
from evaluators.memory_mapping.buffers import peak_bytes
from evaluators.memory_mapping.evaluator import MemoryMappingOptions
from evaluators.memory_mapping.figures import compute, digest, figures_of, programs_digest, stored
from evaluators.memory_mapping.public_format import public_buffers
from evaluators.memory_mapping.rectangles import first_overlap, max_load
from evaluators.memory_mapping.workload import RECIPES, drawn_instance, own_instance
from evolve.evaluator import Split

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)
PUBLIC = {one.id.split("/")[1]: one for one in public_buffers()}
LOAD = {"C": 0.991, "D": 0.940, "J": 0.943}
"""Largest load over capacity where it is not 1."""
BY_START = dict(zip("ABCDEFGHIJK", (1.71, 1.60, 1.69, 1.42, 1.84, 1.20, 1.17, 1.26, 1.82, 1.84, 2.27), strict=True))
BY_SIZE = dict(zip("ABCDEFGHIJK", (1.29, 1.36, 1.36, 1.32, 1.37, 1.29, 1.45, 1.31, 1.41, 1.31, 1.29), strict=True))


def over_load(rule, one):
    return peak_bytes(one.buffers, rule.allocate(*one.buffers.arrays())) / one.buffers.max_load


def test_the_public_sets_are_as_large_and_as_full_as_published():
    assert [len(one.buffers.size) for one in PUBLIC.values()] == [154, 170, 203, 213, 215, 296, 308, 316, 374, 409, 454]
    for name, one in PUBLIC.items():
        assert one.capacity == 2**20
        assert one.buffers.max_load / one.capacity == pytest.approx(LOAD.get(name, 1.0), abs=5e-4)


@pytest.mark.parametrize("name", PUBLIC)
def test_peaks_by_start_and_by_size_are_those_that_were_measured(name):
    """By start to the digit. By size ties were broken in another way: F and G differ by 7 %, the others by less."""
    assert over_load(first_come, PUBLIC[name]) == pytest.approx(BY_START[name], abs=0.006)
    assert over_load(by_size, PUBLIC[name]) == pytest.approx(BY_SIZE[name], rel=0.07)
    by_area = over_load(greedy_benefit, PUBLIC[name])
    assert (1.34 if name in "FGH" else 1.50) <= by_area <= (1.41 if name in "FGH" else 2.34)


def test_the_best_simple_rule_flips_between_the_two_families_here_and_in_our_own_draws():
    for name in PUBLIC:
        assert (over_load(first_come, PUBLIC[name]) < over_load(by_size, PUBLIC[name])) == (name in "FGH")
    better: dict[str, list[bool]] = {"spread": [], "even": []}
    for recipe, one in zip(RECIPES["offsets"][Split.TRAIN], MemoryMapping().instances(Split.TRAIN), strict=True):
        known = figures_of(one)
        better[recipe.style].append(known.rival < known.naive)
    assert sum(better["spread"]) <= 1 and all(better["even"])


def test_perturbed_restarts_come_where_they_were_measured():
    """120 of them gave 1.17 to 1.29 over the sets; on the large ones ours are fewer, to stay within a second."""
    found = [over_load(restarts, PUBLIC[name]) for name in "AF"]
    assert all(1.1 < ratio < 1.29 for ratio in found), found


def test_our_own_buffers_are_like_the_public_ones_and_fill_their_memory():
    for style, log_sd, lives in (
        ("spread", (0.9, 1.7), (0.004, 0.03, 0.9)),
        ("even", (0.2, 0.36), (0.015, 0.025, 0.06)),
    ):
        for slot, recipe in enumerate(RECIPES["offsets"][Split.TRAIN]):
            if recipe.style != style:
                continue
            one = own_instance("offsets", Split.TRAIN, slot, 0)
            buffers = one.buffers
            life = (np.array(buffers.upper) - buffers.lower) / 4096
            assert log_sd[0] < np.log(buffers.size).std() < log_sd[1]
            low, middle, high = np.quantile(life, [0.1, 0.5, 0.9])
            assert lives[0] < low < middle < high <= lives[2] + 0.05 and middle > lives[1]
            assert buffers.max_load == one.capacity == 2**20
            area = sum(s * (b - a) for s, a, b in zip(buffers.size, buffers.lower, buffers.upper, strict=True))
            assert 0.9 < area / (4096 * 2**20) < 1


def test_programs_are_what_the_statement_says():
    for slot in range(0, 10, 4):
        one = own_instance("placement", Split.TRAIN, slot, 0)
        program, uses = one.program, one.uses
        for i, (reads, writes) in enumerate(zip(uses.reads, uses.writes, strict=True)):
            assert len({*reads, *writes}) == len(reads) + len(writes)
            assert all(uses.producer[t] < i for t in reads)
        for tensor, given in enumerate(program.is_input.tolist()):
            assert (uses.producer[tensor] < 0) == given
            assert sum(tensor in writes for writes in uses.writes) == (not given)
        assert program.is_output.sum() == 2 and not (program.is_output & program.is_input).any()
        assert not (program.bytes % 512).any() and program.bytes.min() > 0
        start = [last if made < 0 else made for made, last in zip(uses.producer, uses.last, strict=True)]
        most = max_load(start, [last + 1 for last in uses.last], program.bytes.tolist())
        assert one.fast_bytes % 512 == 0 and 0.14 < one.fast_bytes / most <= 0.6


@pytest.mark.parametrize("kind", RECIPES)
def test_every_instance_is_the_one_its_figures_were_computed_from(kind):
    evaluator = MemoryMapping(MemoryMappingOptions(kind=kind))
    for split in OWN:
        cases = evaluator.instances(split)
        assert len(cases) == len(RECIPES[kind][split])
        for case in cases[::5]:
            assert digest(case) == stored(kind).digests[case.id]
        assert compute(cases[0]) == figures_of(cases[0])
        assert all(figures_of(case).reference <= 0.9 * figures_of(case).naive for case in cases)
    assert stored(kind).programs == programs_digest(), "run python -m evaluators.memory_mapping.reference"


def test_another_name_or_attempt_gives_other_draws_and_the_same_one_the_same():
    first, again = own_instance("offsets", Split.TRAIN, 0, 0), drawn_instance("offsets", Split.TRAIN, "train/0", 0, 0)
    assert first == again and first.buffers == again.buffers
    assert own_instance("offsets", Split.TRAIN, 0, 1).buffers != first.buffers
    assert first_overlap([0, 3], [3, 5], [4, 4], [0, 0]) is None
