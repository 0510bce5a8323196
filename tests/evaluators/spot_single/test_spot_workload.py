"""The splits: the same in every process, no tick shared, every run telling; and the kept figures are theirs."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict

import pytest
from other_process import printed

from evaluators.spot_single import SpotSingle
from evaluators.spot_single.evaluator import SpotOptions
from evaluators.spot_single.figures import compute, digest, figures_of, stored
from evaluators.spot_single.mechanics import Window
from evaluators.spot_single.reference import accepted
from evaluators.spot_single.workload import RECIPES, UNSEEN_ZONES, fitted_zones, part_of
from evaluators.spot_traces import semi_markov
from evaluators.spot_traces.bundled import bundled_traces
from evaluators.spot_traces.runs import Rules
from evolve.evaluator import Split

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def windows(split: Split) -> list[Window]:
    return [w for w in SpotSingle().instances(split) if isinstance(w, Window)]


def test_the_bundled_traces_are_the_published_ones() -> None:
    """Sizes, tick lengths and shares of ticks with spot, counted in the published files."""
    traces = bundled_traces()
    assert {(t.tick_s, len(t.available)) for t in traces.values()} == {(195, 20158), (600, 3895)}
    assert len(traces) == 17
    share = {zone: sum(t.available) / len(t.available) for zone, t in traces.items()}
    assert share["aws-02-15-2023/us-east-1a_v100_1"] == pytest.approx(0.16668320269868042, abs=1e-15)
    assert share["aws-10-26-2022/us-west-2b_v100_8"] == pytest.approx(0.46572528883183567, abs=1e-15)


def test_no_real_tick_is_in_two_splits() -> None:
    used: dict[str, dict[Split, set[int]]] = defaultdict(lambda: defaultdict(set))
    for split in Split:
        for window in windows(split):
            if window.zone != "synthetic":
                ticks = range(window.start_tick, window.start_tick + len(window.available))
                trace = bundled_traces()[window.zone].available
                assert bytes(trace[t] for t in ticks) == window.available
                used[window.zone][split].update(ticks)
    for zone, splits in used.items():
        for a, b in itertools.combinations(splits, 2):
            assert not splits[a] & splits[b], f"{zone}: {a} and {b} share ticks"
    assert sum(len(splits) > 1 for splits in used.values()) >= 5, "zones that several splits cut from"


def test_no_two_windows_are_the_same() -> None:
    seen = [w.available for split in OWN for w in windows(split)]
    assert len(set(seen)) == len(seen)


def test_test_has_zones_that_the_others_and_the_fit_never_see() -> None:
    zones = {split: {w.zone for w in windows(split)} for split in OWN}
    assert zones[Split.TEST] & set(UNSEEN_ZONES)
    assert not (zones[Split.TRAIN] | zones[Split.VALIDATION]) & set(UNSEEN_ZONES)
    for zone in UNSEEN_ZONES:
        assert part_of(zone, Split.TRAIN) == part_of(zone, Split.VALIDATION) == (0, 0)
    assert len(fitted_zones()) == len(bundled_traces()) - len(UNSEEN_ZONES)


def test_half_of_each_split_is_real_and_can_be_drawn_no_more() -> None:
    for split in OWN:
        assert sum(w.zone == "synthetic" for w in windows(split)) * 2 == len(windows(split))
        assert all(w.generated == (w.zone == "synthetic") for w in windows(split))


def test_train_spans_what_test_has() -> None:
    """Terms have the same ranges in all splits: what is learnt of tasks, deadlines and overheads holds in test."""

    def of(split: Split) -> list[list[float]]:
        runs = [terms for window in windows(split) for terms in window.runs]
        return [
            [terms.task_s / 3600 for terms in runs],
            [terms.overhead_s / 3600 for terms in runs],
            [terms.deadline_s / terms.task_s for terms in runs],
        ]

    for train, test, width in zip(of(Split.TRAIN), of(Split.TEST), (84, 0.38, 0.56), strict=True):
        assert min(train) <= min(test) + 0.15 * width and max(train) >= max(test) - 0.15 * width
        assert sum(train) / len(train) == pytest.approx(sum(test) / len(test), abs=0.25 * width)
    ticks = {split: {w.tick_s for w in windows(split)} for split in OWN}
    assert ticks[Split.TRAIN] == ticks[Split.TEST] == {195, 300, 600}
    assert set(RECIPES[Split.TEST].up_shifts) != set(RECIPES[Split.TRAIN].up_shifts), "test is shifted in its traces"


def test_every_run_can_be_met_on_demand_from_the_first_tick() -> None:
    for split in OWN:
        for window in windows(split):
            for terms in window.runs:
                whole_ticks_s = terms.deadline_s // window.tick_s * window.tick_s
                assert terms.task_s + terms.overhead_s <= whole_ticks_s, window.id


@pytest.mark.parametrize("split", OWN)
@pytest.mark.parametrize("rules", ["strict", "public"])
def test_over_the_runs_of_every_window_naive_and_optimum_differ_by_a_tenth(split: Split, rules: Rules) -> None:
    for window in windows(split):
        figures = figures_of(window, rules)
        assert all(best <= naive for naive, best in zip(figures.naive_usd, figures.optimum_usd, strict=True))
        assert sum(figures.naive_usd) - sum(figures.optimum_usd) >= 0.1 * sum(figures.naive_usd)


def test_windows_are_the_same_in_every_process_whatever_its_hash_seed() -> None:
    program = (
        "from evaluators.spot_single import SpotSingle; from evaluators.spot_single.figures import digest\n"
        "print([(w.zone, w.start_tick, digest(w)) for s in Split for w in SpotSingle().instances(s)])"
    )
    assert printed(program) == str([(w.zone, w.start_tick, digest(w)) for s in Split for w in windows(s)])


def test_kept_figures_belong_to_these_very_windows() -> None:
    ids = [w.id for split in Split for w in windows(split)]
    assert ids == list(stored().digests), "run: python -m evaluators.spot_single.reference"
    for split in Split:
        for window in windows(split):
            assert stored().digests[window.id] == digest(window), f"{window.id}: run the reference again"


@pytest.mark.parametrize(("split", "index"), [(s, i) for s in Split for i in (0, 1, -1)])
def test_kept_figures_are_what_is_found_anew(split: Split, index: int) -> None:
    window = windows(split)[index]
    for rules in ("public",) if split is Split.PUBLIC else ("strict", "public"):
        anew, kept = compute(window, rules), figures_of(window, rules)
        assert anew.naive_usd == pytest.approx(kept.naive_usd, abs=1e-9)
        assert anew.optimum_usd == pytest.approx(kept.optimum_usd, abs=1e-9)


@pytest.mark.parametrize(("split", "index"), [(Split.TRAIN, 2), (Split.VALIDATION, 2)])
def test_redraws_are_counted_in_the_file(split: Split, index: int) -> None:
    attempt, window, figures = accepted(split, index)
    assert attempt == stored().attempts[split][index] > 0
    assert window == windows(split)[index]
    assert figures == stored().figures[window.id]


def test_the_model_draws_the_availability_it_was_fitted_to() -> None:
    zone = semi_markov.Zone(semi_markov.Stretch(0.5, 1.0), semi_markov.Stretch(0.0, 1.2))
    drawn = b"".join(semi_markov.draw(zone, 195, 4000, random.Random(seed)) for seed in range(60))
    share = zone.up.mean_h / (zone.up.mean_h + zone.down.mean_h)
    assert sum(drawn) / len(drawn) == pytest.approx(share, abs=0.04)
    again = semi_markov.fit([semi_markov.draw(zone, 195, 400_000, random.Random(0))], 195)
    assert again.up.mu == pytest.approx(0.5, abs=0.1)
    assert again.down.sigma == pytest.approx(1.2, abs=0.1)


def test_options_refuse_what_they_do_not_know() -> None:
    assert SpotSingle().rules_of(windows(Split.TRAIN)[0]) == "strict"
    evaluator = SpotSingle(SpotOptions(rules="public"))
    assert evaluator.rules_of(windows(Split.TRAIN)[0]) == "public"
    assert SpotSingle().rules_of(windows(Split.PUBLIC)[0]) == "public"
    with pytest.raises(ValueError, match="rule"):
        SpotOptions(rule="public")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="rules"):
        SpotOptions(rules="lenient")  # type: ignore[arg-type]
