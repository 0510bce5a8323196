"""Reading a server's whole answer, lenient where the servers that call themselves OpenAI-compatible differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, Literal

from evolve.mutate.models.fault import words_of

MAX_TOKENS = 2**53
"""A count above it is none: no float and no database column holds it."""

MOST_PARTS = {"{": 60_000, "[": 60_000, ",": 300_000}
"""So many of these signs, wherever they stand, are read in some 50 ms at most."""

Api = Literal["chat", "responses"]


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer.

    given: of the prompt, those below included.  cached: read from the server's cache.  written: put into it.
    made: of the answer, hidden ones included.  reasoning: the hidden ones.
    """

    given: int
    made: int
    cached: int = 0
    written: int = 0
    reasoning: int = 0

    def shared(self, weights: Sequence[int]) -> list[Usage]:
        """Return a part for each of several answers to one prompt; all parts together are the whole, to the token.

        weights: of what was made, one per answer, above 0; the prompt is shared evenly.
        """
        given, made = _parts(self.given, [1] * len(weights)), _parts(self.made, weights)
        cached, written = _parts(self.cached, given), _parts(self.written, given)
        return [Usage(*part) for part in zip(given, made, cached, written, _parts(self.reasoning, made), strict=True)]


def _parts(whole: int, weights: Sequence[int]) -> list[int]:
    """Return whole numbers in proportion to the weights, whose sum is `whole`; none is above its share rounded up."""
    ends = [whole * before // max(1, sum(weights)) for before in accumulate(weights)]
    return [end - start for start, end in pairwise([0, *ends])]


@dataclass(frozen=True)
class Completion:
    """What a response says. usage: None when the server did not count.

    hidden_chars: of thoughts that came beside the text.  tools: whether the model asked for a tool.
    further: other answers to the same prompt; `usage` is of all of them.  lost_chars: of such that broke off.
    """

    text: str
    finish_reason: str
    refusal: str
    usage: Usage | None
    hidden_chars: int = 0
    tools: bool = False
    further: tuple[Completion, ...] = ()
    lost_chars: int = 0

    @property
    def all(self) -> tuple[Completion, ...]:
        """This answer and the further ones."""
        return (self, *self.further)


def read_completion(body: str, api: Api = "chat") -> Completion:
    """Read the body of an answer that came in one piece. Raises ValueError that says what is missing."""
    try:
        message = parsed(body)
    except ValueError as error:
        said = words_of(body)
        raise ValueError(f"no JSON: {said}" if said else f"no JSON ({error})") from None
    if not isinstance(message, dict):
        raise ValueError(f"a JSON {type(message).__name__}")
    return read_response(message) if api == "responses" else _read_chat(message)


def require_few_parts(text: str) -> None:
    """Raises ValueError for JSON of very many parts: reading them takes long, and no answer has them, however long."""
    if any(text.count(sign) > most for sign, most in MOST_PARTS.items()):
        raise ValueError("its JSON has too many parts")


def parsed(text: str) -> Any:
    """Return what a JSON text says. Raises ValueError."""
    require_few_parts(text)
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _read_chat(message: Mapping[str, Any]) -> Completion:
    choices = message.get("choices")
    match choices:
        case [{"message": {}}, *_]:
            pass
        case _:
            raise ValueError(_what_is_there_instead("choices", message))
    first, *others = [_read_choice(said, choice) for choice in choices for said in _messages_in(choice)]
    return replace(first, usage=read_usage(message.get("usage")), further=tuple(others))


def _messages_in(choice: object) -> list[Mapping[str, Any]]:
    said = choice.get("message") if isinstance(choice, dict) else None
    return [said] if isinstance(said, dict) else []


def _read_choice(said: Mapping[str, Any], choice: Mapping[str, Any]) -> Completion:
    return Completion(
        text=storable(text_of(said.get("content"))),
        finish_reason=storable(str(choice.get("finish_reason") or "")),
        refusal=str(said.get("refusal") or ""),
        usage=None,
        hidden_chars=len(thoughts_in(said)),
        tools=bool(said.get("tool_calls") or said.get("function_call")),
    )


def thoughts_in(said: Mapping[Any, Any]) -> str:
    """Return the thoughts that a message has beside its text, by the names that servers give them."""
    for name in ("reasoning_content", "reasoning", "thinking"):
        if isinstance(thoughts := said.get(name), str):
            return thoughts
    return ""


def read_response(message: Mapping[str, Any]) -> Completion:
    """Read an answer of the responses API. Raises ValueError that says what is missing."""
    output = message.get("output")
    if not isinstance(output, list) or message.get("status") in ("failed", "cancelled"):
        raise ValueError(_what_is_there_instead("output", message))
    parts = [
        part
        for item in output
        if isinstance(item, dict) and item.get("type", "message") == "message" and isinstance(item.get("content"), list)
        for part in item["content"]
        if isinstance(part, dict)
    ]
    incomplete = message.get("incomplete_details")
    cause = str(incomplete.get("reason") or "") if isinstance(incomplete, dict) else ""
    return Completion(
        text=storable(text_of(parts)),
        # The words of the chat interface, so that a reader need not know which one was asked.
        finish_reason=storable({"": "stop", "max_output_tokens": "length"}.get(cause, cause)),
        refusal="".join(str(part.get("refusal") or "") for part in parts),
        usage=read_usage(message.get("usage")),
        tools=any(isinstance(item, dict) and item.get("type") == "function_call" for item in output),
    )


def text_of(content: object) -> str:
    """Return the text of a message's content, which is a string or a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def read_usage(usage: object) -> Usage | None:
    """Return the tokens that a server counted, by the names of either interface; None when it did not."""
    if not isinstance(usage, dict):
        return None
    given = _first_count(usage, "prompt_tokens", "input_tokens")
    made = _first_count(usage, "completion_tokens", "output_tokens")
    if given is None or made is None:
        return None
    of_prompt = _details(usage, "prompt_tokens_details", "input_tokens_details")
    of_answer = _details(usage, "completion_tokens_details", "output_tokens_details")
    cached = _first_count(of_prompt, "cached_tokens") or _first_count(usage, "prompt_cache_hit_tokens") or 0
    written = _first_count(of_prompt, "cache_write_tokens") or 0
    reasoning = _first_count(of_answer, "reasoning_tokens") or 0
    # Some servers leave the hidden tokens out of the answer's and have them in the total, which is what they bill.
    if reasoning and usage.get("total_tokens") == given + made + reasoning:
        made += reasoning
    cached = min(cached, given)
    return Usage(given, made, cached, min(written, given - cached), min(reasoning, made))


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text has, where nobody counted them."""
    return (len(text) + 3) // 4


def storable(text: str) -> str:
    """Return a text that any file and any database takes: no lone surrogates, no null characters."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def error_in(message: Mapping[str, Any]) -> str:
    """Return what an object's `error` says, in one line; empty without one."""
    return words_of(message.get("error"))


def names_of(listed: object) -> dict[str, str] | None:
    """Return the models of a server's list with what it says of their owner; None when it is no list of models."""
    models = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(models, list):
        return None
    return {
        str(model["id"]): str(model.get("owned_by")) for model in models if isinstance(model, dict) and "id" in model
    }


def cut_at(most_tokens: int | None) -> str:
    """Return that an answer was cut. most_tokens: what the request allowed, None where the server decides."""
    return f"cut at max_tokens = {most_tokens}" if most_tokens else "cut at max_tokens, the server's own"


def why_empty(completion: Completion, most_tokens: int | None) -> str:
    """Return why an answer has no text, and what to do about it, to be put after "an answer without text"."""
    thought = completion.hidden_chars or (completion.usage is not None and completion.usage.reasoning)
    if completion.tools:
        return ": the model asked for a tool; none is offered, take another model or template"
    if completion.finish_reason == "length":
        spent = "thinking used it up" if thought else "nothing was said before"
        return f": {cut_at(most_tokens)}, {spent}: raise it"
    if completion.hidden_chars:
        return (
            ": all of it came as thoughts (reasoning_content). Raise max_tokens, or start the server without a "
            "reasoning parser"
        )
    return f" (finish reason: {completion.finish_reason or 'none'})"


def _what_is_there_instead(key: str, message: Mapping[str, Any]) -> str:
    error = error_in(message)
    return f"an error: {error}" if error else f"no {key} in {sorted(message)[:10]}"


def _first_count(counts: Mapping[str, Any], *keys: str) -> int | None:
    for key in keys:
        count = counts.get(key)
        if type(count) is int and 0 <= count < MAX_TOKENS:
            return count
    return None


def _details(usage: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    return next((usage[key] for key in keys if isinstance(usage.get(key), dict)), {})
