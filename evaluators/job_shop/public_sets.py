"""The literature's shops that are bundled, and the best makespans known for them.

Jobs and machines are numbered anew, in an order drawn from the shop's name: their own order carries information, and a
program could look a shop up by it.
"""

from __future__ import annotations

import csv
import functools
import itertools
import tarfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from evaluators.fresh_draws import stream
from evaluators.job_shop.public_format import parsed
from evaluators.job_shop.shop import Job, Kind, Shop, ShopInstance
from evaluators.job_shop.taillard import taillard
from evolve.evaluator import UsageError

DATA = Path(__file__).with_name("data")

PublicSet: TypeAlias = Literal[
    "sample", "all", "ta", "ft", "la", "abz", "orb", "swv", "yn", "dmu",
    "mk", "edata", "rdata", "vdata", "barnes", "dauzere", "kacem", "fattahi", "behnke",
]  # fmt: skip
JSP_SETS = ("ft", "la", "abz", "orb", "swv", "yn", "ta", "dmu")
FJSP_SETS = ("mk", "edata", "rdata", "vdata", "barnes", "dauzere", "kacem", "fattahi", "behnke")
JSP_SAMPLE = (
    *("ft06", "ft10", "ft20", "la01", "la06", "la16", "la21", "la31", "abz7", "orb01", "swv01", "swv16", "yn1"),
    *(f"ta{number:02}" for number in range(1, 81, 10)),
    *("ta05", "ta25", "ta45", "ta65", "dmu01", "dmu26", "dmu41", "dmu66"),
)
BLOCKING = ("ft06", "la01", "la02", "la03", "la04", "la05", "la06", "ft10")


class Known(NamedTuple):
    """Makespans, ticks. lower: none is below.  upper: some schedule has it."""

    lower: int
    upper: int


def public_shops(kind: Kind, which: str) -> tuple[ShopInstance, ...]:
    """Return the shops of a set. Raises UsageError where the kind has none."""
    if kind == "dynamic":
        raise UsageError("job_shop: no public shops of kind 'dynamic' are known; leave --split public out.")
    known = bounds(kind)
    if kind == "blocking":
        if which not in ("sample", "all"):
            raise UsageError(f"job_shop: kind blocking has no set '{which}'; leave evaluator.public out.")
        return tuple(_instance(kind, name, known[name]) for name in BLOCKING)
    sets = JSP_SETS if kind == "jsp" else FJSP_SETS
    names = [name for name in known if set_of(name) in sets]
    if which == "sample":
        names = list(JSP_SAMPLE) if kind == "jsp" else list(_fjsp_sample(names))
    elif which in sets:
        names = [name for name in names if set_of(name) == which]
    elif which != "all":
        raise UsageError(f"job_shop: kind {kind} has no set '{which}'. Known: sample, all, {', '.join(sets)}.")
    return tuple(_instance(kind, name, known[name]) for name in names)


def _fjsp_sample(names: list[str]) -> list[str]:
    """Return mk01 to mk10, and a few of every other set, small and large."""
    found = [name for name in names if set_of(name) == "mk"][:10]
    for one in FJSP_SETS[1:]:
        members = [name for name in names if set_of(name) == one]
        found += members[:: -(-len(members) // 5)]
    return found


def set_of(name: str) -> str:
    """Return the set that a shop's name belongs to; "sdata" are shops without a choice of machines, see kind jsp."""
    if "_" in name:
        return name.partition("_")[2]
    letters = "".join(itertools.takewhile(str.isalpha, name))
    return {"mt": "barnes", "setb": "barnes", "seti": "barnes", "dpp": "dauzere"}.get(letters, letters)


@functools.cache
def bounds(kind: Kind) -> dict[str, Known]:
    """Return what is known of the public shops of a kind, by name."""
    file = DATA / {"jsp": "jsp_bounds.csv", "fjsp": "fjsp_bounds.csv", "blocking": "blocking.csv"}[kind]
    with file.open(encoding="ascii", newline="") as rows:
        return {
            row["instance"]: Known(int(row["lower_bound"]), int(row["upper_bound"])) for row in csv.DictReader(rows)
        }


def _instance(kind: Kind, name: str, known: Known) -> ShopInstance:
    return ShopInstance(
        f"public/{name}" if kind != "blocking" else f"public/blocking-{name}",
        kind,
        partial(_renumbered, name, kind == "fjsp"),
        lower_bound=known.lower,
        best_known=known.upper,
        generated=False,
    )


@functools.cache
def _renumbered(name: str, flexible: bool) -> Shop:
    shop, rng = public_shop(name, flexible), stream(f"job_shop/public/{name}")
    label = rng.permutation(shop.machines).tolist()
    order = rng.permutation(len(shop.jobs)).tolist()
    return Shop(shop.machines, tuple(_relabelled(shop.jobs[j], label) for j in order))


def _relabelled(job: Job, label: list[int]) -> Job:
    return Job(tuple(tuple(sorted((label[machine], ticks) for machine, ticks in op)) for op in job.ops))


def public_shop(name: str, flexible: bool) -> Shop:
    """Return a shop as it was published."""
    if not flexible and name.startswith("ta"):
        row = _seeds()[name]
        jobs, machines = int(row["jobs"]), int(row["machines"])
        routes = taillard(jobs, machines, int(row["time_seed"]), int(row["machine_seed"]))
        return Shop(machines, tuple(Job(tuple((pair,) for pair in route)) for route in routes))
    file = f"{name}.txt" if not flexible else _fjsp_file(name)
    return parsed(_archive("fjsp" if flexible else "jsp")[file], flexible)[0]


@functools.cache
def _seeds() -> dict[str, dict[str, str]]:
    with (DATA / "taillard_seeds.csv").open(encoding="ascii", newline="") as rows:
        return {row["instance"]: row for row in csv.DictReader(rows)}


@functools.cache
def _archive(which: str) -> dict[str, str]:
    """Return the texts of an archive by file name, folders included."""
    with tarfile.open(DATA / f"{which}.tar.xz") as archive:
        return dict(_texts(archive))


def _texts(archive: tarfile.TarFile) -> Iterable[tuple[str, str]]:
    for member in archive:
        content = archive.extractfile(member)
        if content is not None:
            yield member.name, content.read().decode("ascii")


def _fjsp_file(name: str) -> str:
    """Return the name in the archive of a shop that the table of bounds calls so."""
    one = set_of(name)
    number = int(digits) if (digits := name[len(one) :]).isdigit() else 0
    match one:
        case "mk":
            return f"brandimarte/{name}.txt"
        case "edata" | "rdata" | "vdata":
            return f"hurink/{one}/{name.partition('_')[0].replace('ft', 'mt')}.txt"
        case "barnes":
            return f"barnes/{name}.txt"
        case "dauzere":
            return f"dauzere/{name.removeprefix('dpp')}.txt"
        case "kacem":
            return f"kacem/k{number}.txt"
        case "fattahi":
            return f"fattahi/{'sfjs' if number <= 10 else 'mfjs'}{(number - 1) % 10 + 1:02}.txt"
    size = ("sm", "med", "lar")[(number - 1) // 20]
    return f"behnke/{size}{(number - 1) % 20 // 5 + 1:02}_{(number - 1) % 5 + 1}.txt"
