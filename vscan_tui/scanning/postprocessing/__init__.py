"""One question more, once a service is known."""
