"""What a model costs is looked up in a dated list; what is not on it is unknown, never guessed."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from factory_tui.adapters.model_list import SHIPPED, read_models
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.prices import Tokens, cost

MILLION = 1_000_000


def config(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "factory").mkdir()
    (tmp_path / "factory" / "models.toml").write_text(text)
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def test_the_shipped_list_is_dated_and_gives_each_tier_a_model_with_a_price() -> None:
    models = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
    datetime.date.fromisoformat(models.date)
    assert set(models.tiers) == {"strong", "standard", "fast"}
    for tier in models.tiers.values():
        assert models.find(tier.model), tier


@pytest.mark.parametrize(
    ("tokens", "usd"),
    [
        (Tokens(fresh=MILLION), 2.0),
        (Tokens(out=MILLION), 10.0),
        (Tokens(cached=MILLION), 0.10),
        (Tokens(written=MILLION), 2.5),
        (Tokens(fresh=100, cached=1_000, written=10, out=50), (200 + 100 + 25 + 500) / MILLION),
        (Tokens(), 0.0),
    ],
)
def test_each_token_is_charged_once_at_its_own_price(tokens: Tokens, usd: float) -> None:
    models = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
    assert cost(models, "claude-sonnet-5-5", tokens) == pytest.approx(usd)


def test_a_long_prompt_has_its_own_price_for_the_whole_request() -> None:
    models = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
    short, long = Tokens(fresh=100_000, out=1_000), Tokens(fresh=100_001, out=1_000)
    assert cost(models, "claude-haiku-5-5", short) == pytest.approx(0.1 * 0.1 + 0.0005)
    assert cost(models, "claude-haiku-5-5", long) == pytest.approx(0.100001 * 0.5 + 0.0025)


@pytest.mark.parametrize("model", ["smollm2-135m", "", "claude-opus-6", "claude-opus-5-5-latest"])
def test_a_model_that_is_not_listed_costs_something_unknown(model: str) -> None:
    models = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
    assert cost(models, model, Tokens(fresh=1)) is None


def test_a_dated_snapshot_is_the_model_it_is_a_snapshot_of() -> None:
    models = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
    assert cost(models, "claude-haiku-4-5-20251001", Tokens(out=MILLION)) == 5.0


def test_the_user_adds_and_replaces_what_ships(tmp_path: Path) -> None:
    environment = config(
        tmp_path,
        'date = "2027-01-02"\n[tiers.fast]\nmodel = "tiny"\n'
        "[models.tiny]\ninput = 0.0\noutput = 0.0\ncache_read = 0.0\ncache_write = 0.0\n"
        "[models.claude-sonnet-5-5]\ninput = 20.0\noutput = 1.0\ncache_read = 1.0\ncache_write = 1.0\n",
    )
    models = read_models(environment)
    assert (models.date, models.tiers["fast"].model) == ("2027-01-02", "tiny")
    assert models.tiers["strong"].model == "claude-opus-5-5"
    assert cost(models, "tiny", Tokens(fresh=MILLION)) == 0.0
    assert cost(models, "claude-sonnet-5-5", Tokens(fresh=MILLION)) == 20.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("date = 3\n", "Expected `str`"),
        ("[models.x]\ninput = 1.0\n", "missing required field"),
        ("[models.x]\ninput = 1\noutput = 1\ncache_read = 1\ncache_write = -1\n", "below 0"),
        ("models = 3\n", "no table"),
        ("[models.x]\nprice = 1\ninput = 1\noutput = 1\ncache_read = 1\ncache_write = 1\n", "unknown field `price`"),
        ("=", "cannot be read"),
    ],
)
def test_a_list_that_is_wrong_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(FactoryError, match=r"models\.toml") as raised:
        read_models(config(tmp_path, text))
    assert told in str(raised.value)


def test_a_list_in_the_repository_charges_nothing(tmp_path: Path) -> None:
    environment = config(tmp_path, SHIPPED.read_text())
    with pytest.raises(FactoryError, match="lies in the repository"):
        read_models(environment, repository=str(tmp_path))
