"""Pictures: what may be drawn, and that every form of a drawing holds all of it and nothing that acts."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hostile import HOSTILE, NAME, harm_in

from evolve.draw.colours import places_of_all
from evolve.draw.files import write_pictures
from evolve.draw.rows import panel_csv
from evolve.draw.scales import bounds, ticks
from evolve.draw.svg import svg
from evolve.draw.text import panel_lines, print_picture
from evolve.errors import UsageError
from evolve.picture import (
    Arc,
    Bar,
    Bars,
    Interval,
    Lane,
    Lanes,
    Line,
    Map,
    Mark,
    Matrix,
    Picture,
    Point,
    Series,
    joined,
)
from evolve.report.terminal import Terminal


def every_panel(word: str) -> Picture:
    """One panel of each kind, every text of it the given one."""
    lane = Lane(word, (Interval(0, 2, word, word), Interval(2, 3, f"{word}2")))
    return Picture(
        word,
        (
            Lanes(word, word, (lane, Lane("b", ())), (Mark(2.5, word),)),
            Series(word, word, word, (Line(word, ((0, 1), (2, 4))), Line("s", ((0, 1), (1, 3)), "step"))),
            Series(word, word, word, (Line(word, ((0, 1), (2, 4)), "dots", word),), (Mark(1, word),)),
            Bars(word, word, (Bar(word, 3.0, 2.0, 5.0, word, word), Bar("low", -1.0))),
            Matrix(word, word, word, word, (word, "r"), (word, "c"), ((1.0, None), (0.5, 0.0)), ((0, 0),)),
            Map(
                word,
                (Point("a", -120, 40, word, word, word), Point("b", 10, 50)),
                (Arc("a", "b", word, 2, word),),
                True,
            ),
            Map(word, (Point("a", 1, 4, word, word, word), Point("b", 2, 5)), (Arc("a", "b"),), False, word, word),
        ),
        word,
    )


@pytest.mark.parametrize("word", [HOSTILE, NAME, "</svg></script><script>alert(1)</script>", "plain", ""])
def test_an_svg_is_sound_xml_in_which_nothing_acts(word: str) -> None:
    for standalone in (True, False):
        drawn = svg(every_panel(word), standalone)
        root = ET.fromstring(drawn)
        tags = {node.tag.split("}")[1] for node in root.iter()}
        assert tags <= {
            "svg",
            "g",
            "text",
            "rect",
            "path",
            "circle",
            "polygon",
            "title",
            *(["style"] if standalone else []),
        }
        attributes = {name for node in root.iter() for name in node.attrib}
        assert not {name for name in attributes if name.startswith("on") or name in ("href", "style", "src")}
        assert harm_in(drawn) == []


def test_an_svg_says_in_words_what_each_mark_is() -> None:
    drawn = svg(every_panel("what it is"))
    assert drawn.count("<title>what it is</title>") >= 5
    assert "r, c: 0<" in drawn or "r, c: 0" in drawn


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("word", [HOSTILE, "plain"])
def test_a_terminal_shows_every_panel_within_its_width_and_harmlessly(word: str, width: int) -> None:
    screen = io.StringIO()
    print_picture(Terminal(file=screen, width=width), every_panel(word))
    shown = screen.getvalue()
    assert harm_in(shown) == []
    for panel in every_panel("plain").panels:
        assert all(line.cell_len <= width for line in panel_lines(panel, width)), type(panel)


def test_lanes_in_a_terminal_are_as_long_as_they_last() -> None:
    panel = Lanes("", "t (s)", (Lane("a", (Interval(0, 5, "x"), Interval(5, 10, "y"))),))
    (row,) = [line.plain for line in panel_lines(panel, 23, unicode=False) if line.plain.startswith("a ")]
    assert row.count("#") == row.count("=") == 10


@pytest.mark.parametrize(
    ("panel", "wrong"),
    [
        (Series("s", "", "", (Line("l", ((0.0, float("nan")),)),)), "holds nan"),
        (Bars("b", "", (Bar("x", float("inf")),)), "holds inf"),
        (Matrix("m", "", "", "", ("a",), ("b", "c"), ((1.0,),)), "has 1 rows and rows of"),
        (Matrix("m", "", "", "", ("a",), ("b",), ((1.0,),), ((1, 0),)), r"marks cell \(1, 0\)"),
        (Map("w", (Point("a", 0, 0),), (Arc("a", "z"),)), "an arc to 'z'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_where_its_author_sees_it(panel: Series, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Picture("p", (panel,))


def test_csv_holds_the_numbers_to_the_last_digit_and_no_formula() -> None:
    picture = every_panel("=HYPERLINK(1)")
    tables = [list(csv.reader(io.StringIO(panel_csv(panel)))) for panel in picture.panels]
    assert tables[3][1] == ["'=HYPERLINK(1)", "'=HYPERLINK(1)", "3.0", "2.0", "5.0"]
    assert all(not cell.startswith("=") for table in tables for row in table for cell in row)
    exact = panel_csv(Series("", "x", "y", (Line("l", ((0.1, 1 / 3),)),)))
    assert f"l,0.1,{1 / 3!r}" in exact


def test_a_kind_has_one_colour_in_all_panels_of_a_picture() -> None:
    """Two programs drawn one above the other: what came first in one comes second in the other."""
    first, second = ["other operation", "last chain"], ["last chain", "late", "other operation", "own"]
    one, two = places_of_all([first, second])
    assert {kind: two[kind] for kind in first} == one and list(one) == first and list(two) == second
    assert len(set(two.values())) == 4 and two["late"] == 1


def test_ticks_are_round_and_within() -> None:
    for low, high in ((0.0, 1.0), (-3.2, 47.9), (1e-6, 3e-6), (0.0, 12345.0), (99.5, 100.5)):
        found = ticks(low, high)
        assert 2 <= len(found) <= 7 and all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
    assert bounds([]) == (0.0, 1.0) and bounds([4.0]) == (3.6, 4.4)


def test_neighbours_of_one_kind_become_one_interval() -> None:
    assert joined([(0, 1, "a"), (1, 2, "a"), (3, 4, "a"), (4, 5, "b")]) == (
        Interval(0, 2, "a"),
        Interval(3, 4, "a"),
        Interval(4, 5, "b"),
    )


@pytest.mark.parametrize("ending", [".svg", ".html", ".pdf", ".png"])
def test_each_file_form_holds_all_panels(tmp_path: Path, ending: str) -> None:
    path = write_pictures([every_panel("money $x$"), every_panel("b")], tmp_path / f"p{ending}")
    content = path.read_bytes()
    start = {".svg": b"<svg", ".html": b"<!doctype html>", ".pdf": b"%PDF", ".png": b"\x89PNG"}[ending]
    assert content.startswith(start) and len(content) > 5000
    if ending == ".html":
        assert content.count(b"<svg xmlns") == 2 and b"default-src 'none'" in content


def test_another_ending_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a picture is a file ending in \.svg, \.html, \.png, \.pdf"):
        write_pictures([every_panel("a")], tmp_path / "p.gif")
