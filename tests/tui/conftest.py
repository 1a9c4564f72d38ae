import pytest
from textual import constants


@pytest.fixture(autouse=True)
def still_screen(monkeypatch):
    """No animation and no setting of the user's terminal: the same picture everywhere.

    Textual reads TEXTUAL_ANIMATIONS when it is imported, which a plugin has done by now.
    """
    monkeypatch.setattr(constants, "TEXTUAL_ANIMATIONS", "none")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("TEXTUAL_THEME", raising=False)
