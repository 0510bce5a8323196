"""A run in which whatever is foreign is hostile: programs, answers, names, what the verifier says."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

from hostile import HOSTILE, NAME
from loop_parts import HashModel, QuickPool, configured, in_a_loop, trivial_problem

from evolve import loop
from evolve.evaluator import Instance, Split
from evolve.mutate.models.answer import Answer, AnswerStatus
from evolve.mutate.prompts.prompt import Prompt
from evolve.report import LinesDisplay, RunFolder
from evolve.report.terminal import Terminal
from evolve.scoring import InstanceResult, Status


class HostilePool(QuickPool):
    """Says hostile things of every program."""

    notices = (HOSTILE,)

    def scored(self, source: str, split: Split, index: int) -> InstanceResult:
        result = super().scored(source, split, index)
        return dataclasses.replace(
            result,
            instance_id=f"{split}/{NAME}",
            metrics={f"cost_usd{NAME}": 1.0},
            feedback=HOSTILE,
            output=HOSTILE,
            failure="" if result.status is Status.OK else NAME,
        )


class HostileModel(HashModel):
    """Answers with programs in hostile words; fails and refuses in hostile words, too."""

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        answer = await super().complete(prompt, call_id)
        said = HOSTILE
        if call_id % 7 == 3:
            return dataclasses.replace(answer, text="", status=AnswerStatus.ERROR, error=said)
        if call_id % 7 == 5:
            return dataclasses.replace(answer, text=said)
        return dataclasses.replace(answer, text=f"Idea: {said}\n\n# unseen \U000e0041\n{answer.text}\n{said}")


def make_hostile_run(folder: Path) -> str:
    """Make the run in a folder; return what it printed on the way."""
    problem = trivial_problem()
    instances = [Instance(f"train/{NAME}")]
    problem.evaluator.instances = lambda split: instances  # type: ignore[method-assign]
    problem = dataclasses.replace(
        problem, statement=problem.statement + HOSTILE, baselines={NAME: "X = 5\n\n\ndef answer():\n    return X\n"}
    )
    config = configured(40, seed=1, model__names=(NAME,), mutation__novelty=False)
    screen = io.StringIO()
    display = LinesDisplay(Terminal(file=screen, width=80))
    in_a_loop(
        loop.run(
            folder,
            config,
            problem,
            (RunFolder(display.notice), display),
            pool=HostilePool(),  # type: ignore[arg-type]
            clients={NAME: HostileModel()},
        )
    )
    return screen.getvalue()
