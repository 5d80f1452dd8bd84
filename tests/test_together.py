"""One list for a group: who is in it, whose games count, and what others get to see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.commands.group import AT_ONCE, MOST
from bot.commands.libraries import linked_player
from bot.dispatch import dispatch
from bot.messages import Language, Outcome, Person, Reply, Request, Value
from bot.messages import Place as Where
from bot.presses import Deed, about
from bot.wording import Wording
from recommender.catalog import Game
from recommender.library import Library
from recommender.recommend import Pick
from storage.feedback import Opinion
from storage.steam.ids import FIRST, SteamID
from tests import worlds
from tests.fakes import EMPTY, GAMES_PRIVATE, NOON, PRIVATE, PUBLIC, Place, open_place, request

NAMES = {"1": "Ann", "2": "Bob", "3": "Cem", "4": "Dana"}
SERVER = Where("server", "channel")
EN, KO = Wording(Language.EN), Wording(Language.KO)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """Ann loves roguelikes, Bob puzzles, Cem horror; Dana has linked nothing."""
    async with open_place(tmp_path) as opened:
        for member, theme in (("1", "Roguelike"), ("2", "Puzzle"), ("3", "Horror")):
            await links(opened, member, Library(dict.fromkeys(worlds.library(*worlds.THEMES[theme][:4]).minutes, 300)))
        yield opened


async def links(place: Place, member: str, library: Library | None, steam: int | None = None) -> None:
    """A library of None is private."""
    player = SteamID(steam or FIRST + 1000 + int(member))
    place.steam.add_player(player, library.minutes if library else {}, games_private=library is None)
    await place.desk.accounts.link("discord", member, player, "said", NOON)


def asked(said: str, asker: str = "1", where: Where = SERVER, **options: Value) -> Request:
    names = {one: NAMES[one] for one in {asker, *said.split()} if one in NAMES}
    made = request("together", **{"with": said, **options})
    return replace(made, person=Person("discord", asker), names=names, place=where)


def titles(reply: Reply) -> list[str]:
    return [pick.game.title for pick in reply.picks]


async def test_the_list_is_for_who_asks_and_those_who_are_named(place: Place) -> None:
    reply = await dispatch(asked("2"), place.desk)

    assert reply.text == "Games for Ann and Bob together:"
    assert reply.members == ("Ann", "Bob")
    assert {theme for pick in reply.picks for theme in pick.game.tags[:1]} == {"Roguelike", "Puzzle"}
    assert reply.model == "world-1"


async def test_a_pick_is_for_those_whose_theme_it_is(place: Place) -> None:
    reply = await dispatch(asked("2 3"), place.desk)

    lovers = {"Roguelike": 0, "Puzzle": 1, "Horror": 2}
    assert all(lovers[pick.game.tags[0]] in pick.members for pick in reply.picks)


async def test_nobody_is_counted_twice(place: Place) -> None:
    reply = await dispatch(asked("2 1 2"), place.desk)

    assert reply.members == ("Ann", "Bob")


@pytest.mark.parametrize("said", ["1", "1 1"])
async def test_alone_is_no_group(place: Place, said: str) -> None:
    reply = await dispatch(asked(said), place.desk)

    assert reply.outcome is Outcome.REFUSED
    assert "only you" in reply.text


async def test_a_group_has_eight_members_at_most(place: Place) -> None:
    full = " ".join(str(one) for one in range(2, MOST + 1))
    for one in full.split():
        await links(place, one, worlds.library("Tessera"))

    eight = await dispatch(asked(full), place.desk)
    nine = await dispatch(asked(f"{full} 99"), place.desk)

    assert len(eight.members) == 8
    assert "at most 8 people" in nine.text


async def test_whoever_linked_nothing_is_named_and_left_out(place: Place) -> None:
    reply = await dispatch(asked("2 4"), place.desk)

    assert reply.members == ("Ann", "Bob")
    assert reply.note == "Left out, as no Steam account is linked: Dana. /link links one."


async def test_with_too_few_left_everybody_missing_is_named(place: Place) -> None:
    await links(place, "2", None)
    reply = await dispatch(asked("2 4"), place.desk)

    assert reply.outcome is Outcome.REFUSED
    assert "at least two" in reply.text
    assert "private: Bob." in reply.text
    assert "linked: Dana." in reply.text
    assert reply.choices == ()


async def test_who_asks_without_an_account_is_offered_to_link_one(place: Place) -> None:
    reply = await dispatch(asked("1", asker="4"), place.desk)

    assert "linked: Dana." in reply.text
    assert [choice.command for choice in reply.choices] == ["link"]


async def test_those_who_share_a_name_are_told_apart_by_their_ids(place: Place) -> None:
    """The offer to link is for who asks, not for a namesake."""
    namesakes = replace(asked("4 99"), names={"1": "Dana", "4": "Dana", "99": "Dana"})

    reply = await dispatch(namesakes, place.desk)

    assert reply.choices == ()


@pytest.mark.parametrize(
    ("player", "why"), [(PRIVATE, "private: Cem."), (GAMES_PRIVATE, "private: Cem."), (EMPTY, "in the library: Cem.")]
)
async def test_a_library_that_cannot_be_seen_is_left_out(place: Place, player: str, why: str) -> None:
    await place.desk.accounts.link("discord", "3", SteamID(int(player)), "said", NOON)
    reply = await dispatch(asked("2 3"), place.desk)

    assert reply.members == ("Ann", "Bob")
    assert why in (reply.note or "")


async def test_a_library_that_steam_does_not_give_now_is_left_out(place: Place) -> None:
    place.steam.fail_next(503)
    reply = await dispatch(asked("2 3"), place.desk)

    assert len(reply.members) == 2
    assert "doesn't answer properly right now" in (reply.note or "")


async def test_steams_trouble_is_said_where_it_leaves_too_few(place: Place) -> None:
    place.steam.fail_next(503, times=2)
    reply = await dispatch(asked("2"), place.desk)

    assert reply.outcome is Outcome.UNAVAILABLE
    assert "Steam doesn't answer properly" in reply.text


async def test_libraries_are_fetched_a_few_at_a_time(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        steam = Crowded()
        members = [str(one) for one in range(1, MOST + 1)]
        for one in members:
            await place.desk.accounts.link("discord", one, SteamID(FIRST + int(one)), "said", NOON)
        reply = await dispatch(asked(" ".join(members)), replace(place.desk, steam=steam))

    assert len(reply.members) == MOST
    assert steam.most == AT_ONCE


class Crowded:
    """Libraries that note how many wait for them at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def resolve(self, said: str) -> SteamID:
        return SteamID(int(said))

    async def owned_games(self, player: SteamID) -> Library:
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(3):
            await asyncio.sleep(0)
        self.now -= 1
        return worlds.library(worlds.THEMES["Puzzle"][player.account % 6])

    def forget(self, player: SteamID) -> None:
        del player


async def test_nothing_that_a_member_hid_or_has_elsewhere_is_picked(place: Place) -> None:
    first, second, *_ = titles(await dispatch(asked("2"), place.desk))
    await place.desk.feedback.toggle("discord", "2", worlds.game(first).app_id, Opinion.HIDE, NOON)
    await place.desk.feedback.toggle("discord", "2", worlds.game(second).app_id, Opinion.OWN, NOON)

    after = titles(await dispatch(asked("2"), place.desk))

    assert not {first, second} & set(after)


async def test_the_answer_is_for_all_to_see_and_says_nothing_of_what_they_own(place: Place) -> None:
    reply = await dispatch(asked("2"), place.desk)

    assert not reply.private
    assert all(pick.because == () for pick in reply.picks)
    assert all("because" not in EN.reason(pick) for pick in reply.picks)


async def test_the_filters_hold_for_the_group(place: Place) -> None:
    reply = await dispatch(asked("2", tag="puzzle", max_price=10), place.desk)
    empty = await dispatch(asked("2", tag="puzzle", since=2099), place.desk)

    assert {pick.game.tags[0] for pick in reply.picks} == {"Puzzle"}
    assert [choice.options for choice in empty.choices] == [{"with": "2", "tag": "puzzle"}]


async def test_games_for_adults_are_for_places_for_adults(place: Place) -> None:
    careful = await dispatch(replace(asked("3", tag="horror"), shown=20), place.desk)
    adult = await dispatch(
        replace(asked("3", where=replace(SERVER, adult_ok=True), tag="horror"), shown=20), place.desk
    )

    assert "Velvet Nights" not in titles(careful)
    assert "Velvet Nights" in titles(adult)


async def test_libraries_of_games_that_nobody_knows_are_answered_with_the_popular(place: Place) -> None:
    for member in ("1", "2"):
        await links(place, member, Library({777_000 + int(member): 60}))
    reply = await dispatch(asked("2"), place.desk)

    assert reply.picks
    assert "I know none of these games" in (reply.note or "")
    assert all(EN.whom(pick, reply.members) == "" for pick in reply.picks)


async def test_the_next_page_is_for_the_same_group(place: Place) -> None:
    first = await dispatch(asked("2"), place.desk)
    assert first.origin is not None
    press = about(first.origin, Deed.NEXT, 1)
    pressing = replace(request(press.deed, **press.options), person=Person("discord", "1"), names={"1": "Ann"})
    second = await dispatch(pressing, place.desk)

    assert second.picks
    assert not set(titles(first)) & set(titles(second))
    assert second.members == ("Ann", "")
    assert "the 2 of you" in second.text


async def test_the_pages_of_a_group_are_for_its_people(place: Place) -> None:
    first = await dispatch(asked("2"), place.desk)
    assert first.origin is not None
    press = about(first.origin, Deed.NEXT, 1)
    names = {"2": "Bob", "3": "Cem"}
    replies = [
        await dispatch(
            replace(request(press.deed, **press.options), person=Person("discord", one), names=names), place.desk
        )
        for one in ("2", "3")
    ]

    assert [reply.outcome for reply in replies] == [Outcome.ANSWERED, Outcome.REFUSED]
    assert len(replies[0].members) == 2


async def test_being_forgotten_takes_ones_id_out_of_what_others_asked(place: Place) -> None:
    await dispatch(asked("2 3", tag="puzzle", since=2099), place.desk)
    await dispatch(asked("3", tag="puzzle"), place.desk)
    await dispatch(replace(request("forgetme", sure="yes"), person=Person("discord", "2")), place.desk)
    await place.flush()

    logged = await place.logs.recent(10)
    choices = [choice["options"] for row in logged for choice in row.choices]
    assert sorted(map(str, (row.options for row in logged))) == sorted(
        map(str, ({"tag": "puzzle", "since": 2099}, {"with": "3", "tag": "puzzle"}))
    )
    assert choices == [{"tag": "puzzle"}]


async def test_a_profile_may_be_named_where_the_platform_knows_no_such_person(place: Place) -> None:
    reply = await dispatch(asked(f"2 {PUBLIC}"), place.desk)
    await place.flush()

    (logged,) = await place.logs.recent(1)
    assert reply.members == ("Ann", "Bob", PUBLIC)
    assert "with" not in logged.options
    assert await linked_player(asked("2"), place.desk) is not None
    assert await place.desk.accounts.of_many("discord", [PUBLIC]) == {}


async def test_a_person_whose_id_looks_like_a_profile_is_a_person(place: Place) -> None:
    twin = replace(asked(f"2 {PUBLIC}"), names={**NAMES, PUBLIC: "Eve"})

    reply = await dispatch(twin, place.desk)

    assert reply.members == ("Ann", "Bob")
    assert "linked: Eve." in (reply.note or "")


async def test_a_profile_of_somebody_in_the_group_counts_once(place: Place) -> None:
    reply = await dispatch(asked(f"2 {FIRST + 1002}"), place.desk)

    assert reply.members == ("Ann", "Bob")


@pytest.mark.parametrize(
    ("members", "names", "english", "korean"),
    [
        ((0, 1), ("Ann", "Bob"), "for all of you", "모두에게 어울려요"),
        ((0,), ("Ann", "Bob"), "for Ann", "어울리는 분: Ann"),
        ((0, 2), ("Ann", "Bob", "Cem"), "for Ann and Cem", "어울리는 분: Ann, Cem"),
        ((0, 1, 3), ("Ann", "Bob", "Cem", "Dana"), "for Ann, Bob and Dana", "어울리는 분: Ann, Bob, Dana"),
        ((0, 2), ("Ann", "Bob", ""), "for 2 of the 3 of you", "3명 중 2명에게 어울려요"),
        ((), ("Ann", "Bob"), "", ""),
        ((0,), (), "", ""),
    ],
)
def test_whom_a_pick_is_for(members: tuple[int, ...], names: tuple[str, ...], english: str, korean: str) -> None:
    pick = Pick(Game(1, "A"), 1.0, members=members)

    assert (EN.whom(pick, names), KO.whom(pick, names)) == (english, korean)
