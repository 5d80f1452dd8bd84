"""Events on disk that the database could not take yet, in order, whatever ends the process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from storage.errors import SpoolError
from storage.lake.events import Event
from storage.lake.lines import HalfLine, event_of

SEGMENT = 128 * 1024
"""Bytes after which a new file begins: some 200 requests, which are delivered at once, and at worst twice."""
MOST = 256 * 1024 * 1024
"""Bytes of the whole: days of a busy bot."""
LOCK = "lock"
UNFINISHED = ".new"


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of the spool; `broken` counts the lines that a process was killed in the middle of."""

    file: Path
    events: tuple[Event, ...]
    broken: int


class Spool:
    """A folder with numbered files, a line an event.

    What `add` has taken is on the disk when it returns (fsync, of a new file's folder too) and survives the loss of
    power. What a process was killed in the middle of is a line whose checksum is wrong; nothing behind it is lost. A
    file is removed after it was delivered; who is killed between delivers it again, which equal keys make no harm.

    Processes of one home share it: whoever calls one of these methods has the lock, see `hold`, which the system takes
    from a process that ends. What is erased is gone from the files; the disk may still have the blocks.

    Every method raises SpoolError where the folder cannot be read or written.
    """

    def __init__(self, folder: Path, most: int = MOST) -> None:
        self._folder = folder
        self._most = most

    def hold(self) -> Callable[[], None] | None:
        """Gives what lets go of the lock; None while somebody else has it."""
        with _translated():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return None
            return lambda: os.close(lock)

    def waiting(self) -> bool:
        """Whether there is anything; needs no lock."""
        return bool(self._files())

    def size(self) -> int:
        """Bytes; needs no lock."""
        with _translated():
            sizes = [_size(file) for file in self._files()]
        return sum(sizes)

    def add(self, lines: Sequence[bytes]) -> None:
        """All of these, each with its end, or none.

        Raises:
            SpoolError: also where the whole would become larger than it may.
        """
        block = b"".join(lines)
        with _translated():
            self._require_room(len(block))
            file = self._open_segment()
            new = not file.exists()
            _append(file, block)
            if new:
                _sync_folder(self._folder)

    def oldest(self) -> Segment | None:
        files = self._files()
        return self._read(files[0]) if files else None

    def remove(self, segment: Segment) -> None:
        with _translated():
            segment.file.unlink(missing_ok=True)
            _sync_folder(self._folder)

    def find(self, wanted: Callable[[Event], bool]) -> list[Event]:
        return [event for file in self._files() for event in self._read(file).events if wanted(event)]

    def erase(self, unwanted: Callable[[Event], bool]) -> int:
        """How many that were. Half lines in the same file go with them: nobody can say whom they are about."""
        erased = 0
        for file in self._files():
            with _translated():
                lines = _lines(file)
                kept = [line for line in lines if (event := _whole(line)) is not None and not unwanted(event)]
                if len(kept) < len(lines):
                    erased += sum(_whole(line) is not None for line in lines) - len(kept)
                    self._rewrite(file, kept)
        return erased

    def _files(self) -> list[Path]:
        """The oldest first."""
        with _translated():
            return sorted(self._folder.glob("*.jsonl"))

    def _open_segment(self) -> Path:
        """The one to write on: the newest, or a new one where that is large enough or ends in half a line."""
        files = self._files()
        if files and files[-1].stat().st_size < SEGMENT and _ends_whole(files[-1]):
            return files[-1]
        number = int(files[-1].stem) + 1 if files else 1
        return self._folder / f"{number:012}.jsonl"

    def _require_room(self, wanted: int) -> None:
        used = self.size()
        if used + wanted > self._most:
            raise SpoolError(f"it holds {used:,} bytes of {self._most:,}; it empties once the database is back")

    def _read(self, file: Path) -> Segment:
        with _translated():
            events = [_whole(line) for line in _lines(file)]
        whole = tuple(event for event in events if event is not None)
        return Segment(file, whole, len(events) - len(whole))

    def _rewrite(self, file: Path, lines: Sequence[bytes]) -> None:
        """In one step: before it all are there, after it these."""
        if not lines:
            file.unlink()
        else:
            beside = file.with_suffix(UNFINISHED)
            beside.unlink(missing_ok=True)  # of who was killed here
            _append(beside, b"".join(line + b"\n" for line in lines))
            beside.replace(file)
        _sync_folder(self._folder)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SpoolError(f"{error.strerror or type(error).__name__}") from error


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # another process has delivered it meanwhile
        return 0


def _lines(file: Path) -> list[bytes]:
    return [line for line in file.read_bytes().split(b"\n") if line]


def _whole(line: bytes) -> Event | None:
    try:
        return event_of(line)
    except HalfLine:
        return None


def _ends_whole(file: Path) -> bool:
    with file.open("rb") as opened:
        with suppress(OSError):  # an empty file has no last byte
            opened.seek(-1, os.SEEK_END)
        return opened.read(1) in {b"\n", b""}


def _append(file: Path, block: bytes) -> None:
    """All of it and on the disk, or none of it: where the disk is full, what was written is taken back."""
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(opened).st_size
        try:
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(opened, rest) :]
            os.fsync(opened)
        except OSError:
            with suppress(OSError):  # then its last line is half a one, and the next file begins after it
                os.ftruncate(opened, before)
            raise
    finally:
        os.close(opened)


def _sync_folder(folder: Path) -> None:
    """Else the name of a new file may be lost with the power."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
