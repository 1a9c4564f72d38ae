"""A response to the rule that fires on it, and why."""
