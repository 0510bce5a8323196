"""The loop: from a problem and a configuration to a finished run.

It asks a model (or the built-in mutator) to change a program, has the changed program evaluated by the workers, and
keeps what is better in an archive that can be killed at any moment and continued.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evolve import config as configuration
from evolve.archive import Program, Role, RunStatus, Stage, Store, Tape, read_tape
from evolve.config import BUILTIN, RunConfig
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.foreign import blamed, folder_of
from evolve.identity import identity, require_same
from evolve.loop.blame import Watched
from evolve.loop.budget import Cost, Ledger
from evolve.loop.desk import Desk
from evolve.loop.finish import pick_winner, table
from evolve.loop.measuring import evaluate_rest
from evolve.loop.population import Population
from evolve.loop.proposing import Proposer
from evolve.loop.replaying import tape_clients
from evolve.loop.steps import Steps
from evolve.loop.stopping import Stop, Stopped, signals
from evolve.loop.together import only_one, require_joinable
from evolve.mutate.language import PYTHON
from evolve.mutate.models.prices import require_prices, with_known_prices
from evolve.mutate.models.providers import Client, ask_at_once, make_clients
from evolve.mutate.mutators import make_mutator
from evolve.observer import Audience, Observer, RunResult
from evolve.registry import as_baselines
from evolve.scoring import Status
from evolve.search import fixed_mix
from evolve.workers import OutOfTime, Pool, make_pool, split_score

if TYPE_CHECKING:
    from evolve.registry import Problem

SEED, START = "seed", "start"
"""Names of the program that a run starts from: the problem's seed, or another that is given."""
CHANGED = " (changed)"
"""After the name of a baseline whose source is another one than when the run began."""


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
    _check(config)
    recorded = now = identity(problem)
    changed: list[str] = []
    if resume or join:
        with Store.open(folder) as before:
            recorded = before.identity()
        changed = require_same(recorded, problem, accept_changes, f"evolve resume {folder}")
    if join:
        Store.require_shared(folder)
        require_joinable(config, str(folder))
    if problem.language is not PYTHON and any(model.name == BUILTIN for model in config.models):
        raise UsageError(
            f"the built-in mutator changes Python, the programs of {problem.ref} are {problem.language.name}: "
            "ask a model (--model NAME)."
        )
    if not (problem.seed or config.start.source) and any(model.name == BUILTIN for model in config.models):
        raise UsageError(
            f"{problem.ref} has no program to start from, and the built-in mutator only changes programs: "
            "have a model write the first one (--model NAME)."
        )
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
    limits, news = _Limits(), []
    if clients is None:
        clients = _clients(config, folder, tape, limits)
        # A wrong URL, key or model is better found before workers start and baselines are scored, and leaves no run.
        news = await ask_at_once(clients, [model.name for model in config.models])
    if pool is None:
        pool = make_pool(config)
    text = configuration.to_toml(config)
    new = (folder, problem.ref, text, config.seed, now, config.archive, (audience := Audience(observers)).made)
    store = Store.join(folder) if join else Store.resume(folder, text) if resume else Store.create(*new)
    with store, Store.open(folder) as reader:
        if recorded != now:
            store.change(now)
        session = _Session(
            config, problem, store, reader, pool, clients, audience, resume or join, tape, templates, stop
        )
        limits.ledger, limits.tell = session.ledger, session.audience.notice
        session.notices += news
        if tape is None and any(model.name == configuration.MANUAL for model in config.models):
            session.notices.append(f"Questions for you lie in {folder}/outbox; answer in {folder}/inbox, same name.")
        if changed:
            session.notices.append(f"from step {store.last_step() + 1} on with another problem: {'; '.join(changed)}")
        return await session.run()


class _Limits:
    """What the budget allows a call that is in flight, and who shows notices: both are set when the archive is open."""

    ledger: Ledger | None = None
    tell: Callable[[str], None] | None = None

    def may_retry(self, call_id: int, wasted_tokens: int, wasted_usd: float | None) -> bool:
        """Tell whether there is room for another request of a call whose earlier ones may be billed."""
        return self.ledger is None or self.ledger.may_retry(call_id, wasted_tokens, wasted_usd)

    def left_s(self) -> float | None:
        """Return how many seconds a call may take; None: any."""
        return None if self.ledger is None else self.ledger.deadline_s

    def notice(self, line: str) -> None:
        """Tell a person something of a server."""
        if self.tell is not None:
            self.tell(line)


def _clients(config: RunConfig, folder: Path, tape: Tape | None, limits: _Limits) -> Mapping[str, Client]:
    """Return a client for each model, or who answers from a tape."""
    if tape is not None:
        return tape_clients(tape)
    budget = config.budget
    capped = budget.cost_usd is not None or budget.tokens is not None
    return make_clients(
        config.models,
        config.rate,
        folder,
        cap_tokens=capped,
        may_retry=limits.may_retry,
        left_s=limits.left_s,
        tell=limits.notice,
    )


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


def _check(config: RunConfig) -> None:
    """Raises UsageError for a configuration whose run could not work or would never end."""
    fixed_mix(config.mutation.mix)
    make_mutator(config.mutation.mutator)
    budget = config.budget
    if budget.cost_usd is not None:
        require_prices(config.models)
    asks_builtin = any(model.name == BUILTIN for model in config.models)
    if asks_builtin and budget.evaluations is None and budget.minutes is None:
        raise UsageError(
            "the built-in mutator costs nothing and makes no model call: "
            "give --evaluations or --minutes besides --cost-usd, --tokens or --calls."
        )
    totals = (budget.evaluations, budget.minutes, budget.tokens, budget.calls)
    free = next((m.name for m in config.models if not m.is_served or not (m.usd_per_mtok_in or m.usd_per_mtok_out)), "")
    if free and budget.cost_usd is not None and totals == (None,) * len(totals):
        raise UsageError(f"model {free} costs nothing: give --evaluations or --minutes besides --cost-usd.")


class _Session:
    """One process's work on a run, from the opened archive to the result."""

    def __init__(
        self,
        config: RunConfig,
        problem: Problem,
        store: Store,
        reader: Store,
        pool: Pool,
        clients: Mapping[str, Client],
        audience: Audience,
        resumed: bool,
        tape: Tape | None,
        templates: tuple[Path, ...],
        stop: Stop | None,
    ) -> None:
        self.config, self.problem, self.store, self.clients = config, problem, store, clients
        self.audience, self.resumed, self.tape, self.templates = audience, resumed, tape, templates
        self.reader = reader
        self.pool = Watched(pool, audience.notice)
        self.population = Population(store)
        self.desk = Desk()
        self.notices: list[str] = []
        self.stop = stop or Stop()
        summary = store.summary()
        spent = Cost.of_all(summary.calls)
        self.ledger = Ledger(
            config.budget, summary.evaluations, spent, summary.active_s, in_step_order=config.deterministic
        )

    async def run(self) -> RunResult:
        """Work, commit how it ended, and give observers the result."""
        status, reason = RunStatus.STOPPED, "cancelled"
        try:
            with signals(self.stop, self.audience.notice):
                reason = await self._work()
                status = RunStatus.FINISHED
        except Stopped:
            reason = f"stopped by {self.stop.by}"
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self.stop.asked or task is None:
                raise
            task.uncancel()  # it was the second Ctrl-C, which ends here
            reason = f"stopped at once by {self.stop.by}"
        except BaseException as error:
            reason = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
            raise
        finally:
            with suppress(UsageError):  # the disk is full or read-only: the write that failed first says so
                self.store.end(status, reason, self.ledger.active_s)
        rows, best_id = table(self.store)
        interrupted = status is not RunStatus.FINISHED
        result = RunResult(self.store.folder, status, interrupted, reason, rows, best_id, self.ledger.progress())
        self.audience.tell(lambda o: o.closed(result))
        return result

    async def _work(self) -> str:
        """Score the start, search until the budget is used up, pick the winner. Return what ended the search."""
        async with AsyncExitStack() as stack:
            stack.callback(self.desk.end)
            for client in self.clients.values():
                stack.push_async_callback(client.close)
            # The workers boot in processes of their own, the clients' imports take half a second here: side by side.
            warming = (asyncio.to_thread(client.warm_up) for client in self.clients.values())
            await asyncio.gather(stack.enter_async_context(self.pool), *warming)
            # What the imports left is never garbage: the collector need not walk it again and again.
            gc.freeze()
            reader = self.reader
            self.audience.begin(lambda o: o.started(reader.folder, self.config, self.problem, reader, self.resumed))
            for notice in (*self.notices, *self.pool.notices):
                self.audience.notice(notice)
            seed, baselines = await self.stop.unless_asked(self._start())
            best = self.store.best_on_train(self.store.last_complete_step() if self.config.deterministic else None)
            if best is not None:  # of the programs that observers got in an earlier session
                self.ledger.beats_best(best.id, best.score)
            self.audience.tell(lambda o: o.seeded(seed, baselines, self.ledger.progress()))
            reason = await self._steps(baselines).run()
            if self.tape is None or self.tape.is_finished:
                await self.stop.unless_asked(self._finish())
        return reason

    async def _start(self) -> tuple[Program, tuple[Program, ...]]:
        async with only_one(self.store, Stage.START):
            return await self._score_the_start()

    async def _finish(self) -> None:
        def tell(stage: str, done: int, total: int) -> None:
            self.audience.tell(lambda o: o.finishing(stage, done, total))

        async with only_one(self.store, Stage.END) as is_mine:
            if is_mine:
                await pick_winner(self.store, self.problem, self.pool, tell)

    def _steps(self, baselines: Sequence[Program]) -> Steps:
        store, population = self.store, self.population
        shown = [(program.score, program) for program in baselines if program.score is not None]
        ranked = tuple(
            (program.name, population.example(program.id))
            for _, program in sorted(shown, key=lambda scored: (-scored[0], scored[1].name))
        )
        proposer = Proposer(
            self.config, self.problem, store, population, self.clients, ranked, self.templates, self.desk
        )
        return Steps(
            self.config,
            self.problem,
            store,
            population,
            proposer,
            self.pool,
            self.ledger,
            self.stop,
            self.audience,
            self.tape,
        )

    async def _score_the_start(self) -> tuple[Program, tuple[Program, ...]]:
        """Score the program that the run starts from, which must be sound, and the baselines on train.

        Return them; what is there stays. Where it is not the seed, the seed is the first of the baselines. Where a
        model is to write the first program, the seed is an empty text that fails.
        """
        start, baselines = self.config.start, self.problem.baselines
        first = self.store.program(0)
        if start.source:
            first = first or self._new_program(0, START, start.source)
            baselines = ({SEED: self.problem.seed} if self.problem.seed else {}) | baselines
        if isinstance(shown := self.config.prompt.discoveries, dict):
            baselines = baselines | as_baselines(shown)
        first = first or self._new_program(0, SEED, self.problem.seed)
        programs = [first, *(self._baseline(name, source) for name, source in baselines.items())]
        seed, called = await self._score(first), self._called(first.name)
        if seed.status is not Status.OK and seed.source:
            raise UsageError(f"{called} fails on train ({seed.status}): {_one_line(seed.failure)}")
        if seed.score is None and seed.source:
            raise UsageError(
                f"{called} has no score on train: every instance's score is None, and a search needs one to improve on."
            )
        return seed, tuple(await asyncio.gather(*(self._score(program) for program in programs[1:])))

    def _baseline(self, name: str, source: str) -> Program:
        """Return the baseline that is there, or a new one: also where its source has changed, which keeps the old."""
        known = self.store.programs(Role.BASELINE)
        for program in known:
            if program.source == source and program.name.removesuffix(CHANGED) == name:
                return program
        taken = any(program.name == name for program in known)
        return self._new_program(-1 - len(known), name + CHANGED * taken, source)

    def _new_program(self, id: int, name: str, source: str) -> Program:
        role = Role.BASELINE if id else Role.SEED
        wrong = self.problem.language.check(source, self.problem.evaluator.defines)
        if wrong and (id or source):
            raise UsageError(f"{self._called(name)} is no program of the problem: {wrong}.")
        mark = self.problem.language.fingerprint(source)
        program = Program(id, role, role.value, mark, source, time.time(), name=name)
        program = replace(program, chars=len(source), tokens=len(self.problem.language.tokens(source)))
        self.population.bear(program)
        return program

    def _called(self, name: str) -> str:
        """Return what a person is told of the program that is scored first, or of a baseline."""
        if name == START:
            return f"the program to start from, {self.config.start.name or 'start.source'},"
        return f"the seed of {self.problem.ref}" if name == SEED else f"the baseline '{name}' of {self.problem.ref}"

    async def _score(self, program: Program) -> Program:
        if program.status is not None:
            return program
        train = self.problem.instances(Split.TRAIN)
        deadline_s = self.ledger.deadline_s
        try:
            results, fresh = await evaluate_rest(self.store, self.pool, program, Split.TRAIN, len(train), deadline_s)
        except OutOfTime:
            raise UsageError(
                f"{program.name} of {self.problem.ref} was not scored on train within --minutes: give it more, "
                "or see with `evolve score` how long it takes."
            ) from None
        score = await split_score(self.pool, Split.TRAIN, results, len(train))
        scored = program.with_score(score)
        self.store.score(scored, fresh, known=program.role is Role.SEED)
        return scored


def _one_line(text: str) -> str:
    """Return a failure's last line, where a traceback says what happened."""
    lines = text.strip().splitlines()
    return lines[-1].strip() if len(lines) < 2 else f"{lines[0].strip()} ... {lines[-1].strip()}"
