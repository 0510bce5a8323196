"""A run's and a problem's own templates: which one is taken, and what is said of one that does not work."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from evolve.errors import UsageError
from evolve.mutate.mutation import Example, Kind, Request
from evolve.mutate.prompts.content import Shown, comparison, task
from evolve.mutate.prompts.prompt import build_prompt
from evolve.mutate.prompts.template_check import check_templates
from evolve.mutate.prompts.templates import ASKED, BUILT_IN, PARTS, SYSTEM, USER

PROGRAM = Example(17, "def place(num_gpus, models):\n    return [0 for _ in models]\n", "ok", 41.5)


def request(kind: Kind = Kind.EDIT) -> Request:
    return Request(5, "prism", "Place models.", ("place",), PROGRAM, (), random.Random(0), kind)


def folder(path: Path, **templates: str) -> Path:
    path.mkdir()
    for name, text in templates.items():
        (path / f"{name}.j2").write_text(text)
    return path


def test_the_built_in_folder_holds_the_templates_that_are_read_and_no_others() -> None:
    assert {path.name for path in BUILT_IN.glob("*.j2")} == {*SYSTEM, *USER, *ASKED, *PARTS}
    check_templates([BUILT_IN])


def test_the_readme_beside_the_templates_names_every_template_variable_and_filter() -> None:
    readme = (BUILT_IN / "README.md").read_text()
    named = set(re.findall(r"^- `(\w+)`", readme, re.MULTILINE))
    assert named == {
        *task(request(), Shown()),
        *comparison(request(), Shown()),
        "fenced",
        "score",
        "change",
        "described",
    }
    for template in (*SYSTEM, *USER, *ASKED, *PARTS):
        assert f"`{template}`" in readme


def test_the_runs_template_goes_before_the_problems_and_that_before_the_built_in_one(tmp_path: Path) -> None:
    run = folder(tmp_path / "run", edit="From the run for {{ parent.id }}.\n")
    problem = folder(tmp_path / "problem", edit="From the problem.\n", role="You are the problem's.\n")
    check_templates([run, problem])
    assert build_prompt(request(), folders=(run, problem)).user.endswith("# Your task\n\nFrom the run for 17.\n")
    assert build_prompt(request(), folders=(problem,)).user.endswith("# Your task\n\nFrom the problem.\n")
    rewrite = build_prompt(request(Kind.REWRITE), folders=(run, problem))
    assert rewrite.system == "You are the problem's.\n"
    assert "the whole program" in rewrite.user


def test_a_part_that_is_replaced_is_replaced_in_every_template_that_has_it(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", role="You are the problem's.\n", problem="Place models, please.\n")
    check_templates([own])
    for kind in Kind:
        asked = build_prompt(request(kind), folders=(own,))
        assert (asked.system == "You are the problem's.\n") == (kind is not Kind.INSIGHT)
        assert asked.user.startswith("Place models, please.\n")


def test_a_template_may_include_one_of_its_own_folder(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", edit='{% include "hints.j2" %}', hints="Mind {{ parent.id }}.\n")
    check_templates([own])
    assert build_prompt(request(), folders=(own,)).user.endswith("\nMind 17.\n")


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("task", "Hello\n{% if x\n", "task.j2:2: unexpected end of template"),
        ("task", "Hello\n{{ 1 | fancy }}", "task.j2:2: No filter named 'fancy'"),
        ("task", "\n\n{{ parnt.id }}", "task.j2:3: 'parnt' is unknown. Did you mean 'parent'? Known: ahead, "),
        ("task", "{% if kind == 'none' %}\n{{ pairs }}{% endif %}", "task.j2:2: 'pairs' is unknown."),
        ("comparison", "{{ attempts }}", "comparison.j2:1: 'attempts' is unknown."),
        ("task", "\n{{ parent.scroe }}", "task.j2:2: 'evolve.mutate.mutation.Example object' has no attribute 'scroe'"),
        ("edits", "\n{{ nothing }}", "edits.j2:2: 'nothing' is undefined"),
        ("repair", "\n\n{{ worst[9].x }}", "repair.j2:3: "),
        ("edit", "a\n{{ 1 / 0 }}", "edit.j2:2: division by zero"),
        ("edit", '{% include "gone.j2" %}', "edit.j2:1: there is no template 'gone.j2'"),
        ("edit", "{{ parent.__class__.__mro__ }}", "edit.j2:1: access to attribute '__class__'"),
        ("edit", "{{ defines.__init__.__globals__ }}", "edit.j2:1: access to attribute '__init__'"),
        ("edit", "{% for i in range(10**9) %}{% endfor %}", "edit.j2:1: Range too big"),
        ("taks", "Hello", "taks.j2: no template has this name and none includes it, so it would not be read. "),
    ],
    ids=range(14),
)
def test_a_template_that_does_not_work_is_one_line_with_file_and_line(
    tmp_path: Path, name: str, text: str, error: str
) -> None:
    own = folder(tmp_path / "own", **{name: text})
    with pytest.raises(UsageError) as caught:
        check_templates([own])
    assert str(caught.value).startswith(f"{own}/{error}")
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gone' is no folder"):
        check_templates([tmp_path / "gone"])


def test_a_template_that_is_no_text_is_said(tmp_path: Path) -> None:
    own = folder(tmp_path / "own")
    (own / "task.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"task\.j2 .*is not UTF-8"):
        check_templates([own])
