"""The engine answers from one version at a time, leaves the event loop free, and loses no request to a swap."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import date

import pytest
import pytest_asyncio

from recommender.catalog import Catalog
from recommender.engine import Answer, Engine, recommend
from recommender.errors import UnknownGame
from recommender.interactions import Floats, Interactions, Ints, ItemIndex, Owned
from recommender.library import Library
from recommender.scorer import Scorer
from recommender.served import Served
from recommender.shelf import Wish
from tests import worlds

LIBRARY = worlds.library("Tessera", "Loop & Knot", "Static")
"""How many players own the most owned game."""


@dataclass(frozen=True, eq=False)
class Slow:
    """A scorer that takes its time as LAPACK does: its thread waits, other threads run."""

    scorer: Scorer
    seconds: float

    @property
    def items(self) -> ItemIndex:
        return self.scorer.items

    @property
    def prior(self) -> Floats:
        return self.scorer.prior

    def scores(self, owned: Owned) -> Floats:
        time.sleep(self.seconds)
        return self.scorer.scores(owned)

    def score_many(self, players: Interactions) -> Floats:
        time.sleep(self.seconds)
        return self.scorer.score_many(players)

    def shares(self, owned: Owned, positions: Ints) -> Floats:
        return self.scorer.shares(owned, positions)


@dataclass(frozen=True, eq=False)
class Held(Slow):
    """A scorer that waits until the gate is opened."""

    gate: threading.Event = field(default_factory=threading.Event)

    def scores(self, owned: Owned) -> Floats:
        assert self.gate.wait(timeout=20), "the gate stayed shut"
        return super().scores(owned)


def marked(version: str, seconds: float = 0.0) -> Served:
    """The world with the version written on each title, so that an answer shows which catalogue it came from."""
    games = (replace(game, title=f"{version} {game.title}") for game in worlds.GAMES)
    return Served(version, Slow(worlds.model(), seconds), Catalog(games))


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Engine]:
    found = Engine(worlds.served())
    yield found
    found.close()


def titles(answer: Answer) -> set[str]:
    return {pick.game.title for pick in answer.picks}


async def test_a_library_is_answered_with_picks_the_version_and_how_much_of_it_was_known(engine: Engine) -> None:
    library = Library({**LIBRARY.minutes, 123456: 60})

    answer = await engine.recommend(library, Wish(), 5)

    assert answer == recommend(worlds.served(), library, Wish(), 5)
    assert (answer.version, answer.known, len(answer.picks)) == ("world-1", 3, 5)
    assert all(pick.because for pick in answer.picks)


@pytest.mark.parametrize("minutes", [{}, {123456: 60}], ids=["no games", "only unknown games"])
async def test_a_player_of_whom_nothing_is_known_gets_what_many_play(engine: Engine, minutes: dict[int, int]) -> None:
    """Not what many own: the first game of each theme and the second were played for two hours at most."""
    answer = await engine.recommend(Library(minutes), Wish(), 6)

    scores = [pick.score for pick in answer.picks]
    assert answer.known == 0
    assert scores == sorted(scores, reverse=True) == [1.0] * 6
    assert {pick.game.title for pick in answer.picks} == set(worlds.THEMES["Roguelike"][2:])
    assert {pick.game.tags[0] for pick in answer.picks} == {"Roguelike"}


async def test_like_a_game_are_others_of_its_theme(engine: Engine) -> None:
    answer = await engine.similar(worlds.game("Static"), Wish(), 5)

    assert titles(answer) == set(worlds.THEMES["Horror"]) - {"Static"}
    assert answer.known == 1


async def test_like_a_game_that_the_model_does_not_know_is_nothing(engine: Engine) -> None:
    assert await engine.similar(worlds.UNPLAYED, Wish(), 5) == Answer((), "world-1", 0)


async def test_a_theme_is_answered_from_the_theme(engine: Engine) -> None:
    answer = await engine.curate("Puzzle", Wish(), 6)

    assert titles(answer) == set(worlds.THEMES["Puzzle"])


async def test_a_theme_holds_games_that_nobody_owns_yet_by_what_is_known_of_them(engine: Engine) -> None:
    unrated = await engine.curate("Roguelike", Wish(), 20)
    world = worlds.served()
    rated = replace(worlds.UNPLAYED, positive=3000, negative=3)
    disliked = replace(worlds.game("Ash & Arrow"), positive=3, negative=300)
    others = [game for game in worlds.GAMES if game.app_id not in (rated.app_id, disliked.app_id)]
    engine.swap(replace(world, catalog=Catalog([*others, rated, disliked])))
    acclaimed = await engine.curate("Roguelike", Wish(), 20)

    assert unrated.picks[-1].game == worlds.UNPLAYED
    assert (unrated.picks[-1].score, unrated.picks[-1].players) == (0.0, 0)
    assert [pick.game for pick in acclaimed.picks[-2:]] == [rated, disliked]
    assert len(acclaimed.picks) == len(unrated.picks) == len(worlds.THEMES["Roguelike"]) + 1


async def test_a_game_that_nobody_owns_yet_can_be_hidden(engine: Engine) -> None:
    answer = await engine.curate("Roguelike", Wish(hidden=frozenset({worlds.UNPLAYED.app_id})), 20)

    assert titles(answer) == set(worlds.THEMES["Roguelike"])


async def test_among_games_of_which_nothing_is_known_the_latest_comes_first() -> None:
    new = [replace(worlds.UNPLAYED, app_id=910 + n, title=f"New {n}", year=year) for n, year in enumerate((2024, 2026))]
    dated = replace(worlds.UNPLAYED, app_id=920, title="Dated", year=None, released=date(2025, 3, 1))
    engine = Engine(replace(worlds.served(), catalog=Catalog([*worlds.GAMES, *new, dated])))
    answer = await engine.curate("Roguelike", Wish(since_year=2018), 20)
    engine.close()

    assert [pick.game.title for pick in answer.picks][-4:] == ["New 1", "Dated", "New 0", "Brand New Thing"]


async def test_why_is_answered_where_something_is_known(engine: Engine) -> None:
    pick = await engine.why(LIBRARY, worlds.game("Whisper Well"))

    assert pick is not None
    assert pick.because[0].game.title == "Static"
    assert await engine.why(LIBRARY, worlds.UNPLAYED) is None
    assert await engine.why(Library({}), worlds.game("Whisper Well")) is None


async def test_a_game_is_found_or_refused_with_near_ones(engine: Engine) -> None:
    assert (await engine.find("ash & ARROW")).title == "Ash & Arrow"

    with pytest.raises(UnknownGame) as refused:
        await engine.find("Ember Depth")

    assert refused.value.near[0] == worlds.game("Ember Depths").app_id


async def test_titles_and_tags_are_completed(engine: Engine) -> None:
    assert [game.title for game in await engine.complete_titles("sta", adult_ok=False)] == ["Static"]
    assert [game.title for game in await engine.complete_titles("velvet", adult_ok=True)] == ["Velvet Nights"]
    assert await engine.complete_titles("velvet", adult_ok=False) == []
    assert len(await engine.complete_titles("", 3, adult_ok=False)) == 3
    assert await engine.complete_tags("sim") == ["Farming Sim"]
    assert len(await engine.complete_tags("", 2)) == 2


async def test_who_types_does_not_wait_behind_those_who_have_asked() -> None:
    held = Held(worlds.model(), 0.0)
    engine = Engine(replace(worlds.served(), scorer=held), threads=1)
    asked = asyncio.create_task(engine.recommend(LIBRARY, Wish(), 1))

    completed = await asyncio.wait_for(engine.complete_titles("sta", adult_ok=False), timeout=10)
    under_way = not asked.done()
    held.gate.set()
    await asked
    engine.close()

    assert (len(completed), under_way) == (1, True)


async def test_a_swap_changes_the_next_answer(engine: Engine) -> None:
    before = await engine.recommend(LIBRARY, Wish(), 3)
    engine.swap(marked("world-2"))

    after = await engine.recommend(LIBRARY, Wish(), 3)

    assert (before.version, after.version, engine.served.version) == ("world-1", "world-2", "world-2")
    assert titles(after) == {f"world-2 {title}" for title in titles(before)}


async def test_a_request_under_way_finishes_on_the_model_it_began_with() -> None:
    engine = Engine(marked("old", seconds=0.1))
    under_way = asyncio.create_task(engine.recommend(LIBRARY, Wish(), 3))
    await asyncio.sleep(0.02)

    engine.swap(marked("new"))

    answer = await under_way
    engine.close()
    assert answer.version == "old"
    assert all(title.startswith("old ") for title in titles(answer))


async def test_a_request_that_waits_for_a_thread_has_begun() -> None:
    engine = Engine(marked("old", seconds=0.05), threads=1)
    asked = [asyncio.create_task(engine.recommend(LIBRARY, Wish(), 3)) for _ in range(3)]
    await asyncio.sleep(0.01)

    engine.swap(marked("new"))

    answers = await asyncio.gather(*asked)
    engine.close()
    assert [answer.version for answer in answers] == ["old"] * 3
    assert all(title.startswith("old ") for answer in answers for title in titles(answer))


async def test_under_a_storm_of_swaps_every_answer_is_of_one_version() -> None:
    versions = [marked(f"v{at}", seconds=0.001) for at in range(6)]
    engine = Engine(versions[0], threads=4)
    answers: list[Answer] = []

    async def ask() -> None:
        for _ in range(15):
            answers.append(await engine.recommend(LIBRARY, Wish(), 4))
            answers.append(await engine.similar(worlds.game("Static"), Wish(), 4))
            answers.append(await engine.curate("Puzzle", Wish(), 4))

    async def swap() -> None:
        for at in range(60):
            engine.swap(versions[at % len(versions)])
            await asyncio.sleep(0.002)

    await asyncio.gather(swap(), *(ask() for _ in range(8)))
    engine.close()

    assert len(answers) == 8 * 15 * 3
    assert len({answer.version for answer in answers}) > 1
    for answer in answers:
        assert len(answer.picks) == 4
        assert all(pick.game.title.startswith(f"{answer.version} ") for pick in answer.picks)
        assert all(b.game.title.startswith(f"{answer.version} ") for pick in answer.picks for b in pick.because)


async def test_concurrent_answers_are_those_given_one_at_a_time(engine: Engine) -> None:
    libraries = [worlds.library(*owned[:3]) for owned in worlds.THEMES.values()] * 10

    together = await asyncio.gather(*(engine.recommend(library, Wish(), 5) for library in libraries))

    assert list(together) == [recommend(worlds.served(), library, Wish(), 5) for library in libraries]


async def test_the_event_loop_runs_while_a_scorer_works() -> None:
    engine = Engine(marked("slow", seconds=0.3))
    ticks = 0

    async def heartbeat() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    heart = asyncio.create_task(heartbeat())
    await engine.recommend(LIBRARY, Wish(), 3)
    heart.cancel()
    engine.close()

    assert ticks >= 10


async def test_requests_run_side_by_side_as_far_as_there_are_threads() -> None:
    engine = Engine(marked("slow", seconds=0.2), threads=4)
    began = time.perf_counter()

    await asyncio.gather(*(engine.recommend(LIBRARY, Wish(), 1) for _ in range(4)))

    took = time.perf_counter() - began
    engine.close()
    assert took < 4 * 0.2


async def test_closing_lets_work_under_way_finish_and_takes_no_more() -> None:
    engine = Engine(marked("slow", seconds=0.05))
    under_way = asyncio.create_task(engine.recommend(LIBRARY, Wish(), 3))
    await asyncio.sleep(0.01)

    engine.close()

    assert (await under_way).version == "slow"
    with pytest.raises(RuntimeError):
        await engine.recommend(LIBRARY, Wish(), 3)


async def test_closing_twice_is_closing_once() -> None:
    engine = Engine(worlds.served())

    engine.close()
    engine.close()

    with pytest.raises(RuntimeError):
        await engine.find("Static")


async def test_a_liked_game_speaks_for_picks_as_one_that_is_liked_and_not_owned(engine: Engine) -> None:
    static = worlds.game("Static").app_id
    library = worlds.library("Tessera").with_more(liked=[static], owned=[])
    answer = await engine.recommend(library, Wish(tag="Horror"), 1)
    explained = await engine.why(library, answer.picks[0].game)

    assert explained is not None
    for pick in (*answer.picks, explained):
        assert {because.game.app_id: because.liked for because in pick.because}[static]
    assert static not in {pick.game.app_id for pick in answer.picks}


def test_what_is_in_the_library_is_not_only_liked_and_keeps_its_hours() -> None:
    more = Library({1: 60, 2: 0}).with_more(liked=[1, 3, 4], owned=[2, 4, 5])

    assert more == Library({1: 60, 2: 0, 4: 0, 5: 0, 3: 0}, frozenset({3}))
