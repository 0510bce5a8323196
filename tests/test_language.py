"""A problem whose programs are no Python: the search changes text, the evaluator makes of it what it likes."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import evolve
from model_server import ModelServer

from evolve.archive import Role, Store
from evolve.config import from_text
from evolve.errors import UsageError
from evolve.mutate.language import PYTHON, TEXT
from evolve.registry import load_problem

PLUGIN = """
from evolve.evaluator import Evaluator, Infeasible, Instance, Outcome

class Recipe(Evaluator):
    name, summary, language = "recipe", "Salt a soup", "text"

    def instances(self, split):
        return [Instance(f"{split}/{i}") for i in range(2)]

    def evaluate(self, candidate, instance):
        lines = [line for line in candidate.source.splitlines() if line.startswith("salt_g: ")]
        if len(lines) != 1:
            raise Infeasible(f"the recipe names salt {len(lines)} times")
        salt_g = float(lines[0].removeprefix("salt_g: "))
        return Outcome(100 - 10 * abs(salt_g - 10), {"salt_g": salt_g}, "too little" if salt_g < 10 else "enough")
"""
SEED = "# Soup\nwater_l: 2\nsalt_g: 0\n"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    folder = tmp_path / "recipe"
    (folder / "baselines").mkdir(parents=True)
    (folder / "evaluator.py").write_text(PLUGIN)
    (folder / "seed.txt").write_text(SEED)
    (folder / "baselines" / "salty.txt").write_text(SEED.replace("salt_g: 0", "salt_g: 15"))
    (folder / "problem.md").write_text("Write a recipe with a line `salt_g: NUMBER`.")
    return folder


@pytest.mark.slow
def test_a_text_is_changed_by_edits_and_by_whole_texts_and_scored_by_what_it_says(recipe: Path, tmp_path: Path) -> None:
    answers = [
        "More salt.\n<<<<<<< SEARCH\nsalt_g: 0\n=======\nsalt_g: 4\n>>>>>>> REPLACE\n",
        "```\n# Soup\nwater_l: 2\nsalt_g: 9\n```\n",
        "I would rather not.",
        "```\n# Soup   \nwater_l: 2\nsalt_g: 9\n\n```\n",
        "```\nno soup\n```\n",
    ]

    def script(request: dict[str, object], number: int) -> str:
        return answers[number] if number < len(answers) else f"```\nsalt_g: {number}.5\n```\n"

    with ModelServer(script) as server:  # type: ignore[arg-type]
        how = ("--model", "m", "--base-url", server.base_url, "--set", "model.concurrency=1", "--workers", 1)
        done = evolve("run", recipe, *how, "--evaluations", 4, "--run", tmp_path / "run", "--json")
    assert done.code == 0, done.err
    with Store.open(tmp_path / "run") as store:
        children = {program.source: program for program in store.programs(Role.CHILD)}
    assert children["# Soup\nwater_l: 2\nsalt_g: 4\n"].score == 40.0
    assert children["# Soup\nwater_l: 2\nsalt_g: 9\n"].score == 90.0
    assert children["no soup\n"].failure == "train/0: the recipe names salt 0 times"
    assert len(children) == 4
    assert evolve("audit", tmp_path / "run").code == 0
    assert evolve("replay", tmp_path / "run", "--workers", 2, "--run", tmp_path / "again").code == 0
    with Store.open(tmp_path / "again") as store:
        assert from_text(store.config()).workers == 2


def test_a_problem_of_texts_can_be_checked(recipe: Path) -> None:
    said = evolve("check", recipe, "--json").json
    verdicts = {entry["claim"]: (entry["verdict"], entry["reason"]) for entry in said["claims"]}
    assert verdicts["the seed is feasible and scores about zero on train"] == ("holds", "")
    assert verdicts["a program that raises gets no score"][0] == "skipped"
    assert said["holds"]


def test_the_built_in_mutator_is_refused_for_what_is_no_python(recipe: Path, tmp_path: Path) -> None:
    said = evolve("run", recipe, "--evaluations", 1, "--run", tmp_path / "run")
    assert said.code == 2 and "the built-in mutator changes Python" in said.err


def test_an_unknown_language_is_one_line(recipe: Path) -> None:
    (recipe / "evaluator.py").write_text(PLUGIN.replace('"text"', '"texd"'))
    with pytest.raises(UsageError, match=r"language 'texd' is unknown\. Did you mean 'text'\?") as error:
        load_problem(str(recipe))
    assert "python" in str(error.value)


CPP = """#include <cstdio>
// EVOLVE-BLOCK-START
int weight() { return 1; }  // of an item
// EVOLVE-BLOCK-END
int main() { std::printf("%d", weight()); }
"""


@pytest.fixture
def cpp(recipe: Path) -> Path:
    read = PLUGIN.replace('"text"', '"cpp"').replace("salt_g: ", "int weight() { return ")
    (recipe / "evaluator.py").write_text(
        read.replace("float(lines[0].removeprefix(", "float(lines[0].split(';')[0].removeprefix(")
    )
    (recipe / "seed.cpp").write_text(CPP)
    return recipe


def test_a_run_on_another_language_keeps_its_block_names_its_files_and_compares_by_its_tokens(
    cpp: Path, tmp_path: Path
) -> None:
    answers = [
        "<<<<<<< SEARCH\nint weight() { return 1; }  // of an item\n=======\n"
        "int weight() { return 8; }\n>>>>>>> REPLACE\n",
        f"Build it so:\n```sh\ng++ it.cpp\n```\n\n```c++\n{CPP.replace('return 1', 'return 9')}```\n",
        f"```cpp\n{CPP.replace('main()', 'main(int n)')}```\n",
        "<<<<<<< SEARCH\n#include <cstdio>\n=======\n#include <cmath>\n>>>>>>> REPLACE\n",
        f"```cpp\n{CPP.replace('return 1; }  // of an item', 'return 9; } // of an item, we say')}```\n",
    ]

    def script(request: dict[str, object], number: int) -> str:
        asked.append(str(request["messages"]))
        return (
            answers[number] if number < len(answers) else f"```cpp\n{CPP.replace('return 1', f'return {number}')}```\n"
        )

    asked: list[str] = []
    run = tmp_path / "run"
    with ModelServer(script) as server:  # type: ignore[arg-type]
        how = ("--model", "m", "--base-url", server.base_url, "--set", "model.concurrency=1", "--workers", 1)
        done = evolve("run", cpp, *how, "--evaluations", 3, "--search", "sampling", "--run", run)
    assert done.code == 0, done.err
    assert all("program, written in cpp," in one and "```cpp" in one for one in asked)
    assert not any("ython" in one or "must define" in one for one in asked)
    with Store.open(run) as store:
        ends = {step: (trial.fate, trial.note) for step in range(1, 6) for trial in [store.trial(step)]}
        twin = store.trial(5)
        lengths = {program.id: program.tokens for program in store.programs()}
        assert store.identity()["language"] == "cpp"
        best = store.best()
    assert [fate for fate, _ in ends.values()] == ["scored", "scored", "parse_error", "parse_error", "scored"]
    assert "outside of its EVOLVE-BLOCK" in ends[3][1] and "outside of its EVOLVE-BLOCK" in ends[4][1]
    assert (twin.nearest, twin.likeness) == (2, 1.0), "a comment is no token"
    assert set(lengths.values()) == {lengths[0]}
    assert best is not None and (run / "best.cpp").read_text() == best.source
    assert {path.name for path in (run / "programs" / str(best.id)).iterdir()} > {"program.cpp", "diff.patch"}
    assert not list(run.rglob("*.py"))
    assert evolve("diff", run).out.startswith("--- a/seed.cpp\n+++ b/best.cpp\n@@")
    (run / "best.cpp").write_text(CPP + "// more\n")
    assert "best.cpp in the run folder differs" in evolve("audit", run).out


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("<<<<<<< SEARCH\nsalt: 1\n=======\nsalt: 2\n>>>>>>> REPLACE", "block 1: its lines are in the text 0 times"),
        ("<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE", "block 1: its lines are in the text 2 times"),
        ("```\nx\n```\n\n```\ny\n```", "the answer has 2 fenced blocks"),
        ("Put salt in.", "neither a SEARCH/REPLACE block nor a fenced text"),
        ("```\na\nc\na\n```", "no change: the text is its parent"),
        ("```\n\n```", "the text is empty"),
        ("```\na\x07\n```", "control character U+0007"),
    ],
)
def test_an_answer_that_gives_no_text_says_why(answer: str, error: str) -> None:
    proposal = TEXT.read_answer("a\nc\na\n", answer, "edit", ())
    assert proposal.source is None and error in proposal.error


def test_the_two_languages_tell_the_same_things_apart_by_what_they_know() -> None:
    spaced, other = "def f():\n    return 1\n", "def f():\n        return 1  # one\n"
    assert PYTHON.fingerprint(spaced) == PYTHON.fingerprint(other)
    assert TEXT.fingerprint(spaced) != TEXT.fingerprint(other)
    assert TEXT.fingerprint(spaced) == TEXT.fingerprint("\ndef f():  \n    return 1\n\n")
    assert PYTHON.check("f = (", ("f",)) and TEXT.check("f = (", ()) == ""
