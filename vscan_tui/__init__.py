"""vscan: tells what is really listening on a port, and shows why it says so."""

__version__ = "0.1.0"
