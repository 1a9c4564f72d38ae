"""What real servers and specifications say, and what the bundled rules make of it."""
