"""Which of these hosts are up, and which of their ports are open."""
