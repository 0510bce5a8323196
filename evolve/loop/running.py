"""A run as one driver works on it: what all parts of the loop share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evolve.archive import Fate, Program, Store, Tape
from evolve.config import RunConfig
from evolve.loop.blame import Watched
from evolve.loop.budget import Cost, Ledger
from evolve.loop.pacing import make_rule
from evolve.loop.population import Population
from evolve.loop.stopping import Stop
from evolve.observer import Audience
from evolve.workers import Pool

if TYPE_CHECKING:
    from evolve.registry import Problem


class Run:
    """From the opened archive on. tape: of a recorded run that is played again."""

    def __init__(
        self,
        config: RunConfig,
        problem: Problem,
        store: Store,
        pool: Pool,
        audience: Audience,
        tape: Tape | None,
        stop: Stop,
    ) -> None:
        self.config, self.problem, self.store, self.audience = config, problem, store, audience
        self.tape, self.stop = tape, stop
        self.pool: Pool = Watched(pool, audience.notice)
        self.population = Population(store)
        self.rule = make_rule(config, tape)
        summary = store.summary()
        spent = Cost.of_all(summary.calls)
        self.ledger = Ledger(
            config.budget, summary.evaluations, spent, summary.active_s, in_step_order=config.deterministic
        )

    def show(self, program: Program | None) -> None:
        """Tell observers of a step's child, if it has one, which is scored."""
        if program is not None:
            improved = self.ledger.beats_best(program.id, program.score)
            self.audience.tell(lambda o: o.evaluated(program, improved, self.ledger.progress()))

    def dropped(self, step: int, fate: Fate, note: str) -> None:
        """Tell observers of a step that made no program."""
        self.audience.tell(lambda o: o.dropped(step, fate, note, self.ledger.progress()))
