"""What a child races against, and on which instances first: both are fixed when its step is chosen."""

from __future__ import annotations

from evolve.config import RacingConfig
from evolve.loop.population import Population
from evolve.racing import Race, RaceOrder, make_race
from evolve.trial import Selection, Trial


class Heats:
    """The order of each step in flight. It follows from the calls of `tell` and `begun`, as the search's state does.

    So a resumed step is evaluated in the order in which it was begun, and a replayed one as it was recorded.
    """

    def __init__(self, population: Population, config: RacingConfig, count: int, is_timed: bool) -> None:
        self._population, self._config, self._is_timed = population, config, is_timed
        self._order = RaceOrder(count)
        self._orders: dict[int, tuple[int, ...]] = {}

    def tell(self, trial: Trial) -> None:
        """Learn how a step ended."""
        self._orders.pop(trial.id, None)
        if trial.score is not None:
            self._order.tell(trial.scores)

    def begun(self, step: int) -> None:
        """Fix the order of a step that was chosen now."""
        self._orders[step] = self._order.current

    def order(self, step: int) -> tuple[int, ...]:
        """Return the order in which a step's child is evaluated."""
        return self._orders[step]

    def race(self, selection: Selection) -> Race | None:
        """Return what a step's child races against; of a resumed step, what its choice committed."""
        if selection.bar_id is None:
            return None
        instances = self._population.example(selection.bar_id).instances
        if len(instances) != len(self.order(selection.step)):
            return None  # scored before the evaluator was changed to have other instances
        bar = [instances[index][1] for index in self.order(selection.step)]
        return make_race(bar, self._config, self._is_timed)
