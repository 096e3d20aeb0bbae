"""Which seats this machine can fill by a model, and what is missing, each with its mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from factory_tui.adapters.logins import ANTHROPIC, Login, ProvenLogins, find_login
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.seats.anthropic_api import AnthropicApiSeat, ApiSettings
from factory_tui.adapters.seats.claude_code import finding
from factory_tui.adapters.seats.claude_code.seat import ClaudeCodeSeat, Kit
from factory_tui.adapters.secrets import Keys
from factory_tui.adapters.walls import ProvenSandbox
from factory_tui.domain.errors import FactoryError

CLAUDE_CODE = "claude_code"
ANTHROPIC_API = "anthropic_api"


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


def anthropic_api(parts: Ingredients) -> AnthropicApiSeat:
    """Raises FactoryError when there is neither a key nor a server of the user's own.

    Which server is asked is the user's environment's to say, never a repository's: it gets the key.
    """
    login = find_login(parts.keys, parts.environment)
    is_own = login is not None and login.kind != "token"
    proven = proven_logins(parts.state_place)
    return AnthropicApiSeat(
        ApiSettings(
            models=read_models(parts.environment, parts.repository),
            key=login.credential if login and is_own else "",
            base_url=login.base_url if login and is_own else "",
            answered=lambda: proven.prove(login, parts.now()) if login else None,
        )
    )


def claude_code(parts: Ingredients) -> ClaudeCodeSeat:
    """Raises FactoryError naming what is missing, and the command that mends it."""
    if not finding.has_extra():
        raise FactoryError(
            what="the seat `claude_code` needs an extra that is not installed",
            why="it talks with Claude Code through its Agent SDK",
            next_step=finding.EXTRA,
        )
    program = finding.find_program(parts.environment)
    login = find_login(parts.keys, parts.environment)
    if login is None:
        raise FactoryError(
            what="there is nothing that lets Claude Code in",
            why="a seat never uses your own login",
            next_step=finding.NO_CREDENTIAL,
        )
    return ClaudeCodeSeat(
        Kit(
            open=parts.sandbox.open,
            contained=parts.sandbox.is_wall,
            program=program,
            login=login,
            place=f"{parts.state_place}/seats/{CLAUDE_CODE}",
            proven=proven_logins(parts.state_place),
            now=parts.now,
            models=read_models(parts.environment, parts.repository),
            learn=parts.learn,
        )
    )


# --- for the doctor --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing that a seat needs."""

    about: str
    is_there: bool
    found: str
    mend: str = ""


def needs_of_anthropic_api(environment: Mapping[str, str], keys: Keys, proven: ProvenLogins | None) -> tuple[Need, ...]:
    """A key, or a server of one's own."""
    login = find_login(keys, environment)
    if login is None or login.kind == "token":
        mend = "export ANTHROPIC_API_KEY before you start the factory, or ANTHROPIC_BASE_URL for a server of your own"
        return (Need(about="anthropic_api: key", is_there=False, found="no key: no seat is filled by it", mend=mend),)
    return (replace(_login(login, proven), about="anthropic_api: key"),)


def needs_of_claude_code(environment: Mapping[str, str], keys: Keys, proven: ProvenLogins | None) -> tuple[Need, ...]:
    """Extra, program and login, whatever of them is missing. `proven` None = there is no state place yet."""
    extra = finding.has_extra()
    return (
        Need(
            about="claude_code: extra",
            is_there=extra,
            found="installed" if extra else "not installed: no seat is filled by Claude Code",
            mend="" if extra else finding.EXTRA,
        ),
        _program(environment),
        _login(find_login(keys, environment), proven),
    )


def _program(environment: Mapping[str, str]) -> Need:
    about = "claude_code: program"
    try:
        return Need(about=about, is_there=True, found=finding.find_program(environment).path)
    except FactoryError as error:
        return Need(about=about, is_there=False, found=error.why, mend=error.next_step)


def _login(login: Login | None, proven: ProvenLogins | None) -> Need:
    about = "claude_code: login"
    if login is None:
        why = "neither key nor token; your own login is never used"
        return Need(about=about, is_there=False, found=why, mend=finding.NO_CREDENTIAL)
    name = {"key": "a key", "token": "a token made for seats", "none": "no login"}[login.kind]
    where = "" if login.base_url == ANTHROPIC else f" for {login.base_url}"
    since = proven.since(login) if proven is not None else ""
    if since:
        return Need(about=about, is_there=True, found=f"{name}{where}, proven {since[:10]}")
    return Need(
        about=about,
        is_there=True,
        found=f"{name}{where}, unproven: no call with it was answered yet",
        mend="it is proven by the first turn of a seat that uses it",
    )
