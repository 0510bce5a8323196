"""Whether a folder's templates work, found out before a run starts and not at its thousandth step."""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from evolve.errors import UsageError
from evolve.mutate.mutation import Attempt, Example, Insight, Kind, Request
from evolve.mutate.prompts.content import Shown, comparison, task
from evolve.mutate.prompts.prompt import build_prompt
from evolve.mutate.prompts.templates import ASKED, BUILT_IN, PARTS, SYSTEM, USER, syntax


def check_templates(folders: Sequence[Path]) -> None:
    """Check every template of the folders: its syntax, its variables, and that it renders for each kind of mutation.

    Raises UsageError, one line with file and line, for the first that does not; for a folder that is not there; and
    for a file that would never be read, because no template has its name and none includes it.
    """
    if not folders:
        return
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"prompts: '{folder}' is no folder; it should hold templates such as {USER[0]}.")
    used = {*SYSTEM, *USER, *ASKED, *PARTS}
    for name in (*SYSTEM, *USER, *ASKED, *PARTS):
        used |= _check(folders, name)
    for folder in folders:
        for path in sorted(folder.rglob("*.j2")):
            name = path.relative_to(folder).as_posix()
            if name not in used:
                near = difflib.get_close_matches(name, [*SYSTEM, *USER, *ASKED, *PARTS], n=1)
                hint = f" Did you mean '{near[0]}'?" if near else ""
                raise UsageError(
                    f"{path}: no template has this name and none includes it, so it would not be read.{hint}"
                )
    for request in _samples():
        build_prompt(request, folders=folders)
        build_prompt(request, budget_tokens=1, folders=folders)


def _check(folders: Sequence[Path], name: str) -> set[str]:
    """Check one template's syntax and the names it uses; return the templates that it includes, and they theirs."""
    import jinja2.meta
    import jinja2.nodes

    included: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        tree, file = syntax(folders, current)
        if current in (*SYSTEM, *USER, *ASKED) and any(file.is_relative_to(folder) for folder in folders):
            known = _variables(current)
            unknown = jinja2.meta.find_undeclared_variables(tree) - known
            for node in tree.find_all(jinja2.nodes.Name):
                if node.name in unknown:
                    near = difflib.get_close_matches(node.name, known, n=1)
                    hint = f"Did you mean '{near[0]}'? " if near else ""
                    raise UsageError(
                        f"{file}:{node.lineno}: '{node.name}' is unknown. {hint}Known: {', '.join(sorted(known))}."
                    )
        for other in jinja2.meta.find_referenced_templates(tree):
            if other is not None and other not in included:
                included.add(other)
                if _exists(folders, other):
                    waiting.append(other)
    return included


def _exists(folders: Sequence[Path], name: str) -> bool:
    return any((folder / name).is_file() for folder in (*folders, BUILT_IN))


def _variables(name: str) -> set[str]:
    samples = _samples()
    of_kind = [r for r in samples if (r.kind is Kind.INSIGHT) == (name in ("comparison.j2", f"{Kind.INSIGHT}.j2"))]
    content = comparison if of_kind[0].kind is Kind.INSIGHT else task
    return set(content(of_kind[0], Shown()))


def _samples() -> list[Request]:
    """Return requests that reach every part of a prompt between them: of each kind, with all there is and little."""
    sound = Example(
        id=1,
        source="def f():\n    return 1\n",
        status="ok",
        score=12.5,
        metrics={"cost_usd": 3.0},
        instances=(("train/0", 12.5, "late"),),
        figures=({"cost_usd": 3.0},),
        cpu_s=(6.0,),
    )
    better = replace(sound, id=2, source="def f():\n    return 2\n", score=20.0, instances=(("train/0", 20.0, "late"),))
    broken = Example(3, "def f():\n    return x\n", "error", None, {}, (("train/0", None, "NameError: x"),))
    marked = replace(sound, source=f"# EVOLVE-BLOCK-START\n{sound.source}# EVOLVE-BLOCK-END\n")
    full = Request(
        step=4,
        evaluator="sample",
        statement="Return a number.",
        defines=("f",),
        parent=better,
        inspirations=(sound, better),
        rng=random.Random(0),
        baselines=(("naive", sound),),
        cpu_limit_s=10.0,
        attempts=(Attempt(3, "edit", None, "error", "NameError"), Attempt(4, "edit", 13.0, "ok", "", "more")),
        flying=((6, "edit"),),
        turn=2,
        best=(1, 21.0),
        leaders={"train/0": (2, 20.0)},
        insights=(Insight(4, (1,), "more is better", "much more"), Insight(5, (), "less is worse")),
        related=frozenset({4}),
        taken=(Attempt(2, "edit", 20.0, "ok", "", "return two", 1, 7.5),),
        tried=(Attempt(3, "edit", None, "error", "NameError", "return x", 1),),
        subjects=((sound, better), (sound, broken)),
    )
    bare = Request(5, "sample", "Return a number.", ("f",), sound, (), random.Random(0))
    first = replace(bare, parent=Example(0, "", "infeasible", None))
    return list(_of_every_kind(full, replace(full, parent=broken), replace(full, parent=marked), bare, first))


def _of_every_kind(*requests: Request) -> Iterator[Request]:
    for request in requests:
        for kind in Kind:
            yield replace(request, kind=kind)
