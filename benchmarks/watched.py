"""How long something takes, and how much memory it holds meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
STATUS = Path("/proc/self/status")


@dataclass
class Phase:
    seconds: list[float] = field(default_factory=list)
    peak: int = 0  # bytes over what was resident when the phase began

    @contextmanager
    def watched(self) -> Iterator[None]:
        before, stop, peaks = _resident(), threading.Event(), [0]

        def sample() -> None:
            while not stop.wait(0.005):
                peaks[0] = max(peaks[0], _resident())

        sampler = threading.Thread(target=sample)
        sampler.start()
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds.append(time.perf_counter() - began)
            stop.set()
            sampler.join()
            self.peak = max(self.peak, peaks[0] - before, _resident() - before)


def memory(name: str) -> int:
    """Bytes, by the kernel's name: VmRSS is what is resident, VmHWM the most that was."""
    return 1024 * int(STATUS.read_text("ascii").split(f"{name}:")[1].split()[0])


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
