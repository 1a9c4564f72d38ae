"""The panes of the triage screen, drawn line by line."""
