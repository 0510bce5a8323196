"""The steady-state loop: asks for changed programs, has them scored, keeps what is better, and can be killed."""

from evolve.loop.session import run

__all__ = ["run"]
