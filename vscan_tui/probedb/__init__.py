"""What to send and what to expect: the probe database."""
