"""What models are asked, compared with golden files; `python tests/mutate/test_prompt.py` rewrites them."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from evolve.mutate.mutation import Example, Kind, Request
from evolve.mutate.prompt import Prompt, build_prompt, choose_kind

GOLDEN = Path(__file__).parent / "golden"

SEED = Example(
    id=0,
    source="def place(num_gpus, models):\n    return [i % num_gpus for i in range(len(models))]\n",
    status="ok",
    score=0.0,
    metrics={"pressure_requests_per_s_gb": 12.25},
    instances=(("train/0", 0.0, "GPU 3 is at 12.3, the mean is 7.1"), ("train/1", 0.0, "")),
)
BETTER = Example(
    id=17,
    source='def place(num_gpus, models):\n    """Largest first."""\n    return [0 for _ in models]\n',
    status="ok",
    score=41.5,
    metrics={"pressure_requests_per_s_gb": 9.0, "moves": 3.0},
    instances=(
        ("train/0", 60.0, "GPU 1 is at 8.0, the mean is 7.1"),
        ("train/1", 23.0, "GPU 7 is at 10.0,\nthe mean is 6.4"),
        ("train/2", 50.25, "GPU 2 is at 9.0"),
        ("train/3", 55.0, "GPU 4 is at 9.5"),
    ),
)
BROKEN = Example(
    id=23,
    source="def place(num_gpus, models):\n    return [models[i] for i in range(99)]\n",
    status="error",
    score=None,
    instances=(("train/0", None, 'Traceback:\n  File "program.py", line 2\n```\nIndexError: out of range'),),
)
INFEASIBLE = dataclasses.replace(
    BROKEN, id=24, status="infeasible", instances=(("train/0", None, "GPU 3 holds 96 GB of models, capacity 80 GB"),)
)
MARKED = dataclasses.replace(SEED, source=f"# EVOLVE-BLOCK-START\n{SEED.source}# EVOLVE-BLOCK-END\n")


def request(parent: Example, *inspirations: Example, baselines: tuple[tuple[str, Example], ...] = ()) -> Request:
    return Request(
        step=5,
        evaluator="prism",
        statement="Place models on GPUs so that the highest pressure is low.\n\n`place(num_gpus, models) -> list`\n",
        defines=("place",),
        parent=parent,
        inspirations=inspirations,
        rng=random.Random("7/mutate/5"),
        baselines=baselines,
    )


BASELINES = tuple(
    (name, Example(id, "def place(num_gpus, models): ...\n", "ok", score))
    for id, name, score in ((-2, "greedy", 60.82), (-1, "round_robin", 0.0))
)
CASES: dict[str, tuple[Request, Kind]] = {
    "edit_of_a_scored_parent": (request(BETTER, SEED, baselines=BASELINES), Kind.EDIT),
    "rewrite_of_the_seed_alone": (request(SEED), Kind.REWRITE),
    "edit_after_an_exception": (request(BROKEN, BETTER, baselines=BASELINES), Kind.EDIT),
    "rewrite_after_an_infeasible_answer": (request(INFEASIBLE), Kind.REWRITE),
    "edit_in_an_evolve_block": (request(MARKED), Kind.EDIT),
}


def asked(request: Request, kind: Kind, **options: int) -> Prompt:
    return build_prompt(dataclasses.replace(request, kind=kind), **options)


def text_of(case: str) -> str:
    prompt = asked(*CASES[case])
    return f"[system]\n{prompt.system}\n[user]\n{prompt.user}"


@pytest.mark.parametrize("case", CASES)
def test_the_prompt_is_the_golden_one(case: str) -> None:
    assert text_of(case) == (GOLDEN / f"{case}.txt").read_text()


def test_every_golden_prompt_has_its_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)


def test_a_tight_budget_drops_the_last_inspirations_first_and_never_cuts_code() -> None:
    long = dataclasses.replace(SEED, id=1, source=SEED.source + "# filler\n" * 500)
    given = request(BETTER, SEED, long, long)
    full = asked(given, Kind.EDIT).user
    assert full.count("for ideas") == 3
    some = asked(given, Kind.EDIT, budget_tokens=1_000).user
    assert some.count("for ideas") == 1
    assert SEED.source in some
    none = asked(given, Kind.EDIT, budget_tokens=1).user
    assert none.count("for ideas") == 0
    assert BETTER.source in none
    assert given.statement.strip() in none
    assert "GPU 7 is at 10.0" in none
    assert "GPU 2 is at 9.0" not in none


def test_a_thousand_instances_and_a_megabyte_of_feedback_stay_short() -> None:
    many = dataclasses.replace(
        SEED, instances=tuple((f"train/{i}", float(i), "far off " * 10_000) for i in range(1000))
    )
    prompt = asked(request(many), Kind.EDIT)
    assert len(prompt.user) < 8_000
    assert "train/0 0.00, train/1 1.00" in prompt.user
    assert "train/41 " not in prompt.user


def test_feedback_cannot_break_the_encoding() -> None:
    odd = dataclasses.replace(BROKEN, instances=(("train/0", None, "lone \ud800 surrogate"),))
    asked(request(odd), Kind.EDIT).user.encode()


def test_seven_in_ten_prompts_ask_for_edits() -> None:
    kinds = [choose_kind(random.Random(f"7/kind/{step}")) for step in range(2000)]
    assert 0.66 < kinds.count("edit") / len(kinds) < 0.74


if __name__ == "__main__":
    for name in CASES:
        (GOLDEN / f"{name}.txt").write_text(text_of(name))
