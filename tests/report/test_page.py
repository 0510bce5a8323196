"""The report of a run as one file: it holds everything, reaches for nothing, and nothing in it acts."""

from __future__ import annotations

import base64
import itertools
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from command_line import evolve
from hostile import harm_in
from hostile_run import make_hostile_run
from page_parts import made_run, page_of

from evolve.archive import Store
from evolve.report.chain import chain, touched
from evolve.report.page import facts
from evolve.report.page.run_page import page_facts
from evolve.report.run_report import describe


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_run(tmp_path_factory.mktemp("page") / "a run", 90)


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return page_of(run)


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("hostile_page") / "r[red] <b>"
    make_hostile_run(folder)
    return page_of(folder)


class Parts(HTMLParser):
    """The tags of a page, and what its data blocks hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data: dict[str, str] = {}
        self._block = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._block = dict(attrs).get("id") or "" if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self._block:
            self.data[self._block] = self.data.get(self._block, "") + data

    @property
    def facts(self) -> dict[str, Any]:
        return json.loads(self.data["facts"])

    def texts(self) -> dict[int, dict[str, Any]]:
        """The texts of all programs, unpacked as the page's script unpacks them."""
        found = {}
        for name, block in self.data.items():
            if name.startswith("texts-"):
                for one in json.loads(zlib.decompress(base64.b64decode(block), -15)):
                    found[one["id"]] = one
        return found


def test_a_page_holds_every_program_with_its_source_score_and_parent(run: Path, page: str) -> None:
    parts = Parts(page)
    columns, texts = parts.facts["columns"], parts.texts()
    with Store.open(run) as store:
        programs = {program.id: program for program in store.programs()}
    assert len(programs) > 60 and set(columns["id"]) == set(programs) == set(texts)
    for place, id in enumerate(columns["id"]):
        program = programs[id]
        assert columns["parent"][place] == program.parent_id and texts[id]["source"] == program.source
        assert columns["score"][place] == (None if program.score is None else round(program.score, 4))
    assert columns["at"] == sorted(columns["at"]) and columns["usd"][-1] > 0


def test_ancestors_elites_and_failures_keep_prompt_and_answer_and_the_others_do_not(run: Path, page: str) -> None:
    parts = Parts(page)
    texts, path = parts.texts(), parts.facts["path"]
    with Store.open(run) as store:
        best = store.best()
        assert best is not None and path[0] == 0 and path[-1] == best.id
        top = [program.id for program in store.top(10)]
    for id in {*path, *top} - {0}:
        assert texts[id]["prompt"] and texts[id]["answer"] and texts[id]["instances"], id
    assert sum("prompt" in text for text in texts.values()) < len(texts) / 2
    failed = [
        i
        for i, state in zip(parts.facts["columns"]["id"], parts.facts["columns"]["state"], strict=True)
        if parts.facts["states"][state] == "infeasible"
    ]
    assert failed and any("prompt" in texts[id] for id in failed)


def test_a_page_reaches_for_nothing_and_allows_no_script_but_its_own(page: str, hostile_page: str) -> None:
    for one in (page, hostile_page):
        parts = Parts(one)
        for tag, attributes in parts.tags:
            assert tag not in ("img", "iframe", "object", "embed", "link", "base", "form", "video", "audio"), tag
            assert not any(name.startswith("on") or name in ("src", "style", "srcset") for name in attributes)
            assert (attributes.get("href") or "#").startswith("#"), attributes
        (policy,) = (a["content"] for t, a in parts.tags if t == "meta" and "http-equiv" in a)
        assert (
            policy is not None
            and policy.startswith("default-src 'none'; script-src 'sha256-")
            and "unsafe" not in policy
        )
        assert sum(tag == "script" and "type" not in a for tag, a in parts.tags) == 1


def test_nothing_hostile_is_unseen_or_markup_in_a_page(hostile_page: str) -> None:
    parts = Parts(hostile_page)
    assert harm_in(hostile_page) == []
    assert {"facts", "texts-0"} <= set(parts.data)
    assert "\\x1b" in json.dumps(list(parts.texts().values())) or "\\\\x1b" in json.dumps(list(parts.texts().values()))
    texts = parts.texts()
    assert all(harm_in(value) == [] for one in texts.values() for value in one.values() if isinstance(value, str))
    assert "<script>alert" not in hostile_page and "<img" not in hostile_page


def test_the_page_says_what_the_summary_says(run: Path, page: str) -> None:
    text = re.sub(r"<[^>]+>", " ", page.split('<script type="application/json"')[0])
    with Store.open(run) as store:
        report = describe(store)
    for row in report.rows:
        assert row.name in text
    assert f"from the seed to program {report.best.id}" in " ".join(text.split()) if report.best else True
    for word in ("Did it work?", "Why is the best program better?", "On which instances?", "What failed?", "replay"):
        assert word in text


def test_the_way_to_the_best_is_told_step_by_step(run: Path) -> None:
    with Store.open(run) as store:
        best = store.best()
        assert best is not None
        links = chain(store, best)
    assert links[0].parent_id == 0 and links[-1].id == best.id
    assert all(before.id == after.parent_id for before, after in itertools.pairwise(links))
    assert all(link.added + link.removed > 0 and link.diff for link in links)


def test_ends_come_in_the_order_in_which_the_search_learnt_of_them_and_the_others_after_them(run: Path) -> None:
    with Store.open(run) as store:
        trials = [trial for trial in store.trials() if trial.id > 0]
        unknown = store.unknown()
        assert unknown and [trial.id for trial in trials[-len(unknown) :]] == unknown
        ends = [(trial.id, trial.model, trial.is_program, trial.cost_usd or 0.0) for trial in trials]
        assert list(store.ends()) == ends


def test_of_a_long_way_to_the_best_those_steps_are_told_that_gained_most(run: Path) -> None:
    with Store.open(run) as store:
        best = store.best()
        assert best is not None
        links = chain(store, best)
        told = chain(store, best, 1)
    assert len(links) > 1 and told == [max(links, key=lambda link: link.gain or 0.0)]


def test_what_a_step_touched_is_named() -> None:
    methods = "    def go(self):\n        return 2\n\n    def old(self): ...\n"
    before = f"A = 1\n\n\ndef f():\n    return 1\n\n\nclass P:\n{methods}"
    after = before.replace("return 2", "return 3").replace("    def old(self): ...\n", "    def new(self): ...\n")
    assert touched(before, after) == ("P.go", "+P.new", "-P.old")
    assert touched(before, before.replace("A = 1", "A = 2")) == ("the top level",)
    assert touched(before, "def (") == ()


def test_of_very_many_programs_a_page_draws_a_part_and_says_so(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(run) as store:
        report = describe(store)
        whole = page_facts(store, report, [])
        monkeypatch.setattr(facts, "DRAWN", 10)
        monkeypatch.setattr(facts, "LATEST", 3)
        part = page_facts(store, report, [])
    rows = {row[0]: row for row in zip(*whole["columns"].values(), strict=True)}
    drawn = {row[0]: row for row in zip(*part["columns"].values(), strict=True)}
    children = [id for id in rows if id > 0]
    assert part["of"] == whole["of"] == len(children) > 40
    for id, row in drawn.items():  # but for the numbers of words, which are those of this page's lists
        assert (row[:6], row[9:]) == (rows[id][:6], rows[id][9:])
    assert {id for id in rows if id <= 0} | {*whole["path"], *children[-3:]} <= set(drawn)
    assert {one.trial.id for one in report.best_so_far} <= set(drawn)
    assert len(drawn) < len(rows) - 10
    assert f"{sum(id > 0 for id in drawn)} of {len(children)} children are drawn" in " ".join(page_of(run).split())


def test_a_run_with_nothing_in_it_and_one_of_failures_only_have_a_page(tmp_path: Path) -> None:
    empty = made_run(tmp_path / "empty", 0)
    assert "No program better than the seed was found" in page_of(empty)
    from loop_parts import HashModel

    class FarOff(HashModel):
        async def complete(self, prompt: Any, call_id: int) -> Any:
            import dataclasses

            answer = await super().complete(prompt, call_id)
            text = f"```python\nX = {90 + call_id}\n\n\ndef answer():\n    return X\n```\n"
            return dataclasses.replace(answer, text=text)

    page = page_of(made_run(tmp_path / "failures", 12, FarOff()))
    parts = Parts(page)
    assert parts.facts["columns"]["score"][1:] == [None] * 12 and "is too far" in page


def test_the_report_command_writes_the_page_beside_the_run_and_says_where(run: Path, tmp_path: Path) -> None:
    said = evolve("report", run, "--no-pictures")
    assert said.code == 0 and said.out.startswith(f"{run}/report.html")
    assert Parts((run / "report.html").read_text()).facts["best"] > 0
    other = made_run(tmp_path / "other", 30, seed=6)
    both = evolve("report", run, other, "--out", tmp_path / "both.html", "--json")
    assert both.code == 0 and both.json["files"] == [str(tmp_path / "both.html")]
    compared = (tmp_path / "both.html").read_text()
    assert [one["name"] for one in Parts(compared).facts["runs"]] == ["a run", "other"]
    assert "budget.evaluations" in compared and harm_in(compared) == []


@pytest.mark.slow
def test_figures_are_svg_pdf_and_the_numbers_behind_them(run: Path, tmp_path: Path) -> None:
    said = evolve("report", run, "--no-pictures", "--figures", tmp_path / "figures")
    assert said.code == 0, said.err
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    for name in ("curve", "lineage", "splits", "instances"):
        assert {f"{name}.svg", f"{name}.pdf"} <= names and any(n.startswith(name) and n.endswith(".csv") for n in names)
    curve = (tmp_path / "figures" / "curve.csv").read_text().splitlines()
    assert curve[0] == "series,evaluations,score on train"
    with Store.open(run) as store:
        best = describe(store).curve[-1]
    assert any(line.startswith("best so far,") and line.endswith(repr(best)) for line in curve)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "a.html", "--figures", "d"), "give one of the two"),
        (("--out", "."), "is a folder"),
    ],
)
def test_a_report_that_cannot_be_is_refused_in_one_line(run: Path, arguments: tuple[str, ...], message: str) -> None:
    said = evolve("report", run, *arguments)
    assert said.code == 2 and message in said.err and len(said.err.splitlines()) == 1
    twice = evolve("report", run, run)
    assert twice.code == 2 and "named twice" in twice.err
