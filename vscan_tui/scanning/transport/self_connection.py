"""Sockets that met themselves: on loopback, the system may choose the very port that is asked."""

import socket


def met_itself(handle: socket.socket) -> bool:
    """Whether both ends of a connection are the same socket, so that nobody listens there."""
    try:
        return bool(handle.getsockname() == handle.getpeername())
    except OSError:  # it was reset already, which is told when it is read
        return False
