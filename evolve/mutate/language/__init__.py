"""What a program is written in, behind one small object: Python in full, and plain text for everything else."""

from evolve.mutate.language.language import Language
from evolve.mutate.language.plain_text import TEXT
from evolve.mutate.language.python import PYTHON

__all__ = ["PYTHON", "TEXT", "Language"]
