"""A command of our own as a child process: its phases heard, its answer read, and no process left behind.

The child holds the reading end of a pipe that only this process can write to: however this process ends, the system
closes the pipe, and the child ends as well (see `bot.cli.piped`). PDEATHSIG would do that on Linux alone, and for the
thread that started the child rather than the process.
"""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

from jobs.errors import ChildFailed
from jobs.training import Progress

BEAT = 10.0
"""Seconds after which the last phase is told again, so that whoever watches knows that it is still at it."""
GRACE = 5.0
"""Seconds that a child has to end by itself once it is told to."""
LINE = 1 << 20
"""Bytes of the longest line that is read."""
LAST_WORDS = 20
"""Lines that are kept of what a child says besides its phases."""


async def answer_of(
    command: Sequence[str], progress: Progress, *, env: Mapping[str, str] | None = None, beat: float = BEAT
) -> dict[str, object]:
    """The JSON object that the command prints on stdout; each line of JSON on stderr tells a phase.

    Whoever is cancelled meanwhile has ended the child when that is raised.

    Raises:
        ChildFailed: it was ended by a signal, refused with a sentence, or answered something else.
        OSError: it could not be started.
    """
    child = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=None if env is None else dict(env), limit=LINE
    )
    assert child.stdout is not None
    reading = asyncio.ensure_future(child.stdout.read())
    try:
        words = await _heard(child, progress, beat)
        said = await reading
        status = await child.wait()
    finally:
        await _ended(child)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
    if status:
        raise ChildFailed(_why(status, words))
    return _answer(said)


async def _heard(child: Process, progress: Progress, beat: float) -> Sequence[str]:
    """Until it says nothing more; what it said that was no phase."""
    words: deque[str] = deque(maxlen=LAST_WORDS)
    last: tuple[str, int, int] | None = None
    assert child.stderr is not None
    while True:
        try:
            line = await asyncio.wait_for(child.stderr.readline(), beat)
        except TimeoutError:
            if last is not None:
                progress(*last)
            continue
        except ValueError:  # longer than LINE: nothing that we say is
            continue
        if not line:
            return words
        told = _phase(line)
        if told is None:
            words.append(line.decode("utf-8", "replace").strip())
        else:
            last = told
            progress(*told)


def _phase(line: bytes) -> tuple[str, int, int] | None:
    try:
        found = json.loads(line)
        return str(found["phase"]), int(found["done"]), int(found["total"])
    except (ValueError, TypeError, KeyError):
        return None


def _answer(said: bytes) -> dict[str, object]:
    try:
        found = json.loads(said)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ChildFailed("it ended without the report that was expected of it: is another release installed?")
    return found


def _why(status: int, words: Sequence[str]) -> str:
    if status == -signal.SIGKILL:
        return (
            "it was killed by the system (SIGKILL), most likely because memory ran out: give this machine more, or "
            "raise INDIEAN_MIN_PLAYERS to leave out games with few players"
        )
    if status < 0:
        return f"it was ended by the signal {_name(-status)}: run it again"
    refused = next((word.removeprefix("refused ") for word in words if word.startswith("refused ")), None)
    return refused or f"it ended with status {status}: {' '.join(words)[-500:] or 'it did not say why'}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


async def _ended(child: Process) -> None:
    """Told by its closed pipe first, then killed; waited for in any case, also by who is cancelled again."""
    if child.stdin is not None:
        child.stdin.close()
    if child.returncode is not None:
        return
    try:
        await asyncio.wait_for(child.wait(), GRACE)
    except (TimeoutError, asyncio.CancelledError):
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
