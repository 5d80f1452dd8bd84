"""The end of a process that was asked to end, whatever still holds it."""

from __future__ import annotations

import faulthandler
import sys

LIMIT = 28.0
"""Seconds from the signal to the end. Hosts kill a process after 30, and nobody learns then what held it."""


def last_resort(limit: float = LIMIT) -> None:
    """Ends the process with status 1 after so many seconds, wherever it is by then, and says on stderr where that was.

    A thread cannot be told to stop, and the interpreter waits for each when it ends: one that trains or reads a slow
    disk would outlast any host's patience. The watch needs no turn of the interpreter
    (https://docs.python.org/3/library/faulthandler.html#faulthandler.dump_traceback_later). What is cut off is as good
    as killed, which every writer of ours survives.
    """
    faulthandler.dump_traceback_later(limit, exit=True, file=sys.stderr)
