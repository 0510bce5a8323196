"""`evolve bench`: equal budgets, goes on after a kill, says what is better."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from pathlib import Path

import pytest
from command_line import evolve
from loop_parts import kill_after, let_live

from evolve.archive import Store
from evolve.contest import Contest, Standings, make_contest, read_result, render_page, run_cells, to_csv
from evolve.errors import UsageError

SEARCHES = ("sampling", "climbing")


def contest(out: Path, evaluations: int = 12, seeds: int = 2, searches: tuple[str, ...] = SEARCHES) -> Contest:
    return make_contest(out, ["simulated_parts"], searches, [], seeds, None, (), {"budget.evaluations": evaluations})


def lines(one: Contest) -> list[dict[str, str]]:
    text = to_csv([read_result(cell, one.unit, one.budget) for cell in one.cells])
    rows = [dict(row) for row in csv.DictReader(io.StringIO(text))]
    return [{key: value for key, value in row.items() if key != "folder"} for row in rows]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Contest:
    one = contest(tmp_path_factory.mktemp("whole"))
    assert run_cells(one)
    return one


def test_every_run_has_the_same_evaluations_and_seeds(whole: Contest) -> None:
    rows = lines(whole)
    assert {row["evaluations"] for row in rows} == {"12"}
    assert sorted((row["arm"], row["seed"]) for row in rows) == sorted((a, s) for a in SEARCHES for s in "01")
    for cell in whole.cells:
        with Store.open(cell.folder) as store:
            assert store.summary().seed == cell.seed and len(store.curve()) == 13


def test_curve_and_area_are_of_the_best_so_far(whole: Contest) -> None:
    for cell in whole.cells:
        found = read_result(cell, whole.unit, whole.budget)
        with Store.open(cell.folder) as store:
            scores = [score for _, score in store.curve() if score is not None]
        assert len(found.curve) == 101 and list(found.curve) == sorted(found.curve)
        assert found.curve[0] == scores[0] and found.curve[-1] == max(scores)
        assert found.area == pytest.approx(sum(found.curve[1:]) / 100)


def test_equal_calls_are_a_budget_too(tmp_path: Path) -> None:
    one = make_contest(tmp_path, ["simulated_rugged"], SEARCHES, [], 1, None, (), {"budget.calls": 6})
    assert (one.unit, one.budget) == ("calls", 6.0) and run_cells(one)
    for cell in one.cells:
        found = read_result(cell, one.unit, one.budget)
        with Store.open(cell.folder) as store:
            first = next(trial for trial in store.trials() if trial.score is not None)
        assert found.calls == 6 and found.evaluations <= 6
        assert max(found.curve[0], first.score or 0.0) == found.curve[round(100 * first.id / 6) + 1]


@pytest.mark.parametrize("survived", [55])
def test_killed_in_the_middle_of_a_run_a_contest_ends_as_if_undisturbed(
    whole: Contest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    kill_after(survived, monkeypatch)
    with pytest.raises(BaseException):  # noqa: B017  (a group or the kill itself)
        run_cells(contest(tmp_path))
    let_live(monkeypatch)
    ran = []
    again = contest(tmp_path)
    assert run_cells(again, lambda cell, done, total, now: ran.append(now))
    assert lines(again) == lines(whole)
    assert len(ran) == 4 and True in ran


def test_what_is_there_is_not_run_again_and_more_can_be_added(whole: Contest) -> None:
    more = contest(whole.out, searches=(*SEARCHES, "sequential"))
    ran = [cell.arm.label for cell in more.cells if cell.arm.label not in SEARCHES]
    seen: list[tuple[str, bool]] = []
    assert run_cells(more, lambda cell, done, total, now: seen.append((cell.arm.label, now)))
    assert [label for label, now in seen if now] == ran == ["sequential"] * 2


def test_another_budget_in_the_same_folder_is_refused(whole: Contest) -> None:
    with pytest.raises(UsageError, match="another budget or other settings"):
        contest(whole.out, evaluations=13)


def test_the_floor_is_sampling_and_ranks_are_over_whole_blocks_only(whole: Contest) -> None:
    results = [read_result(cell, whole.unit, whole.budget) for cell in whole.cells]
    found = Standings.of(whole, results[:-1])
    assert found.floor == "sampling" and set(found.against) == {"climbing"}
    assert found.by_test is not None and found.by_test.blocks == 1
    assert [one.runs for one in found.figures] == [2, 1]
    assert Standings.of(whole, []).by_test is None


def test_the_page_is_whole_in_itself_and_names_are_dead_text(whole: Contest) -> None:
    results = [read_result(cell, whole.unit, whole.budget) for cell in whole.cells]
    page = render_page(whole, Standings.of(whole, results), "evolve bench '<script>alert(1)</script>'")
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert page.count("<polyline") == 2 and page.count("<polygon") == 2

    class Balanced(HTMLParser):
        open: list[str]

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "line", "circle", "polygon"):
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None: ...

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balanced()
    parser.open = []
    parser.feed(page)
    assert parser.open == []


def test_values_of_any_key_can_be_compared(tmp_path: Path) -> None:
    one = make_contest(
        tmp_path, ["simulated_parts"], ["islands"], ["search.islands=1,4"], 1, None, (), {"budget.evaluations": 3}
    )
    assert [arm.label for arm in one.arms] == ["islands, search.islands=1", "islands, search.islands=4"]
    assert [cell.config.search.options["islands"] for cell in one.cells] == [1, 4]
    assert len({cell.folder for cell in one.cells}) == 2


def test_a_simulated_problem_asks_its_own_model_unless_another_is_given(tmp_path: Path) -> None:
    def asked(sets: tuple[str, ...]) -> set[str]:
        out = tmp_path / str(len(sets))
        one = make_contest(out, ["simulated_parts"], SEARCHES, [], 1, None, sets, {"budget.evaluations": 3})
        return {model.name for cell in one.cells for model in cell.config.models}

    assert asked(()) == {"simulated"} and asked(("model.names=builtin",)) == {"builtin"}


def test_the_command_prints_a_table_or_one_document(tmp_path: Path) -> None:
    arguments = ["bench", "simulated_opposed", "--search", "sampling,climbing", "--evaluations", "4", "--seeds", "2"]
    arguments += ["--out", str(tmp_path)]
    shown = evolve(*arguments)
    assert shown.code == 0 and "rank on test" in shown.out and "4 of 4" in shown.err
    facts = evolve(*arguments, "--json").json
    assert len(facts["runs"]) == 4 and facts["compared_with"] == "sampling"
    assert facts["ranks_on_test"]["blocks"] == 2
    assert {path.name for path in tmp_path.iterdir()} == {"contest.json", "index.html", "runs.csv", "runs"}


@pytest.mark.parametrize(
    ("problem", "searches", "varied", "sets", "words"),
    [
        ("simulated_parts", ["climbing"], [], [], "there is nothing to compare"),
        ("simulated_parts", [], ["seed"], [], "expected KEY=a,b,c"),
        ("simulated_prats", ["sampling", "climbing"], [], [], "Did you mean 'simulated_parts'"),
        ("simulated_parts", ["sampling", "climbin"], [], [], "Did you mean 'climbing'"),
        ("spot_single", ["sampling", "climbing"], [], ["model.names=simulated"], "knows its own problems only"),
        ("simulated_parts", [], ["model.names=simulated,gpt"], ["search.strategy=climbin"], "Did you mean 'climbing'"),
        ("simulated_parts", ["sampling", "climbing"], [], ['model.names=["simulated","builtin"]'], "is asked alone"),
        ("simulated_parts", ["sampling", "climbing"], [], ["budget.minutes=1"], "equal budgets"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    tmp_path: Path, problem: str, searches: list[str], varied: list[str], sets: list[str], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        make_contest(tmp_path / "out", [problem], searches, varied, 1, None, sets)
    assert not (tmp_path / "out").exists()
