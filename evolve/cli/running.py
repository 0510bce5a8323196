"""evolve run, evolve resume, evolve join."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evolve import streams
from evolve.cli import options
from evolve.errors import UsageError

if TYPE_CHECKING:
    from evolve.config import ModelConfig, RunConfig
    from evolve.registry import Problem

INTERRUPTED = 130


@click.command(short_help="Improve the seed program of an evaluator.")
@click.argument("evaluator", required=False)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="A model to ask; may be given several times. Default: builtin.",
)
@click.option(
    "--base-url",
    metavar="URL",
    help="OpenAI-compatible server, e.g. http://127.0.0.1:8000/v1. Default: https://api.openai.com/v1.",
)
@click.option("--api-key-env", metavar="VAR", help="Environment variable with the API key. Default: OPENAI_API_KEY.")
@options.budgets("Stop after {} {}, all sessions together.", "200 when no budget is given", "no limit")
@options.early_ends
@options.workers
@options.engine
@options.ray_address
@click.option("--seed", type=click.IntRange(min=0), metavar="S", help="The only source of chance. Default: 0.")
@click.option(
    "--from",
    "start",
    metavar="START",
    help="Start from another program than the seed: best (of the discoveries), a program FILE, or a RUN's winner.",
)
@click.option("--search", metavar="NAME", help="Who becomes a parent. Default: portfolio.")
@click.option("--mutation", metavar="MIX", help="Fixed mix of kinds, e.g. edit=3,rewrite=1. Default: a bandit chooses.")
@options.path_option("--prompts", metavar="DIR", text="Prompt templates that go before the built-in ones.")
@click.option("--deterministic", is_flag=True, help="One seed, one run, whatever the speed and the workers.")
@click.option("--allow-network", is_flag=True, help="Let the evaluator of another tool's task use the network.")
@options.install
@options.require_isolation
@options.path_option("--record", metavar="FILE", text="Write steps and answers to FILE when the run ends.")
@options.path_option("--replay", metavar="FILE", text="Take steps, answers and settings from a FILE of --record.")
@click.option(
    "--archive",
    metavar="URL",
    help="Keep the archive in a database, postgresql+psycopg://USER@HOST/DATABASE. Default: a file in the run folder.",
)
@options.path_option("--run", metavar="DIR", text="Run folder. Default: runs/EVALUATOR-DATE-ID.")
@options.path_option("--config", metavar="FILE.toml", text="Configuration; options on the command line win.")
@click.option("--dry-run", is_flag=True, help="Only say what it would do, take and cost; nobody is asked.")
@options.settings
@options.trust
@options.as_json
def run(
    evaluator: str | None,
    models: tuple[str, ...],
    base_url: str | None,
    api_key_env: str | None,
    workers: int | None,
    engine: str | None,
    ray_address: str | None,
    seed: int | None,
    start: str | None,
    search: str | None,
    mutation: str | None,
    prompts: Path | None,
    deterministic: bool,
    allow_network: bool,
    install: bool,
    require_isolation: bool,
    record: Path | None,
    replay: Path | None,
    archive: str | None,
    run: Path | None,
    config: Path | None,
    dry_run: bool,
    sets: tuple[str, ...],
    trust: bool,
    as_json: bool,
    **totals: float | None,
) -> int:
    """Improve the seed program of EVALUATOR, a name from `evolve list` or a problem's folder.

    Without --model, or with --model builtin, a built-in mutator changes programs; no model is asked.
    """
    from evolve.config import resolve
    from evolve.mutate.models.endpoint import key_in
    from evolve.registry import task_settings
    from evolve.report.places import free_folder, new_folder
    from evolve.report.recording import recorded_config

    flags = {
        "problem": evaluator,
        "model.names": list(models) or None,
        "model.base_url": base_url,
        "model.api_key_env": api_key_env,
        **{f"budget.{key}": total for key, total in totals.items()},
        "workers": workers,
        "engine": engine,
        "ray.address": ray_address,
        "archive": archive,
        "seed": seed,
        "search.strategy": search,
        "mutation.mix": mutation,
        "prompt.templates": prompts and str(prompts.absolute()),
        "record": record and str(record.absolute()),
        "replay": replay and str(replay.absolute()),
        "deterministic": deterministic or None,
        "require_isolation": require_isolation or None,
        "evaluator.allow_network": allow_network or None,
    }
    if start is not None and replay is not None:
        raise UsageError("--replay starts where the recorded run started: leave --from out.")
    if install:
        flags["evaluator.python"] = options.installed(evaluator or "")
    base = task_settings(evaluator) if replay is None else recorded_config(replay, evaluator is not None, trust)
    resolved = resolve(config, sets, flags, base)
    served = [model.name for model in resolved.models if model.is_served]
    if api_key_env and served and replay is None and not key_in(api_key_env):
        raise UsageError(f"--api-key-env {api_key_env}: ${api_key_env} is not set. Set it to the key of {served[0]}.")
    if not resolved.problem:
        raise click.UsageError("which EVALUATOR? `evolve list` shows them.", click.get_current_context())
    from evolve.peers import notes
    from evolve.registry import load_problem

    problem = load_problem(resolved.problem, resolved.evaluator)
    if start is not None:
        from evolve.discoveries import start_of

        resolved = resolved.model_copy(update={"start": start_of(problem, start)})
    if dry_run:
        return _tell(problem, resolved, as_json)
    folder = new_folder(problem.evaluator.name) if run is None else free_folder(run)
    for line in notes(problem.evaluator):
        streams.say(line, err=True)
    return _run(folder, resolved, problem, resume=False, as_json=as_json)


@click.command(short_help="Continue a run.")
@click.argument("run", metavar="RUN")
@options.budgets("New total: {} {}.", "as before", "as before")
@options.early_ends
@options.workers
@options.engine
@options.ray_address
@click.option(
    "--base-url",
    "base_urls",
    multiple=True,
    metavar="[MODEL=]URL",
    help="Where the server is now: that of one model, or of all; may be given several times.",
)
@options.accept_changes
@options.install
@options.problem
@options.trust
@options.as_json
@options.archive
def resume(
    run: str,
    problem: str | None,
    trust: bool,
    workers: int | None,
    engine: str | None,
    ray_address: str | None,
    base_urls: tuple[str, ...],
    accept_changes: bool,
    install: bool,
    as_json: bool,
    **totals: float | None,
) -> int:
    """Continue RUN (a path, a name in runs/, or "last") to its own totals, or to new ones."""
    from evolve.report.damaged import explained

    folder, config, loaded = _recorded(run, totals, workers, engine, ray_address, base_urls, install, problem, trust)
    with explained(folder):
        return _run(folder, config, loaded, resume=True, as_json=as_json, accept_changes=accept_changes)


@click.command(short_help="Work on a run along with others.")
@click.argument("run", metavar="RUN_OR_URL")
@options.workers
@options.engine
@options.ray_address
@click.option(
    "--base-url",
    "base_urls",
    multiple=True,
    metavar="[MODEL=]URL",
    help="Where the server is from here: that of one model, or of all; may be given several times.",
)
@options.install
@options.problem
@options.trust
@options.as_json
@options.archive
def join(
    run: str,
    problem: str | None,
    trust: bool,
    workers: int | None,
    engine: str | None,
    ray_address: str | None,
    base_urls: tuple[str, ...],
    install: bool,
    as_json: bool,
) -> int:
    """Work on a run in PostgreSQL from here too, on this or another machine, with workers and calls of its own.

    RUN_OR_URL is a run's folder or its address, postgresql+psycopg://USER@HOST/DATABASE/RUN. Budgets hold over all
    drivers together. Ctrl-C ends this one; the others go on with what it left.
    """
    folder, config, loaded = _recorded(run, {}, workers, engine, ray_address, base_urls, install, problem, trust)
    return _run(folder, config, loaded, resume=False, as_json=as_json, join=True)


def _recorded(
    run: str,
    totals: dict[str, Any],
    workers: int | None,
    engine: str | None,
    ray_address: str | None,
    base_urls: tuple[str, ...],
    install: bool,
    problem: str | None,
    trust: bool,
) -> tuple[Path, RunConfig, Problem]:
    """Return a run's folder, its configuration with what is other here, and its problem."""
    from evolve.archive import Store
    from evolve.clusters import RayConfig
    from evolve.config import from_text
    from evolve.registry import load_recorded
    from evolve.report.damaged import explained
    from evolve.report.places import find_run
    from evolve.report.trust import require_trust

    folder = find_run(run)
    with explained(folder), Store.open(folder) as store:
        recorded = from_text(store.config())
    config = recorded.model_copy(
        update={
            "budget": recorded.budget.model_copy(update=_given(totals)),
            "models": _moved(recorded.models, base_urls),
            **_given({"workers": workers, "engine": engine}),
            **({} if ray_address is None else {"ray": RayConfig(address=ray_address)}),
        }
    )
    require_trust(folder, config, trust, asks_models=True, own_problem=problem is not None)
    if install:
        python = options.installed(problem or config.problem)
        config = config.model_copy(update={"evaluator": {**config.evaluator, **_given({"python": python})}})
    return folder, config, load_recorded(config.problem, config.evaluator, problem)


def _moved(models: tuple[ModelConfig, ...], base_urls: tuple[str, ...]) -> tuple[ModelConfig, ...]:
    """Return the models at their servers' new addresses, each "URL" or "MODEL=URL"."""
    names = [model.name for model in models if model.is_served]
    moved: dict[str, str] = {}
    for text in base_urls:
        name, _, url = text.rpartition("=")
        if name and name not in names:
            raise UsageError(f"--base-url {text}: the run has no model '{name}'. It has: {', '.join(names) or 'none'}.")
        moved |= dict.fromkeys([name] if name else names, url)
    return tuple(
        model.model_copy(update={"base_url": moved[model.name]}) if model.name in moved else model for model in models
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _tell(problem: Problem, config: RunConfig, as_json: bool) -> int:
    """Say what a run would do; return the exit code."""
    import asyncio

    from evolve.dry_run import dry_run
    from evolve.report.plan_document import print_plan
    from evolve.report.terminal import Terminal

    with options.announcing("scoring the seed and the baselines ..."):
        plan = asyncio.run(dry_run(problem, config))
    if as_json:
        options.print_json(plan)
    else:
        print_plan(Terminal(), plan)
    return 0


def _run(
    folder: Path, config: RunConfig, problem: Problem, resume: bool, as_json: bool, join: bool = False, **how: Any
) -> int:
    """Run, continue or join a run, showing its progress; return the exit code. how: as of `loop.run`."""
    import asyncio

    from evolve import attended
    from evolve.archive import Store, is_run
    from evolve.report.progress import display_on
    from evolve.report.run_document import run_document
    from evolve.report.run_report import describe
    from evolve.report.screens import print_result
    from evolve.report.terminal import Terminal

    again = "join" if join else "resume"
    console = Terminal(stderr=as_json, goes_on=True)
    if not config.asks_models:
        line = "No model is asked: the built-in mutator changes the programs (--model NAME asks a model)."
        console.print(line, style="cyan", soft_wrap=True)
    display = display_on(console)
    try:
        run = attended.run(folder, config, problem, display, resume=resume, join=join, **how)
        result, troubles = asyncio.run(run)
    except KeyboardInterrupt:
        if is_run(folder):
            streams.say(f"evolve: interrupted. To continue: evolve {again} {folder}", err=True)
            return INTERRUPTED
        raise
    for trouble in troubles:
        streams.say(f"evolve: {trouble}", err=True)
    with Store.open(folder) as store:
        report = describe(store)
    if as_json:
        options.print_json(run_document(report))
    else:
        print_result(console, report)
    if result.interrupted:
        streams.say(f"evolve: {result.reason}. To continue: evolve {again} {folder}", err=True)
        return INTERRUPTED
    return 0
