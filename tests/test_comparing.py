"""An experiment reaches every replica, survives swaps and restarts, and ends quietly where a version is no more."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from bot.dispatch import dispatch
from bot.hosting.following import following
from bot.messages import Language, Person, Reply, Request, Value
from bot.messages import Place as Where
from bot.presses import Deed, about
from recommender.engine import Engine
from recommender.experiment import Asker, By, Experiment, new_experiment
from recommender.experiments import FILE
from recommender.registry import Registry
from recommender.shelf import Wish
from storage.logs import PastAnswer
from storage.shown import SHOWN_AGAIN
from storage.steam.ids import SteamID
from tests import worlds
from tests.fakes import ANN, NOON, PUBLIC, SECRETIVE, Place, open_place
from tests.test_following import LIBRARY, Looks

PEOPLE = [Asker(f"discord:{at}", str(at)) for at in range(12)]
VARIANT = tuple(replace(game, title=f"{game.title} II") for game in worlds.GAMES)
"""The catalogue of the other version: a title shows whose a pick is."""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def experiment(registry: Registry) -> Experiment:
    """Begun between two versions, of which the newer is in service."""
    a, b = (publish(registry, day) for day in (1, 2))
    begun = new_experiment(a, b, By.HALVES, NOON)
    registry.experiments.begin(begun)
    return begun


def publish(registry: Registry, day: int) -> str:
    return registry.publish(
        worlds.model(),
        VARIANT if day % 2 == 0 else worlds.GAMES,
        created=NOON - timedelta(days=9 - day),
        metrics={},
        fingerprint=f"day {day}",
        synthetic=False,
        players=100,
    ).version


@asynccontextmanager
async def replicas(registry: Registry, number: int = 1) -> AsyncIterator[tuple[list[Engine], Looks]]:
    """Engines of processes of their own, which look when they are told to; the looks are the last one's."""
    async with AsyncExitStack() as opened:
        engines, looks = list[Engine](), Looks()
        for _ in range(number):
            engine, looks = Engine(registry.open_current()), Looks()
            opened.callback(engine.close)
            await opened.enter_async_context(following(registry, engine, looks))
            engines.append(engine)
        yield engines, looks


async def versions(engine: Engine) -> list[str]:
    return [(await engine.recommend(LIBRARY, Wish(), 3, asker)).version for asker in PEOPLE]


async def test_what_is_compared_when_a_replica_starts_is_compared_from_its_first_answer_on(
    registry: Registry, experiment: Experiment
) -> None:
    async with replicas(registry, 2) as ((one, other), _):
        sides = [experiment.side_of(asker.person) for asker in PEOPLE]

        assert await versions(one) == await versions(other) == sides
        assert set(sides) == {experiment.a, experiment.b}


async def test_it_begins_and_ends_in_a_running_bot_with_the_next_look(
    registry: Registry, experiment: Experiment
) -> None:
    registry.experiments.end()
    async with replicas(registry) as ((engine,), looks):
        before = await versions(engine)
        registry.experiments.begin(experiment)
        await looks.look()
        meanwhile = await versions(engine)
        registry.experiments.end()
        await looks.look()
        after = await versions(engine)

    assert set(before) == set(after) == {experiment.b}
    assert set(meanwhile) == {experiment.a, experiment.b}


async def test_what_answers_already_is_not_opened_a_second_time(registry: Registry, experiment: Experiment) -> None:
    async with replicas(registry) as ((engine,), looks):
        trial = engine.service.trial
        await looks.look()
        assert trial is not None
        assert engine.service.trial is trial
        assert trial.b is engine.served
        registry.promote(experiment.a)
        await looks.look()

        assert engine.served is trial.a
        registry.roll_back()
        await looks.look()
        assert engine.served is trial.b


async def test_a_version_that_is_promoted_or_rolled_back_meanwhile_moves_nobody(
    registry: Registry, experiment: Experiment
) -> None:
    async with replicas(registry) as ((engine,), looks):
        before = await versions(engine)
        third = publish(registry, 3)
        await looks.look()
        promoted, in_service = await versions(engine), engine.served.version
        registry.roll_back()
        await looks.look()

        assert before == promoted == await versions(engine)
        assert (in_service, engine.served.version) == (third, experiment.b)


@pytest.mark.parametrize("damage", ["gone", "damaged", "unreadable"])
async def test_where_a_version_is_no_more_it_ends_for_all_with_a_line_in_the_log(
    registry: Registry, experiment: Experiment, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "models" / experiment.a
    if damage == "gone":
        shutil.rmtree(folder)
    elif damage == "damaged":
        (folder / "model.safetensors").write_bytes(b"x")
    else:
        (folder.parent / FILE).write_text("{")
    async with replicas(registry, 2) as ((one, other), looks):
        await looks.look()
        found = {*await versions(one), *await versions(other)}

    assert found == {experiment.b}
    assert registry.experiments.running() is None
    assert caplog.text.count("the experiment is ended") == 1


async def test_a_version_that_goes_while_it_answers_ends_it_with_the_next_look(
    registry: Registry, experiment: Experiment, tmp_path: Path
) -> None:
    async with replicas(registry) as ((engine,), looks):
        before = set(await versions(engine))
        shutil.rmtree(tmp_path / "models" / experiment.a)
        between = set(await versions(engine))
        await looks.look()

        assert before == between == {experiment.a, experiment.b}
        assert set(await versions(engine)) == {experiment.b}
        assert registry.experiments.running() is None


async def test_a_folder_that_cannot_be_read_is_looked_at_again(
    registry: Registry, experiment: Experiment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "models" / FILE
    text = file.read_text()
    async with replicas(registry) as ((engine,), looks):
        file.unlink()
        file.mkdir()
        await looks.look()
        unknown = set(await versions(engine))
        file.rmdir()
        file.write_text(text)
        await looks.look()

        assert unknown == set(await versions(engine)) == {experiment.a, experiment.b}
    assert caplog.text.count("is not known") == 1


async def test_under_load_beginning_and_ending_drops_nobody(registry: Registry, experiment: Experiment) -> None:
    seen: list[str] = []
    stop = asyncio.Event()
    registry.experiments.end()
    async with replicas(registry) as ((engine,), looks):

        async def ask() -> None:
            while not stop.is_set():
                seen.extend(await versions(engine))

        asking = [asyncio.create_task(ask()) for _ in range(4)]
        for _ in range(3):
            registry.experiments.begin(experiment)
            await looks.look()
            await asyncio.sleep(0.05)
            registry.experiments.end()
            await looks.look()
        stop.set()
        await asyncio.gather(*asking)

    assert {*seen} == {experiment.a, experiment.b}


class Member:
    """Somebody who asks, three picks at a time, and turns pages."""

    def __init__(self, place: Place, person: Person = ANN) -> None:
        self.place, self.person, self.last = place, person, ""

    async def ask(self, command: str, **options: Value) -> Reply:
        self.last = uuid4().hex
        where = Where("den", "lobby")
        asked = Request(self.last, self.person, command, options, Language.EN, NOON, where, shown=3)
        reply = await dispatch(asked, self.place.desk)
        await self.place.flush()
        return reply

    async def press(self, answer: Reply, deed: Deed) -> Reply:
        assert answer.origin is not None
        press = about(answer.origin, deed, answer.origin.page)
        return await self.ask(str(deed), **press.options)

    async def logged(self) -> PastAnswer:
        found = await self.place.logs.answer(self.last)
        assert found is not None
        return found


@asynccontextmanager
async def compared(folder: Path, registry: Registry, experiment: Experiment) -> AsyncIterator[Place]:
    async with (
        open_place(folder, registry.open_current()) as place,
        following(registry, place.desk.engine, Looks()),
    ):
        yield place


def second(pick_title: str) -> bool:
    return pick_title.endswith(" II")


async def test_by_halves_every_page_of_everybody_is_of_their_side_and_logged_so(
    registry: Registry, experiment: Experiment, tmp_path: Path
) -> None:
    async with compared(tmp_path, registry, experiment) as place:
        for at in range(6):
            member = Member(place, Person("terminal", f"p{at}"))
            side = experiment.side_of(f"terminal:p{at}")
            first = await member.ask("recommend", steam=PUBLIC)
            logged = await member.logged()
            later = await member.press(first, Deed.NEXT)
            pages = [*first.picks, *later.picks]

            assert (logged.request.model_version, (await member.logged()).request.model_version) == (side, side)
            assert {second(pick.game.title) for pick in pages} == {side == experiment.b}
            assert len({pick.game.app_id for pick in pages}) == len(pages) == 6


async def test_interleaved_pages_say_of_each_game_whose_it_is_also_when_they_are_shown_again_or_shared(
    registry: Registry, experiment: Experiment, tmp_path: Path
) -> None:
    registry.experiments.end()
    registry.experiments.begin(replace(experiment, by=By.INTERLEAVING))
    async with compared(tmp_path, registry, experiment) as place:
        member = Member(place)
        first = await member.ask("recommend", steam=PUBLIC)
        logged = await member.logged()
        next_page = await member.press(first, Deed.NEXT)
        second_page = await member.logged()
        await member.press(next_page, Deed.PREVIOUS)
        again = await member.logged()
        await member.press(first, Deed.SHARE)
        shared = await member.logged()

    def teams(answer: PastAnswer) -> list[str | None]:
        return [shown.version for shown in answer.shown]

    assert {*teams(logged), *teams(second_page)} == {experiment.a, experiment.b}
    assert None not in teams(logged) + teams(second_page)
    assert teams(again) == teams(shared) == teams(logged)
    for pick in (*first.picks, *next_page.picks):
        assert pick.version == (experiment.b if second(pick.game.title) else experiment.a)


async def test_a_page_after_the_end_is_of_what_is_still_at_hand(
    registry: Registry, experiment: Experiment, tmp_path: Path
) -> None:
    looks = Looks()
    async with (
        open_place(tmp_path, registry.open_current()) as place,
        following(registry, place.desk.engine, looks),
    ):
        people = [Person("terminal", f"p{at}") for at in range(8)]
        person = next(one for one in people if experiment.side_of(f"terminal:{one.id}") == experiment.a)
        member = Member(place, person)
        first = await member.ask("recommend", steam=PUBLIC)
        registry.experiments.end()
        await looks.look()
        later = await member.press(first, Deed.NEXT)
        logged = await member.logged()

    assert first.model == experiment.a
    assert later.model == logged.request.model_version == experiment.b
    assert len(later.picks) == 3


async def test_groups_and_games_like_another_are_compared_too(
    registry: Registry, experiment: Experiment, tmp_path: Path
) -> None:
    async with compared(tmp_path, registry, experiment) as place:
        for at in range(4):
            member, side = Member(place, Person("terminal", f"p{at}")), experiment.side_of(f"terminal:p{at}")
            for name, steam in ((f"p{at}", PUBLIC), ("friend", SECRETIVE)):
                await place.desk.accounts.link("terminal", name, SteamID(int(steam)), "said", NOON)
            together = await member.ask("together", **{"with": "friend"})
            similar = await member.ask("similar", game="Tessera II")

            assert (together.model, similar.model) == (side, side)


def test_the_storage_knows_the_command_that_shows_a_page_again() -> None:
    assert str(Deed.PREVIOUS) in SHOWN_AGAIN
