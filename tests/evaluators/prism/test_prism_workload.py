"""The cases: the same everywhere, split apart, with stored figures that belong to them; and the public files."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from other_process import printed

from evaluators.kept_figures import LEAST_SPREAD
from evaluators.prism import Prism
from evaluators.prism.figures import compute, digest, figures_of, programs_digest, stored
from evaluators.prism.public_format import PUBLIC, read_cases, written
from evaluators.prism.reference import accepted
from evaluators.prism.workload import RECIPES
from evolve.evaluator import Split, UsageError

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def test_every_case_is_the_one_its_figures_were_computed_from():
    for split in Split:
        for case in Prism().instances(split):
            assert digest(case) == stored().digests[case.id]
    assert programs_digest() == stored().programs, "run python -m evaluators.prism.reference"


def test_a_sample_of_the_stored_figures_is_computed_again():
    for split in Split:
        for case in Prism().instances(split)[::5]:
            assert compute(case) == figures_of(case)


def test_cases_that_tell_nothing_were_redrawn():
    for split in OWN:
        for case in Prism().instances(split):
            known = figures_of(case)
            assert known.tells
            assert known.naive - known.reference >= LEAST_SPREAD * known.naive
    assert accepted(Split.TRAIN, 8)[0] == stored().attempts[Split.TRAIN][8]


def test_cases_are_the_same_in_another_process_whatever_the_hash_seed():
    program = (
        "from evaluators.prism import Prism; from evaluators.prism.figures import digest\n"
        "print([digest(c) for s in Split for c in Prism().instances(s)])"
    )
    assert printed(program) == str([digest(c) for s in Split for c in Prism().instances(s)])


def test_no_case_and_hardly_a_model_is_in_two_splits():
    digests = [digest(c) for split in Split for c in Prism().instances(split)]
    assert len(set(digests)) == len(digests)
    assert {len(Prism().instances(split)) for split in OWN} == {len(r) for r in RECIPES.values()}


def test_test_is_shifted_towards_fuller_gpus():
    def used(split):
        return np.mean([sum(m.size_gb for m in c.models) / 80 / c.num_gpus for c in Prism().instances(split)])

    assert used(Split.TEST) > used(Split.TRAIN) + 0.03


def test_the_largest_case_of_train_has_fifty_gpus_and_three_hundred_models():
    largest = max(Prism().instances(Split.TRAIN), key=lambda c: len(c.models))
    assert 50 <= largest.num_gpus <= 60
    assert 250 <= len(largest.models) <= 420


def test_the_public_cases_are_drawn_by_the_published_recipe():
    rng = np.random.RandomState(42)
    for case in Prism().instances(Split.PUBLIC):
        assert case.num_gpus == rng.randint(5, 10)
        drawn = [(rng.randint(10, 30), rng.randint(1, 10), rng.randint(5, 10)) for _ in range(2 * case.num_gpus)]
        assert [(m.size_gb, m.rate, m.slo) for m in case.models] == drawn
    assert len(Prism().instances(Split.PUBLIC)) == 50


def test_the_public_file_and_a_written_one_are_read_back_as_they_are(tmp_path):
    cases = Prism().load(PUBLIC)
    assert [c.id for c in cases[:2]] == ["data/0", "data/1"]
    assert [digest(c) for c in cases] == [digest(c) for c in Prism().instances(Split.PUBLIC)]
    for split in OWN:
        own = Prism().instances(split)
        (tmp_path / "cases.json").write_text(written(own))
        assert [digest(c) for c in read_cases(tmp_path / "cases.json", "data")] == [digest(c) for c in own]


GOOD = {"size_gb": 24, "rate": 8, "slo": 9}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"gpus": 1,\n "models": [}]', "line 2: not JSON"),
        ("{}", "expected a list of cases"),
        ("[]", "expected a list of cases"),
        ("[7]", "case 0: is int; expected an object"),
        ([{"models": [GOOD]}], "case 0: key 'gpus' is None; expected a whole number from 1"),
        ([{"gpus": 2.0, "models": [GOOD]}], "key 'gpus' is 2.0"),
        ([{"gpus": True, "models": [GOOD]}], "key 'gpus' is True"),
        ([{"gpus": 0, "models": [GOOD]}], "key 'gpus' is 0"),
        ([{"gpus": 2, "models": []}], r"key 'models' is \[\]"),
        ([{"gpus": 2, "models": [GOOD]}, {"gpus": 2, "models": [GOOD, 3]}], r"case 1: models\[1\] is 3"),
        ([{"gpus": 2, "models": [{**GOOD, "slo": 0}]}], r"key 'models\[0\].slo' is 0; expected seconds above 0"),
        ([{"gpus": 2, "models": [{**GOOD, "rate": -1}]}], r"key 'models\[0\].rate' is -1; expected requests/s"),
        ([{"gpus": 2, "models": [{**GOOD, "rate": float("nan")}]}], r"models\[0\].rate' is nan"),
        ([{"gpus": 2, "models": [{**GOOD, "slo": float("inf")}]}], r"models\[0\].slo' is inf"),
        ([{"gpus": 2, "models": [{**GOOD, "size_gb": "24"}]}], r"models\[0\].size_gb' is '24'"),
        ([{"gpus": 2, "models": [{**GOOD, "size_gb": 81}]}], r"size_gb' is 81; expected GB above 0, at most 80"),
        ([{"gpus": 2, "models": [{**GOOD, "size_gb": True}]}], "size_gb' is True"),
        ([{"gpus": 2, "models": [{"size_gb": 1, "rate": 1}]}], r"models\[0\].slo' is None"),
        ([{"gpus": 1, "models": [GOOD] * 4}], "the models need 96 GB; 1 GPUs of 80 GB have 80 GB"),
    ],
)
def test_a_malformed_file_is_refused_with_the_line_or_key(tmp_path, content, message):
    file = tmp_path / "cases.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UsageError, match=message) as error:
        Prism().load(file)
    assert str(error.value).startswith(f"prism: {file}: ")
    assert "\n" not in str(error.value)


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        Prism().load(tmp_path / "none.json")
    with pytest.raises(UsageError, match=r"has no \*.json"):
        Prism().load(tmp_path)
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=re.escape("bytes.json")):
        Prism().load(tmp_path / "bytes.json")
