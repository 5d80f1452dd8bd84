"""Who left for Discord comes back once, in time and as themselves, and only then a Steam account is linked."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from operator import methodcaller
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from aiohttp import web
from pydantic import SecretStr
from sqlalchemy import select

from bot.discord.connections import Connect, End, Ended, SteamConnection, steam_among
from bot.messages import Language, Person
from bot.web import SAID, web_app
from bot.web_page import STYLE, language_of
from storage.accounts import Account, Accounts
from storage.database import Database
from storage.errors import DatabaseUnavailable
from storage.schema import link_states
from storage.steam.ids import FIRST, SteamID
from tests.databases import NOON, empty, migrated, moved_away
from tests.loopback_oauth import CONNECTIONS, ME, REVOKE, TOKEN, LoopbackOAuth, steam

ADA, EVE = Person("discord", "80351110224678912"), Person("discord", "41771983423143937")
ALICE, BOB = SteamID(FIRST + 22202), SteamID(FIRST + 7)
PUBLIC_URL = "https://bot.example/indiean"
CALLBACK = f"{PUBLIC_URL}/discord/callback"
TWITCH = {"id": "141981764", "name": "ada", "type": "twitch", "verified": True}


@dataclass
class Way:
    """The bot's side of the round trip and Discord's; `now` is the bot's clock."""

    connect: Connect
    discord: LoopbackOAuth
    accounts: Accounts
    database: Database
    file: Path
    browser: httpx.AsyncClient

    async def back(self, person: Person = ADA, *, left: Person = ADA) -> dict[str, str]:
        """What the browser of `person` brings back from the address that was made for who `left`."""
        return self.discord.agree(person.id, await self.connect.begin(left, NOON))

    async def there_and_back(self, person: Person = ADA, *, left: Person = ADA) -> Ended:
        return await self.connect.finish(**await self.back(person, left=left), now=NOON)


@pytest.fixture
async def way(tmp_path: Path) -> AsyncIterator[Way]:
    async with empty("sqlite", tmp_path) as url, migrated(url) as database, LoopbackOAuth() as discord:
        discord.add_person(ADA.id, TWITCH, steam(ALICE, "Alice <3"))
        discord.add_person(EVE.id, steam(BOB))
        accounts = Accounts(database)
        secret = SecretStr(discord.client_secret)
        async with Connect(discord.client_id, secret, f"{PUBLIC_URL}/", f"{discord.url}/", accounts) as connect:
            runner = web.AppRunner(web_app(connect, lambda: NOON))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            address = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with httpx.AsyncClient(base_url=address) as browser:
                yield Way(connect, discord, accounts, database, tmp_path / "store" / "indiean.db", browser)
            await runner.cleanup()


async def test_the_address_asks_for_who_they_are_and_their_connections_and_nothing_else(way: Way) -> None:
    address = await way.connect.begin(ADA, NOON)
    query = parse_qs(urlsplit(address).query)
    state = query.pop("state")[0]

    assert address.startswith("https://discord.com/oauth2/authorize?")
    assert "scope=identify+connections" in address
    assert query == {
        "client_id": [way.discord.client_id],
        "response_type": ["code"],
        "redirect_uri": [CALLBACK],
        "scope": ["identify connections"],
    }
    assert len(state) >= 32


async def test_no_two_addresses_have_the_same_secret(way: Way) -> None:
    addresses = {await way.connect.begin(ADA, NOON) for _ in range(5)}

    assert len(addresses) == 5


async def test_of_the_secret_only_a_hash_is_written_down(way: Way) -> None:
    state = parse_qs(urlsplit(await way.connect.begin(ADA, NOON)).query)["state"][0]
    async with way.database.reading() as connection:
        rows = [tuple(row) for row in await connection.execute(select(link_states))]

    assert rows == [(hashlib.sha256(state.encode()).hexdigest(), "discord", ADA.id, NOON)]


async def test_who_comes_back_is_linked_to_the_steam_account_that_discord_knows(way: Way) -> None:
    ended = await way.there_and_back()

    assert ended == Ended(End.LINKED, "Alice <3")
    assert await way.accounts.of("discord", ADA.id) == Account(ALICE, "discord", NOON)


async def test_another_account_takes_the_place_of_what_was_said_before(way: Way) -> None:
    await way.accounts.link("discord", ADA.id, BOB, "said", NOON - timedelta(days=1))
    await way.there_and_back()

    assert await way.accounts.of("discord", ADA.id) == Account(ALICE, "discord", NOON)


async def test_the_token_is_given_back_at_once(way: Way) -> None:
    await way.there_and_back()

    assert way.discord.asked == [TOKEN, ME, CONNECTIONS, REVOKE]
    assert way.discord.revoked == way.discord.given


async def test_a_secret_opens_once(way: Way) -> None:
    back = await way.back()
    first = await way.connect.finish(**back, now=NOON)
    await way.accounts.unlink("discord", ADA.id, NOON)
    again = await way.connect.finish(**back, now=NOON)

    assert (first.end, again) == (End.LINKED, Ended(End.EXPIRED))
    assert await way.accounts.of("discord", ADA.id) is None


async def test_of_two_who_come_back_with_one_secret_at_once_one_gets_in(way: Way) -> None:
    back = await way.back()
    ends = await asyncio.gather(*(way.connect.finish(**back, now=NOON) for _ in range(5)))

    assert sorted(ended.end for ended in ends) == [End.EXPIRED] * 4 + [End.LINKED]
    assert way.discord.asked.count(TOKEN) == 1


async def test_ten_minutes_are_enough_and_more_is_too_long(way: Way) -> None:
    in_time, late = await way.back(), await way.back()
    ends = [
        (await way.connect.finish(**in_time, now=NOON + timedelta(minutes=10))).end,
        (await way.connect.finish(**late, now=NOON + timedelta(minutes=10, seconds=1))).end,
    ]

    assert ends == [End.LINKED, End.EXPIRED]


@pytest.mark.parametrize("state", ["", "guessed", "\udcff", "x" * 5000])
async def test_a_secret_that_nobody_was_given_opens_nothing(way: Way, state: str) -> None:
    back = await way.back()

    assert await way.connect.finish(back["code"], state, NOON) == Ended(End.EXPIRED)
    assert way.discord.asked == []


async def test_an_address_that_was_passed_on_links_nobody(way: Way) -> None:
    ended = await way.there_and_back(EVE, left=ADA)

    assert ended == Ended(End.OTHER_PERSON)
    assert await way.accounts.of_many("discord", (ADA.id, EVE.id)) == {}
    assert CONNECTIONS not in way.discord.asked
    assert way.discord.revoked == way.discord.given != []


async def test_who_left_from_another_platform_is_another_person_even_under_the_same_id(way: Way) -> None:
    ended = await way.there_and_back(ADA, left=Person("slack", ADA.id))

    assert ended == Ended(End.OTHER_PERSON)
    assert await way.accounts.of("slack", ADA.id) is None


async def test_who_says_no_is_not_asked_about_and_the_secret_is_used_up(way: Way) -> None:
    back = await way.back()
    ends = [await way.connect.finish(code, back["state"], NOON) for code in (None, back["code"])]

    assert ends == [Ended(End.CANCELLED), Ended(End.EXPIRED)]
    assert way.discord.asked == []


@pytest.mark.parametrize(
    "connections",
    [
        [],
        [TWITCH],
        [steam(ALICE, verified=False)],
        [steam(ALICE, verified=None)],
        [steam(ALICE, revoked=True)],
        [steam("103582791429521412")],
        [steam("gaben")],
        [{"type": "steam", "verified": True}],
    ],
)
async def test_without_a_steam_account_that_discord_vouches_for_nothing_is_linked(
    way: Way, connections: list[dict[str, object]]
) -> None:
    way.discord.add_person(ADA.id, *connections)

    assert await way.there_and_back() == Ended(End.NO_STEAM)
    assert await way.accounts.of("discord", ADA.id) is None
    assert way.discord.revoked == way.discord.given != []


def test_of_several_steam_accounts_the_first_good_one_counts() -> None:
    connections = [steam(BOB, verified=False), TWITCH, steam(ALICE), steam(BOB)]

    assert steam_among(connections) == SteamConnection(ALICE, "Gordon")


@pytest.mark.parametrize("name", [None, "", "  ", 7])
def test_a_steam_account_without_a_name_is_called_by_its_number(name: object) -> None:
    assert steam_among([{**steam(ALICE), "name": name}]) == SteamConnection(ALICE, str(ALICE))


def test_connections_that_are_none_are_passed_over() -> None:
    assert steam_among([None, 7, [], {}, steam(ALICE)]) == SteamConnection(ALICE, "Gordon")


async def test_a_code_that_discord_does_not_know_is_an_old_address(way: Way) -> None:
    back = await way.back()

    assert await way.connect.finish("forged", back["state"], NOON) == Ended(End.EXPIRED)


BODIES = ["", "<html>", "null", "7", '"word"', "{}", "[]", "[" * 100_000]
AWAY: dict[str, Callable[[LoopbackOAuth], None]] = {
    **{
        f"{path} {status}": methodcaller("fail_next", path, status, "{}")
        for path in (TOKEN, ME, CONNECTIONS)
        for status in (302, 400, 401, 403, 404, 429, 500, 503)
    },
    **{f"{path} cut": methodcaller("drop_next", path) for path in (TOKEN, ME, CONNECTIONS)},
    **{
        f"{path} body {at}": methodcaller("fail_next", path, 200, body)
        for path in (TOKEN, ME, CONNECTIONS)
        for at, body in enumerate(BODIES)
        if (path, body) != (CONNECTIONS, "[]")
    },
    **{
        f"token {at}": methodcaller("fail_next", TOKEN, 200, f'{{"access_token": {token}}}')
        for at, token in enumerate(("null", "7", '""', '" "', '"a\\nb"', '"é"'))
    },
    "an error that is a list": methodcaller("fail_next", TOKEN, 400, '{"error": []}'),
    "me without id": methodcaller("fail_next", ME, 200, '{"username": "ada"}'),
    "me with a number": methodcaller("fail_next", ME, 200, f'{{"id": {ADA.id}}}'),
}


@pytest.mark.parametrize("misfortune", AWAY)
async def test_whatever_discord_does_wrong_is_discord_away(way: Way, misfortune: str) -> None:
    AWAY[misfortune](way.discord)

    assert await way.there_and_back() == Ended(End.DISCORD_AWAY)
    assert await way.accounts.of("discord", ADA.id) is None
    assert way.discord.revoked == way.discord.given


@pytest.mark.parametrize("path", [TOKEN, ME, CONNECTIONS])
async def test_a_discord_that_never_answers_is_given_up(way: Way, path: str) -> None:
    way.discord.hang_next(path)
    back = await way.back()
    secret = SecretStr(way.discord.client_secret)
    hasty = Connect(way.discord.client_id, secret, PUBLIC_URL, way.discord.url, way.accounts, patience=0.3)
    async with hasty, asyncio.timeout(3):
        ended = await hasty.finish(**back, now=NOON)

    assert ended == Ended(End.DISCORD_AWAY)
    assert way.discord.revoked == way.discord.given


async def test_after_a_failure_a_new_address_works(way: Way) -> None:
    way.discord.fail_next(ME, 503)
    ends = [(await way.there_and_back()).end for _ in range(2)]

    assert ends == [End.DISCORD_AWAY, End.LINKED]


async def test_a_discord_that_is_not_there_is_away(way: Way) -> None:
    back = await way.back()
    async with LoopbackOAuth() as gone:
        pass
    connect = Connect("1", SecretStr("secret"), PUBLIC_URL, gone.url, way.accounts)
    async with connect:
        ended = await connect.finish(**back, now=NOON)

    assert ended == Ended(End.DISCORD_AWAY)


async def test_a_token_that_cannot_be_given_back_does_not_undo_the_link(way: Way) -> None:
    ends = []
    for fail in (methodcaller("fail_next", REVOKE, 503), methodcaller("drop_next", REVOKE)):
        fail(way.discord)
        ends.append((await way.there_and_back()).end)

    assert ends == [End.LINKED, End.LINKED]


async def test_a_wrong_client_secret_is_the_operator_s_matter_and_is_told_in_the_log(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    back = await way.back()
    wrong = SecretStr("wrong-secret")
    async with Connect(way.discord.client_id, wrong, PUBLIC_URL, way.discord.url, way.accounts) as connect:
        ended = await connect.finish(**back, now=NOON)

    assert ended == Ended(End.DISCORD_REFUSES)
    assert "check the client's id and secret" in caplog.text
    assert "wrong-secret" not in caplog.text


async def test_a_redirect_that_the_application_does_not_have_is_the_operator_s_matter_too(way: Way) -> None:
    back = await way.back()
    secret = SecretStr(way.discord.client_secret)
    moved = Connect(way.discord.client_id, secret, "https://moved.example", way.discord.url, way.accounts)
    async with moved:
        ended = await moved.finish(**back, now=NOON)

    assert ended == Ended(End.DISCORD_REFUSES)


async def test_while_the_database_is_away_nothing_is_asked_and_nobody_leaves(way: Way) -> None:
    back = await way.back()
    with moved_away(way.file):
        ended = await way.connect.finish(**back, now=NOON)
        with pytest.raises(DatabaseUnavailable):
            await way.connect.begin(ADA, NOON)

    assert ended == Ended(End.NOTES_AWAY)
    assert way.discord.asked == []


async def test_a_database_that_goes_away_meanwhile_links_nothing_and_the_token_is_given_back(way: Way) -> None:
    class GoesAway(Accounts):
        async def link(self, *_: object) -> None:
            raise DatabaseUnavailable("disk full")

    back = await way.back()
    secret = SecretStr(way.discord.client_secret)
    accounts = GoesAway(way.database)
    async with Connect(way.discord.client_id, secret, PUBLIC_URL, way.discord.url, accounts) as connect:
        ended = await connect.finish(**back, now=NOON)

    assert ended == Ended(End.NOTES_AWAY)
    assert way.discord.revoked == way.discord.given != []


async def test_a_client_that_was_passed_in_stays_open(way: Way) -> None:
    async with httpx.AsyncClient() as lent:
        async with Connect("1", SecretStr("secret"), PUBLIC_URL, way.discord.url, way.accounts, lent):
            pass

        assert not lent.is_closed


async def test_the_page_says_that_it_is_done_and_which_account(way: Way) -> None:
    page = await way.browser.get("/discord/callback", params=await way.back())

    assert page.status_code == 200
    assert "Linked" in page.text
    assert "Alice &lt;3" in page.text
    assert await way.accounts.of("discord", ADA.id) == Account(ALICE, "discord", NOON)


PAGES: dict[str, tuple[int, str]] = {
    "replayed": (410, "used already"),
    "nothing": (410, "used already"),
    "no state": (410, "used already"),
    "no code": (410, "used already"),
    "cancelled": (200, "You said no"),
    "passed on": (403, "another Discord account"),
    "no steam": (200, "knows no Steam account"),
    "away": (503, "doesn&#x27;t answer properly"),
    "sent back away": (503, "doesn&#x27;t answer properly"),
    "sent back refused": (503, "INDIEAN_DISCORD_CLIENT_ID"),
}


@pytest.mark.parametrize("what", PAGES)
async def test_the_page_says_what_went_wrong_and_what_to_do(way: Way, what: str) -> None:
    back = await way.back(EVE if what == "passed on" else ADA)
    if what == "replayed":
        await way.connect.finish(**back, now=NOON)
    if what == "no steam":
        way.discord.add_person(ADA.id)
    if what == "away":
        way.discord.fail_next(TOKEN, 502)
    brought = {
        "nothing": {},
        "no state": {"code": back["code"]},
        "no code": {"state": back["state"]},
        "cancelled": {"state": back["state"], "error": "access_denied", "error_description": "no"},
        "sent back away": {"state": back["state"], "error": "server_error"},
        "sent back refused": {"state": back["state"], "error": "invalid_scope"},
    }.get(what, back)
    page = await way.browser.get("/discord/callback", params=brought)
    status, sentence = PAGES[what]

    assert page.status_code == status
    assert sentence in page.text
    assert "Not linked" in page.text or what == "replayed"


async def test_a_korean_browser_gets_a_korean_page(way: Way) -> None:
    headers = {"Accept-Language": "ko-KR,ko;q=0.9,en-US;q=0.8"}
    page = await way.browser.get("/discord/callback", params=await way.back(), headers=headers)

    assert '<html lang="ko">' in page.text
    assert "연결했어요" in page.text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", Language.EN),
        ("de, fr;q=0.5", Language.EN),
        ("ko", Language.KO),
        ("KO-kr", Language.KO),
        ("de, ko;q=0.3", Language.KO),
        ("en;q=0.4, ko;q=0.5", Language.KO),
        ("en, ko", Language.EN),
        ("ko;q=0, en;q=0.1", Language.EN),
        ("ko;q=0", Language.EN),
        ("ko;q=high, en", Language.EN),
        ("ko;q=nan, *", Language.EN),
        (";;,,;q=,=", Language.EN),
    ],
)
def test_the_language_is_the_best_liked_of_ours(accepted: str, language: Language) -> None:
    assert language_of(accepted) is language


async def test_a_name_from_outside_is_text_on_the_page_and_never_markup(way: Way) -> None:
    way.discord.add_person(ADA.id, steam(ALICE, "<script>alert(1)</script>{sentence}\" onload='x'"))
    page = await way.browser.get("/discord/callback", params=await way.back())

    assert "&lt;script&gt;alert(1)&lt;/script&gt;{sentence}&quot; onload=&#x27;x&#x27;" in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize("path", ["/discord/callback", "/healthz", "/elsewhere"])
async def test_every_page_is_kept_and_framed_by_nobody_and_runs_no_script(way: Way, path: str) -> None:
    headers = (await way.browser.get(path)).headers

    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers


async def test_the_page_loads_nothing_from_anywhere(way: Way) -> None:
    page = await way.browser.get("/discord/callback")

    assert f"<style>{STYLE}</style>" in page.text
    assert not any(sign in page.text for sign in ("<script", "src=", "href=", "url(", "@import", "http"))


async def test_a_look_ahead_does_not_use_the_secret_up(way: Way) -> None:
    back = await way.back()
    looked = await way.browser.head("/discord/callback", params=back)
    page = await way.browser.get("/discord/callback", params=back)

    assert (looked.status_code, page.status_code) == (405, 200)


async def test_the_bot_says_that_it_is_alive(way: Way) -> None:
    answer = await way.browser.get("/healthz")

    assert (answer.status_code, answer.text) == (200, "ok")


async def test_without_oauth_there_is_no_way_back_but_the_bot_is_alive() -> None:
    paths = [route.resource.canonical for route in web_app().router.routes() if route.resource is not None]

    assert set(paths) == {"/healthz"}


def test_every_end_has_a_sentence_and_a_status() -> None:
    assert SAID.keys() == set(End)


SHOWN: dict[str, Callable[[LoopbackOAuth], None]] = {
    "good": lambda _: None,
    "revoke cut": methodcaller("drop_next", REVOKE),
    **{
        name: AWAY[name] for name in (f"{TOKEN} 503", f"{TOKEN} cut", f"{ME} 401", f"{CONNECTIONS} cut", f"{ME} body 1")
    },
    "echo": methodcaller("fail_next", TOKEN, 400, '{"error": "invalid_client"}'),
}


@pytest.mark.parametrize("misfortune", SHOWN)
async def test_no_secret_shows_in_a_log_or_on_a_page(
    way: Way, caplog: pytest.LogCaptureFixture, misfortune: str
) -> None:
    caplog.set_level(logging.DEBUG)
    SHOWN[misfortune](way.discord)
    back = await way.back()
    page = await way.browser.get("/discord/callback", params=back)
    shown = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    secret = [back["code"], back["state"], way.discord.client_secret, *way.discord.given]

    assert "/discord/callback?code=[hidden]&state=[hidden]" in caplog.text
    assert [word for word in secret if word in shown + caplog.text] == []
    assert [word for word in secret if word in page.text + str(page.headers)] == []
    assert way.discord.client_secret not in repr(vars(way.connect))
    assert str(ALICE) not in shown
