"""A bot as a process of its own, ended for certain."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

GRACE = 10.0
ROOT = Path(__file__).resolve().parents[1]


@asynccontextmanager
async def running(
    module: str, *arguments: str, env: Mapping[str, str], log: Path, folder: Path = ROOT, nice: int = 0
) -> AsyncIterator[Process]:
    """Runs `python -m module` in a folder with all it prints in `log`, which is appended to.

    When the block ends the process is asked to end as well, and killed if it has not after some seconds.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    lower = ("nice", "-n", str(nice)) if nice else ()
    command = (*lower, sys.executable, "-m", module, *arguments)
    with log.open("ab") as said:
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environment, stdout=said, stderr=said)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            process.kill()
            await process.wait()
