"""What leaves the cockpit: bells, notices, copied text. It goes where it can, says where, and is harmless. # T6"""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path

import pytest
from chair import BusyFloor, hint, press, settled

from factory_tui.adapters.preferences_file import parse_preferences, read_preferences
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.preferences import Copy, Notify, Preferences
from factory_tui.domain.terms import Action
from factory_tui.tui.emulator import Emulator, clipboard_sequence, emulator_from, notice_sequence, wrapped
from factory_tui.tui.outside import Outside

HOSTILE = "read\x1b]52;c;ZXZpbA==\x07me\x1b\\;\x9d0;title\x07\u202egnp\x00"


def outside(
    tmp_path: Path, environment: dict[str, str], preferences: Preferences | None = None
) -> tuple[Outside, list]:
    sent: list[str] = []
    made = Outside(
        preferences=preferences or Preferences(),
        environment=environment,
        name="adder",
        write=sent.append,
        place=lambda: str(tmp_path),
    )
    return made, sent


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "osc9"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "osc777"),
        ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}, "osc9"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7002"}, "osc777"),
        ({"TERM": "foot"}, "osc777"),
        ({"TERM": "rxvt-unicode-256color"}, "osc777"),
        ({"TERM": "xterm"}, "osc9"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, ""),
        ({"TERM": "linux"}, ""),
        ({"TERM": "dumb"}, ""),
        ({}, ""),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x,1,0"}, ""),
        ({"TERM": "screen", "STY": "1.pts"}, "osc9"),
    ],
)
def test_a_terminal_gets_the_notice_it_knows(environment, kind):
    assert emulator_from(environment).notice == kind


def test_a_sequence_passes_tmux_and_screen_in_their_own_envelopes():
    inner = "\x1b]9;x\x07"
    assert wrapped(Emulator(name="xterm"), inner) == inner
    assert wrapped(Emulator(name="xterm", between="tmux"), inner) == "\x1bPtmux;\x1b\x1b]9;x\x07\x1b\\"
    assert wrapped(Emulator(name="xterm", between="screen"), inner) == f"\x1bP{inner}\x1b\\"


def test_screen_gets_long_strings_in_pieces_that_join_again():
    inner = clipboard_sequence(Emulator(name="xterm"), "x" * 5_000)
    pieces = re.findall("\x1bP(.*?)\x1b\\\\", wrapped(Emulator(name="x", between="screen"), inner), re.DOTALL)
    assert "".join(pieces) == inner
    assert max(map(len, pieces)) < 256


@pytest.mark.parametrize("kind", ["osc9", "osc777"])
def test_no_text_ends_a_notice_early(kind):
    """One introducer, one end, nothing of the text's own between them."""
    made = notice_sequence(Emulator(name="xterm"), HOSTILE, HOSTILE, kind)
    assert made.startswith("\x1b]")
    assert made.endswith("\x07")
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202e]", made[2:-1])
    assert made.count(";") == {"osc9": 1, "osc777": 3}[kind]


def test_the_clipboard_gets_base64_and_nothing_else():
    made = clipboard_sequence(Emulator(name="xterm"), HOSTILE)
    assert re.fullmatch(r"\x1b\]52;c;[A-Za-z0-9+/=]+\x07", made)


async def test_copied_text_says_where_it_went_and_is_harmless(tmp_path):
    made, sent = outside(tmp_path, {"TERM": "xterm"})
    told = await made.copy("one\n" + HOSTILE)
    assert "OSC 52" in told
    assert f"{tmp_path}/copied.txt" in told
    kept = (tmp_path / "copied.txt").read_text()
    assert base64.b64decode(sent[0][7:-1]).decode() == kept
    assert "\x1b" not in kept
    assert kept.startswith("one\nread")
    assert (tmp_path / "copied.txt").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("environment", "preferences", "text"),
    [
        ({"TERM": "linux"}, Preferences(), "short"),
        ({"TERM": "xterm"}, Preferences(copy=Copy(how="file")), "short"),
        ({"TERM": "xterm"}, Preferences(), "long" * 30_000),
    ],
)
async def test_where_no_clipboard_is_a_file_is(tmp_path, environment, preferences, text):
    made, sent = outside(tmp_path, environment, preferences)
    told = await made.copy(text)
    assert sent == []
    assert "OSC 52" not in told
    assert (tmp_path / "copied.txt").read_text() == text


async def test_a_link_in_the_place_of_the_copy_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "copied.txt").symlink_to(precious)
    made, _ = outside(tmp_path, {"TERM": "linux"})
    await made.copy("new")
    assert precious.read_text() == "kept"


async def test_the_users_own_command_is_told_where_the_terminal_cannot(tmp_path):
    log = tmp_path / "log"
    command = (sys.executable, "-c", f"import sys; open({str(log)!r}, 'w').write(sys.argv[-1])")
    made, sent = outside(tmp_path, {"TERM": "linux"}, Preferences(notify=Notify(command=command)))
    assert await made.notify("3 wait; `rm` $HOME") == ""
    assert sent == []
    assert log.read_text() == "Factory adder: 3 wait; `rm` $HOME"


async def test_a_notify_command_that_fails_is_named(tmp_path):
    made, _ = outside(tmp_path, {}, Preferences(notify=Notify(how="command", command=("/no/such/thing",))))
    assert "/no/such/thing did not run" in await made.notify("x")
    made, _ = outside(tmp_path, {}, Preferences(notify=Notify(command=("false",))))
    assert "ended with 1" in await made.notify("x")


async def test_notices_can_be_off(tmp_path):
    made, sent = outside(tmp_path, {"TERM": "xterm"}, Preferences(notify=Notify(how="off", command=("false",))))
    assert await made.notify("x") == ""
    assert sent == []


def test_a_bell_rings_once_a_minute_at_most(tmp_path):
    made, _ = outside(tmp_path, {})
    assert [made.may_ring(at) for at in (0.0, 1.0, 59.9, 60.0, 61.0, 120.0)] == [True, False, False, True, False, True]


async def test_what_begins_to_wait_rings_and_is_told_without_a_seats_words():
    chair = BusyFloor()
    async with chair.cockpit(environment={"TERM": "xterm"}) as (app, pilot):
        sent: list[str] = []
        app.outside._write = sent.append
        chair.wish(Action(kind="fetch", resource="package", target="authlib"), "T-3")
        for _ in range(4):
            chair.tick()
            app._dirty = True
            app._tick()
            await settled(pilot)
        assert len(sent) == 1
        assert re.fullmatch(r"\x1b\]9;Factory adder: \d wait for you, newest: ask A-\d+\x07", sent[0])


async def test_copying_on_the_floor_says_where_to():
    chair = BusyFloor()
    async with chair.cockpit(environment={"TERM": "xterm"}) as (app, pilot):
        await press(pilot, "y")
        assert "OSC 52" in hint(app)


# --- the file ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("[bell]\nrings = true\n", 2, "did you mean `ring`?"),
        ('[notify]\n\nhow = "loud"\n', 3, "none of the known words"),
        ('[notify]\ncommand = "notify-send x"\n', 2, "a list is expected"),
        ('[away]\nminutes = "ten"\n', 2, "a number is expected"),
        ("[away]\nminutes = 0\n", 2, "longer than nothing"),
        ('[notify]\nhow = "command"\n', 2, "names no command"),
        ("[look\n", 1, "not TOML"),
        ("[colours]\n", 1, "unknown key `colours`"),
    ],
)
def test_a_wrong_preference_is_named_with_its_line(text, line, told):
    with pytest.raises(FactoryError) as wrong:
        parse_preferences("cockpit.toml", text)
    assert f"cockpit.toml line {line}:" in str(wrong.value)
    assert told.lower() in str(wrong.value).lower()


def test_preferences_are_read_from_the_users_own_directory_alone(tmp_path):
    repository, config = tmp_path / "repository", tmp_path / "config"
    (config / "factory").mkdir(parents=True)
    repository.mkdir()
    environment = {"XDG_CONFIG_HOME": str(config), "HOME": str(tmp_path)}
    assert read_preferences(environment, str(repository)) == Preferences()
    text = '[notify]\ncommand = ["notify-send", "Factory"]\n[bell]\nring = false\n'
    (config / "factory" / "cockpit.toml").write_text(text)
    found = read_preferences(environment, str(repository))
    assert found.notify.command == ("notify-send", "Factory")
    assert not found.bell.ring
    with pytest.raises(FactoryError, match="where seats write"):
        read_preferences(environment, str(config))
    (config / "factory" / "cockpit.toml").chmod(0o666)
    with pytest.raises(FactoryError, match="somebody else"):
        read_preferences(environment, str(repository))
