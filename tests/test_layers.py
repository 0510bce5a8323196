"""Imports point one way: cli -> loop -> {search, mutate, workers, archive, report} -> evaluator -> sandbox."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("evolve", "evaluators", "seeds", "sandbox")

CONTRACT = {"evolve.evaluator", "evolve.errors", "evolve.objectives", "evolve.picture", "sandbox"}
"""What a problem's author sees: `evolve.errors` and `sandbox` through `evolve.evaluator`."""
FACTS = {
    "evolve.archive_url",
    *("evolve.safe_text", "evolve.scoring", "evolve.trial", "evolve.observer", "evolve.config", "evolve.errors"),
    "evolve.evaluator",
    "evolve.objectives",
    "evolve.words",
}
"""Types that the parts of the framework talk through."""

MAY_IMPORT: dict[str, set[str]] = {
    "sandbox": set(),
    "seeds": set(),
    "evolve/errors.py": set(),
    "evolve/safe_text.py": set(),
    "evolve/words.py": set(),
    "evolve/user_state.py": set(),
    "evolve/objectives.py": set(),
    "evolve/streams.py": {"evolve.safe_text"},
    "evolve/data_files.py": {"evolve.errors", "evolve.evaluator"},
    "evolve/picture.py": set(),
    "evolve/draw": {"evolve.errors", "evolve.picture", "evolve.safe_text"},
    "evolve/pictures.py": {
        "evolve.config",
        "evolve.errors",
        "evolve.evaluator",
        "evolve.picture",
        "evolve.registry",
        "evolve.workers",
    },
    "evolve/evaluator.py": {"evolve.errors", "evolve.objectives", "evolve.picture", "sandbox"},
    "evolve/scoring.py": {"evolve.evaluator"},
    "evaluators": {"evolve.evaluator", "evolve.picture"},
    "evolve/trial.py": {"evolve.scoring"},
    "evolve/config_part.py": set(),
    "evolve/clusters.py": {"evolve.config_part"},
    "evolve/toml_tree.py": {"evolve.errors"},
    "evolve/archive_url.py": {"evolve.errors"},
    "evolve/config.py": {
        "evolve.archive_url",
        "evolve.clusters",
        "evolve.config_part",
        "evolve.errors",
        "evolve.objectives",
        "evolve.search",
        "evolve.toml_tree",
    },
    "evolve/racing.py": {"evolve.config"},
    "evolve/line_diff.py": set(),
    "evolve/mutate": {
        "evolve.entry_points",
        "evolve.intervals",
        "evolve.line_diff",
        "evolve.errors",
        "evolve.evaluator",
        "evolve.config",
        "evolve.words",
    },
    "evolve/archive": {"evolve.archive_url", "evolve.errors", "evolve.evaluator", "evolve.scoring", "evolve.trial"},
    "evolve/search": {
        "evolve.entry_points",
        "evolve.errors",
        "evolve.objectives",
        "evolve.scoring",
        "evolve.trial",
        "evolve.mutate.mutation",
        "evolve.words",
    },
    "evolve/identity.py": {"evolve", "evolve.errors", "evolve.evaluator", "evolve.foreign", "evolve.registry"},
    "evolve/foreign.py": {"evolve.errors", "evolve.evaluator"},
    "evolve/peers": {"evolve.errors", "evolve.evaluator", "evolve.mutate.language"},
    "evolve/registry.py": {
        "evolve.entry_points",
        "evolve.errors",
        "evolve.evaluator",
        "evolve.foreign",
        "evolve.mutate.language",
        "evolve.peers",
    },
    "evolve/workers": {
        "evolve",
        "evolve.config",
        "evolve.entry_points",
        "evolve.errors",
        "evolve.evaluator",
        "evolve.foreign",
        "evolve.picture",
        "evolve.racing",
        "evolve.scoring",
        "evolve.registry",
        "evolve.user_state",
        "sandbox",
    },
    "evolve/measure.py": {
        "evolve.config",
        "evolve.data_files",
        "evolve.evaluator",
        "evolve.foreign",
        "evolve.scoring",
        "evolve.registry",
        "evolve.workers",
    },
    "evolve/bench.py": {
        "evolve.evaluator",
        "evolve.picture",
        "evolve.registry",
        "evolve.scoring",
        "evolve.workers",
        "sandbox",
    },
    "evolve/testing": {
        "evolve.search.claims",
        "evolve.mutate.builtin",
        "evolve.mutate.mutation",
        "evolve.bench",
        "evolve.errors",
        "evolve.evaluator",
        "evolve.foreign",
        "evolve.picture",
        "evolve.registry",
        "evolve.scoring",
        "evolve.words",
        "evolve.workers",
        "sandbox",
    },
    "evolve/entry_points.py": {"evolve.errors"},
    "evolve/plugins.py": {"evolve", "evolve.entry_points", "evolve.search.strategies", "evolve.workers.engines"},
    "evolve/mcp_server.py": {"evolve.errors"},
    "evolve/export.py": {"evolve.errors", "evolve.evaluator", "evolve.foreign", "evolve.registry"},
    "evolve/host.py": {"evolve", "evolve.container", "sandbox"},
    "evolve/container.py": set(),
    "evolve/attended.py": {"evolve.config", "evolve.loop", "evolve.observer", "evolve.registry", "evolve.report"},
    "evolve/loop": {
        *FACTS,
        "evolve.archive",
        "evolve.foreign",
        "evolve.identity",
        "evolve.mutate",
        "evolve.racing",
        "evolve.registry",
        "evolve.search",
        "evolve.winner",
        "evolve.workers",
    },
    "evolve/discoveries": {
        *FACTS,
        "evolve.archive",
        "evolve.audit",
        "evolve.config_part",
        "evolve.intervals",
        "evolve.measure",
        "evolve.registry",
        "evolve.report",
        "evolve.toml_tree",
        "evolve.winner",
        "evolve.workers",
    },
    "evolve/intervals.py": set(),
    "evolve/winner.py": {"evolve.archive", "evolve.evaluator", "evolve.intervals", "evolve.scoring"},
    "evolve/contest": {
        *FACTS,
        "evolve.archive",
        "evolve.intervals",
        "evolve.loop",
        "evolve.mutate",
        "evolve.racing",
        "evolve.registry",
        "evolve.workers",
    },
    "evolve/audit": {
        *FACTS,
        "evolve.foreign",
        "evolve.archive",
        "evolve.intervals",
        "evolve.registry",
        "evolve.measure",
        "evolve.mutate.language",
        "evolve.mutate.source",
        "evolve.workers",
    },
    "evolve/serve": {
        "evolve.archive_url",
        "evolve.archive",
        "evolve.errors",
        "evolve.report",
        "evolve.safe_text",
    },
    "evolve/report": {
        *FACTS,
        "evolve.foreign",
        "evolve.line_diff",
        "evolve.draw",
        "evolve.picture",
        "evolve.pictures",
        "evolve.streams",
        "evolve.archive",
        "evolve.audit",
        "evolve.contest",
        "evolve.host",
        "evolve.intervals",
        "evolve.measure",
        "evolve.mutate.language",
        "evolve.registry",
        "evolve.winner",
        "evolve.workers",
        "evolve.user_state",
    },
}
"""A part and what of ours it may import besides itself; `x` allows x.y. Looked for at any depth: none can hide."""

SHARED = (
    "evaluators.fresh_draws.",
    "evaluators.orders.",
    "evaluators.kept_figures.",
    "evaluators.reference_file.",
    "evaluators.spot_traces.",
    "evaluators.serving.",
)
"""What every domain may import besides its own: no domains themselves."""

EXACT = {"evolve"}
"""Allowed as they are named only: `from evolve import __version__`."""


def project_imports(part: str) -> Iterator[tuple[str, int, str]]:
    """Yield (file, line, module) of every import of ours in a part, inside functions and TYPE_CHECKING too."""
    path = ROOT / part
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                modules = _submodules(node.module, [alias.name for alias in node.names])
            else:
                continue
            for module in modules:
                if module.partition(".")[0] in OURS:
                    yield str(file.relative_to(ROOT)), node.lineno, module


def _submodules(module: str, names: list[str]) -> list[str]:
    """Return what `from module import names` imports: submodules by their own name."""
    folder = ROOT.joinpath(*module.split("."))
    return [
        f"{module}.{name}" if (folder / f"{name}.py").exists() or (folder / name).is_dir() else module for name in names
    ]


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_imports_only_what_the_design_allows(part: str) -> None:
    assert (ROOT / part).exists()
    own = part.removesuffix(".py").replace("/", ".")
    for file, line, module in project_imports(part):
        allowed = {own} | MAY_IMPORT[part]
        assert any(module == a or (a not in EXACT and module.startswith(a + ".")) for a in allowed), (
            f"{file}:{line} imports {module}; {part} may import {sorted(MAY_IMPORT[part]) or 'nothing of ours'}"
        )


def test_nothing_but_the_command_line_imports_the_command_line() -> None:
    for part in OURS:
        for file, line, module in project_imports(part):
            if module.startswith("evolve.cli"):
                assert file.startswith("evolve/cli/") or file == "evolve/__main__.py", f"{file}:{line}"


def test_no_evaluator_imports_another() -> None:
    for domain in (path for path in (ROOT / "evaluators").iterdir() if (path / "__init__.py").exists()):
        for file, line, module in project_imports(f"evaluators/{domain.name}"):
            ours = (*SHARED, f"evaluators.{domain.name}.")
            assert not module.startswith("evaluators") or f"{module}.".startswith(ours), f"{file}:{line} {module}"


@pytest.mark.parametrize(("library", "owner"), [("sqlalchemy", "evolve/archive"), ("openai", "evolve/mutate")])
def test_a_library_is_known_to_one_part_only(library: str, owner: str) -> None:
    for file in sorted((ROOT / "evolve").rglob("*.py")):
        name = str(file.relative_to(ROOT))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(module.partition(".")[0] == library for module in modules):
                assert name.startswith(f"{owner}/"), f"{name}:{node.lineno} imports {library}"
