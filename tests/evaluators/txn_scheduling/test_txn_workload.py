"""The workloads: the same everywhere, split apart, with stored figures that belong to them; and the public files."""

from __future__ import annotations

import json

import pytest
from other_process import printed

from evaluators import kept_figures
from evaluators.kept_figures import LEAST_SPREAD
from evaluators.txn_scheduling import TxnScheduling
from evaluators.txn_scheduling import figures as figures_module
from evaluators.txn_scheduling.bound import makespan_bound
from evaluators.txn_scheduling.figures import (
    Figures,
    compute,
    digest,
    figures_of,
    programs_digest,
    stored,
)
from evaluators.txn_scheduling.public_format import PUBLIC, transaction, written
from evaluators.txn_scheduling.workload import RECIPES, Workload
from evolve.evaluator import Split, UsageError

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def workloads(*splits):
    return [w for split in splits for w in TxnScheduling().instances(split)]


def test_every_workload_is_the_one_its_figures_were_computed_from():
    for workload in workloads(*Split):
        assert digest(workload.transactions) == stored().digests[workload.id]
    assert programs_digest() == stored().programs, "run python -m evaluators.txn_scheduling.reference"


@pytest.mark.parametrize(
    ("split", "index"), [(Split.PUBLIC, 1), pytest.param(Split.VALIDATION, 6, marks=pytest.mark.slow)]
)
def test_a_sample_of_the_stored_figures_is_computed_again(split, index):
    workload = workloads(split)[index]
    assert compute(workload) == figures_of(workload)


def test_workloads_that_tell_nothing_were_redrawn_and_no_reference_is_below_the_bound():
    for workload in workloads(*OWN):
        known = figures_of(workload)
        assert known.naive - known.reference >= LEAST_SPREAD * known.naive
        assert known.reference >= makespan_bound(workload.transactions)


@pytest.mark.slow
def test_workloads_are_the_same_in_another_process_whatever_the_hash_seed():
    program = (
        "from evaluators.txn_scheduling import TxnScheduling; from evaluators.txn_scheduling.figures import digest\n"
        "print([digest(w.transactions) for s in Split for w in TxnScheduling().instances(s)])"
    )
    assert printed(program) == str([digest(w.transactions) for w in workloads(*Split)])


def test_no_workload_is_in_two_splits():
    digests = [digest(w.transactions) for w in workloads(*Split)]
    assert len(set(digests)) == len(digests)
    recipes = [recipe for split in OWN for recipe in RECIPES[split]]
    assert len(set(recipes)) == len(recipes), "test is shifted: no recipe is used twice"


def test_the_sizes_and_families_are_those_of_the_specification():
    for split in OWN:
        assert {recipe.family for recipe in RECIPES[split]} >= {"zipf", "tpcc"}
    assert "smallbank" in {recipe.family for recipe in RECIPES[Split.TEST]}
    for workload in workloads(*OWN):
        listed, recipe = workload.transactions, workload.recipe
        assert len(listed) == recipe.count
        assert 100 <= len(listed) <= 500
        for t in listed:
            positions = [p for _, _, p in t.ops]
            assert positions == sorted(set(positions))
            assert positions[0] >= 1
            assert positions[-1] <= t.length
        if recipe.family == "zipf":
            assert all(recipe.ops[0] <= len(t.ops) <= recipe.ops[1] for t in listed)
            writes = sum(kind == "w" for t in listed for kind, _, _ in t.ops)
            assert writes / sum(len(t.ops) for t in listed) == pytest.approx(recipe.write_share, abs=0.05)
            assert all(len({key for _, key, _ in t.ops}) == len(t.ops) for t in listed)


def test_warehouses_and_districts_are_hot_and_early_in_tpcc():
    """Every order touches its warehouse first and its district second; the rest is a tail of hardly shared keys."""
    workload = workloads(Split.TRAIN)[7]
    assert workload.recipe.family == "tpcc"
    warehouses = {t.ops[0][1] for t in workload.transactions}
    districts = {t.ops[1][1] for t in workload.transactions}
    assert len(warehouses) == workload.recipe.keys
    assert len(districts) <= 10 * len(warehouses)
    assert len({key for t in workload.transactions for _, key, _ in t.ops[2:]}) > 300


def test_the_facts_about_the_public_workloads():
    first, second, third = (w.transactions for w in workloads(Split.PUBLIC))

    def keys(listed):
        return {key for t in listed for _, key, _ in t.ops}

    def write_share(listed):
        return sum(kind == "w" for t in listed for kind, _, _ in t.ops) / sum(len(t.ops) for t in listed)

    assert {len(t.ops) for t in first} == {16}
    assert (len(keys(first)), round(write_share(first), 2)) == (165, 0.56)
    assert {len(t.ops) for t in second} == {3, 4}
    assert {t.length for t in second} == {5, 21}
    assert (len(keys(second)), round(write_share(second), 2)) == (41, 0.43)
    assert {tuple((kind, p) for kind, _, p in t.ops) for t in third} == {(("r", 1), ("w", 9))}
    assert ({t.length for t in third}, len(keys(third))) == ({9}, 10)


# Files


def test_the_public_files_and_written_ones_are_read_back_as_they_are(tmp_path):
    read = TxnScheduling().load(PUBLIC)
    assert [w.id for w in read] == ["data/workload_1", "data/workload_2", "data/workload_3"]
    assert [w.read for w in read] == [w.read for w in workloads(Split.PUBLIC)]
    for workload in workloads(*OWN):
        (tmp_path / "one.json").write_text(written(workload.transactions))
        (again,) = TxnScheduling().load(tmp_path / "one.json")
        assert again.transactions == workload.transactions


def test_the_number_in_the_name_counts_and_not_the_order_in_the_file(tmp_path):
    (tmp_path / "one.json").write_text('{"txn1": "w-2", "txn0": "* r-1"}')
    (workload,) = TxnScheduling().load(tmp_path / "one.json")
    assert workload.transactions == (transaction("* r-1"), transaction("w-2"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"txn0": "w-1",\n "txn1"}', "line 2: not JSON"),
        ("[]", "expected an object of transactions"),
        ("{}", "expected an object of transactions"),
        ({"txn0": "w-1", "t1": "w-1"}, "key 't1' is no transaction"),
        ({"txn0": "w-1", "txn01": "w-1"}, "key 'txn01' is no transaction"),
        ({"txn0": "w-1", "txn2": "w-1"}, "key 'txn1' is missing; 2 transactions are txn0 to txn1"),
        ('{"txn0": "w-1", "txn0": "w-2"}', "key 'txn0' is there twice"),
        ({"txn0": ["w-1"]}, r"key 'txn0' is \['w-1'\]; expected a string of tokens"),
        ({"txn0": "  "}, "key 'txn0': has no token"),
        ({"txn0": "w-1 x-2"}, "key 'txn0': token 2 is 'x-2'; expected w-KEY, r-KEY"),
        ({"txn0": "w-"}, "token 1 is 'w-'"),
        ({"txn0": "w--1"}, "token 1 is 'w--1'"),
        ({"txn0": "w-1.5"}, "token 1 is 'w-1.5'"),
        ({"txn0": "* **"}, r"token 2 is '\*\*'"),
    ],
)
def test_a_malformed_file_is_refused_with_the_line_or_key(tmp_path, content, message):
    file = tmp_path / "one.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UsageError, match=message) as error:
        TxnScheduling().load(file)
    assert str(error.value).startswith(f"txn_scheduling: {file}: ")
    assert "\n" not in str(error.value)


def test_a_missing_file_an_empty_folder_and_bytes_are_refused(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        TxnScheduling().load(tmp_path / "none.json")
    with pytest.raises(UsageError, match=r"no \*.json in folder"):
        TxnScheduling().load(tmp_path)
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        TxnScheduling().load(tmp_path / "bytes.json")


def test_figures_of_a_file_are_computed_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    computed = []

    def slow(instance):
        computed.append(len(instance.transactions))
        return Figures(10, 5)

    monkeypatch.setattr(figures_module, "compute", slow)
    first = Workload("data/a", read=(transaction("w-1 w-77"), transaction("w-77")))
    again = Workload("data/b", read=first.read)
    assert figures_of(first) == figures_of(again) == Figures(10, 5)
    assert computed == [2]
    for file in kept_figures.folder_of("txn_scheduling").iterdir():
        file.write_text("half of a file")
    assert figures_of(Workload("data/c", read=first.read)) == Figures(10, 5)
    assert computed == [2, 2], "a damaged cache is computed again"
