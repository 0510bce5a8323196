"""The scale of the public benchmarks, one for one zone and for several: 0 = 48 h on demand, 100 = 48 h of spot."""

from __future__ import annotations

TASK_H = 48
WORST_USD, BEST_USD = 146.88, 46.7088
"""48 h on demand, and 48 h of spot at 0.9731 USD/h."""


def adrs_score(mean_cost_usd: float) -> float:
    """Return the published score of a mean cost per run, 0 to 100."""
    share = (WORST_USD - mean_cost_usd) / (WORST_USD - BEST_USD)
    return 100 * min(max(share, 0.0), 1.0)
