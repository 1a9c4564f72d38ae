"""Ports to events: discovery, interrogation, transport, and the engine that runs them."""
