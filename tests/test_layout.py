"""`ls` is the architecture: packages list what they offer, and a file holds one idea."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINES = 400

LONG_FILES: dict[str, str] = {
    "evolve/archive/reader.py": "every question that is asked of an archive, one short method each",
}
"""Files longer than LINES, each with the reason why its one idea is that long."""


@pytest.mark.parametrize(
    "package",
    ["evolve.archive", "evolve.report", "evolve.search", "evolve.workers", "evaluators.spot_single", "sandbox"],
)
def test_a_package_lists_what_it_offers_and_all_of_it_is_there(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__all__ == sorted(set(module.__all__)), f"{package}.__all__ is not in order"
    for name in module.__all__:
        assert hasattr(module, name), f"{package} lists {name} and does not have it"


def test_the_packages_are_a_table_of_contents_and_hold_no_code_of_their_own() -> None:
    for package in ("evolve.archive", "evolve.report", "evolve.search", "evolve.workers", "sandbox"):
        module = importlib.import_module(package)
        for name in module.__all__:
            origin = getattr(getattr(module, name), "__module__", "")
            assert origin != package, f"{package}.{name} is defined in __init__.py; give it a file of its own"


def test_every_bundled_domain_says_why_it_is_simulated_by_simpy_or_not() -> None:
    folders = [evaluator.parent for evaluator in (ROOT / "evaluators").glob("*/evaluator.py")]
    assert folders
    for folder in folders:
        texts = [ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "" for file in folder.glob("*.py")]
        assert any("simpy" in text for text in texts), f"{folder.name}: no module's docstring says why simpy, or not"


def test_every_bundled_domain_has_the_files_of_a_domain() -> None:
    domains = [m.name for m in pkgutil.iter_modules([str(ROOT / "evaluators")]) if m.ispkg]
    assert {"eplb", "spot_single"} <= set(domains)
    from evolve.registry import list_problems

    for name in (listing.name for listing in list_problems()):
        for file in ("evaluator.py", "problem.md", "baselines"):
            assert (ROOT / "evaluators" / name / file).exists(), f"evaluators/{name}/{file}"
        assert (ROOT / "seeds" / f"{name}.py").exists()


def test_no_file_is_longer_than_its_one_idea_needs() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for part in ("evolve", "evaluators", "seeds", "sandbox")
        for file in (ROOT / part).rglob("*.py")
        if "discoveries" not in file.relative_to(ROOT / part).parts or part != "evaluators"
    }
    long = {name: lines for name, lines in lengths.items() if lines > LINES}
    assert set(long) <= set(LONG_FILES), f"longer than {LINES} lines: {long}"
    assert set(LONG_FILES) <= set(long), "a file in the list is no longer long: take it out"


def test_no_file_is_named_after_nothing() -> None:
    for part in ("evolve", "evaluators", "seeds", "sandbox", "tests"):
        for file in (ROOT / part).rglob("*.py"):
            assert file.stem not in {"utils", "helpers", "manager", "misc", "common", "base"}, file
