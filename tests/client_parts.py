"""What the tests of the model client share: one prompt, and a way to ask a scripted server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from model_server import Answer, ModelServer, Script

from evolve.config import ModelConfig
from evolve.mutate.models.answer import Answer as CallAnswer
from evolve.mutate.models.client import ModelClient
from evolve.mutate.mutation import Kind
from evolve.mutate.prompts.prompt import Prompt

PROMPT = Prompt("Be brief.", "Say something.", Kind.EDIT)
KEY = "sk-test-0123456789abcdef"


def client(base_url: str | None, *, backoff_s: float = 0.005, cap_tokens: bool = False, **settings: Any) -> ModelClient:
    """Return a client that retries at once and gives up early."""
    model = ModelConfig.model_validate({"name": "m", "base_url": base_url, "timeout_s": 5.0, **settings})
    return ModelClient(model, backoff_s=backoff_s, cap_tokens=cap_tokens)


def ask(script: Script | Sequence[Answer], calls: int = 1, **settings: Any) -> tuple[list[CallAnswer], ModelServer]:
    """Return the answers of calls made at once, and the server that answered."""

    async def all_at_once(base_url: str) -> list[CallAnswer]:
        async with client(base_url, **settings) as model:
            return await asyncio.gather(*(model.complete(PROMPT) for _ in range(calls)))

    with ModelServer(script) as server:
        return asyncio.run(all_at_once(server.base_url)), server
