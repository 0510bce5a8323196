"""What a run folder from elsewhere would have this machine do, and the refusal to do it unasked."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from evolve.config import COMMAND, RunConfig
from evolve.errors import UsageError
from evolve.registry import is_installed
from evolve.report.own_runs import is_own


def require_trust(folder: Path, config: RunConfig, trust: bool, asks_models: bool, own_problem: bool = False) -> None:
    """Refuse what an archive from elsewhere names: code to import, programs to run, servers that get a key.

    trust: the user said --trust.  asks_models: models would be asked.  own_problem: the user gave the problem himself.
    Raises UsageError that shows what would be run or sent.
    """
    would = list(_deeds(config, asks_models, own_problem))
    if trust or not would or is_own(folder):
        return
    problem = "" if own_problem or is_installed(config.problem) else " Or give the problem: --problem NAME_OR_FOLDER."
    raise UsageError(
        f"{folder} was not made by you on this machine, and it would {'; '.join(would)}. "
        f"Nothing was done. If you know where it comes from: --trust.{problem}"
    )


def _deeds(config: RunConfig, asks_models: bool, own_problem: bool) -> Iterator[str]:
    if not own_problem and not is_installed(config.problem):
        yield f"run the code in {shlex.quote(config.problem)}"
    if not asks_models:
        return
    for model in config.models:
        if model.name.startswith(COMMAND):
            yield f"run the command {shlex.quote(model.name.removeprefix(COMMAND))}"
        elif model.is_served:
            where = model.base_url or "its usual server"
            yield f"send prompts and the key in ${model.api_key_env} to {where} ({model.name})"
    if config.prompt.templates is not None:
        yield f"read prompt templates in {shlex.quote(str(config.prompt.templates))}"
    for what, path in (("write to", config.record), ("read", config.replay)):
        if path is not None:
            yield f"{what} {shlex.quote(str(path))}"
