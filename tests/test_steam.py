"""Steam is asked politely and once, each of its refusals has its own error, and the key shows nowhere."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.library import Library
from storage.errors import (
    Hidden,
    SteamError,
    SteamIdInvalid,
    SteamKeyMissing,
    SteamKeyRefused,
    SteamPlayerUnknown,
    SteamProfilePrivate,
    SteamRateLimited,
    SteamUnavailable,
)
from storage.single_flight import KEPT
from storage.steam.answers import library_from_answer
from storage.steam.calls import LONGEST_PAUSE, UNSAID_PAUSE, pause_asked
from storage.steam.ids import FIRST, SteamID
from storage.steam.web_api import Steam
from tests.loopback_steam import LoopbackSteam

ALICE = SteamID(FIRST + 22202)
BOB = SteamID(FIRST + 7)
NOBODY = SteamID(FIRST + 999_999)
GAMES = {1145360: 3720, 588650: 1080, 440: 0}
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Hours:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
async def loopback() -> AsyncIterator[LoopbackSteam]:
    async with LoopbackSteam() as server:
        server.add_player(ALICE, GAMES, vanity="alice")
        yield server


@pytest.fixture
async def steam(loopback: LoopbackSteam, hours: Hours) -> AsyncIterator[Steam]:
    async with Steam(loopback.url, loopback.key, clock=hours.clock, sleep=hours.sleep) as client:
        yield client


async def test_owned_games_are_minutes_by_app_id(steam: Steam) -> None:
    assert await steam.owned_games(ALICE) == Library(GAMES)


async def test_games_are_asked_for_without_names_and_with_free_ones(steam: Steam, loopback: LoopbackSteam) -> None:
    await steam.owned_games(ALICE)

    expected = {"include_appinfo": "0", "include_played_free_games": "1", "format": "json", "steamid": str(ALICE)}
    assert loopback.requests[0].params == expected


async def test_a_vanity_name_is_resolved_by_steam(steam: Steam) -> None:
    assert await steam.resolve("https://steamcommunity.com/id/alice/") == ALICE


async def test_a_number_needs_neither_request_nor_key(loopback: LoopbackSteam) -> None:
    async with Steam(loopback.url, None) as keyless:
        found = await keyless.resolve(f"[U:1:{ALICE.account}]")

    assert found == ALICE
    assert loopback.requests == []


async def test_what_is_no_steam_id_is_refused_without_a_request(steam: Steam, loopback: LoopbackSteam) -> None:
    with pytest.raises(SteamIdInvalid):
        await steam.resolve("[g:1:4]")

    assert loopback.requests == []


async def test_a_vanity_name_nobody_has(steam: Steam) -> None:
    with pytest.raises(SteamPlayerUnknown) as unknown:
        await steam.resolve("nobody-at-all")

    assert unknown.value.said == "nobody-at-all"


async def test_an_id_nobody_has(steam: Steam) -> None:
    with pytest.raises(SteamPlayerUnknown) as unknown:
        await steam.owned_games(NOBODY)

    assert unknown.value.said == str(NOBODY)


async def test_an_empty_library_is_a_library(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.add_player(BOB)

    assert await steam.owned_games(BOB) == Library()


async def test_hidden_playtime_is_a_library_that_says_so(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.add_player(BOB, dict.fromkeys(range(1, 9), 0))

    assert (await steam.owned_games(BOB)).playtime_hidden


@pytest.mark.parametrize("unauthorized", [False, True], ids=["empty answer", "401"])
@pytest.mark.parametrize(
    ("visibility", "games_private", "hidden"),
    [(1, False, Hidden.PROFILE), (2, True, Hidden.PROFILE), (3, True, Hidden.GAMES)],
)
async def test_a_private_player_is_told_which_setting_hides_the_games(
    steam: Steam, loopback: LoopbackSteam, visibility: int, games_private: bool, hidden: Hidden, unauthorized: bool
) -> None:
    loopback.add_player(BOB, GAMES, visibility=visibility, games_private=games_private)
    loopback.unauthorized_when_private = unauthorized

    with pytest.raises(SteamProfilePrivate) as private:
        await steam.owned_games(BOB)

    assert private.value.hidden is hidden


async def test_401_to_everything_is_a_private_profile(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.add_player(BOB, GAMES, games_private=True)
    loopback.unauthorized_when_private = loopback.summaries_unauthorized = True

    with pytest.raises(SteamProfilePrivate) as private:
        await steam.owned_games(BOB)

    assert private.value.hidden is Hidden.PROFILE


async def test_401_to_a_vanity_name_is_the_keys_fault(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.fail_next(401)

    with pytest.raises(SteamKeyRefused):
        await steam.resolve("alice")


@pytest.mark.parametrize("key", [None, "", "  "])
async def test_without_a_key_steam_is_not_asked(loopback: LoopbackSteam, key: str | None) -> None:
    async with Steam(loopback.url, key) as keyless:
        with pytest.raises(SteamKeyMissing):
            await keyless.owned_games(ALICE)
        with pytest.raises(SteamKeyMissing):
            await keyless.resolve("alice")

    assert loopback.requests == []


async def test_a_key_that_steam_does_not_know_is_refused_at_once(loopback: LoopbackSteam, hours: Hours) -> None:
    async with Steam(loopback.url, "another", clock=hours.clock, sleep=hours.sleep) as stranger:
        with pytest.raises(SteamKeyRefused):
            await stranger.owned_games(ALICE)

    assert len(loopback.requests) == 1


async def test_a_key_may_come_as_a_secret(loopback: LoopbackSteam) -> None:
    class Sealed:
        def get_secret_value(self) -> str:
            return loopback.key

    async with Steam(loopback.url, Sealed()) as client:
        assert await client.owned_games(ALICE) == Library(GAMES)


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_server_error_that_passes_goes_unnoticed(steam: Steam, loopback: LoopbackSteam, status: int) -> None:
    loopback.fail_next(status, times=2)

    assert await steam.owned_games(ALICE) == Library(GAMES)


async def test_a_server_error_that_stays_is_unavailable(steam: Steam, loopback: LoopbackSteam, hours: Hours) -> None:
    loopback.fail_next(503, times=9)

    with pytest.raises(SteamUnavailable):
        await steam.owned_games(ALICE)

    assert len(loopback.requests) == 3
    assert all(shorter < longer for shorter, longer in pairwise(hours.slept))
    assert sum(hours.slept) < 2


async def test_attempts_bound_the_requests(loopback: LoopbackSteam, hours: Hours) -> None:
    loopback.fail_next(500, times=9)

    async with Steam(loopback.url, loopback.key, sleep=hours.sleep, attempts=1) as hasty:
        with pytest.raises(SteamUnavailable):
            await hasty.owned_games(ALICE)

    assert len(loopback.requests) == 1


async def test_a_cut_connection_is_tried_again(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.drop_next(times=2)

    assert await steam.owned_games(ALICE) == Library(GAMES)


async def test_a_time_out_is_tried_again(loopback: LoopbackSteam, hours: Hours) -> None:
    loopback.hang_next()

    async with httpx.AsyncClient(timeout=0.3) as hurried:
        found = await Steam(loopback.url, loopback.key, client=hurried, sleep=hours.sleep).owned_games(ALICE)

    assert found == Library(GAMES)


async def test_steam_that_never_answers_is_given_up_in_time(loopback: LoopbackSteam) -> None:
    loopback.hang_next(times=9)

    async with Steam(loopback.url, loopback.key, patience=0.2) as steam:
        with pytest.raises(SteamUnavailable):
            await asyncio.wait_for(steam.owned_games(ALICE), timeout=2)


async def test_nobody_listening_is_unavailable(hours: Hours) -> None:
    async with LoopbackSteam() as gone:
        pass

    async with Steam(gone.url, gone.key, sleep=hours.sleep) as steam:
        with pytest.raises(SteamUnavailable):
            await steam.owned_games(ALICE)


async def test_steam_is_waited_for_2_seconds_to_connect_and_5_to_answer(steam: Steam) -> None:
    assert steam._client.timeout == httpx.Timeout(5.0, connect=2.0)


@pytest.mark.parametrize(
    "body",
    [
        "<html>busy</html>",
        "",
        "null",
        "[]",
        "{}",
        '{"response": []}',
        '{"response": {"games": {}}}',
        '{"response": {"game_count": 2}}',
        '{"response": {"game_count": "2", "games": []}}',
        '{"response": {"games": [{"appid": "440", "playtime_forever": 1}]}}',
        '{"response": {"games": [{"appid": 440}]}}',
        '{"response": {"games": [{"appid": 440, "playtime_forever": -1}]}}',
        '{"response": {"games": [{"appid": true, "playtime_forever": 1}]}}',
        '{"response": {"games": [7]}}',
        "[" * 100_000,
        '{"response": {"game_count": ' + "9" * 5000 + "}}",
    ],
)
async def test_a_foreign_body_is_asked_for_once_more_only(steam: Steam, loopback: LoopbackSteam, body: str) -> None:
    loopback.fail_next(200, body=body, times=9)

    with pytest.raises(SteamUnavailable):
        await steam.owned_games(ALICE)

    assert len(loopback.requests) == 2


async def test_a_foreign_body_that_passes_goes_unnoticed(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.fail_next(200, body="<html>busy</html>")

    assert await steam.owned_games(ALICE) == Library(GAMES)


@pytest.mark.parametrize(
    "body",
    [
        '{"response": {"success": 1}}',
        '{"response": {"success": 1, "steamid": "103582791429521412"}}',
        '{"response": {"success": 1, "steamid": "gaben"}}',
        '{"response": {"success": 5}}',
    ],
)
async def test_a_vanity_answer_without_a_player_is_unavailable(
    steam: Steam, loopback: LoopbackSteam, body: str
) -> None:
    loopback.fail_next(200, body=body, times=2)

    with pytest.raises(SteamUnavailable):
        await steam.resolve("alice")


@pytest.mark.parametrize(
    "body",
    [
        '{"response": {}}',
        '{"response": {"players": [3]}}',
        f'{{"response": {{"players": [{{"steamid": "{ALICE}"}}]}}}}',
    ],
)
async def test_a_summary_that_does_not_say_is_unavailable(steam: Steam, loopback: LoopbackSteam, body: str) -> None:
    loopback.fail_next(200, body='{"response": {}}')
    loopback.fail_next(200, body=body, times=2)

    with pytest.raises(SteamUnavailable):
        await steam.owned_games(ALICE)


@pytest.mark.parametrize("status", [204, 302, 400, 404])
async def test_other_answers_are_unavailable_at_once(steam: Steam, loopback: LoopbackSteam, status: int) -> None:
    loopback.fail_next(status, {"Location": f"{loopback.url}/elsewhere"})

    with pytest.raises(SteamUnavailable):
        await steam.owned_games(ALICE)

    assert len(loopback.requests) == 1


async def test_a_short_pause_is_sat_out(steam: Steam, loopback: LoopbackSteam, hours: Hours) -> None:
    loopback.fail_next(429, {"Retry-After": "2"})

    assert await steam.owned_games(ALICE) == Library(GAMES)
    assert hours.slept == [2.0]


async def test_a_short_pause_holds_for_every_question(steam: Steam, loopback: LoopbackSteam, hours: Hours) -> None:
    loopback.fail_next(429, {"Retry-After": "1"}, times=3)
    with pytest.raises(SteamRateLimited):
        await steam.owned_games(ALICE)
    hours.slept.clear()

    await steam.resolve("alice")

    assert hours.slept == [1.0]


@pytest.mark.parametrize(
    "headers",
    [{"Retry-After": "30"}, {"Retry-After": format_datetime(NOON + timedelta(days=36500), usegmt=True)}, {}],
    ids=["seconds", "date", "unsaid"],
)
async def test_during_a_long_pause_steam_is_left_alone(
    steam: Steam, loopback: LoopbackSteam, hours: Hours, headers: dict[str, str]
) -> None:
    loopback.fail_next(429, headers)
    with pytest.raises(SteamRateLimited) as first:
        await steam.owned_games(ALICE)
    hours.now += 10
    with pytest.raises(SteamRateLimited) as second:
        await steam.resolve("alice")

    assert first.value.retry_after == pause_asked(headers, NOON)
    assert second.value.retry_after == pause_asked(headers, NOON) - 10
    assert len(loopback.requests) == 1
    assert hours.slept == []


async def test_who_naps_while_a_long_pause_begins_leaves_steam_alone_too(
    steam: Steam, loopback: LoopbackSteam, hours: Hours
) -> None:
    loopback.fail_next(429, {"Retry-After": "2"})
    loopback.fail_next(429, {"Retry-After": "30"})
    loopback.delay = 0.05
    both = await asyncio.gather(steam.owned_games(ALICE), steam.resolve("alice"), return_exceptions=True)
    hours.slept.clear()
    with pytest.raises(SteamRateLimited):
        await steam.owned_games(BOB)

    assert [type(refusal) for refusal in both] == [SteamRateLimited] * 2
    assert len(loopback.requests) == 2
    assert hours.slept == []


async def test_after_a_long_pause_steam_is_asked_again(steam: Steam, loopback: LoopbackSteam, hours: Hours) -> None:
    loopback.fail_next(429, {"Retry-After": "30"})
    with pytest.raises(SteamRateLimited):
        await steam.owned_games(ALICE)
    hours.now += 30

    assert await steam.owned_games(ALICE) == Library(GAMES)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("9" * 400, LONGEST_PAUSE),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOON - timedelta(hours=1), usegmt=True), 0.0),
        ("Wed, 01 May 2024 12:00:05 -0000", 5.0),
        ("soon", UNSAID_PAUSE),
        ("-1", UNSAID_PAUSE),
        ("", UNSAID_PAUSE),
    ],
)
def test_a_pause_is_seconds_or_a_date(said: str, seconds: float) -> None:
    assert pause_asked({"Retry-After": said}, NOON) == seconds


@given(st.text())
def test_any_retry_after_is_a_pause_in_bounds(said: str) -> None:
    assert 0 <= pause_asked({"Retry-After": said}, NOON) <= LONGEST_PAUSE


async def test_equal_questions_share_one_request(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.delay = 0.05

    found = await asyncio.gather(*(steam.owned_games(ALICE) for _ in range(10)))

    assert found == [Library(GAMES)] * 10
    assert len(loopback.requests) == 1


async def test_equal_questions_share_a_refusal_but_it_is_not_kept(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.fail_next(403)
    shared = await asyncio.gather(*(steam.owned_games(ALICE) for _ in range(3)), return_exceptions=True)
    afterwards = await steam.owned_games(ALICE)

    assert [type(refusal) for refusal in shared] == [SteamKeyRefused] * 3
    assert afterwards == Library(GAMES)


async def test_different_questions_do_not_wait_for_each_other(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.add_player(BOB, {10: 1})
    loopback.hang_next()
    stuck = asyncio.create_task(steam.owned_games(ALICE))
    await until(lambda: len(loopback.requests) == 1)

    found = await steam.owned_games(BOB)
    waiting = not stuck.done()
    stuck.cancel()

    assert found == Library({10: 1})
    assert waiting


async def test_one_who_gives_up_does_not_take_the_answer_from_the_others(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.delay = 0.1
    first, second = (asyncio.create_task(steam.owned_games(ALICE)) for _ in range(2))
    await until(lambda: len(loopback.requests) == 1)

    first.cancel()
    found = await second

    assert found == Library(GAMES)
    assert first.cancelled()
    assert len(loopback.requests) == 1


async def test_an_answer_nobody_waits_for_any_more_is_kept(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.delay = 0.05
    only = asyncio.create_task(steam.owned_games(ALICE))
    await until(lambda: len(loopback.requests) == 1)
    only.cancel()

    assert await steam.owned_games(ALICE) == Library(GAMES)
    assert len(loopback.requests) == 1


async def test_a_refusal_nobody_waits_for_any_more_is_no_error(
    steam: Steam, loopback: LoopbackSteam, caplog: pytest.LogCaptureFixture
) -> None:
    loopback.delay = 0.05
    loopback.fail_next(403)
    only = asyncio.create_task(steam.owned_games(ALICE))
    await until(lambda: len(loopback.requests) == 1)
    only.cancel()
    await until(lambda: not steam._libraries._flights)
    gc.collect()

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_closing_ends_what_is_under_way(loopback: LoopbackSteam) -> None:
    loopback.hang_next()
    steam = Steam(loopback.url, loopback.key)
    waiting = asyncio.create_task(steam.owned_games(ALICE))
    await until(lambda: len(loopback.requests) == 1)

    await asyncio.wait_for(steam.aclose(), timeout=2)
    await asyncio.wait([waiting], timeout=2)

    assert waiting.cancelled()


async def test_a_client_that_was_passed_in_stays_open(loopback: LoopbackSteam) -> None:
    async with httpx.AsyncClient() as lent:
        async with Steam(loopback.url, loopback.key, client=lent) as steam:
            await steam.owned_games(ALICE)

        assert not lent.is_closed


async def test_answers_are_kept_for_a_while(steam: Steam, loopback: LoopbackSteam, hours: Hours) -> None:
    for later in (0, 299, 2):
        hours.now += later
        await steam.owned_games(ALICE)
        await steam.resolve("alice")

    assert loopback.asked("GetOwnedGames") == 2
    assert loopback.asked("ResolveVanityURL") == 2


async def test_who_opens_the_profile_is_believed_at_once(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.add_player(BOB, GAMES, visibility=1)
    with pytest.raises(SteamProfilePrivate):
        await steam.owned_games(BOB)
    loopback.add_player(BOB, dict.fromkeys(range(1, 9), 0))
    await steam.owned_games(BOB)
    loopback.add_player(BOB, GAMES)

    assert await steam.owned_games(BOB) == Library(GAMES)


async def test_a_forgotten_player_is_asked_about_anew(steam: Steam, loopback: LoopbackSteam) -> None:
    loopback.add_player(BOB, {10: 1})
    for player in (ALICE, BOB):
        await steam.owned_games(player)

    steam.forget(ALICE)
    for player in (ALICE, BOB):
        await steam.owned_games(player)

    assert [request.params["steamid"] for request in loopback.requests] == [str(ALICE), str(BOB), str(ALICE)]


async def test_only_so_many_answers_are_kept(hours: Hours) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"response": {"game_count": 0}})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        steam = Steam("http://steam.example", "key", client=client, clock=hours.clock)
        for account in range(1, KEPT + 51):
            await steam.owned_games(SteamID(FIRST + account))

    assert len(steam._libraries._kept) == KEPT


def chained(error: BaseException | None) -> Iterator[BaseException]:
    if error is not None:
        yield error
        yield from chained(error.__cause__)
        yield from chained(error.__context__)


def everything_shown(error: BaseException) -> str:
    """What the most talkative report of an error could print: local variables and the whole chain."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join(told) + "".join(f"{e!r} {e} {vars(e)}" for e in chained(error))


MISFORTUNES: dict[str, Callable[[LoopbackSteam], None]] = {
    "403": lambda server: server.fail_next(403),
    "429": lambda server: server.fail_next(429, {"Retry-After": "99"}),
    "503": lambda server: server.fail_next(503, times=3),
    "cut": lambda server: server.drop_next(times=3),
    "hang": lambda server: server.hang_next(times=3),
    "html": lambda server: server.fail_next(200, body="<html>", times=2),
    "redirect": lambda server: server.fail_next(302, {"Location": f"/?a=b&key={server.key}"}),
    "private": lambda server: server.add_player(ALICE, visibility=1),
}


@pytest.mark.parametrize("misfortune", MISFORTUNES)
async def test_the_key_shows_neither_in_logs_nor_in_errors(
    loopback: LoopbackSteam, hours: Hours, caplog: pytest.LogCaptureFixture, misfortune: str
) -> None:
    caplog.set_level(logging.DEBUG)
    MISFORTUNES[misfortune](loopback)

    async with httpx.AsyncClient(timeout=0.1) as client:
        steam = Steam(loopback.url, loopback.key, client=client, sleep=hours.sleep)
        with pytest.raises(SteamError) as failed:
            await steam.owned_games(ALICE)
    shown = everything_shown(failed.value)

    assert loopback.key not in shown
    assert loopback.key not in caplog.text
    assert loopback.key not in repr(steam)


async def test_requests_are_still_logged_with_the_key_hidden(
    steam: Steam, loopback: LoopbackSteam, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await steam.owned_games(ALICE)

    assert "GetOwnedGames/v1?key=[hidden]&format=json" in caplog.text
    assert loopback.key not in caplog.text


def test_a_saved_answer_may_be_whole_or_only_the_inside() -> None:
    inside = {"game_count": 1, "games": [{"appid": 440, "playtime_forever": 60, "name": "Team Fortress 2"}]}

    assert library_from_answer({"response": inside}) == library_from_answer(inside) == Library({440: 60})


def test_a_saved_answer_of_a_hidden_library_says_so() -> None:
    with pytest.raises(SteamProfilePrivate):
        library_from_answer({"response": {}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["response", "games", "game_count", "appid", "playtime_forever"]), inner, max_size=4
        )
    ),
)


@given(JSON)
def test_any_json_is_a_library_or_refused(body: object) -> None:
    try:
        found: Library | None = library_from_answer(body)
    except (SteamUnavailable, SteamProfilePrivate):
        found = None

    assert found is None or all(0 < app_id < 2**32 > minutes >= 0 for app_id, minutes in found.minutes.items())


def test_the_loopback_runs_beside_a_test_that_is_not_asynchronous() -> None:
    server = LoopbackSteam()
    with server.running_in_thread() as running:
        running.add_player(ALICE, GAMES)
        query = {"key": running.key, "steamid": str(ALICE)}
        answer = httpx.get(f"{running.url}/IPlayerService/GetOwnedGames/v1/", params=query)

    assert running is server
    assert library_from_answer(answer.json()) == Library(GAMES)


async def until(holds: Callable[[], bool]) -> None:
    """Lets the loop run until something holds, for at most two seconds."""
    for _ in range(200):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come about within two seconds")
