from __future__ import annotations

import os
from pathlib import Path

import pytest

from evolve.config import RunConfig, from_text, from_toml, known_keys, resolve, to_toml
from evolve.errors import UsageError


def test_later_wins_file_then_set_then_flag(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("seed = 1\n[search]\nstrategy = 'islands'\nislands = 2\nelites = 3\n[budget]\nevaluations = 10\n")
    config = resolve(file, ["search.elites=4", "budget.evaluations=20"], {"budget.evaluations": 30, "workers": None})
    assert (config.seed, config.search.islands, config.search.elites, config.budget.evaluations) == (1, 2, 4, 30)


def test_a_set_value_is_toml_or_else_text() -> None:
    config = resolve(None, ["model.names=['a', 'b']", "model.base_url=http://x/v1", "evaluator.hours=2.5"], {})
    assert [(model.name, model.base_url) for model in config.models] == [("a", "http://x/v1"), ("b", "http://x/v1")]
    assert config.evaluator == {"hours": 2.5}


def test_what_is_written_reads_back_the_same(tmp_path: Path) -> None:
    config = resolve(None, ["evaluator.path='a b'", "budget.minutes=2.5", "model.temperature=0.5"], {"seed": 9})
    (tmp_path / "config.toml").write_text(to_toml(config))
    assert from_toml(tmp_path / "config.toml") == config == from_text(to_toml(config))


def test_without_any_budget_a_run_ends_after_200_evaluations_and_with_one_it_is_that_one() -> None:
    assert resolve(None, [], {}).budget.evaluations == 200
    assert resolve(None, [], {"budget.minutes": 5}).budget.evaluations is None


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_bytes(b"\xef\xbb\xbf[budget]\r\nevaluations = 7\r\n")
    assert resolve(file, [], {}).budget.evaluations == 7
    file.write_bytes("[budget]".encode("utf-16"))
    with pytest.raises(UsageError, match=r"run.toml is not TOML"):
        resolve(file, [], {})


@pytest.mark.parametrize(
    "sets, text",
    [
        (["search.ilands=2"], "configuration: the key 'search.ilands' does not exist. Did you mean 'search.islands'?"),
        (["sed=2"], "configuration: the key 'sed' does not exist. Did you mean 'seed'?"),
        (
            ["search.strategy=islands", "search.islands=many"],
            "configuration: search.islands = 'many': Input should be a valid integer",
        ),
        (["budget.evaluations=-1"], "configuration: budget.evaluations = -1: Input should be greater than"),
        (["islands"], "--set islands: expected key=value, e.g. --set search.plateau=30"),
        (["seed=1", "seed.x=2"], "--set seed.x=2: 'seed' is a value, it has no keys of its own."),
    ],
)
def test_a_wrong_key_or_value_is_one_line_that_names_it(sets: list[str], text: str) -> None:
    with pytest.raises(UsageError) as error:
        resolve(None, sets, {})
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"seed = ", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "run.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=r"run\.toml (cannot be read|is not TOML)") as error:
        resolve(file, [], {})
    assert "\n" not in str(error.value)


def test_every_key_says_what_it_is() -> None:
    assert all(known_keys().values())
    assert "search.islands" in known_keys()


def test_no_secret_of_the_environment_is_in_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "OPENAI_API_KEY", "sk-very-secret")
    text = to_toml(resolve(None, [], {"model.names": ("m",)}))
    assert 'api_key_env = "OPENAI_API_KEY"' in text
    assert "sk-very-secret" not in text
    assert not any("key" in name and not name.endswith("_env") for name in RunConfig.model_fields)
