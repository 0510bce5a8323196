"""What the search must know of the language of the programs that it changes."""

from __future__ import annotations

from typing import Protocol

from evolve.mutate.mutation import Kind, Proposal


class Language(Protocol):
    """One language. A further one is one file beside `python.py`, named in `evolve.registry.LANGUAGES`."""

    @property
    def name(self) -> str:
        """What an evaluator's `language` says."""

    @property
    def suffix(self) -> str:
        """The end of the name of a file with a program."""

    def check(self, source: str, defines: tuple[str, ...]) -> str:
        """Return why a source is no program of the problem, in one line; empty when it is one."""

    def fingerprint(self, source: str) -> str:
        """Return a hash: programs with the same one do the same. Raises SyntaxError for what is no program."""

    def read_answer(self, parent: str, answer: str, kind: Kind | str, defines: tuple[str, ...]) -> Proposal:
        """Return the child that a model's answer describes, or a proposal whose `error` says why there is none."""
