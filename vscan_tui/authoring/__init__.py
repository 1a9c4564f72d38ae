"""For those who write probe databases: findings, evidence, coverage, differences; pure."""
