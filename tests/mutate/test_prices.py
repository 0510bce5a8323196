"""What tokens cost: published prices where the vendor's own server is asked, and never a guess."""

from __future__ import annotations

import datetime
import tomllib

import pytest

from evolve.config import ModelConfig
from evolve.errors import UsageError
from evolve.mutate.models.completion import Usage
from evolve.mutate.models.prices import PRICES, prices_of, require_prices, with_known_prices


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def priced(**settings: object) -> ModelConfig:
    return with_known_prices([ModelConfig.model_validate(settings)])[0]


def test_the_list_has_a_date_a_source_and_prices_in_order() -> None:
    listed = tomllib.loads(PRICES.read_text(encoding="utf-8"))
    assert datetime.date.fromisoformat(listed["date"]) >= datetime.date(2026, 1, 1)
    assert listed["source"].startswith("https://")
    assert len(listed["models"]) >= 10
    for name, price in listed["models"].items():
        assert set(price) <= {"in", "out", "cached", "cache_write"}, name
        assert 0 < price["cached"] < price["in"] < price["out"], name
        assert price.get("cache_write", price["in"]) >= price["in"], name


def test_a_listed_model_of_the_vendors_own_server_has_its_published_prices() -> None:
    for base_url in (None, "https://api.openai.com/v1", "https://api.openai.com/v1/"):
        prices = prices_of(priced(name="gpt-5-mini", base_url=base_url))
        assert prices is not None
        assert (prices.given, prices.made, prices.cached, prices.written) == (0.25, 2.0, 0.025, 0.25)
    written = priced(name="gpt-6.1-terra").usd_per_mtok_cache_write
    assert written == 1.25


def test_the_same_name_elsewhere_has_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    assert priced(name="gpt-5-mini", base_url="http://127.0.0.1:8000/v1").usd_per_mtok_in is None
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    assert priced(name="gpt-5-mini").usd_per_mtok_in is None


@pytest.mark.parametrize("name", ["gpt-5-mini-2025-08-07", "gpt-5-mini-turbo", "GPT-5-mini", "builtin", "manual"])
def test_a_name_that_is_not_listed_as_it_is_has_no_price(name: str) -> None:
    assert prices_of(priced(name=name)) is None


def test_prices_of_ones_own_are_not_mixed_with_published_ones() -> None:
    mine = ModelConfig(name="gpt-5-mini", usd_per_mtok_in=0.1, usd_per_mtok_out=1.0)
    assert with_known_prices([mine]) == (mine,)


def test_an_unknown_price_is_asked_for_in_one_line() -> None:
    models = [
        ModelConfig(name="builtin"),
        ModelConfig(name="command:cat"),
        ModelConfig(name="mine", usd_per_mtok_in=1.0),
        ModelConfig(name="known", usd_per_mtok_in=1.0, usd_per_mtok_out=2.0),
    ]
    with pytest.raises(
        UsageError, match=r"those of mine are not known: .*usd_per_mtok_in=.*usd_per_mtok_out="
    ) as asked:
        require_prices(models)
    assert "\n" not in str(asked.value)
    require_prices([model for model in models if model.name != "mine"])


def test_a_cost_is_worked_out_by_hand() -> None:
    model = ModelConfig(
        name="m", usd_per_mtok_in=2.0, usd_per_mtok_out=10.0, usd_per_mtok_cached=0.2, usd_per_mtok_cache_write=2.5
    )
    prices = prices_of(model)
    assert prices is not None
    # 10^6 prompt tokens, of them 400,000 from the cache and 100,000 into it: 1.00 + 0.08 + 0.25; the answer: 5.00.
    usage = Usage(given=1_000_000, made=500_000, cached=400_000, written=100_000, reasoning=300_000)
    assert prices.cost_usd(usage) == pytest.approx(6.33)
    assert prices.most_usd(1_000_000, 500_000) == pytest.approx(7.5)
