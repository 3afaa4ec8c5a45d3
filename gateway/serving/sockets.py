"""What the kernel tells of a connection; nothing of what waits there is taken."""

import fcntl
import select
import socket
import sys
import termios
from contextlib import suppress

from gunicorn.http.errors import InvalidRequestLine

from gateway.serving.arrival import ENOUGH

MOST_UNSENT = 64 << 10
"""Bytes of an answer that may be unsent while the next request begins: beyond, its caller does not read."""


def peek(sock: socket.socket) -> bytes | None:
    """What waits to be read, and goes on waiting; None where nothing does, no bytes where nothing will."""
    try:
        return sock.recv(ENOUGH, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def is_readable(sock: socket.socket, within_s: float) -> bool:
    """Whether as much waits as is awaited (`SO_RCVLOWAT`), or the connection has ended, within so many seconds."""
    readable = select.poll()
    readable.register(sock, select.POLLIN)
    return bool(readable.poll(max(0.0, within_s) * 1_000))


def ends(sock: socket.socket) -> bool:
    """Whether no more will come, where the kernel tells of fewer bytes than were awaited; refuse urgent ones."""
    ending = select.poll()
    ending.register(sock, select.POLLRDHUP | select.POLLPRI)
    told = ending.poll(0)
    if told and not told[0][1] & select.POLLRDHUP:
        raise InvalidRequestLine("urgent data")
    return bool(told)


def is_unread(sock: socket.socket) -> bool:
    """Whether the caller leaves much of an answer where it is, and asks for the next."""
    unsent = bytearray(4)
    with suppress(OSError):
        fcntl.ioctl(sock, termios.TIOCOUTQ, unsent)
    return int.from_bytes(unsent, sys.byteorder) > MOST_UNSENT
