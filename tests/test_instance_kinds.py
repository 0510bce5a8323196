"""What sort of instance one is: named by the problem, told in prompts where there are several."""

from __future__ import annotations

import pytest

from evolve.errors import UsageError
from evolve.evaluator import Candidate, Evaluator, Instance, Outcome, Split
from evolve.foreign import kinds_of
from evolve.registry import load_problem


class Own(Evaluator):
    name, summary, defines = "own", "Nothing", ("f",)

    def instances(self, split: Split) -> list[Instance]:
        return [Instance(f"{split}/{number}") for number in range(3)]

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        return Outcome(0.0)


def given(**kinds: object) -> Evaluator:
    own = Own()
    own.kind_of = lambda instance: kinds[f"i{instance.id[-1]}"]  # type: ignore[method-assign, assignment, return-value]
    return own


def test_kinds_are_told_where_there_are_several_and_of_those_that_have_one() -> None:
    train = Own().instances(Split.TRAIN)
    assert kinds_of(Own(), train) == {} == kinds_of(given(i0="a", i1="a", i2="a"), train)
    assert kinds_of(given(i0="a", i1="", i2="b"), train) == {"train/0": "a", "train/2": "b"}


def test_a_kind_that_is_no_text_and_a_fault_are_named() -> None:
    train = Own().instances(Split.TRAIN)
    with pytest.raises(UsageError, match=r"own: kind_of\(instance\) must return text, it returned a int\."):
        kinds_of(given(i0="a", i1=3, i2="b"), train)
    with pytest.raises(UsageError, match=r"own: kind_of\(instance\) fails: KeyError: 'i1'"):
        kinds_of(given(i0="a"), train)


@pytest.mark.parametrize("domain", ["flow_time", "llm_sql", "moe_offloading", "training_placement", "txn_scheduling"])
def test_bundled_problems_name_each_train_instance_in_a_word_or_three(domain: str) -> None:
    evaluator = load_problem(domain).evaluator
    train = evaluator.instances(Split.TRAIN)
    kinds = kinds_of(evaluator, train)
    assert set(kinds) == {instance.id for instance in train} and len(set(kinds.values())) > 1
    assert all(0 < len(kind) <= 20 for kind in kinds.values())
