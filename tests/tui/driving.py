"""How tests wait for the screen, and read it."""

from vscan_tui.events import Endpoint

HOST = "127.0.0.1"


def tcp(port, address=HOST):
    return Endpoint(address, "tcp", port)


async def until(pilot, condition):
    """Wait for something to become true, however busy the machine is."""
    for _ in range(1000):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not happen")


async def settle(pilot):
    """Wait until every event that was emitted is on the screen."""
    app = pilot.app
    await until(pilot, lambda: "run" in app.source.calls and not len(app.feed))
    await pilot.pause()


def pane_text(pane):
    """What a pane shows now, line by line."""
    return [pane.render_line(y).text.rstrip() for y in range(pane.size.height)]


def screen_text(app):
    """All that the terminal shows, line by line."""
    strips = app.screen._compositor.render_strips()
    return [strip.text for strip in strips]


def group_texts(pane):
    """What is shown in the colours of each group, and which group is lit up."""
    found = {}
    for y in range(pane.size.height):
        for segment in pane.render_line(y):
            meta = segment.style.meta if segment.style else {}
            if "group" in meta:
                found.setdefault(meta["group"], []).append((segment.text, bool(segment.style.bold)))
    return found


def lit(pane):
    """The text that is lit up in a pane."""
    return [text for texts in group_texts(pane).values() for text, is_bold in texts if is_bold]
