"""The run folder, written by the real loop on a real archive, with workers and a model that live in this process."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from loop_parts import HashModel, QuickPool, configured, trivial_problem

from evolve import loop
from evolve.archive import Fate, Program, Store
from evolve.observer import Observer, Progress, RunResult
from evolve.report import LinesDisplay, LiveDisplay, RunFolder, describe, run_document, verdict
from evolve.report.documents import to_json
from evolve.report.screens import print_program, print_run
from evolve.report.terminal import Terminal
from evolve.safe_text import fenced


def run(
    folder: Path, evaluations: int, *observers: Observer, resume: bool = False, model: HashModel | None = None
) -> RunResult:
    config = configured(evaluations, seed=1)
    problem, pool, model = trivial_problem(), QuickPool(), model or HashModel()
    return asyncio.run(loop.run(folder, config, problem, observers, resume=resume, pool=pool, clients={"m": model}))


def files(folder: Path) -> dict[str, bytes]:
    kept = [path for path in folder.rglob("*") if path.is_file() and "archive.db" not in path.name]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def test_every_improvement_has_its_folder_and_best_py_is_the_winner(tmp_path: Path) -> None:
    run(tmp_path / "r", 60, RunFolder())
    with Store.open(tmp_path / "r") as store:
        improvements = [store.program(one.trial.id) for one in store.improvements() if one.trial.id > 0]
        best = store.best()
    assert best is not None and len(improvements) >= 2
    assert (tmp_path / "r" / "best.py").read_text() == best.source
    for program in improvements:
        folder = tmp_path / "r" / "programs" / str(program.id)
        assert (folder / "program.py").read_text() == program.source
        assert f"+{program.source.splitlines()[0]}" in (folder / "diff.patch").read_text()
        facts = json.loads((folder / "scores.json").read_text())
        assert facts["splits"]["train"]["score"] == program.score
    winner = json.loads((tmp_path / "r" / "programs" / str(best.id) / "scores.json").read_text())
    assert set(winner["splits"]) == {"train", "validation", "test"}


def test_the_prompt_file_is_the_prompt_that_was_sent_and_nothing_else(tmp_path: Path) -> None:
    run(tmp_path / "r", 40, RunFolder())
    with Store.open(tmp_path / "r") as store:
        for one in store.improvements()[1:]:
            call = store.model_call(one.trial.id)
            assert call is not None
            folder = tmp_path / "r" / "programs" / str(one.trial.id)
            expected = f"# System\n\n{fenced(call.system)}\n\n# User\n\n{fenced(call.prompt)}\n"
            assert (folder / "prompt.md").read_text() == expected
            assert call.prompt.rstrip() in expected
            assert (folder / "answer.md").read_text() == f"{fenced(call.answer)}\n"
            assert "validation/" not in expected and "test/" not in expected


def test_what_a_kill_left_out_is_written_at_the_next_start(tmp_path: Path) -> None:
    run(tmp_path / "r", 40, RunFolder())
    whole = files(tmp_path / "r")
    shutil.rmtree(tmp_path / "r" / "programs")
    (tmp_path / "r" / "best.py").unlink()
    (tmp_path / "r" / "summary.md").unlink()
    run(tmp_path / "r", 40, RunFolder(), resume=True)
    again = files(tmp_path / "r")
    assert set(again) == set(whole)
    kept = [name for name in whole if name.startswith("programs/") or name == "best.py"]
    assert [name for name in kept if again[name] != whole[name]] == []


def test_a_run_that_was_killed_before_it_wrote_a_file_gets_them_all(tmp_path: Path) -> None:
    run(tmp_path / "r", 20)
    run(tmp_path / "r", 20, RunFolder(), resume=True)
    assert (tmp_path / "r" / "seed.py").read_text() == trivial_problem().seed
    with Store.open(tmp_path / "r") as store:
        best = store.best()
    assert best is not None and (tmp_path / "r" / "best.py").read_text() == best.source


def test_the_summary_tells_what_ran_what_came_of_it_and_what_failed(tmp_path: Path) -> None:
    run(tmp_path / "r", 60, RunFolder())
    summary = (tmp_path / "r" / "summary.md").read_text()
    with Store.open(tmp_path / "r") as store:
        report = describe(store)
    assert summary.splitlines()[2] == verdict(report)
    assert report.best is not None and f"| **best** program {report.best.id} | " in summary
    for part in (
        "## Result",
        "| seed | 0.00 [0.0, 0.0] |",
        "60 evaluations",
        "## Cost",
        "## Improvements",
        "```diff",
        "resume",
    ):
        assert part in summary
    assert {setback.what for setback in report.setbacks} >= {"infeasible", "parse_error"}
    assert f"| infeasible | {next(s.count for s in report.setbacks if s.what == 'infeasible')} |" in summary
    assert "\n\n\n" not in summary


def test_a_run_that_ends_in_an_error_says_so_in_its_summary(tmp_path: Path) -> None:
    class Broken(QuickPool):
        async def evaluate(self, source: str, *rest: Any, **more: Any) -> Any:
            if len(self.evaluated) > 5:
                raise RuntimeError("the pool broke")
            return await super().evaluate(source, *rest, **more)

    files_writer = RunFolder()
    problem, config = trivial_problem(), configured(40)
    with pytest.raises(BaseException):  # noqa: B017  (a group or the error itself: the loop's affair)
        asyncio.run(
            loop.run(tmp_path / "r", config, problem, (files_writer,), pool=Broken(), clients={"m": HashModel()})
        )
    files_writer.close()
    assert "The run is not finished" in (tmp_path / "r" / "summary.md").read_text()


def test_a_full_disk_does_not_end_the_run_and_is_told(tmp_path: Path) -> None:
    class Blocker(Observer):
        """Puts a file where the folder of programs would be."""

        def seeded(self, seed: Program, baselines: tuple[Program, ...], progress: Progress) -> None:
            (tmp_path / "r" / "programs").write_text("")

        def started(self, *_: Any) -> None: ...
        def notice(self, text: str) -> None: ...
        def call_started(self, *_: Any) -> None: ...
        def call_finished(self, *_: Any) -> None: ...
        def dropped(self, step: int, fate: Fate, note: str, progress: Progress) -> None: ...
        def evaluated(self, *_: Any) -> None: ...
        def finishing(self, *_: Any) -> None: ...
        def closed(self, result: RunResult) -> None: ...

    writer = RunFolder()
    result = run(tmp_path / "r", 30, Blocker(), writer)
    assert result.progress.evaluations == 30
    assert "cannot be written" in writer.trouble


def test_the_lines_tell_evaluations_best_rate_spend_and_what_is_in_flight(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "r", 30, LinesDisplay(Terminal(width=80)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("run folder")
    last = next(line for line in reversed(lines) if "evaluations, best" in line)
    assert last.startswith("30/30 evaluations, best ")
    for part in ("/min, ", "in flight", "price unknown", "calls", "tokens"):
        assert part in last
    assert lines[-1] == "all 30 evaluations are done"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_live_display_fits_its_terminal_and_leaves_the_last_state(tmp_path: Path, width: int) -> None:
    with (tmp_path / "screen").open("w+", encoding="utf-8") as screen:
        display = LiveDisplay(Terminal(file=screen, width=width, force_terminal=True, color_system=None))
        with display:
            run(tmp_path / "r", 30, display)
    shown = (tmp_path / "screen").read_text()
    assert "30/30 evaluations" in shown and "best on train" in shown
    assert shown.endswith("\x1b[?25h")  # the cursor is given back
    assert max(map(len, re.sub(r"\x1b\[[0-9?]*[A-Za-z]", "", shown).splitlines())) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_the_screens_fit_their_terminal_and_json_holds_the_same_facts(tmp_path: Path, width: int) -> None:
    run(tmp_path / "runs" / "r", 60, RunFolder())
    with Store.open(tmp_path / "runs" / "r") as store, (tmp_path / "screen").open("w+", encoding="utf-8") as screen:
        report, best = describe(store), store.best()
        assert best is not None
        console = Terminal(file=screen, width=width)
        print_run(console, report)
        print_program(console, store, best)
    lines = (tmp_path / "screen").read_text().splitlines()
    assert all(len(line) <= width for line in lines if str(tmp_path) not in line)
    facts = json.loads(to_json(run_document(report)))
    assert facts["best"]["score"] == best.score and f"{best.score:.2f}" in "\n".join(lines)
    assert facts["evaluations"] == 60 and facts["model_calls"] >= 60


@pytest.mark.slow
def test_a_run_of_many_programs_stays_small_on_disk(tmp_path: Path) -> None:
    run(tmp_path / "r", 400, RunFolder(), model=HashModel(values=10**6))  # few repeats: they are not what is measured
    size = sum(path.stat().st_size for path in (tmp_path / "r").rglob("*") if path.is_file())
    assert size / 400 * 3000 < 15e6
