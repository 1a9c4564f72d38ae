"""Steps, breakpoints, and payloads of the user's own."""
