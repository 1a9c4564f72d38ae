"""A progress bar on standard error; apart, because what draws it takes long to load."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from vscan_tui.session.store import Stage, Store


@dataclass(frozen=True, slots=True)
class ProgressBar:
    """What can be done while a bar is shown."""

    refresh: Callable[[], None]
    """Draw how far it is."""
    say: Callable[[str], None]
    """Print a line above it; the text is plain."""
    aside: Callable[[], AbstractContextManager[None]]
    """Take it away while something else is written to the terminal."""


@contextmanager
def progress_bar(store: Store) -> Iterator[ProgressBar]:
    """Show a bar for a scan that is folded into `store`."""
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        discovery = progress.add_task("Ports looked for", total=None)
        interrogation = progress.add_task("Services asked", total=None)

        def refresh() -> None:
            progress.update(discovery, completed=store.discovered, total=store.to_discover or None)
            progress.update(
                interrogation,
                completed=store.stages[Stage.FINISHED],
                total=sum(store.stages.values()) or None,
                description=f"Services asked{' (paused)' if store.paused else ''}",
            )

        def say(text: str) -> None:
            console.print(text, markup=False, soft_wrap=True)

        @contextmanager
        def aside() -> Iterator[None]:
            progress.stop()
            try:
                yield
            finally:
                progress.start()

        yield ProgressBar(refresh, say, aside)
