"""What tokens cost: a model's own prices, or the published ones of the API's own vendor."""

from __future__ import annotations

import functools
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve.config import ModelConfig
from evolve.errors import UsageError
from evolve.mutate.models.completion import Usage
from evolve.mutate.models.endpoint import OPENAI_URL

PRICES = Path(__file__).parent / "prices.toml"


@dataclass(frozen=True)
class Prices:
    """US dollars for 10^6 tokens: of the prompt, of the answer, of the prompt read from and put into a cache."""

    given: float
    made: float
    cached: float
    written: float

    def cost_usd(self, usage: Usage) -> float:
        """Return what an answer costs."""
        plain = usage.given - usage.cached - usage.written
        dollars = (
            plain * self.given + usage.made * self.made + usage.cached * self.cached + usage.written * self.written
        )
        return dollars / 1e6

    def most_usd(self, given: int, made: int) -> float:
        """Return what so many tokens cost at most, wherever the server's cache has the prompt."""
        return (given * max(self.given, self.cached, self.written) + made * self.made) / 1e6


def prices_of(model: ModelConfig) -> Prices | None:
    """Return a model's prices, None where one is missing. Without prices of a cache it costs what a prompt costs."""
    given, made = model.usd_per_mtok_in, model.usd_per_mtok_out
    if given is None or made is None:
        return None
    cached, written = model.usd_per_mtok_cached, model.usd_per_mtok_cache_write
    return Prices(given, made, given if cached is None else cached, given if written is None else written)


def with_known_prices(models: Sequence[ModelConfig]) -> tuple[ModelConfig, ...]:
    """Return the models with the published prices put in, for those that the vendor's own server answers.

    Only where no price is given, and only for a name that the list has as it is: nothing is guessed.
    """
    return tuple(_priced(model) for model in models)


def require_prices(models: Sequence[ModelConfig]) -> None:
    """Raises UsageError, one line, when a model that a server bills has no price."""
    unknown = [model.name for model in models if model.is_served and prices_of(model) is None]
    if unknown:
        raise UsageError(
            f"a budget in US dollars needs the models' prices, and those of {', '.join(unknown)} are not known: "
            "--set model.usd_per_mtok_in=... --set model.usd_per_mtok_out=..., or these keys in [[models]]."
        )


def _priced(model: ModelConfig) -> ModelConfig:
    asked_at = model.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
    keys = ("usd_per_mtok_in", "usd_per_mtok_out", "usd_per_mtok_cached", "usd_per_mtok_cache_write")
    given = any(getattr(model, key) is not None for key in keys)
    if given or not model.is_served or asked_at.rstrip("/") != OPENAI_URL:
        return model
    known = _published().get(model.name, {})
    return model.model_copy(update={f"usd_per_mtok_{name}": usd for name, usd in known.items()})


@functools.cache
def _published() -> Mapping[str, Mapping[str, float]]:
    models: Mapping[str, Mapping[str, float]] = tomllib.loads(PRICES.read_text(encoding="utf-8"))["models"]
    return models
