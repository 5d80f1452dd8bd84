"""A command that another program of ours runs: phases as lines of JSON, and an end when that program ends."""

from __future__ import annotations

import json
import os
import sys
import threading

from jobs.machine import give_way

ORPHANED = 1


def begin_piped() -> None:
    """Gives way to everybody else, and from now on ends when stdin does: nobody would hear the answer any more.

    At once and whatever it is at: LAPACK listens to no exception for minutes. What it had begun to write is swept away
    by the next (see `Registry.sweep`).
    """
    give_way()
    threading.Thread(target=_end_with, args=(sys.stdin.fileno(),), name="end with stdin", daemon=True).start()


def _end_with(pipe: int) -> None:
    """Not by `sys.stdin`, whose lock Python would wait for in vain when it ends by itself."""
    while os.read(pipe, 1 << 12):
        pass
    os._exit(ORPHANED)


def piped_progress(phase: str, done: int, total: int) -> None:
    """A `jobs.training.Progress`."""
    sys.stderr.write(json.dumps({"phase": phase, "done": done, "total": total}) + "\n")
    sys.stderr.flush()
