"""evolve config."""

from __future__ import annotations

import click

from evolve.cli import options


@click.command("config", short_help="Print what can be set, and the defaults.")
@click.argument("key", required=False)
@options.as_json
def config(key: str | None, as_json: bool) -> None:
    """Print every key of the configuration with its default and what it does, or those that begin with KEY.

    KEY may be the name of a search, e.g. pareto: what can be set for it, with its own defaults.

    A key is set with --set KEY=VALUE, or in the TOML file of --config. `evolve list PROBLEM` has the keys evaluator.*
    """
    from evolve.config import known_fields
    from evolve.errors import pick
    from evolve.report.config_document import config_document, print_config
    from evolve.search.config import search_model
    from evolve.search.strategies import known_strategies

    known = known_fields()
    if key in known_strategies():
        chosen = {f"search.{name}": field for name, field in search_model(key).model_fields.items()}
    else:
        chosen = {name: field for name, field in known.items() if key is None or f"{name}.".startswith(f"{key}.")}
    if key is not None and not chosen:
        pick("the key", key, known)
    facts = config_document(chosen)
    if as_json:
        options.print_json({"keys": facts})
        return
    from evolve.report.terminal import Terminal

    print_config(Terminal(), facts)
