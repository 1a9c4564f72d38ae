"""The smallest Textual program: what any start of one costs, and any key press."""

from textual.app import App
from textual.widget import Widget


class Number(Widget):
    number = 12345

    def render(self) -> str:
        return str(self.number)


class Smallest(App):
    """Counts the keys that are pressed."""

    def compose(self):
        yield Number()

    def on_key(self):
        shown = self.query_one(Number)
        shown.number += 1
        shown.refresh()


if __name__ == "__main__":
    Smallest().run()
