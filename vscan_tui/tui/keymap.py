"""Every command with its keys: bindings, footer, help and palette are made from this.

A command's id is what users name when they give it other keys.
"""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from textual.binding import Binding, BindingType
from textual.keys import Keys

from vscan_tui.tui.rendering.attention import KINDS


class Scope(Enum):
    """Where a command works."""

    PROGRAM = "everywhere"
    TRIAGE = "on the triage screen"
    PANE = "in the pane that has the cursor"
    DEBUGGER = "in the match debugger"
    RESPONSE = "in the response"
    STEP = "in the pane where a port is stepped"
    WORKBENCH = "in the rule workbench"
    EDITOR = "where a rule is written"
    COMPOSER = "in the composer"
    FILTER = "where a filter is typed"
    FIND = "where one types what to find in a response"
    RULE_SEARCH = "where one types what to find among the rules"
    PROMPT = "in a window that asks for a line"
    PICK = "in a list that is filtered as one types"
    BREAKPOINTS = "in the list of breakpoints"
    COLUMNS = "in the list of columns"
    COPY_AS = "in the list of notations"
    TIMELINE = "in the timeline"
    HELP = "in the help"
    JUMP = "while jump labels are shown"
    CONFIRM = "in a question"


class Topic(Enum):
    """Under which heading the help shows a command."""

    MOVE = "Move"
    PANES = "Panes"
    FIND = "Find"
    PORTS = "Ports"
    GROUPS = "Captured groups"
    RULES = "Rules"
    RESPONSE = "Response"
    SCAN = "Scan"
    BY_HAND = "By hand"
    COMPOSER = "Composer"
    WORKBENCH = "Rule workbench"
    LINES = "Lines to type in"
    WINDOWS = "Windows"
    PROGRAM = "Program"


class Need(Enum):
    """What must be so that a command can do something; the value says what is missing."""

    LIVE = "nothing is being scanned or played"
    SENDING = "this recording has no servers to be asked"
    PORT = "no port is selected"
    RESPONSE = "the selected exchange has no response"
    GROUPS = "no group was captured in this response"


@dataclass(frozen=True, slots=True)
class Command:
    """Something the user can ask for."""

    id: str
    keys: str
    action: str
    label: str
    """One or two words, for the footer."""
    help: str
    topic: Topic
    scope: Scope
    in_footer: bool = False
    in_palette: bool = True
    priority: bool = False
    needs: tuple[Need, ...] = ()

    def obstacle(self, met: Collection[Need]) -> str:
        """Say why the command can do nothing now; empty if it can.

        Args:
            met: the needs that are met.
        """
        return next((need.value for need in self.needs if need not in met), "")

    @property
    def title(self) -> str:
        """Its name in the palette: what it does, without the details."""
        return self.help.split(";", maxsplit=1)[0]

    @property
    def details(self) -> str:
        """The details, if there are any."""
        return self.help.partition("; ")[2]


def _pane(id_: str, keys: str, label: str, text: str) -> Command:
    action = id_.removeprefix("move.")
    return Command(id_, keys, action, label, text, Topic.MOVE, Scope.PANE, in_palette=False)


_MOVEMENTS = frozenset({
    "left", "right", "select_left", "select_right", "select_up", "select_down", "unselect",
})  # fmt: skip


def _response(
    name: str, keys: str, action: str, label: str, text: str, *, in_footer: bool = False
) -> Command:
    return Command(
        f"response.{name}", keys, action, label, text, Topic.RESPONSE, Scope.RESPONSE,
        in_footer=in_footer, in_palette=name not in _MOVEMENTS, needs=(Need.RESPONSE,),
    )  # fmt: skip


def _step(word: str, keys: str, label: str, text: str) -> Command:
    return Command(
        f"step.{word}", keys, f"say('{word}')", label, text, Topic.BY_HAND, Scope.STEP,
        in_footer=True,
    )  # fmt: skip


def _compose(name: str, keys: str, label: str, text: str) -> Command:
    return Command(
        f"compose.{name}", keys, name, label, text, Topic.COMPOSER, Scope.COMPOSER,
        in_footer=True, in_palette=name != "leave", priority=keys != "escape",
    )  # fmt: skip


def _line(id_: str, keys: str, action: str, label: str, text: str, scope: Scope) -> Command:
    return Command(
        id_, keys, action, label, text, Topic.LINES, scope, in_footer=True, in_palette=False
    )


def _window(id_: str, keys: str, action: str, label: str, text: str, scope: Scope) -> Command:
    return Command(
        id_, keys, action, label, text, Topic.WINDOWS, scope, in_footer=True, in_palette=False
    )


COMMANDS = (
    _pane("move.cursor_up", "up,k", "Up", "One line up"),
    _pane("move.cursor_down", "down,j", "Down", "One line down"),
    _pane("move.page_up", "pageup", "Page up", "One page up"),
    _pane("move.page_down", "pagedown", "Page down", "One page down"),
    _pane("move.half_up", "ctrl+u", "Half up", "Half a page up"),
    _pane("move.half_down", "ctrl+d", "Half down", "Half a page down"),
    _pane("move.first", "home,g", "First", "To the first line"),
    _pane("move.last", "end,G", "Last", "To the last line"),
    Command(
        "panes.open", "enter,right,l", "open", "Open",
        "Go into the details; from the ports to the exchanges, the response, the rule",
        Topic.PANES, Scope.TRIAGE,
    ),
    Command(
        "panes.back", "left,h", "back", "Back", "Go back one pane",
        Topic.PANES, Scope.TRIAGE,
    ),
    Command(
        "panes.next", "tab", "next_pane", "Next pane", "Go to the next pane",
        Topic.PANES, Scope.TRIAGE,
    ),
    Command(
        "panes.previous", "shift+tab", "previous_pane", "Previous pane", "Go to the previous pane",
        Topic.PANES, Scope.TRIAGE,
    ),
    Command(
        "find.filter", "/", "filter", "filter",
        "Filter the ports; by words, or by fields such as state:open, which tab completes",
        Topic.FIND, Scope.TRIAGE, in_footer=True,
    ),
    Command(
        "scan.pause", "space", "app.pause", "pause",
        "Pause or resume the scan, or the recording; while paused, nothing new is begun",
        Topic.SCAN, Scope.TRIAGE, in_footer=True, needs=(Need.LIVE,),
    ),
    Command(
        "by_hand.step", "s", "app.by_hand('step')", "step",
        "Hold this port, and step; every action is shown before it happens",
        Topic.BY_HAND, Scope.TRIAGE, in_footer=True, needs=(Need.SENDING, Need.PORT),
    ),
    Command(
        "by_hand.compose", "e", "app.by_hand('compose')", "compose",
        "Write a payload and send it to this port; begins with that of the selected exchange",
        Topic.BY_HAND, Scope.TRIAGE, in_footer=True, needs=(Need.SENDING, Need.PORT),
    ),
    Command(
        "by_hand.send_again", "r", "app.by_hand('send_again')", "Send again",
        "Send the selected exchange's payload again",
        Topic.BY_HAND, Scope.TRIAGE, needs=(Need.SENDING, Need.PORT),
    ),
    Command(
        "by_hand.breakpoints", "b", "app.by_hand('breakpoints')", "Breakpoints",
        "Breakpoints; hold a port on a service, a rule, a soft match, no answer",
        Topic.BY_HAND, Scope.TRIAGE,
    ),
    _step("step", "s,enter", "step", "Step; carry out the action that is shown"),
    _step("over", "o", "over", "Step over to the next probe"),
    _step("run", "c", "run on", "Let the port go on by itself"),
    _step("skip", "x", "skip", "Skip the probe; after the verdict: go on with those that are left"),
    _step("choose", "p", "probe", "Choose the probe that is sent next"),
    _step("again", "r", "again", "Send the last probe again"),
    _step("stop", "X", "stop", "Stop asking this port"),
    _step("run_all", "C", "run all", "Let all ports that are held go on"),
    Command(
        "find.next", "n", "ports('attention(1)')", "next",
        "Next port that wants attention; unknown ones, until a chooses another kind",
        Topic.FIND, Scope.TRIAGE, in_footer=True, needs=(Need.PORT,),
    ),
    Command(
        "find.previous", "N", "ports('attention(-1)')", "Previous",
        "Previous port that wants attention", Topic.FIND, Scope.TRIAGE, needs=(Need.PORT,),
    ),
    Command(
        "find.kind", "a", "ports('attention_kind(-1)')", "Kind",
        "Choose what next and previous look for; unknown, soft match, marked to do, all of them",
        Topic.FIND, Scope.TRIAGE,
    ),
    *(
        Command(
            f"find.kind_{number}", "", f"ports('attention_kind({number})')", kind.name,
            f"Next and previous: {kind.meaning}", Topic.FIND, Scope.TRIAGE,
        )
        for number, kind in enumerate(KINDS)
    ),
    Command(
        "find.follow", "f", "ports('follow')", "Follow",
        "Follow the newest finding; until the cursor is moved or the ports are scrolled",
        Topic.FIND, Scope.TRIAGE, needs=(Need.LIVE,),
    ),
    Command(
        "ports.mark", "m", "ports('mark')", "mark",
        "Mark the port; to do, done, no mark", Topic.PORTS, Scope.TRIAGE, in_footer=True,
        needs=(Need.PORT,),
    ),
    Command(
        "ports.note", "M", "ports('note')", "Note", "Write a note on the port",
        Topic.PORTS, Scope.TRIAGE, needs=(Need.PORT,),
    ),
    Command(
        "ports.sort", "o", "ports('sort')", "Sort",
        "Sort the ports by the next column; or click on its heading", Topic.PORTS, Scope.TRIAGE,
    ),
    Command(
        "ports.reverse", "O", "ports('reverse')", "Reverse", "Sort the other way round",
        Topic.PORTS, Scope.TRIAGE,
    ),
    Command(
        "ports.by_host", "H", "ports('by_host')", "By host",
        "Group the ports by host, or no longer; enter on a host folds and unfolds it",
        Topic.PORTS, Scope.TRIAGE,
    ),
    Command(
        "ports.columns", "c", "ports('columns')", "Columns", "Choose the columns of the ports",
        Topic.PORTS, Scope.TRIAGE,
    ),
    Command(
        "panes.view", "v", "view", "view",
        "Show the response another way; as a hexdump, as text, as C escapes",
        Topic.PANES, Scope.TRIAGE, in_footer=True, needs=(Need.RESPONSE,),
    ),
    Command(
        "panes.zoom", "z", "zoom", "zoom",
        "Give the whole screen to one pane, and back; twice on its heading with the mouse",
        Topic.PANES, Scope.TRIAGE, in_footer=True,
    ),
    Command(
        "panes.wider", ">", "widen(1)", "Wider",
        "Give the ports more room; the mouse drags borders",
        Topic.PANES, Scope.TRIAGE,
    ),
    Command(
        "panes.narrower", "<", "widen(-1)", "Narrower", "Give the ports less room",
        Topic.PANES, Scope.TRIAGE,
    ),
    Command(
        "panes.taller", "+", "grow(1)", "Taller", "Make this pane taller; the mouse drags headings",
        Topic.PANES, Scope.TRIAGE,
    ),
    Command(
        "panes.shorter", "-", "grow(-1)", "Shorter", "Make this pane less tall",
        Topic.PANES, Scope.TRIAGE,
    ),
    Command(
        "panes.jump", ";", "jump", "jump", "Jump to a pane or a line by the letter shown on it",
        Topic.PANES, Scope.TRIAGE,
    ),
    Command(
        "groups.next", "]", "group(1)", "Next group",
        "Select the next captured group; it lights up in regex, response and version",
        Topic.GROUPS, Scope.TRIAGE, needs=(Need.GROUPS,),
    ),
    Command(
        "groups.previous", "[", "group(-1)", "Previous group", "Select the previous captured group",
        Topic.GROUPS, Scope.TRIAGE, needs=(Need.GROUPS,),
    ),
    Command(
        "rules.workbench", "w", "workbench(False)", "rule",
        "Write a rule in the workbench; begins with the rule that is looked at",
        Topic.RULES, Scope.TRIAGE, in_footer=True,
    ),
    Command(
        "rules.draft", "d", "workbench(True)", "draft",
        "Draft a rule from this response; in the workbench, where it is tried and saved",
        Topic.RULES, Scope.TRIAGE, in_footer=True, needs=(Need.RESPONSE,),
    ),
    Command(
        "workbench.save", "ctrl+s", "save", "save",
        "Save the rule among your own; scans use it from then on",
        Topic.WORKBENCH, Scope.WORKBENCH, in_footer=True,
    ),
    Command(
        "workbench.draft", "ctrl+r,d", "draft", "draft",
        "Draft a rule from the response under the cursor",
        Topic.WORKBENCH, Scope.WORKBENCH, in_footer=True,
    ),
    Command(
        "workbench.probe", "ctrl+t", "probe", "other probe",
        "Write the rule for the responses of another probe",
        Topic.WORKBENCH, Scope.WORKBENCH, in_footer=True,
    ),
    Command(
        "workbench.export", "ctrl+o,x", "export", "export",
        "Write the rule and the fingerprint as text; for whoever keeps a probe database",
        Topic.WORKBENCH, Scope.WORKBENCH, in_footer=True,
    ),
    Command(
        "workbench.undo", "ctrl+z,u", "undo", "undo", "Take back the last change of the rule",
        Topic.WORKBENCH, Scope.WORKBENCH, in_footer=True,
    ),
    Command(
        "workbench.redo", "ctrl+y,U", "redo", "Redo", "Do again what was taken back",
        Topic.WORKBENCH, Scope.WORKBENCH,
    ),
    Command(
        "workbench.edit", "e,i", "edit", "Edit", "Go on writing the rule",
        Topic.WORKBENCH, Scope.WORKBENCH, in_palette=False,
    ),
    Command(
        "workbench.view", "v", "view", "View", "Show the response another way",
        Topic.WORKBENCH, Scope.WORKBENCH, in_palette=False,
    ),
    Command(
        "workbench.copy", "y", "copy", "Copy", "Copy the rule",
        Topic.WORKBENCH, Scope.WORKBENCH, in_palette=False,
    ),
    Command(
        "workbench.next_pane", "tab", "next_pane", "Next pane", "Go to the next pane",
        Topic.WORKBENCH, Scope.WORKBENCH, in_palette=False,
    ),
    Command(
        "workbench.help", "f1,?", "app.help", "help", "Show all keys",
        Topic.WORKBENCH, Scope.WORKBENCH, in_footer=True, in_palette=False,
    ),
    Command(
        "workbench.close", "escape,q", "close", "close", "Leave the workbench",
        Topic.WORKBENCH, Scope.WORKBENCH, in_footer=True,
    ),
    Command(
        "debugger.next_part", "full_stop", "part(1)", "part",
        "Select the next part of the regex; the bytes that it met light up in the response",
        Topic.RULES, Scope.DEBUGGER, in_footer=True,
    ),
    Command(
        "debugger.previous_part", "comma", "part(-1)", "Previous part",
        "Select the previous part of the regex",
        Topic.RULES, Scope.DEBUGGER,
    ),
    Command(
        "debugger.rules", "v,enter", "turn", "all rules",
        "Show all rules in the order tried with the fate of each, or the one that is looked at",
        Topic.RULES, Scope.DEBUGGER, in_footer=True,
    ),
    Command(
        "debugger.next", "n", "notable(1)", "next rule",
        "Go to the next rule that matters; fired, shadowed, then the nearest",
        Topic.RULES, Scope.DEBUGGER, in_footer=True, in_palette=False,
    ),
    Command(
        "debugger.previous", "N", "notable(-1)", "Previous rule",
        "Go to the previous rule that matters",
        Topic.RULES, Scope.DEBUGGER, in_palette=False,
    ),
    Command(
        "debugger.search", "/", "search", "search rules",
        "Search the rules; every word must be in its service, place, fields or regex",
        Topic.RULES, Scope.DEBUGGER, in_footer=True,
    ),
    Command(
        "panes.copy", "y", "copy", "copy",
        "Copy the selected line, or the selected group's bytes; in the response the selection",
        Topic.PANES, Scope.TRIAGE, in_footer=True, needs=(Need.PORT,),
    ),
    Command(
        "panes.copy_as", "Y", "copy_as", "Copy as…",
        "Copy bytes in another notation; hex, text, C, Python, probe line, base64, hexdump",
        Topic.PANES, Scope.TRIAGE, needs=(Need.RESPONSE,),
    ),
    Command(
        "panes.export", "x", "export", "export",
        "Export the selected exchange; a file that text2pcap turns into a capture",
        Topic.PANES, Scope.TRIAGE, needs=(Need.PORT,),
    ),
    Command(
        "panes.timeline", "t", "timeline", "time",
        "Show where the seconds of this port went; its connections, waits and answers",
        Topic.PANES, Scope.TRIAGE, needs=(Need.PORT,),
    ),
    _response("find", "slash", "find", "find",
              r"Find in the response; text, \x0d\x0a, hex: 0d 0a, or re: regex", in_footer=True),
    _response("next_hit", "n", "hit(1)", "Next hit", "Go to the next hit; while there is a search"),
    _response("previous_hit", "N", "hit(-1)", "Previous hit", "Go to the previous hit"),
    _response("select", "V", "select", "select",
              "Begin to select bytes at the cursor, or end it; shift and an arrow select too",
              in_footer=True),
    _response("sent", "p", "sent", "sent",
              "Show what was sent beside the response, or above it; and back", in_footer=True),
    _response("next_read", "}", "read(1)", "Next read", "Go to the first byte of the next read"),
    _response("previous_read", "{", "read(-1)", "Previous read",
              "Go to the first byte of this read, or of the one before"),
    _response("left", "left,h", "byte_left", "Left",
              "One byte back; from the first byte to the pane before"),
    _response("right", "right,l", "byte_right", "Right", "One byte on"),
    _response("select_left", "shift+left", "select_left", "Select left", "Select one byte back"),
    _response("select_right", "shift+right", "select_right", "Select right", "Select one byte on"),
    _response("select_up", "shift+up", "select_up", "Select up", "Select one line up"),
    _response("select_down", "shift+down", "select_down", "Select down", "Select one line down"),
    _response("unselect", "escape", "unselect", "Unselect",
              "End the selection, then the search, then what esc does elsewhere"),
    Command(
        "panes.escape", "escape", "escape", "Back out",
        "Leave the zoom, clear the filter, or go back to the ports",
        Topic.PANES, Scope.TRIAGE, in_palette=False,
    ),
    _compose("send", "ctrl+s", "send", "Send it to the port"),
    _compose("leave", "escape", "close", "Close without sending; it stays in the history"),
    _compose("over", "ctrl+t", "over", "Send over the next of TCP, TLS and UDP"),
    _compose("form", "f2,ctrl+b", "text or hex", "Write the same bytes as text or as hex"),
    _compose("probe", "ctrl+n", "probe", "Insert the payload of a probe"),
    _compose("history", "ctrl+r", "history", "Insert a payload that was sent in this session"),
    _compose("file", "ctrl+o", "file", "Insert the bytes of a file"),
    _compose("rules", "ctrl+l", "rules", "Choose whose rules the answers are matched with"),
    _compose("connection", "ctrl+g", "connections",
             "Send all payloads on one connection, or each on its own"),
    Command(
        "compose.help", "f1", "app.help", "help", "Show all keys",
        Topic.COMPOSER, Scope.COMPOSER, in_footer=True, in_palette=False,
    ),
    _line("editor.leave", "enter,escape", "leave", "to the responses",
          "Leave the line; for the responses that the rule is tried on", Scope.EDITOR),
    _line("editor.complete", "tab", "complete", "complete",
          "Complete what is written; with nothing to complete, leave the line", Scope.EDITOR),
    _line("filter.done", "enter,down", "leave(False)", "ports",
          "Keep the filter, and go to the ports", Scope.FILTER),
    _line("filter.clear", "escape", "leave(True)", "clear", "Forget the filter", Scope.FILTER),
    _line("filter.complete", "tab", "complete(1)", "complete",
          "Complete the word; again for the next way to", Scope.FILTER),
    _line("filter.complete_back", "shift+tab", "complete(-1)", "complete back",
          "Complete the word; the previous way", Scope.FILTER),
    _line("search.done", "enter,down,tab", "leave(False)", "to the hit",
          "Keep what was found, and go to it", Scope.FIND),
    _line("search.clear", "escape", "leave(True)", "clear", "Forget the search", Scope.FIND),
    _line("rule_search.done", "enter,down,tab", "leave(False)", "to the rules",
          "Keep the words, and go to the rules", Scope.RULE_SEARCH),
    _line("rule_search.clear", "escape", "leave(True)", "all rules",
          "Forget the words; all rules are shown", Scope.RULE_SEARCH),
    _line("prompt.accept", "enter", "submit", "accept", "Take the line as it is", Scope.PROMPT),
    _line("prompt.close", "escape", "screen.dismiss(None)", "close",
          "Close the window, and leave everything as it was", Scope.PROMPT),
    _window("pick.choose", "enter", "screen.choose", "choose",
            "Choose what the cursor is on", Scope.PICK),
    _window("pick.close", "escape", "screen.dismiss(None)", "close",
            "Close the list; nothing is chosen", Scope.PICK),
    *(
        replace(
            _window(f"pick.{name}", keys, f"screen.move({step})", text, text, Scope.PICK),
            in_footer=False,
        )
        for name, keys, step, text in (
            ("up", "up", -1, "One line up"),
            ("down", "down", 1, "One line down"),
            ("page_up", "pageup", -10, "Ten lines up"),
            ("page_down", "pagedown", 10, "Ten lines down"),
        )
    ),
    _window("breakpoints.toggle", "enter,space", "switch", "add, enable, disable",
            "Add the breakpoint, enable or disable it", Scope.BREAKPOINTS),
    _window("breakpoints.remove", "d,delete", "remove", "remove",
            "Remove the breakpoint", Scope.BREAKPOINTS),
    _window("breakpoints.write", "a,slash", "write", "write one",
            "Write a breakpoint; service http, line 8871, port 443/tcp", Scope.BREAKPOINTS),
    _window("breakpoints.close", "escape,q,b", "dismiss", "close",
            "Close the list of breakpoints", Scope.BREAKPOINTS),
    _window("columns.toggle", "space,enter", "choose", "show or hide",
            "Show or hide the column", Scope.COLUMNS),
    _window("columns.close", "escape,q,c", "dismiss", "close",
            "Close the list of columns", Scope.COLUMNS),
    _window("copy_as.choose", "enter", "choose", "copy",
            "Copy in this notation; or type its letter", Scope.COPY_AS),
    _window("copy_as.close", "escape,q,Y", "dismiss", "close",
            "Close the list of notations", Scope.COPY_AS),
    _window("timeline.close", "escape,q,t", "dismiss", "close",
            "Close the timeline", Scope.TIMELINE),
    _window("help.list", "down,enter", "screen.to_list", "to the list",
            "Go to the list of keys", Scope.HELP),
    _window("help.close", "escape,f1,question_mark,q", "screen.dismiss", "close",
            "Close the help", Scope.HELP),
    _window("jump.close", "escape,semicolon", "dismiss", "close",
            "Take the labels away", Scope.JUMP),
    _window("confirm.yes", "y,enter", "dismiss(True)", "yes", "Yes", Scope.CONFIRM),
    _window("confirm.no", "n,escape,q", "dismiss(False)", "no", "No", Scope.CONFIRM),
    Command(
        "program.help", "?", "app.help", "help", "Show all keys, and what the symbols mean",
        Topic.PROGRAM, Scope.TRIAGE, in_footer=True,
    ),
    Command(
        "program.quit", "q,ctrl+q,ctrl+c", "app.quit", "quit",
        "Quit; a scan under way is stopped, and its journal is closed",
        Topic.PROGRAM, Scope.PROGRAM, in_footer=True,
    ),
    Command(
        "program.quit_with_table", "Q", "app.quit_with_table", "Quit, leave table",
        "Quit and leave the final port table in the terminal",
        Topic.PROGRAM, Scope.PROGRAM,
    ),
    Command(
        "program.palette", "ctrl+p", "app.command_palette", "palette", "Find a command by its name",
        Topic.PROGRAM, Scope.PROGRAM, in_footer=True, in_palette=False, priority=True,
    ),
    Command(
        "program.mask", "K", "app.mask", "Mask",
        "Hide addresses and names, or show them; for pictures that others may see",
        Topic.PROGRAM, Scope.PROGRAM,
    ),
    Command(
        "program.theme", "T", "app.change_theme", "Theme",
        "Choose the theme; dark, light or high contrast",
        Topic.PROGRAM, Scope.PROGRAM,
    ),
)  # fmt: skip

PLACES = {command.id: place for place, command in enumerate(COMMANDS)}
"""The order of the commands, by their ids."""
_KEY_NAMES = frozenset(key.value for key in Keys)
COMMAND_IDS = frozenset(command.id for command in COMMANDS if command.keys)
"""Of those that can be given other keys; the others are in the palette alone."""

_NAMES = {
    "slash": "/", "question_mark": "?", "left_square_bracket": "[", "right_square_bracket": "]",
    "full_stop": ".", "comma": ",",
    "pageup": "page up", "pagedown": "page down", "up": "↑", "down": "↓", "left": "←",
    "right": "→", "escape": "esc", "semicolon": ";", "delete": "del",
    "left_curly_bracket": "{", "right_curly_bracket": "}",
}  # fmt: skip


def bindings(scope: Scope) -> list[BindingType]:
    """Make Textual's bindings for the commands of a scope."""
    found: list[BindingType] = []
    for command in COMMANDS:
        if command.scope is not scope:
            continue
        for number, key in enumerate(filter(None, command.keys.split(","))):
            found.append(
                Binding(
                    key,
                    command.action,
                    command.label,
                    show=command.in_footer and number == 0,
                    # ctrl+q and ctrl+c must work while words are typed into a filter
                    priority=command.priority or key in {"ctrl+q", "ctrl+c"},
                    tooltip=command.help,
                    id=command.id,
                )
            )
    return found


def keys_text(command: Command, keymap: Mapping[str, str] | None = None) -> str:
    """Name the keys of a command as a person reads them.

    Args:
        command: the command.
        keymap: keys that the user chose, by the id of the command.
    """
    keys = (keymap or {}).get(command.id, command.keys)
    return "  ".join(_key_text(key) for key in keys.split(","))


def faults(keymap: Mapping[str, str]) -> list[tuple[str, str]]:
    """Tell what is wrong with keys that the user chose: the command's id, and a sentence.

    A key that two commands of one scope share works for one of them only.  In
    different scopes a key may mean different things: the nearest wins.

    Args:
        keymap: keys, separated by commas, by the id of their command.
    """
    found = []
    owners: dict[tuple[Scope, str], str] = {}
    for command in COMMANDS:
        for key in filter(None, keymap.get(command.id, command.keys).split(",")):
            if command.id in keymap and not _is_key(key):
                found.append((command.id, f'there is no key named "{key}"'))
            owner = owners.setdefault((command.scope, key), command.id)
            if owner != command.id and (owner in keymap or command.id in keymap):
                named = owner if owner in keymap else command.id
                found.append((named, f'the key "{key}" is that of {owner} and of {command.id}'))
    return found


def usable(keymap: Mapping[str, str]) -> dict[str, str]:
    """Leave out keys that do not exist; a command for which none is left keeps its own."""
    found = {id_: ",".join(filter(_is_key, keys.split(","))) for id_, keys in keymap.items()}
    return {id_: keys for id_, keys in found.items() if keys}


def _is_key(key: str) -> bool:
    *modifiers, name = key.split("+") if len(key) > 1 else [key]
    if any(modifier not in {"ctrl", "shift", "alt", "super", "meta"} for modifier in modifiers):
        return False
    return len(name) == 1 or name in _KEY_NAMES or _is_character_name(name)


def _is_character_name(name: str) -> bool:
    try:
        unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return False
    return True


def _key_text(key: str) -> str:
    *modifiers, name = key.split("+")
    shown = _NAMES.get(name, name)
    return "+".join([*modifiers, shown])


def found_commands(text: str, keymap: Mapping[str, str]) -> list[Command]:
    """Return the commands of a key, or those in whose keys or help every word is.

    Args:
        text: the name of a key, such as "y" or "ctrl+s", or words.
        keymap: keys that the user chose, by the id of the command.
    """
    key = text.strip()
    of_key = [each for each in COMMANDS if key and key in keys_text(each, keymap).split("  ")]
    words = text.lower().split()
    return of_key or [
        command
        for command in COMMANDS
        if all(
            word in f"{keys_text(command, keymap)} {command.label} {command.help}".lower()
            for word in words
        )
    ]
