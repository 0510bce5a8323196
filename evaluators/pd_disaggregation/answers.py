"""Reads what a policy answers, which may be anything, and says what is wrong with it."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluators.serving import LEAST_SHARE, MOST_SHARE, Role
from evolve.evaluator import Infeasible

MOST_CHANGES = 2
"""Roles that one answer of `control` may change, but for the first."""


@dataclass(frozen=True)
class Change:
    """An instance takes a role. migrates: those that decode there are moved away; else they are served to their end.

    share: of its SMs that prefill has in role 2, percent; None: as it was.
    """

    instance: int
    role: Role
    migrates: bool
    share: int | None = None


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


def read_changes(
    answer: Any, instances: int, where: str, limit: int | None, roles: Sequence[Role] | None = None
) -> list[Change]:
    """Return the changes in an answer. limit: how many; None: MOST_CHANGES. Raises Infeasible that names the row.

    roles: of the instances now, where rows may have a share; those that change no role are not counted then.
    """
    if isinstance(answer, np.ndarray) and answer.size == 0:
        return []
    rows = answer.tolist() if isinstance(answer, np.ndarray) else answer
    if not isinstance(rows, list):
        raise Infeasible(f"{where} returned {type(answer).__name__}, expected (m, 2) whole numbers [instance, role]")
    most = MOST_CHANGES if limit is None else limit
    if len(rows) > (most if roles is None else instances):
        raise Infeasible(
            f"{where} changes {len(rows)} roles, at most {most} are allowed"
            if roles is None
            else f"{where} has {len(rows)} rows for {instances} instances"
        )
    forms, lengths = "[instance, role] or [instance, role, migrate]", (2, 3)
    if roles is not None:
        forms, lengths = f"{forms} or [instance, 2, migrate, share]", (2, 3, 4)
    changes: dict[int, Change] = {}
    for row in rows:
        if not isinstance(row, list) or len(row) not in lengths or any(type(x) is not int for x in row):
            raise Infeasible(f"{where}: row {reprlib.repr(row)} is not {forms}, whole numbers")
        instance, role, *flag = row
        if not 0 <= instance < instances:
            raise Infeasible(f"{where}: instance {instance}, expected 0..{instances - 1}")
        if role not in tuple(Role):
            raise Infeasible(f"{where}: instance {instance} takes role {role}, expected 0, 1 or 2")
        if flag and flag[0] not in (0, 1):
            raise Infeasible(f"{where}: instance {instance} has a migrate flag of {flag[0]}, expected 0 or 1")
        if instance in changes:
            raise Infeasible(f"{where}: instance {instance} is there twice")
        share = flag[1] if len(flag) > 1 else None
        if share is not None:
            if role != Role.MIXED:
                raise Infeasible(f"{where}: instance {instance} takes role {role} with a share; only role 2 has one")
            if not LEAST_SHARE <= share <= MOST_SHARE:
                raise Infeasible(
                    f"{where}: instance {instance} has a share of {share}, expected "
                    f"{LEAST_SHARE} to {MOST_SHARE} (percent)"
                )
        changes[instance] = Change(instance, Role(role), bool(flag and flag[0]), share)
    if roles is not None:
        changed = sum(change.role != roles[change.instance] for change in changes.values())
        if changed > most:
            raise Infeasible(f"{where} changes {changed} roles, at most {most} are allowed")
    return list(changes.values())
