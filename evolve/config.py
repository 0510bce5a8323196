"""How a run is set up: small frozen objects, one per part; every key is documented here and nowhere else.

A value comes from, later wins: the default, the TOML file of `--config`, `--set key=value`, the command's own flags.
No key or secret is ever part of it: a model's key is named by its environment variable.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import BaseModel, Field, SerializeAsAny, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from evolve.archive_url import ArchiveUrl
from evolve.clusters import RayConfig, SlurmConfig
from evolve.config_part import Part
from evolve.errors import UsageError
from evolve.objectives import Objective
from evolve.search.config import SearchConfig, search_config, search_model
from evolve.search.strategies import DEFAULT, known_strategies
from evolve.toml_tree import put, read, value_of, without_none

BUILTIN = "builtin"
"""The name that asks for the built-in mutator instead of a model."""
MANUAL = "manual"
"""The name of a person who answers prompts in files."""
COMMAND = "command:"
"""The beginning of a name that is a program to run."""
A_DAY_S = 86_400.0


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


TOTALS = ("evaluations", "minutes", "cost_usd", "tokens", "calls")
"""The keys of a budget that end a run for certain."""


class Budget(Part):
    """When a run is done: totals of the whole run, kills and resumes included. The first one reached ends it."""

    evaluations: int | None = Field(
        default=None, ge=0, description="children to score on train; 200 when no budget is given"
    )
    minutes: float | None = Field(
        default=None, gt=0, description="minutes of work on the run, pauses between resumes left out"
    )
    cost_usd: float | None = Field(
        default=None, gt=0, description="US dollars for model calls; needs the models' prices"
    )
    tokens: int | None = Field(default=None, gt=0, description="prompt and completion tokens of all model calls")
    calls: int | None = Field(default=None, gt=0, description="model calls")
    target: float | None = Field(default=None, description="train score that ends the run when a program reaches it")
    patience: int | None = Field(
        default=None, ge=1, description="evaluations in a row without a better program that end the run"
    )

    @model_validator(mode="before")
    @classmethod
    def _some_end(cls, given: Any) -> Any:
        if isinstance(given, dict) and all(given.get(key) is None for key in TOTALS):
            return {**given, "evaluations": 200}
        return given


class RacingConfig(Part):
    """When a child that is far behind is stopped before its last train instance."""

    enabled: bool = Field(
        default=True, description="stop a child that will not be among its island's elites: status outrun, no score"
    )
    min_instances: int = Field(default=3, ge=2, description="train instances that every child is evaluated on")
    standard_errors: float = Field(
        default=2.5, gt=0, description="how far behind the worst elite, over the same instances, a child is stopped"
    )


class ModelConfig(Part):
    """One model: what it is called, where it is asked and what it costs."""

    name: str = Field(
        min_length=1,
        description="the server's name for it; 'builtin' is the built-in mutator, 'manual' a person who answers files "
        "in RUN/outbox, 'command:PROGRAM ARGS' a program that reads the prompt and prints the answer",
    )
    base_url: str | None = Field(
        default=None, description="URL of the server, ending in /v1; none: the client's default"
    )
    api_key_env: str = Field(
        default="OPENAI_API_KEY", description="NAME of the environment variable that holds the API key"
    )
    tier: Literal["cheap", "strong", "any"] = Field(
        default="any", description="what it is asked for: many small changes, the rare great ones, or both"
    )
    weight: float = Field(default=1.0, gt=0, description="how often it is drawn, relative to the other models")
    api: Literal["chat", "responses"] = Field(
        default="chat", description="which interface of the server: chat completions or responses"
    )
    stream: bool = Field(default=True, description="take the answer in pieces: a slow server is not a dead one")
    temperature: float | None = Field(
        default=None, ge=0, description="sampling temperature; none: the server's default"
    )
    reasoning_effort: str | None = Field(
        default=None, description="of a reasoning model: minimal, low, medium, high; none: not sent"
    )
    max_tokens: int | None = Field(
        default=None,
        ge=1,
        description="most tokens of one answer, hidden ones included; none: the server's default",
    )
    timeout_s: float = Field(
        default=300.0, gt=0, description="seconds for a call, all its attempts and pauses together"
    )
    idle_timeout_s: float = Field(
        default=60.0,
        gt=0,
        description="seconds without a piece of a streamed answer that end an attempt",
    )
    attempts: int = Field(
        default=5, ge=1, description="tries per call, the first included, when a server is busy or failing"
    )
    concurrency: int = Field(default=8, ge=1, description="calls in flight at the same time")
    answers: int = Field(
        default=1,
        ge=1,
        le=128,
        description="answers to each prompt, every one a step and a call; in one request where the server takes `n`",
    )
    usd_per_mtok_in: float | None = Field(default=None, ge=0, description="US dollars for 10^6 prompt tokens")
    usd_per_mtok_out: float | None = Field(default=None, ge=0, description="US dollars for 10^6 completion tokens")
    usd_per_mtok_cached: float | None = Field(
        default=None,
        ge=0,
        description="US dollars for 10^6 prompt tokens that the server had cached",
    )
    usd_per_mtok_cache_write: float | None = Field(
        default=None,
        ge=0,
        description="US dollars for 10^6 prompt tokens that the server puts into its cache; none: as of the prompt",
    )

    @model_validator(mode="before")
    @classmethod
    def _a_person_takes_time(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("name") == MANUAL and given.get("timeout_s") is None:
            return {**given, "timeout_s": A_DAY_S}
        return given

    @property
    def is_served(self) -> bool:
        """Whether a server is asked, not the built-in mutator, a person or a program."""
        return self.name not in (BUILTIN, MANUAL) and not self.name.startswith(COMMAND)


class RateConfig(Part):
    """How fast models are asked, all of them together; none: as fast as they answer."""

    requests_per_minute: float | None = Field(default=None, gt=0, description="requests per minute, retries included")
    tokens_per_minute: float | None = Field(
        default=None, gt=0, description="tokens per minute, prompts and answers together"
    )


class MutationConfig(Part):
    """Which kind of change is asked for, and of whom."""

    mutator: str = Field(default=BUILTIN, description="what stands for the model `builtin`: an installed mutator")
    mix: str = Field(
        default="",
        description="a fixed mix of kinds, e.g. 'edit=3,rewrite=1'; none: a bandit chooses by improvement per dollar",
    )
    models: Literal["bandit", "weights"] = Field(
        default="bandit",
        description="who chooses the model of a step: a bandit that begins at the weights, or they",
    )
    repair_turns: int = Field(
        default=2, ge=1, description="tries at a broken program until past repairs tell how many they need"
    )
    tune: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the steps that set numbers of the best programs, by CMA-ES and without a model",
    )
    tune_evaluations: int = Field(default=24, ge=4, description="evaluations that the numbers of one program get")
    novelty: bool = Field(
        default=True, description="turn near-duplicates down once programs as alike have scored the same"
    )


class PromptConfig(Part):
    """What a prompt holds."""

    templates: Path | None = Field(default=None, description="folder of templates that go before the built-in ones")
    budget_tokens: int = Field(
        default=24_000, ge=1_000, description="length of a prompt, at four bytes a token; what helps least goes first"
    )
    discoveries: bool | dict[str, str] = Field(
        default=False,
        description="show programs that earlier runs have found: true for all of the problem's discoveries, "
        "or name = source; false: the search begins with the seed and the baselines alone",
    )
    insights_every: int = Field(
        default=5, ge=0, description="improvements after which an insight is written down; 0: never"
    )


class Start(Part):
    """The program that a run starts from in the place of the seed: all of its text, so that a record is enough."""

    name: str = Field(default="", description="where it is from, e.g. a run and its program")
    source: str = Field(default="", description="the program; none: the run starts from the problem's seed")


class RunConfig(Part):
    """A whole run."""

    problem: str = Field(default="", description="a bundled evaluator's name, or the path of a problem's folder")
    evaluator: dict[str, Any] = Field(default_factory=dict, description="options of the evaluator, as it names them")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="the only source of chance")
    start: Start = Field(default_factory=Start, description="which program the run starts from; none: the seed")
    deterministic: bool = Field(
        default=False,
        description="tell results in the order of steps, with a fixed lag: one seed, one run, at any speed",
    )
    workers: int = Field(
        default_factory=_cores,
        ge=1,
        le=1_024,
        description="processes that evaluate, one core each",
    )
    engine: str = Field(default="local", description="where evaluations run: local, ray, slurm or an installed engine")
    ray: RayConfig = Field(default_factory=RayConfig, description="which Ray cluster, with engine = ray")
    slurm: SlurmConfig = Field(default_factory=SlurmConfig, description="which Slurm cluster, with engine = slurm")
    archive: str = Field(
        default="",
        description="URL of a PostgreSQL database that holds the archive, postgresql+psycopg://USER@HOST/DATABASE, "
        "without the password; empty: an SQLite file in the run folder",
    )
    require_isolation: bool = Field(default=False, description="refuse to run where a layer of the sandbox is missing")
    budget: Budget = Field(default_factory=lambda: Budget.model_validate({}), description="when the run is done")
    search: SerializeAsAny[SearchConfig] = Field(default_factory=search_config, description="who is the parent")
    objectives: tuple[Objective, ...] = Field(
        default=(),
        description="what programs are good at besides the score, tables of metric, direction (min, max) and unit; "
        "none: what the problem declares",
    )
    racing: RacingConfig = Field(default_factory=RacingConfig, description="when a child is stopped early")
    models: tuple[ModelConfig, ...] = Field(
        default=(ModelConfig(name=BUILTIN),), min_length=1, description="who changes programs, one drawn per step"
    )
    rate: RateConfig = Field(default_factory=RateConfig, description="how fast models are asked")
    mutation: MutationConfig = Field(default_factory=MutationConfig, description="which kind of change, and of whom")
    prompt: PromptConfig = Field(default_factory=PromptConfig, description="what a prompt holds")
    record: Path | None = Field(default=None, description="file to which steps and answers are recorded, JSON lines")
    replay: Path | None = Field(default=None, description="file of `record` whose steps and answers are taken again")

    @field_validator("archive")
    @classmethod
    def _without_secrets(cls, archive: str) -> str:
        """Return it in its plain form. Raises UsageError, not what pydantic would show: that repeats what was given."""
        return str(ArchiveUrl.parse(archive)) if archive else ""

    @property
    def asks_models(self) -> bool:
        """Whether anybody but the built-in mutator changes programs."""
        return any(model.name != BUILTIN for model in self.models)

    @property
    def prices_known(self) -> bool:
        """Whether every model that a server bills has its prices."""
        return all(None not in (m.usd_per_mtok_in, m.usd_per_mtok_out) for m in self.models if m.is_served)


def resolve(file: Path | None, sets: Sequence[str], flags: Mapping[str, Any], base: str = "") -> RunConfig:
    """Return the configuration from a TOML file, `--set` texts and flags; later wins.

    sets: "search.plateau=30"; the value is read as TOML, or else as text.
    flags: dotted key -> value, e.g. {"budget.evaluations": 200}; None means that the flag was not given.
    base: TOML of a configuration that all of these change.
    The key `model.names` chooses the models; any other `model.KEY` holds for each of them that does not say otherwise.
    Raises UsageError, one line, for a file that cannot be read, an unknown key (with the nearest known) or a bad value.
    """
    tree: dict[str, Any] = tomllib.loads(base) | ({} if file is None else read(file))
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {text}: expected key=value, e.g. --set search.plateau=30")
        put(tree, key.strip(), value_of(value.strip()), f"--set {text}")
    for key, flag in flags.items():
        if flag is not None:
            put(tree, key, flag, key)
    return _validated(tree, str(file) if file is not None and not sets else "configuration")


def to_toml(config: RunConfig) -> str:
    """Return the whole configuration as TOML; keys without a value are left out."""
    return tomli_w.dumps(without_none(config.model_dump(mode="json")))


def from_toml(path: Path) -> RunConfig:
    """Read what `to_toml` wrote. Raises UsageError as `resolve` does."""
    return resolve(path, (), {})


def from_text(text: str) -> RunConfig:
    """Read the text that `to_toml` returned, as the archive keeps it."""
    return _validated(tomllib.loads(text), "the run's configuration")


def known_keys() -> dict[str, str]:
    """Return every key that a person can set, dotted, with its description."""
    return {key: field.description or "" for key, field in known_fields().items()}


def known_fields() -> dict[str, FieldInfo]:
    """Return every key that a person can set, dotted, with its default and description."""
    return dict(_keys(RunConfig, ""))


def _keys(part: type[BaseModel], prefix: str) -> list[tuple[str, FieldInfo]]:
    keys: list[tuple[str, FieldInfo]] = []
    for name, field in part.model_fields.items():
        if name == "search":
            keys += [(key, text) for one in known_strategies() for key, text in _keys(search_model(one), "search.")]
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _keys(field.annotation, f"{prefix}{name}.")
        elif name == "models":
            text = "which models; without it those of [[models]], or else the built-in mutator"
            keys.append(("model.names", FieldInfo(default=(BUILTIN,), description=text)))
            keys += [(key, of) for key, of in _keys(ModelConfig, "model.") if key != "model.name"]
        else:
            keys.append((f"{prefix}{name}", field))
    return keys


def _with_models(tree: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the tree with its `model` (names, and what holds for all) put into `models`, one entry per model."""
    rest = {key: value for key, value in tree.items() if key != "model"}
    shared = tree.get("model", {})
    listed = tree.get("models", [])
    if not isinstance(shared, dict):
        raise UsageError(f"{where}: model = {shared!r}: expected keys such as model.names.")
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise UsageError(f"{where}: models = {listed!r:.60}: expected tables, each begun by [[models]].")
    shared = dict(shared)
    names = shared.pop("names", None)
    if isinstance(names, str):
        names = [names]
    if "name" in shared:
        raise UsageError(f"{where}: the key 'model.name' does not exist. Did you mean 'model.names'?")
    by_name = {entry.get("name"): entry for entry in listed}
    if len(by_name) < len(listed):
        raise UsageError(f"{where}: a model of [[models]] is there twice, or has no name.")
    if names is None:
        chosen = listed or [{"name": BUILTIN}]
    elif isinstance(names, list | tuple) and names and all(isinstance(name, str) and name for name in names):
        chosen = [by_name.get(name, {"name": name}) for name in dict.fromkeys(names)]
    else:
        raise UsageError(f"{where}: model.names = {names!r}: expected names of models.")
    return {**rest, "models": [{**shared, **entry} for entry in chosen]}


def _validated(tree: dict[str, Any], where: str) -> RunConfig:
    within: tuple[str, ...] = ()
    try:
        tree = _with_models(tree, where)
        if isinstance(tree.get("search"), dict):
            within = ("search",)
            tree["search"] = search_config(tree["search"])
            within = ()
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        # A model's key is named as one that holds for all of them: where it came from is not known here.
        loc = within + first["loc"]
        places = ["model", *loc[2:]] if loc[:1] == ("models",) else loc
        key = ".".join(str(place) for place in places)
        if first["type"] != "extra_forbidden":
            raise UsageError(f"{where}: {key} = {first['input']!r}: {first['msg']}.") from None
        known = known_keys()
        if key in known and within:
            have = [f"--search {one}" for one in known_strategies() if loc[-1] in search_model(one).model_fields]
            chosen = tree["search"].get("strategy", DEFAULT)
            raise UsageError(f"{where}: {key} is an option of {' and '.join(have)}, not of {chosen}.") from None
        # A section that does not exist is likely another section misspelt, whatever key was meant in it.
        depth = key.count(".") + 1
        names = dict.fromkeys(".".join(name.split(".")[:depth]) for name in known)
        near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}."
        raise UsageError(f"{where}: the key '{key}' does not exist. {hint}") from None
