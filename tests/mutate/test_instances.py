"""What a prompt tells of the instances: the most telling first, and others by turns."""

from __future__ import annotations

import dataclasses
import random

from evolve.mutate.mutation import Attempt, Example, Kind, Request
from evolve.mutate.prompts.content import Shown, task
from evolve.mutate.prompts.instances import feedback, leads, standings
from evolve.mutate.prompts.prompt import build_prompt
from evolve.mutate.prompts.scale import Mark, Scale

NAMES = tuple(f"train/{n}" for n in range(6))


def program(id: int, *scores: float | None, score: float | None = 10.0) -> Example:
    instances = tuple((name, s, f"feedback {name}.") for name, s in zip(NAMES, scores, strict=False))
    return Example(id, f"def f():\n    return {id}\n", "ok", score, {}, instances)


def request(parent: Example, **more: object) -> Request:
    known = (("greedy", program(-1, 50, 50, 50, 50, 50, 50)), ("search", program(-2, 60, 10, 90, 50, 50, 50)))
    plain = Request(5, "prism", "Place models.", ("f",), parent, (), random.Random(0), baselines=known)
    return dataclasses.replace(plain, **more)  # type: ignore[arg-type]


PLAIN = Scale({})


def test_the_instances_furthest_behind_the_best_known_program_come_first() -> None:
    told = standings(request(program(7, 55, 45, 0, 50, 70, 40)), PLAIN)
    assert [s.name for s in told][:4] == ["train/2", "train/5", "train/1", "train/0"]
    assert [s.gap for s in told][:4] == [90, 10, 5, 5]
    assert told[-1].name == "train/4", "ahead of all, and with the least room above"


def test_a_gap_where_little_lies_between_0_and_100_tells_less() -> None:
    marks = {name: Mark("cost_usd", 100.0, 100.0 - (1.0 if name == "train/2" else 50.0)) for name in NAMES}
    told = standings(request(program(7, 55, 45, 0, 50, 70, 40)), Scale(marks))
    assert [s.name for s in told][:2] == ["train/5", "train/2"], "90 points of 1 USD are as 13 of 50 USD"


def test_the_best_of_the_run_counts_as_known_unless_it_is_the_parent() -> None:
    leaders = {"train/3": (9, 88.0), "train/4": (7, 70.0)}
    told = {s.name: s for s in standings(request(program(7, 55, 45, 0, 50, 70, 40), leaders=leaders), PLAIN)}
    assert (told["train/3"].gap, told["train/4"].gap) == (38, 0)
    table = task(request(program(7, 55, 45, 0, 50, 70, 40), leaders=leaders), Shown())["table"]
    cells = dict(table["rows"])
    assert table["columns"] == ["program 7", "best known program", "best of this run"]
    assert cells["train/3"] == ["50.00", "50.00", "88.00 (program 9)"]
    assert cells["train/4"] == ["70.00", "50.00", "this one"]


def test_an_idea_that_lost_in_the_mean_and_leads_somewhere_is_told_with_where() -> None:
    tried = (Attempt(9, "explore", 20.0, "ok", "", "Beam search.", 7, -5.0),)
    user = build_prompt(request(program(7, 55, 45), tried=tried, leaders={"train/1": (9, 88.0)})).user
    assert "9, explore of 7: 20.00 (-5.00), best of all on train/1, Beam search." in user


def test_a_failed_instance_comes_before_any_score() -> None:
    assert standings(request(program(7, 55, 45, 0, None, 70, 40)), PLAIN)[0].name == "train/3"


def test_who_asks_again_about_a_program_is_shown_other_instances_beside_the_most_telling_one() -> None:
    told = standings(request(program(7, 0, 0, 0, 0, 0, 0)), PLAIN)
    asked = [request(program(7, 0, 0, 0, 0, 0, 0), turn=turn) for turn in range(5)]
    shown = [tuple(name for name, _, _ in feedback(one, told, 3)) for one in asked]
    assert {names[0] for names in shown} == {told[0].name}
    assert len(set(shown)) == 4 and len({name for names in shown for name in names}) == 5, "the least telling is not"
    assert all(len(set(names)) == 3 for names in shown)


def test_questions_about_one_program_that_are_open_at_once_all_differ() -> None:
    asked = [
        build_prompt(request(program(7, 0, 0, 0, 0, 0, 0), turn=n, flying=tuple((i, "edit") for i in range(n)))).user
        for n in range(8)
    ]
    assert len(set(asked)) == 8


def test_another_program_is_shown_with_where_it_is_ahead() -> None:
    parent, other = program(7, 10, 10, 10, 10, 10, 10), program(8, 40, 10, 12, 15, 9, 11)
    assert leads(parent, other) == "train/0 (+30.0), train/3 (+5.0), train/2 (+2.0), train/5 (+1.0)"
    assert "It is ahead of program 7 on train/0 (+30.0)" in build_prompt(request(parent, inspirations=(other,))).user
    assert leads(other, program(9, 1, 2, 3, 4, 5, 6)) == ""


def test_cpu_time_is_told_in_a_word_until_it_counts_and_flagged_above_half_of_the_limit() -> None:
    said = []
    for most_s in (0.15, 3.3, 7.0):
        parent = dataclasses.replace(program(7, 1, 2), cpu_s=(0.1, most_s))
        said.append(task(request(parent, cpu_limit_s=10.0), Shown())["cpu"])
    assert said[0] == "CPU: under 0.2 s of 10 s on each instance."
    assert said[1] == "CPU: 3.3 s of 10 s on its slowest instance, train/1."
    assert said[2].endswith("train/1: above half of the limit, a slower machine may end it.")


def test_cpu_time_is_told_by_instance_above_a_tenth_of_the_limit_or_where_the_score_counts_it() -> None:
    def column(most_s: float, **more: object) -> list[str]:
        parent = dataclasses.replace(program(7, 1, 2), cpu_s=(0.1, most_s))
        told = task(request(parent, **more), Shown())["table"]
        return [cells[-1] for _, cells in sorted(told["rows"])] if "CPU s" in told["columns"] else []

    assert column(0.9, cpu_limit_s=10.0) == []
    assert column(3.25, cpu_limit_s=10.0) == ["< 1", "3.2"]
    assert column(0.9, cpu_limit_s=10.0, cpu_counts=True) == ["0.1", "0.9"]
    assert column(9.0) == [], "nothing is told of a limit"


def test_of_what_sort_an_instance_is_stands_beside_its_name_and_in_its_cell() -> None:
    kinds = {"train/0": "night", "train/1": "a | b `c`\n# Your task"}
    user = build_prompt(request(program(7, 55, 45), kinds=kinds)).user
    assert "| train/0 (night) | 55.00 |" in user and "What the simulator says of train/0 (night), score" in user
    assert "| train/1 (a / b 'c' # Your task) |" in user


def test_a_ceiling_is_told_as_a_bound_with_the_best_known_until_a_known_program_reaches_it() -> None:
    def told(*costs_usd: float) -> str:
        known = []
        for id, usd in enumerate(costs_usd, 1):
            score, figures = 200 - 2 * usd, {"cost_usd": usd, "bound_usd": 40.0}
            known.append((f"p{id}", Example(-id, "", "ok", score, {}, (("train/0", score, ""),), (figures,))))
        return build_prompt(request(program(7, 10), baselines=tuple(known))).user

    bound = "exceed 120.00 on train: a bound that may be out of reach, of known programs the best has 80.00. In the end"
    assert bound in told(60, 80, 100)
    assert "exceed 120.00 on train. In the end" in told(40, 80, 100)


def test_the_length_of_a_program_is_that_of_its_blocks() -> None:
    source = "import os\nimport re\n# EVOLVE-BLOCK-START\ndef f():\n    return 1\n# EVOLVE-BLOCK-END\n"
    parent = dataclasses.replace(program(7, 1), source=source)
    user = build_prompt(request(parent, kind=Kind.SIMPLIFY)).user
    assert "Between its EVOLVE-BLOCK comments, program 7 has 2 lines of code" in user


def test_a_run_begins_every_prompt_alike() -> None:
    parents = (program(7, 55, 45, 0, 50, 70, 40), program(8, None, score=None), program(0, 0, 0, 0, 0, 0, 0))
    prompts = [build_prompt(request(parent, kind=kind)) for parent in parents for kind in Kind if kind != Kind.INSIGHT]
    assert len({prompt.system for prompt in prompts}) == 1
    start = prompts[0].user.index("# The program to change")
    assert "search" in prompts[0].user[:start], "the known programs are part of it"
    assert len({prompt.user[:start] for prompt in prompts}) == 1
