"""Figures that a score depends on: what they are known by, whether they tell programs apart, and where they are kept.

Those of a user's own data files are computed on first use, then kept in the user's cache folder. Those of the built-in
instances: reference_file.py.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

F = TypeVar("F", bound="DataclassInstance")
"""What a domain calls its figures: a dataclass of numbers."""

LEAST_GAP = 0.01
"""An instance on which naive and reference differ by less than this share of naive says nothing and has no score."""

LEAST_SPREAD = 0.10
"""An own instance on which they differ by less than this share of naive is drawn again.

All instances count alike: where little lies between 0 and 100, a few cents would decide a whole score.
tests/benchmarks/discrimination.py measures what that does to the order of programs.
"""

_log = logging.getLogger(__name__)


def differ(naive: float, reference: float) -> bool:
    """Return whether two costs, of which less is better, differ enough for an instance to have a score."""
    return naive - reference >= LEAST_GAP * naive > 0


def far_apart(naive: float, reference: float) -> bool:
    """Return whether two costs, of which less is better, differ enough for an instance of our own."""
    return naive - reference >= LEAST_SPREAD * naive > 0


def digest_of(facts: object) -> str:
    """Return a hash of facts: numbers, texts and tuples or lists of them, whose repr is the same on every machine."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


@functools.cache
def digest_of_files(files: tuple[Path, ...]) -> str:
    """Return a hash of the programs in these files."""
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]


def computed_once(
    domain: str,
    key: str,
    kind: type[F],
    name: str,
    compute: Callable[[], F],
    *,
    stamp: Mapping[str, Any] | None = None,
    fits: Callable[[F], bool] = lambda _: True,
) -> F:
    """Return the figures that the user's cache has under a key; where it has none, compute, log and keep them.

    key: hashes of all that they are computed from.  name: of the instance, for the log.  stamp: what else is kept, and
    must be there unchanged.  fits: whether figures can be those of the instance; else they are computed again.
    """
    stamp = stamp or {}
    facts = _recall(domain, key)
    if all(facts.get(fact) == value for fact, value in stamp.items()):
        try:
            known = msgspec.convert(facts, type=kind)
        except msgspec.ValidationError:
            pass  # nothing was kept, or not what we wrote
        else:
            if fits(known):
                return known
    began = time.perf_counter()
    known = compute()
    _log.info("%s: reference of %s computed in %.1f s", domain, name, time.perf_counter() - began)
    _keep(domain, key, {**stamp, **asdict(known)})
    return known


def folder_of(domain: str) -> Path:
    """Return the folder of a domain's figures: under $XDG_CACHE_HOME, else ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        base = Path(home) if home and Path(home).is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # a user without a home: nothing is kept
        base = Path(os.devnull)
    return base / "evolve" / domain


def _recall(domain: str, key: str) -> dict[str, Any]:
    """Return what was kept under a key; nothing where nothing was, or it cannot be read."""
    try:
        facts = json.loads((folder_of(domain) / f"{key}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _keep(domain: str, key: str, facts: dict[str, Any]) -> None:
    """Keep facts under a key, where the folder can be written; else they are computed again next time."""
    folder = folder_of(domain)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed: several workers may compute the same figure at once.
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False, encoding="utf-8") as file:
            json.dump(facts, file)
        Path(file.name).replace(folder / f"{key}.json")
    except OSError as error:
        _log.info("%s: %s is not writable (%s): the figure is computed again next time", domain, folder, error)
