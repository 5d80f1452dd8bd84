"""Several workspaces install the bot, and each is answered as if there were no other."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update

from bot.messages import Language
from bot.slack.paths import EVENTS, INSTALL, REDIRECT
from bot.slack.scopes import SCOPES
from bot.wording import Wording, texts
from storage.schema import slack_oauth_states
from tests import worlds
from tests.databases import moved_away
from tests.fakes import PUBLIC
from tests.loopback_slack import Exchange, LoopbackSlack
from tests.slack_workspaces import Mode, Workspace, Workspaces, workspaces

KO = {"Accept-Language": "ko"}
WITHIN = 20.0
MODES: tuple[Mode, ...] = ("socket", "web")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Workspaces]:
    async with workspaces(tmp_path) as world:
        yield world


def said(key: str, language: Language = Language.EN) -> str:
    """As it stands in the page."""
    return html.escape(texts(language)[f"slack.install.{key}"])


def in_each_language(key: str) -> str:
    return "\n".join(texts(language)[key] for language in Language)


async def uninstalled(workspace: Workspace) -> None:
    for told in workspace.member.uninstall():
        await told.until_acked(WITHIN)


async def ask(workspace: Workspace) -> Exchange:
    return await workspace.member.slash(workspace.channel, "/recommend", PUBLIC)


async def left_for_slack(world: Workspaces) -> tuple[str, str]:
    """The state and the cookie of a browser that was sent to Slack."""
    async with world.session.get(f"{world.address}{INSTALL}", allow_redirects=False) as response:
        state = parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]
        return state, response.headers["Set-Cookie"].split(";")[0]


async def back(world: Workspaces, cookie: str = "", **query: str) -> tuple[int, str]:
    async with world.session.get(f"{world.address}{REDIRECT}", params=query, headers={"Cookie": cookie}) as response:
        return response.status, await response.text()


@pytest.mark.parametrize("mode", MODES)
async def test_each_is_answered_by_its_own_token_until_it_removes_the_app(mode: Mode, tmp_path: Path) -> None:
    """Slack refuses a token in a workspace that is not its own."""
    async with workspaces(tmp_path, mode) as world:
        pages = [await world.install(one) for one in (world.first, world.second)]
        shown = [await ask(one) for one in (world.first, world.second)]
        home = await world.second.member.open_home()
        await world.place.flush()
        await uninstalled(world.first)
        left = await world.installed()
        after = await ask(world.second)
        await world.place.flush()
        requests = await world.place.logs.recent(10)

        assert [status for status, _ in pages] == [200, 200]
        assert "Alpha" in pages[0][1]
        assert world.first.team.scopes == set(SCOPES)
        assert "Picked for you" in shown[0].text
        assert Wording(Language.KO).say("button.next") in shown[1].text
        assert home.acked is not None
        assert left == [world.second.team.id]
        assert timeless(shown[1].text) == timeless(after.text)
        assert {request.server for request in requests} == {world.second.team.id}
        assert world.slack.refused == []


def timeless(text: str) -> str:
    """Without what links say of the answer that they are in."""
    return re.sub(r"/go/1\.[^|]+", "/go/", text)


async def test_the_page_asks_for_no_more_than_the_scopes(world: Workspaces) -> None:
    async with world.session.get(f"{world.address}{INSTALL}", allow_redirects=False) as response:
        address = urlsplit(response.headers["Location"])

    query = parse_qs(address.query, keep_blank_values=True)
    assert response.status == 302
    assert address.path == "/oauth/v2/authorize"
    assert query["scope"] == [",".join(SCOPES)]
    assert query["user_scope"] == [""]
    assert query["redirect_uri"] == [f"{world.address}{REDIRECT}"]


async def test_who_says_no_reads_so_and_nothing_is_installed(world: Workspaces) -> None:
    status, page = await world.install(world.first, deny=True)

    assert (status, said("cancelled") in page) == (200, True)
    assert await world.installed() == []


@pytest.mark.parametrize("forged", ["state", "browser", "used", "none"])
async def test_who_did_not_leave_from_here_installs_nothing(world: Workspaces, forged: str) -> None:
    state, cookie = await left_for_slack(world)
    if forged == "used":
        await back(world, cookie, code="none", state=state)
    asked = {
        "state": {"cookie": "slack-app-oauth-state=forged", "state": "forged"},
        "browser": {"cookie": "slack-app-oauth-state=another", "state": state},
        "used": {"cookie": cookie, "state": state},
        "none": {},
    }[forged]
    status, page = await back(world, code="s3cret", **asked)

    assert (status, said("expired") in page) == (410, True)
    assert "s3cret" not in page
    assert await world.installed() == []


async def test_who_comes_back_too_late_begins_again(world: Workspaces) -> None:
    state, cookie = await left_for_slack(world)
    async with world.place.database.transaction() as connection:
        earlier = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)
        await connection.execute(update(slack_oauth_states).values(expire_at=earlier))
    status, page = await back(world, cookie, code="s3cret", state=state)

    assert (status, said("expired") in page) == (410, True)


async def test_a_code_that_slack_does_not_take_is_no_secret_in_page_or_log(
    world: Workspaces, caplog: pytest.LogCaptureFixture
) -> None:
    state, cookie = await left_for_slack(world)
    status, page = await back(world, cookie, code="s3cret", state=state)

    assert (status, said("refused") in page) == (503, True)
    assert "s3cret" not in page
    assert "s3cret" not in caplog.text
    assert "invalid_code" in caplog.text


async def test_what_else_slack_brings_back_is_not_repeated(world: Workspaces) -> None:
    status, page = await back(world, error="<b>surprise</b>")

    assert (status, said("refused") in page) == (503, True)
    assert "surprise" not in page


async def test_the_pages_speak_korean_and_let_nothing_else_in(world: Workspaces) -> None:
    async with world.session.get(
        f"{world.address}{REDIRECT}", params={"error": "access_denied"}, headers=KO
    ) as response:
        page = await response.text()

    assert said("cancelled", Language.KO) in page
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert response.headers["Cache-Control"] == "no-store"
    assert "slack-app-oauth-state=deleted" in response.headers["Set-Cookie"]


async def test_a_look_ahead_uses_nothing_up(world: Workspaces) -> None:
    for path in (INSTALL, REDIRECT):
        async with world.session.head(f"{world.address}{path}") as response:
            assert response.status == 405


async def test_slack_that_is_away_is_a_sentence(world: Workspaces) -> None:
    world.slack.drop_next("oauth.v2.access", times=2)
    status, page = await world.install(world.first)

    assert (status, said("slack_away") in page) == (503, True)
    assert await world.installed() == []


@pytest.mark.parametrize("mode", MODES)
async def test_installed_again_it_answers_at_once(mode: Mode, tmp_path: Path) -> None:
    async with workspaces(tmp_path, mode) as world:
        await world.install(world.first)
        await ask(world.first)
        await uninstalled(world.first)
        gone = await world.installed()
        await world.install(world.first)
        again = await ask(world.first)

        assert gone == []
        assert "Picked for you" in again.text
        assert world.slack.refused == []


async def test_installed_twice_the_new_token_answers(world: Workspaces) -> None:
    await world.install(world.first)
    await ask(world.first)
    await world.install(world.first)
    answer = await world.first.member.open_home()

    assert answer.answered
    assert await world.installed() == [world.first.team.id]
    assert world.slack.refused == []


async def test_a_bot_s_token_that_is_revoked_is_a_departure_and_a_person_s_is_none(world: Workspaces) -> None:
    member = world.first.member
    await world.install(world.first)
    theirs = {"oauth": [member.id], "bot": []}
    await member.event(world.first.channel, "tokens_revoked", tokens=theirs).until_acked()
    kept = await world.installed()
    ours = {"oauth": [], "bot": [world.first.team.bot_user]}
    await member.event(world.first.channel, "tokens_revoked", tokens=ours).until_acked()

    assert kept == [world.first.team.id]
    assert await world.installed() == []


async def test_who_asks_after_the_app_was_removed_reads_so_and_the_log_has_a_line(
    world: Workspaces, caplog: pytest.LogCaptureFixture
) -> None:
    asked = await ask(world.first)

    assert asked.text.startswith(in_each_language("slack.removed"))
    assert asked.ephemeral
    assert caplog.text.count("ERROR") == 1
    assert "Traceback" not in caplog.text


async def test_a_token_that_slack_takes_no_more_is_a_line_and_no_traceback(
    world: Workspaces, caplog: pytest.LogCaptureFixture
) -> None:
    await world.install(world.first)
    world.first.team.dead = "account_inactive"
    linked = world.first.member.link(
        world.first.channel, f"https://store.steampowered.com/app/{worlds.GAMES[0].app_id}/"
    )
    await linked.until_acked()
    await world.slack.until(lambda: "was removed meanwhile" in caplog.text, WITHIN)

    assert "Traceback" not in caplog.text


async def test_without_a_database_nobody_leaves_for_slack(world: Workspaces) -> None:
    state, cookie = await left_for_slack(world)
    with moved_away(world.file):
        async with world.session.get(f"{world.address}{INSTALL}", allow_redirects=False) as response:
            page = await response.text()
        returned = await back(world, cookie, code="s3cret", state=state)

    assert (response.status, said("notes_away") in page) == (503, True)
    assert (returned[0], said("notes_away") in returned[1]) == (503, True)


@pytest.mark.parametrize("mode", MODES)
async def test_without_a_database_people_read_that_it_is_away_and_not_that_the_app_is(
    mode: Mode, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with workspaces(tmp_path, mode) as world:
        await world.install(world.first)
        with moved_away(world.file):
            asked = await ask(world.first)
        after = await ask(world.first)

        assert asked.text.startswith(in_each_language("unavailable.storage"))
        assert asked.ephemeral
        assert "Traceback" not in caplog.text
        assert "Picked for you" in after.text


async def test_a_token_that_is_known_serves_while_the_database_is_away(world: Workspaces) -> None:
    await world.install(world.first)
    await ask(world.first)
    with moved_away(world.file):
        asked = await ask(world.first)

    assert "Picked for you" in asked.text


@pytest.mark.parametrize("mode", MODES)
async def test_a_departure_that_the_database_misses_is_made_up_for(
    mode: Mode, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack hears that all is well only when it is."""
    async with workspaces(tmp_path, mode, LoopbackSlack(between_posts=0.0, again_after=(0.0, 0.0, 0.0))) as world:
        await world.install(world.first)
        await world.place.flush()
        with moved_away(world.file):
            told = world.first.member.uninstall()
            await world.slack.until(lambda: caplog.text.count("is removed later") == len(told), WITHIN)
            acked = [len(one.acks) for one in told]
        for one in told:
            await one.until_acked(WITHIN)

        assert acked == [0, 0]
        assert await world.installed() == []


async def test_what_was_told_twice_does_no_harm(world: Workspaces) -> None:
    await world.install(world.first)
    world.slack.double_next(2)
    for told in world.first.member.uninstall():
        await told.until(lambda one: len(one.acks) == 2, WITHIN)

    assert await world.installed() == []


async def test_nobody_but_slack_can_say_that_a_workspace_left(tmp_path: Path) -> None:
    async with workspaces(tmp_path, "web") as world:
        await world.install(world.first)
        told = {
            "type": "event_callback",
            "team_id": world.first.team.id,
            "event_id": "Ev1",
            "event_time": 4_000_000_000,
        }
        forged = told | {"event": {"type": "app_uninstalled"}}
        async with world.session.post(f"{world.address}{EVENTS}", json=forged) as response:
            status = response.status

        assert status == 401
        assert await world.installed() == [world.first.team.id]


async def test_a_whole_organisation_is_told_to_choose_a_workspace(world: Workspaces) -> None:
    world.first.team.organisation = "E0LOOP"
    status, page = await world.install(world.first)

    assert (status, said("whole_organisation") in page) == (409, True)
    assert await world.installed() == []


async def test_where_the_operator_set_a_token_nobody_has_to_install_it(world: Workspaces) -> None:
    """That is so of the home workspace of the Slack on loopback."""
    member, channel = world.slack.member("ann"), world.slack.channel()
    await world.install(world.first)
    shown = [await member.slash(channel, "/recommend", PUBLIC), await ask(world.first)]

    assert ["Picked for you" in one.text for one in shown] == [True, True]
    assert await world.installed() == [world.first.team.id]
    assert world.slack.refused == []
