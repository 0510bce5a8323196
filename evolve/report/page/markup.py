"""HTML out of templates: whatever an expression gives is foreign unless it says that it is HTML."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from evolve.report.figures import (
    cell_interval_text,
    cell_text,
    duration_text,
    figure_text,
    lead_text,
    score_text,
    usd_text,
)
from evolve.report.fresh_screen import interval_text
from evolve.safe_text import html, visible


class Html(str):
    """Text that is HTML already: written by us, or made safe."""

    __slots__ = ()


def rendered(template: str, **facts: Any) -> str:
    """Return a template of this folder with the facts in it."""
    return str(_environment().get_template(template).render(**facts))


def asset(name: str) -> str:
    """Return a file of `assets/`."""
    return (files("evolve.report.page") / "assets" / name).read_text(encoding="utf-8")


@functools.cache
def script() -> str:
    """Return the script of a page: the plotting library and ours."""
    return f"{asset('uPlot.js')}\n{asset('page.js')}"


@functools.cache
def style() -> str:
    """Return the style sheet of a page."""
    return f"{asset('uPlot.css')}\n{asset('page.css')}"


def hash_of(text: str) -> str:
    """Return what a Content-Security-Policy names an inline script or style by."""
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def diff_html(patch: str) -> Html:
    """Return a patch as coloured lines; the page's script highlights the code in them."""
    lines = []
    for line in visible(patch).rstrip("\n").split("\n"):
        if line.startswith(("--- ", "+++ ")):
            continue
        kind = {"+": "add", "-": "del", "@": "hunk", "\\": "hunk", "U": "hunk"}.get(line[:1], "")
        lines.append(f'<span class="l {kind}">{html(line)}</span>')
    return Html(f'<pre class="python tall">{"".join(lines)}</pre>')


@functools.cache
def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evolve.report.page", "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        finalize=_as_html,
    )
    filters: Mapping[str, Any] = {
        "raw_html": Html,
        "diff": diff_html,
        "cell": cell_text,
        "duration": duration_text,
        "usd": usd_text,
        "cell_interval": cell_interval_text,
        "interval": interval_text,
        "lead": lead_text,
        "figure": figure_text,
        "score": score_text,
        "signed": lambda value: f"{value:+.2f}",
        "points": lambda value: "-" if value is None else f"{value:.2f}",
    }
    environment.filters.update(filters)
    return environment


def _as_html(value: object) -> str:
    return value if isinstance(value, Html) else html("" if value is None else str(value))
