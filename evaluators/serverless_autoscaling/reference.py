"""Compute the figures of the built-in days: `python -m evaluators.serverless_autoscaling.reference` (seconds).

Run it when a recipe or the mechanics change. The file keeps how often a day was redrawn.
"""

from __future__ import annotations

from evaluators.reference_file import first_that_tells, write_reference
from evaluators.serverless_autoscaling.figures import STORED, Figures, compute, tells_apart
from evaluators.serverless_autoscaling.functions import Day, digest
from evaluators.serverless_autoscaling.service import Hour
from evaluators.serverless_autoscaling.service import digest as digest_of_hour
from evaluators.serverless_autoscaling.service_figures import STORED_HOURS, compute_hour, hour_tells_apart
from evaluators.serverless_autoscaling.service_workload import HOURS, own_hour
from evaluators.serverless_autoscaling.workload import RECIPES, own_day, public_days
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Day, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_day(split, index, attempt), compute, tells_apart)


def main() -> None:
    """Write reference.json."""
    sizes = {split: len(recipes) for split, recipes in RECIPES.items()}
    write_reference(STORED, "days", sizes, accepted, digest, public=((day, compute(day)) for day in public_days()))


def accepted_hour(split: Split, index: int) -> tuple[int, Hour, Figures]:
    """Do the same for an hour of a service."""
    return first_that_tells(lambda attempt: own_hour(split, index, attempt), compute_hour, hour_tells_apart)


def main_of_hours() -> None:
    """Write reference_concurrency.json."""
    sizes = {split: len(recipes) for split, recipes in HOURS.items()}
    write_reference(STORED_HOURS, "hours", sizes, accepted_hour, digest_of_hour)


if __name__ == "__main__":
    main()
    main_of_hours()
