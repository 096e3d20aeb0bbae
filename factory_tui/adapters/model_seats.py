"""Which seats this machine can fill by a model, and what is missing, each with its mend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from factory_tui.adapters.agent_seats import acp
from factory_tui.adapters.logins import ANTHROPIC, Login, ProvenLogins, find_login, must_stay_private
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.seat_parts import Ingredients, Need, login_of, proven_logins
from factory_tui.adapters.seats.anthropic_api import AnthropicApiSeat, ApiSettings
from factory_tui.adapters.seats.claude_code import finding
from factory_tui.adapters.seats.claude_code.kit import Kit
from factory_tui.adapters.seats.claude_code.seat import ClaudeCodeSeat
from factory_tui.adapters.secrets import Keys
from factory_tui.adapters.user_seats import SeatProfile
from factory_tui.domain.errors import FactoryError
from factory_tui.engine.seat_ports import Seat

CLAUDE_CODE = "claude_code"
ANTHROPIC_API = "anthropic_api"


def anthropic_api(
    parts: Ingredients, model: str = "", effort: str = "", login: Login | None = None
) -> AnthropicApiSeat:
    """Raises FactoryError when there is neither a key nor a server of the user's own.

    Which server is asked is the user's own settings' or environment's to say, never a repository's: it gets the key.
    """
    login = login or find_login(parts.keys, parts.environment)
    is_own = login is not None and login.kind != "token"
    proven = proven_logins(parts.state_place)
    return AnthropicApiSeat(
        ApiSettings(
            models=read_models(parts.environment, parts.repository),
            key=login.credential if login and is_own else "",
            base_url=login.base_url if login and is_own else "",
            model=model,
            effort=effort,
            place=f"{parts.state_place}/seats/{ANTHROPIC_API}",
            answered=lambda: proven.prove(login, parts.now()) if login else None,
        )
    )


def profiled(parts: Ingredients, name: str, profile: SeatProfile, model: str = "", effort: str = "") -> Seat:
    """A seat that the user defined. Raises FactoryError naming what it lacks."""
    if profile.kind == "acp":
        return acp(parts, name, profile, model)
    login = login_of(parts, name, profile)
    model = model or profile.model
    if profile.kind == "claude_code":
        return claude_code(parts, model, effort or profile.effort, login)
    return anthropic_api(parts, model, effort or profile.effort, login)


def claude_code(parts: Ingredients, model: str = "", effort: str = "", login: Login | None = None) -> ClaudeCodeSeat:
    """Raises FactoryError naming what is missing, and the command that mends it."""
    if not finding.has_extra():
        raise FactoryError(
            what="the seat `claude_code` needs an extra that is not installed",
            why="it talks with Claude Code through its Agent SDK",
            next_step=finding.EXTRA,
        )
    program = finding.find_program(parts.environment)
    login = login or find_login(parts.keys, parts.environment)
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
            model=model,
            effort=effort,
            learn=parts.learn,
        )
    )


# --- for the doctor --------------------------------------------------------------------------------


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
    try:
        must_stay_private(login.base_url, login.credential)
    except FactoryError as error:
        return Need(about=about, is_there=False, found=error.what, mend=error.next_step)
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
