"""The loop: from a problem and a configuration to a finished run.

It asks a model (or the built-in mutator) to change a program, has the changed program evaluated by the workers, and
keeps what is better in an archive that can be killed at any moment and continued.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evolve import config as configuration
from evolve.archive import Program, RunStatus, Stage, Store, Tape, read_tape
from evolve.config import BUILTIN, RunConfig
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.foreign import blamed, folder_of
from evolve.identity import identity, require_same
from evolve.loop.finish import pick_winner, table
from evolve.loop.proposing import Proposer
from evolve.loop.replaying import tape_clients
from evolve.loop.running import Run
from evolve.loop.start import score_start
from evolve.loop.steps import Steps
from evolve.loop.stopping import Stop, Stopped, signals
from evolve.loop.together import only_one, require_joinable
from evolve.mutate.language import PYTHON
from evolve.mutate.models.prices import require_prices, with_known_prices
from evolve.mutate.models.providers import Client, ask_at_once, make_clients
from evolve.mutate.mutators import make_mutator
from evolve.observer import Audience, Observer, RunResult
from evolve.search import fixed_mix
from evolve.workers import Pool, make_pool

if TYPE_CHECKING:
    from evolve.registry import Problem


async def run(
    folder: Path,
    config: RunConfig,
    problem: Problem,
    observers: Sequence[Observer] = (),
    *,
    resume: bool = False,
    join: bool = False,
    accept_changes: bool = False,
    pool: Pool | None = None,
    clients: Mapping[str, Client] | None = None,
    tape: Tape | None = None,
    stop: Stop | None = None,
) -> RunResult:
    """Run the search in a run folder until its budget is used up, then score the best on the held-out splits.

    resume: continue the run that is there, to the totals of `config`; else the folder must not hold one.
    join: work on the run that is there along with other drivers, who may be at work on it; its configuration stays.
    accept_changes: continue it also where the problem or a version has changed; the archive notes from where on.
    pool, clients: stand-ins for the workers and, by name, for the models.
    tape: of a recorded run, to be played again: who is asked, what is answered and in which order come from it.
    stop: what else may ask for a clean stop, besides signals.
    SIGINT and SIGTERM stop it cleanly: the result then says `interrupted`; the second one stops it at once.
    Raises UsageError for whatever a person must put right; what was committed before stays and can be resumed.
    """
    objectives = config.objectives or tuple(problem.evaluator.objectives)
    models = with_known_prices(config.models)
    config = config.model_copy(update={"problem": problem.ref, "models": models, "objectives": objectives})
    if config.prompt.discoveries is True:  # the programs themselves are recorded: there may be others later
        prompt = config.prompt.model_copy(update={"discoveries": problem.discoveries})
        config = config.model_copy(update={"prompt": prompt})
    _check(config, problem)
    recorded = now = identity(problem)
    changed: list[str] = []
    if resume or join:
        with Store.open(folder) as before:
            recorded = before.identity()
        changed = require_same(recorded, problem, accept_changes, f"evolve resume {folder}")
    if join:
        Store.require_shared(folder)
        require_joinable(config, str(folder))
    for split in dict.fromkeys((Split.TRAIN, *problem.evaluator.splits)):
        if split is not Split.PUBLIC:
            problem.instances(split)  # better to fail on the last of them now than after the search
    if config.search.fresh_instances:
        evaluator = problem.evaluator
        with blamed(evaluator.name, f"{evaluator.name}: fresh(...) fails", folder_of(evaluator), is_cheap=False):
            evaluator.fresh(Split.TRAIN, 0, 1)  # raises UsageError where the problem draws none
    templates = _templates(config, problem)
    if tape is None and config.replay is not None:
        tape = read_tape(config.replay)
    audience, news = Audience(observers), list[str]()
    if clients is None and tape is not None:
        clients = tape_clients(tape)
    elif clients is None:
        budget = config.budget
        clients = make_clients(
            config.models,
            config.rate,
            folder,
            cap_tokens=budget.cost_usd is not None or budget.tokens is not None,
            may_retry=lambda *request: this.ledger.may_retry(*request),  # nobody is asked before the archive is open
            left_s=lambda: this.ledger.deadline_s,
            tell=audience.notice,
        )
        # A wrong URL, key or model is better found before workers start and baselines are scored, and leaves no run.
        news = await ask_at_once(clients, [model.name for model in config.models])
    if pool is None:
        pool = make_pool(config)
    text = configuration.to_toml(config)
    new = (folder, problem.ref, text, config.seed, now, config.archive, audience.made)
    store = Store.join(folder) if join else Store.resume(folder, text) if resume else Store.create(*new)
    with store, Store.open(folder) as reader:
        if recorded != now:
            store.change(now)
        this = Run(config, problem, store, pool, clients, templates, audience, tape, stop or Stop())
        if tape is None and any(model.name == configuration.MANUAL for model in config.models):
            news.append(f"Questions for you lie in {folder}/outbox; answer in {folder}/inbox, same name.")
        if changed:
            news.append(f"from step {store.last_step() + 1} on with another problem: {'; '.join(changed)}")
        return await _Session(this, reader, resume or join, news).result()


def _templates(config: RunConfig, problem: Problem) -> tuple[Path, ...]:
    """Return the folders whose prompt templates go before the built-in ones: the run's, then the problem's own.

    Raises UsageError for a template that does not work.
    """
    own = problem.folder / "prompts"
    folders = tuple(folder for folder in (config.prompt.templates, own if own.is_dir() else None) if folder)
    if folders and config.asks_models:
        from evolve.mutate.prompts.template_check import check_templates

        check_templates(folders)
    return folders


def _check(config: RunConfig, problem: Problem) -> None:
    """Raises UsageError for a configuration whose run could not work or would never end."""
    fixed_mix(config.mutation.mix)
    make_mutator(config.mutation.mutator)
    budget = config.budget
    if budget.cost_usd is not None:
        require_prices(config.models)
    if any(model.name == BUILTIN for model in config.models):
        if budget.evaluations is None and budget.minutes is None:
            raise UsageError(
                "the built-in mutator costs nothing and makes no model call: "
                "give --evaluations or --minutes besides --cost-usd, --tokens or --calls."
            )
        if problem.language is not PYTHON:
            raise UsageError(
                f"the built-in mutator changes Python, the programs of {problem.ref} are {problem.language.name}: "
                "ask a model (--model NAME)."
            )
        if not (problem.seed or config.start.source):
            raise UsageError(
                f"{problem.ref} has no program to start from, and the built-in mutator only changes programs: "
                "have a model write the first one (--model NAME)."
            )
    totals = (budget.evaluations, budget.minutes, budget.tokens, budget.calls)
    free = next((m.name for m in config.models if not m.is_served or not (m.usd_per_mtok_in or m.usd_per_mtok_out)), "")
    if free and budget.cost_usd is not None and totals == (None,) * len(totals):
        raise UsageError(f"model {free} costs nothing: give --evaluations or --minutes besides --cost-usd.")


@dataclass(frozen=True)
class _Session:
    """One process's work on a run, from the opened archive to the result. reader: what observers read it with."""

    run: Run
    reader: Store
    is_resumed: bool
    notices: Sequence[str]

    async def result(self) -> RunResult:
        """Work, commit how it ended, give observers the result and return it."""
        store, stop, audience, ledger = self.run.store, self.run.stop, self.run.audience, self.run.ledger
        status, reason = RunStatus.STOPPED, "cancelled"
        try:
            with signals(stop, audience.notice):
                reason = await self._work()
                status = RunStatus.FINISHED
        except Stopped:
            reason = f"stopped by {stop.by}"
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not stop.asked or task is None:
                raise
            task.uncancel()  # it was the second Ctrl-C, which ends here
            reason = f"stopped at once by {stop.by}"
        except BaseException as error:
            reason = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
            raise
        finally:
            with suppress(UsageError):  # the disk is full or read-only: the write that failed first says so
                store.end(status, reason, ledger.active_s)
        rows, best_id = table(store)
        interrupted = status is not RunStatus.FINISHED
        result = RunResult(store.folder, status, interrupted, reason, rows, best_id, ledger.progress())
        audience.tell(lambda o: o.closed(result))
        return result

    async def _work(self) -> str:
        """Score the start, search until the budget is used up, pick the winner. Return what ended the search."""
        run, reader, audience, stop = self.run, self.reader, self.run.audience, self.run.stop
        async with AsyncExitStack() as stack:
            stack.callback(run.desk.end)
            for client in run.clients.values():
                stack.push_async_callback(client.close)
            # The workers boot in processes of their own, the clients' imports take half a second here: side by side.
            warming = (asyncio.to_thread(client.warm_up) for client in run.clients.values())
            await asyncio.gather(stack.enter_async_context(run.pool), *warming)
            # What the imports left is never garbage: the collector need not walk it again and again.
            gc.freeze()
            audience.begin(lambda o: o.started(reader.folder, run.config, run.problem, reader, self.is_resumed))
            for notice in (*self.notices, *run.pool.notices):
                audience.notice(notice)
            seed, baselines = await stop.unless_asked(self._start())
            best = run.store.best_on_train(run.store.last_complete_step() if run.config.deterministic else None)
            if best is not None:  # of the programs that observers got in an earlier session
                run.ledger.beats_best(best.id, best.score)
            audience.tell(lambda o: o.seeded(seed, baselines, run.ledger.progress()))
            reason = await Steps(run, Proposer(run, baselines)).run()
            if run.tape is None or run.tape.is_finished:
                await stop.unless_asked(self._finish())
        return reason

    async def _start(self) -> tuple[Program, tuple[Program, ...]]:
        async with only_one(self.run.store, Stage.START):
            return await score_start(self.run)

    async def _finish(self) -> None:
        async with only_one(self.run.store, Stage.END) as is_mine:
            if is_mine:
                await pick_winner(self.run)
