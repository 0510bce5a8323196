"""One headless Chromium for all tests of pages, and what each of them must keep to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a browser. Skips where there is none, or playwright is not installed."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[dev]'")
    alone = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*alone, "--disable-dev-shm-usage"])
        yield browser
        browser.close()


class Page:
    """A page of the browser that keeps what goes wrong on it: messages of the console, errors, requests elsewhere."""

    def __init__(self, browser: Any, wide: int = 1400, dark: bool = False, allowed: str = "file://") -> None:
        self.view = browser.new_page(
            viewport={"width": wide, "height": 900}, color_scheme="dark" if dark else "light", accept_downloads=True
        )
        self.view.set_default_timeout(60_000)
        self.trouble: list[str] = []
        self.view.on("console", lambda said: self.trouble.append(f"{said.type}: {said.text}"))
        self.view.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.view.on("request", lambda request: self._request(request.url, allowed))

    def _request(self, url: str, allowed: str) -> None:
        if not url.startswith((allowed, "data:", "blob:")):
            self.trouble.append(f"asks for {url}")

    def open(self, url: str) -> Any:
        """Go there and wait until everything is drawn."""
        self.view.goto(url)
        self.view.wait_for_selector("body[data-ready='1']", state="attached")
        return self.view

    def fits(self) -> bool:
        """Whether the page is no wider than the window; what is wider scrolls by itself."""
        return bool(self.view.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

    def painted(self, selector: str) -> int:
        """How many pixels of a canvas are not empty."""
        script = """(selector) => {
            const canvas = document.querySelector(selector);
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            let count = 0;
            for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
            return count;
        }"""
        return int(self.view.evaluate(script, selector))
