"""Reading a server's answer, lenient where the servers that call themselves OpenAI-compatible differ."""

from __future__ import annotations

import json
from dataclasses import dataclass

MAX_TOKENS = 2**53
"""A count above it is none: no float and no database column holds it."""


@dataclass(frozen=True)
class Completion:
    """What a response's body says. tokens: (prompt, completion), None when the server did not count."""

    text: str
    finish_reason: str
    refusal: str
    tokens: tuple[int, int] | None


def read_completion(body: str) -> Completion:
    """Read a chat completion, lenient where servers differ. Raises ValueError that says what is missing."""
    try:
        message = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError(f"a JSON {type(message).__name__}")
    match message:
        case {"choices": [{"message": {**said}, **choice}, *_]}:
            pass
        case {"error": error} if error:
            raise ValueError(f"an error: {json.dumps(error)[:300]}")
        case _:
            raise ValueError(f"no choices in {sorted(message)[:10]}")
    content = said.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    usage = message.get("usage")
    counts = (usage.get("prompt_tokens"), usage.get("completion_tokens")) if isinstance(usage, dict) else (None, None)
    given, made = (n if type(n) is int and 0 <= n < MAX_TOKENS else None for n in counts)
    return Completion(
        text=storable(content) if isinstance(content, str) else "",
        finish_reason=storable(str(choice.get("finish_reason") or "")),
        refusal=str(said.get("refusal") or ""),
        tokens=(given, made) if given is not None and made is not None else None,
    )


def storable(text: str) -> str:
    """Return a text that any file and any database takes: no lone surrogates, no null characters."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
