"""The live page in a real browser: a run that grows under it, and a person who answers a question in it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_parts import Page, chromium
from command_line import TRIVIAL, command
from page_parts import made_run


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live") / "runs"
    made_run(folder / "done", 20)
    return folder


@pytest.fixture(scope="module")
def served(runs: Path) -> Iterator[str]:
    server = subprocess.Popen(
        command("serve", runs, "--port", 0),
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert server.stdout is not None
    yield server.stdout.readline().split()[0]
    server.send_signal(signal.SIGINT)
    server.wait(timeout=60)
    server.stdout.close()


@pytest.mark.slow
def test_the_list_leads_to_a_run_and_two_of_them_to_a_comparison(browser: Any, runs: Path, served: str) -> None:
    made_run(runs / "second", 12, seed=4)
    page = Page(browser, allowed=served)
    view = page.open(served)
    view.fill("#words", "second")
    assert view.locator("#runs tr:visible").count() == 1
    view.fill("#words", "")
    view.click("button[data-sort=name]")
    for box in view.locator("input[type=checkbox]").all()[:2]:
        box.check()
    view.click("text=compare the chosen ones")
    view.wait_for_selector("#runs-curve canvas")
    page.open(f"{served}run/done/#p0")
    view.wait_for_selector("#program[data-program='0']")
    assert page.painted("#lineage") > 1000 and page.painted("#curve canvas") > 1000
    with view.expect_download() as download:
        view.click("text=best.py")
    assert "def answer" in Path(download.value.path()).read_text()
    assert page.trouble == [] and page.fits()


@pytest.mark.slow
def test_a_person_answers_in_the_browser_and_the_page_shows_what_came_of_it(
    browser: Any, runs: Path, served: str, tmp_path: Path
) -> None:
    run = subprocess.Popen(
        command("run", TRIVIAL, "--model", "manual", "--evaluations", 1, "--run", runs / "asked", "--workers", 1),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=tmp_path,
    )
    try:
        page = Page(browser, wide=390, dark=True, allowed=served)
        view = page.view
        for _ in range(240):
            if list((runs / "asked" / "outbox").glob("*.md")):
                break
            view.wait_for_timeout(250)
        page.open(f"{served}run/asked/")
        assert view.get_attribute("#lineage", "data-nodes") == "1"
        view.click("#live-state a")
        view.fill("textarea >> nth=0", "```python\nX = 41.0\n\n\ndef answer():\n    return X\n```\n")
        view.click("button:has-text('answer')")
        view.wait_for_url("**/questions")
        page.open(f"{served}run/asked/")
        view.wait_for_selector("#lineage[data-nodes='2']", timeout=120_000)
        assert view.inner_text("#fact-best") == "97.56"
        assert page.trouble == [] and page.fits()
        assert run.wait(timeout=120) == 0
    finally:
        run.kill()
        run.communicate()
