"""What the bot leaves in the lake of what people do: enough to learn from, and nothing they did not agree to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.app import running
from bot.dispatch import dispatch
from bot.messages import Outcome, Person
from bot.settings import read_settings
from storage.database import Database
from storage.lake.events import Event, Kind, player_of
from storage.lake.lake import Lake
from storage.lake.lines import line_of
from storage.lake.patient import PatientLake
from storage.lake.spool import Spool
from storage.steam.ids import SteamID
from tests import worlds
from tests.databases import migrated, moved_away, sqlite_url
from tests.fakes import ANN, NOON, PUBLIC, SECRETIVE, Place, open_place, request
from tests.lake_process import event
from tests.test_own_data import read

BOB = Person("terminal", "bob")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


async def events(place: Place, *kinds: Kind) -> list[Event]:
    assert await place.desk.lake.flush(5)
    stored = await Lake(place.database).after(0, 1000)
    return [one.event for one in stored if not kinds or one.event.kind in kinds]


def spooled(folder: Path, *given: Event) -> None:
    spool = Spool(folder)
    let_go = spool.hold()
    assert let_go is not None
    spool.add([line_of(one) for one in given])
    let_go()


async def test_a_request_is_there_with_what_it_showed(place: Place) -> None:
    reply = await place.ask("curate", tag="Roguelike", mix="hits")
    (asked,) = await events(place, Kind.REQUEST)

    assert (asked.platform, asked.person, asked.at) == (ANN.platform, ANN.id, NOON)
    assert asked.payload["options"] == {"tag": "Roguelike", "mix": "hits"}
    assert (asked.payload["outcome"], asked.payload["model"]) == ("answered", reply.model)
    assert asked.payload["shown"] == [
        {"position": at, "app_id": pick.game.app_id, "score": pick.score, "version": None}
        for at, pick in enumerate(reply.picks, 1)
    ]
    assert len(reply.picks) > 2


async def test_a_steam_id_that_was_looked_up_leaves_no_trace(place: Place) -> None:
    for said in (PUBLIC, f"https://steamcommunity.com/profiles/{PUBLIC}", "roguefan"):
        await place.ask("recommend", steam=said)
    found = await events(place)

    assert [one.kind for one in found] == [Kind.REQUEST] * 3
    assert not [one for one in found if PUBLIC in str(one.payload) or "roguefan" in str(one.payload)]
    assert [one.payload["options"] for one in found] == [{}] * 3


async def test_the_library_of_a_linked_account_is_there_when_its_owner_asks(place: Place) -> None:
    await place.ask("link", steam=PUBLIC)
    linked = await events(place, Kind.LIBRARY)
    await place.ask("recommend")
    (library,) = await events(place, Kind.LIBRARY)

    assert linked == []
    assert (library.platform, library.person) == (ANN.platform, ANN.id)
    games = library.payload["games"]
    assert isinstance(games, list)
    assert [worlds.UNLISTED, 30] in games
    assert len(games) == 5
    assert PUBLIC not in str(library.payload)


async def test_it_is_there_once_a_day_however_often_they_ask(place: Place) -> None:
    await place.ask("link", steam=PUBLIC)
    for command in ("recommend", "recommend"):
        await place.ask(command)
    await place.ask("why", game="Mirrorblade")

    assert len(await events(place, Kind.LIBRARY)) == 1


async def test_a_profile_that_somebody_names_is_nobody_s_consent_even_if_it_is_linked(place: Place) -> None:
    await place.ask("link", steam=PUBLIC)
    await place.ask("recommend", BOB, steam=PUBLIC)
    await place.ask("recommend", steam=SECRETIVE)

    assert await events(place, Kind.LIBRARY) == []


async def test_in_a_group_nobody_s_library_is_noted_nor_who_was_named(place: Place) -> None:
    for person, steam in ((ANN, PUBLIC), (BOB, SECRETIVE)):
        await place.desk.accounts.link(person.platform, person.id, SteamID(int(steam)), "said", NOON)
    await dispatch(replace(request("together", **{"with": "bob"}), names={"bob": "Bob"}), place.desk)
    (asked,) = await events(place)

    assert asked.payload["outcome"] == "answered"
    assert "bob" not in line_of(asked).decode().casefold()


async def test_an_opinion_and_its_taking_back_are_both_there(place: Place) -> None:
    await place.ask("hide", game="Static")
    await place.ask("hide", game="Static")
    reactions = await events(place, Kind.REACTION)

    assert [one.payload["opinion"] for one in reactions] == ["hide", "unhide"]
    assert {one.payload["app_id"] for one in reactions} == {worlds.game("Static").app_id}
    assert len({one.key for one in reactions}) == 2


async def test_a_refusal_is_there_too_and_what_is_no_command_without_its_words(place: Place) -> None:
    await place.ask("why", game="Static")
    await place.ask("i live in elm street", game="4")
    refused, unknown = await events(place)

    assert refused.payload["outcome"] == "refused"
    assert (unknown.payload["command"], unknown.payload["options"]) == ("unknown", {})


async def test_after_forgetting_a_pseudonym_is_all_there_is(place: Place) -> None:
    await place.ask("link", steam=PUBLIC)
    await place.ask("recommend")
    await place.ask("hide", game="Static")
    await place.ask("curate", BOB, tag="Roguelike")
    await place.flush()
    reply = await place.ask("forgetme", sure="yes")
    bobs, erased = await events(place)

    assert "log to learn from" in reply.text
    assert bobs.person == BOB.id
    assert erased.payload == {"player": player_of(ANN.platform, ANN.id), "kinds": sorted(Kind)}


async def test_what_waits_on_the_disk_is_forgotten_too(place: Place) -> None:
    hers = replace(event(1), platform=ANN.platform, person=ANN.id)
    spooled(place.folder / "spool", hers, replace(hers, key="bob's", person=BOB.id))
    reply = await place.ask("forgetme", sure="yes")
    found = await events(place)

    assert "1" in reply.text
    assert [one.key for one in found if one.kind is not Kind.ERASED] == ["bob's"]


async def test_one_s_own_data_has_what_is_in_the_lake_and_what_never_got_there(place: Place) -> None:
    poisoned = Event("odd", Kind.CLICK, NOON, 1, {"x": {1}}, ANN.platform, ANN.id)
    await place.ask("curate", tag="Roguelike")
    place.desk.lake.put(poisoned)
    place.desk.lake.put(replace(poisoned, person=BOB.id))
    reply = await place.ask("mydata")

    rows = read(reply)["tables"]["lake_events"]["rows"]
    assert isinstance(rows, list)
    assert [row["key"].partition(":")[0] for row in rows] == ["request", "odd"]
    assert "entries of the log to learn from: 2" in reply.text


async def test_what_waits_is_shown_once_though_the_lake_has_it(place: Place) -> None:
    hers = replace(event(1), platform=ANN.platform, person=ANN.id)
    await Lake(place.database).append([hers])
    spooled(place.folder / "spool" / "aside", hers)
    reply = await place.ask("mydata")

    rows = read(reply)["tables"]["lake_events"]["rows"]
    assert isinstance(rows, list)
    assert [row["key"] for row in rows] == [hers.key]


async def test_unlinking_takes_the_library_out_and_leaves_the_rest(place: Place) -> None:
    await place.ask("link", steam=PUBLIC)
    await place.ask("recommend")
    before = await events(place)
    await place.ask("unlink")
    after = await events(place)

    assert Kind.LIBRARY in {one.kind for one in before}
    assert [one.kind for one in after] == [Kind.REQUEST, Kind.REQUEST, Kind.ERASED, Kind.REQUEST]
    assert after[2].payload == {"player": player_of(ANN.platform, ANN.id), "kinds": ["library"]}


async def test_who_unlinks_nothing_leaves_no_word(place: Place) -> None:
    await place.ask("unlink")

    assert [one.kind for one in await events(place)] == [Kind.REQUEST]


async def test_an_answer_does_not_wait_for_a_database_that_is_away_and_is_there_afterwards(place: Place) -> None:
    with moved_away(place.folder / "indiean.sqlite"):
        reply = await place.ask("curate", tag="Roguelike")
        written = await place.desk.lake.flush(0.1)
    (asked,) = await events(place)

    assert reply.outcome is Outcome.ANSWERED
    assert not written
    assert len(asked.payload["shown"]) == len(reply.picks)  # type: ignore[arg-type]


async def test_nothing_is_promised_where_the_disk_cannot_be_asked(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    broken = Spool(tmp_path / "file")
    spooled(tmp_path / "spool", event(1))
    lake = PatientLake(Lake(place.database), Spool(tmp_path / "spool"), broken)
    let_go = Spool(tmp_path / "spool").hold()
    assert let_go is not None
    with pytest.MonkeyPatch.context() as hasty:
        hasty.setattr("storage.lake.patient.PATIENCE", 0.05)
        reply = await dispatch(request("forgetme", sure="yes"), replace(place.desk, lake=lake))
    let_go()
    await lake.close()

    assert reply.outcome is Outcome.UNAVAILABLE
    assert not reply.untraced


async def test_what_an_earlier_bot_left_on_the_disk_is_delivered_by_the_next_one(tmp_path: Path) -> None:
    settings = read_settings(home=tmp_path, database_url=None)
    spooled(tmp_path / "spool", event(1), event(2))
    async with running(settings, worlds.served()) as desk:
        delivered = await desk.lake.flush(5)
    async with migrated(sqlite_url(tmp_path / "indiean.sqlite")) as database:
        found = await keys(database)

    assert delivered
    assert found == [event(1).key, event(2).key]


async def keys(database: Database) -> list[str]:
    return [stored.event.key for stored in await Lake(database).after(0, 100)]
