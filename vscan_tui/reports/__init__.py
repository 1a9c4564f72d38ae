"""The store as files that people and other tools read."""
