"""No attack is vacuous: with the layers that stop it left off it succeeds, and each of them alone stops it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attacks.attack import Attack
from attacks.catalogue import ATTACKS
from attacks.stage import Stage, set_stage

from sandbox import CandidateFailure, Limits, Sandbox
from sandbox.zygote import LAYERS

TRACING = (
    "persist-write_into_the_zygote",
    "read-memory_of_a_sibling",
    "read-memory_of_the_zygote",
    "read-trace_a_sibling",
)
"""Attacks that Yama stops too, where the kernel has it."""

STOPPED = {name: attack for name, attack in ATTACKS.items() if attack.layers}


class Boxes:
    """One sandbox for every set of limits and of layers left off."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._sandboxes: dict[tuple[Limits, frozenset[str]], Sandbox] = {}

    def sandbox(self, limits: Limits, without: frozenset[str]) -> Sandbox:
        key = (limits, without)
        if key not in self._sandboxes:
            self._sandboxes[key] = Sandbox(limits, without=without)
        return self._sandboxes[key]

    def answer(self, attack: Attack, without: frozenset[str]) -> Any:
        """Return what the attack brings home, or the failure."""
        try:
            return attack.play(attack, self.sandbox(attack.limits, without), self._stage.facts)
        except CandidateFailure as failure:
            return str(failure)

    def close(self) -> None:
        for sandbox in self._sandboxes.values():
            sandbox.close()


@pytest.fixture(scope="module")
def boxes() -> Iterator[Boxes]:
    with set_stage() as stage:
        boxes = Boxes(stage)
        yield boxes
        boxes.close()


@pytest.mark.parametrize("name", STOPPED)
def test_without_the_layers_that_stop_it_the_attack_succeeds(boxes: Boxes, name: str) -> None:
    attack = STOPPED[name]
    if name in TRACING and _yama():
        pytest.skip("Yama, which this kernel has, stops it as well")
    assert boxes.answer(attack, attack.layers | attack.also_off) == attack.loot


@pytest.mark.parametrize(
    ("name", "layer"), [(name, layer) for name, a in STOPPED.items() for layer in sorted(a.layers) if len(a.layers) > 1]
)
def test_each_of_several_layers_stops_the_attack_alone(boxes: Boxes, name: str, layer: str) -> None:
    attack = STOPPED[name]
    without = (attack.layers | attack.also_off) - {layer}
    if not _has(boxes.sandbox(attack.limits, without), layer):
        pytest.skip(f"this host has no {layer}")
    assert boxes.answer(attack, without) != attack.loot


def test_every_layer_is_shown_to_matter() -> None:
    elsewhere = {"no_new_privs"}  # tests/sandbox/test_isolation.py: only root can set that scene
    assert {layer for attack in STOPPED.values() for layer in attack.layers} >= LAYERS.keys() - elsewhere


def _has(sandbox: Sandbox, name: str) -> bool:
    return any(layer.name == name and layer.active for layer in sandbox.layers)


def _yama() -> bool:
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    return scope.exists() and scope.read_text().strip() != "0"
