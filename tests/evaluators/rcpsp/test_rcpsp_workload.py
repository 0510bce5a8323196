"""Our own projects: as the recipes say, the same everywhere, with figures that belong to them."""

from __future__ import annotations

import random

import pytest
from other_process import printed

from evaluators.rcpsp import Rcpsp
from evaluators.rcpsp.decoding import serial
from evaluators.rcpsp.evaluator import RcpspOptions
from evaluators.rcpsp.figures import LEAST_GAP, compute, digest, figures_of, naive_ticks, programs_digest, stored
from evaluators.rcpsp.project import makespan_bound_ticks, topological
from evaluators.rcpsp.workload import RECIPES, drawn_instance, own_instance
from evolve.evaluator import Split

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)
BOTH = {kind: Rcpsp(RcpspOptions(kind=kind)) for kind in RECIPES}


@pytest.mark.parametrize("kind", BOTH)
def test_every_project_is_the_one_its_figures_were_computed_from(kind):
    for split in OWN:
        cases = BOTH[kind].instances(split)
        assert len(cases) == len(RECIPES[kind][split])
        for case in cases[::4]:
            assert digest(case) == stored(kind).digests[case.id]
    assert stored().programs == programs_digest(), "run python -m evaluators.rcpsp.reference"


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOTH)
def test_every_project_of_all_splits_is_the_one_its_figures_were_computed_from(kind):
    for split in OWN:
        for case in BOTH[kind].instances(split):
            assert digest(case) == stored(kind).digests[case.id]


@pytest.mark.slow
def test_projects_tell_programs_apart_and_no_figure_is_below_the_bound():
    for split in OWN:
        for case in BOTH["makespan"].instances(split):
            known = figures_of(case)
            assert known.naive - known.reference >= LEAST_GAP * known.naive
        for case in BOTH["makespan"].instances(split)[::4]:
            assert figures_of(case).naive == naive_ticks(case.project)
            assert makespan_bound_ticks(case.project) <= figures_of(case).reference <= compute(case).reference
        for case in BOTH["feasible"].instances(split)[::4]:
            assert figures_of(case) == compute(case)
            assert figures_of(case).naive > 0


def test_stored_optima_are_proved_again_on_a_sample():
    pytest.importorskip("ortools")
    from evaluators.rcpsp.reference import solved

    for case in BOTH["makespan"].instances(Split.TRAIN)[:2]:
        known = figures_of(case)
        assert known.proved
        naive = serial(case.project, range(case.project.tasks), case.horizon)
        assert solved(case.project, naive) == (known.reference, True)


def test_every_feasible_project_of_a_sample_can_be_done():
    """Asked of a solver, which knows nothing of the schedule that a project was built around."""
    cp_model = pytest.importorskip("ortools.sat.python.cp_model")
    for case in BOTH["feasible"].instances(Split.TRAIN)[::7]:
        project, model = case.project, cp_model.CpModel()
        starts = [
            model.new_int_var(r, (case.horizon if d < 0 else d) - long, "")
            for r, d, long in zip(project.release, project.deadline, project.duration, strict=True)
        ]
        runs = [model.new_fixed_size_interval_var(s, d, "") for s, d in zip(starts, project.duration, strict=True)]
        for task, following in enumerate(project.successors):
            for s in following:
                model.add(starts[s] >= starts[task] + project.duration[task])
        for k, capacity in enumerate(project.capacity):
            users = [t for t in range(project.tasks) if project.demand[t][k]]
            down = [(a, b) for r, a, b in project.downtime if r == k]
            blocked = [model.new_fixed_size_interval_var(a, b - a, "") for a, b in down]
            for block in blocked:
                for t in users:
                    model.add_no_overlap([runs[t], block])
            model.add_cumulative([runs[t] for t in users], [project.demand[t][k] for t in users], capacity)
        for a, b in project.exclusive:
            model.add_no_overlap([runs[a], runs[b]])
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        assert solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE), case.id


def test_projects_are_the_same_in_another_process_whatever_the_hash_seed():
    program = (
        "from evaluators.rcpsp.figures import digest; from evaluators.rcpsp.workload import own_instance\n"
        "from evolve.evaluator import Split\n"
        "print([digest(own_instance(k, s, 1, 0)) for k in ('makespan', 'feasible') for s in (Split.TRAIN, Split.TEST)])"
    )
    here = [digest(own_instance(k, s, 1, 0)) for k in BOTH for s in (Split.TRAIN, Split.TEST)]
    assert printed(program) == str(here)


def test_networks_are_acyclic_without_redundant_arcs_and_as_dense_as_asked():
    for case in BOTH["makespan"].instances(Split.TRAIN)[::3]:
        project = case.project
        after: list[set[int]] = [set() for _ in range(project.tasks)]
        for task in reversed(topological(project)):
            for s in project.successors[task]:
                assert not any(s in after[o] for o in project.successors[task] if o != s), "redundant"
            after[task] = set(project.successors[task]).union(*(after[s] for s in project.successors[task]))
        arcs = sum(map(len, project.successors))
        assert 1.3 <= arcs / project.tasks <= 2.2
        assert all(max(n) <= c for n, c in zip(zip(*project.demand, strict=True), project.capacity, strict=True))


def test_task_numbers_carry_no_information():
    """In about half of the arcs the successor has the lower number."""
    arcs = [
        (task, s)
        for case in BOTH["makespan"].instances(Split.TRAIN)
        for task, following in enumerate(case.project.successors)
        for s in following
    ]
    assert 0.45 < sum(a < b for a, b in arcs) / len(arcs) < 0.55


@pytest.mark.parametrize("kind", BOTH)
def test_fresh_projects_are_new_and_tell_programs_apart(kind):
    seed = random.Random(3).getrandbits(60)
    drawn = BOTH[kind].fresh(Split.TEST, seed, 2)
    assert [digest(case) for case in drawn] == [digest(case) for case in BOTH[kind].fresh(Split.TEST, seed, 2)]
    assert not {digest(case) for case in drawn} & set(stored(kind).digests.values())
    assert all(figures_of(case).naive > figures_of(case).reference for case in drawn)


def test_a_project_that_is_drawn_again_has_figures_of_its_own():
    """Both draws have one id: the second one must not get the figures of the first, or it would be drawn for ever."""
    first, second = (drawn_instance("feasible", Split.TRAIN, "train/again", 0, attempt) for attempt in (0, 1))
    assert first.id == second.id
    assert figures_of(first) == compute(first)
    assert figures_of(second) == compute(second)
    assert compute(first) != compute(second)
