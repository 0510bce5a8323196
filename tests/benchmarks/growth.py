"""What a run costs when its archive has grown: resume, questions, memory, on archives that this script makes.

    python tests/benchmarks/growth.py [PROGRAMS ...]      default: 1000 10000 100000

Each program of such an archive came from a model's answer, has nine instances, a source of 2 kB and metrics; one step
in five gave no new program. Targets, at 100,000 programs: resume 6 s (at 10,000: 1 s) with no pause of the event loop
above 0.3 s, `best`, `top`, `summary`, `runs` and `last` 20 ms each, the facts of `evolve show`
1 s, 300 MB of memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from loop_parts import HashModel, QuickPool, configured, trivial_problem

from evolve import config as configuration
from evolve import loop
from evolve.archive import CallStatus, Fate, ModelCall, Program, Role, RunStatus, Selection, Store
from evolve.evaluator import Instance, Split
from evolve.identity import identity
from evolve.observer import Observer
from evolve.registry import Problem
from evolve.report.costs import costs
from evolve.report.places import find_run
from evolve.report.run_list import listed
from evolve.report.run_report import describe
from evolve.scoring import InstanceResult, SplitScore, Status

INSTANCES = 9
SHAPE = "\n\ndef answer():\n    return X\n"
UNUSED = "\n\ndef unused(load, offset):\n"
SOUND = Store._transaction


class Nine(type(trivial_problem().evaluator)):  # type: ignore[misc]
    """The problem of these archives."""

    name = "trivial"

    def instances(self, split: Split) -> list[Instance]:
        """Return nine, where the tests have one."""
        return [Instance(f"{split}/{n}") for n in range(INSTANCES)]


def nine_instances() -> Problem:
    """Return the trivial problem with nine instances a split."""
    return replace(trivial_problem(), evaluator=Nine())


def make(folder: Path, programs: int, problem: Problem | None = None, **flags: Any) -> None:
    """Make a run's archive with so many children, as a run with a model leaves it, but in a few large transactions.

    problem: that of nine instances, or another.  flags: of the configuration, as of `configured`.
    """
    rng = random.Random(programs)
    problem = problem or nine_instances()
    instances = len(problem.instances(Split.TRAIN))
    text = configuration.to_toml(configured(programs, **flags).model_copy(update={"problem": problem.ref}))
    store = Store.create(folder, problem.ref, text, 0, identity(problem))
    store._connection.exec_driver_sql("PRAGMA synchronous=OFF")
    store._connection.rollback()

    @contextmanager
    def joined(store: Store) -> Iterator[Connection]:
        yield store._connection

    def result(score: float | None, n: int) -> InstanceResult:
        return InstanceResult(f"train/{n}", Status.OK, score, {"cost_usd": 3.25}, "waited 3.1 h for spot", "", 0.01)

    def born(id: int, source: str) -> None:
        parents = there[-50:] if rng.random() < 0.9 else there
        program = Program(
            id, Role.CHILD if id else Role.SEED, "edit" if id else "seed", f"{id:032x}", source, time.time(),
            name="" if id else "seed", parent_id=rng.choice(parents) if id else None,
            place="0" if id else "", chars=len(source), tokens=400, nearest_id=0 if id else None, likeness=0.5,
        )  # fmt: skip
        store.bear(program, rng.randbytes(512))
        scores = [rng.uniform(0, 90) for _ in range(instances)]
        results = {n: result(score, n) for n, score in enumerate(scores)}
        total = SplitScore(
            Split.TRAIN, Status.OK, statistics.fmean(scores), {"cost_usd": 3.25}, tuple(results.values()), True
        )
        store.score(program.with_score(total), results, known=True)
        there.append(id)

    there = [0]
    words = [f"    value_{n} = load[{n}] * {n}.5 + offset" for n in range(400)]
    Store._transaction = joined  # type: ignore[assignment,method-assign]
    with store:
        done = step = 0
        with SOUND(store):
            born(0, f"X = 1.0\n{SHAPE}")
        while done < programs:
            with SOUND(store):
                for _ in range(1000):
                    if done == programs:
                        break
                    step += 1
                    call = ModelCall(step, "m", "edit", f"{step}", "system", f"prompt {step}", CallStatus.SENT)
                    selection = Selection(step, 0, (), str(step % 4), "rank 1 of 12 elites", "m", "edit")
                    store.choose(selection, call)
                    answered = {"status": CallStatus.ANSWERED, "answer": "an answer " * 20, "cost_usd": 0.001}
                    store.answer(replace(call, **answered, prompt_tokens=100, completion_tokens=50))
                    if step % 5 == 0:
                        store.drop(step, Fate.DUPLICATE, "the same program as 1", known=True)
                    else:
                        born(step, f"X = {rng.uniform(0, 90)}\n{SHAPE}{UNUSED}" + "\n".join(rng.sample(words, 50)))
                        done += 1
        Store._transaction = SOUND  # type: ignore[method-assign]
        store.end(RunStatus.STOPPED, "stopped by Ctrl-C", 1.0)


def timed_ms(question: Callable[[], Any], repeats: int = 5) -> float:
    """Return the median CPU time of a question in ms: on a busy machine the wall clock tells of its other work."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        question()
        times.append(1000 * (time.process_time() - began))
    return statistics.median(times)


def resume(folder: Path, programs: int) -> dict[str, float]:
    """Resume a run for ten evaluations more; return CPU seconds until its first step, longest pause, MB of memory."""

    class Watch(Observer):
        began = time.process_time()
        first_s = 0.0

        def call_started(self, *_: object) -> None:
            self.first_s = self.first_s or time.process_time() - self.began

        def finishing(self, *_: object) -> None:
            ticking.cancel()  # nobody's answer is on its way any more

    ticking: asyncio.Task[None]

    async def go(watch: Watch) -> float:
        longest = 0.0

        async def tick() -> None:
            nonlocal longest
            while True:
                began = time.process_time()
                await asyncio.sleep(0.001)
                longest = max(longest, time.process_time() - began)

        nonlocal ticking
        ticking = asyncio.create_task(tick())
        models = {"m": HashModel(values=10**6)}
        config = configured(programs + 10)
        await loop.run(folder, config, nine_instances(), [watch], resume=True, pool=QuickPool(), clients=models)
        return longest

    watch = Watch()
    pause_s = asyncio.run(go(watch))
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"resume_s": watch.first_s, "pause_s": pause_s, "memory_mb": memory_mb}


def questions(folder: Path) -> dict[str, float]:
    """Return how long each question takes on an archive, in ms, with the opening of the file."""

    def asked(question: Callable[[Store], Any]) -> float:
        def ask() -> None:
            with Store.open(folder) as store:
                question(store)

        return timed_ms(ask)

    return {
        "best_ms": asked(lambda store: store.best()),
        "top_ms": asked(lambda store: store.top(8)),
        "summary_ms": asked(lambda store: store.summary()),
        "show_ms": asked(describe),
        "costs_ms": asked(lambda store: costs(store, store.improvements())),
        "runs_ms": timed_ms(lambda: listed([folder])),
        "last_ms": timed_ms(lambda: find_run("last", folder.parent)),
    }


def main() -> None:
    """Measure each size in processes of its own, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        what, folder = given.measure[0], Path(given.measure[1])
        facts = resume(folder, given.programs[0]) if what == "resume" else questions(folder)
        print(json.dumps(facts))
        return
    for programs in given.programs:
        with tempfile.TemporaryDirectory(prefix="evolve-growth-") as place:
            folder = Path(place) / "run"
            began = time.perf_counter()
            make(folder, programs)
            made_s = time.perf_counter() - began
            facts: dict[str, float] = {}
            for what in ("questions", "resume"):
                command = [sys.executable, __file__, str(programs), "--measure", what, str(folder)]
                facts |= json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            size_mb = (folder / "archive.db").stat().st_size / 1e6
        shown = ", ".join(f"{name} {value:.3g}" for name, value in facts.items())
        print(f"{programs} programs ({size_mb:.0f} MB, made in {made_s:.0f} s): {shown}", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main()
