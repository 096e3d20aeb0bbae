"""What the seats that a model fills are made of, whichever kind they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from factory_tui.adapters.logins import ANTHROPIC, Login, ProvenLogins
from factory_tui.adapters.secrets import Keys
from factory_tui.adapters.user_seats import SeatProfile
from factory_tui.adapters.walls import ProvenSandbox
from factory_tui.domain.errors import FactoryError


@dataclass(frozen=True, kw_only=True)
class Ingredients:
    """What such a seat is made of."""

    sandbox: ProvenSandbox
    state_place: str
    environment: Mapping[str, str]
    repository: str
    keys: Keys
    now: Callable[[], str]
    learn: Callable[[str, str], None]
    """Told of each secret."""


def proven_logins(state_place: str) -> ProvenLogins:
    return ProvenLogins(Path(state_place) / "logins.json")


def login_of(parts: Ingredients, name: str, profile: SeatProfile) -> Login | None:
    """What the profile says of server and credential; None = it says nothing, so the usual one counts."""
    if not profile.base_url and not profile.credential:
        return None
    credential = ""
    if profile.credential:
        credential = parts.keys.get(profile.credential) or parts.environment.get(profile.credential, "")
        if not credential:
            raise FactoryError(
                what=f"the seat `{name}` has no credential",
                why=f"[seats.{name}] of config.toml names {profile.credential}, which is not set",
                next_step=f"export {profile.credential} before you start the factory",
            )
        parts.learn(profile.credential, credential)
    base_url = profile.base_url.rstrip("/") or ANTHROPIC
    return Login(kind="key" if credential else "none", base_url=base_url, credential=credential)


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing that a seat needs."""

    about: str
    is_there: bool
    found: str
    mend: str = ""
