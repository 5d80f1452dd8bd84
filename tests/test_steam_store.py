"""The store is read page by page and batch by batch, at its pace, and one poisoned game spoils none of the others."""

from __future__ import annotations

import gc
import json
import logging
import traceback
from collections.abc import AsyncIterator
from datetime import date
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import SteamError, SteamKeyMissing, SteamKeyRefused, SteamRateLimited, SteamUnavailable
from storage.steam.items import BATCH
from storage.steam.store import INTERVAL, LONGEST_NAP, TRIES, SteamStore
from storage.steam.store_answers import TELLING, StoreRow, items_from_answer, page_from_answer, tags_from_answer
from tests.loopback_steam import LoopbackSteam
from tests.test_steam import JSON, Hours

CAVE, TOWER, GONE = 1_000_010, 1_000_020, 1_000_099


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
async def loopback() -> AsyncIterator[LoopbackSteam]:
    async with LoopbackSteam() as server:
        server.store.put(CAVE, "Cave", tags=("Roguelike", "Indie"))
        server.store.put(TOWER, "Tower", changed=1_800_000_000)
        yield server


@pytest.fixture
async def store(loopback: LoopbackSteam, hours: Hours) -> AsyncIterator[SteamStore]:
    async with SteamStore(loopback.url, loopback.key, clock=hours.clock, sleep=hours.sleep) as reader:
        yield reader


async def all_listed(store: SteamStore, since: int = 0) -> list[int]:
    page = await store.listed(0, since)
    found = list(page.app_ids)
    while page.last is not None:
        page = await store.listed(page.last, since)
        found += page.app_ids
    return found


async def told(store: SteamStore, app_id: int) -> StoreRow:
    (row,) = (await store.details([app_id])).rows
    return row


async def test_the_list_is_read_page_by_page(store: SteamStore, loopback: LoopbackSteam) -> None:
    loopback.store.page = 1
    loopback.store.put(5, "Half-Life: Opposing Force")

    assert await all_listed(store) == [5, CAVE, TOWER]
    assert [request.params["last_appid"] for request in loopback.requests] == ["0", "5", str(CAVE)]


async def test_only_games_are_listed(store: SteamStore, loopback: LoopbackSteam) -> None:
    loopback.store.put(7, "Soundtrack", kind="dlc")

    assert await all_listed(store) == [CAVE, TOWER]


async def test_what_changed_since_a_moment_is_listed_alone(store: SteamStore) -> None:
    assert await all_listed(store, since=1_750_000_000) == [TOWER]
    assert await all_listed(store, since=1_900_000_000) == []


async def test_an_app_of_the_list_without_an_id_is_counted_and_left_out() -> None:
    apps = [{"appid": 10, "name": "Ten", "last_modified": 5}, {"name": "none"}, {"appid": -4}, {"appid": "x"}, None]
    page = page_from_answer({"response": {"apps": apps}}, 0)

    assert (list(page.app_ids), page.last, page.rejected) == ([10], None, 4)


@pytest.mark.parametrize("last", [0, 7, None, "later"])
def test_a_list_that_does_not_go_on_is_refused(last: object) -> None:
    body = {"response": {"apps": [], "have_more_results": True, "last_appid": last}}

    if last is None:
        assert page_from_answer(body, 7).last is None
    else:
        with pytest.raises(SteamUnavailable):
            page_from_answer(body, 7)


async def test_a_game_is_told_whole(store: SteamStore, loopback: LoopbackSteam) -> None:
    loopback.store.put(
        CAVE,
        "동굴 &amp; 등불",
        tags=("Roguelike", "Indie", "Pixel Graphics"),
        cents=499,
        before_discount=999,
        release={"steam_release_date": 1_764_000_000, "is_early_access": True},
        reviews=(200, 91),
        by=("달빛 스튜디오", "Second & Co"),
        published_by=("Lantern",),
    )

    assert await told(store, CAVE) == {
        "app_id": CAVE,
        "title": "동굴 & 등불",
        "tags": ["Roguelike", "Indie", "Pixel Graphics"],
        "genres": None,
        "developer": "달빛 스튜디오, Second & Co",
        "publisher": "Lantern",
        "price": 9.99,
        "released": date(2025, 11, 24),
        "year": 2025,
        "positive": 182,
        "negative": 18,
        "early_access": True,
        "adult": False,
        "delisted": False,
    }


async def test_details_are_asked_for_without_the_key_in_english_and_dollars(
    store: SteamStore, loopback: LoopbackSteam
) -> None:
    await store.details([CAVE])
    asked = json.loads(loopback.requests[-1].params["input_json"])

    assert [request.method for request in loopback.requests] == ["GetTagList", "GetItems"]
    assert asked["context"] == {"language": "english", "country_code": "US"}
    assert set(asked["data_request"]) == {
        "include_basic_info",
        "include_release",
        "include_reviews",
        "include_tag_count",
    }


async def test_tags_are_named_once(store: SteamStore, loopback: LoopbackSteam) -> None:
    await store.details([CAVE])
    await store.details([TOWER])

    assert loopback.asked("GetTagList") == 1


async def test_a_tag_that_has_no_name_is_no_theme(store: SteamStore, loopback: LoopbackSteam) -> None:
    await store.details([TOWER])
    loopback.store.put(CAVE, "Cave", tags=("Indie", "Named only after we asked"))

    assert (await told(store, CAVE))["tags"] == ["Indie"]


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        ({"cents": 1999}, 19.99),
        ({"cents": 0, "is_free": True}, 0.0),
        ({"cents": None, "is_free": True}, 0.0),
        ({"cents": None}, None),
        ({"cents": 999, "release": {"steam_release_date": 1_900_000_000, "is_coming_soon": True}}, None),
        ({"cents": None, "is_free": True, "release": {"is_coming_soon": True}}, None),
        ({"cents": 999, "visible": False}, None),
        ({"cents": 999, "success": 15}, None),
        ({"cents": 999, "type": 4}, None),
    ],
)
async def test_the_price_is_what_it_costs_without_a_discount_or_none_where_nobody_can_buy_it(
    store: SteamStore, loopback: LoopbackSteam, fields: dict[str, Any], price: float | None
) -> None:
    loopback.store.put(CAVE, "Cave", **fields)

    assert (await told(store, CAVE))["price"] == price


async def test_a_game_that_is_to_come_has_no_date_yet(store: SteamStore, loopback: LoopbackSteam) -> None:
    loopback.store.put(CAVE, "Cave", release={"steam_release_date": 1_900_000_000, "is_coming_soon": True})
    row = await told(store, CAVE)

    assert (row["released"], row["year"], row["delisted"]) == (None, None, False)


async def test_the_day_is_that_of_the_store_and_of_the_first_release(
    store: SteamStore, loopback: LoopbackSteam
) -> None:
    loopback.store.put(CAVE, "Portal 2", release={"steam_release_date": 1_303_171_200})
    loopback.store.put(
        TOWER, "Older", release={"steam_release_date": 1_303_171_200, "original_release_date": 946728000}
    )

    assert (await told(store, CAVE))["released"] == date(2011, 4, 18)
    assert (await told(store, TOWER))["released"] == date(2000, 1, 1)


@pytest.mark.parametrize(
    ("descriptors", "tags", "adult"),
    [
        ([], ["Indie"], False),
        ([2, 5], ["Indie"], False),
        ([1], ["Indie"], True),
        ([3, 5], ["Indie"], True),
        ([4], ["Indie"], True),
        ([], ["Indie", "Hentai"], True),
    ],
)
async def test_sexual_content_is_for_adults_and_violence_is_not(
    store: SteamStore, loopback: LoopbackSteam, descriptors: list[int], tags: list[str], adult: bool
) -> None:
    loopback.store.put(CAVE, "Cave", tags=tags, content_descriptorids=descriptors)

    assert (await told(store, CAVE))["adult"] is adult


async def test_a_game_that_the_store_does_not_show_is_delisted_and_nothing_else_is_said_of_it(
    store: SteamStore,
) -> None:
    row = await told(store, GONE)

    assert row["delisted"]
    assert {value for name, value in row.items() if name not in ("app_id", "delisted")} == {None}


async def test_what_is_no_game_is_not_sold_as_one(store: SteamStore, loopback: LoopbackSteam) -> None:
    loopback.store.put(CAVE, "Cave Soundtrack", type=11)

    assert (await told(store, CAVE))["delisted"]


@pytest.mark.parametrize(
    "poison",
    [
        {"name": ["a", "list"]},
        {"name": "x" * 501},
        {"tags": "Indie"},
        {"tags": [{"tagid": "many"}]},
        {"release": {"steam_release_date": -5}},
        {"release": {"steam_release_date": 10**30}},
        {"release": {"steam_release_date": "soon"}},
        {"best_purchase_option": {"final_price_in_cents": "-1"}},
        {"best_purchase_option": {"final_price_in_cents": "NaN"}},
        {"best_purchase_option": {"final_price_in_cents": str(10**15)}},
        {"best_purchase_option": 9.99},
        {"reviews": {"summary_filtered": {"review_count": 10, "percent_positive": 110}}},
        {"reviews": {"summary_filtered": {"review_count": -1}}},
        {"basic_info": {"developers": [{"name": 7}]}},
        {"content_descriptorids": [{}]},
        {"type": "game"},
        {"visible": "perhaps"},
    ],
)
async def test_a_poisoned_game_is_left_out_alone(
    store: SteamStore, loopback: LoopbackSteam, poison: dict[str, object]
) -> None:
    loopback.store.poison(CAVE, **poison)
    answer = await store.details([CAVE, TOWER, GONE])

    assert [row["app_id"] for row in answer.rows] == [TOWER, GONE]
    assert list(answer.rejected) == [CAVE]
    assert next(iter(poison)) in answer.rejected[CAVE]


def test_a_game_that_is_not_answered_is_no_delisted_one() -> None:
    answer = items_from_answer({"response": {"store_items": [{"id": 10, "success": 1, "visible": True}]}}, [10, 20], {})

    assert [row["app_id"] for row in answer.rows] == [10]
    assert list(answer.rejected) == [20]


def test_games_nobody_asked_about_and_second_answers_do_not_count() -> None:
    items = [{"id": 10, "name": "first"}, {"id": 10, "name": "second"}, {"id": 11}, {"id": "10"}, {}, None, 3]
    answer = items_from_answer({"response": {"store_items": items}}, [10], {})

    assert [row["title"] for row in answer.rows] == ["first"]
    assert answer.rejected == {}


def test_an_answer_in_which_every_game_is_wrong_is_another_answer_and_nothing_to_go_on_from() -> None:
    asked = list(range(1, TELLING + 1))
    items = [{"id": app_id, "name": {"now": "an object"}} for app_id in asked]

    with pytest.raises(SteamUnavailable, match="none of 10 games"):
        items_from_answer({"response": {"store_items": items}}, asked, {})
    assert len(items_from_answer({"response": {"store_items": items}}, asked[1:], {}).rejected) == TELLING - 1


@given(JSON)
def test_whatever_is_answered_is_rows_or_a_refusal(body: object) -> None:
    for said in (body, {"response": body}, {"response": {"store_items": body, "apps": body, "tags": body}}):
        for read in (lambda b: items_from_answer(b, [1], {}), lambda b: page_from_answer(b, 0), tags_from_answer):
            try:
                read(said)
            except SteamUnavailable:
                continue


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("name", "tags", "release", "reviews", "success"), JSON)))
def test_whatever_an_item_says_it_is_a_row_or_a_reason(fields: dict[str, object]) -> None:
    answer = items_from_answer({"response": {"store_items": [{"id": 1, "visible": True, **fields}]}}, [1], {})

    assert len(answer.rows) + len(answer.rejected) == 1


async def test_more_games_than_a_question_takes_are_a_mistake(store: SteamStore) -> None:
    with pytest.raises(ValueError, match="too many"):
        await store.details(range(1, BATCH + 2))


async def test_a_question_about_as_many_as_it_takes_fits_into_an_address(
    store: SteamStore, loopback: LoopbackSteam
) -> None:
    answer = await store.details(range(2_147_483_600 - BATCH, 2_147_483_600))

    assert len(answer.rows) == BATCH


async def test_requests_keep_their_distance(store: SteamStore, hours: Hours) -> None:
    began = hours.now
    for _ in range(4):
        await store.listed()

    assert hours.now - began == pytest.approx(3 * INTERVAL)


async def test_a_short_pause_is_sat_out(store: SteamStore, loopback: LoopbackSteam, hours: Hours) -> None:
    loopback.fail_next(429, {"Retry-After": "40"})

    assert await all_listed(store) == [CAVE, TOWER]
    assert max(hours.slept) == pytest.approx(40)


async def test_a_long_pause_is_reported_and_steam_is_left_alone(store: SteamStore, loopback: LoopbackSteam) -> None:
    loopback.fail_next(429, {"Retry-After": str(int(LONGEST_NAP) + 1)})
    for _ in range(2):
        with pytest.raises(SteamRateLimited):
            await store.listed()

    assert len(loopback.requests) == 1


async def test_a_store_that_stumbles_is_asked_again_ever_later(
    store: SteamStore, loopback: LoopbackSteam, hours: Hours
) -> None:
    loopback.fail_next(503, times=2)
    loopback.drop_next()

    assert await all_listed(store) == [CAVE, TOWER]
    assert all(before < after for before, after in pairwise(nap for nap in hours.slept if nap > INTERVAL))


async def test_a_store_that_is_down_is_given_up(store: SteamStore, loopback: LoopbackSteam) -> None:
    loopback.fail_next(502, times=TRIES)
    with pytest.raises(SteamUnavailable, match="502"):
        await store.details([CAVE])

    assert store.calls == TRIES


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_refused_is_not_tried_again(
    store: SteamStore, loopback: LoopbackSteam, status: int
) -> None:
    loopback.fail_next(status)
    with pytest.raises(SteamKeyRefused):
        await store.listed()

    assert len(loopback.requests) == 1


async def test_without_a_key_nothing_is_asked(loopback: LoopbackSteam) -> None:
    async with SteamStore(loopback.url, None) as store:
        with pytest.raises(SteamKeyMissing):
            await store.listed()

    assert loopback.requests == []


@pytest.mark.parametrize("misfortune", ["forbidden", "broken", "html", "limited", "away"])
async def test_the_key_shows_neither_in_logs_nor_in_errors(
    loopback: LoopbackSteam, hours: Hours, caplog: pytest.LogCaptureFixture, misfortune: str
) -> None:
    caplog.set_level(logging.DEBUG)
    {
        "forbidden": lambda: loopback.fail_next(403),
        "broken": lambda: loopback.drop_next(times=TRIES),
        "html": lambda: loopback.fail_next(200, body="<html>", times=TRIES),
        "limited": lambda: loopback.fail_next(429, {"Retry-After": "9999"}),
        "away": lambda: loopback.fail_next(500, times=TRIES),
    }[misfortune]()
    async with httpx.AsyncClient() as client:
        store = SteamStore(loopback.url, loopback.key, client=client, clock=hours.clock, sleep=hours.sleep)
        with pytest.raises(SteamError) as failed:
            await store.listed()
    shown = "".join(traceback.TracebackException.from_exception(failed.value, capture_locals=True).format())
    gc.collect()

    assert loopback.key not in shown
    assert loopback.key not in caplog.text
    assert loopback.key not in repr(store)
