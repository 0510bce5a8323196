"""The instances: tables like those that analysts send to a language model row by row.

Five families, each after a table of the public benchmark (Liu 2025, section 6): film reviews (a film determines its
link and description), beer ratings (beer -> style, brewery), forum posts (long bodies, commented often), sheet music
(40 columns, many of them flags) and product reviews. Cardinalities are log-uniform between 2 and the number of rows,
values are popular as Zipf says, some columns determine others, most often or always. The columns of a table come in a
random order, merged ones last, as the public benchmark has them.

Nothing is drawn before it is needed: a table costs about 50 ms per megabyte.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.llm_sql.columns import Column, Words, choices, follows, values
from evaluators.llm_sql.table import Table
from evolve.evaluator import Instance, Split


@dataclass(frozen=True)
class Family:
    """The columns of a kind of table, and which of them are merged."""

    columns: tuple[Column, ...]
    merges: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Recipe:
    """How the table of one instance is drawn.

    Attributes:
        family: which of the five.
        rows: how many.
        text: factor on the length of long texts.
        density: added to the exponents of all cardinalities that lie between 2 and the number of rows.
        noise: added to the share of rows in which a column does not determine another.
        fewest: columns besides the merged ones that the table has at least; some are left out. 0: all.
        wide: whether words have characters of more than one byte.
    """

    family: str
    rows: int
    text: float = 1.0
    density: float = 0.0
    noise: float = 0.0
    fewest: int = 0
    wide: bool = False


@dataclass(frozen=True)
class TableInstance(Instance):
    """A table to order.

    recipe, attempt: what it is drawn from.  read: one that a file gave; None when it is drawn.
    """

    recipe: Recipe | None = None
    attempt: int = 0
    read: Table | None = field(default=None, compare=False, repr=False)

    @property
    def table(self) -> Table:
        """The table, drawn now unless it was drawn lately or read from a file."""
        if self.read is not None:
            return self.read
        if self.recipe is None:
            raise ValueError(f"instance {self.id} has neither a table nor a recipe")
        return draw(self.id, self.recipe, self.attempt)


_FLAGS = tuple(
    Column(f"{verb}{noun}", "bool", (0, 0), zipf=(0.2, 3.0))
    for verb, nouns in (("is", "original draft bestrated featured"), ("has", "lyrics custom video license"))
    for noun in nouns.split()
)

FAMILIES: dict[str, Family] = {
    "films": Family(
        (
            Column("movietitle", "name", (0.35, 0.65), (12, 26), (0.4, 1.0)),
            Column("rottentomatoeslink", "url", of="movietitle"),
            Column("movieinfo", "text", of="movietitle", chars=(200, 500)),
            Column("criticname", "name", (0.4, 0.65)),
            Column("publishername", "name", (0.3, 0.5), of="criticname", noise=0.1),
            Column("topcritic", "bool", (0, 0), of="publishername", noise=0.02),
            Column("reviewtype", "label", (0, 0.1)),
            Column("reviewscore", "label", (0.25, 0.4), (3, 6), holes=0.2),
            Column("reviewdate", "date", (0.6, 0.85)),
            Column("reviewcontent", "text", (1, 1), (90, 180)),
        ),
        (("movieinfo", "movietitle", "rottentomatoeslink"),),
    ),
    "beers": Family(
        (
            Column("beer/beerId", "int", (0.4, 0.7), zipf=(0.6, 1.1)),
            Column("beer/name", "name", of="beer/beerId", chars=(14, 30)),
            Column("beer/brewerId", "int", (0.25, 0.4), of="beer/beerId"),
            Column("beer/style", "label", (0.2, 0.45), (10, 30), of="beer/beerId"),
            Column("beer/ABV", "float", (0.3, 0.5), of="beer/beerId", noise=0.03),
            Column("review/profileName", "name", (0.4, 0.75), (6, 14)),
            Column("review/time", "epoch", (1, 1)),
            Column("review/overall", "float", (0.2, 0.26)),
            Column("review/taste", "float", (0.2, 0.26), of="review/overall", noise=0.3),
            Column("review/aroma", "float", (0.2, 0.26), of="review/overall", noise=0.4),
            Column("review/palate", "float", (0.2, 0.26), of="review/taste", noise=0.4),
            Column("review/place", "label", (0.1, 0.6), (20, 40), holes=0.1),
        ),
        (("beer/beerId", "beer/name"),),
    ),
    "posts": Family(
        (
            Column("PostId", "int", (0.5, 0.85), zipf=(0.2, 0.9)),
            Column("Body", "text", of="PostId", chars=(300, 700)),
            Column("Text", "text", (0.93, 1.0), (60, 160), zipf=(0.0, 0.2)),
            Column("CreationDate", "date", (0.6, 0.8)),
            Column("UserDisplayName", "name", (0.4, 0.7)),
            Column("Score", "int", (0.2, 0.35), zipf=(1.0, 2.0)),
            Column("Tags", "label", (0.3, 0.6), (15, 40), of="PostId", noise=0.01),
            Column("Site", "url", (0.05, 0.25), of="Tags", noise=0.05),
        ),
        (("PostId", "Body"),),
    ),
    "scores": Family(
        (
            Column("path", "url", (0.9, 1.0), zipf=(0.0, 0.1)),
            Column("metadata", "url", of="path"),
            Column("hasmetadata", "bool", (0, 0), zipf=(2.0, 5.0)),
            Column("isofficial", "bool", (0, 0), zipf=(2.0, 5.0)),
            Column("isuserpublisher", "label", (0, 0.1), of="isofficial", noise=0.02),
            Column("subsetall", "bool", (0, 0), zipf=(1.0, 4.0)),
            Column("composername", "name", (0.4, 0.7), holes=0.1),
            Column("artistname", "name", (0.4, 0.7), of="composername", noise=0.15),
            Column("songname", "name", (0.7, 0.9), (12, 30)),
            Column("title", "name", of="songname", noise=0.05),
            Column("subtitle", "name", (0.3, 0.6), (12, 30), holes=0.6),
            Column("publisher", "label", (0.3, 0.6), (10, 24), of="artistname", noise=0.2),
            Column("genres", "label", (0.2, 0.4), (6, 20), of="artistname", noise=0.1),
            Column("groups", "label", (0.1, 0.4), (6, 20), of="genres", noise=0.2),
            Column("tags", "label", (0.4, 0.7), (16, 60), of="songname", noise=0.1),
            Column("license", "label", (0.1, 0.25), (14, 24)),
            Column("licenseurl", "url", of="license"),
            Column("version", "label", (0.1, 0.3), (6, 10)),
            Column("complexity", "int", (0.15, 0.2)),
            Column("nviews", "int", (0.5, 0.8), zipf=(0.8, 1.2)),
            Column("ncomments", "int", (0.2, 0.4), zipf=(1.2, 2.0)),
            Column("nratings", "int", (0.2, 0.4), of="ncomments", noise=0.3),
            Column("rating", "float", (0.3, 0.5), zipf=(1.2, 2.0), of="nratings", noise=0.3),
            Column("ntracks", "int", (0.15, 0.3), zipf=(1.0, 2.0)),
            Column("tracks", "label", (0.2, 0.45), (8, 24), of="ntracks", noise=0.3),
            Column("songlength", "float", (0.6, 0.9)),
            Column("nnotes", "int", (0.6, 0.9)),
            Column("postdate", "date", (0.5, 0.8)),
            Column("facet", "label", (0.1, 0.2), (10, 20), of="isbestrated", noise=0.02),
            *_FLAGS,
        ),
        (("path", "metadata"), ("hasmetadata", "isofficial", "isuserpublisher", "subsetall")),
    ),
    "products": Family(
        (
            Column("parent_asin", "code", (0.4, 0.75), zipf=(0.5, 1.1)),
            Column("product_title", "name", of="parent_asin", chars=(40, 110)),
            Column("description", "text", of="parent_asin", chars=(150, 450), holes=0.02),
            Column("features", "text", (0.35, 0.6), of="parent_asin", chars=(80, 250)),
            Column("store", "name", (0.3, 0.5), of="parent_asin", noise=0.01),
            Column("price", "float", (0.3, 0.6), of="parent_asin", noise=0.05),
            Column("main_category", "label", (0.1, 0.3), (8, 24), of="store", noise=0.02),
            Column("categories", "label", (0.3, 0.5), (30, 80), of="main_category", noise=0.4),
            Column("average_rating", "float", (0.3, 0.42), of="parent_asin"),
            Column("rating", "int", (0.2, 0.2), zipf=(0.6, 1.5)),
            Column("verified_purchase", "bool", (0, 0), zipf=(1.0, 3.0)),
            Column("helpful_vote", "int", (0.2, 0.4), zipf=(1.4, 2.2)),
            Column("user_id", "code", (0.7, 0.95)),
            Column("title", "name", (0.6, 0.95), (10, 40), zipf=(0.4, 0.9)),
            Column("text", "text", (1, 1), (60, 220)),
        ),
        (("product_title", "parent_asin"),),
    ),
}

RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        Recipe("films", 2500),
        Recipe("beers", 6000),
        Recipe("posts", 1500, text=1.6, density=-0.1),
        Recipe("scores", 1500),
        Recipe("products", 2000, wide=True),
        Recipe("films", 1200, density=-0.1, noise=0.05, fewest=6),
        Recipe("beers", 16_000, density=0.1, noise=0.05, fewest=5),
        Recipe("products", 1000, text=2.0, density=0.1),
        Recipe("posts", 6000, text=0.2, density=0.1, fewest=3),
        Recipe("films", 1000, text=2.2, density=-0.2, noise=0.1, wide=True),
    ),
    Split.VALIDATION: (
        Recipe("films", 3000, text=0.7, density=0.05),
        Recipe("beers", 8000, noise=0.02, fewest=7),
        Recipe("posts", 2000, text=0.8, density=-0.1),
        Recipe("scores", 1200, density=-0.1),
        Recipe("products", 2500, fewest=9, noise=0.02),
        Recipe("posts", 3000, text=0.3, density=0.05),
        Recipe("films", 7000, text=0.3, noise=0.05),
        Recipe("products", 1500, text=1.5, wide=True),
        Recipe("beers", 4000, density=0.05, noise=0.05, fewest=6),
        Recipe("scores", 2500, noise=0.05),
        Recipe("films", 2000, text=1.4, density=-0.15, fewest=7, wide=True),
        Recipe("beers", 10_000, density=-0.05, noise=0.08, fewest=5),
        Recipe("posts", 1200, text=1.8, density=-0.15, noise=0.05),
        Recipe("scores", 1000, density=0.05, noise=0.1),
        Recipe("products", 2000, text=0.6, density=-0.15, noise=0.05),
        Recipe("posts", 5000, text=0.25, density=0.1, fewest=3, wide=True),
        Recipe("films", 4000, text=0.4, density=0.1, noise=0.1),
        Recipe("products", 1200, text=1.2, density=0.1, fewest=8, noise=0.1),
    ),
    # Larger on purpose (30,000 rows: what a search costs shows there); all else is within the ranges of train.
    Split.TEST: (
        Recipe("films", 6000, text=0.4, density=0.1, noise=0.1),
        Recipe("beers", 30_000, density=0.05, noise=0.05, fewest=5),
        Recipe("posts", 1000, text=2.2, density=-0.2, noise=0.05),
        Recipe("scores", 4000, density=-0.05, noise=0.1),
        Recipe("products", 3500, text=1.5, density=-0.15, noise=0.05, wide=True),
        Recipe("films", 1500, text=1.6, density=-0.2, fewest=6, wide=True),
        Recipe("posts", 8000, text=0.2, density=0.1, fewest=3),
    ),
}


def own_instance(split: Split, index: int, attempt: int = 0) -> TableInstance:
    """Return an instance of train, validation or test. attempt: counts the redraws; see reference.py."""
    return drawn_instance(split, f"{split.value}/{index}", index, attempt)


def drawn_instance(split: Split, name: str, index: int, attempt: int) -> TableInstance:
    """Return an instance like that of a split with an index, its table not yet drawn.

    name: what chance depends on. A program is shown all of a table: there is nothing hidden to be kept apart.
    """
    return TableInstance(name, RECIPES[split][index], attempt)


def drawn_instances(split: Split, attempts: Sequence[int]) -> list[TableInstance]:
    """Return the instances of a split. attempts: how often each one was redrawn."""
    return [own_instance(split, index, attempt) for index, attempt in enumerate(attempts)]


@functools.lru_cache(maxsize=16)
def draw(name: str, recipe: Recipe, attempt: int) -> Table:
    """Draw a table; the same for the same arguments, in every process."""
    rng = stream(f"llm_sql/{name}/{attempt}")
    family = FAMILIES[recipe.family]
    words = Words(rng, recipe.wide)
    chosen: dict[str, tuple[np.ndarray, int]] = {}
    cells: dict[str, list[str]] = {}
    for column in family.columns:
        picked, count = chosen[column.name] = _picked(rng, column, recipe, chosen)
        texts = np.array(values(rng, words, column, count, recipe.text), dtype=object)[picked]
        texts[rng.random(recipe.rows) < column.holes] = ""
        cells[column.name] = texts.tolist()
    together = [name for names in family.merges for name in names]
    free = [column.name for column in family.columns if column.name not in together]
    free = [free[i] for i in rng.permutation(len(free))]
    if recipe.fewest:
        free = free[: rng.integers(recipe.fewest, len(free) + 1)]
    columns = (*free, *together)
    rows = [list(row) for row in zip(*(cells[name] for name in columns), strict=True)]
    return Table(columns, rows, family.merges)


def _picked(
    rng: np.random.Generator, column: Column, recipe: Recipe, chosen: dict[str, tuple[np.ndarray, int]]
) -> tuple[np.ndarray, int]:
    """Return which value of a column each row has, (rows,) int64, and how many values there are."""
    rows = recipe.rows
    parent, parents = chosen.get(column.of, (None, rows))
    if column.share is None:
        count = parents
    else:
        exponent = rng.uniform(*column.share)
        if 0.0 < exponent < 0.9 and column.kind != "bool":
            exponent = min(max(exponent + recipe.density, 0.0), 0.95)
        count = min(max(2, round(rows**exponent)), parents)
        if column.kind == "bool":
            count = 2
    if parent is None:
        return choices(rng, column, count, rows), count
    noise = column.noise + (recipe.noise if column.noise or column.share else 0.0)
    return follows(rng, parent, parents, count, noise), count
