"""Every attack fails, is recorded with a useful message, and leaves the next candidate as it was."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks.attack import Arena, Report
from attacks.catalogue import ATTACKS, FAMILIES
from attacks.stage import Stage, set_stage

from sandbox import Limits, Sandbox

HERE = Path(__file__).resolve().parent
USERS = ("root", "ordinary") if os.getuid() == 0 else ("ordinary",)
NATIVE = USERS[0]
"""Who this process is; as the other user the attacks are played in a process of their own."""


class Player:
    """Plays attacks here, and meanwhile all of them as an ordinary user where this is root."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._arenas: dict[Limits, Arena] = {}
        self._others: dict[str, Report] | None = None
        self._process: subprocess.Popen[str] | None = None

    def start_other_user(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "as_ordinary_user.py"), sys.executable, "-m", "attacks.catalogue"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE.parent.parent)])},
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def report(self, user: str, name: str) -> Report:
        if user != NATIVE:
            return self._other(name)
        attack = ATTACKS[name]
        if attack.limits not in self._arenas:
            self._arenas[attack.limits] = Arena(Sandbox(attack.limits), self._stage.facts)
        return self._arenas[attack.limits].suffer(attack)

    def _other(self, name: str) -> Report:
        if self._others is None:
            assert self._process is not None
            out, complaint = self._process.communicate(timeout=300)
            if self._process.returncode:
                last = complaint.strip().splitlines()[-1] if complaint.strip() else "no word"
                if "unshare" in last or "mount" in last:
                    pytest.skip(f"this root may not make an ordinary user that reaches the interpreter: {last}")
                pytest.fail(complaint[-2000:])
            self._others = {key: Report(**report) for key, report in json.loads(out).items()}
        return self._others[name]

    def close(self) -> None:
        for arena in self._arenas.values():
            arena.sandbox.close()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="module")
def player() -> Iterator[Player]:
    with set_stage() as stage:
        player = Player(stage)
        if "ordinary" not in NATIVE:
            player.start_other_user()
        try:
            yield player
        finally:
            player.close()


@pytest.mark.parametrize(
    ("user", "name"), [(u, n) for u in USERS for n in ATTACKS], ids=[f"{u}-{n}" for u in USERS for n in ATTACKS]
)
def test_attack_fails_is_recorded_and_leaves_no_trace(player: Player, user: str, name: str) -> None:
    attack, report = ATTACKS[name], player.report(user, name)
    assert not report.error, "the trusted end fell over"
    assert not report.stolen, f"the attack worked: {report.answer}"
    assert report.same, "the next candidate is not what it was"
    assert report.seconds < 15
    if attack.failure == "any":
        assert report.harmless or re.search(attack.words, report.text)
    elif attack.failure:
        assert (report.failure, report.answer) == (attack.failure, "")
        assert re.search(attack.words, report.text), report.text
    else:
        assert report.harmless, report
    assert len(report.text) <= 8200, "what is recorded stays readable"


def test_there_are_enough_attacks_of_every_family() -> None:
    assert len(ATTACKS) >= 40
    assert min(Counter(name.partition("-")[0] for name in ATTACKS)[family] for family in FAMILIES) >= 5
