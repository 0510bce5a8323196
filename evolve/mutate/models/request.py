"""What is sent to a model, in the form that its server takes; a server that refuses a part of it is asked without."""

from __future__ import annotations

import re
from typing import Any

from evolve.config import ModelConfig
from evolve.mutate.models.completion import Api
from evolve.mutate.models.endpoint import OPENAI_URL
from evolve.mutate.prompts.prompt import Prompt

_REFUSAL = re.compile(
    r"unsupported|not (?:be )?(?:supported|permitted|allowed|recognized|accepted|available)|does not support"
    r"|unrecognized|unknown|unexpected|extra (?:inputs?|fields?)|invalid (?:parameter|argument|field)"
    r"|deprecated|instead|verified",
    re.IGNORECASE,
)
"""How servers say that they do not take a parameter, other than that its value is too large."""

LEARNT_FROM = (400, 422, 500, 501)
"""Statuses by which servers refuse a part of a request; some templates fail with a 500."""
_NO_SYSTEM = re.compile(
    r"system (?:role|message|prompt)s?\b.{0,40}(?:not|unsupported)|(?:not|n't|no) support.{0,40}system"
    r"|roles must alternate|only user.{0,20}assistant|developer instruction|unsupported.{0,20}instructions",
    re.IGNORECASE,
)
"""How servers say that a model takes no text of the system."""
_ONE_ANSWER = re.compile(
    r"(?<!\w)n(?!\w)|(?:one|1|single|multiple|several) (?:completion )?(?:choice|completion|answer)", re.IGNORECASE
)
"""How servers say that they give one answer to a request."""


class RequestForm:
    """The body of one model's requests. It learns from refusals, and remembers them for all later requests.

    cap_tokens: sent as the most tokens of an answer when the model's settings give none.
    """

    def __init__(self, model: ModelConfig, base_url: str, cap_tokens: int | None = None) -> None:
        self.api: Api = model.api
        self._model = model
        self.most_tokens = model.max_tokens or cap_tokens
        self.most_answers = model.answers if model.api == "chat" else 1
        """To one request."""
        self._dropped: set[str] = set()
        self._system_apart = True
        # OpenAI's newest models refuse the old name, and some other servers silently ignore the new one.
        names = (
            ["max_completion_tokens", "max_tokens"]
            if base_url == OPENAI_URL
            else ["max_tokens", "max_completion_tokens"]
        )
        self._limit_names = ["max_output_tokens"] if self.api == "responses" else names

    @property
    def path(self) -> str:
        """Where the request goes, below the base URL."""
        return "/responses" if self.api == "responses" else "/chat/completions"

    def body(self, prompt: Prompt, answers: int = 1) -> dict[str, Any]:
        """Return the request for so many answers to a prompt, or as many as the server gives."""
        answers = min(answers, self.most_answers)
        return self._said(prompt) | ({"n": answers} if answers > 1 else {})

    def _said(self, prompt: Prompt) -> dict[str, Any]:
        said: dict[str, Any]
        if not self._system_apart:
            whole = f"{prompt.system}\n\n{prompt.user}"
            said = {"input": whole} if self.api == "responses" else {"messages": [{"role": "user", "content": whole}]}
        elif self.api == "responses":
            said = {"instructions": prompt.system, "input": prompt.user}
        else:
            said = {
                "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
            }
        return {"model": self._model.name, **said, **self._parameters()}

    def gave(self, answers: int, asked: int) -> None:
        """Take note of how many answers came to one request. asked: for how many there was use."""
        if answers < min(asked, self.most_answers):
            self.most_answers = answers

    def _parameters(self) -> dict[str, Any]:
        model, effort = self._model, self._model.reasoning_effort
        parameters: dict[str, Any] = {}
        if effort is not None:
            parameters |= {"reasoning": {"effort": effort}} if self.api == "responses" else {"reasoning_effort": effort}
        elif model.temperature is not None:
            parameters["temperature"] = model.temperature
        if self.most_tokens is not None:
            parameters[self._limit_names[0]] = self.most_tokens
        if self.api == "responses":
            parameters["store"] = False  # nothing is to be kept at the server: the run's archive has it
        if model.stream and "stream" not in self._dropped:
            parameters["stream"] = True
            if self.api == "chat":
                parameters["stream_options"] = {"include_usage": True}
        return {name: value for name, value in parameters.items() if name not in self._dropped}

    def learn(self, sent: dict[str, Any], message: str, parameter: str) -> bool:
        """Take a server's refusal of a request (400 or 422) and return whether the next request will be another one.

        sent: the body that was refused.  parameter: which part the server blames, empty when it does not say.
        """
        if "n" in sent and (parameter == "n" if parameter else _ONE_ANSWER.search(message)):
            self.most_answers = 1
            return True
        if _REFUSAL.search(message):
            limit = self._limit_names[0]
            if limit in sent and len(self._limit_names) > 1 and _names(limit, message, parameter):
                self._limit_names.pop(0)
            for name in ("stream_options", "stream", "temperature", "store", "reasoning_effort", "reasoning"):
                if name in sent and _names(name, message, parameter):
                    self._dropped.add(name)
                    break
        had_system = "instructions" in sent or sent.get("messages", [{}])[0].get("role") == "system"
        if had_system and _NO_SYSTEM.search(message):
            self._system_apart = False
        # Requests that were on their way when an earlier refusal came are refused too, and learn nothing new.
        if had_system and not self._system_apart:
            return True
        return set(sent) - {"model", "messages", "instructions", "input", "n"} != set(self._parameters())


def _names(name: str, message: str, parameter: str) -> bool:
    """Tell whether a refusal is of this parameter. `stream` is a word of its own: not part of `stream_options`."""
    if parameter:
        return parameter == name
    return re.search(rf"(?<!\w){name}(?!\w)", message) is not None
