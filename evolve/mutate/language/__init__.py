"""What a program is written in, behind one small object: Python in full, and plain text for everything else."""

from collections.abc import Mapping

from evolve.mutate.language.language import Language, Mention
from evolve.mutate.language.plain_text import PLAIN, TEXT
from evolve.mutate.language.python import PYTHON

LANGUAGES: dict[str, Language] = {language.name: language for language in (PYTHON, *PLAIN)}
"""Every language, by what an evaluator's `language` says."""


def recorded_language(identity: Mapping[str, str]) -> Language:
    """Return the language of a run's programs. identity: as the archive has it; an old one says nothing: Python."""
    return LANGUAGES.get(identity.get("language", ""), PYTHON)


__all__ = ["LANGUAGES", "PYTHON", "TEXT", "Language", "Mention", "recorded_language"]
