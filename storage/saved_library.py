"""One library read from a file, where otherwise Steam would be asked: a saved answer of GetOwnedGames."""

from __future__ import annotations

import json
from pathlib import Path

from recommender.library import Library
from storage.errors import DatasetRefused, SteamUnavailable
from storage.steam.answers import library_from_answer
from storage.steam.ids import FIRST, SteamID


class SavedLibrary:
    """Whoever is asked for, the answer is the file's library."""

    def __init__(self, library: Library) -> None:
        self._library = library

    @classmethod
    def read(cls, path: Path) -> SavedLibrary:
        """From a file that holds what Steam answered, with or without its `response` around it.

        Raises:
            DatasetRefused: the file cannot be read, or holds something else.
            SteamProfilePrivate: it is the empty answer that Steam gives for a private profile.
        """
        try:
            return cls(library_from_answer(json.loads(path.read_text("utf-8"))))
        except (OSError, ValueError, SteamUnavailable) as error:
            why = 'expected a saved answer of Steam\'s GetOwnedGames: {"response": {"game_count": 1, "games": [...]}}'
            raise DatasetRefused(path, None, why) from error

    async def resolve(self, said: str) -> SteamID:
        del said
        return SteamID(FIRST + 1)

    async def owned_games(self, player: SteamID) -> Library:
        del player
        return self._library

    def forget(self, player: SteamID) -> None:
        """Nothing: the file is the caller's, not the player's."""
        del player
