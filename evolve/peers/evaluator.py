"""A task of another tool as one of our problems: its own evaluator says the score, and we say whose word that is."""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from evolve.evaluator import Candidate, Evaluator, Infeasible, Instance, Outcome, Split
from evolve.peers.confined import run_confined
from evolve.peers.task import Format, Task

SELF_REPORTED = (
    "Every score is self-reported by the task: its evaluator runs the program in its own process, "
    "where it can be misled."
)
MAX_ANSWER_BYTES = 4_000_000
LONGEST_NAME = 60


class PeerOptions(BaseModel):
    """How a task of another tool is run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Format | None = Field(None, description="Whose task it is; default: found out from its files.")
    python: str = Field("", description="Interpreter of the evaluation; default: that of evolve.")
    allow_network: bool = Field(False, description="Let the evaluation use the network.")
    memory_mb: int = Field(4096, ge=64, description="Memory of one evaluation.")
    timeout_s: float | None = Field(None, gt=0, description="Wall seconds of one; default: the task's own, or 300.")


class Reported(Outcome):
    """An outcome on the task's own scale, which has no floor."""

    def __post_init__(self) -> None:
        assert self.score is not None
        if not math.isfinite(self.score):
            raise Infeasible(f"the task's score is {self.score}, no finite number")


class PeerEvaluator(Evaluator):
    """Made for each task by `evaluator_class`."""

    name = "task"
    summary = "A task of another tool"
    defines: tuple[str, ...] = ("program",)
    splits = (Split.TRAIN,)
    Options = PeerOptions
    in_sandbox = False
    score_means = "The score is what the task's own evaluator reports, on a scale of its own; more is better."
    task: ClassVar[Task]

    def __init__(self, options: BaseModel | None = None) -> None:
        super().__init__(options)
        self.defines = ()

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the one evaluation that the task has."""
        return [Instance(f"{split}/task", generated=False)] if split is Split.TRAIN else []

    def remark(self, split: Split) -> str:
        """Say whose word the score is."""
        return SELF_REPORTED

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Run the task's own evaluator on the program, confined, and take its word."""
        options, task = self.options, self.task
        if not candidate.source.strip():
            raise Infeasible("there is no program yet")
        assert isinstance(options, PeerOptions)
        wall_s = options.timeout_s or task.timeout_s
        with tempfile.TemporaryDirectory(prefix="evolve-task-") as name:
            place = Path(name)
            for entry in task.folder.iterdir():  # so that paths relative to the working folder are found
                (place / entry.name).symlink_to(entry)
            program = place / f"candidate{task.program.suffix}"
            program.write_text(candidate.source, encoding="utf-8")
            runner, answer = Path(__file__).with_name("runner.py"), place / "answer.json"
            thresholds = ",".join(map(str, task.thresholds))
            python = options.python or sys.executable
            ended = run_confined(
                [
                    python,
                    "-P",
                    str(runner),
                    task.kind,
                    str(task.evaluator),
                    str(program),
                    str(answer),
                    thresholds,
                ],
                [task.folder, runner, Path(python).parent.parent],
                place,
                wall_s,
                options.memory_mb,
                options.allow_network,
            )
            if ended.code is None:
                raise Infeasible(f"the evaluation took longer than {wall_s:g} s and was ended")
            if not answer.is_file() or answer.is_symlink() or answer.stat().st_size > MAX_ANSWER_BYTES:
                raise Infeasible(
                    f"the evaluation ended without an answer (exit code {ended.code}): "
                    f"{ended.said.replace(f'{place}/', '')[-500:]}"
                )
            # A throw-away folder's name would make the same failure another one each time.
            found = _parsed(answer.read_bytes().replace(f"{place}/".encode(), b""))
        return self._outcome(found)

    def _outcome(self, found: Mapping[str, Any]) -> Outcome:
        metrics = found.get("metrics")
        numbers = {
            str(key)[:LONGEST_NAME]: float(x)
            for key, x in (metrics.items() if isinstance(metrics, dict) else ())
            if isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)
        }
        said = "\n".join(text for text in (str(found.get("feedback") or ""), str(found.get("output") or "")) if text)
        error = str(found.get("error") or "")
        if error:
            raise Infeasible("\n".join(part for part in (error, self._hint(error), said) if part))
        if "combined_score" in numbers:
            score = numbers["combined_score"]
        elif numbers:
            score = math.fsum(numbers.values()) / len(numbers)
        else:
            raise Infeasible(f"the task gave no number as a metric: {str(metrics)[:200]}")
        return Reported(score, numbers, said or f"score {score:.6g}")

    def _hint(self, error: str) -> str:
        needs = self.task.folder / "requirements.txt"
        if "ModuleNotFoundError" in error and needs.is_file():
            return f"what the task needs is not installed: run it with --install, or pip install -r {needs}"
        return ""


def _parsed(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Infeasible("the evaluation's answer is no JSON") from None
    return found if isinstance(found, dict) else {}


def notes(evaluator: Evaluator) -> list[str]:
    """Return what the user of a task of another tool should know at the start of a run; nothing for other problems."""
    if not isinstance(evaluator, PeerEvaluator):
        return []
    task = evaluator.task
    lines = [f"{task.name} is a task of {task.format.value}. {SELF_REPORTED}"]
    if task.unused:
        lines.append(f"config.yaml: not used here: {', '.join(task.unused)}.")
    return lines


def evaluator_class(task: Task) -> type[PeerEvaluator]:
    """Return the class of a task: what is in its files are its attributes."""
    attributes = {
        "name": task.name,
        "summary": f"A task of {task.format.value} ({task.program.name}); its score is self-reported",
        "task": task,
        "language": task.language.name,
        "evaluation_s": 2 * task.timeout_s + 60,
        "__module__": __name__,
        "__doc__": PeerEvaluator.__doc__,
    }
    return type("Task", (PeerEvaluator,), attributes)


__all__ = ["PeerEvaluator", "evaluator_class", "notes"]
