"""Reads what a policy answers, which may be anything, and says what is wrong with it."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluators.serving import Role
from evolve.evaluator import Infeasible

MOST_CHANGES = 2
"""Roles that one answer of `control` may change, but for the first."""


@dataclass(frozen=True)
class Change:
    """An instance takes a role. migrates: those that decode there are moved away; else they are served to their end."""

    instance: int
    role: Role
    migrates: bool


def read_instance(answer: Any, instances: int, where: str, *, hold: bool) -> int:
    """Return the instance in an answer. Raises Infeasible that begins with `where`."""
    if type(answer) is not int or not (-1 if hold else 0) <= answer < instances:
        allowed = f"0..{instances - 1}" + (", or -1 to hold it" if hold else "")
        raise Infeasible(
            f"{where} returned {reprlib.repr(answer)} ({type(answer).__name__}), expected an instance, a whole number "
            f"(int) in {allowed}"
        )
    return answer


def wrong_role(instance: int, where: str, *, hold: bool) -> Infeasible:
    """Return what is wrong with an instance of a role that does not do what is asked for. hold: it may be -1."""
    if hold:
        return Infeasible(
            f"{where} returned instance {instance}, which is a decode instance (role 1); expected one of role 0 or 2, "
            "or -1 to hold"
        )
    return Infeasible(
        f"{where} returned instance {instance}, which is a prefill instance (role 0); expected one of role 1 or 2"
    )


def read_changes(answer: Any, instances: int, where: str, limit: int | None) -> list[Change]:
    """Return the changes in an answer. limit: how many; None: MOST_CHANGES. Raises Infeasible that names the row."""
    if isinstance(answer, np.ndarray) and answer.size == 0:
        return []
    rows = answer.tolist() if isinstance(answer, np.ndarray) else answer
    if not isinstance(rows, list):
        raise Infeasible(f"{where} returned {type(answer).__name__}, expected (m, 2) whole numbers [instance, role]")
    most = MOST_CHANGES if limit is None else limit
    if len(rows) > most:
        raise Infeasible(f"{where} changes {len(rows)} roles, at most {most} are allowed")
    changes: dict[int, Change] = {}
    for row in rows:
        if not isinstance(row, list) or len(row) not in (2, 3) or any(type(x) is not int for x in row):
            raise Infeasible(
                f"{where}: row {reprlib.repr(row)} is not [instance, role] or [instance, role, migrate], whole numbers"
            )
        instance, role, *flag = row
        if not 0 <= instance < instances:
            raise Infeasible(f"{where}: instance {instance}, expected 0..{instances - 1}")
        if role not in tuple(Role):
            raise Infeasible(f"{where}: instance {instance} takes role {role}, expected 0, 1 or 2")
        if flag and flag[0] not in (0, 1):
            raise Infeasible(f"{where}: instance {instance} has a migrate flag of {flag[0]}, expected 0 or 1")
        if instance in changes:
            raise Infeasible(f"{where}: instance {instance} is there twice")
        changes[instance] = Change(instance, Role(role), bool(flag and flag[0]))
    return list(changes.values())
