"""What a tuner has measured, a line a trial in a file that a killed run goes on from."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from jobs.errors import RecordRefused
from recommender.tuning import Outcome, Scores, Space, Trial

BEGINNING = {"tuning": 1}
"""Of every record, with the version of its format."""


class Record:
    """The trials of one set of data, in the order in which they were measured.

    The first line says of which data; each other one is a trial. What was added is on the disk when `add` returns.
    `torn` says that a last line was cut short by whatever ended the run before; it was dropped.
    """

    def __init__(self, file: BinaryIO, trials: Sequence[Trial], space: Space, *, torn: bool) -> None:
        self._file = file
        self._space = space
        self._trials = list(trials)
        self.torn = torn

    @property
    def trials(self) -> Sequence[Trial]:
        return self._trials

    def add(self, trials: Sequence[Trial]) -> None:
        _append(self._file, "".join(_line(as_dict(trial, self._space)) for trial in trials))
        self._trials += trials


@contextmanager
def open_record(path: Path, about: Mapping[str, object], space: Space) -> Iterator[Record]:
    """Makes the file where there is none; `about` is what the trials depend on.

    Raises:
        RecordRefused: another tuner has it, it is of something else, or it is no record.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RecordRefused(f"{path}: another `indiean tune` is writing it; wait until it has ended") from None
        file.seek(0)
        whole, end, rest = file.read().rpartition(b"\n")
        lines = whole.split(b"\n") if end else []
        _recognise(path, lines[0] if lines else None, rest, about)
        trials = [_trial(path, at, line, space) for at, line in enumerate(lines[1:], 2)]
        if rest:
            file.truncate(len(whole) + len(end))
        if not lines:
            _append(file, _line(BEGINNING | dict(about)))
        yield Record(file, trials, space, torn=bool(rest))


def as_dict(trial: Trial, space: Space) -> dict[str, object]:
    return {
        "games": trial.games,
        "values": dict(zip(space.names, trial.point, strict=True)),
        "folds": [asdict(scores) for scores in trial.outcome.folds],
        "error": trial.outcome.error,
        "refused": trial.outcome.refused,
        "seconds": trial.seconds,
    }


def _line(found: Mapping[str, object]) -> str:
    return json.dumps(found) + "\n"


def _append(file: BinaryIO, text: str) -> None:
    file.write(text.encode())
    file.flush()
    os.fsync(file.fileno())


def _recognise(path: Path, line: bytes | None, rest: bytes, about: Mapping[str, object]) -> None:
    """Nothing is cut off or added before the file is known to be ours; a new one has no first line yet."""
    if line is None:
        if not _line(BEGINNING | dict(about)).encode().startswith(rest):
            raise _foreign(path)
        return
    try:
        said = _parsed(line)
    except ValueError:
        raise _foreign(path) from None
    if not BEGINNING.items() <= said.items():
        raise _foreign(path)
    if said.get("key") != about["key"]:
        raise RecordRefused(
            f"{path} is the record of other data or other settings: name another file, or leave --record out"
        )


def _trial(path: Path, number: int, line: bytes, space: Space) -> Trial:
    try:
        said = _parsed(line)
        point = tuple(float(said["values"][name]) for name in space.names)
        folds = tuple(Scores(**fold) for fold in said["folds"])
        outcome = Outcome(folds, float(said["error"]), str(said["refused"]))
        return Trial(int(said["games"]), point, outcome, float(said["seconds"]))
    except (KeyError, TypeError, ValueError):
        raise RecordRefused(
            f"{path}, line {number} is damaged: move the file away, and `indiean tune` begins a new one"
        ) from None


def _parsed(line: bytes) -> dict[str, Any]:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 - as json's own refusal
    return found


def _foreign(path: Path) -> RecordRefused:
    return RecordRefused(f"{path} is no record of `indiean tune`: name another file, or leave --record out")
