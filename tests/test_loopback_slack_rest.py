"""The loopback Slack's Web API against the real SDK, and what it delivers by HTTP against the real Bolt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store.file import FileInstallationStore
from slack_sdk.oauth.state_store.file import FileOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient

from tests import slack_client
from tests.loopback_slack import Exchange, LoopbackSlack, NotOffered

COVER = "https://example.org/cover.png"


def section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def picture() -> dict[str, object]:
    return {"type": "image", "image_url": COVER, "alt_text": "A cover"}


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[LoopbackSlack]:
    async with LoopbackSlack(between_posts=0.0, first_response=0.5, again_after=(0.0,), patience=5.0) as slack:
        yield slack


@pytest.fixture
def client(slack: LoopbackSlack) -> AsyncWebClient:
    return slack_client.client(slack.url, slack.bot_token)


async def test_the_bot_learns_who_it_is(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    known = await client.auth_test()

    assert (known["team_id"], known["user_id"]) == (slack.home.id, slack.home.bot_user)


@pytest.mark.parametrize(("token", "error"), [(None, "not_authed"), ("xoxb-another", "invalid_auth")])
async def test_tokens_are_checked(slack: LoopbackSlack, token: str | None, error: str) -> None:
    with pytest.raises(SlackApiError, match=error):
        await slack_client.client(slack.url, token).auth_test()

    assert [str(one) for one in slack.refused] == [f"auth.test: {error}"]


async def test_a_method_needs_its_scope(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    slack.home.scopes = frozenset({"commands"})

    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=slack.channel().id, text="Hello")

    assert refused.value.response.data == {
        "ok": False,
        "error": "missing_scope",
        "needed": "chat:write",
        "provided": "commands",
    }


async def test_only_the_app_token_opens_a_connection(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await client.apps_connections_open(app_token=slack.bot_token)
    assert (await client.apps_connections_open(app_token=slack.app_token))["url"].startswith("ws://127.0.0.1:")


async def test_a_revoked_token_is_not_taken_any_more(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    assert (await client.auth_revoke())["revoked"]
    with pytest.raises(SlackApiError, match="token_revoked"):
        await client.auth_test()


async def test_a_message_is_posted_changed_and_taken_away(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    channel = slack.channel(name="status")

    posted = await client.chat_postMessage(channel="#status", text="Hello", blocks=[section("Hello")])
    await client.chat_update(channel=channel.id, ts=posted["ts"], text="Bye", blocks=[section("Bye")])
    [message] = slack.posted(channel)
    await client.chat_delete(channel=channel.id, ts=posted["ts"])

    assert (message.body.text, message.edits) == ("Bye", 1)
    assert slack.posted(channel) == []


async def test_what_is_for_one_person_is_not_changed_by_the_web_api(
    slack: LoopbackSlack, client: AsyncWebClient
) -> None:
    ann, channel = slack.member("ann"), slack.channel()

    said = await client.chat_postEphemeral(channel=channel.id, user=ann.id, text="Hello")

    assert slack.posted(channel) == []
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.chat_update(channel=channel.id, ts=said["message_ts"], text="Bye")


async def test_nobody_changes_what_others_wrote(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    channel = slack.channel()
    message = slack.member("ann").say(channel, "Hello")

    with pytest.raises(SlackApiError, match="cant_update_message"):
        await client.chat_update(channel=channel.id, ts=message.ts, text="Bye")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"text": ""}, "no_text"),
        ({"text": "A" * 40_001}, "msg_too_long"),
        ({"text": "A", "blocks": [section("A" * 3001)]}, "invalid_blocks"),
        ({"text": "A", "blocks": [section("A" * 2641)] * 5}, "msg_blocks_too_long"),
        ({"text": "A", "blocks": "[{"}, "invalid_blocks_format"),
        ({"text": "A", "attachments": [{"blocks": [{"type": "card"}]}]}, "invalid_attachments"),
    ],
)
async def test_messages_that_are_too_much_are_refused(
    slack: LoopbackSlack, client: AsyncWebClient, said: dict[str, object], error: str
) -> None:
    with pytest.raises(SlackApiError) as refused:
        await client.api_call("chat.postMessage", json={"channel": slack.channel().id, **said})

    assert refused.value.response["error"] == error


async def test_a_channel_has_to_be_there_and_to_have_the_bot(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    elsewhere = slack.channel(team=slack.team("Elsewhere", "xoxb-elsewhere"))

    with pytest.raises(SlackApiError, match="channel_not_found"):
        await client.chat_postMessage(channel=elsewhere.id, text="Hello")
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await client.chat_postMessage(channel=slack.channel(has_bot=False).id, text="Hello")


async def test_a_picture_that_cannot_be_fetched_fails_the_message(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    slack.broken_images.add(COVER)

    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=slack.channel().id, text="A", blocks=[section("A"), picture()])

    assert refused.value.response["errors"] == ["downloading image failed [json-pointer:/blocks/1/image_url]"]


async def test_mentions_ring_except_for_one_person_alone(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    ann, channel = slack.member("ann"), slack.channel()

    await client.chat_postMessage(
        channel=channel.id, text="Hi &lt;!here&gt;", blocks=[section(f"{ann.mention} <!here>")]
    )
    said = await client.chat_postEphemeral(channel=channel.id, user=ann.id, text="<!channel>")

    ephemeral = slack.world.messages[(channel.id, said["message_ts"])].body
    assert slack.posted(channel)[0].body.rings == [ann.mention, "<!here>"]
    assert (ephemeral.rings, ephemeral.mentions) == ([], ["<!channel>"])


async def test_a_channel_takes_a_message_a_second() -> None:
    async with LoopbackSlack() as strict:
        channel, other = strict.channel(), strict.channel(name="others")
        hasty = AsyncWebClient(strict.bot_token, base_url=strict.url)
        await hasty.chat_postMessage(channel=channel.id, text="one")
        await hasty.chat_postMessage(channel=other.id, text="one")

        with pytest.raises(SlackApiError, match="ratelimited") as refused:
            await hasty.chat_postMessage(channel=channel.id, text="two")
        await slack_client.client(strict.url, strict.bot_token).chat_postMessage(channel=channel.id, text="three")

        assert refused.value.response.headers["Retry-After"] == "1"
        assert [message.body.text for message in strict.posted(channel)] == ["one", "three"]
        assert len(strict.api.limited) == 2
        assert strict.refused == []


async def test_what_is_to_fail_fails_and_only_so_often(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    slack.fail_next("auth.test", 503)
    slack.fail_next("auth.test", error="ratelimited")

    with pytest.raises(SlackApiError, match="internal_error") as broken:
        await client.auth_test()
    with pytest.raises(SlackApiError, match="ratelimited"):
        await client.auth_test()

    assert broken.value.response.status_code == 503
    assert (await client.auth_test())["ok"]


async def test_a_request_may_be_done_and_nobody_hear_of_it(slack: LoopbackSlack) -> None:
    channel = slack.channel()
    slack.drop_next("chat.postMessage", after=True)
    slack.drop_next("chat.postMessage")
    deaf = AsyncWebClient(slack.bot_token, base_url=slack.url, retry_handlers=[])

    for text in ("heard by none", "lost"):
        with pytest.raises(aiohttp.ClientError):
            await deaf.chat_postMessage(channel=channel.id, text=text)

    assert [message.body.text for message in slack.posted(channel)] == ["heard by none"]


async def test_a_slow_answer_comes_in_the_end(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    slack.slow_next("auth.test", 0.01)

    assert (await client.auth_test())["ok"]


async def test_a_file_is_uploaded_and_shown(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    channel = slack.channel()

    await client.files_upload_v2(
        channel=channel.id, content=b"png", filename="chart.png", title="Chart", initial_comment="Trained"
    )

    [message] = slack.posted(channel)
    [file] = message.body.files
    assert (message.body.text, file.title, file.content) == ("Trained", "Chart", b"png")


async def test_a_file_is_shown_by_the_id_of_a_channel_that_has_the_bot(
    slack: LoopbackSlack, client: AsyncWebClient
) -> None:
    outside = slack.channel(name="outside", has_bot=False)

    with pytest.raises(SlackApiError, match="channel_not_found"):
        await client.files_upload_v2(channel="#outside", content="A", filename="a.txt")
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await client.files_upload_v2(channel=outside.id, content="A", filename="a.txt")


async def test_a_trigger_opens_one_view(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    trigger = slack.member("ann").begin(slack.channel(), "/find").payload["trigger_id"]
    opened = await client.views_open(trigger_id=trigger, view=slack_client.form())

    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await client.views_open(trigger_id=trigger, view=slack_client.form())
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_update(view_id=opened["view"]["id"], hash="0", view=slack_client.form())
    updated = await client.views_update(view_id=opened["view"]["id"], view=slack_client.form("more"))
    assert updated["view"]["private_metadata"] == "more"


async def test_a_trigger_is_good_for_three_seconds(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    slack.world.first_response = 0.0
    trigger = slack.member("ann").begin(slack.channel(), "/find").payload["trigger_id"]

    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client.views_open(trigger_id=trigger, view=slack_client.form())


async def test_a_flaw_of_a_view_is_told_with_its_place(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    trigger = slack.member("ann").begin(slack.channel(), "/find").payload["trigger_id"]
    view = slack_client.form() | {"title": {"type": "plain_text", "text": "A" * 25}}

    with pytest.raises(SlackApiError) as refused:
        await client.views_open(trigger_id=trigger, view=view)

    said = "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    assert refused.value.response["error"] == "invalid_arguments"
    assert refused.value.response["response_metadata"]["messages"] == [said]


@asynccontextmanager
async def serving(bolt: AsyncApp) -> AsyncIterator[str]:
    """A web server of the bot's own; gives its address."""

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))

    async def oauth(request: web.Request) -> web.Response:
        assert bolt.oauth_flow is not None
        asked = await to_bolt_request(request)
        install = request.path.endswith("install")
        flow = bolt.oauth_flow
        return await to_aiohttp_response(
            await (flow.handle_installation(asked) if install else flow.handle_callback(asked))
        )

    application = web.Application()
    application.router.add_post("/slack/events", events)
    application.router.add_get("/slack/install", oauth)
    application.router.add_get("/slack/oauth_redirect", oauth)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture
async def by_http(slack: LoopbackSlack) -> AsyncIterator[LoopbackSlack]:
    """The same Slack, which tells the bot by HTTP."""
    async with serving(slack_client.app(slack.url, slack.bot_token, slack.signing_secret)) as address:
        slack.deliver_to(f"{address}/events")
        yield slack


async def test_commands_interactions_and_events_come_by_http(by_http: LoopbackSlack) -> None:
    ann = by_http.member("ann")

    answer = await ann.slash(by_http.channel(), "/echo", "Hello & <bye>")
    await answer.press("Count 1")
    asked = await ann.slash(answer.channel, "/find")
    offered = await asked.type("games", "ce")
    home = await ann.open_home()

    assert answer.text.startswith("Counted to 2")
    assert offered.options == ["Celeste"]
    assert home.text.startswith("╭ Home")
    assert by_http.refused == []


async def status(exchange: Exchange) -> int | None:
    return (await exchange.until(lambda exchange: exchange.status)).status


async def test_forged_and_stale_signatures_are_told_apart_by_the_bot(by_http: LoopbackSlack) -> None:
    ann, channel = by_http.member("ann"), by_http.channel()

    with by_http.signing("another secret"):
        forged = await status(ann.begin(channel, "/now", "Hello"))
    with by_http.signing(age=301):
        stale = await status(ann.begin(channel, "/now", "Hello"))
    valid = await status(ann.begin(channel, "/now", "Hello"))

    assert (forged, stale, valid) == (401, 401, 200)
    assert len(by_http.posted(channel)) == 1
    assert by_http.refused == []


async def test_an_event_that_fails_by_http_is_told_again_with_a_number(slack: LoopbackSlack) -> None:
    heard: list[str | None] = []

    async def hear(request: web.Request) -> web.Response:
        heard.append(request.headers.get("X-Slack-Retry-Num"))
        return web.Response(status=500 if len(heard) == 1 else 200)

    application = web.Application()
    application.router.add_post("/", hear)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    ann = slack.member("ann")

    await ann.event(slack.direct(ann), "app_home_opened").until_acked()

    assert heard == [None, "1"]
    await runner.cleanup()


def shared(slack: LoopbackSlack, folder: str) -> AsyncApp:
    """A bot that many workspaces install."""
    settings = AsyncOAuthSettings(
        client_id=slack.client_id,
        client_secret=slack.client_secret,
        scopes=["commands", "chat:write"],
        installation_store=FileInstallationStore(base_dir=folder),
        state_store=FileOAuthStateStore(expiration_seconds=60, base_dir=folder),
    )
    bolt = AsyncApp(client=slack_client.client(slack.url), signing_secret=slack.signing_secret, oauth_settings=settings)
    bolt.command("/echo")(slack_client.echo)
    return bolt


async def test_a_workspace_installs_the_app(slack: LoopbackSlack, tmp_path_factory: pytest.TempPathFactory) -> None:
    guest = slack.team("Guests")
    ann = slack.member("ann", team=guest)
    async with serving(shared(slack, str(tmp_path_factory.mktemp("installed")))) as address:
        slack.deliver_to(f"{address}/events")

        _, denied = await slack.install(ann, f"{address}/install", f"{address}/oauth_redirect", deny=True)
        _, granted = await slack.install(ann, f"{address}/install", f"{address}/oauth_redirect")
        answer = await ann.slash(slack.channel(team=guest), "/echo", "Hello")

    assert "access_denied" in denied
    assert "Thank you" in granted
    assert guest.scopes == {"commands", "chat:write"}
    assert answer.text.startswith("Hello")


async def test_an_organisation_installs_the_app_in_no_workspace(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    grid = slack.team("Grid")
    grid.organisation = "E0LOOP"
    slack.member("ann", team=grid)
    slack.world.codes["a"] = grid
    told = await client.oauth_v2_access(client_id=slack.client_id, client_secret=slack.client_secret, code="a")

    assert (told["team"], told["enterprise"]["id"], told["is_enterprise_install"]) == (None, "E0LOOP", True)


async def test_a_code_is_good_once_and_for_who_has_the_secret(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError, match="bad_client_secret"):
        await client.oauth_v2_access(client_id=slack.client_id, client_secret="guessed", code="a")  # noqa: S106
    with pytest.raises(SlackApiError, match="invalid_code"):
        await client.oauth_v2_access(client_id=slack.client_id, client_secret=slack.client_secret, code="a")


async def test_a_page_without_a_way_to_slack_installs_nothing(by_http: LoopbackSlack) -> None:
    page = (by_http.delivery.http.url or "").replace("/slack/events", "/nowhere")

    with pytest.raises(NotOffered, match="no way to Slack"):
        await by_http.install(by_http.member("ann"), page)
