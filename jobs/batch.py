"""Picks for a file of players: a JSON object a line in, a JSON object a line out, in the same order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from recommender.interactions import Interactions, Owned
from recommender.library import Library
from recommender.newcomers import with_new
from recommender.recommend import Pick, picks_for_many
from recommender.scorer import Scorer
from recommender.served import Served
from recommender.shelf import Wish
from storage.errors import DatasetRefused, SteamUnavailable
from storage.steam.answers import library_from_answer

PLAYERS_AT_ONCE = 256

HINT = 'expected {"player": "...", "games": [{"appid": 10, "playtime_forever": 6}, ...]}'


@dataclass(frozen=True)
class BatchReport:
    """`unknown` counts players of whose games the model knows none: they got the popular games."""

    players: int
    unknown: int


@dataclass(frozen=True, eq=False)
class _Player:
    name: str
    owned: Owned
    library: Library


def recommend_batch(
    served: Served,
    source: Path,
    target: Path,
    wish: Wish,
    k: int,
    progress: Callable[[int], None] = lambda _: None,
) -> BatchReport:
    """Streams `source` to `target`; `progress` hears the number of players done.

    `target` appears whole or not at all.

    Raises:
        DatasetRefused: `source` cannot be read, or a line is not what is expected; carries its number.
        OSError: `target` cannot be written.
    """
    beside = target.with_name(f".{target.name}.part")
    players = unknown = 0
    try:
        with beside.open("w", encoding="utf-8") as output:
            lines = _players(served, source)
            while batch := list(islice(lines, PLAYERS_AT_ONCE)):
                output.writelines(_answers(served, batch, wish, k))
                players += len(batch)
                unknown += sum(not len(player.owned) for player in batch)
                progress(players)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return BatchReport(players, unknown)


def _players(served: Served, source: Path) -> Iterator[_Player]:
    try:
        with source.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _player(served, source, number, line)
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetRefused(source, None, f"cannot be read: {error}") from error


def _player(served: Served, source: Path, number: int, line: str) -> _Player:
    try:
        found = json.loads(line)
        name, games = found["player"], found["games"]
        library = library_from_answer({"game_count": len(games), "games": games})
    except (ValueError, KeyError, TypeError, SteamUnavailable) as error:
        raise DatasetRefused(source, number, HINT) from error
    if not isinstance(name, str):
        raise DatasetRefused(source, number, HINT)
    return _Player(name, served.scorer.items.owned(library), library)


def _answers(served: Served, batch: list[_Player], wish: Wish, k: int) -> Iterator[str]:
    """Players without a known game are answered by popularity, as a single request would be."""
    known = [player for player in batch if len(player.owned)]
    nobody = [player for player in batch if not len(player.owned)]
    picks: dict[int, list[Pick]] = {}
    groups: tuple[tuple[list[_Player], Scorer], ...] = ((known, served.tempered), (nobody, served.popularity))
    for players, scorer in groups:
        rows = Interactions.of_rows(scorer.items, [player.owned for player in players])
        found = picks_for_many(rows, scorer, served.shelf, wish, k) if players else []
        picks.update({id(player): one for player, one in zip(players, found, strict=True)})
    if served.newcomers is not None:
        for one in known:
            unowned = replace(wish, hidden=wish.hidden | one.library.minutes.keys())
            picks[id(one)] = with_new(picks[id(one)], one.owned, served.newcomers, unowned, k)
    for player in batch:
        yield json.dumps({"player": player.name, "picks": [_plain(pick) for pick in picks[id(player)]]}) + "\n"


def _plain(pick: Pick) -> dict[str, object]:
    each = [one for because in pick.because for one in (because, *because.series)]
    because = [{"appid": b.game.app_id, "share": round(b.share, 6), "minutes": b.minutes} for b in each]
    plain = {"appid": pick.game.app_id, "score": round(pick.score, 6), "because": because}
    return plain | ({"new": True} if pick.new else {})
