"""The smallest Textual program: what any start of one costs."""

from textual.app import App
from textual.widget import Widget


class Word(Widget):
    def render(self) -> str:
        return "12345"


class Smallest(App):
    def compose(self):
        yield Word()


if __name__ == "__main__":
    Smallest().run()
