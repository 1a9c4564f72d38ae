"""The only sockets of interrogation, and how many of them there may be."""
