"""Kills a run at random instants, again and again, and looks whether anything was lost, done twice or paid unbooked.

    python -m tests.benchmarks.kills [--kills 100] [--seed 0] [--archive URL]

Victims are the driver, a worker (or the guard over it), a zygote of the sandbox, and a candidate or the stem that forks
them; always by SIGKILL. A driver that is killed is resumed. The model server, in this process, gives every request
another answer, and counts. At the end a resume finishes the run, and then it must hold that

- no answer that was committed before a kill is gone or another, and none of the server's answers was used twice;
- the server has given no answer that is neither in the archive nor booked as cut off, and was asked no more often than
  the archive says;
- no program has lost its figures or got others, was scored twice, or is blamed for a kill;
- the archive is whole: foreign keys, every parent there before its child, counts that agree with the rows;
- a sample of programs scores the same when it is evaluated anew.

Prints a line for every kill and one for each claim; the exit code is 1 when one does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from model_server import ModelServer, Reply

from evolve.archive import CallStatus, EventKind, Role, RunStatus, Store, damage_of
from evolve.config import resolve
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.workers import evaluate_spread, make_pool

EVALUATOR = '''"""Three instances, each of which takes the candidate and the verifier some milliseconds."""

import time

from evolve.evaluator import Evaluator, Instance, Outcome


class Slow(Evaluator):
    name = "slow"
    summary = "Find a number"
    defines = ("answer",)

    def instances(self, split):
        return [Instance(f"{split}/{number}") for number in range(3)]

    def evaluate(self, candidate, instance):
        goal = 30.0 + 7 * int(instance.id[-1])
        found = candidate.call("answer", goal)
        until = time.monotonic() + 0.01
        while time.monotonic() < until:
            pass
        return Outcome(100 - abs(found - goal), {"distance": abs(found - goal)}, "not there")
'''
SEED = """X = 1.0


def answer(goal):
    total = 0
    for n in range(200_000):
        total += n
    return X + 0 * total
"""
STATEMENT = "# A number\n\nWrite `answer(goal: float) -> float`.\n"
TOKENS = (100, 20)
DRIVER, WORKER, ZYGOTE, CANDIDATE = "driver", "worker", "zygote", "candidate"
VICTIMS = (DRIVER, DRIVER, WORKER, ZYGOTE, CANDIDATE)
PATIENCE_S = 300.0


def make_problem(folder: Path) -> Path:
    """Write the problem whose programs are evaluated."""
    folder.mkdir()
    for name, text in (("evaluator.py", EVALUATOR), ("seed.py", SEED), ("problem.md", STATEMENT)):
        (folder / name).write_text(text)
    return folder


def scripted(request: dict[str, Any], number: int) -> Reply:
    """A program with a number that no other answer has, after a while, so that there are always calls on their way."""
    text = "```python\n" + SEED.replace("X = 1.0", f"X = {number}.25") + "```\n"
    return Reply(text, tokens=TOKENS, delay_s=random.Random(number).uniform(0.01, 0.2))


@dataclass
class Before:
    """What was committed at a kill of the driver."""

    answers: dict[int, str] = field(default_factory=dict)
    figures: dict[int, tuple[Any, ...]] = field(default_factory=dict)


class Target:
    """A run that is killed. arguments: of `evolve run` and `evolve resume`, the budget left out."""

    def __init__(self, folder: Path, problem: Path, arguments: list[str]) -> None:
        self.folder, self._problem, self._arguments = folder, problem, arguments
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self, evaluations: int = 10**6) -> None:
        """Start or resume it."""
        command = [sys.executable, "-m", "evolve"]
        if Store.holds_run(self.folder):
            command += ["resume", str(self.folder)]
        else:
            command += ["run", str(self._problem), "--run", str(self.folder), *self._arguments]
        command += ["--evaluations", str(evaluations)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def kill(self, pid: int) -> None:
        """Kill one of its processes; of the driver, wait for its end."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if self.process is not None and pid == self.process.pid:
            self.process.communicate()

    def finish(self) -> int:
        """Wait for its end; return the exit code."""
        assert self.process is not None
        _, said = self.process.communicate(timeout=PATIENCE_S)
        if self.process.returncode:
            print(said.decode())
        return self.process.returncode

    def victim(self, kind: str, rng: random.Random) -> int | None:
        """Return a process of a kind, None where there is none now."""
        assert self.process is not None
        if kind == DRIVER:
            return self.process.pid
        family = dict(descendants(self.process.pid))
        parents = {parent_of(pid) for pid in family}
        in_sandbox = [pid for pid, line in family.items() if "sandbox.zygote_main" in line]
        found = {
            WORKER: [pid for pid, line in family.items() if "guard.py" in line],
            ZYGOTE: [pid for pid in in_sandbox if pid in parents],
            CANDIDATE: [pid for pid in in_sandbox if pid not in parents],
        }[kind]
        return rng.choice(sorted(found)) if found else None

    def evaluations(self) -> int:
        """Return how many are done; -1 while there is no archive to read."""
        try:
            with Store.open(self.folder) as store:
                return store.summary().evaluations
        except UsageError:
            return -1


def parent_of(pid: int) -> int:
    """Return the parent of a process, 0 where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def descendants(pid: int) -> Iterator[tuple[int, str]]:
    """Yield the processes that a process and its descendants have started, with their command lines."""
    parents = {int(entry.name): parent_of(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found, waiting = set[int](), [pid]
    while waiting:
        parent = waiting.pop()
        children = [child for child, of in parents.items() if of == parent and child not in found]
        found.update(children)
        waiting += children
    for child in sorted(found):
        with suppress(OSError):
            yield child, Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")


def looked_at(folder: Path) -> Before:
    """Return what an archive holds now."""
    with Store.open(folder) as store:
        answers = {call.step: call.answer for call in store.model_calls() if call.status is CallStatus.ANSWERED}
        figures = {p.id: (p.source, p.status, p.score, p.scores) for p in store.programs() if p.status is not None}
    return Before(answers, figures)


def harass(target: Target, kills: int, rng: random.Random) -> list[Before]:
    """Kill so many times; return what was committed at each kill of the driver."""
    moments: list[Before] = []
    done = 0
    before = -1
    while done < kills:
        assert target.process is not None
        kind = rng.choice(VICTIMS)
        at_start = kind == DRIVER and before >= 0 and rng.random() < 0.2
        give_up = time.monotonic() + PATIENCE_S
        while not at_start and target.evaluations() < before + 4:
            if target.process.poll() is not None:
                raise SystemExit(f"the run ended by itself: {target.finish()}")
            if time.monotonic() > give_up:
                raise SystemExit(f"no progress within {PATIENCE_S:g} s after {done} kills")
            time.sleep(0.05)
        time.sleep(rng.uniform(0.0, 2.0 if at_start else 0.5))
        pid = target.victim(kind, rng)
        if pid is None:
            continue
        target.kill(pid)
        done += 1
        before = max(before, target.evaluations())
        print(f"kill {done}: {kind}{' as it starts' * at_start}, after {before} evaluations", flush=True)
        if kind == DRIVER:
            moments.append(looked_at(target.folder))
            target.begin()
    return moments


async def again(problem: Path, sources: list[str]) -> list[list[float | None]]:
    """Evaluate programs anew; return their scores on train."""
    config = resolve(None, [], {"problem": str(problem), "workers": 1})
    async with make_pool(config) as pool:
        return [[r.score for r in await evaluate_spread(pool, source, Split.TRAIN, 3)] for source in sources]


def judge(target: Target, problem: Path, server: ModelServer, moments: list[Before], rng: random.Random) -> bool:
    """Check every claim, and print what was found."""
    now = looked_at(target.folder)
    with Store.open(target.folder) as store:
        summary, calls, programs = store.summary(), store.model_calls(), store.programs()
        ends = Counter(event.step for event in store.events(EventKind.KNOWN) if event.step > 0)
        in_memory = sum(call.attempts for call in calls)
    children = [program for program in programs if program.role is Role.CHILD]
    ids = {program.id for program in programs}
    numbers = [
        found[-1] for text in now.answers.values() if (found := re.findall(r"^X = (\d+)\.25$", text, re.MULTILINE))
    ]
    totals, given = summary.calls, server.count
    booked = totals.prompt_tokens + totals.completion_tokens + totals.cut_off_tokens
    sample = rng.sample(children, min(40, len(children)))
    scores = asyncio.run(again(problem, [program.source for program in sample]))
    blamed = [p.id for p in children if p.failure and re.search("lost|verifier|killed by", p.failure)]
    damage = "" if (target.folder / "archive.db").exists() is False else damage_of(target.folder)
    claims = [
        ("the run is finished", summary.status is RunStatus.FINISHED, summary.reason),
        ("answers gone or changed", all(now.answers.get(s) == a for m in moments for s, a in m.answers.items()), ""),
        ("answers used twice: 0", len(set(numbers)) == len(numbers), f"{len(numbers)} answers"),
        ("answers lost beyond those cut off: 0", given - len(numbers) <= totals.cut_off, f"{given} given"),
        ("requests unbooked: 0", given <= in_memory + totals.cut_off, f"{in_memory} + {totals.cut_off} cut off"),
        ("tokens unbooked: 0", given * sum(TOKENS) <= booked, f"{given * sum(TOKENS)} used, {booked} booked"),
        ("figures gone or changed: 0", all(now.figures.get(i) == f for m in moments for i, f in m.figures.items()), ""),
        ("steps ended twice or never: 0", set(ends.values()) == {1} and len(ends) == summary.steps, f"{len(ends)}"),
        ("counts agree with rows", summary.evaluations == sum(p.status is not None for p in children), ""),
        ("programs blamed for a kill: 0", not blamed, str(blamed)),
        ("parents missing: 0", all(p.parent_id in ids and p.parent_id < p.id for p in children), ""),
        ("damage: none", not damage, damage),
        (f"{len(sample)} programs score the same anew", [list(p.scores) for p in sample] == scores, ""),
    ]  # fmt: skip
    for claim, holds, more in claims:
        print(f"{'holds' if holds else 'FAILS'}  {claim}{f' ({more})' if more else ''}", flush=True)
    return all(holds for _, holds, _ in claims)


def main() -> None:
    """Kill, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--archive", default="", help="of `evolve run`: a database in the place of a file")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="evolve-kills-") as place, ModelServer(scripted, record=False) as server:
        problem = make_problem(Path(place) / "slow")
        arguments = [
            "--model",
            "m",
            "--base-url",
            server.base_url,
            "--workers",
            "2",
            "--set",
            "prompt.insights_every=0",
        ]
        arguments += ["--set", "model.usd_per_mtok_in=1", "--set", "model.usd_per_mtok_out=1"]
        arguments += ["--archive", given.archive] if given.archive else []
        target = Target(Path(place) / "run", problem, arguments)
        target.begin()
        try:
            moments = harass(target, given.kills, rng)
        finally:
            if target.process is not None:
                target.kill(target.process.pid)
        moments.append(looked_at(target.folder))
        target.begin(target.evaluations() + 10)
        ended = target.finish() == 0
        sys.exit(0 if judge(target, problem, server, moments, rng) and ended else 1)


if __name__ == "__main__":
    main()
