"""Every command that the pages of evolve/docs show is one that the command line accepts, and every file is there."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
from command_line import ROOT, evolve_process

from evolve.cli import evolve as program
from evolve.config import known_keys, resolve

PAGES = sorted((ROOT / "evolve" / "docs").glob("*.md"))
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """Return the commands of a page: those in shell blocks, and those that a table or a sentence quotes whole."""
    blocks = "".join(block for language, block in FENCED.findall(text) if language == "sh").splitlines()
    quoted = re.findall(r"`(evolve (?:[a-z]+)(?: [^`]*)?)`", FENCED.sub("", text))
    return [shlex.split(line)[1:] for line in [*blocks, *quoted] if line.startswith("evolve ")]


SHOWN = [(page.name, command) for page in PAGES for command in commands(page.read_text(encoding="utf-8"))]


def test_there_is_a_page_for_each_task() -> None:
    assert {page.stem for page in PAGES} >= {"models", "problems", "reading-a-run", "other-tools", "faq"}
    assert len(SHOWN) > 20


@pytest.mark.parametrize(("page", "arguments"), SHOWN, ids=[f"{page}: {' '.join(words)}" for page, words in SHOWN])
def test_every_command_is_one_that_the_command_line_accepts(page: str, arguments: list[str]) -> None:
    name, *rest = arguments
    command = program.commands[name]
    if not rest and any(isinstance(one, click.Argument) and one.required for one in command.params):
        return  # a command that is only named
    context = command.make_context(name, rest, parent=click.Context(program), resilient_parsing=False)
    resolve(None, context.params.get("sets") or (), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_setting_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:evolve|evaluators|seeds|sandbox|tests)/[\w./]*)`", text):
        assert (ROOT / name).exists(), name
    keys = known_keys()
    for key in re.findall(r"`((?:search|model|budget|prompt|mutation|racing)\.[a-z_]+)(?:=[^`]*)?`", text):
        assert key in keys, key
    for language, block in FENCED.findall(text):
        if language == "toml":
            tomllib.loads(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_configuration_that_a_page_shows_is_one(page: Path, tmp_path: Path) -> None:
    for number, (language, block) in enumerate(FENCED.findall(page.read_text(encoding="utf-8"))):
        if language == "toml":
            file = tmp_path / f"{number}.toml"
            file.write_text(block)
            assert resolve(file, (), {}).models


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_that_the_questions_show_completes(shell: str) -> None:
    page = (ROOT / "evolve" / "docs" / "faq.md").read_text(encoding="utf-8")
    assert f"_EVOLVE_COMPLETE={shell}_source evolve" in page
    source = evolve_process(cwd=ROOT, env={"_EVOLVE_COMPLETE": f"{shell}_source"})
    assert source.code == 0 and f"{shell}_complete" in source.out
    typed = {"COMP_WORDS": "evolve sco", "COMP_CWORD": "sco" if shell == "fish" else "1"}
    completed = evolve_process(cwd=ROOT, env={"_EVOLVE_COMPLETE": f"{shell}_complete", **typed})
    assert completed.code == 0 and "score" in completed.out
