"""What each command of `vscan` does, put together from the rooms below it."""
