"""Claims about who gets a worker next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from evolve.workers.line import Line


class Scene:
    """People who wait in a line, and who was served so far, in order."""

    def __init__(self) -> None:
        self.line, self.served = Line(), list[str]()
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def comes(self, name: str, is_question: bool = False, alone: bool = False) -> None:
        """Have somebody wait."""

        async def wait() -> None:
            await self.line.take(is_question, alone)
            self.served.append(name)

        self.tasks[name] = asyncio.create_task(wait())
        await self.settle()

    async def settle(self) -> None:
        """Let everybody go on who can."""
        for _ in range(3):
            await asyncio.sleep(0)

    async def ends(self, place: int) -> None:
        """Give a worker back that can go on."""
        self.line.give_back()
        self.line.add(place)
        await self.settle()


def played(play: Callable[[Scene], Coroutine[Any, Any, None]]) -> list[str]:
    """Return who was served, in order."""

    async def run() -> list[str]:
        scene = Scene()
        await play(scene)
        for task in scene.tasks.values():
            task.cancel()
        await asyncio.gather(*scene.tasks.values(), return_exceptions=True)
        return scene.served

    return asyncio.run(run())


def test_questions_go_before_evaluations_and_else_who_came_first() -> None:
    async def play(scene: Scene) -> None:
        scene.line.add(0)
        for name in ("first", "second", "third"):
            await scene.comes(name)
        for name in ("question", "another"):
            await scene.comes(name, is_question=True)
        for _ in range(4):
            await scene.ends(0)

    assert played(play) == ["first", "question", "another", "second", "third"]


def test_who_wants_to_be_alone_waits_for_the_others_and_they_for_him() -> None:
    async def play(scene: Scene) -> None:
        for place in (0, 1, 2):
            scene.line.add(place)
        await scene.comes("one")
        await scene.comes("alone", alone=True)
        await scene.comes("behind")
        assert scene.served == ["one"]
        await scene.ends(0)
        await scene.comes("question", is_question=True)
        assert scene.served == ["one", "alone"]
        await scene.ends(1)

    assert played(play) == ["one", "alone", "question", "behind"]


@pytest.mark.parametrize("is_served", [False, True])
def test_who_leaves_takes_no_worker_along(is_served: bool) -> None:
    async def play(scene: Scene) -> None:
        await scene.comes("leaves", alone=True)
        await scene.comes("stays")
        if is_served:  # and hears of it in the moment in which he leaves
            scene.line.add(0)
        scene.tasks["leaves"].cancel()
        await scene.settle()
        if not is_served:
            scene.line.add(0)
        await scene.settle()

    assert played(play) == ["stays"]


@pytest.mark.parametrize("leaving", [("alone",), ("alone", "behind"), ("behind", "alone")])
def test_who_is_told_to_leave_in_the_same_moment_as_others_takes_no_worker_along(leaving: tuple[str, ...]) -> None:
    async def play(scene: Scene) -> None:
        scene.line.add(0)
        await scene.comes("busy")
        await scene.comes("alone", alone=True)
        await scene.comes("behind")
        await scene.comes("stays", alone=True)
        for name in leaving:
            scene.tasks[name].cancel()
        scene.line.give_back()  # before those who leave have had their turn in the loop
        scene.line.add(0)
        await scene.settle()
        left = [scene.tasks[name] for name in leaving]
        assert all(isinstance(e, asyncio.CancelledError) for e in await asyncio.gather(*left, return_exceptions=True))
        if "behind" not in leaving:
            assert scene.served == ["busy", "behind"]
            await scene.ends(0)

    assert played(play)[-1] == "stays"
