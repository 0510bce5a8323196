"""`evolve mcp`, asked by the official client in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import TRIVIAL, command

mcp = pytest.importorskip("mcp")


async def asked(folder: Path, *calls: tuple[str, dict[str, object]]) -> tuple[list[str], list[Any]]:
    command = [
        sys.executable,
        "-P",
        "-c",
        f"import os; os.chdir({str(folder)!r}); from evolve.cli import main; main(['mcp'])",
    ]
    server = mcp.StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
    async with mcp.Client(server) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        return names, [await client.call_tool(name, arguments) for name, arguments in calls]


@pytest.mark.slow
def test_an_agent_lists_scores_runs_shows_and_reads_the_best(tmp_path: Path) -> None:
    program = "def answer():\n    return 42.0\n"
    names, answers = asyncio.run(
        asked(
            tmp_path,
            ("list", {"problem": str(TRIVIAL)}),
            ("score", {"problem": str(TRIVIAL), "program": program, "split": "test"}),
            ("run", {"problem": str(TRIVIAL), "evaluations": 8}),
            ("show", {}),
            ("best", {"run": "last"}),
            ("show", {"run": "no such run"}),
            ("score", {"problem": "--help", "program": program}),
        )
    )
    assert names == ["list", "score", "run", "show", "best"]
    assert [one.is_error for one in answers] == [False] * 5 + [True] * 2
    listed, right, run, show, best = (json.loads(one.content[0].text) for one in answers[:5])
    assert listed["name"] == "trivial" and "answer" in listed["defines"]
    assert right["score"] == 100.0
    assert run["evaluations"] == show["evaluations"] == 8
    assert "def answer" in best["source"]
    assert "no such run" in answers[5].content[0].text and "\n" not in answers[5].content[0].text
    assert "is no name and no path" in answers[6].content[0].text


def test_a_line_that_is_no_message_is_said_and_left_out(tmp_path: Path) -> None:
    done = subprocess.run(
        command("mcp"), cwd=tmp_path, input="{broken\n[]\n", capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "" and len(done.stderr.splitlines()) == 2
    assert all("is no JSON-RPC message and was left out" in line for line in done.stderr.splitlines())
