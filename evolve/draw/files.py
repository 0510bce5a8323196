"""Pictures into a file, by its ending: .svg, .html, .png or .pdf."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evolve.draw.svg import as_page_parts, svg
from evolve.errors import UsageError
from evolve.picture import Picture
from evolve.safe_text import html, one_line

ENDINGS = (".svg", ".html", ".png", ".pdf")


def require_ending(path: Path) -> None:
    """Raise UsageError for a file that no picture can be written into."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: a picture is a file ending in {', '.join(ENDINGS)}.")


def write_pictures(pictures: Sequence[Picture], path: Path) -> Path:
    """Write pictures into one file, one below the other. Raises UsageError when it cannot be written."""
    require_ending(path)
    one = pictures[0] if len(pictures) == 1 else together(pictures)
    if path.suffix.lower() in (".png", ".pdf"):
        from evolve.draw.plotted import save

        return save(one, path.with_suffix(""), (path.suffix.lower().removeprefix("."),), title=True)[0]
    text = svg(one) if path.suffix.lower() == ".svg" else page(pictures)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
    return path


def together(pictures: Sequence[Picture]) -> Picture:
    """Return several pictures as one, each panel named after the picture that it is of."""
    from dataclasses import replace

    panels = tuple(
        replace(panel, title=f"{picture.title}: {panel.title}" if panel.title else picture.title)
        for picture in pictures
        for panel in picture.panels
    )
    return Picture("", panels)


def page(pictures: Sequence[Picture]) -> str:
    """Return pictures as an HTML page that needs nothing else and runs nothing."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evolve.draw", "."), autoescape=False, trim_blocks=True
    )
    title = html(one_line(pictures[0].title))
    return environment.get_template("page.html.j2").render(title=title, parts=as_page_parts(pictures))
