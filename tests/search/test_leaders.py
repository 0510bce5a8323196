"""Who is best on each instance, and who is shown to whom."""

from __future__ import annotations

from evolve.scoring import Status
from evolve.search import Leaders
from evolve.trial import Trial


def told(*rows: tuple[float, ...]) -> Leaders:
    """Return leaders that heard of programs 0, 1, ... with these scores."""
    leaders = Leaders()
    for id, scores in enumerate(rows):
        mean = sum(scores) / len(scores)
        leaders.tell(Trial(id, None if id == 0 else 0, status=Status.OK, score=mean, scores=scores))
    return leaders


def test_the_first_of_equally_good_ones_leads() -> None:
    assert told((0, 0, 5), (9, 0, 5), (9, 3, 4)).best() == ((1, 9), (2, 3), (0, 5))


def test_who_beats_the_parent_nowhere_is_not_shown_and_who_leads_where_it_is_behind_is() -> None:
    leaders = told((0, 0, 0), (50, 50, 50), (40, 40, 40), (0, 0, 90), (0, 70, 0))
    assert leaders.worth_showing(1, (2, 0)) == (3, 4), "40 points before 20"
    assert leaders.worth_showing(1, (4, 2)) == (4, 3), "what the strategy chose goes first where it is of use"
    assert leaders.worth_showing(1, ()) == (), "a strategy that shows nobody is left to it"


def test_who_comes_second_brings_what_the_first_does_not() -> None:
    leaders = told((0, 0, 0), (50, 50, 50), (0, 0, 95), (0, 0, 90), (0, 70, 0))
    assert leaders.worth_showing(1, (3, 2)) == (3, 4), "program 2 is only a little ahead of program 3"


def test_two_are_joined_only_when_each_is_ahead_somewhere() -> None:
    leaders = told((0, 0, 0), (50, 50, 50), (60, 60, 60), (0, 0, 90), (0, 0, 0))
    assert leaders.partner(1, (2, 3)) == 3, "program 2 is ahead everywhere, there is nothing to take from 1"
    assert leaders.partner(1, (2, 4)) is None
    assert Leaders().partner(1, (2, 3)) == 2


def test_the_seed_inspires_nobody_and_a_program_that_leads_everywhere_is_shown_nobody() -> None:
    leaders = told((80, 0, 0), (50, 50, 50), (90, 60, 60))
    assert leaders.worth_showing(1, (0,)) == (2,)
    assert leaders.worth_showing(2, (1, 0)) == ()


def test_the_scores_of_those_that_have_any_are_told_by_instance() -> None:
    leaders = told((0, 0.5), (9, 3))
    leaders.tell(Trial(3, 0, status=Status.OK, score=1.0, scores=(1.0, None)))
    assert leaders.scores((0, 2, 3, 70)) == {0: (0.0, 0.5), 3: (1.0, None)}
    assert Leaders().scores((0,)) == {}


def test_ten_thousand_programs_are_remembered_and_none_without_scores_is_a_trouble() -> None:
    leaders = told((0.0, 0.0))
    for id in range(1, 10_001):
        leaders.tell(Trial(id, 0, status=Status.OK, score=1.0, scores=(float(id), None)))
    leaders.tell(Trial(10_001, 0, status=Status.ERROR))
    assert leaders.best() == ((10_000, 10_000.0), (0, 0.0))
    assert leaders.worth_showing(10_001, (5,)) == (5,), "of a program without scores nothing is known"
    assert leaders.worth_showing(3, (2, 4)) == (4, 10_000)
