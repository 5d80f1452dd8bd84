"""The engine in the bot's process: the model in service, off the event loop, swapped without dropping a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from recommender.catalog import Game
from recommender.errors import UpdateRefused
from recommender.experiment import Asker
from recommender.group import picks_for_group
from recommender.interactions import Owned
from recommender.interleaving import Team, team_draft
from recommender.library import Library
from recommender.linear import Linear
from recommender.newcomers import with_new
from recommender.reasons import Because
from recommender.recommend import Pick, of_theme, picks_for, similar_to, why
from recommender.scorer import Scorer
from recommender.served import Players, Served, replaced
from recommender.service import Service, Trial
from recommender.shelf import Wish
from recommender.updates import NOTHING, stacked, updated
from recommender.weekly import Evidence, Weekly, weekly

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """`known` counts the games of the library that the model knows; with none of them, popularity answered.

    `version` is that of all picks but those that say their own.
    """

    picks: tuple[Pick, ...]
    version: str
    known: int = 0


class Engine:
    """Answers from the model in service at the moment a request begins; safe under concurrent requests.

    While two versions are compared, `recommend`, `together` and `similar` answer an `asker` from those two instead.
    """

    def __init__(self, served: Served, threads: int = 2) -> None:
        self._service = Service(served)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="engine")
        self._typing = ThreadPoolExecutor(1, thread_name_prefix="engine-typing")
        self._learning = ThreadPoolExecutor(1, thread_name_prefix="engine-learning")
        self._turn = asyncio.Lock()

    @property
    def served(self) -> Served:
        return self._service.served

    @property
    def service(self) -> Service:
        return self._service

    def swap(self, served: Served) -> None:
        """Requests under way finish on the model they began with."""
        self._service = replace(self._service, served=served)

    def compare(self, trial: Trial | None) -> None:
        """From the next request on; None ends it."""
        self._service = replace(self._service, trial=trial)

    def close(self) -> None:
        self._pool.shutdown()
        self._typing.shutdown()
        self._learning.shutdown()

    async def learn(self, version: str, rows: Players, fitted: Players | None = None) -> bool:
        """Makes the model hold of each of these players the row given, and no other; answers go on meanwhile.

        `rows` are weighed for `version`; an empty one forgets. `fitted` are the rows that its fit saw of the same
        players, of those whom it saw. To say again what the model holds changes nothing. False, and nothing changes,
        where that version does not answer, now or by the end: rows are another version's, so weigh them for that.

        Raises:
            UpdateRefused: a row to be forgotten is not in the model, or the model cannot learn in place.
        """
        async with self._turn:  # each builds on the one before
            served = self._service.of(version)
            if served is None:
                return False
            after = await asyncio.get_running_loop().run_in_executor(self._learning, learn, served, rows, fitted or {})
            if self._service.of(version) is not served:
                return False
            self._service = self._service.updated(after)
            return True

    async def forget(self, version: str, players: Iterable[str], fitted: Players | None = None) -> bool:
        """As `learn`, of rows without games."""
        return await self.learn(version, dict.fromkeys(players, NOTHING), fitted)

    async def recommend(self, library: Library, wish: Wish, k: int = 10, asker: Asker | None = None) -> Answer:
        return await self._asked(lambda served: recommend(served, library, wish, k), k, asker)

    async def together(
        self, libraries: Sequence[Library], wish: Wish, k: int = 10, asker: Asker | None = None
    ) -> Answer:
        """One list for all; `Pick.members` are places in `libraries`, `known` counts the games of any of them."""
        return await self._asked(lambda served: together(served, libraries, wish, k), k, asker)

    async def similar(self, game: Game, wish: Wish, k: int = 10, asker: Asker | None = None) -> Answer:
        """Empty picks and `known` 0 where the model does not know the game."""
        return await self._asked(lambda served: similar(served, game, wish, k), k, asker)

    async def curate(self, tag: str, wish: Wish, k: int = 10) -> Answer:
        """`tag` as the catalogue spells it."""
        return await self._off_loop(lambda served: Answer(tuple(of_theme(tag, served.themes, wish, k)), served.version))

    async def weekly(self, evidence: Evidence, themes: Sequence[str], wish: Wish, k: int) -> Weekly:
        """What is worth a word to many at once; see `recommender.weekly`."""
        return await self._off_loop(
            lambda served: Weekly(tuple(weekly(served, evidence, themes, wish, k)), served.version)
        )

    async def why(self, library: Library, game: Game) -> Pick | None:
        """None where the model knows nothing of the game, not even by its content, or none of the library."""
        return await self._off_loop(lambda served: explain(served, library, game))

    async def find(self, said: str) -> Game:
        """As `Catalog.find`, off the event loop: an approximate search of all titles takes a while."""
        return await self._off_loop(lambda served: served.catalog.find(said))

    async def complete_titles(self, typed: str, limit: int = 25, *, adult_ok: bool) -> list[Game]:
        """As `Catalog.complete_title`."""
        return await self._aside(lambda served: served.catalog.complete_title(typed, limit, adult=adult_ok))

    async def complete_tags(self, typed: str, limit: int = 25) -> list[str]:
        """As `Catalog.complete_tag`."""
        return await self._aside(lambda served: served.catalog.complete_tag(typed, limit))

    async def _asked(self, work: Callable[[Served], Answer], k: int, asker: Asker | None) -> Answer:
        service = self._service
        return await asyncio.get_running_loop().run_in_executor(self._pool, answered, service, work, k, asker)

    async def _off_loop(self, work: Callable[[Served], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, self.served)

    async def _aside(self, work: Callable[[Served], T]) -> T:
        """In a thread of its own: who types does not wait behind those who have asked."""
        return await asyncio.get_running_loop().run_in_executor(self._typing, work, self.served)


def answered(service: Service, work: Callable[[Served], Answer], k: int, asker: Asker | None) -> Answer:
    """By the version that is the asker's, or interleaved of two."""
    first, *second = [work(served) for served in service.chosen(asker)]
    if not second or service.trial is None or asker is None:
        return first
    return interleaved(first, second[0], k, service.trial.experiment.coin_for(asker.answer))


def interleaved(a: Answer, b: Answer, k: int, flip: Callable[[], bool]) -> Answer:
    """Each pick says which version it speaks for; what fills up after the shorter list speaks for neither."""
    drafted = team_draft(a.picks, b.picks, k, lambda pick: pick.game.app_id, flip)
    versions = {Team.A: a.version, Team.B: b.version}
    picks = tuple(replace(each.item, version=versions[each.team] if each.team else None) for each in drafted)
    filling = next((each.source for each in drafted if each.team is None), Team.A)
    return Answer(picks, versions[filling], max(a.known, b.known))


def recommend(served: Served, library: Library, wish: Wish, k: int) -> Answer:
    owned = served.scorer.items.owned(library)
    scorer: Scorer = served.tempered if len(owned) else served.popularity
    rated = [_rated(pick, served, len(owned)) for pick in picks_for(owned, scorer, served.shelf, wish, k)]
    picks = with_newcomers(rated, owned, library, served, wish, k)
    return Answer(tuple(_told(pick, library) for pick in picks), served.version, len(owned))


def with_newcomers(picks: list[Pick], owned: Owned, library: Library, served: Served, wish: Wish, k: int) -> list[Pick]:
    """Where anything is known of the player and of content, as `with_new`; `library` has the games of no model, too."""
    if served.newcomers is None or not len(owned):
        return picks
    unowned = replace(wish, hidden=wish.hidden | library.minutes.keys())
    return with_new(picks, owned, served.newcomers, unowned, k)


def learn(served: Served, rows: Players, fitted: Players) -> Served:
    """See `Engine.learn`; `served` itself where there is nothing to change."""
    if not isinstance(served.scorer, Linear):
        raise UpdateRefused("only a linear model learns in place")
    before = replaced(served.learned, rows, fitted)
    if not before:
        return served
    after, n = {player: rows[player] for player in before}, len(served.scorer.items)
    joining, leaving = (stacked([row for row in each.values() if len(row)], n) for each in (after, before))
    return served.updated(updated(served.scorer, joining, leaving), {**served.learned, **after})


def together(served: Served, libraries: Sequence[Library], wish: Wish, k: int) -> Answer:
    members = [served.scorer.items.owned(library) for library in libraries]
    known = len({at for owned in members for at in owned.positions.tolist()})
    scorer: Scorer = served.scorer if known else served.popularity
    return Answer(tuple(picks_for_group(members, scorer, served.shelf, wish, k)), served.version, known)


def similar(served: Served, game: Game, wish: Wish, k: int) -> Answer:
    position = served.scorer.items.position(game.app_id)
    if position is None:
        return Answer((), served.version)
    return Answer(tuple(similar_to(position, served.scorer, served.shelf, wish, k)), served.version, 1)


def explain(served: Served, library: Library, game: Game) -> Pick | None:
    owned = served.scorer.items.owned(library)
    pick = _why(served, owned, game) if len(owned) else None
    return _told(pick, library) if pick is not None else None


def _rated(pick: Pick, served: Served, known: int) -> Pick:
    """Where nothing is known, or nothing was measured, nobody can say how sure it is."""
    if served.confidence is None or not known:
        return pick
    return replace(pick, chance=served.confidence.chance(known, pick.score))


def _why(served: Served, owned: Owned, game: Game) -> Pick | None:
    """By who owns what, or by content where hardly anybody owns the game."""
    newcomers, position = served.newcomers, served.scorer.items.position(game.app_id)
    anywhere = served.themes.items.position(game.app_id)
    if newcomers is not None and anywhere is not None and (position is None or newcomers.new[anywhere]):
        return newcomers.pick(anywhere, owned)
    pick = why(owned, position, served.tempered, served.shelf) if position is not None else None
    return _rated(pick, served, len(owned)) if pick is not None else None


def _told(pick: Pick, library: Library) -> Pick:
    """A score knows only which games speak for it; which of them are liked, not owned, the library knows."""
    told = (_liking(because, library.liked) for because in pick.because)
    return replace(pick, because=tuple(told)) if library.liked else pick


def _liking(because: Because, liked: frozenset[int]) -> Because:
    """Of the series only what is as this one is: nobody is told that they own what they only like."""
    mine = because.game.app_id in liked
    alike = (replace(other, liked=mine) for other in because.series if (other.game.app_id in liked) == mine)
    return replace(because, liked=mine, series=tuple(alike))
