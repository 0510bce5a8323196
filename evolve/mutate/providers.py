"""Who answers prompts: for each model of a run, the client that asks it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from evolve.config import BUILTIN, ModelConfig, RateConfig

if TYPE_CHECKING:
    from evolve.mutate.client import Answer
    from evolve.mutate.prompt import Prompt


class Client(Protocol):
    """One model."""

    def warm_up(self) -> None:
        """Do what the first call would have to wait for. Called on another thread."""

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        """Ask the model. call_id: the step that asks. Raises UsageError for what a person must put right."""

    def worst_case(self, prompt: Prompt) -> tuple[int, float | None]:
        """Return the most tokens, in and out, and US dollars that one attempt at a call may cost."""

    async def close(self) -> None:
        """Close the connections."""


def make_clients(models: Sequence[ModelConfig], rate: RateConfig, folder: Path) -> dict[str, Client]:
    """Return a client for each model but the built-in mutator, by name.

    folder: of the run, in which a person finds the prompts. Raises UsageError for a wrong URL or a missing key.
    """
    asked = [model for model in models if model.name != BUILTIN]
    if not asked:
        return {}
    from evolve.mutate.client import ModelClient

    return {
        model.name: ModelClient(
            model.name,
            base_url=model.base_url,
            api_key_env=model.api_key_env,
            temperature=model.temperature,
            max_tokens=model.max_tokens,
            timeout_s=model.timeout_s,
            concurrency=model.concurrency,
            usd_per_mtok_in=model.usd_per_mtok_in,
            usd_per_mtok_out=model.usd_per_mtok_out,
            max_attempts=model.attempts,
        )
        for model in asked
    }
