"""Which hosts and which ports: Nmap's target expressions and `-p` language, and the port table."""
