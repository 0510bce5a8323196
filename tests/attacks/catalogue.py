"""All attacks. Run as a script it plays every one and prints the reports as JSON."""

from __future__ import annotations

import json

from attacks.across import ACROSS
from attacks.attack import Arena, Attack, Report
from attacks.blind import BLIND
from attacks.exhaust import EXHAUST
from attacks.lie import LIE
from attacks.outsider import OUTSIDER
from attacks.peek import PEEK
from attacks.persist import PERSIST
from attacks.reach import REACH
from attacks.read import READ
from attacks.stage import set_stage

from sandbox import Limits, Sandbox

FAMILIES = {
    "read": READ,
    "persist": PERSIST,
    "reach": REACH,
    "exhaust": EXHAUST,
    "lie": LIE,
    "peek": PEEK,
    "blind": BLIND,
    "across": ACROSS,
    "outsider": OUTSIDER,
}

ATTACKS: dict[str, Attack] = {f"{family}-{a.name}": a for family, attacks in FAMILIES.items() for a in attacks}


def play_all() -> dict[str, Report]:
    arenas: dict[Limits, Arena] = {}
    reports = {}
    with set_stage() as stage:
        try:
            for name, attack in ATTACKS.items():
                if attack.limits not in arenas:
                    arenas[attack.limits] = Arena(Sandbox(attack.limits), stage.facts)
                reports[name] = arenas[attack.limits].suffer(attack)
        finally:
            for arena in arenas.values():
                arena.sandbox.close()
    return reports


if __name__ == "__main__":
    print(json.dumps({name: report.as_dict() for name, report in play_all().items()}))
