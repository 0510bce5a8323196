"""What is worked out from a text that a model wrote: one order, one outcome, no state, so any process may do it."""

from __future__ import annotations

from dataclasses import dataclass

from evolve.config import BUILTIN
from evolve.mutate.answers.declined import declined
from evolve.mutate.answers.insight import read_insight, rule_insight
from evolve.mutate.language import PYTHON, Language
from evolve.mutate.mutation import Example, Proposal, Request
from evolve.mutate.mutators import proposed
from evolve.mutate.novelty.likeness import Signature, signature


@dataclass(frozen=True)
class Read:
    """What an order for a child comes to.

    fingerprint, tokens, signature: of the proposal's source; "" and None where there is none, or it was not asked for.
    """

    proposal: Proposal
    fingerprint: str = ""
    tokens: int = 0
    signature: Signature | None = None


@dataclass(frozen=True)
class ReadAnswer:
    """Read an answer as a change of `parent`. compare: make the child's signature too."""

    parent: str
    text: str
    kind: str
    defines: tuple[str, ...]
    compare: bool
    language: Language = PYTHON

    @property
    def chars(self) -> int:
        """How much text there is to work on."""
        return len(self.parent) + len(self.text)

    def done(self) -> Read:
        """Do it."""
        proposal = self.language.read_answer(self.parent, self.text, self.kind, self.defines)
        if proposal.source is None and (words := declined(self.text)):
            proposal = Proposal(self.kind, None, words, is_declined=True)
        return _child(proposal, self.compare, self.language)


@dataclass(frozen=True)
class Mutate:
    """Let a mutator change a program. mutator: its name."""

    request: Request
    compare: bool
    mutator: str = BUILTIN

    @property
    def chars(self) -> int:
        """How much text there is to work on."""
        return sum(len(example.source) for example in (self.request.parent, *self.request.inspirations))

    def done(self) -> Read:
        """Do it."""
        return _child(proposed(self.mutator, self.request), self.compare, PYTHON)


@dataclass(frozen=True)
class Tune:
    """Set the numbers of a program. values: as of `tuned`."""

    parent: str
    values: tuple[float, ...]
    compare: bool

    @property
    def chars(self) -> int:
        """How much text there is to work on."""
        return len(self.parent)

    def done(self) -> Read:
        """Do it."""
        from evolve.mutate.tuning import tuned

        return _child(tuned(self.parent, self.values), self.compare, PYTHON)


@dataclass(frozen=True)
class WriteInsight:
    """Read an insight from an answer, and write one by rule where there is none. answer: None when nobody was asked."""

    answer: str | None
    subjects: tuple[tuple[Example, Example], ...]

    @property
    def chars(self) -> int:
        """How much text there is to work on."""
        return len(self.answer or "") + sum(len(one.source) for pair in self.subjects for one in pair)

    def done(self) -> tuple[str, str]:
        """Return line and detail."""
        line, detail = ("", "") if self.answer is None else read_insight(self.answer)
        return (line, detail) if line else rule_insight(self.subjects)


@dataclass(frozen=True)
class Sign:
    """Make the signature of a program."""

    source: str
    language: Language

    @property
    def chars(self) -> int:
        """How much text there is to work on."""
        return len(self.source)

    def done(self) -> Signature:
        """Do it."""
        return signature(self.language.tokens(self.source))


def _child(proposal: Proposal, compare: bool, language: Language) -> Read:
    if proposal.source is None:
        return Read(proposal)
    try:
        mark = language.fingerprint(proposal.source)
    except SyntaxError as error:
        return Read(Proposal(proposal.kind, None, str(error.msg), proposal.idea))
    tokens = language.tokens(proposal.source)
    return Read(proposal, mark, len(tokens), signature(tokens) if compare else None)
