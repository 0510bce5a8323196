"""A user's trace files in the benchmark's format: read, scored by the public rules, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from in_process import InProcess

import evaluators.spot_single
from evaluators import kept_figures
from evaluators.spot_single import SpotSingle
from evaluators.spot_single import figures as figures_module
from evaluators.spot_single.evaluator import SpotOptions
from evaluators.spot_single.figures import Figures, figures_of
from evaluators.spot_single.mechanics import Window
from evaluators.spot_traces.runs import Rules, ticks_needed
from evolve.evaluator import Split, UsageError

GREEDY = (Path(evaluators.spot_single.__file__).parent / "baselines" / "greedy.py").read_text(encoding="utf-8")


def write(file: Path, data: Any, **metadata: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"metadata": {"gap_seconds": 600} | metadata, "data": data}), encoding="utf-8")
    return file


def load(path: Path) -> list[Window]:
    return [w for w in SpotSingle().load(path) if isinstance(w, Window)]


def public_window(index: int) -> Window:
    window = SpotSingle().instances(Split.PUBLIC)[index]
    assert isinstance(window, Window)
    return window


def test_ones_mean_no_spot_unless_the_metadata_say_otherwise(tmp_path: Path) -> None:
    data = [1, 0, 0] + [1] * 500
    (assumed,) = load(write(tmp_path / "a.json", data))
    (told,) = load(write(tmp_path / "b.json", [1 - d for d in data], orientation="available"))
    assert assumed.available[:4] == told.available[:4] == bytes([0, 1, 1, 0])
    (flagged,) = SpotSingle(SpotOptions(orientation="available")).load(
        write(tmp_path / "c.json", [1 - d for d in data])
    )
    assert isinstance(flagged, Window)
    assert flagged.available == told.available
    assert [w.zone for w in (assumed, told, flagged)] == [
        "a (1 read as no spot)",
        "b (1 read as spot)",
        "c (1 read as spot)",
    ]
    assert assumed.tick_s == 600
    assert len(assumed.runs) == 6


def test_a_public_window_given_as_a_file_scores_like_the_bundled_one(tmp_path: Path) -> None:
    bundled = public_window(3)
    (loaded,) = load(write(tmp_path / "w.json", [1 - a for a in bundled.available]))
    evaluator = SpotSingle()
    ours, theirs = (evaluator.evaluate(InProcess(GREEDY), w) for w in (bundled, loaded))  # type: ignore[arg-type]
    assert loaded.runs == bundled.runs
    assert theirs.metrics == pytest.approx(dict(ours.metrics))
    assert theirs.score == pytest.approx(ours.score, abs=1e-9)


def test_a_folder_is_read_in_order_and_overhead_folders_become_runs_of_one_window(tmp_path: Path) -> None:
    data = [0, 1] * 300
    for overhead in ("0.02", "0.10"):
        for name in ("1.json", "0.json"):
            write(tmp_path / f"ddl=search+task=48+overhead={overhead}" / "real" / "zone_a" / name, data)
    windows = load(tmp_path)
    assert [w.id for w in windows] == ["data/real/zone_a/0", "data/real/zone_a/1"]
    assert {t.overhead_s for t in windows[0].runs} == {72, 360}
    assert len(windows[0].runs) == 4


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "line 1: not JSON"),
        ('{"metadata": {"gap_seconds": 600},\n "data": [0, 1,]}', "line 2: not JSON"),
        ("[]", "key 'metadata' is missing"),
        ('{"data": [0]}', "key 'metadata' is missing"),
        ('{"metadata": {}, "data": [0]}', "key 'metadata.gap_seconds' is None"),
        ('{"metadata": {"gap_seconds": 0}, "data": [0]}', "key 'metadata.gap_seconds' is 0"),
        ('{"metadata": {"gap_seconds": NaN}, "data": [0]}', "key 'metadata.gap_seconds' is nan"),
        ('{"metadata": {"gap_seconds": 60.5}, "data": [0]}', "expected a whole number"),
        ('{"metadata": {"gap_seconds": true}, "data": [0]}', "key 'metadata.gap_seconds' is True"),
        ('{"metadata": {"gap_seconds": 600, "orientation": "up"}, "data": [0]}', "key 'metadata.orientation' is 'up'"),
        ('{"metadata": {"gap_seconds": 600, "orientation": []}, "data": [0]}', "key 'metadata.orientation' is []"),
        ('{"metadata": {"gap_seconds": 600}}', "key 'data' is missing or empty"),
        ('{"metadata": {"gap_seconds": 600}, "data": []}', "key 'data' is missing or empty"),
        ('{"metadata": {"gap_seconds": 600}, "data": [0, 1, 2]}', "key 'data', tick 2 is 2"),
        ('{"metadata": {"gap_seconds": 600}, "data": [0, "1"]}', "key 'data', tick 1 is '1'"),
        ('{"metadata": {"gap_seconds": 600}, "data": [0, null]}', "key 'data', tick 1 is None"),
        ('{"metadata": {"gap_seconds": 600}, "data": [0, 1, 0]}', "has 3 ticks of 600 s; expected at least"),
        ('{"metadata": {"gap_seconds": 600}, "data": [0, ' + 5000 * "1" + "]}", "cannot be read"),
        (
            '{"metadata": {"gap_seconds": 600}, "data": [0], "prices": [1' + 400 * "0" + "]}",
            "key 'prices', tick 0 is 1000",
        ),
        ('{"metadata": {"gap_seconds": 600}, "data": [0], "prices": [1e308]}', "key 'prices', tick 0 is 1e+308"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line_that_names_file_and_place(
    tmp_path: Path, content: str, says: str
) -> None:
    (tmp_path / "bad.json").write_text(content, encoding="utf-8")
    for path in (tmp_path, tmp_path / "bad.json"):
        with pytest.raises(UsageError) as error:
            load(path)
        assert says in str(error.value)
        assert "bad" in str(error.value)
        assert "\n" not in str(error.value)


def test_a_missing_path_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load(tmp_path / "none")
    with pytest.raises(UsageError, match=r"no \*.json"):
        load(tmp_path)


def test_an_overhead_that_no_deadline_leaves_room_for_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "overhead=5" / "a.json", [0] * 900)
    with pytest.raises(UsageError, match="overhead of 5"):
        load(tmp_path)


def test_one_name_with_two_contents_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "overhead=0.1" / "a.json", [0] * 900)
    write(tmp_path / "overhead=0.2" / "a.json", [1] * 900)
    with pytest.raises(UsageError, match="'a' twice"):
        load(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UsageError, match=r"bad\.json: cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("split", list(Split))
def test_what_is_written_is_read_back(split: Split, tmp_path: Path) -> None:
    windows = [w for w in SpotSingle().instances(split) if isinstance(w, Window)][-12:]
    files = SpotSingle().write(windows, tmp_path)
    assert sorted(files) == sorted(tmp_path.rglob("*.json"))
    read = {w.id: w for w in load(tmp_path)}
    assert set(read) == {f"data/{w.id}" for w in windows}
    for window in windows:
        again = read[f"data/{window.id}"]
        ticks = max(ticks_needed(terms, window.tick_s) for terms in window.runs)
        assert (again.runs, again.tick_s) == (window.runs, window.tick_s)
        assert again.available == window.available[:ticks]


def test_written_files_hold_ones_where_there_is_no_spot_and_say_so(tmp_path: Path) -> None:
    window = public_window(0)
    (file,) = SpotSingle().write([window], tmp_path)
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["metadata"] == {"gap_seconds": 600, "orientation": "not_available"}
    assert content["data"] == [1 - value for value in window.available]


def test_figures_of_a_file_are_computed_once_logged_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    computed: list[str] = []

    def slow(window: Window, rules: Rules) -> Figures:
        computed.append(window.id)
        return Figures((2.0,) * 6, (1.0,) * 6)

    monkeypatch.setattr(figures_module, "compute", slow)
    for name in ("a", "b", "c"):
        write(tmp_path / "files" / f"{name}.json", [0, 1] * 300)
    first, same, again = load(tmp_path / "files")
    with caplog.at_level("INFO"):
        assert figures_of(first, "public") == figures_of(same, "public") == Figures((2.0,) * 6, (1.0,) * 6)
    assert computed == ["data/a"]
    assert "spot_single: reference of data/a computed in" in caplog.text
    for file in kept_figures.folder_of("spot_single").iterdir():
        file.write_text(json.dumps({"naive_usd": [1.0], "optimum_usd": [0.5]}))
    figures_of(again, "public")
    assert computed == ["data/a", "data/c"], "figures of other runs are computed again"


def test_windows_of_another_task_have_no_published_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = {"deadline_s": 7200, "task_s": 3600, "overhead_s": 60}
    write(tmp_path / "files" / "a.json", [0, 1] * 30, runs=[run])
    evaluator, (window,) = SpotSingle(), load(tmp_path / "files")
    metrics = evaluator.summarise(Split.PUBLIC, [evaluator.evaluate(InProcess(GREEDY), window)])  # type: ignore[arg-type]
    assert metrics["task_h"] == 1
    assert "mean_cost_usd" in metrics
    assert "adrs_score" not in metrics
