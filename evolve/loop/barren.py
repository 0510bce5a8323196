"""Steps in a row that gave no new program: how many, what was the matter with most of them, what helps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from evolve.trial import Fate, Trial
from evolve.words import counted

MOST_STEPS = 200
"""After so many in a row a run gives up."""


@dataclass(frozen=True)
class Cause:
    """Why steps gave no program. one, many: to be put after their number.  tells: the note of one says more."""

    one: str
    many: str
    cure: str
    tells: bool = False


CUT = Cause(
    "answer was cut at max_tokens", "answers were cut at max_tokens", "raise it (--set model.max_tokens=N) and resume"
)
TRIED = Cause(
    "change of the built-in mutator had been tried",
    "changes of the built-in mutator had been tried",
    "it has no more of them for this program: ask a model (--model NAME)",
)
OF_FATE = {
    Fate.CALL_ERROR: Cause("call failed", "calls failed", "put that right and resume", tells=True),
    Fate.PARSE_ERROR: Cause(
        "answer gave no program",
        "answers gave no program",
        "`evolve show RUN {step} --answer` shows it; another model, or --mutation rewrite=1, may do better",
        tells=True,
    ),
    Fate.NO_CHANGE: Cause(
        "answer was to change nothing",
        "answers were to change nothing",
        "another model may see more, or another search (--search) ask of other programs",
        tells=True,
    ),
    Fate.DUPLICATE: Cause(
        "answer was a program that is there already",
        "answers were programs that are there already",
        "another model, or a higher model.temperature, may find more",
    ),
    Fate.NEAR_DUPLICATE: Cause(
        "answer was too like another program",
        "answers were too like another program",
        "another model, or --set mutation.novelty=false, may find more",
    ),
}


class Barren:
    """Counts them since the last new program."""

    def __init__(self) -> None:
        self._counts: Counter[Cause] = Counter()
        self._last: dict[Cause, Trial] = {}

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended."""
        if trial.is_program:
            self._counts.clear()
        elif trial.is_attempt:
            cause = CUT if "cut at max_tokens" in trial.note else OF_FATE[trial.fate]
            if trial.fate is Fate.DUPLICATE and not trial.called:
                cause = TRIED
            self._counts[cause] += 1
            self._last[cause] = trial

    def reason(self) -> str:
        """Return in one line what was the matter, the commonest first, and what helps; "" before MOST_STEPS of them."""
        steps = self._counts.total()
        if steps < MOST_STEPS:
            return ""
        ranked = self._counts.most_common()
        worst, last = ranked[0][0], self._last[ranked[0][0]]
        causes = ", ".join(counted(count, cause.one, cause.many) for cause, count in ranked)
        words = f" (at last: {last.note.rstrip('.')})" if worst.tells and last.note else ""
        return (
            f"the last {counted(steps, 'step')} gave no new program to evaluate: {causes}{words}; "
            f"{worst.cure.format(step=last.id)}"
        )
