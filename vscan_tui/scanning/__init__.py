"""Ports to events: targets, discovery, interrogation, transport, and the engine that runs them."""
