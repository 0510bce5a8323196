"""How much of the prompts a server finds in its cache, counted by a server that keeps what it has been asked.

Run: python -m tests.benchmarks.cached_share [--problems spot_multi txn_scheduling] [--calls 60] [--concurrency 2]
A server as the large ones are: it knows a prompt as far as it begins like one that it was asked before, in steps of 128
tokens, from 1,024 on (OpenAI, "Prompt caching"); a token is taken to be four characters. Its answers change one number
of the program. `stable` is how many characters all prompts of the run have in common at their beginning.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evolve.archive import Store
from evolve.mutate.mutation import Kind
from tests.model_server import Answer, Json, ModelServer, Reply, constants

LEAST_TOKENS = 1_024
STEP_TOKENS = 128
CHARS_PER_TOKEN = 4
PROBLEMS = ("spot_single", "spot_multi", "cloudcast", "prism", "eplb", "llm_sql", "txn_scheduling", "rcpsp")


def common_chars(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


class Cache:
    """What a server remembers of prompts."""

    def __init__(self) -> None:
        self._known: list[str] = []

    def cached_tokens(self, prompt: str) -> int:
        """Return how many tokens of a prompt are in the cache, and keep it."""
        alike = max((common_chars(prompt, known) for known in self._known), default=0)
        self._known.append(prompt)
        tokens = alike // CHARS_PER_TOKEN // STEP_TOKENS * STEP_TOKENS
        return tokens if tokens >= LEAST_TOKENS else 0


def counting(cache: Cache) -> object:
    """Return a script that changes one number of the program and counts what was in the cache."""

    def answer(request: Json, number: int) -> Answer:
        prompt = "\n".join(str(message["content"]) for message in request["messages"])
        text = constants(request, number)
        assert isinstance(text, str)
        tokens = len(prompt) // CHARS_PER_TOKEN, len(text) // CHARS_PER_TOKEN
        return Reply(text, tokens, cached=cache.cached_tokens(prompt))

    return answer


def measured(problem: str, calls: int, concurrency: int, scratch: Path) -> list[str]:
    """Return a row of the table."""
    folder = scratch / problem
    with ModelServer(counting(Cache()), record=False) as server:  # type: ignore[arg-type]
        command = [sys.executable, "-m", "evolve", "run", problem, "--model", "m", "--base-url", server.base_url]
        command += ["--calls", str(calls), "--run", str(folder), "--set", f"model.concurrency={concurrency}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OPENAI_API_KEY": "none"})
    with Store.open(folder) as store:
        asked = store.model_calls()
    texts = [call.system + "\n" + call.prompt for call in asked]
    of_programs = [text for text, call in zip(texts, asked, strict=True) if call.kind != Kind.INSIGHT]
    stable = min(common_chars(of_programs[0], text) for text in of_programs)
    total, cached = sum(call.prompt_tokens for call in asked), sum(call.cached_tokens for call in asked)
    late = asked[len(asked) // 2 :]
    share = sum(call.cached_tokens for call in late) / sum(call.prompt_tokens for call in late)
    return [
        problem,
        str(len(asked)),
        f"{sum(map(len, texts)) / len(texts):,.0f}",
        f"{max(map(len, texts)):,}",
        f"{stable:,}",
        f"{100 * cached / total:.0f} %",
        f"{100 * share:.0f} %",
    ]


def main() -> None:
    """Run the problems one after the other and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS))
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--concurrency", type=int, default=2)
    asked = parser.parse_args()
    table = Table(title=f"share of prompt tokens in the server's cache, {asked.calls} calls")
    for column in ("problem", "calls", "chars a prompt", "longest", "stable", "cached", "of the later half"):
        table.add_column(column, justify="left" if column == "problem" else "right")
    with tempfile.TemporaryDirectory() as scratch:
        for problem in asked.problems:
            table.add_row(*measured(problem, asked.calls, asked.concurrency, Path(scratch)))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
