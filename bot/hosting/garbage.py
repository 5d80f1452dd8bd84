"""Keeps Python's search for garbage short, as whoever asks waits while it lasts, and memory flat over months."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def settled() -> Iterator[None]:
    """What is there by now is there until the end, and is not searched meanwhile.

    A search looks at each object that refers to others, and holds up every thread: a quarter of a million of them, as
    the libraries and a catalogue of 10,000 games are, take 0.1 s and more.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()  # some libraries complain about what is not taken away in the end


@contextmanager
def kept_for_long() -> Iterator[None]:
    """What is made here is never looked through for unreachable cycles; it is freed all the same, as it holds none.

    A catalogue is a million objects, and looking through them stops every reply for a third of a second.
    """
    gc.collect()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def hand_back() -> None:
    """Gives the machine the memory that has been freed. Takes milliseconds, in which other threads go on.

    The C library keeps what lies below anything in use, in a heap for each thread
    (https://man7.org/linux/man-pages/man3/malloc_trim.3.html): each thread that happens to do a night's work would
    add to what the process holds. Where the library has no such function this does nothing.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
