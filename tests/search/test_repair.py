from __future__ import annotations

import pytest

from evolve.search import RepairDesk


def test_without_a_broken_program_there_is_nothing_to_repair() -> None:
    assert RepairDesk(2).next() is None


def test_the_more_promising_program_goes_first_and_then_the_other_gets_its_turn() -> None:
    desk = RepairDesk(2)
    desk.broken(1, 0.2, "NameError: a")
    desk.broken(2, 0.6, "NameError: b")
    order = []
    for _ in range(4):
        found = desk.next()
        assert found is not None
        order.append(found[0])
        desk.begun(found[0])
        desk.tried(found[0], 99, False, None)
    assert order[0] == 2
    assert sorted(order) == [1, 1, 2, 2]
    assert desk.next() is None, "both had their two tries and the error never changed"


def test_tries_under_way_count_so_that_not_everybody_repairs_the_same() -> None:
    desk = RepairDesk(2)
    desk.broken(1, 0.5, "NameError: a")
    for _ in range(2):
        assert desk.next() is not None
        desk.begun(1)
    assert desk.next() is None


def test_a_repaired_program_is_done_and_so_is_one_whose_error_stays() -> None:
    desk = RepairDesk(1)
    desk.broken(1, 0.5, "NameError: a")
    desk.begun(1)
    desk.tried(1, 2, True, None)
    assert desk.next() is None
    desk.broken(3, 0.5, "ValueError: 17 is not 18")
    desk.begun(3)
    desk.tried(3, 4, False, "Traceback\nValueError: 99 is not 100")
    assert desk.next() is None, "the same error with other numbers is the same error"


def test_while_the_error_changes_the_repair_goes_on_from_where_it_got_to_but_not_for_ever() -> None:
    desk = RepairDesk(1)
    desk.broken(1, 0.5, "SyntaxError: first")
    head, tries = 1, 0
    while (found := desk.next()) is not None:
        assert found[0] == head
        tries += 1
        desk.begun(head)
        desk.tried(head, head + 1, False, f"Error{'abcdefgh'[tries]}: another")
        head += 1
    assert tries == 3


@pytest.mark.parametrize("needed, cap", [([1, 1, 1, 1], 1), ([1, 1, 1, 4], 2), ([1, 3, 3, 5], 4), ([2, 2, 2], 2)])
def test_the_cap_is_the_third_quartile_of_the_turns_that_past_repairs_needed(needed: list[int], cap: int) -> None:
    desk = RepairDesk(2)
    for id, turns in enumerate(needed, 1):
        desk.broken(10 * id, 0.5, "NameError: a")
        for _ in range(turns - 1):
            desk.tried(10 * id, 10 * id + 1, False, None)
        desk.tried(10 * id, 10 * id + 1, True, None)
    assert desk.cap == cap


def test_a_desk_remembers_a_bounded_number_of_programs() -> None:
    desk = RepairDesk(2)
    for id in range(1, 1001):
        desk.broken(id, 1.0 / id, "NameError: a")
    assert len(desk._cases) == 64
    found = desk.next()
    assert found is not None and found[0] == 937
