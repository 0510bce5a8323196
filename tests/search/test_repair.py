from __future__ import annotations

import pytest

from evolve.mutate.mutation import Kind
from evolve.scoring import Status
from evolve.search import Lineage, RepairDesk
from evolve.trial import Selection, Trial


def desk_of(first_cap: int) -> RepairDesk:
    return RepairDesk(Lineage(), first_cap)


def repair(id: int) -> Selection:
    return Selection(99, id, (), "", "", "m", Kind.REPAIR)


def test_without_a_broken_program_there_is_nothing_to_repair() -> None:
    assert desk_of(2).next() is None


def test_the_more_promising_program_goes_first_and_then_the_other_gets_its_turn() -> None:
    desk = desk_of(2)
    desk.broken(1, 0.2, "NameError: a")
    desk.broken(2, 0.6, "NameError: b")
    order = []
    for _ in range(4):
        found = desk.next()
        assert found is not None
        order.append(found[0])
        desk.begun(repair(found[0]))
        desk.tried(found[0], 99, False, None)
    assert order[0] == 2
    assert sorted(order) == [1, 1, 2, 2]
    assert desk.next() is None, "both had their two tries and the error never changed"


def test_tries_under_way_count_so_that_not_everybody_repairs_the_same() -> None:
    desk = desk_of(2)
    desk.broken(1, 0.5, "NameError: a")
    for _ in range(2):
        assert desk.next() is not None
        desk.begun(repair(1))
    assert desk.next() is None


def test_a_repaired_program_is_done_and_so_is_one_whose_error_stays() -> None:
    desk = desk_of(1)
    desk.broken(1, 0.5, "NameError: a")
    desk.begun(repair(1))
    desk.tried(1, 2, True, None)
    assert desk.next() is None
    desk.broken(3, 0.5, "ValueError: 17 is not 18")
    desk.begun(repair(3))
    desk.tried(3, 4, False, "Traceback\nValueError: 99 is not 100")
    assert desk.next() is None, "the same error with other numbers is the same error"


def test_while_the_error_changes_the_repair_goes_on_from_where_it_got_to_but_not_for_ever() -> None:
    desk = desk_of(1)
    desk.broken(1, 0.5, "SyntaxError: first")
    head, tries = 1, 0
    while (found := desk.next()) is not None:
        assert found[0] == head
        tries += 1
        desk.begun(repair(head))
        desk.tried(head, head + 1, False, f"Error{'abcdefgh'[tries]}: another")
        head += 1
    assert tries == 3


@pytest.mark.parametrize("needed, cap", [([1, 1, 1, 1], 1), ([1, 1, 1, 4], 2), ([1, 3, 3, 5], 4), ([2, 2, 2], 2)])
def test_the_cap_is_the_third_quartile_of_the_turns_that_past_repairs_needed(needed: list[int], cap: int) -> None:
    desk = desk_of(2)
    for id, turns in enumerate(needed, 1):
        desk.broken(10 * id, 0.5, "NameError: a")
        for _ in range(turns - 1):
            desk.tried(10 * id, 10 * id + 1, False, None)
        desk.tried(10 * id, 10 * id + 1, True, None)
    assert desk.cap == cap


def test_a_desk_remembers_a_bounded_number_of_programs() -> None:
    desk = desk_of(2)
    for id in range(1, 1001):
        desk.broken(id, 1.0 / id, "NameError: a")
    assert len(desk._cases) == 64
    found = desk.next()
    assert found is not None and found[0] == 937


def test_a_program_that_a_model_broke_is_as_promising_as_its_last_sound_ancestor_was_good() -> None:
    lineage = Lineage()
    desk = RepairDesk(lineage, 2)
    for trial in (
        Trial(0, None, status=Status.OK, score=0.0),
        Trial(1, 0, status=Status.OK, score=40.0, called=True, answered=True),
        Trial(2, 0, status=Status.ERROR, called=True, answered=True, failure="NameError: a"),
        Trial(3, 1, status=Status.ERROR, called=True, answered=True, failure="NameError: b"),
        Trial(4, 1, status=Status.ERROR, failure="of the built-in mutator: nobody repairs it"),
    ):
        lineage.tell(trial)
        desk.tell(trial)
    found = desk.next()
    assert found is not None and found[0] == 3
    assert sorted(desk._cases) == [2, 3]
    repaired = Trial(5, 3, asked=Kind.REPAIR, status=Status.OK, score=41.0, called=True, answered=True)
    lineage.tell(repaired)
    desk.tell(repaired)
    assert sorted(desk._cases) == [2]
