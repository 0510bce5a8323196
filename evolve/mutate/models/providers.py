"""Who answers prompts: for each model of a run, the client that asks it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from evolve.config import BUILTIN, MANUAL, ModelConfig, RateConfig

if TYPE_CHECKING:
    from evolve.mutate.models.answer import Answer
    from evolve.mutate.models.client import LeftS, MayRetry
    from evolve.mutate.prompts.prompt import Prompt


class Client(Protocol):
    """One model."""

    def warm_up(self) -> None:
        """Do what the first call would have to wait for. Called on another thread."""

    def worst_case(self, prompt: Prompt) -> tuple[int, float | None]:
        """Return the most tokens and US dollars that one request for a prompt may come to; None: no price is known."""

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        """Ask the model. call_id: the step that asks. Raises UsageError for what a person must put right."""

    async def close(self) -> None:
        """Close the connections."""


def make_clients(
    models: Sequence[ModelConfig],
    rate: RateConfig,
    folder: Path,
    *,
    cap_tokens: bool = False,
    may_retry: MayRetry | None = None,
    left_s: LeftS | None = None,
) -> dict[str, Client]:
    """Return a client for each model but the built-in mutator, by name.

    folder: of the run, in which a person finds the prompts.
    cap_tokens: limit every answer, also where the settings do not, so that no call exceeds its `worst_case`.
    may_retry: asked before another request is sent for a call whose earlier ones may be billed: their tokens and
        dollars are on top of the one worst case that the call was taken for.
    left_s: asked when a call begins: how long the run itself lets it take, however patient its model's settings are.
    Raises UsageError for a wrong URL, a missing key or a program that does not exist.
    """
    asked = [model for model in models if model.name != BUILTIN]
    if not asked:
        return {}
    from evolve.mutate.models.breaker import Breaker
    from evolve.mutate.models.client import ModelClient, no_limit
    from evolve.mutate.models.command import CommandClient
    from evolve.mutate.models.manual import ManualClient
    from evolve.mutate.models.rate import RateLimit

    left_s = left_s or no_limit
    keys = sorted({model.api_key_env for model in asked if model.is_served})
    limit = RateLimit(rate)
    breakers: dict[str, Breaker] = {}
    clients: dict[str, Client] = {}
    for model in asked:
        if model.name == MANUAL:
            clients[model.name] = ManualClient(model, folder, left_s)
        elif not model.is_served:
            clients[model.name] = CommandClient(model, keys, left_s)
        else:
            client = ModelClient(model, rate=limit, cap_tokens=cap_tokens, may_retry=may_retry, left_s=left_s)
            client.breaker = breakers.setdefault(client.base_url, client.breaker)
            clients[model.name] = client
    return clients
