"""What happened: events folded into a store, written to a journal, read again."""
