"""Who was made from whom: the best program's ancestors as a chain, or the whole tree by branches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from evolve.archive import Program, Role, Store
from evolve.report.chain import Link, ancestors, chain
from evolve.report.figures import score_text
from evolve.safe_text import one_line

ROOM = 36
"""Characters for a program, behind its indentation: a longer line of descent goes on below."""


@dataclass(frozen=True)
class Branch:
    """A program and what was made from it, best first. leads: it is an ancestor of the best, or the best itself."""

    program: Program
    leads: bool
    children: tuple[int, ...]


def branches(store: Store) -> dict[int, Branch]:
    """Return every program of the search by number, with its children."""
    programs = {program.id: program for program in store.programs() if program.role is not Role.BASELINE}
    best = store.best()
    path = set() if best is None else {program.id for program in ancestors(store, best)}
    children: dict[int, list[Program]] = {}
    for program in programs.values():
        if program.parent_id is not None:
            children.setdefault(program.parent_id, []).append(program)

    def order(program: Program) -> tuple[bool, float, int]:
        return program.id not in path, -(program.score if program.score is not None else -1e9), program.id

    return {
        id: Branch(program, id in path, tuple(child.id for child in sorted(children.get(id, []), key=order)))
        for id, program in programs.items()
    }


def chain_document(links: list[Link]) -> list[dict[str, Any]]:
    """Return the steps of a lineage as JSON takes them."""
    return [vars(link) | {"gain": link.gain, "deed": link.deed} for link in links]


def tree_document(found: Mapping[int, Branch]) -> list[dict[str, Any]]:
    """Return all programs with their children."""
    return [
        {
            "id": id,
            "parent_id": branch.program.parent_id,
            "status": branch.program.status,
            "score": branch.program.score,
            "kind": branch.program.kind,
            "idea": branch.program.idea,
            "leads_to_best": branch.leads,
            "children": branch.children,
        }
        for id, branch in found.items()
    ]


def print_chain(console: Console, store: Store, program: Program) -> None:
    """Print the steps from the seed to a program: what each changed, and what came of it."""
    links, start = chain(store, program), store.program(0)
    name = "seed" if start is None else start.name
    if not links:
        console.print(f"The best program is the {name}: no step leads to it.")
        return
    score = "-" if start is None else score_text(start.status, start.score)
    console.print(Text.assemble((name, "bold"), f"  {score}"))
    for link in links:
        gain = link.gain
        style = "dim" if not gain else "green" if gain > 0 else "red"
        after = "-" if link.after is None else f"{link.after:.2f}"
        line = Text.assemble(("  |\n", "dim"), (f"{link.id}", "bold"), f"  {after}")
        line.append(f"  {gain:+.2f}" if gain is not None else "", style=style)
        line.append("  ").append(one_line(f"{link.kind} by {link.mutator}"))
        console.print(line, soft_wrap=True)
        console.print(Text(f"  |  {one_line(link.deed)}", style="dim"), soft_wrap=True)
        if link.idea:
            console.print(Text(f"  |  {one_line(link.idea)}", style="italic"), soft_wrap=True)
    folder = one_line(str(store.folder))
    console.print(f"what one of them changed: evolve diff {folder} {links[-1].parent_id} {links[-1].id}", style="dim")


def print_tree(console: Console, found: Mapping[int, Branch]) -> None:
    """Print the whole tree; the way to the best is bold and comes first in each branch."""
    if 0 not in found:
        console.print("Nothing is scored yet.")
        return
    deepest = max((console.width - ROOM) // 4, 4)
    waiting = [0]
    while waiting:
        root = waiting.pop(0)
        tree = Tree(_label(found[root]), guide_style="dim")
        level = [(tree, root, 0)]
        while level:
            node, id, deep = level.pop()
            for child in found[id].children:
                if deep + 1 < deepest:
                    level.append((node.add(_label(found[child])), child, deep + 1))
                else:
                    node.add(Text(f"{child}: goes on below", style="dim"))
                    waiting.append(child)
        console.print(tree, soft_wrap=True, no_wrap=True)


def _label(branch: Branch) -> Text:
    program = branch.program
    score = score_text(program.status, program.score)
    style = "bold green" if branch.leads else "" if program.score is not None else "yellow"
    label = Text(f"{program.id} {score}", style=style)
    return label.append(f"  {one_line(program.kind)}", style="dim")
