"""The report in a real browser: drawn, clicked through, in the dark and on a phone, and with hostile content in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_parts import Page, chromium
from hostile_run import make_hostile_run
from page_parts import made_run, page_of

from evolve.archive import Store


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = made_run(tmp_path_factory.mktemp("browser") / "run", 300)
    (folder / "report.html").write_text(page_of(folder))
    return folder


@pytest.fixture(scope="module")
def url(run: Path) -> str:
    return (run / "report.html").as_uri()


def test_every_chart_is_drawn_and_the_console_is_silent(browser: Any, url: str, run: Path) -> None:
    page = Page(browser)
    view = page.open(url)
    with Store.open(run) as store:
        scored = len([p for p in store.programs() if p.id >= 0 and p.status is not None])
    assert int(view.get_attribute("#curve", "data-points")) == scored
    assert int(view.get_attribute("#lineage", "data-nodes")) == scored
    assert page.painted("#curve canvas") > 2000 and page.painted("#lineage") > 5000
    assert view.locator("[data-chart=splits] rect").count() > 3 and view.locator("#where rect").count() > 10
    assert view.locator("#programs-list tr").count() == 100
    view.click("#programs-more")
    assert view.locator("#programs-list tr").count() > 250
    assert page.trouble == [] and page.fits()


def test_the_lineage_is_clicked_through_to_a_program_its_parent_and_the_seed(browser: Any, url: str, run: Path) -> None:
    page = Page(browser)
    view = page.open(url)
    with Store.open(run) as store:
        best = store.best()
    assert best is not None
    at = view.evaluate(
        "(id) => {const c = document.getElementById('lineage'), b = c.getBoundingClientRect();"
        "const [x, y] = spot(graph.at.get(id), c.clientWidth, c.clientHeight);"
        "c.scrollIntoView({block: 'center'}); return [x, y];}",
        best.id,
    )
    view.click("#lineage", position={"x": at[0], "y": at[1]})
    view.wait_for_selector(f"#program[data-program='{best.id}'] pre")
    assert view.locator("#program .add").count() >= 1 and view.locator("#program .del").count() >= 1
    view.click("#program button[data-part=source]")
    view.wait_for_selector("#program .k")
    assert "def answer" in view.inner_text("#part")
    view.click("#program button[data-part=answer]")
    view.wait_for_selector("#part pre.wrap")
    assert "X =" in view.inner_text("#part")
    view.click(f"#program a[href='#p{best.parent_id}'] >> nth=0")
    view.wait_for_selector(f"#program[data-program='{best.parent_id}']")
    view.evaluate("location.hash = 'p0'")
    view.wait_for_selector("#program[data-program='0']")
    assert page.trouble == []


def test_two_programs_are_shown_side_by_side_and_found_by_words(browser: Any, url: str) -> None:
    page = Page(browser)
    view = page.open(f"{url}#p9")
    view.wait_for_selector("#program input[type=checkbox]")
    view.check("#program input[type=checkbox]")
    view.wait_for_selector("#program .two")
    assert view.locator("#program .two > span").count() >= 4
    view.fill("#programs-words", "infeasible")
    states = set(view.locator("#programs-list tr td:nth-child(3)").all_inner_texts())
    assert states == {"infeasible"}
    view.fill("#programs-words", "")
    view.click("button[data-by=id]")
    first = view.inner_text("#programs-list tr:nth-child(1) td:nth-child(1)")
    view.click("button[data-by=id]")
    assert view.inner_text("#programs-list tr:nth-child(1) td:nth-child(1)") != first
    view.click("button[data-axis=usd]")
    assert view.get_attribute("button[data-axis=usd]", "aria-pressed") == "true"
    assert page.trouble == []


def test_dark_and_narrow_the_page_fits_and_is_readable(browser: Any, url: str) -> None:
    page = Page(browser, wide=390, dark=True)
    view = page.open(f"{url}#p9")
    assert page.fits() and page.trouble == []
    back, ink = view.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert back == "rgb(20, 25, 31)" and ink == "rgb(219, 226, 234)"
    assert page.painted("#lineage") > 3000


def test_the_keyboard_reaches_a_program(browser: Any, url: str) -> None:
    page = Page(browser)
    view = page.open(url)
    view.focus("#programs-list tr:nth-child(2)")
    id = view.get_attribute("#programs-list tr:nth-child(2)", "data-id")
    view.keyboard.press("Enter")
    view.wait_for_selector(f"#program[data-program='{id}']")
    view.focus("#lineage")
    view.keyboard.press("+")
    assert view.evaluate("graph.zoom") > 1


def test_hostile_programs_prompts_answers_and_names_are_dead_text(browser: Any, tmp_path: Path) -> None:
    folder = tmp_path / "r[red] <b>"
    make_hostile_run(folder)
    (tmp_path / "report.html").write_text(page_of(folder))
    page = Page(browser)
    view = page.open((tmp_path / "report.html").as_uri())
    ids = view.evaluate("facts.columns.id")
    for id in ids[:12]:
        view.evaluate(f"location.hash = 'p{id}'")
        view.wait_for_selector(f"#program[data-program='{id}']")
        for part in view.locator("#program button[role=tab]").all():
            part.click()
    assert view.evaluate("document.querySelectorAll('img, iframe, b[foo], #program script').length") == 0
    assert page.trouble == []


def test_two_runs_are_drawn_over_each_other(browser: Any, run: Path, tmp_path: Path) -> None:
    from evolve.report.page.comparison import comparison_page

    other = made_run(tmp_path / "other", 30, seed=8)
    with Store.open(run) as one, Store.open(other) as two:
        (tmp_path / "both.html").write_text(comparison_page([one, two]))
    page = Page(browser)
    view = page.open((tmp_path / "both.html").as_uri())
    assert view.get_attribute("#runs-curve", "data-series") == "2" and page.painted("#runs-curve canvas") > 500
    assert page.trouble == [] and page.fits()
