"""The store as a screen."""

import os

# Textual reads it when it is first imported, and has no other way to set it. A picture that
# follows another waits for the rest of a frame: at its 60 a second, a key would for up to 16 ms.
os.environ.setdefault("TEXTUAL_FPS", "120")
