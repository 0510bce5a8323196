"""Python: programs are compared by what they do, answers are read in all the clothes that models put them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evolve.mutate import source as python_source
from evolve.mutate.language.language import Mention
from evolve.mutate.mutation import Kind, Proposal


@dataclass(frozen=True)
class _Python:
    name: str = "python"
    suffix: str = ".py"
    comment: str = "#"
    runs_in_sandbox: bool = True

    def check(self, source: str, defines: tuple[str, ...]) -> str:
        return python_source.check(source, defines)

    def fingerprint(self, source: str) -> str:
        return python_source.fingerprint(source)

    def tokens(self, source: str) -> list[str]:
        return python_source.tokens(source)

    def mentions(self, source: str) -> Sequence[Mention]:
        from evolve.mutate.language.mentions import mentions  # needed by an audit only

        return mentions(source)

    def read_answer(self, parent: str, answer: str, kind: Kind | str, defines: tuple[str, ...]) -> Proposal:
        from evolve.mutate.answers.answer import read_answer  # not needed by who only loads a problem

        return read_answer(parent, answer, kind, defines)


PYTHON = _Python()
