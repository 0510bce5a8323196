"""The splits: the same in every process, no tick shared, every window telling; and the kept figures are theirs."""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from multi_worlds import world
from other_process import printed

from evaluators import kept_figures
from evaluators.spot_multi import SpotMulti
from evaluators.spot_multi import figures as figures_module
from evaluators.spot_multi.evaluator import SpotOptions
from evaluators.spot_multi.figures import Figures, compute, digest, figures_of, stored
from evaluators.spot_multi.reference import accepted
from evaluators.spot_multi.synthetic import CEILING_USD_PER_H, FLOOR_USD_PER_H, price, region
from evaluators.spot_multi.window import Window
from evaluators.spot_multi.workload import RECIPES
from evaluators.spot_multi.zones import CLOCK, UNSEEN_ZONES, fitted_zones, pools
from evaluators.spot_traces.bundled import bundled_traces
from evaluators.spot_traces.runs import Rules, Terms, ticks_needed
from evolve.evaluator import Split

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def windows(split: Split) -> list[Window]:
    return [w for w in SpotMulti().instances(split) if isinstance(w, Window)]


def real_zone(window: Window, zone: str) -> str:
    return zone if "/" in zone else f"{CLOCK}/{zone}"


def test_no_real_tick_is_in_two_splits_and_no_own_window_shares_the_time_of_a_public_one() -> None:
    used: dict[str, dict[Split, set[int]]] = defaultdict(lambda: defaultdict(set))
    public_time: set[int] = set()
    for split in (Split.PUBLIC, *OWN):
        for window in windows(split):
            if window.scenario == "synthetic":
                continue
            ticks = range(window.start_tick, window.start_tick + window.ticks)
            for zone, available in zip(window.zones, window.available, strict=True):
                trace = bundled_traces()[real_zone(window, zone)]
                assert trace.available[ticks.start : ticks.stop] == available
                assert trace.tick_s == window.tick_s
                used[trace.zone][split].update(ticks)
                if split is Split.PUBLIC:
                    public_time.update(ticks)
                elif trace.zone.startswith(CLOCK):
                    assert not public_time & set(ticks), f"{window.id}: at the time of a public window"
    for zone, splits in used.items():
        for a, b in itertools.combinations(splits, 2):
            assert not splits[a] & splits[b], f"{zone}: {a} and {b} share ticks"
    assert sum(len(splits) == 4 for splits in used.values()) >= 4, "zones that every split cuts from"


def test_train_and_validation_share_no_time_at_all() -> None:
    times = [
        {t for w in windows(split) if w.scenario == "real" for t in range(w.start_tick, w.start_tick + w.ticks)}
        for split in (Split.TRAIN, Split.VALIDATION)
    ]
    assert not times[0] & times[1]


def test_no_two_windows_are_the_same() -> None:
    seen = [w.available for split in OWN for w in windows(split)]
    assert len(set(seen)) == len(seen)


def test_test_has_zones_and_machines_that_the_others_and_the_fit_never_see() -> None:
    zones = {split: {zone for w in windows(split) if w.scenario == "real" for zone in w.zones} for split in OWN}
    known = zones[Split.TRAIN] | zones[Split.VALIDATION]
    assert zones[Split.TEST] & set(UNSEEN_ZONES)
    assert any(not zone.startswith(CLOCK) for zone in zones[Split.TEST])
    assert not known & set(UNSEEN_ZONES)
    assert all(zone.startswith(CLOCK) for zone in known)
    ((fitted, _),) = pools(Split.TRAIN)
    assert len(fitted_zones()) == len(fitted) == 6


def test_half_of_each_split_is_real_and_can_be_drawn_no_more() -> None:
    for split in OWN:
        assert sum(w.scenario == "synthetic" for w in windows(split)) * 2 == len(windows(split))
        assert all(w.generated == (w.scenario == "synthetic") for w in windows(split))


def test_train_spans_what_test_has() -> None:
    """Terms have the same ranges in all splits: what is learnt of tasks, deadlines and overheads holds in test."""

    def of(split: Split) -> list[list[float]]:
        return [
            [len(w.zones) for w in windows(split)],
            [w.terms.task_s / 3600 for w in windows(split)],
            [w.terms.overhead_s / 3600 for w in windows(split)],
            [w.terms.deadline_s / w.terms.task_s for w in windows(split)],
        ]

    for train, test, width in zip(of(Split.TRAIN), of(Split.TEST), (7, 84, 0.38, 0.56), strict=True):
        assert min(train) <= min(test) + 0.15 * width and max(train) >= max(test) - 0.15 * width
        assert np.mean(train) == pytest.approx(np.mean(test), abs=0.25 * width)
    assert {w.tick_s for w in windows(Split.TRAIN)} == {w.tick_s for w in windows(Split.TEST)} == {195, 300, 600}
    assert set(RECIPES[Split.TEST].up_shifts) != set(RECIPES[Split.TRAIN].up_shifts), "test is shifted in its traces"


def test_prices_change_in_every_window_and_stay_between_floor_and_ceiling() -> None:
    for split in OWN:
        for window in windows(split):
            assert sum(len(steps) for steps in window.spot_usd_per_h) > len(window.zones), window.id
            for steps in window.spot_usd_per_h:
                assert [tick for tick, _ in steps] == sorted({tick for tick, _ in steps})
                assert steps[0][0] == 0
                assert steps[-1][0] < window.ticks
                assert all(FLOOR_USD_PER_H - 1e-9 <= usd <= CEILING_USD_PER_H for _, usd in steps)


def test_a_price_changes_every_three_to_eight_hours_by_about_what_it_is_told() -> None:
    steps = price(1.4, 0.02, 195, 200_000, random.Random(1))
    hours = [(b - a) * 195 / 3600 for (a, _), (b, _) in itertools.pairwise(steps[1:])]
    logs = [math.log(b / a) for (_, a), (_, b) in itertools.pairwise(steps) if min(a, b) > FLOOR_USD_PER_H]
    assert min(hours) >= 2.9
    assert np.median(hours) == pytest.approx(5.5, abs=0.3)
    assert np.std(logs) == pytest.approx(0.02, abs=0.003)


def test_zones_of_one_region_are_correlated_by_about_0_3_and_zones_of_two_are_not() -> None:
    rng = random.Random(3)
    within, between = [], []
    for _ in range(40):
        drawn = [region([rng.choice(fitted_zones()) for _ in range(2)], 195, 6000, rng) for _ in range(2)]
        a, b, c, d = (np.frombuffer(zone, dtype=np.uint8) for of in drawn for zone in of)
        within += [np.corrcoef(a, b)[0, 1], np.corrcoef(c, d)[0, 1]]
        between += [np.corrcoef(a, c)[0, 1], np.corrcoef(b, d)[0, 1]]
    assert np.mean(within) == pytest.approx(0.3, abs=0.06)
    assert np.mean(between) == pytest.approx(0.0, abs=0.05)


def test_every_run_can_be_met_on_demand_from_the_first_tick_and_no_late_one_outlasts_its_window() -> None:
    for split in Split:
        for window in windows(split):
            terms = window.terms
            assert terms.task_s + terms.overhead_s <= terms.deadline_s // window.tick_s * window.tick_s, window.id
            assert window.ticks >= ticks_needed(terms, window.tick_s)
            assert {len(zone) for zone in window.available} == {window.ticks}


@pytest.mark.parametrize("split", OWN)
@pytest.mark.parametrize("rules", ["strict", "public"])
def test_on_every_own_window_naive_and_optimum_differ_by_a_tenth(split: Split, rules: Rules) -> None:
    for window in windows(split):
        figures = figures_of(window, rules)
        assert figures.naive_usd - figures.optimum_usd >= 0.1 * figures.naive_usd, window.id


def test_windows_are_the_same_in_every_process_whatever_its_hash_seed() -> None:
    program = (
        "from evaluators.spot_multi import SpotMulti; from evaluators.spot_multi.figures import digest\n"
        "print([(w.zones, w.start_tick, digest(w)) for s in Split for w in SpotMulti().instances(s)])"
    )
    assert printed(program) == str([(w.zones, w.start_tick, digest(w)) for s in Split for w in windows(s)])


def test_kept_figures_belong_to_these_very_windows() -> None:
    ids = [w.id for split in Split for w in windows(split)]
    assert ids == list(stored().digests), "run: python -m evaluators.spot_multi.reference"
    for split in Split:
        for window in windows(split):
            assert stored().digests[window.id] == digest(window), f"{window.id}: run the reference again"


@pytest.mark.parametrize(
    ("split", "index"), [*((s, i) for s in OWN for i in (0, -1)), (Split.PUBLIC, 0), (Split.PUBLIC, 8)]
)
def test_kept_figures_are_what_is_found_anew(split: Split, index: int) -> None:
    window = windows(split)[index]
    for rules in ("public",) if split is Split.PUBLIC else ("strict", "public"):
        anew, kept = compute(window, rules), figures_of(window, rules)
        assert anew.naive_usd == pytest.approx(kept.naive_usd, abs=1e-9)
        assert anew.optimum_usd == pytest.approx(kept.optimum_usd, abs=1e-9)


def test_redraws_are_counted_in_the_file() -> None:
    split = Split.TEST
    index = next(number for number, attempts in enumerate(stored().attempts[split]) if attempts)
    attempt, window, figures = accepted(split, index)
    assert attempt == stored().attempts[split][index]
    assert window == windows(split)[index]
    assert figures == stored().figures[window.id]


def test_figures_of_a_file_are_computed_once_logged_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    computed: list[tuple[str, Rules]] = []

    def slow(window: Window, rules: Rules) -> Figures:
        computed.append((window.id, rules))
        return Figures(10.0, 5.0)

    monkeypatch.setattr(figures_module, "compute", slow)
    first = world(Terms(7200, 3600, 360), 600, ([1], [0, 1]))

    def named(id_: str) -> Window:
        return replace(first, id=id_)

    with caplog.at_level("INFO"):
        assert figures_of(named("data/a"), "public") == figures_of(named("data/b"), "public") == Figures(10.0, 5.0)
    assert computed == [("data/a", "public")]
    assert "spot_multi: reference of data/a computed in" in caplog.text
    for file in kept_figures.folder_of("spot_multi").iterdir():
        file.write_text('{"naive_usd": "x"}')
    figures_of(named("data/c"), "public")
    assert [id_ for id_, _ in computed] == ["data/a", "data/c"], "a damaged cache is computed again"
    figures_of(named("data/c"), "strict")
    assert computed[-1] == ("data/c", "strict"), "the rules are part of the key"


def test_options_refuse_what_they_do_not_know() -> None:
    assert SpotMulti().rules_of(windows(Split.TRAIN)[0]) == "strict"
    assert SpotMulti(SpotOptions(rules="public")).rules_of(windows(Split.TRAIN)[0]) == "public"
    assert SpotMulti().rules_of(windows(Split.PUBLIC)[0]) == "public"
    with pytest.raises(ValueError, match="rule"):
        SpotOptions(rule="public")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="rules"):
        SpotOptions(rules="lenient")  # type: ignore[arg-type]
