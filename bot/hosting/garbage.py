"""Keeps Python's search for garbage short: whoever asks waits while it lasts."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def settled() -> Iterator[None]:
    """What is there by now is there until the end, and is not searched meanwhile.

    A search looks at each object that refers to others, and holds up every thread: a quarter of a million of them, as
    the libraries and a catalogue of 10,000 games are, take 0.1 s and more. What comes later is searched, and soon:
    Python waits until a quarter of what its last whole search left has come anew, so the last one is of nothing.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
    try:
        yield
    finally:
        gc.unfreeze()  # some libraries complain about what is not taken away in the end
