"""Why: the rule that fired on the selected exchange, all others, and the decisions on its port."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.message import Message
from textual.timer import Timer

from vscan_tui.events import Endpoint, Match, Span
from vscan_tui.probedb.model import Rule
from vscan_tui.session.store import Exchange, Port
from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.rendering.debugger import NEAREST, Chosen, debugger_lines, laid_over
from vscan_tui.tui.rendering.line import Layer, Line, Role, Run, heading
from vscan_tui.tui.rendering.rule_list import rule_row
from vscan_tui.tui.widgets.line_view import LineView
from vscan_tui.tui.widgets.rule_search import RuleSearch

if TYPE_CHECKING:  # matching is imported when it is used
    from vscan_tui.matching.explain import Fate
    from vscan_tui.matching.investigation import Investigation, Study

_REST = 0.2
"""Seconds that the cursor rests before the rules are looked through."""
_KEPT = 16
"""Studies that are kept: one holds what is known of all rules."""
_NOTABLE = 50
"""So many of the nearest are gone through."""

_Key = tuple[Endpoint, int, int, int]
"""A response: port, number of the exchange, length, firings."""


class Side(StrEnum):
    """What the pane shows."""

    WHY = "why"
    RULES = "rules"


_NEIGHBOURS = 3
"""So many rules after the one that is looked at are to be seen."""


class MatchDebugger(LineView):
    """One rule with its parts and fields, or the list of all rules with the fate of each."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.DEBUGGER)

    class Explained(Message):
        """Another rule, or another part of it, is looked at."""

        def __init__(
            self,
            spans: tuple[Span | None, ...],
            laid_over: tuple[tuple[Span, Layer], ...],
        ) -> None:
            """Name what the rule captured, and which bytes its parts met."""
            super().__init__()
            self.spans = spans
            self.laid_over = laid_over

    def __init__(self, investigation: "Investigation | None", *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without an exchange.

        Args:
            investigation: answers what rules make of a response; None: only what was
                recorded is shown.
            id: of the widget.
        """
        super().__init__(id=id)
        self.side = Side.WHY
        self._investigation = investigation
        self._search = RuleSearch(self, self.search_for)
        self._port: Port | None = None
        self._exchange: Exchange | None = None
        self._studies: OrderedDict[_Key, Study | None] = OrderedDict()
        self._asked: set[_Key] = set()
        self._shown: tuple[_Key | None, bool] = (None, False)
        self._place: int | None = None
        self._chosen: Chosen | None = None
        self._words: tuple[bytes, ...] = ()
        self._found: Sequence[int] | None = None
        self._lines: list[Line] = []
        self._rest: Timer | None = None

    # What a pane says of itself

    @property
    def line_count(self) -> int:
        """How many lines this side has."""
        return len(self._lines) if self.side is Side.WHY else len(self._listed())

    def line_at(self, index: int) -> Line:
        """Draw a line."""
        study = self.study
        if self.side is Side.WHY or study is None:
            return self._lines[index]
        return rule_row(study.rules, self._listed()[index], self.text_width)

    def line_key(self, index: int) -> Hashable:
        """Return what identifies a line: itself, or the rule on it."""
        if self.side is Side.WHY:
            return self._lines[index]
        return id(self.study), self._listed()[index]

    def heading(self) -> Line:
        """Name the pane and its sides."""
        tabs: list[Run] = []
        for side in Side:
            if tabs:
                tabs.append(Run(" │ ", Role.RULE))
            tabs.append(Run(side, Role.CHOSEN if side is self.side else Role.DIM, view=side))
        title = "match debugger"
        study = self.study
        if self.side is Side.RULES and study is not None:
            total = len(study.rules)
            found = f"{len(self._listed()):,} of " if self._found is not None else ""
            title = f"rules  {found}{total:,}, in the order tried"
        return heading(title, self.size.width, focused=self.has_focus, right=tabs)

    def hint(self) -> str:
        """Say what will be explained here, or why there is nothing."""
        if self._port is None:
            return "Which rule named a service, and why, is shown here."
        if self.side is Side.WHY:
            return "Nothing has been decided about this port yet."
        if self._found is not None:
            return "No rule has all these words in its service, place, fields or regex."
        if self._exchange is None or not self._exchange.response:
            return "Rules are tried on a response; this exchange has none."
        if self._investigation is None or self._key() in self._studies:
            return "No probe database is at hand to look through."
        return "Looking through the rules …"

    def reflow(self) -> None:
        """Fit the lines to the width."""
        if self._port is None:
            self._lines = []
        else:
            self._lines = debugger_lines(
                self._port, self._exchange, self.text_width, self._chosen, self.study
            )

    # What is shown

    @property
    def study(self) -> "Study | None":
        """What is known of all rules on the selected response."""
        key = self._key()
        return None if key is None else self._studies.get(key)

    @property
    def chosen(self) -> Chosen | None:
        """The rule that is looked at."""
        return self._chosen

    @property
    def spans(self) -> tuple[Span | None, ...]:
        """What the rule that is looked at captured."""
        chosen = self._chosen
        if chosen is None:
            return ()
        if isinstance(chosen.rule, Match):
            return chosen.rule.spans
        return chosen.dissection.spans if chosen.dissection is not None else ()

    def show(self, port: Port | None, exchange: Exchange | None) -> None:
        """Explain an exchange of a port."""
        is_other = port is not self._port or exchange is not self._exchange
        self._port, self._exchange = port, exchange
        key = self._key(), exchange is not None and exchange.ending is not None
        if is_other or key != self._shown:  # the exchange may have grown meanwhile
            self._shown = key
            self._found = None
            self._choose_first()
        self._update()
        if is_other:
            self.cursor = 0
            self.jump_to(0)
            self.refresh()

    def look_again(self) -> None:
        """Forget what is known of all rules: the databases have changed."""
        self._studies.clear()
        self._asked.clear()
        self._found = None
        self._choose_first()
        self._update()

    def search_for(self, words: tuple[bytes, ...]) -> None:
        """List only the rules that have these lower-case words."""
        self._words = words
        self._find()
        self.cursor = 0
        self.jump_to(0)
        self._update()
        if self._listed():
            self._choose(self._listed()[0])

    def _find(self) -> None:
        study = self.study
        self._found = study.rules.found(self._words) if study is not None and self._words else None

    def _listed(self) -> Sequence[int]:
        if self._found is not None:
            return self._found
        study = self.study
        return range(len(study.rules)) if study is not None else ()

    def _update(self) -> None:
        self.reflow()
        self.forget()
        self.fit()

    def _key(self) -> _Key | None:
        port, exchange = self._port, self._exchange
        if port is None or exchange is None or not exchange.response:
            return None
        return port.endpoint, exchange.number, len(exchange.response), len(exchange.firings)

    # Finding out

    def _is_wanted(self) -> bool:
        """Whether to look through all rules: where none fired, or someone asks."""
        exchange = self._exchange
        if exchange is None or not exchange.response:
            return False
        is_unknown = exchange.match is None and exchange.ending is not None and exchange.tried > 0
        return is_unknown or self.has_focus or self.side is Side.RULES

    def _choose_first(self) -> None:
        """Begin with the rule that fired; without one, with the nearest once it is known."""
        self._place, self._chosen = None, None
        exchange, study = self._exchange, self.study
        if exchange is not None and exchange.match is not None:
            match = exchange.match
            if study is not None:
                self._place = study.rules.place_of(match.pattern, match.file, match.line)
            self._chosen = Chosen(match, _fired(), match.database, match.probe, self._place)
        elif study is not None:
            rules = study.rules
            first = rules.near(NEAREST) if rules.fired is None else (rules.fired,)
            if first:
                self._choose(first[0])
                return
        self._tell()
        self._wait()

    def _choose(self, place: int) -> None:
        """Look at a rule of the list."""
        study, exchange = self.study, self._exchange
        if study is None or exchange is None:
            return
        fate = study.rules[place]
        self._place = place
        rule: Match | Rule = fate.rule
        match = exchange.match
        if match is not None and place == study.rules.place_of(
            match.pattern, match.file, match.line
        ):
            rule = match
        self._chosen = Chosen(rule, fate.fate, fate.database, fate.probe, place)
        self._wait()

    def _wait(self) -> None:
        """Find out more once the cursor rests: it takes a moment, and is wanted for few."""
        if self._rest is not None:
            self._rest.stop()
        if self._investigation is not None and self._key() is not None and self.is_attached:
            self._rest = self.set_timer(_REST, self._find_out)

    def _find_out(self) -> None:
        key, exchange = self._key(), self._exchange
        if self._investigation is None or key is None or exchange is None:
            return
        if self._chosen is not None and self._chosen.dissection is None:
            self.run_worker(
                self._dissect(self._investigation, self._chosen, bytes(exchange.response)),
                group="dissect", exclusive=True, exit_on_error=False,
            )  # fmt: skip
        if self._is_wanted() and key not in self._asked:
            self._asked.add(key)
            self.run_worker(
                self._look_through(self._investigation, key, exchange),
                group="study", exit_on_error=False,
            )  # fmt: skip

    async def _look_through(
        self, investigation: "Investigation", key: _Key, exchange: Exchange
    ) -> None:
        lengths = [chunk.offset + chunk.length for chunk in exchange.chunks]
        try:
            study = await asyncio.to_thread(
                investigation.study,
                exchange.probe,
                key[0].protocol,
                bytes(exchange.response[: key[2]]),
                lengths,
            )
        except Exception:
            self._asked.discard(key)
            raise
        self._studies[key] = study
        while len(self._studies) > _KEPT:
            self._asked.discard(self._studies.popitem(last=False)[0])
        if key == self._key():
            self._find()
            if self._chosen is None:
                self._choose_first()
            elif study is not None:
                rule = self._chosen.rule
                self._place = study.rules.place_of(rule.pattern, rule.file, rule.line)
                self._chosen = self._chosen.at(self._place)
                self._wait()
            self._update()
            if self.side is Side.RULES:
                self._go_to_place()

    async def _dissect(
        self, investigation: "Investigation", chosen: Chosen, response: bytes
    ) -> None:
        dissection = await asyncio.to_thread(investigation.dissect, _rule(chosen.rule), response)
        if self._chosen is chosen:
            self._show_chosen(chosen.with_dissection(dissection))

    def _show_chosen(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self._tell()
        if self.side is Side.WHY:
            self._update()

    def _tell(self) -> None:
        if self.is_attached:
            layers = laid_over(self._chosen) if self._chosen is not None else ()
            self.post_message(self.Explained(self.spans, layers))

    # Textual's side

    def on_mount(self) -> None:
        """Bring the line with it where words are typed."""
        if self.parent is not None:
            self.screen.mount(self._search, after=self)

    def on_focus(self) -> None:
        """Someone looks: find out about all rules."""
        self._wait()

    def on_line_view_view_chosen(self, event: LineView.ViewChosen) -> None:
        """Show the side whose name was clicked on."""
        event.stop()
        self._turn(Side(event.view))

    def _move_to(self, index: int) -> None:
        super()._move_to(index)
        if self.side is Side.RULES and self._listed():
            self._choose(self._listed()[self.cursor])

    def _turn(self, side: Side) -> None:
        self.side = side
        self.cursor = 0
        self._update()
        self.jump_to(0)
        if side is Side.RULES:
            self._go_to_place()
            self._wait()

    def _go_to_place(self) -> None:
        listed, place = self._listed(), self._place
        if place is None and self.study is not None:
            place = next(iter(self.study.rules.nearest), None)  # none is near: the nearest of all
        if place is not None and place in listed:
            index = listed.index(place)
            self.place_cursor(index)
            if index >= self.top + self.page - _NEIGHBOURS:
                self.jump_to(index - self.page // 2)  # what comes after it matters, too

    # Actions

    def action_turn(self) -> None:
        """Show the other side: the list of all rules, or the one that is looked at."""
        self._turn(Side.RULES if self.side is Side.WHY else Side.WHY)

    def action_search(self) -> None:
        """Type words that a rule must have."""
        if self.side is Side.WHY:
            self._turn(Side.RULES)
        self._search.open()

    def action_notable(self, step: int) -> None:
        """Look at the next rule that matters: fired, shadowed, then the nearest."""
        study = self.study
        if study is None:
            self.notify("The rules have not been looked through yet.", timeout=2.5, markup=False)
            return
        rules = study.rules
        fired = () if rules.fired is None else (rules.fired,)
        notable = [*fired, *rules.shadowed, *rules.nearest[:_NOTABLE]]
        if not notable:
            self.notify("No rule has anything in common with it.", timeout=2.5, markup=False)
            return
        if self._place in notable:
            place = notable[(notable.index(self._place) + step) % len(notable)]
        else:
            place = notable[0]
        self._choose(place)
        self._update()
        if self.side is Side.RULES:
            self._go_to_place()

    def action_part(self, step: int) -> None:
        """Select the next or previous part of the regex, and light up the bytes that it met."""
        chosen = self._chosen
        if chosen is None or chosen.dissection is None:
            self.notify("No regex has been taken apart here.", timeout=2.5, markup=False)
            return
        count = len(chosen.dissection.parts)
        if not count:
            return
        if chosen.part is None:
            failed = chosen.dissection.failed
            start = failed[0] if failed else (0 if step > 0 else count - 1)
        else:
            start = (chosen.part + step) % count
        self._show_chosen(chosen.with_part(start))
        if self.side is Side.RULES:
            self.forget()


def _rule(rule: Match | Rule) -> Rule:
    if isinstance(rule, Rule):
        return rule
    return Rule(
        rule.service, rule.soft, rule.pattern, rule.flags, rule.templates, rule.file, rule.line
    )


def _fired() -> "Fate":
    from vscan_tui.matching.explain import Fate  # noqa: PLC0415 - the first screen goes without

    return Fate.FIRED
