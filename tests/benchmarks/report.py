"""How large a report is and how soon it is open, at 300, 3,000 and 10,000 programs.

    python -m tests.benchmarks.report [SIZES...]

Programs are of a real problem's size: the source of `seeds/eplb.py` with a few numbers changed in each.
"""

from __future__ import annotations

import heapq
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

SIZES = (300, 3_000, 10_000)
INSTANCES = 24
PAINTED = """new Promise((done) =>
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"""


def filled_run(folder: Path, count: int) -> Path:
    """Write an archive with so many programs, their lineages and calls, without evaluating any."""
    from evolve.archive import CallStatus, ModelCall, Program, Role, Selection, Store
    from evolve.config import resolve, to_toml
    from evolve.evaluator import Split
    from evolve.scoring import InstanceResult, SplitScore, Status

    rng = random.Random(7)
    base = (Path(__file__).resolve().parents[2] / "seeds" / "eplb.py").read_text()
    sources, best = {0: base}, {0: 0.0}
    config = to_toml(resolve(None, [], {"problem": "eplb", "model.names": ("m",)}))
    with Store.create(folder, "eplb", config, 7) as store:
        for id in range(count + 1):
            parent = None
            if id > 0:
                parent = rng.choice(heapq.nlargest(40, best, key=best.__getitem__))
                prompt = f"Improve this program.\n\n{sources[parent]}\n\nIt scored {best[parent]:.2f}."
                call = ModelCall(id, "m", "edit", f"d{id}", "You are a programmer.", prompt, CallStatus.SENT)
                store.choose(Selection(id, parent, (), "0", "rank 3 of 40 elites, by rank", "m", "edit"), call)
                answered = {"status": CallStatus.ANSWERED, "answer": prompt, "cost_usd": 0.001, "prompt_tokens": 900}
                store.answer(replace(call, **answered))
                lines = sources[parent].split("\n")
                lines[rng.randrange(len(lines))] += f"  # {rng.random():.6f}"
                sources[id] = "\n".join(lines)
            level = best.get(parent or 0, 0.0) + rng.gauss(-0.4, 1.0)
            found = [level + rng.gauss(0, 6) for _ in range(INSTANCES)]
            results = [
                InstanceResult(f"train/{k}", Status.OK, x, {"x": x}, "GPU 3 is full") for k, x in enumerate(found)
            ]
            split = SplitScore(Split.TRAIN, Status.OK, sum(found) / INSTANCES, {"x": 1.0}, tuple(results), True)
            best[id] = sum(found) / INSTANCES
            role, name = (Role.CHILD, "") if id else (Role.SEED, "seed")
            program = Program(id, role, "edit", f"f{id}", sources[id], time.time(), name=name, parent_id=parent)
            store.bear(program)
            store.score(program.with_score(split), dict(enumerate(results)), True)
    return folder


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print a line for each size."""
    from playwright.sync_api import sync_playwright

    from evolve.archive import Store
    from evolve.report.page.run_page import report_page

    print("programs   writing it   size       open   first paint of all charts")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for size in sizes:
            folder = filled_run(Path(name) / str(size), size)
            began = time.process_time()
            with Store.open(folder) as store:
                page = report_page(store)
            wrote_s = time.process_time() - began
            path = Path(name) / f"{size}.html"
            path.write_text(page)
            view = browser.new_page(viewport={"width": 1400, "height": 900})
            view.goto(path.as_uri())
            view.wait_for_function("document.body.dataset.ready === '1'")
            opened = view.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
            painted = view.evaluate(PAINTED)
            print(
                f"{size:8d} {wrote_s:8.1f} s CPU {len(page) / 1e6:6.2f} MB {opened:8.0f} ms {painted:8.0f} ms",
                flush=True,
            )
            view.close()
        browser.close()


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
