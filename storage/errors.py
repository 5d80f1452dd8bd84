"""Everything that can go wrong with facts kept outside the process. Foreign exceptions are translated here once.

StorageError
├── DatabaseError
│   └── DatabaseUnavailable     cannot connect, locked, disk full: worth another try
├── WarehouseError
│   ├── WarehouseBusy           another process holds the warehouse, or it is away: worth another try
│   ├── WarehouseMissing        nothing was imported yet, and it is only to be read
│   └── WarehouseRefused        credentials, rights, a quota or a limit on costs: somebody has to change something
├── SpoolError                  the folder beside the database cannot be written, read or had in time
├── LakeBehind                  the warehouse has taken in more of a lake than there is of it
├── EventRefused                an event that no lake can keep, wherever it is tried
├── DatasetRefused              a file that is foreign, truncated or damaged; carries path and line
└── SteamError
    ├── SteamIdInvalid          what was typed is no Steam ID in any form
    ├── SteamKeyMissing         no key is configured
    ├── SteamKeyRefused         Steam answered 403
    ├── SteamPlayerUnknown      a well-formed ID or vanity name that nobody has
    ├── SteamProfilePrivate     carries which of the two settings hides the games
    ├── SteamRateLimited        Steam answered 429; carries the seconds to wait
    └── SteamUnavailable        time-out, no connection, 5xx, or a body that is not what Steam documents
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class StorageError(Exception):
    """The root: `except StorageError` catches what the outside refuses, never a bug."""


class DatabaseError(StorageError):
    pass


class DatabaseUnavailable(DatabaseError):
    pass


class WarehouseError(StorageError):
    pass


class WarehouseBusy(WarehouseError):
    pass


class WarehouseMissing(WarehouseError):
    pass


class WarehouseRefused(WarehouseError):
    pass


class SpoolError(StorageError):
    pass


class LakeBehind(StorageError):
    """`after` is the last event that was taken in, `last` the last there is."""

    def __init__(self, after: int, last: int) -> None:
        super().__init__(
            f"the warehouse has taken in {after:,} events of this lake, which has had {last:,}: the database was put "
            "back to an earlier state. Run `indiean data export --from-start`: it tells all anew, and doubles nothing"
        )


class EventRefused(StorageError):
    pass


class DatasetRefused(StorageError):
    """`line` counts from 1 and is None where the file has no lines or was refused before its first."""

    def __init__(self, path: Path, line: int | None, why: str) -> None:
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {why}")
        self.path = path
        self.line = line
        self.why = why


class SteamError(StorageError):
    pass


class SteamIdInvalid(SteamError):
    def __init__(self, said: str) -> None:
        super().__init__(f"{said!r} is no Steam ID")
        self.said = said


class SteamKeyMissing(SteamError):
    pass


class SteamKeyRefused(SteamError):
    pass


class SteamPlayerUnknown(SteamError):
    def __init__(self, said: str) -> None:
        super().__init__(f"Steam knows nobody called {said!r}")
        self.said = said


class Hidden(StrEnum):
    """Which of a profile's privacy settings hides the library."""

    PROFILE = "profile"
    GAMES = "games"


class SteamProfilePrivate(SteamError):
    def __init__(self, hidden: Hidden) -> None:
        super().__init__(f"hidden by the privacy setting of the player's {hidden.value}")
        self.hidden = hidden


class SteamRateLimited(SteamError):
    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__("Steam asks for a pause")
        self.retry_after = retry_after


class SteamUnavailable(SteamError):
    pass
