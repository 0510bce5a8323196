"""Programs that runs have found, kept with their problem: figures, the record of the run, an account of why."""

from evolve.discoveries.folder import Discovery, best_of, discoveries_of, find_discovery, published_of, read_head
from evolve.discoveries.head import Head
from evolve.discoveries.starting import start_of

__all__ = ["Discovery", "Head", "best_of", "discoveries_of", "find_discovery", "published_of", "read_head", "start_of"]
