"""Who answers prompts: for each model of a run, the client that asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from evolve.config import BUILTIN, MANUAL, ModelConfig, RateConfig

if TYPE_CHECKING:
    from evolve.mutate.models.answer import Answer
    from evolve.mutate.models.client import LeftS, MayRetry, Tell
    from evolve.mutate.prompts.prompt import Prompt


class Client(Protocol):
    """One model. One that is a `Several`, too, may be asked for several answers at once."""

    def warm_up(self) -> None:
        """Do what the first call would have to wait for. Called on another thread."""

    def worst_case(self, prompt: Prompt) -> tuple[int, float | None]:
        """Return the most tokens and US dollars that one request for a prompt may come to; None: no price is known."""

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        """Ask the model. call_id: the step that asks. Raises UsageError for what a person must put right."""

    async def close(self) -> None:
        """Close the connections."""


@runtime_checkable
class Several(Protocol):
    """A model that can give several answers to one request."""

    @property
    def most_answers(self) -> int:
        """How many, as far as is known."""

    async def complete_several(self, prompt: Prompt, call_ids: Sequence[int]) -> list[Answer]:
        """Ask for an answer for each call, and return those of the first ones: at least one, or why there is none."""


def make_clients(
    models: Sequence[ModelConfig],
    rate: RateConfig,
    folder: Path,
    *,
    cap_tokens: bool = False,
    may_retry: MayRetry | None = None,
    left_s: LeftS | None = None,
    tell: Tell | None = None,
) -> dict[str, Client]:
    """Return a client for each model but the built-in mutator, by name.

    folder: of the run, in which a person finds the prompts.
    cap_tokens: limit every answer, also where the settings do not, so that no call exceeds its `worst_case`.
    may_retry: asked before another request is sent for a call whose earlier ones may be billed: their tokens and
        dollars are on top of the one worst case that the call was taken for.
    left_s: asked when a call begins: how long the run itself lets it take, however patient its model's settings are.
    tell: hears, once each, what a person should know of a server.
    Raises UsageError for a wrong URL, a missing key or a program that does not exist.
    """
    asked = [model for model in models if model.name != BUILTIN]
    if not asked:
        return {}
    from evolve.mutate.models.breaker import Breaker
    from evolve.mutate.models.client import ModelClient, no_limit, unheard
    from evolve.mutate.models.command import CommandClient
    from evolve.mutate.models.manual import ManualClient
    from evolve.mutate.models.rate import RateLimit

    left_s, tell = left_s or no_limit, tell or unheard
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
            client = ModelClient(
                model, rate=limit, cap_tokens=cap_tokens, may_retry=may_retry, left_s=left_s, tell=tell
            )
            client.breaker = breakers.setdefault(client.base_url, client.breaker)
            clients[model.name] = client
    return clients


async def ask_at_once(clients: Mapping[str, Client], models: Sequence[str]) -> list[str]:
    """Ask all servers whether they can be asked, which costs nothing, and return what a person should know of them.

    models: the names of all who change programs.
    Raises UsageError when none of them can be asked: a wrong URL, a refused key, an unknown model.
    """
    from evolve.mutate.models.client import ModelClient
    from evolve.mutate.models.fault import ModelGone

    served = {name: client for name, client in clients.items() if isinstance(client, ModelClient)}
    found = await asyncio.gather(*(client.knock() for client in served.values()), return_exceptions=True)
    wrong = [one for one in found if isinstance(one, BaseException)]
    for one in wrong:
        if len(wrong) == len(models) or not isinstance(one, ModelGone):
            raise one
    return [str(one) for one in found if str(one)]
