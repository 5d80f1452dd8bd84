"""How much memory this machine has left for a fit, and how a process gives way to all others."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from recommender.device import Device, resolve

MEMINFO = Path("/proc/meminfo")
CGROUPS = Path("/sys/fs/cgroup")
LIMITS = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)
"""A container's limit, what of it is used, and how much of that is cache: in cgroups version 2 and 1."""

OURSELVES = Path("/proc/self")


def give_way(ourselves: Path = OURSELVES) -> None:
    """This process gets what others leave of the processor, and is the first that is killed where memory runs out.

    On Linux a priority is a thread's, and libraries have started theirs when they were imported: each is told. Soft, as
    not every system has all of it.
    """
    with suppress(OSError):
        os.nice(19)
    for thread in ourselves.glob("task/*"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, int(thread.name), 19)
    with suppress(OSError):
        (ourselves / "oom_score_adj").write_text("1000", "ascii")


def free_bytes(device: Device, meminfo: Path = MEMINFO, cgroups: Path = CGROUPS) -> int | None:
    """Of the processor that `device` means here; None where the system does not say.

    Raises:
        FitFailed: CUDA was asked for and there is none.
    """
    if resolve(device) is Device.CUDA:
        import torch  # noqa: PLC0415 - seconds to import, and a CPU fit does without

        return int(torch.cuda.mem_get_info()[0])
    known = [_available(_text(meminfo)), *(_left(*(_text(cgroups / name) for name in names)) for names in LIMITS)]
    return min((free for free in known if free is not None), default=None)


def _available(meminfo: str) -> int | None:
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo, re.MULTILINE)
    return 1024 * int(found[1]) if found else None


def _left(limit: str, used: str, stat: str) -> int | None:
    """None where there is no limit. Pages of files that nobody used lately are given up when memory is short."""
    if not (limit.isdecimal() and used.isdecimal()):
        return None
    cache = dict(re.findall(r"^(total_inactive_file|inactive_file) (\d+)$", stat, re.MULTILINE))
    return max(0, int(limit) - int(used) + int(cache.get("total_inactive_file") or cache.get("inactive_file") or 0))


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
