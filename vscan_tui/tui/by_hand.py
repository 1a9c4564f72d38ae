"""What the user does by hand, between the screen and what carries it out."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from textual.screen import Screen

from vscan_tui.events import Endpoint, Event, Method, PortFound, PortHeld, PortState
from vscan_tui.probedb.combined import CombinedProbe
from vscan_tui.probedb.payload_text import Form, write_payloads
from vscan_tui.probedb.sources import DatabaseError
from vscan_tui.scanning.by_hand.breakpoints import Breakpoint, Breakpoints, Occasion
from vscan_tui.scanning.by_hand.draft import Draft, over_of
from vscan_tui.scanning.by_hand.requests import ByHand, Composition, Subject
from vscan_tui.scanning.interrogation.stepping import (
    Choose,
    Command,
    NotPossibleError,
    Run,
    SendAgain,
    Skip,
    Step,
    StepOver,
    Stop,
)
from vscan_tui.session.source import EventSource
from vscan_tui.session.store import Exchange, Port, Store
from vscan_tui.session.wording import port_text, printable
from vscan_tui.tui.rendering.debugger import place_text
from vscan_tui.tui.screens.composer import ComposerScreen, Earlier, probe_choices
from vscan_tui.tui.screens.confirm import ConfirmScreen
from vscan_tui.tui.screens.pick import PickScreen
from vscan_tui.tui.screens.triage import TriageScreen

_CANNOT_SEND = (
    "This is a recording, and its servers are not there to be asked. "
    "Here b sets breakpoints, which pause the recording."
)
_MAX_HISTORY = 500
_WORDS: dict[str, Command] = {
    "over": StepOver(),
    "run": Run(),
    "skip": Skip(),
    "again": SendAgain(),
    "stop": Stop(),
}


class Desk(Protocol):
    """What is needed of the program."""

    store: Store
    triage: TriageScreen
    source: EventSource

    @property
    def screen(self) -> Screen[object]:
        """The screen that is seen."""
        ...

    def queue(self, event: Event) -> None:
        """Make an event part of the session, after those before it."""
        ...

    def tell(self, text: str) -> None:
        """Show a sentence."""
        ...

    async def ask(self, screen: "Screen[bool]") -> bool | None:
        """Show a screen, and return what it was left with."""
        ...


class Hands:
    """The user's hands: words for ports, payloads, breakpoints."""

    def __init__(self, desk: "Desk", by_hand: ByHand | None) -> None:
        """Serve a screen.

        Args:
            desk: the program.
            by_hand: carries out what the user wants; None where nothing can be sent.
        """
        self.breakpoints = by_hand.breakpoints if by_hand is not None else Breakpoints()
        self._desk = desk
        self._by_hand = by_hand
        self._one_at_a_time = asyncio.Lock()
        self._allowed: set[str] = set()
        """Addresses in a recording to which the user wants to send."""
        self._shown: PortHeld | None = None
        """The last hold to which the user was brought."""
        self._to_focus: Endpoint | None = None
        self._to_show: dict[Endpoint, int] = {}
        """Exchanges to come that the user wants to see, by their port."""
        self._drafts: dict[Endpoint, Draft] = {}
        self._unsent: Earlier | None = None
        """What was written last and not sent."""
        self._hits: list[tuple[Endpoint, Breakpoint]] = []

    # What happens

    def watch(self, event: Event) -> None:
        """Look at an event of a recording; a breakpoint that it hits pauses the recording."""
        hit = self.breakpoints.hit_by(event)
        endpoint: Endpoint | None = getattr(event, "endpoint", None)
        if hit is not None and endpoint is not None:
            self._hits.append((endpoint, hit))
            self._desk.triage.hold_requested = True
            self._desk.source.pause()

    def notice(self, endpoints: Iterable[Endpoint]) -> None:
        """Bring the user to a port that was held, or to an answer that is awaited."""
        triage = self._desk.triage
        for endpoint in endpoints:
            port = self._desk.store.ports.get(endpoint)
            if port is None:
                continue
            held = port.held
            if held is not None and held.by_breakpoint and held is not self._shown:
                self._shown = held
                self._bring(port, held.cause)
            elif held is not None and endpoint == self._to_focus:
                self._to_focus = None
                if triage.port is port and self._desk.screen is triage:
                    triage.set_focus(triage.step_pane)
            number = self._to_show.get(endpoint, 0)
            if 0 < number <= len(port.exchanges):
                del self._to_show[endpoint]
                triage.show_port(endpoint, number)
        while self._hits:
            endpoint, hit = self._hits.pop()
            if endpoint in self._desk.store.ports:
                triage.show_port(endpoint)
                where = port_text(self._desk.store.ports[endpoint])
                self._desk.tell(f"Breakpoint on {where}: {printable(str(hit))}. Space goes on.")

    def _bring(self, port: Port, cause: str) -> None:
        triage = self._desk.triage
        where = port_text(port)
        self._desk.tell(f"{where} is held: {printable(cause)}.")
        current = triage.port
        is_busy = self._desk.screen is not triage or triage.filter_bar.has_focus_within
        is_stepping = current is not None and current is not port and current.held is not None
        if not is_busy and not is_stepping:
            triage.show_port(port.endpoint)
            triage.set_focus(triage.step_pane)

    # What the user wants

    async def act(self, name: str) -> None:
        """Do what a key stands for: step, compose, send_again, breakpoints."""
        port = self._desk.triage.port
        exchange = self._desk.triage.exchange
        if name == "breakpoints":
            self._show_breakpoints(port, exchange)
            return
        if port is None:
            self._desk.tell("There is no port to ask.")
            return
        actions: dict[str, Callable[[], Awaitable[None]]] = {
            "step": lambda: self._step(port),
            "compose": lambda: self._compose(port, exchange),
            "send_again": lambda: self._send_again(port, exchange),
        }
        await self._carefully(actions[name])

    async def say(self, word: str) -> None:
        """Pass on a word of the step pane to the port that it shows."""
        port = self._desk.triage.port
        if port is not None:
            await self._carefully(lambda: self._say(port, word))

    async def _carefully(self, action: Callable[[], Awaitable[None]]) -> None:
        """Do one thing after the other, and put what goes wrong into a sentence."""
        async with self._one_at_a_time:
            try:
                await action()
            except (NotPossibleError, DatabaseError) as error:
                self._desk.tell(printable(str(error)))
            except Exception as error:  # noqa: BLE001 - it would be lost in a worker
                reason = printable(f"{type(error).__name__}: {error}")
                self._desk.tell(f"This went wrong, by a mistake in vscan: {reason}")

    # Steps

    async def _step(self, port: Port) -> None:
        by_hand = await self._permitted(port.endpoint)
        if by_hand is None:
            return
        triage = self._desk.triage
        if by_hand.is_stepped(port.endpoint):
            await by_hand.obey(self._subject(port), Step())
        else:
            self._to_focus = port.endpoint
            await by_hand.hold(self._subject(port))
        if triage.step_pane.display:
            triage.set_focus(triage.step_pane)

    async def _say(self, port: Port, word: str) -> None:
        by_hand = self._by_hand
        if by_hand is None:
            self._desk.tell(_CANNOT_SEND)
        elif word == "step":
            await self._step(port)
        elif word == "choose":
            await self._choose(by_hand, port)
        elif word == "run_all":
            by_hand.release_all()
        else:
            await by_hand.obey(self._subject(port), _WORDS[word])

    async def _choose(self, by_hand: ByHand, port: Port) -> None:
        means = await by_hand.means()
        probes = means.databases.of_protocol(port.endpoint.protocol)

        def chosen(probe: CombinedProbe | None) -> None:
            if probe is not None:
                command = Choose(probe)
                self._desk.triage.run_worker(
                    self._carefully(lambda: by_hand.obey(self._subject(port), command)),
                    name="choose",
                    exit_on_error=False,
                )

        screen = PickScreen(
            "send this probe next", probe_choices(probes), "words of its name, a port, a service"
        )
        self._desk.triage.app.push_screen(screen, chosen)

    # Payloads

    async def _compose(self, port: Port, exchange: Exchange | None) -> None:
        by_hand = await self._permitted(port.endpoint)
        if by_hand is None:
            return
        databases = (await by_hand.means()).databases
        draft = self._drafts.get(port.endpoint)
        if draft is None or exchange is None or not exchange.by_hand:
            draft = Draft(port.endpoint, over_of(port.endpoint, tunnel=False))
            if exchange is not None:
                probe = databases.find(exchange.probe, port.endpoint.protocol)
                draft = Draft(
                    port.endpoint,
                    over_of(port.endpoint, tunnel=bool(exchange.tunnel)),
                    write_payloads([exchange.payload], Form.TEXT),
                    probe=exchange.probe if probe is not None and exchange.payload else "",
                )

        def left(written: Draft | None) -> None:
            if written is None:
                if screen.unsent:
                    self._unsent = Earlier("not sent", str(port.endpoint), screen.unsent)
            else:
                self._desk.triage.run_worker(
                    self._carefully(lambda: self._send_draft(written)),
                    name="compose",
                    exit_on_error=False,
                )

        screen = ComposerScreen(draft, databases, self._history())
        self._desk.triage.app.push_screen(screen, left)

    async def _send_draft(self, draft: Draft) -> None:
        target = draft.target
        self._drafts[target] = draft
        if target not in self._desk.store.ports:
            state = PortState.OPEN if target.protocol == "tcp" else PortState.OPEN_OR_FILTERED
            self._desk.queue(
                PortFound(time=time.time(), endpoint=target, state=state, reason="by hand")
            )
        await self._send(target, draft.composition())

    async def _send_again(self, port: Port, exchange: Exchange | None) -> None:
        if exchange is None:
            raise NotPossibleError("There is no exchange yet that could be sent again.")
        if not exchange.payload and port.endpoint.protocol == "udp":
            raise NotPossibleError("Nothing was sent in this exchange.")
        by_hand = await self._permitted(port.endpoint)
        if by_hand is None:
            return
        known = (await by_hand.means()).databases.find(exchange.probe, port.endpoint.protocol)
        composition = Composition(
            (exchange.payload,),
            tunnel=bool(exchange.tunnel),
            probe=exchange.probe if known is not None else "",
            wait_ms=known.totalwaitms if known is not None else 5_000,
            reason="sent again by hand",
        )
        await self._send(port.endpoint, composition)

    async def _send(self, target: Endpoint, composition: Composition) -> None:
        by_hand = await self._permitted(target)
        if by_hand is None:
            return
        port = self._desk.store.ports.get(target)
        subject = self._subject(port) if port is not None else Subject(target)
        self._to_show[target] = by_hand.numbering(target).exchanges + 1
        if port is not None:
            self._to_show[target] = max(self._to_show[target], len(port.exchanges) + 1)
        await by_hand.send(subject, composition)

    def _history(self) -> list[Earlier]:
        """What was sent in this session, each payload once, the newest first."""
        exchanges = [
            (exchange.started, port.endpoint, exchange)
            for port in self._desk.store.ports.values()
            for exchange in port.exchanges
            if exchange.payload
        ]
        exchanges.sort(key=lambda each: each[0], reverse=True)
        found = {self._unsent.payload: self._unsent} if self._unsent is not None else {}
        for _, endpoint, exchange in exchanges:
            if len(found) >= _MAX_HISTORY:
                break
            earlier = Earlier(exchange.probe, str(endpoint), exchange.payload)
            found.setdefault(exchange.payload, earlier)
        return list(found.values())

    # Breakpoints

    def _show_breakpoints(self, port: Port | None, exchange: Exchange | None) -> None:
        suggested = [Breakpoint(Occasion.SOFT_MATCH), Breakpoint(Occasion.NO_ANSWER)]
        if port is not None:
            suggested.append(Breakpoint(Occasion.PORT, port_text(port)))
            if port.service.name:
                suggested.append(Breakpoint(Occasion.SERVICE, port.service.name))
        match = exchange.match if exchange is not None else None
        if match is not None:
            suggested.append(Breakpoint(Occasion.RULE, place_text(match)))
        from vscan_tui.tui.screens.breakpoints import BreakpointsScreen  # noqa: PLC0415 - start

        self._desk.triage.app.push_screen(BreakpointsScreen(self.breakpoints, suggested))

    # Both

    def _subject(self, port: Port) -> Subject:
        endpoint = port.endpoint
        host = self._desk.store.hosts.get(endpoint.address)
        is_from_table = port.service.method is Method.TABLE
        return Subject(
            endpoint,
            port.state,
            table_name=port.service.name if is_from_table else "",
            server_name=host.name if host is not None else "",
            exchanges=len(port.exchanges),
            connections=max(port.connections, default=0),
            is_identified=port.identified,
        )

    async def _permitted(self, endpoint: Endpoint) -> ByHand | None:
        """Return what can send, if the user wants to send to this address."""
        if self._by_hand is None:
            self._desk.tell(_CANNOT_SEND)
            return None
        address = endpoint.address
        if self._desk.source.is_recording and address not in self._allowed:
            question = (
                f"This is a recording. Shall something be sent now, over the network, to "
                f"{printable(address)}? Whoever has this address now receives it. "
                "What comes back is added to the recording, marked as made by hand."
            )
            if not await self._desk.ask(ConfirmScreen(question)):
                return None
            self._allowed.add(address)
        return self._by_hand
