"""What the search must know of the language of the programs that it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from evolve.mutate.mutation import Kind, Proposal


class Mention(NamedTuple):
    """A name that a person should look at where a program has it. line: from 1.  text: that line."""

    name: str
    line: int
    text: str


class Language(Protocol):
    """One language. Another one that is plain text is one line of `plain_text.PLAIN`."""

    @property
    def name(self) -> str:
        """What an evaluator's `language` says, and what stands behind the fences of a prompt."""

    @property
    def suffix(self) -> str:
        """The end of the name of a file with a program."""

    @property
    def comment(self) -> str:
        """What begins a comment that ends with its line; empty when the language has none."""

    @property
    def runs_in_sandbox(self) -> bool:
        """Whether the sandbox loads a program before it is evaluated; else the evaluator does with it what it likes."""

    def check(self, source: str, defines: tuple[str, ...]) -> str:
        """Return why a source is no program of the problem, in one line; empty when it is one."""

    def fingerprint(self, source: str) -> str:
        """Return a hash: programs with the same one do the same. Raises SyntaxError for what is no program."""

    def tokens(self, source: str) -> list[str]:
        """Return what a program is made of, without layout and comments: its length, and what makes two alike."""

    def mentions(self, source: str) -> Sequence[Mention]:
        """Return what an honest program seldom has. Raises SyntaxError for what is no program."""

    def read_answer(self, parent: str, answer: str, kind: Kind | str, defines: tuple[str, ...]) -> Proposal:
        """Return the child that a model's answer describes, or a proposal whose `error` says why there is none."""
