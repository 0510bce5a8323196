"""From what a server said to answers, each with its part of what the request cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from evolve.mutate.models.answer import Answer, AnswerStatus
from evolve.mutate.models.completion import Completion, Usage, cut_at, estimated_tokens, storable, why_empty
from evolve.mutate.models.prices import Prices

if TYPE_CHECKING:
    from evolve.mutate.prompts.prompt import Prompt

LONGEST_LINE = 500


def answers_of(
    completion: Completion,
    usage: Usage,
    before: Answer,
    prices: Prices | None,
    most_tokens: int | None,
    clean: Callable[[str], str],
) -> list[Answer]:
    """Return the answers of a request; together they have its tokens and dollars once.

    usage: of all of them.  before: what the call's earlier requests cost, which goes to the first answer.
    most_tokens: what the request allowed.  clean: takes the key out of a text.
    """
    answers = [clean(one.text) for one in completion.all]
    weights = [1 + len(text) + one.hidden_chars for text, one in zip(answers, completion.all, strict=True)]
    found: list[Answer] = []
    for one, text, part in zip(completion.all, answers, usage.shared(weights), strict=True):
        cost = for_nothing(before) if found else before
        reason, status, error = clean(one.finish_reason), AnswerStatus.OK, ""
        if one.refusal or reason == "content_filter":
            status, error = AnswerStatus.REFUSED, f"refused: {one.refusal or 'content filter'}"
        elif not text.strip():
            why = why_empty(replace(one, usage=part), most_tokens)
            status, error = AnswerStatus.EMPTY, f"an answer without text{why}"
        elif reason == "length":
            error = f"{cut_at(most_tokens)}: raise it (--set model.max_tokens=N)"
        found.append(
            replace(
                cost,
                text=text,
                status=status,
                error=one_line(clean(error)),
                tokens_in=cost.tokens_in + part.given,
                tokens_out=cost.tokens_out + part.made,
                cost_usd=None if prices is None else (cost.cost_usd or 0.0) + prices.cost_usd(part),
                finish_reason=reason,
                tokens_cached=part.cached,
                tokens_reasoning=part.reasoning,
            )
        )
    return found


def for_nothing(answer: Answer) -> Answer:
    """Return an answer that came, or failed to come, with the request of another one."""
    cost_usd = None if answer.cost_usd is None else 0.0
    return replace(answer, tokens_in=0, tokens_out=0, tokens_wasted=0, attempts=0, cost_usd=cost_usd)


def estimated_usage(prompt: Prompt, completion: Completion) -> Usage:
    """Return about how many tokens a request has cost that the server did not count."""
    made = sum(estimated_tokens(one.text) for one in completion.all) + (completion.lost_chars + 3) // 4
    return Usage(estimated_tokens(prompt.system + prompt.user), made)


def one_line(text: str) -> str:
    """Return a text for a person: one line, cut where a server was wordy."""
    line = " ".join(storable(text).split())
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " ..."
