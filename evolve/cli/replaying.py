"""evolve replay."""

from __future__ import annotations

from pathlib import Path

import click

from evolve import streams
from evolve.cli import options
from evolve.cli.running import INTERRUPTED

SHOWN = 10
"""Differences that are printed; --json has them all."""


@click.command(short_help="Play a run again from its record, and compare.")
@click.argument("run", metavar="RUN")
@options.path_option("--run", "into", metavar="DIR", text="Folder of the replay. Default: a temporary one.")
@click.option(
    "--fresh/--recorded",
    default=None,
    help="Evaluate every program again, or take the recorded scores. "
    "Default: again, unless the problem's scores depend on measured time.",
)
@options.workers
@options.problem
@options.trust
@options.accept_changes
@options.as_json
def replay(
    run: str,
    workers: int | None,
    problem: str | None,
    trust: bool,
    into: Path | None,
    fresh: bool | None,
    accept_changes: bool,
    as_json: bool,
) -> int:
    """Play RUN again, from the answers and the order of events that its archive holds, and compare the two archives.

    RUN may be a discovery, PROBLEM/NAME or the path of its record: it is played again from that alone, with the
    recorded choices, and its program and figures are compared (`evolve discoveries` lists them).

    No model is asked. The exit code is 1 when a choice, a program, a parent or a score comes out differently.
    """
    import asyncio
    import tempfile
    from contextlib import ExitStack

    from evolve import loop
    from evolve.archive import Store, differences, tape_of
    from evolve.config import from_text
    from evolve.discoveries.replaying import names_discovery
    from evolve.errors import UsageError
    from evolve.identity import require_same
    from evolve.loop.replaying import RecordedPool
    from evolve.registry import load_recorded
    from evolve.report.damaged import opened
    from evolve.report.progress import display_on
    from evolve.report.replay_document import print_replay, replay_document
    from evolve.report.terminal import Terminal
    from evolve.report.trust import require_trust

    if names_discovery(run):
        if fresh is False or problem is not None:
            raise UsageError("a discovery is scored again on its own problem: leave --recorded and --problem out.")
        return _replay_discovery(run, into, workers, as_json)
    with ExitStack() as stack:
        recorded = stack.enter_context(opened(run))
        config = from_text(recorded.config())
        here = {"archive": "", "record": None, "replay": None, "workers": workers or config.workers}
        config = config.model_copy(update=here)
        require_trust(recorded.folder, config, trust, asks_models=False, own_problem=problem is not None)
        loaded = load_recorded(config.problem, config.evaluator, problem)
        require_same(recorded.identity(), loaded, accept_changes, f"evolve replay {run}")
        tape = tape_of(recorded)
        if fresh is None:
            fresh = "score" not in loaded.evaluator.timed_metrics
        if into is None:
            into = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evolve-replay-"))) / "run"
        console = Terminal(stderr=True)
        display = display_on(console)
        pool = None if fresh else RecordedPool(recorded, loaded.evaluator)
        came_apart = ""
        try:
            with display:
                result = asyncio.run(loop.run(into, config, loaded, (display,), pool=pool, tape=tape))
            if result.interrupted:
                streams.say(f"evolve: {result.reason}: nothing was compared", err=True)
                return INTERRUPTED
        except UsageError as error:
            if not (into / "archive.db").exists():
                raise
            came_apart = str(error)
        replayed = stack.enter_context(Store.open(into))
        found = list(differences(recorded, replayed))
        facts = replay_document(recorded, replayed, found, fresh, came_apart)
    if as_json:
        options.print_json(facts)
    else:
        print_replay(Terminal(), facts, SHOWN)
    return 1 if found or came_apart else 0


def _replay_discovery(ref: str, into: Path | None, workers: int | None, as_json: bool) -> int:
    """Play the record of a discovery again, and compare its program and figures; return the exit code."""
    import asyncio
    import tempfile
    from contextlib import ExitStack

    from evolve import loop
    from evolve.archive import Store
    from evolve.discoveries.replaying import differences, open_discovery
    from evolve.identity import differences as changes
    from evolve.identity import identity
    from evolve.report.progress import display_on
    from evolve.report.replay_document import discovery_document, print_replay
    from evolve.report.terminal import Terminal

    found, problem, config, tape = open_discovery(ref)
    config = config.model_copy(update={"workers": workers or config.workers})
    changed = changes(tape.identity, identity(problem))
    if changed:
        streams.say(f"evolve: {found.ref} was found with another problem or version: {'; '.join(changed)}", err=True)
    with ExitStack() as stack:
        if into is None:
            into = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evolve-replay-"))) / "run"
        display = display_on(Terminal(stderr=True))
        with display:
            result = asyncio.run(loop.run(into, config, problem, (display,), tape=tape))
        if result.interrupted:
            streams.say(f"evolve: {result.reason}: nothing was compared", err=True)
            return INTERRUPTED
        replayed = stack.enter_context(Store.open(into))
        facts = discovery_document(found.ref, replayed, list(differences(found, replayed, problem)))
    if as_json:
        options.print_json(facts)
    else:
        print_replay(Terminal(), facts, SHOWN)
    return 0 if facts["same"] else 1
