"""The keys in force: the table of actions, with the supervisor's own key file laid over it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches

from msgspec.structs import replace

from factory_tui.tui.bindings import ACTS, GROUPS, NEVER, Act

_FUNCTION_KEY = re.compile(r"f\d{1,2}")
_NAMES = {"escape": "Esc", "enter": "Enter", "tab": "Tab", "shift+tab": "Shift-Tab", "pagedown": "PgDn"}
_NAMES |= {"pageup": "PgUp", "down": "Down", "up": "Up", "left": "Left", "right": "Right", "home": "Home", "end": "End"}
NEEDED = ("back", "palette", "open", "leave", "writing.send")
"""Actions that are lost without a key."""
Key = Callable[[str], str]
"""Of an action, by its id, the key that does it now, as people write it: every sentence that names a key asks this."""


class Keys:
    """The table with the keys in force."""

    def __init__(self, acts: Iterable[Act] = ACTS) -> None:
        self.acts = tuple(acts)
        self.by_id = {act.id: act for act in self.acts}
        palette = next((shown(key) for act in self.acts if act.id == "palette" for key in act.keys), "")
        self.names = {act.id: named(act.keys[0]) if act.keys else f"{palette} {act.label}" for act in self.acts}
        """Of each action, its first key as a sentence names it; without one how the palette finds it."""

    def key(self, action: str) -> str:
        """What to press for an action; a sentence never names a key in any other way."""
        return self.names[action]

    def find(self, key: str, places: Sequence[str]) -> Act | None:
        """What a key means on a screen: its own places before `any`."""
        for place in (*places, "any"):
            for act in self.acts:
                if place in act.where and key in act.keys:
                    return act
        return None

    def is_start(self, key: str, places: Sequence[str]) -> bool:
        """Whether a sequence begins with this key here."""
        return any(one.startswith(f"{key} ") for act in self.here(places) for one in act.keys)

    def following(self, key: str, places: Sequence[str]) -> list[tuple[str, Act]]:
        """What may follow the key that begins a sequence."""
        return [
            (one.split(" ", 1)[1], act) for act in self.here(places) for one in act.keys if one.startswith(f"{key} ")
        ]

    def here(self, places: Sequence[str]) -> list[Act]:
        """Every action that belongs to a screen."""
        wanted = {*places, "any"}
        return [act for act in self.acts if wanted & set(act.where)]


def named(key: str) -> str:
    """A key as a sentence names it: `g o`, which would be read as a word if it were written as one."""
    return key if " " in key else shown(key)


def shown(key: str) -> str:
    """A key as people write it."""
    if key.startswith("ctrl+"):
        return f"Ctrl-{key[5:]}"
    return _NAMES.get(key, key.replace(" ", "") if " " in key else key)


USUAL = Keys()
"""The table as it is without a key file."""


def key_named(text: str) -> str:
    """The key that is written so: as `shown` writes it, or as the table has it. Empty = it is none."""
    named = {name.casefold(): key for key, name in _NAMES.items()} | {key: key for key in _NAMES}
    if found := named.get(text.casefold()):
        return found
    if held := re.fullmatch(r"ctrl[-+]([a-z])", text, re.IGNORECASE):
        return f"ctrl+{held[1].lower()}"
    if re.fullmatch(r"alt[-+].+|ctrl\+.+|f\d{1,2}", text, re.IGNORECASE):
        return text.lower()
    signs = text.replace(" ", "")
    return " ".join(signs) if len(signs) in (1, 2) and signs.isprintable() else ""


def read_keys(text: str, path: str) -> tuple[Keys, tuple[str, ...]]:
    """The table with a key file laid over it, and what is wrong in the file. What is wrong keeps its usual keys."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Keys(), (f"{path}: {error}; the usual keys are in force",)
    problems: list[str] = []
    wanted = data.get("keys", {})
    if not isinstance(wanted, dict) or set(data) - {"keys"}:
        problems.append(f'{path}: only a table [keys] is known, with lines like `"turn.zoom" = ["z"]`')
    acts = {act.id: act for act in ACTS}
    for id, keys in (wanted if isinstance(wanted, dict) else {}).items():
        problem = _problem(id, keys, acts)
        if problem:
            problems.append(f"{path}: {problem}")
        else:
            acts[id] = replace(acts[id], keys=tuple(map(key_named, keys)))
    table = Keys(acts.values())
    clash = clashes(table)
    if clash:
        return Keys(), (*problems, *(f"{path}: {one}" for one in clash), "the usual keys are in force")
    return table, tuple(problems)


def _problem(id: str, keys: object, acts: Mapping[str, Act]) -> str:
    act = acts.get(id)
    if act is None:
        close = get_close_matches(id, acts, n=1)
        return f"unknown action `{id}`" + (
            f"; did you mean `{close[0]}`?" if close else "; the cockpit's help lists them"
        )
    if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
        return f"`{id}` takes a list of keys"
    if not keys and (act.is_answer or id in NEEDED):
        return f"`{id}` would be without a key, and the palette does not reach it"
    for written in keys:
        key = key_named(written)
        if not key:
            return f"`{written}` is no key; keys are written like `z`, `Z`, `Ctrl-d`, `PgDn`, or two in a row like `gz`"
        if key in NEVER or key.startswith("alt+") or _FUNCTION_KEY.fullmatch(key):
            return f"`{key}` belongs to the terminal"
        if act.is_answer and not (len(key) == 1 and key.isupper()):
            return f"`{id}` answers, so its key is one uppercase letter, not `{key}`"
        if not act.is_answer and act.where == ("card",) and key.isupper():
            return f"`{id}` answers nothing, so its key is not uppercase"
    return ""


def clashes(table: Keys) -> list[str]:
    """Keys with two meanings in one place, or that hide a sequence."""
    found = []
    places = sorted({place for act in table.acts for place in act.where})
    for place in places:
        seen: dict[str, str] = {}
        for act in table.acts:
            if place in act.where:
                for key in act.keys:
                    if key in seen:
                        found.append(f"`{key}` means both {seen[key]} and {act.id}")
                    seen[key] = act.id
        found += [f"`{key}` would hide `{other}`" for key in seen for other in seen if other.startswith(f"{key} ")]
    return list(dict.fromkeys(found))


PAGE = """# Keys of the cockpit

Made from the table of actions (`factory_tui/tui/bindings.py`, `tui/acts/`) by `make keys`; a test holds it to that.

Lowercase looks or is reversible, UPPERCASE answers.
An answer's key works only where the whole object is shown, and only once it has been on the screen for a moment.
`?` shows the keys of the screen you are on, `:` finds an action by its words.

*where* names places: `any` is every screen, `floor` the main one, `list` and `text` what one moves in,
`card` what can be answered.
An action without a key is reached by `:`.

Other keys go into `keys.toml`, beside `cockpit.toml` in `$XDG_CONFIG_HOME/factory/` (else `~/.config/factory/`):

```toml
[keys]
"turn.zoom" = ["z", "+"]
"answer.yes" = ["Y"]
```

Keys are written as on this page: `z`, `Ctrl-d`, `PgDn`, `gz`.
An answer's key stays one uppercase letter, and no key means two things in one place.
What is wrong in the file is said when the cockpit opens, and keeps its usual keys.

"""


def page() -> str:
    """`docs/keys.md`, whole."""
    return PAGE + documented()


def documented() -> str:
    """The table as Markdown, for the documentation."""
    tables = []
    for group, title in GROUPS.items():
        lines = [f"## {title}", "", "| keys | action | what it does | where |", "|---|---|---|---|"]
        for act in ACTS:
            if act.group == group:
                keys = " ".join(f"`{shown(key)}`" for key in act.keys) or "palette"
                lines.append(f"| {keys} | `{act.id}` | {act.doc} | {', '.join(act.where)} |")
        tables.append("\n".join(lines) + "\n")
    return "\n".join(tables)
