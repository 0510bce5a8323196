"""The tables: the same everywhere, split apart, shaped as specified, with stored figures that belong to them."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from other_process import printed
from tables import table

from evaluators import kept_figures
from evaluators.kept_figures import LEAST_SPREAD
from evaluators.llm_sql import LlmSql, figures
from evaluators.llm_sql.columns import Column, choices, follows
from evaluators.llm_sql.figures import Figures, compute, figures_of, programs_digest, stored
from evaluators.llm_sql.workload import FAMILIES, RECIPES, Recipe, TableInstance
from evolve.evaluator import Split

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def instances(*splits):
    return [one for split in splits for one in LlmSql().instances(split)]


def column(one, name):
    place = one.columns.index(name)
    return [row[place] for row in one.rows]


@dataclass(frozen=True)
class Facts:
    """What is asked of a drawn table, so that each is drawn once."""

    recipe: Recipe
    digest: str
    columns: tuple[str, ...]
    merged: list[str]
    shape: tuple[int, ...]
    utf8_bytes: int
    shortest: int
    longest: int
    cardinality: list[int]
    wide: bool


@functools.cache
def facts():
    found = {}
    for one in instances(*OWN):
        t = one.table
        text = "".join("".join(row) for row in t.rows)
        found[one.id] = Facts(
            one.recipe,
            t.digest,
            t.columns,
            [name for names in t.merges for name in names],
            t.lengths.shape,
            len(text.encode()),
            int(t.lengths[t.lengths > 0].min()),
            int(t.lengths.max()),
            [len(set(cells)) for cells in zip(*t.rows, strict=True)],
            "😀" in text,
        )
    return found


def test_every_table_is_the_one_its_figures_were_computed_from():
    assert {id_: one.digest for id_, one in facts().items()} == stored().digests
    assert programs_digest() == stored().programs, "run python -m evaluators.llm_sql.reference"


@pytest.mark.parametrize("index", [5, 3])
def test_a_sample_of_the_stored_figures_is_computed_again(index):
    one = instances(Split.TRAIN)[index]
    assert compute(one.table) == figures_of(one)


def test_tables_that_tell_nothing_were_redrawn():
    for one in instances(*OWN):
        known = figures_of(one)
        assert known.reference - known.naive >= LEAST_SPREAD * (1 - known.naive)
    assert Figures(0.5, 0.505, 1.0).tells and not Figures(0.5, 0.504, 1.0).tells and not Figures(1.0, 1.0, 1.0).tells


def test_tables_are_the_same_in_another_process_whatever_the_hash_seed():
    program = (
        "from evaluators.llm_sql import LlmSql\n"
        "print([one.table.digest for one in LlmSql().instances(Split.TRAIN)[5:8]])"
    )
    assert printed(program) == str([facts()[f"train/{index}"].digest for index in (5, 6, 7)])


def test_no_table_and_no_recipe_is_in_two_splits():
    digests = [one.digest for one in facts().values()]
    assert len(set(digests)) == len(digests)
    recipes = [recipe for split in OWN for recipe in RECIPES[split]]
    assert len(set(recipes)) == len(recipes), "test is shifted: no recipe is used twice"


def test_the_sizes_and_families_are_those_of_the_specification():
    for split in OWN:
        assert {recipe.family for recipe in RECIPES[split]} == set(FAMILIES)
    assert len(FAMILIES) == 5
    for one in facts().values():
        rows, columns = one.shape
        assert 1_000 <= rows == one.recipe.rows <= 30_000
        assert 5 <= columns <= 40
        assert one.utf8_bytes <= 8_000_000
        assert one.longest <= 2_000
        assert len(set(one.columns)) == len(one.columns) == columns
        assert min(one.cardinality) >= 2 and max(one.cardinality) <= rows
    assert min(one.shortest for one in facts().values()) == 1
    assert max(one.longest for one in facts().values()) == 2_000


def test_cardinalities_spread_over_all_magnitudes():
    exponents = [np.log(k) / np.log(one.shape[0]) for one in facts().values() for k in one.cardinality]
    assert (np.histogram(exponents, bins=5, range=(0, 1))[0] >= 0.08 * len(exponents)).all()


def test_merged_columns_come_last_in_their_order_and_some_of_all_splits_have_wide_characters():
    for one in facts().values():
        assert one.merged and list(one.columns[-len(one.merged) :]) == one.merged
        assert one.wide == one.recipe.wide
    assert {id_.partition("/")[0] for id_, one in facts().items() if one.wide} == {"train", "validation", "test"}


def test_a_title_determines_its_link_and_its_description():
    t = instances(Split.TRAIN)[0].table
    for child in ("rottentomatoeslink", "movieinfo"):
        pairs = set(zip(column(t, "movietitle"), column(t, child), strict=True))
        assert len(pairs) == len(set(column(t, "movietitle")))


def test_a_critic_nearly_determines_the_publisher():
    t = instances(Split.TRAIN)[0].table
    by_critic: dict = {}
    for critic, publisher in zip(column(t, "criticname"), column(t, "publishername"), strict=True):
        by_critic.setdefault(critic, Counter())[publisher] += 1
    usual = sum(counts.most_common(1)[0][1] for counts in by_critic.values())
    assert 0.85 < usual / len(t.rows) < 0.97, "a tenth of the rows stray"


def test_values_are_popular_as_zipf_says():
    rng = np.random.default_rng(1)
    drawn = choices(rng, Column("x", "name", (0.5, 0.5), zipf=(1.0, 1.0)), 50, 100_000)
    counts = np.bincount(drawn, minlength=50)
    expected = (1 / np.arange(1, 51)) / np.sum(1 / np.arange(1, 51)) * 100_000
    assert counts[:5] == pytest.approx(expected[:5], rel=0.05)
    assert sorted(choices(rng, Column("x", "epoch", (1, 1)), 30, 30).tolist()) == list(range(30))


def test_what_follows_another_column_does_so_but_for_the_noise():
    rng = np.random.default_rng(2)
    parent = rng.integers(40, size=20_000)
    exact = follows(rng, parent, 40, 7, 0.0)
    assert len(set(zip(parent.tolist(), exact.tolist(), strict=True))) == 40
    assert (follows(rng, parent, 40, 40, 0.0) == parent).all()
    noisy = follows(rng, parent, 40, 40, 0.2)
    assert (noisy != parent).mean() == pytest.approx(0.2 * 39 / 40, abs=0.01)


def test_figures_of_a_users_table_are_computed_once_and_kept(monkeypatch):
    one = TableInstance("public/t", read=table([["a", "xx"], ["b", "xx"], ["c", "yy"]]))
    known = figures_of(one)
    assert known == Figures(0.0, 2 / 9, known.bound, "'b' (100 %), 'a' (100 %)")
    assert known.bound == pytest.approx(1 - 3 / 9)  # the longest row is missed; no window of three in a text
    (kept,) = kept_figures.folder_of("llm_sql").iterdir()
    assert kept.stem == f"{one.table.digest}-{programs_digest()}"
    monkeypatch.setattr(figures, "compute", lambda _: pytest.fail("computed again"))
    figures._of_table.cache_clear()
    again = TableInstance("public/t", read=table([["a", "xx"], ["b", "xx"], ["c", "yy"]]))
    assert figures_of(again) == known
    kept.write_text('{"naive": 1}')
    monkeypatch.setattr(figures, "compute", lambda _: Figures(0.1, 0.2, 0.3))
    figures._of_table.cache_clear()
    assert figures_of(again) == Figures(0.1, 0.2, 0.3)
