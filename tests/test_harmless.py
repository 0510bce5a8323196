"""Nothing that is written harms a reader: the same hostile strings through every field, command and file."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import evolve
from hostile import HOSTILE, NAME, harm_in
from hostile_run import make_hostile_run
from markdown_it import MarkdownIt

from evolve.cli import main
from evolve.report.changes import unified_diff
from evolve.safe_text import code_span, csv_cell, fenced, html, markdown, one_line, toml, visible

EXACT = {"program.py", "best.py", "seed.py", "diff.patch"}
"""Files that must hold a program as it is; `evolve.mutate.source.check` refuses what acts on a terminal in one."""


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished run in which whatever is foreign is hostile, and what it printed on the way."""
    folder = tmp_path_factory.mktemp("hostile") / "runs" / "r[red] b"
    return folder, make_hostile_run(folder)


def test_what_a_run_prints_is_harmless(hostile_run: tuple[Path, str]) -> None:
    assert "\\x1b" in hostile_run[1] and harm_in(hostile_run[1]) == []


def test_every_file_of_a_run_is_harmless_or_a_program_as_it_is(hostile_run: tuple[Path, str]) -> None:
    folder, _ = hostile_run
    files = [file for file in folder.rglob("*") if file.is_file() and "archive.db" not in file.name]
    assert {"answer.md", "prompt.md", "scores.json", "summary.md", "log.jsonl", "config.toml"} <= {
        f.name for f in files
    }
    for file in files:
        if file.name not in EXACT:
            assert harm_in(file.read_text(encoding="utf-8")) == [], file


def test_every_markdown_file_is_dead_text_but_for_our_own_links(hostile_run: tuple[Path, str]) -> None:
    for file in hostile_run[0].rglob("*.md"):
        live = list(live_parts(file.read_text(encoding="utf-8")))
        own = ["image curve.svg"] if file.name == "summary.md" else []
        assert all(target.startswith("programs/") or target in own for target in live), (file, live)


def live_parts(text: str) -> Iterator[str]:
    """Yield what a viewer that knows HTML, tables and bare addresses would make live."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    waiting = parser.parse(text)
    while waiting:
        token = waiting.pop()
        waiting += token.children or []
        if token.type in ("html_block", "html_inline"):
            yield token.content or token.type
        elif token.type == "image":
            yield f"image {token.attrs['src']}"
        elif token.type == "link_open":
            yield str(token.attrs["href"])
        elif token.type == "heading_open" and token.markup in ("=", "-"):
            yield "a heading that is not ours"


COMMANDS = [
    ("show",),
    *[("show", "best"), ("show", "seed"), ("show", "best", "--prompt", "--answer")],
    *[
        ("show", "--programs"),
        ("show", "--top", "5"),
        ("show", "--failed"),
        ("show", "--costs"),
        ("show", "--insights"),
    ],
    *[("show", str(step)) for step in range(1, 12)],
    *[("diff",), ("best",), ("tree",), ("tree", "--all"), ("show", "best", "--source")],
]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_screen_is_harmless_on_a_terminal(
    hostile_run: tuple[Path, str], command: tuple[str, ...], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", str(width))
    out, err = Screen(), Screen()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
        main([command[0], str(hostile_run[0]), *command[1:]])
    assert end.value.code == 0, err.getvalue()
    assert out.getvalue() and harm_in(out.getvalue(), styled=True) == []
    assert harm_in(err.getvalue(), styled=True) == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_json_twin_is_ascii_and_one_document(hostile_run: tuple[Path, str], command: tuple[str, ...]) -> None:
    if "--prompt" in command:
        return
    said = evolve(command[0], hostile_run[0], *command[1:], "--json")
    assert said.code == 0 and said.json and said.out.isascii()
    assert harm_in(said.out) == []


def test_names_of_runs_and_problems_that_do_not_exist_are_harmless(tmp_path: Path) -> None:
    for command in (("show", NAME), ("run", f"./{NAME}"), ("score", NAME, "x.py"), (NAME,), ("show", "--x" + NAME)):
        said = evolve(*command)
        assert said.code == 2 and len(said.err.splitlines()) == 1 and harm_in(said.err) == []


def test_a_patch_with_unseen_characters_applies_and_names_them(tmp_path: Path) -> None:
    before = "a = 1  # x\x0c y\nb = 2\nc = '\u2028'\n"
    after = before.replace("b = 2", "b = 3  # \u2028 return 0 \x0c \U000e0041 \x85 end") + "d = 4"
    patch = unified_diff(before, after, "program.py", "program.py")
    assert "Unseen on line 2" in patch and "U+E0041 TAG LATIN CAPITAL LETTER A" in patch
    (tmp_path / "program.py").write_text(before, encoding="utf-8", newline="")
    (tmp_path / "p.patch").write_text(patch, encoding="utf-8", newline="")
    subprocess.run(["patch", "-p1", "-i", "p.patch"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "program.py").read_bytes() == after.encode()


@pytest.mark.parametrize("text", [HOSTILE, NAME, "", "`", "``` `", "=1+1", "-x", "# a", "plain words of spot_multi"])
def test_each_medium_gets_text_in_which_nothing_acts(text: str) -> None:
    assert harm_in(visible(text)) == [] and "\n" not in one_line(text)
    for shown in (markdown(text), code_span(text), f"| {markdown(text)} | {code_span(text)} |", fenced(text)):
        assert list(live_parts(f"{shown}\n")) == [] and harm_in(shown) == []
    assert "<script" not in html(text) and '"' not in html(text)
    assert not csv_cell(text).startswith(("=", "+", "-", "@"))
    assert markdown("spot_multi: 3.5 points, (a)") == "spot_multi: 3.5 points, (a)"


def test_toml_with_escapes_reads_the_same() -> None:
    import tomllib

    import tomli_w

    facts = {"model": {"name": NAME + "\u2028\U000e0041"}, "two\nlines": "a\tb\nc"}
    assert tomllib.loads(toml(tomli_w.dumps(facts))) == facts
    assert harm_in(toml(tomli_w.dumps(facts))) == []


def test_log_lines_are_lines(hostile_run: tuple[Path, str]) -> None:
    lines: list[Any] = (hostile_run[0] / "log.jsonl").read_bytes().decode("ascii").split("\n")
    assert lines.pop() == "" and all(json.loads(line) for line in lines)
