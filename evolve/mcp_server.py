"""evolve for agents: an MCP server over stdio whose tools are commands with `--json`, each in a process of its own.

So an answer is the document that the command line prints, a plug-in's prints cannot break the protocol, and a tool call
that is given up ends its command as Ctrl-C does: what a run has committed is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evolve.errors import UsageError

INSTRUCTIONS = """evolve improves scheduling and load-balancing programs. `list` says which problems there are, and
all about one: its statement says what a program must define. `score` scores a program, `run` searches for a better one
with a budget of evaluations, `show` tells what came of a run, `best` gives its best program. Answers are JSON."""

PATIENCE_S = 20.0
"""How long a command may take to end after it was interrupted."""


async def answer(*arguments: str) -> str:
    """Return what a command prints. Raises ToolError, one line, for exit codes that mean that it was not done."""
    from mcp.server.mcpserver.exceptions import ToolError

    command = [sys.executable, "-P", "-m", "evolve", *arguments]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True
    )
    try:
        said, complaint = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), PATIENCE_S)
        raise
    finally:
        if process.returncode is None:
            process.kill()
    if said.strip() and process.returncode in (0, 1):  # 1: the answer is no, and it is there
        return said.decode()
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    raise ToolError(lines[-1] if lines else f"evolve {arguments[0]} ended with exit code {process.returncode}")


async def list_problems(problem: str = "") -> str:
    """List the problems, or tell all about one: statement, options, splits, limits, baselines.

    problem: a name of the list, or the path of a problem's folder.
    """
    return await answer("list", *([_named(problem)] if problem else []), "--json")


async def score(problem: str, program: str, split: str = "train") -> str:
    """Score a program: status, score (0: the seed, 100: a strong reference), metrics and feedback per instance.

    problem: a name or a folder.  program: the whole source.  split: train, validation, test or public.
    """
    with tempfile.TemporaryDirectory(prefix="evolve-mcp-") as folder:
        file = Path(folder) / "program.py"
        file.write_text(program, encoding="utf-8")
        return await answer("score", _named(problem), str(file), "--split", split, "--json")


async def run(problem: str, evaluations: int = 100, model: str = "builtin", base_url: str = "", seed: int = 0) -> str:
    """Search for a better program; answers when the budget is used up: scores on each split, verdict, the run's folder.

    model: "builtin" needs no model; else a model's name at `base_url`, an OpenAI-compatible server.
    """
    where = ["--base-url", base_url] if base_url else []
    budget = ["--evaluations", str(evaluations), "--seed", str(seed)]
    return await answer("run", _named(problem), "--model", model, *where, *budget, "--json")


async def show(run: str = "last", program: str = "") -> str:
    """Tell what came of a run, or of one program of it: a step's number, "seed", "best" or a baseline's name.

    run: its folder, its name in runs/, or "last".
    """
    return await answer("show", _named(run), *([_named(program)] if program else []), "--json")


async def best(run: str = "last") -> str:
    """Give a run's best program: its source and figures. run: its folder, its name in runs/, or "last"."""
    return await answer("best", _named(run), "--json")


def _named(text: str) -> str:
    """Return what stands for a thing. Raises ToolError for what the command line would take for an option."""
    from mcp.server.mcpserver.exceptions import ToolError

    if text.startswith("-"):
        raise ToolError(f"{text!r} is no name and no path")
    return text


class _Unread(logging.Handler):
    """Says which lines the library leaves out without a word: those that are no JSON-RPC message."""

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and record.args and isinstance(record.args[0], ValueError):
            reason = " ".join(str(record.args[0]).split())[:200]
            print(f"evolve: a line of stdin is no JSON-RPC message and was left out: {reason}", file=sys.stderr)


def serve() -> None:
    """Serve over stdin and stdout until they are closed. Raises UsageError where the package mcp is not installed."""
    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError:
        raise UsageError("evolve mcp needs the package mcp, 2 or later: pip install 'evolve[mcp]'") from None
    server = MCPServer("evolve", instructions=INSTRUCTIONS)
    tools: dict[str, Callable[..., Any]] = {
        "list": list_problems,
        "score": score,
        "run": run,
        "show": show,
        "best": best,
    }
    for name, tool in tools.items():
        server.add_tool(tool, name=name)
    dispatcher = logging.getLogger("mcp.shared.jsonrpc_dispatcher")
    dispatcher.setLevel(logging.DEBUG)
    dispatcher.propagate = False
    dispatcher.addHandler(_Unread())
    asyncio.run(server.run_stdio_async())
