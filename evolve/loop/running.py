"""A run as one driver works on it: what all parts of the loop share."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evolve.archive import Fate, Program, Store, Tape
from evolve.config import RunConfig
from evolve.loop.blame import Watched
from evolve.loop.budget import Cost, Ledger
from evolve.loop.desk import Desk
from evolve.loop.pacing import make_rule
from evolve.loop.population import Population
from evolve.loop.stopping import Stop
from evolve.mutate.models.providers import Client
from evolve.observer import Audience
from evolve.workers import Pool

if TYPE_CHECKING:
    from evolve.registry import Problem


@dataclass
class Run:
    """From the opened archive on.

    clients: one per model name.  templates: folders whose prompt templates go before the built-in ones.
    tape: of a recorded run that is played again.
    """

    config: RunConfig
    problem: Problem
    store: Store
    pool: Pool
    clients: Mapping[str, Client]
    templates: tuple[Path, ...]
    audience: Audience
    tape: Tape | None
    stop: Stop

    def __post_init__(self) -> None:
        self.pool = Watched(self.pool, self.audience.notice)
        self.desk = Desk()
        self.population = Population(self.store)
        self.rule = make_rule(self.config, self.tape)
        summary, in_step_order = self.store.summary(), self.config.deterministic
        spent = Cost.of_all(summary.calls)
        self.ledger = Ledger(self.config.budget, summary.evaluations, spent, summary.active_s, in_step_order)

    def show(self, program: Program | None) -> None:
        """Tell observers of a step's child, if it has one, which is scored."""
        if program is not None:
            improved = self.ledger.beats_best(program.id, program.score)
            self.audience.tell(lambda o: o.evaluated(program, improved, self.ledger.progress()))

    def dropped(self, step: int, fate: Fate, note: str) -> None:
        """Tell observers of a step that made no program."""
        self.audience.tell(lambda o: o.dropped(step, fate, note, self.ledger.progress()))


@contextmanager
def all_kept() -> Iterator[None]:
    """What is made inside is never garbage: the collector need not walk it again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
