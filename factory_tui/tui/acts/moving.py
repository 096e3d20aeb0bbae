"""Moving about in a list, a text or the floor."""

from __future__ import annotations

from factory_tui.tui.acts.act import Act

_MOVING = ("list", "text", "floor")

ITEM_KEYS = "123456789abcdefhilmprsuvwxz"
"""Of what waits, in order: digits, then the letters that move nothing and go nowhere in that list."""

MOVING: tuple[Act, ...] = (
    Act(id="move.down", keys=("j", "down"), label="down", doc="One down.", where=_MOVING, group="move"),
    Act(id="move.up", keys=("k", "up"), label="up", doc="One up.", where=_MOVING, group="move"),
    Act(id="move.left", keys=("h", "left"), label="left", doc="The box to the left.", where=("floor",), group="move"),
    Act(
        id="move.right", keys=("l", "right"), label="right", doc="The box to the right.", where=("floor",), group="move"
    ),
    Act(id="move.top", keys=("g g", "home"), label="top", doc="To the beginning.", where=_MOVING, group="move"),
    Act(
        id="move.end",
        keys=("G", "end"),
        label="newest",
        doc="To the end; a pane follows again.",
        where=_MOVING,
        group="move",
    ),
    Act(
        id="move.page-down", keys=("ctrl+d", "pagedown"), label="page", doc="A page down.", where=_MOVING, group="move"
    ),
    Act(id="move.page-up", keys=("ctrl+u", "pageup"), label="page up", doc="A page up.", where=_MOVING, group="move"),
    Act(
        id="move.next-box",
        keys=("tab",),
        label="next box",
        doc="The next box, or tab.",
        where=("floor", "deployment", "proposing"),
        hint=14,
    ),
    Act(id="move.last-box", keys=("shift+tab",), label="box before", doc="The box before.", where=("floor",)),
    Act(
        id="open",
        keys=("enter",),
        label="open",
        doc="Opens what is chosen.",
        where=("floor", "list", "rule"),
        group="move",
        hint=2,
    ),
    Act(id="back", keys=("escape",), label="back", doc="Back; it never quits.", group="move", hint=50),
    Act(
        id="search",
        keys=("/",),
        label="find",
        doc="Searches in the chosen box.",
        where=_MOVING,
        group="move",
        hint=16,
    ),
    Act(id="search.next", keys=("n",), label="next", doc="The next hit.", where=_MOVING, group="move"),
    Act(id="search.before", keys=("N",), label="before", doc="The hit before.", where=_MOVING, group="move"),
    *(
        Act(
            id=f"task.{number}",
            keys=(str(number),),
            label=f"task {number}",
            doc=f"Chooses task {number} of the list.",
            where=("floor",),
            group="move",
        )
        for number in range(1, 10)
    ),
    *(
        Act(
            id=f"item.{number}",
            keys=(key,),
            label=f"item {number}",
            doc=f"Opens item {number} of what waits; the next key answers it.",
            where=("needs",),
            group="go",
        )
        for number, key in enumerate(ITEM_KEYS, 1)
    ),
)
