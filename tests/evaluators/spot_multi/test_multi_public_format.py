"""A user's trace files in the benchmark's format: written, read back, scored by the public rules, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from in_process import InProcess

import evaluators.spot_multi
from evaluators.spot_multi import SpotMulti
from evaluators.spot_multi.evaluator import SpotOptions
from evaluators.spot_multi.public_windows import public_terms
from evaluators.spot_multi.window import Window
from evaluators.spot_traces.runs import ticks_needed
from evolve.evaluator import Split, UsageError

MOVES_ON = (Path(evaluators.spot_multi.__file__).parent / "baselines" / "greedy_moves_on.py").read_text("utf-8")


def write(file: Path, data: Any, prices: Any = None, **metadata: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"metadata": {"gap_seconds": 600} | metadata, "data": data}
    file.write_text(json.dumps(content | ({} if prices is None else {"prices": prices})), encoding="utf-8")
    return file


def load(path: Path) -> list[Window]:
    return [w for w in SpotMulti().load(path) if isinstance(w, Window)]


def windows(split: Split) -> list[Window]:
    return [w for w in SpotMulti().instances(split) if isinstance(w, Window)]


@pytest.mark.parametrize("split", [Split.TRAIN, Split.TEST, Split.PUBLIC])
def test_what_is_written_is_read_back(split: Split, tmp_path: Path) -> None:
    chosen = windows(split)[-6:]
    files = SpotMulti().write(chosen, tmp_path)
    assert sorted(files) == sorted(tmp_path.rglob("*.json"))
    assert len(files) == sum(len(window.zones) for window in chosen)
    read = load(tmp_path)
    assert len(read) == len(chosen)
    found = {w.available: w for w in read}
    for window in chosen:
        ticks = ticks_needed(window.terms, window.tick_s)
        again = found[tuple(zone[:ticks] for zone in window.available)]
        assert (again.terms, again.tick_s, again.ticks) == (window.terms, window.tick_s, ticks)
        assert list(again.prices()) == list(window.prices())[:ticks]
        assert [z.partition(" ")[0] for z in again.zones] == [z.rpartition("/")[2] for z in window.zones]
        if split is Split.PUBLIC:
            assert again.scenario == window.scenario
            assert again.id == f"data/{window.id.removeprefix('public/')}"


def test_written_files_hold_ones_where_there_is_no_spot_and_say_so(tmp_path: Path) -> None:
    window = windows(Split.PUBLIC)[0]
    (first, *_) = SpotMulti().write([window], tmp_path)
    content = json.loads(first.read_text(encoding="utf-8"))
    assert first.relative_to(tmp_path).as_posix() == "2_zones_same_region/us-east-1a_v100_1/0.json"
    assert content["metadata"] == {"gap_seconds": 195, "orientation": "not_available", "position": 0}
    assert content["data"] == [1 - value for value in window.available[0]]
    assert content["prices"][0] == window.first_prices[0]


def test_a_public_window_given_as_files_scores_like_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundled = windows(Split.PUBLIC)[9]
    SpotMulti().write([bundled], tmp_path / "files")
    (loaded,) = load(tmp_path / "files")
    evaluator = SpotMulti()
    ours, theirs = (evaluator.evaluate(InProcess(MOVES_ON), w) for w in (bundled, loaded))  # type: ignore[arg-type]
    assert theirs.metrics == pytest.approx(dict(ours.metrics))
    assert theirs.score == pytest.approx(ours.score, abs=1e-9)
    assert "adrs_score" in evaluator.summarise(Split.PUBLIC, [theirs])


def test_windows_of_another_task_have_no_published_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write(tmp_path / "files" / "zone" / "0.json", [0, 1] * 30, runs=[RUN])
    evaluator, (window,) = SpotMulti(), load(tmp_path / "files")
    metrics = evaluator.summarise(Split.PUBLIC, [evaluator.evaluate(InProcess(MOVES_ON), window)])  # type: ignore[arg-type]
    assert metrics["task_h"] == 1
    assert "total_cost_usd" in metrics
    assert "adrs_score" not in metrics


def test_ones_mean_no_spot_unless_metadata_or_option_say_otherwise(tmp_path: Path) -> None:
    data = [1, 0, 0] + [1] * 400
    write(tmp_path / "a" / "0.json", data)
    write(tmp_path / "b" / "0.json", [1 - d for d in data], orientation="available")
    (window,) = load(tmp_path)
    assert [zone[:4] for zone in window.available] == [bytes([0, 1, 1, 0])] * 2
    assert window.zones == ("a (1 read as no spot)", "b (1 read as spot)")
    (flagged,) = SpotMulti(SpotOptions(orientation="available")).load(tmp_path)
    assert isinstance(flagged, Window)
    assert flagged.available[0][:4] == bytes([1, 0, 0, 1])
    assert flagged.available[1] == window.available[1]


def test_zones_go_by_name_or_position_and_windows_by_number_under_the_public_terms(tmp_path: Path) -> None:
    for zone in ("west", "east"):
        for number in (0, 1):
            write(tmp_path / "plain" / zone / f"{number}.json", [0] * 400)
            write(tmp_path / "told" / zone / f"{number}.json", [0] * 400, position=int(zone == "east"))
    read = load(tmp_path)
    assert [w.id for w in read] == ["data/plain/0", "data/plain/1", "data/told/0", "data/told/1"]
    assert [zone[:4] for zone in read[0].zones] == ["east", "west"]
    assert [zone[:4] for zone in read[2].zones] == ["west", "east"]
    assert {w.terms for w in read} == {public_terms()}
    assert SpotMulti().rules_of(read[0]) == "public"


def test_prices_become_steps_and_holes_go_on_with_the_price_before(tmp_path: Path) -> None:
    write(tmp_path / "a" / "0.json", [0] * 400, [1.5] * 10 + [None] * 5 + [1.25] * 385)
    write(tmp_path / "b" / "0.json", [0] * 400, [None] * 10 + [1.0] * 390)
    write(tmp_path / "c" / "0.json", [0] * 400)
    (window,) = load(tmp_path)
    assert window.spot_usd_per_h == (((0, 1.5), (15, 1.25)), ((0, 0.9731), (10, 1.0)), ((0, 0.9731),))


RUN = {"deadline_s": 7200, "task_s": 3600, "overhead_s": 60}


@pytest.mark.parametrize(
    ("metadata", "data", "prices", "says"),
    [
        ({}, [0, 1, 2], None, "key 'data', tick 2 is 2"),
        ({}, [], None, "key 'data' is missing or empty"),
        ({"gap_seconds": 0}, [0], None, "key 'metadata.gap_seconds' is 0"),
        ({"orientation": "up"}, [0], None, "key 'metadata.orientation' is 'up'"),
        ({}, [0] * 400, [1.0] * 399, "key 'prices' has 399 entries"),
        ({}, [0] * 2, [1.0, -1], "key 'prices', tick 1 is -1"),
        ({}, [0] * 2, [1.0, "1"], "key 'prices', tick 1 is '1'"),
        ({}, [0] * 2, [True, 1.0], "key 'prices', tick 0 is True"),
        ({}, [0] * 2, 1.0, "key 'prices' has float entries"),
        ({}, [0, 1, 0], None, "has 3 ticks of 600 s; expected at least"),
        ({"position": "first"}, [0] * 400, None, "key 'metadata.position' is 'first'"),
        ({"runs": 1}, [0] * 400, None, "key 'metadata.runs' is 1"),
        ({"runs": [{"task_s": 1}]}, [0] * 400, None, "key 'metadata.runs', entry 0"),
        ({"runs": [RUN | {"task_s": 0}]}, [0] * 400, None, "entry 0, task_s is 0"),
        ({"runs": [RUN | {"task_s": 1.5}]}, [0] * 400, None, "entry 0, task_s is 1.5"),
        ({"runs": [RUN, RUN]}, [0] * 400, None, "has 2 runs, expected 1"),
        ({"runs": [RUN | {"task_s": 7200}]}, [0] * 400, None, "do not fit before a deadline of 2 h"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line_that_names_file_and_place(
    tmp_path: Path, metadata: dict[str, Any], data: Any, prices: Any, says: str
) -> None:
    write(tmp_path / "zone" / "0.json", data, prices, **metadata)
    with pytest.raises(UsageError) as error:
        load(tmp_path)
    assert says in str(error.value)
    assert "0.json" in str(error.value)
    assert "\n" not in str(error.value)


def test_zones_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a" / "0.json", [0] * 400)
    write(tmp_path / "b" / "0.json", [0] * 400, gap_seconds=900)
    with pytest.raises(UsageError, match=r"ticks of 900 s.*ticks of 600 s"):
        load(tmp_path)
    write(tmp_path / "b" / "0.json", [0] * 400)
    write(tmp_path / "b" / "1.json", [0] * 400)
    with pytest.raises(UsageError, match=r"a/1\.json is missing, but zone 'b' has it"):
        load(tmp_path)


def test_what_is_no_folder_of_zones_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load(tmp_path / "none")
    with pytest.raises(UsageError, match=r"no \*.json"):
        load(tmp_path)
    file = write(tmp_path / "0.json", [0] * 400)
    with pytest.raises(UsageError, match="is a file; give a folder"):
        load(file)
    with pytest.raises(UsageError, match=r"lies in no zone's folder; expected ZONE/0\.json"):
        load(tmp_path)
