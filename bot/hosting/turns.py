"""Lets the event loop have its turn soon while other threads compute."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

TURN = 0.0005
"""Seconds that a thread keeps the interpreter while another wants it; Python's own are ten times as many."""


@contextmanager
def short_turns(seconds: float = TURN) -> Iterator[None]:
    """The loop gives the interpreter up at each system call, and gets it back a turn later if anybody else computes.

    A crowd is thousands of calls (https://docs.python.org/3/library/sys.html#sys.setswitchinterval).
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
