"""Covers are those that the store names, are asked for once and together, and keep nobody waiting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from operator import methodcaller

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import SteamUnavailable
from storage.steam.answers import headers_from_answer
from storage.steam.calls import UNSAID_PAUSE
from storage.steam.covers import FIRST_PAUSE, FOUND_FOR, LONGEST_PAUSE, NONE_FOR, Covers
from storage.steam.items import BATCH
from tests.fakes import Clock
from tests.loopback_steam import LoopbackSteam
from tests.test_steam import until

ASSETS = "https://images.example/store_item_assets"
HADES, CELESTE, NEWER, UNSOLD = 1145360, 504230, 2807960, 999999
HASH = "289b1c193f9730a0d4ea4dbf912219e46cd1a8a3"


@pytest.fixture
async def loopback() -> AsyncIterator[LoopbackSteam]:
    async with LoopbackSteam() as server:
        server.add_cover(HADES)
        server.add_cover(CELESTE, asset_url_format=f"steam/apps/{CELESTE}/${{FILENAME}}")
        server.add_cover(NEWER, header=f"{HASH}/header.jpg")
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(loopback: LoopbackSteam, clock: Clock) -> AsyncIterator[Covers]:
    """One that waits for as long as it takes."""
    async with Covers(loopback.url, f"{ASSETS}/", clock=clock, patience=5) as ready:
        yield ready


def cover(app_id: int) -> str:
    return f"{ASSETS}/steam/apps/{app_id}/header.jpg?t=1700000000"


def ids_asked(loopback: LoopbackSteam) -> list[list[int]]:
    questions = [json.loads(request.params["input_json"]) for request in loopback.requests]
    return [[item["appid"] for item in question["ids"]] for question in questions]


async def test_covers_are_where_the_store_says(store: Covers) -> None:
    assert await store.of((HADES, CELESTE, NEWER)) == {
        HADES: cover(HADES),
        CELESTE: f"{ASSETS}/steam/apps/{CELESTE}/header.jpg",
        NEWER: f"{ASSETS}/steam/apps/{NEWER}/{HASH}/header.jpg?t=1700000000",
    }


async def test_no_key_is_sent_and_only_assets_are_asked_for(store: Covers, loopback: LoopbackSteam) -> None:
    await store.of((HADES,))

    assert [(request.method, set(request.params)) for request in loopback.requests] == [("GetItems", {"input_json"})]
    assert json.loads(loopback.requests[0].params["input_json"]) == {
        "ids": [{"appid": HADES}],
        "context": {"language": "english", "country_code": "US"},
        "data_request": {"include_assets": True},
    }


async def test_a_game_the_store_does_not_show_has_none(store: Covers) -> None:
    assert await store.of((UNSOLD, HADES)) == {HADES: cover(HADES)}


@pytest.mark.parametrize(
    "assets",
    [
        {"asset_url_format": None},
        {"header": None},
        {"asset_url_format": ""},
        {"header": ""},
        {"header": 7},
        {"asset_url_format": ["steam/apps/1/${FILENAME}"]},
        {"asset_url_format": "steam/apps/1/header.jpg"},
        {"asset_url_format": "https://elsewhere.example/${FILENAME}"},
        {"asset_url_format": "//elsewhere.example/${FILENAME}"},
        {"asset_url_format": "steam/apps/1/../../../${FILENAME}"},
        {"asset_url_format": "steam/apps/1/${FILENAME}?t=1&next=https://elsewhere.example"},
        {"asset_url_format": "steam/apps/1/${FILENAME}\n"},
        {"header": "../../header.jpg"},
        {"header": "header.jpg) [click](https://elsewhere.example"},
        {"header": "header.svg"},
        {"header": "h" * 500 + ".jpg"},
    ],
)
async def test_what_does_not_look_as_steam_s_paths_do_is_no_cover(
    store: Covers, loopback: LoopbackSteam, assets: dict[str, object]
) -> None:
    loopback.add_cover(1, **assets)

    assert await store.of((1,)) == {}


async def test_images_that_no_chat_would_show_are_no_covers_and_the_operator_hears_why(
    loopback: LoopbackSteam, caplog: pytest.LogCaptureFixture
) -> None:
    async with Covers(loopback.url, "http://images.example", patience=60) as store, asyncio.timeout(2):
        found = await store.of((HADES,))

    assert (found, loopback.requests) == ({}, [])
    assert "https://" in caplog.text


async def test_no_games_are_no_question(store: Covers, loopback: LoopbackSteam) -> None:
    assert await store.of(()) == {}
    assert loopback.requests == []


async def test_what_is_known_is_not_asked_again(store: Covers, loopback: LoopbackSteam) -> None:
    for _ in range(3):
        await store.of((HADES, UNSOLD))
    await store.of((HADES, CELESTE))

    assert ids_asked(loopback) == [[HADES, UNSOLD], [CELESTE]]


async def test_one_game_named_twice_is_asked_about_once(store: Covers, loopback: LoopbackSteam) -> None:
    await store.of((HADES, HADES))

    assert ids_asked(loopback) == [[HADES]]


async def test_that_there_is_none_is_believed_for_an_hour_and_a_cover_for_a_day(
    store: Covers, loopback: LoopbackSteam, clock: Clock
) -> None:
    await store.of((HADES, UNSOLD))
    clock.forward(NONE_FOR)
    await store.of((HADES, UNSOLD))
    clock.forward(FOUND_FOR - NONE_FOR)
    await store.of((HADES,))

    assert ids_asked(loopback) == [[HADES, UNSOLD], [UNSOLD], [HADES]]


async def test_an_old_cover_is_given_while_the_store_is_away(
    store: Covers, loopback: LoopbackSteam, clock: Clock
) -> None:
    await store.of((HADES,))
    clock.forward(FOUND_FOR)
    loopback.fail_next(503)

    assert await store.of((HADES,)) == {HADES: cover(HADES)}


async def test_many_games_are_asked_about_in_batches(store: Covers, loopback: LoopbackSteam) -> None:
    many = range(1, 2 * BATCH + 2)
    for app_id in many:
        loopback.add_cover(app_id)
    found = await store.of(many)

    assert found == {app_id: cover(app_id) for app_id in many}
    assert sorted(len(batch) for batch in ids_asked(loopback)) == [1, BATCH, BATCH]


async def test_equal_questions_at_once_share_a_request(store: Covers, loopback: LoopbackSteam) -> None:
    loopback.delay = 0.05
    found = await asyncio.gather(*(store.of((HADES, CELESTE)) for _ in range(20)))

    assert all(answer.keys() == {HADES, CELESTE} for answer in found)
    assert ids_asked(loopback) == [[HADES, CELESTE]]


async def test_different_questions_at_once_go_in_one_request(store: Covers, loopback: LoopbackSteam) -> None:
    found = await asyncio.gather(store.of((HADES, CELESTE)), store.of((CELESTE, NEWER)), store.of((UNSOLD,)))

    assert [set(answer) for answer in found] == [{HADES, CELESTE}, {CELESTE, NEWER}, set()]
    assert ids_asked(loopback) == [[HADES, CELESTE, NEWER, UNSOLD]]


async def test_what_is_asked_for_while_a_request_is_under_way_is_not_asked_for_again(
    store: Covers, loopback: LoopbackSteam
) -> None:
    loopback.delay = 0.05
    first = asyncio.create_task(store.of((HADES, CELESTE)))
    await until(lambda: len(loopback.requests) == 1)
    second = await store.of((CELESTE, NEWER))
    await first

    assert second.keys() == {CELESTE, NEWER}
    assert ids_asked(loopback) == [[HADES, CELESTE], [NEWER]]


async def test_who_has_waited_long_enough_gets_what_is_known_and_the_rest_comes_later(loopback: LoopbackSteam) -> None:
    async with Covers(loopback.url, ASSETS, patience=0.05) as hasty:
        await until_known(hasty, HADES)
        loopback.delay = 0.3
        at_first = await hasty.of((HADES, CELESTE))
        loopback.delay = 0.0
        await until_known(hasty, CELESTE)

    assert at_first == {HADES: cover(HADES)}
    assert ids_asked(loopback) == [[HADES], [CELESTE]]


async def test_one_who_gives_up_does_not_take_the_answer_from_the_others(
    store: Covers, loopback: LoopbackSteam
) -> None:
    loopback.delay = 0.1
    first, second = (asyncio.create_task(store.of((HADES,))) for _ in range(2))
    await until(lambda: len(loopback.requests) == 1)
    first.cancel()

    assert await second == {HADES: cover(HADES)}
    assert len(loopback.requests) == 1


BODIES = [
    "<html>busy</html>",
    "",
    "null",
    "[]",
    "{}",
    '{"response": []}',
    '{"response": {"store_items": {}}}',
    "[" * 100_000,
]
MISFORTUNES: dict[str, Callable[[LoopbackSteam], None]] = {
    **{str(status): methodcaller("fail_next", status) for status in (302, 400, 403, 404, 500, 503)},
    **{f"body {at}": methodcaller("fail_next", 200, body=body) for at, body in enumerate(BODIES)},
    "cut": methodcaller("drop_next"),
}


@pytest.mark.parametrize("misfortune", MISFORTUNES)
async def test_after_a_failure_the_store_is_left_alone_for_a_moment(
    store: Covers, loopback: LoopbackSteam, clock: Clock, misfortune: str
) -> None:
    MISFORTUNES[misfortune](loopback)
    failed = await store.of((HADES,))
    clock.forward(FIRST_PAUSE - 0.1)
    during = await store.of((HADES,))
    clock.forward(0.1)
    after = await store.of((HADES,))

    assert (failed, during, after) == ({}, {}, {HADES: cover(HADES)})
    assert ids_asked(loopback) == [[HADES], [HADES]]


async def test_pauses_double_and_an_answer_ends_that(store: Covers, loopback: LoopbackSteam, clock: Clock) -> None:
    loopback.fail_next(503, times=12)
    pauses = []
    for _ in range(12):
        await store.of((HADES,))
        pauses.append(store._pause_ends - clock())
        clock.forward(pauses[-1])
    await store.of((HADES,))
    loopback.fail_next(503)
    await store.of((CELESTE,))
    pauses.append(store._pause_ends - clock())

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE, FIRST_PAUSE]


@pytest.mark.parametrize(("headers", "seconds"), [({"Retry-After": "30"}, 30.0), ({}, UNSAID_PAUSE)])
async def test_a_pause_that_the_store_asks_for_is_kept(
    store: Covers, loopback: LoopbackSteam, clock: Clock, headers: dict[str, str], seconds: float
) -> None:
    loopback.fail_next(429, headers)
    await store.of((HADES,))
    clock.forward(seconds - 1)
    during = await store.of((HADES, CELESTE))
    clock.forward(1)
    after = await store.of((HADES,))

    assert (during, after) == ({}, {HADES: cover(HADES)})
    assert len(loopback.requests) == 2


async def test_batches_that_wait_behind_a_failed_one_are_not_sent(store: Covers, loopback: LoopbackSteam) -> None:
    loopback.fail_next(429, times=99)
    found = await store.of(range(1, 20 * BATCH))

    assert found == {}
    assert len(loopback.requests) == 1


async def test_what_is_known_is_given_during_a_pause(store: Covers, loopback: LoopbackSteam) -> None:
    await store.of((HADES,))
    loopback.fail_next(429)
    await store.of((CELESTE,))

    assert await store.of((HADES, CELESTE)) == {HADES: cover(HADES)}


async def test_nobody_listening_is_no_cover() -> None:
    async with LoopbackSteam() as gone:
        pass

    async with Covers(gone.url, ASSETS) as store:
        assert await store.of((HADES,)) == {}


async def test_only_so_many_are_kept_and_the_longest_unused_goes_first(loopback: LoopbackSteam) -> None:
    async with Covers(loopback.url, ASSETS, patience=5, most_kept=2) as small:
        for app_id in (HADES, CELESTE, HADES, NEWER, HADES, CELESTE):
            await small.of((app_id,))

        assert len(small._kept) == 2

    assert ids_asked(loopback) == [[HADES], [CELESTE], [NEWER], [CELESTE]]


async def test_closing_lets_go_of_who_waits_and_then_nothing_more_is_asked(loopback: LoopbackSteam) -> None:
    loopback.hang_next(times=9)
    store = Covers(loopback.url, ASSETS, patience=60)
    waiting = asyncio.create_task(store.of(range(1, 20 * BATCH)))
    await until(lambda: len(loopback.requests) >= 1)
    asked = len(loopback.requests)
    async with asyncio.timeout(2):
        await store.aclose()
        found = await waiting

    assert found == {}
    assert await store.of((HADES,)) == {}
    assert len(loopback.requests) == asked


async def test_a_client_that_was_passed_in_stays_open(loopback: LoopbackSteam) -> None:
    async with httpx.AsyncClient() as lent:
        async with Covers(loopback.url, ASSETS, client=lent) as store:
            await store.of((HADES,))

        assert not lent.is_closed


async def test_a_bug_in_asking_keeps_nobody_waiting(loopback: LoopbackSteam) -> None:
    closed = httpx.AsyncClient()
    await closed.aclose()
    async with Covers(loopback.url, ASSETS, client=closed, patience=60) as store, asyncio.timeout(2):
        found = [await store.of((HADES,)) for _ in range(2)]

    assert found == [{}, {}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["response", "store_items", "appid", "assets", "asset_url_format", "header"]), inner
        )
    ),
)


@given(JSON)
def test_any_json_is_covers_or_refused(items: object) -> None:
    try:
        found = headers_from_answer({"response": {"store_items": items}})
    except SteamUnavailable:
        found = {}

    assert found == {}


async def until_known(store: Covers, app_id: int) -> None:
    """Asks again, for at most two seconds."""
    for _ in range(200):
        if app_id in await store.of((app_id,)):
            return
        await asyncio.sleep(0.01)
    pytest.fail("the cover did not come within two seconds")
