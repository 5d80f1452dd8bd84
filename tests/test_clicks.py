"""Who follows a link comes to the store, whatever is broken; people count, machines do not, and nobody is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import select

from bot.clicks import REMEMBERED, Lately, click_routes, opened_by_somebody
from bot.hosting.links import links_of, routes_of
from bot.hosting.serving import listening
from bot.links import Links, Shown
from bot.settings import Settings
from bot.web import web_app
from storage.database import Database
from storage.lake.events import Event, Kind, clicked
from storage.lake.lake import Lake
from storage.lake.telling import delta_of
from storage.logs import AGAIN, Asked, Click, Logs
from storage.patient_logs import PatientLogs
from storage.personal_data import PersonalData
from storage.retention import prune
from storage.schema import clicks
from storage.server_data import ServerData
from tests.databases import KINDS, NOON, ready
from tests.fakes import Place, open_place
from tests.test_logs import CELESTE, HADES, SHOWN, asked

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
}
PHONE = "Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile"
LINKS = Links("https://bot.example", b"s" * 32)
STORE = "https://store.steampowered.com"
CLICK = Click("request-1", 1, HADES, NOON)


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        await Logs(made).record(asked(1), SHOWN)
        yield made


async def kept(database: Database) -> list[Click]:
    async with database.reading() as connection:
        rows = (await connection.execute(select(clicks).order_by(clicks.c.at))).mappings()
        return [Click(**row) for row in rows]


@pytest.mark.parametrize(
    "agent",
    [
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Slackbot 1.0 (+https://api.slack.com/robots)",
        "Slack-ImgProxy (+https://api.slack.com/robots) Slackbot/1",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "Twitterbot/1.0",
        "facebookexternalhit/1.1",
        "WhatsApp/2.23.20.0",
        "TelegramBot (like TwitterBot)",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 SkypeUriPreview Preview/0.5",
        "curl/8.5.0",
        "python-requests/2.32",
        "",
    ],
)
def test_a_machine_that_says_so_is_nobody(agent: str) -> None:
    assert not opened_by_somebody("GET", {"User-Agent": agent})


@pytest.mark.parametrize(
    "header",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Purpose": "preview"},
        {"X-Moz": "prefetch"},
    ],
)
def test_a_browser_that_looks_ahead_is_nobody(header: dict[str, str]) -> None:
    assert not opened_by_somebody("GET", BROWSER | header)


@pytest.mark.parametrize("agent", [BROWSER["User-Agent"], PHONE])
def test_a_browser_is_somebody_unless_it_asks_for_the_head_alone(agent: str) -> None:
    assert opened_by_somebody("GET", {"User-Agent": agent, "Sec-Purpose": ""})
    assert not opened_by_somebody("HEAD", {"User-Agent": agent})


def test_a_link_that_is_opened_over_and_over_is_opened_once_a_minute() -> None:
    lately, shown = Lately(), Shown("a", 1, HADES)
    moments = [0, 1, 59, 61, 62, 3600, 10, 11]
    again = [lately.again(shown, NOON + timedelta(seconds=at)) for at in moments]

    assert again == [False, True, True, False, True, False, False, True]
    assert not lately.again(replace(shown, position=2), NOON)


def test_what_is_remembered_has_an_end() -> None:
    lately = Lately()
    for at in range(REMEMBERED + 5):
        lately.again(Shown("a", 1, at), NOON)

    assert len(lately._opened) == REMEMBERED
    assert not lately.again(Shown("a", 1, 0), NOON)


@asynccontextmanager
async def site(told: Callable[[Click], None], store: str = STORE) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    app = web_app(routes=click_routes(LINKS, store, told, lambda: NOON))
    async with listening(app, "127.0.0.1", 0) as address, aiohttp.ClientSession(headers=BROWSER) as session:
        yield address, session


def path(shown: Shown) -> str:
    return (LINKS.of(shown) or "").removeprefix("https://bot.example")


async def test_whoever_follows_a_link_comes_to_the_game_s_page_and_no_further_word_is_said() -> None:
    told: list[Click] = []
    async with site(told.append, f"{STORE}/") as (address, session):
        answer = await session.get(f"{address}{path(Shown('request-1', 1, HADES))}", allow_redirects=False)

    assert (answer.status, answer.headers["Location"]) == (302, f"{STORE}/app/{HADES}/")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Server" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert told == [CLICK]


async def test_a_look_ahead_and_a_machine_are_sent_on_and_do_not_count() -> None:
    told: list[Click] = []
    ways = [("HEAD", {}), ("GET", {"User-Agent": "Slackbot-LinkExpanding 1.0"}), ("GET", {"Sec-Purpose": "prefetch"})]
    async with site(told.append) as (address, session):
        for method, headers in ways:
            url = f"{address}{path(Shown('request-1', 1, HADES))}"
            answer = await session.request(method, url, headers=headers, allow_redirects=False)
            assert (answer.status, answer.headers["Location"]) == (302, f"{STORE}/app/{HADES}/")

    assert told == []


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("token", ["1.request-1.1.620.AAAAAAAAAAAAAAAA", "https:%2F%2Fevil.example", "x", "2.a.1.1.b"])
async def test_a_link_that_is_none_leads_to_a_page_that_leads_to_the_store_s_front(token: str, language: str) -> None:
    told: list[Click] = []
    async with site(told.append) as (address, session):
        headers = {"Accept-Language": language}
        answer = await session.get(f"{address}/go/{token}", headers=headers, allow_redirects=False)
        text = await answer.text()

    assert answer.status == 404
    assert "Location" not in answer.headers
    assert f'href="{STORE}"' in text
    assert "evil" not in text
    assert ("상점으로 가기" in text) == (language == "ko")
    assert told == []


async def test_a_click_is_written_once_however_often_it_is_said(database: Database) -> None:
    logs = Logs(database)
    first = await logs.click(CLICK)
    again = await logs.click(CLICK)

    assert first == again == Asked("discord", "ada", asked(1).server, asked(1).at)
    assert await kept(database) == [CLICK]


@pytest.mark.parametrize(
    ("after", "counts"),
    [(timedelta(seconds=1), False), (AGAIN - timedelta(seconds=1), False), (AGAIN, True), (timedelta(days=300), True)],
)
async def test_a_link_that_is_opened_again_soon_was_opened_once(
    database: Database, after: timedelta, counts: bool
) -> None:
    logs = Logs(database)
    await logs.click(CLICK)
    found = await logs.click(replace(CLICK, at=NOON + after))

    assert (found is not None) == counts
    assert len(await kept(database)) == 1 + counts


async def test_of_two_replicas_that_hear_of_a_double_press_one_counts(database: Database) -> None:
    moments = [NOON + timedelta(milliseconds=at) for at in range(8)]
    found = await asyncio.gather(*(Logs(database).click(replace(CLICK, at=at)) for at in moments))

    assert len([one for one in found if one is not None]) == 1
    assert len(await kept(database)) == 1


@pytest.mark.parametrize(
    "other", [{"request_id": "request-9"}, {"position": 3}, {"app_id": CELESTE}, {"position": 2}], ids=str
)
async def test_what_was_never_shown_there_does_not_count(database: Database, other: dict[str, object]) -> None:
    assert await Logs(database).click(replace(CLICK, **other)) is None  # type: ignore[arg-type]
    assert await kept(database) == []


async def test_it_goes_with_its_request_by_forgetting_by_age_and_with_the_workspace(database: Database) -> None:
    logs, second = Logs(database), replace(asked(2), platform="slack", person="T1:U1", server="T1")
    await logs.record(second, SHOWN)
    await logs.record(replace(asked(3), at=NOON - timedelta(days=400)), SHOWN)
    for number in (1, 2, 3):
        assert await logs.click(replace(CLICK, request_id=f"request-{number}")) is not None
    mine = await PersonalData(database).of("discord", "ada")
    await prune(database, NOON, 365)
    after_pruning = {click.request_id for click in await kept(database)}
    server = await ServerData(database).erase("slack", "T1", NOON)
    person = await PersonalData(database).erase("discord", "ada", NOON)

    assert {row["request_id"] for row in mine["clicks"]} == {"request-1", "request-3"}
    assert not {"platform", "person"} & mine["clicks"][0].keys()
    assert after_pruning == {"request-1", "request-2"}
    assert (server["clicks"], person["clicks"]) == (1, 1)
    assert await kept(database) == []
    assert await logs.click(replace(CLICK, at=NOON + AGAIN)) is None


async def test_the_event_in_the_lake_goes_with_who_asked_and_with_the_workspace(database: Database) -> None:
    event = clicked(CLICK, Asked("discord", "ada", "guild", NOON))
    lake = Lake(database)
    await lake.append([event, event])
    stored = await lake.after(0, 10)
    await PersonalData(database).erase("discord", "ada", NOON)
    left = await lake.after(0, 10)

    assert [one.event for one in stored] == [event]
    assert event.payload == {"request": "request-1", "position": 1, "app_id": HADES, "server": "guild"}
    assert [one.event.kind for one in left] == [Kind.ERASED]
    assert delta_of(stored).rejects == []


async def test_a_database_that_is_away_fails_no_redirect_and_the_click_counts_once_it_is_back(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        reply = await place.ask("curate", tag="Roguelike")
        await place.flush()
        (request_id,) = [row.id for row in await place.logs.recent(1)]
        shown = Shown(request_id, 1, reply.picks[0].game.app_id)
        file, aside = tmp_path / "indiean.sqlite", tmp_path / "aside.sqlite"
        async with clicking(place) as (address, session, links):
            file.rename(aside)
            url = (links.of(shown) or "").replace("https://bot.example", address)
            answer = await session.get(url, allow_redirects=False)
            waiting = not await place.desk.logs.flush(within=0.3)
            aside.rename(file)
            await place.flush()

        assert answer.status == 302
        assert waiting
        assert [click.request_id for click in await kept(place.database)] == [request_id]
        assert [event.kind for event in await events(place)][-1] == Kind.CLICK


@asynccontextmanager
async def clicking(place: Place) -> AsyncIterator[tuple[str, aiohttp.ClientSession, Links]]:
    settings = Settings.model_validate({"home": place.folder, "public_url": "https://bot.example"})
    links = links_of(settings)
    assert links is not None
    app = web_app(routes=routes_of(settings, place.desk, lambda: NOON))
    async with listening(app, "127.0.0.1", 0) as address, aiohttp.ClientSession(headers=BROWSER) as session:
        yield address, session, links


async def events(place: Place) -> list[Event]:
    return [stored.event for stored in await Lake(place.database).after(0, 100)]


async def test_a_click_of_an_answer_that_is_still_being_written_counts(tmp_path: Path) -> None:
    async with ready("sqlite", tmp_path) as database:
        logs, heard = PatientLogs(Logs(database)), list[Click]()
        logs.record(asked(1), SHOWN)
        logs.click(CLICK, lambda click, _: heard.append(click))
        logs.click(replace(CLICK, app_id=1), lambda click, _: heard.append(click))
        await logs.close()

        assert heard == await kept(database) == [CLICK]
