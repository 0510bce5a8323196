"""What a seed says outside its evolve block heads every descendant: nothing there gets untrue by a change."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import seeds

FILES = sorted(file for file in Path(seeds.__file__).parent.glob("*.py") if file.stem != "__init__")


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower()))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_frame_is_told_outside_the_block_and_the_present_algorithm_inside(file: Path) -> None:
    """The fixed docstring of spot_multi's once said of every descendant that it stays in the first region."""
    source = file.read_text()
    before, _, block = source.partition("# EVOLVE-BLOCK-START\n")
    first, *_ = block.splitlines()
    assert first.startswith("# ") and len(words(first)) >= 4, f"{file.name}: say inside the block what it does now"
    told = words(ast.get_docstring(ast.parse(source)) or "")
    assert told and len(told & words(first)) <= 2, f"{file.name}: {told & words(first)} stand outside the block"
    for node in ast.parse(before).body[1:]:
        assert isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef), f"{file.name}: line {node.lineno}"
