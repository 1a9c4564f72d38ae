"""The store as a screen."""
