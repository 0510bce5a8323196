"""What a step does: kind, model, repair, insight; every choice follows from what was heard."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from evolve.config import BUILTIN, RunConfig, resolve
from evolve.errors import UsageError
from evolve.loop.choosing import Chooser
from evolve.mutate.mutation import Kind
from evolve.scoring import Status
from evolve.search import fixed_mix
from evolve.search.strategies import known_strategies
from evolve.trial import Fate, Selection, Trial


def configured(*names: str, **flags: Any) -> RunConfig:
    given = {key.replace("__", "."): value for key, value in flags.items()}
    return resolve(None, [], {"model.names": names or ("m",), **given})


def chooser(config: RunConfig, seed_score: float = 10.0) -> Chooser:
    made = Chooser(config)
    made.tell(Trial(0, None, status=Status.OK, score=seed_score))
    return made


def ended(selection: Selection, score: float | None, fate: Fate = Fate.SCORED, **facts: Any) -> Trial:
    status = None if fate is not Fate.SCORED else Status.ERROR if score is None else Status.OK
    called = selection.mutator != BUILTIN
    return Trial(
        selection.step,
        selection.parent_id,
        selection.place,
        selection.kind,
        selection.kind or "constant",
        selection.mutator,
        selection.inspirations,
        fate,
        status,
        score,
        **{"called": called, "answered": called, "call_tokens": 100, "cost_usd": 0.01, **facts},
    )


def step(made: Chooser, number: int, score: float | None, fate: Fate = Fate.SCORED, **facts: Any) -> Selection:
    selection = made.choose(number)
    made.begun(selection)
    made.tell(ended(selection, score, fate, **facts))
    return selection


def test_the_builtin_mutator_is_asked_for_no_kind() -> None:
    selection = chooser(configured(BUILTIN)).choose(1)
    assert (selection.mutator, selection.kind, selection.novelty) == (BUILTIN, "", None)


def test_the_seed_is_neither_shortened_nor_crossed_nor_repaired() -> None:
    made = chooser(configured(search__strategy="sampling"))
    step(made, 1, 5.0)
    assert {made.choose(number).kind for number in range(2, 62)} == {Kind.EDIT, Kind.REWRITE, Kind.EXPLORE}


def test_whole_programs_are_asked_for_until_a_first_one_has_a_score() -> None:
    kinds = {chooser(configured(seed=seed)).choose(1).kind for seed in range(60)}
    assert kinds == {Kind.REWRITE, Kind.EXPLORE}
    open_ = chooser(configured())
    for number in (1, 2):
        open_.begun(open_.choose(number))
    assert {kind for _, kind in open_.background(0).flying} == kinds, "one of each"
    made = chooser(configured(mutation__mix="repair"))
    step(made, 1, None, failure="NameError: x")
    assert made.choose(2).kind == Kind.REPAIR, "a program that fails is repaired all the same"
    assert chooser(configured(mutation__mix="edit")).choose(1).kind == Kind.EDIT, "the mix goes before"


def test_only_a_program_that_has_grown_is_asked_to_be_shorter() -> None:
    for tokens, is_asked in ((120, False), (160, True)):
        made = Chooser(configured())
        made.tell(Trial(0, None, status=Status.OK, score=10.0, tokens=100))
        step(made, 1, 20.0, tokens=tokens)
        step(made, 2, 30.0, tokens=tokens)
        kinds = {made.choose(number).kind for number in range(3, 103)}
        assert (Kind.SIMPLIFY in kinds) == is_asked


def test_what_would_be_nearly_the_same_question_is_not_asked_twice_at_once() -> None:
    made = Chooser(configured(search__strategy="climbing"))
    made.tell(Trial(0, None, status=Status.OK, score=10.0, tokens=100))
    step(made, 1, 20.0, tokens=160)
    kinds = []
    for number in range(2, 62):
        selection = made.choose(number)
        made.begun(selection)
        kinds.append(selection.kind)
    assert Counter(kinds)[Kind.SIMPLIFY] == 1


def test_two_programs_are_crossed_when_each_is_ahead_somewhere() -> None:
    made = chooser(configured())
    step(made, 1, 20.0, scores=(40.0, 0.0))
    step(made, 2, 15.0, scores=(0.0, 30.0))
    step(made, 3, 10.0, scores=(20.0, 0.0))
    choices = [made.choose(number) for number in range(4, 300)]
    crossed = {(choice.parent_id, choice.inspirations) for choice in choices if choice.kind == Kind.CROSSOVER}
    assert {(1, (2,)), (2, (1,))} <= {(parent, shown[:1]) for parent, shown in crossed}
    assert all(0 not in choice.inspirations for choice in choices if choice.kind != Kind.REPAIR)
    assert not any({3} & set(choice.inspirations) for choice in choices if choice.parent_id == 1), "3 beats it nowhere"


def test_a_broken_program_is_repaired_and_its_last_sound_ancestor_shown() -> None:
    made = chooser(configured(mutation__mix="repair"))
    first = step(made, 1, None, failure="NameError: x")
    assert first.kind == Kind.EDIT, "nothing of the mix is possible yet"
    second = made.choose(2)
    assert (second.kind, second.parent_id, second.inspirations, second.place) == (Kind.REPAIR, 1, (0,), first.place)


def test_a_repair_is_worth_what_it_brings_over_the_last_sound_program() -> None:
    made = chooser(configured(mutation__mix="repair"))
    step(made, 1, None, failure="NameError: x")
    step(made, 2, 35.0)
    assert "repair: gain 0.5" in made._kinds.evidence(Kind.REPAIR)
    assert made.choose(3).kind == Kind.EDIT, "it is repaired"


def test_a_fixed_mix_is_drawn_as_it_says() -> None:
    made = chooser(configured(mutation__mix="edit=3,rewrite=1"))
    kinds = Counter(made.choose(number).kind for number in range(1, 801))
    assert set(kinds) == {Kind.EDIT, Kind.REWRITE}
    assert 540 < kinds[Kind.EDIT] < 660


@pytest.mark.parametrize(
    "mix, text",
    [
        ("edti=3", "--mutation edti=3: kind 'edti' is unknown. Did you mean 'edit'? Known: edit, rewrite,"),
        ("edit=x", "--mutation edit=x: 'edit=x': expected kind=weight, such as edit=3."),
        ("edit=-1", "--mutation edit=-1: 'edit=-1': expected kind=weight"),
        ("insight=1", "--mutation insight=1: kind 'insight' is unknown."),
    ],
)
def test_a_wrong_mix_is_named_in_one_line(mix: str, text: str) -> None:
    with pytest.raises(UsageError) as error:
        fixed_mix(configured(mutation__mix=mix).mutation.mix)
    assert str(error.value).startswith(text)


def test_the_model_that_improves_for_less_is_asked_more_often() -> None:
    made = chooser(configured("good", "bad", prompt__insights_every=0))
    best = 10.0
    for number in range(1, 101):
        selection = made.choose(number)
        made.begun(selection)
        best += selection.mutator == "good"
        made.tell(ended(selection, best if selection.mutator == "good" else 1.0))
    asked = Counter(made.choose(number).mutator for number in range(101, 401))
    assert asked["good"] > 240


def test_models_that_are_busy_are_not_drawn() -> None:
    made = chooser(configured("a", "b"))
    assert {made.choose(number, frozenset({"b"})).mutator for number in range(1, 30)} == {"b"}


def test_a_server_that_does_not_answer_loses_its_share() -> None:
    made = chooser(configured("good", "dead", prompt__insights_every=0))
    for number in range(1, 101):
        selection = made.choose(number)
        made.begun(selection)
        if selection.mutator == "dead":
            made.tell(ended(selection, None, Fate.CALL_ERROR, answered=False, call_tokens=0, cost_usd=None))
        else:
            made.tell(ended(selection, 5.0 + number / 10))
    asked = Counter(made.choose(number).mutator for number in range(101, 401))
    assert asked["dead"] < 60


def test_after_every_few_improvements_an_insight_is_written_down_once() -> None:
    made = chooser(configured(prompt__insights_every=3, mutation__mix="edit"))
    for number in range(1, 4):
        step(made, number, 10.0 + number)
    insight = made.choose(4)
    assert (insight.kind, insight.parent_id, insight.inspirations) == (Kind.INSIGHT, 3, (1, 2, 3))
    made.begun(insight)
    assert made.choose(5).kind == Kind.EDIT, "it is under way"
    made.tell(ended(insight, None, Fate.INSIGHT, note="sort"))
    learnt = made.background(3)
    assert [(i.id, i.line, i.subjects) for i in learnt.insights] == [(4, "sort", (1, 2, 3))]
    assert learnt.related == {4} and made.background(0).related == frozenset()


def test_a_prompt_is_told_what_was_tried_from_its_parent_and_which_ideas_are_taken() -> None:
    made = chooser(configured(mutation__mix="edit", prompt__insights_every=0))
    tried = [
        step(made, 1, 40.0, idea="Sort by size."),
        step(made, 2, None, failure="Traceback\nNameError: y"),
        step(made, 3, None, Fate.PARSE_ERROR),
    ]
    attempts = [attempt for parent in {s.parent_id for s in tried} for attempt in made.background(parent).attempts]
    assert sorted((a.id, a.outcome, a.note, a.idea, a.gain) for a in attempts) == [
        (1, "ok", "", "Sort by size.", 30.0),
        (2, "error", "NameError: y", "", None),
        (3, "parse_error", "", "", None),
    ]
    assert [(a.id, a.idea) for a in made.background(0).taken] == [(1, "Sort by size.")]


def test_what_failed_or_brought_nothing_is_told_to_all_with_its_idea_and_its_cause() -> None:
    made = chooser(configured(mutation__mix="edit", prompt__insights_every=0))
    step(made, 1, 40.0, idea="Sort by size.")
    step(made, 2, 9.0, idea="Sort by name.")
    step(made, 3, None, idea="Sort by y.", failure="Traceback\nNameError: y")
    tried = made.background(1).tried
    assert [(a.idea, a.note, a.score) for a in tried] == [
        ("Sort by name.", "", 9.0),
        ("Sort by y.", "NameError: y", None),
    ]


def test_a_question_knows_of_those_that_are_open_on_the_same_program() -> None:
    made = chooser(configured(mutation__mix="edit", prompt__insights_every=0))
    for number in (1, 2):
        made.begun(made.choose(number))
    assert made.background(0).flying == ((1, "edit"), (2, "edit"))
    assert (made.background(0).turn, made.background(1).flying) == (2, ())
    made.tell(ended(made.choose(1), 20.0))
    assert made.background(0).flying == ((2, "edit"),)
    assert made.background(0).turn == 2, "other instances are shown the third time"


def test_what_a_prompt_is_told_does_not_grow_with_the_run() -> None:
    made = chooser(configured(mutation__mix="edit", prompt__insights_every=2))
    sizes = []
    for number in range(1, 1201):
        step(made, number, number % 97 / 10, idea=f"Idea {number}.", scores=(float(number % 89), 1.0))
        told = made.background(number % 7)
        sizes.append(len(told.attempts) + len(told.insights) + len(told.taken) + len(told.tried) + len(told.leaders))
    assert max(sizes[600:]) <= max(sizes[:600])


def test_a_list_that_prompts_begin_with_is_only_added_to_until_half_of_it_goes() -> None:
    made = chooser(configured(mutation__mix="edit", prompt__insights_every=0))
    before: tuple[int, ...] = ()
    cuts = 0
    for number in range(1, 60):
        step(made, number, 5.0, idea=f"Idea {number}.")
        now = tuple(attempt.id for attempt in made.background(0).tried)
        cuts += now[: len(before)] != before
        before = now
    assert cuts == 6, "once in eight steps, not at each"


def test_a_search_that_stalls_has_a_model_say_why_and_then_waits_as_long_again() -> None:
    made = chooser(configured(prompt__insights_every=2, mutation__mix="edit"))
    for number in range(1, 7):
        assert step(made, number, None if number == 4 else float(9 - number), failure="x").kind == Kind.EDIT
    insight = made.choose(7)
    assert (insight.kind, insight.reason) == (Kind.INSIGHT, "6 attempts without a new best")
    assert 4 in insight.inspirations and len(insight.inspirations) == 4
    made.begun(insight)
    made.tell(ended(insight, None, Fate.INSIGHT, note="nothing helps"))
    for number in range(8, 14):
        assert step(made, number, 1.0).kind == Kind.EDIT
    assert made.choose(14).kind == Kind.INSIGHT


def test_the_builtin_mutator_writes_nothing_down_when_it_stalls() -> None:
    made = chooser(configured(BUILTIN, prompt__insights_every=2))
    assert {step(made, number, 1.0).kind for number in range(1, 30)} == {""}


def test_children_as_like_as_those_that_scored_the_same_are_turned_down_all_but_one_in_ten() -> None:
    made = chooser(configured(mutation__mix="edit", prompt__insights_every=0))
    for number in range(1, 61):
        step(made, number, 10.0, nearest=0, likeness=0.99)
    bars = [made.choose(number).novelty for number in range(61, 561)]
    assert {bar for bar in bars if bar is not None} == {0.98}
    assert 25 < sum(bar is None for bar in bars) < 80
    plain = chooser(configured(mutation__novelty=False))
    for number in range(1, 61):
        step(plain, number, 10.0, nearest=0, likeness=0.99)
    assert plain.choose(61).novelty is None


@pytest.mark.parametrize("strategy", sorted(known_strategies()))
def test_where_there_is_no_seed_the_first_program_with_a_score_stands_for_it(strategy: str) -> None:
    made = Chooser(configured(search__strategy=strategy))
    made.tell(Trial(0, None, status=Status.INFEASIBLE))
    first = step(made, 1, None, Fate.PARSE_ERROR)
    assert (first.parent_id, first.kind, first.inspirations) == (0, Kind.REWRITE, ())
    step(made, 2, None, failure="NameError: x")
    early = made.choose(3)  # in flight while another one becomes the first with a score
    made.begun(early)
    assert (early.parent_id, early.kind) == (2, Kind.REPAIR)
    step(made, 4, 12.0, tokens=9)
    made.tell(ended(early, 11.0))
    for number in range(5, 25):
        chosen = step(made, number, 12.0 + number % 3, tokens=9)
        assert chosen.parent_id > 0 or strategy == "sampling"
        assert 0 not in chosen.inspirations
