"""What people may have kept of themselves: a linked Steam account, what there is about them, and being forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.commands.command import Desk
from bot.dispatch import dispatch
from bot.messages import Outcome, Person
from storage.steam.ids import SteamID
from tests import worlds
from tests.fakes import (
    ANN,
    EMPTY,
    GAMES_PRIVATE,
    NOON,
    PRIVATE,
    PUBLIC,
    SECRETIVE,
    STRANGER,
    Place,
    open_place,
    request,
    terminal,
)

NOBODY = "76561199999999999"
DANA = Person("discord", "dana")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


async def linked(desk: Desk, person: Person = ANN) -> str | None:
    account = await desk.accounts.of(person.platform, person.id)
    return str(account.steam) if account else None


class Browser:
    """Notes who was sent to it."""

    def __init__(self) -> None:
        self.sent: list[tuple[Person, datetime]] = []

    async def begin(self, person: Person, now: datetime) -> str:
        self.sent.append((person, now))
        return "https://connect.example/begin"


@pytest.mark.parametrize("said", [PUBLIC, f"https://steamcommunity.com/profiles/{PUBLIC}", "roguefan", "[U:1:1]"])
async def test_linking_keeps_the_account_that_is_meant(place: Place, said: str) -> None:
    reply = await place.ask("link", steam=said)

    assert reply.outcome is Outcome.ANSWERED
    assert PUBLIC in reply.text
    assert reply.note is None
    assert await linked(place.desk) == PUBLIC


async def test_a_linked_account_is_what_recommend_goes_by(place: Place) -> None:
    await place.ask("link", steam="roguefan")

    reply = await place.ask("recommend")

    assert "going by 5" in reply.text


async def test_a_named_account_goes_before_the_linked_one_and_is_not_kept(place: Place) -> None:
    await place.ask("link", steam="roguefan")
    reply = await place.ask("recommend", steam=SECRETIVE)

    assert "playtime is hidden" in (reply.note or "")
    assert await linked(place.desk) == PUBLIC


async def test_linking_again_replaces_the_account(place: Place) -> None:
    await place.ask("link", steam=STRANGER)
    reply = await place.ask("link", steam=PUBLIC)

    assert "in the place of the one before" in reply.text
    assert await linked(place.desk) == PUBLIC


@pytest.mark.parametrize(
    ("player", "warning"),
    [
        (PRIVATE, "“My profile: Public” and “Game details: Public”"),
        (GAMES_PRIVATE, "hides its games"),
        (EMPTY, "no game in its library"),
        (SECRETIVE, "playtime is hidden"),
    ],
)
async def test_an_account_that_shows_little_is_linked_with_a_warning(place: Place, player: str, warning: str) -> None:
    reply = await place.ask("link", steam=player)

    assert warning in (reply.note or "")
    assert await linked(place.desk) == player


async def test_an_account_is_linked_while_steam_is_away(place: Place) -> None:
    place.steam.fail_next(503)

    reply = await place.ask("link", steam=PUBLIC)

    assert "couldn't look at its games" in (reply.note or "")
    assert await linked(place.desk) == PUBLIC


async def test_an_account_by_its_number_is_linked_without_a_key(tmp_path: Path) -> None:
    async with open_place(tmp_path, key=False) as place:
        reply = await place.ask("link", steam=PUBLIC)

        assert reply.outcome is Outcome.ANSWERED
        assert await linked(place.desk) == PUBLIC


@pytest.mark.parametrize("said", [NOBODY, "nobodyknows", "123!", "Tessera"])
async def test_what_is_nobodys_account_is_not_linked(place: Place, said: str) -> None:
    reply = await place.ask("link", steam=said)

    assert reply.outcome is Outcome.REFUSED
    assert "link" not in {choice.command for choice in reply.choices}
    assert await linked(place.desk) is None


async def test_linking_without_an_account_asks_for_it_and_says_which_is_linked(place: Place) -> None:
    fresh = await place.ask("link")
    await place.ask("link", steam=PUBLIC)
    again = await place.ask("link")

    assert [(choice.command, choice.ask) for choice in fresh.choices] == [("link", "steam")]
    assert fresh.link is None
    assert PUBLIC not in fresh.text
    assert PUBLIC in again.text


async def test_where_the_platform_can_prove_an_account_it_is_asked_to(place: Place) -> None:
    browser = Browser()
    desk = replace(place.desk, connect=browser)

    reply = await dispatch(replace(request("link"), person=DANA), desk)

    assert reply.link == ("Connect through Discord", "https://connect.example/begin")
    assert "Discord will ask" in reply.text
    assert browser.sent == [(DANA, NOON)]


async def test_elsewhere_nobody_is_sent_to_prove_anything(place: Place) -> None:
    browser = Browser()

    reply = await dispatch(request("link"), replace(place.desk, connect=browser))

    assert reply.link is None
    assert browser.sent == []


async def test_a_proven_account_is_said_to_be_proven(place: Place) -> None:
    await place.desk.accounts.link(DANA.platform, DANA.id, SteamID(int(PUBLIC)), "discord", NOON)

    reply = await place.ask("link", DANA)

    assert "as your connections on Discord say" in reply.text


async def test_the_log_of_linking_holds_no_account(place: Place) -> None:
    for said in (PUBLIC, "roguefan", f"https://steamcommunity.com/profiles/{PUBLIC}"):
        await place.ask("link", steam=said)
    await place.ask("link")
    await place.ask("unlink")
    await place.flush()

    async with place.database.reading() as connection:
        rows = [str(tuple(row)) for row in await connection.execute(text("SELECT * FROM requests"))]
    assert len(rows) == 5
    assert not [row for row in rows if "7656119" in row or "roguefan" in row or "steamcommunity" in row]


async def test_unlinking_lets_go_of_the_account_and_of_its_games(place: Place) -> None:
    await place.ask("link", steam=PUBLIC)
    await place.ask("recommend")
    reply = await place.ask("unlink")

    why = await place.ask("why", game="Mirrorblade")

    assert reply.text.startswith("Unlinked")
    assert await linked(place.desk) is None
    assert why.outcome is Outcome.REFUSED


async def test_after_unlinking_steam_is_asked_anew(place: Place) -> None:
    await place.ask("link", steam=PUBLIC)
    await place.ask("unlink")
    place.steam.add_player(PUBLIC, worlds.library("Static").minutes)

    reply = await place.ask("recommend", steam=PUBLIC)

    assert "of the 1 games" in reply.text


async def test_there_may_be_nothing_to_unlink(place: Place) -> None:
    assert "nothing to let go of" in (await place.ask("unlink")).text


async def test_a_terminal_says_what_to_type_where_others_have_forms(place: Place) -> None:
    heard, screen = terminal(place)
    (choice,) = (await heard.hear("/link")).choices
    await heard.ask(choice)

    assert "Type /link steam: and then your Steam ID" in screen.getvalue()
