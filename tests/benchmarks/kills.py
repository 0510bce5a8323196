"""Kills a run at random instants, again and again, and looks whether anything was lost, done twice or paid unbooked.

    python -m tests.benchmarks.kills [--kills 100] [--seed 0] [--archive own|URL] [--drivers 2]

Victims are the drivers, a worker (or the guard over it), a zygote of the sandbox, and a candidate or the stem that
forks them; always by SIGKILL. No worker and no candidate is killed directly after another: a program with which that
happens twice in a row is recorded as the culprit. A driver that is killed is resumed, or joins where another is at
work. With `--archive own` the archive is in a PostgreSQL server that is started here; then connections of the drivers
are cut, too (`pg_terminate_backend`), and the server is stopped or killed, and started again: a driver ends by itself
then, with exit code 2 and a line that says why, and is begun again. The model server, in this process, gives every
request another answer, and counts. At the end a resume finishes the run, and then it must hold that

- no answer that was committed before a kill is gone or another, and none of the server's answers was used twice;
- the server has given no answer that is neither in the archive nor booked as cut off, and was asked no more often than
  the archive says;
- no program has lost its figures or got others, was scored twice, or is blamed for a kill;
- the archive is whole: foreign keys, every parent there before its child, counts that agree with the rows;
- a sample of programs scores the same when it is evaluated anew.

Prints a line for every kill, a table of them, and a line for each claim; the exit code is 1 when one does not hold.
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
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from model_server import ModelServer, Reply
from postgres_server import PASSWORD, Server
from sqlalchemy import func, select

from evolve.archive import CallStatus, EventKind, Role, RunStatus, Store, damage_of
from evolve.archive.models import Base
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
CONNECTION, STOPPED, CRASHED = "connection", "server stopped", "server killed"
VICTIMS = (DRIVER, DRIVER, WORKER, ZYGOTE, CANDIDATE)
OF_SERVER = (CONNECTION, CONNECTION, STOPPED, CRASHED)
PATIENCE_S = 300.0
EXPECTED = (
    "does not serve the archive",
    "was taken over by another driver",
    "is being worked on by another process",
)
"""What a driver may say that ends by itself."""


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
    """A run that is killed, by one or several drivers. arguments: of `evolve run`, the budget left out."""

    def __init__(self, folder: Path, problem: Path, arguments: list[str], drivers: int = 1) -> None:
        self.folder, self._problem, self._arguments = folder, problem, arguments
        self.processes: list[subprocess.Popen[bytes] | None] = [None] * drivers
        self.ended: Counter[str] = Counter()
        """How often a driver ended by itself, by what it said."""

    @property
    def alive(self) -> list[int]:
        """The places of the drivers that are at work."""
        return [place for place, one in enumerate(self.processes) if one is not None and one.poll() is None]

    def begin(self, place: int = 0, evaluations: int = 10**6) -> None:
        """Have a driver start the run, resume it, or join those who are at work on it."""
        command = [sys.executable, "-m", "evolve"]
        total = ["--evaluations", str(evaluations)]
        if self.alive:
            command += ["join", str(self.folder), "--workers", "1"]
        elif Store.holds_run(self.folder):
            command += ["resume", str(self.folder), *total]
        else:
            command += ["run", str(self._problem), "--run", str(self.folder), *self._arguments, *total]
        self.processes[place] = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def tend(self) -> None:
        """Begin again the drivers that are not at work; of one that ended by itself, it must say why."""
        for place, process in enumerate(self.processes):
            if process is not None and process.poll() is not None:
                said = process.communicate()[1].decode()
                self.processes[place] = None
                why = next((words for words in EXPECTED if words in said), "")
                if process.returncode != 2 or not why or "Traceback" in said:
                    raise SystemExit(f"a driver ended by itself with exit code {process.returncode}: {said}")
                self.ended[why] += 1
            if self.processes[place] is None and (place == 0 or self.evaluations() >= 0):
                self.begin(place)

    def kill(self, pid: int) -> None:
        """Kill one of its processes; of a driver, wait for its end."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        for place, process in enumerate(self.processes):
            if process is not None and pid == process.pid:
                process.communicate()
                self.processes[place] = None

    def kill_all(self) -> None:
        """Kill the drivers."""
        for process in self.processes:
            if process is not None:
                self.kill(process.pid)

    def finish(self) -> int:
        """Wait for the end of the one driver; return its exit code."""
        (process,) = (one for one in self.processes if one is not None)
        _, said = process.communicate(timeout=PATIENCE_S)
        if process.returncode:
            print(said.decode())
        return process.returncode

    def victim(self, kind: str, rng: random.Random) -> int | None:
        """Return a process of a kind, None where there is none now."""
        drivers = [one.pid for place in self.alive if (one := self.processes[place]) is not None]
        if not drivers:
            return None
        if kind == DRIVER:
            return rng.choice(drivers)
        family = dict(descendants(rng.choice(drivers)))
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


def strike(kind: str, target: Target, server: Server | None, rng: random.Random) -> bool:
    """Kill something of a kind; return whether there was something."""
    if kind == CONNECTION:
        assert server is not None
        others = "SELECT pid FROM pg_stat_activity WHERE application_name = 'evolve' ORDER BY pid"
        with server.connection() as connection:
            pids = [pid for (pid,) in connection.execute(others)]
            return bool(pids) and connection.execute(f"SELECT pg_terminate_backend({rng.choice(pids)})") is not None
    if kind in (STOPPED, CRASHED):
        assert server is not None
        server.stop() if kind == STOPPED else server.kill()
        time.sleep(rng.uniform(0.0, 1.0))
        server.start()
        return True
    pid = target.victim(kind, rng)
    if pid is not None:
        target.kill(pid)
    return pid is not None


def harass(target: Target, kills: int, rng: random.Random, server: Server | None = None) -> list[Before]:
    """Kill so many times; return what was committed at each kill of a driver. server: that of the archive."""
    moments: list[Before] = []
    struck: Counter[str] = Counter()
    before, last = -1, ""
    while struck.total() < kills:
        kind = rng.choice(VICTIMS if server is None else VICTIMS + OF_SERVER)
        if kind == last and kind in (WORKER, CANDIDATE):
            continue  # a program with which that happens twice in a row is the culprit: so it says, and should
        at_start = kind == DRIVER and before >= 0 and rng.random() < 0.2
        give_up = time.monotonic() + PATIENCE_S
        target.tend()
        while not at_start and target.evaluations() < before + 4:
            target.tend()
            if time.monotonic() > give_up:
                raise SystemExit(f"no progress within {PATIENCE_S:g} s after {struck.total()} kills")
            time.sleep(0.05)
        time.sleep(rng.uniform(0.0, 2.0 if at_start else 0.5))
        if not strike(kind, target, server, rng):
            continue
        struck[kind] += 1
        last = kind
        before = max(before, target.evaluations())
        print(f"kill {struck.total()}: {kind}{' as it starts' * at_start}, after {before} evaluations", flush=True)
        if kind in (DRIVER, STOPPED, CRASHED):
            moments.append(looked_at(target.folder))
    print(", ".join(f"{kind} {count}" for kind, count in struck.most_common()), flush=True)
    for words, count in target.ended.items():
        print(f"a driver ended by itself {count} times: {words}", flush=True)
    return moments


async def again(problem: Path, sources: list[str]) -> list[list[float | None]]:
    """Evaluate programs anew; return their scores on train."""
    config = resolve(None, [], {"problem": str(problem), "workers": 1})
    async with make_pool(config) as pool:
        return [[r.score for r in await evaluate_spread(pool, source, Split.TRAIN, 3)] for source in sources]


def orphans(store: Store) -> str:
    """Return which table has a row that names one which is not there, in either database; empty when none has."""
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            named = key.column.table.alias()  # a program names one of its own table
            there = select(named.c[key.column.name])
            lone = select(func.count()).where(key.parent.is_not(None), key.parent.not_in(there))
            count = store._one(lone)[0]
            if count:
                return (
                    f"{count} rows of {table.name}.{key.parent.name} name a row of {key.column.table.name} that is gone"
                )
    return ""


def judge(target: Target, problem: Path, server: ModelServer, moments: list[Before], rng: random.Random) -> bool:
    """Check every claim, and print what was found."""
    now = looked_at(target.folder)
    with Store.open(target.folder) as store:
        summary, calls, programs = store.summary(), store.model_calls(), store.programs()
        ends = Counter(event.step for event in store.events(EventKind.KNOWN) if event.step > 0)
        in_memory = sum(call.attempts for call in calls)
        damage = damage_of(target.folder) or orphans(store)
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
    parser.add_argument(
        "--archive", default="", help="a database in the place of a file; own: one that is started here"
    )
    parser.add_argument("--drivers", type=int, default=1, help="at work on it; more than one only with --archive")
    given = parser.parse_args()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evolve-kills-")))
        server = None
        if given.archive == "own":
            os.environ["PGPASSWORD"] = PASSWORD
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evolve-pg-")))
            server = Server(data)
            stack.callback(server.stop)
        archive = given.archive if server is None else server.url
        models = stack.enter_context(ModelServer(scripted, record=False))
        holds = tried(place, models, server, archive, given.kills, given.drivers, random.Random(given.seed))
    sys.exit(0 if holds else 1)


def tried(
    place: Path, models: ModelServer, server: Server | None, archive: str, kills: int, drivers: int, rng: random.Random
) -> bool:
    """Make a run, kill it so many times, and finish it; return whether every claim holds."""
    problem = make_problem(place / "slow")
    arguments = ["--model", "m", "--base-url", models.base_url, "--workers", "2"]
    for setting in ("prompt.insights_every=0", "model.usd_per_mtok_in=1", "model.usd_per_mtok_out=1"):
        arguments += ["--set", setting]
    arguments += ["--archive", archive] if archive else []
    target = Target(place / "run", problem, arguments, drivers)
    try:
        moments = harass(target, kills, rng, server)
    finally:
        target.kill_all()
    moments.append(looked_at(target.folder))
    target.begin(0, target.evaluations() + 10)
    ended = target.finish() == 0
    return judge(target, problem, models, moments, rng) and ended


if __name__ == "__main__":
    main()
