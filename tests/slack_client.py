"""A small bot on the real Bolt, for the tests of the loopback Slack: in the test itself or as a process of its own."""

from __future__ import annotations

import asyncio
import os
import warnings
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

Body = dict[str, Any]


def plain(text: str) -> Body:
    return {"type": "plain_text", "text": text}


def button(label: str, action_id: str, **others: str) -> Body:
    return {"type": "button", "text": plain(label), "action_id": action_id, **others}


def card(text: str, count: int = 1) -> list[Body]:
    options = [{"text": plain("More like this"), "value": "more"}, {"text": plain("Hide"), "value": "hide"}]
    menu = {"type": "overflow", "action_id": "ia:menu", "options": options}
    said = {"type": "section", "text": {"type": "mrkdwn", "text": text}, "accessory": menu}
    count_up = button(f"Count {count}", "ia:count", value=str(count))
    link = button("Store", "ia:link", url="https://example.org/")
    return [said, {"type": "actions", "elements": [count_up, button("Share", "ia:share", value=text), link]}]


def form(metadata: str = "") -> Body:
    games = {"type": "external_select", "action_id": "games", "placeholder": plain("Games"), "min_query_length": 1}
    since = {"type": "plain_text_input", "action_id": "since", "max_length": 4}
    return {
        "type": "modal",
        "callback_id": "find",
        "title": plain("Find"),
        "submit": plain("Search"),
        "notify_on_close": True,
        "private_metadata": metadata,
        "blocks": [
            {"type": "input", "block_id": "which", "label": plain("Game"), "element": games},
            {"type": "input", "block_id": "when", "label": plain("Since"), "element": since, "optional": True},
        ],
    }


def client(url: str, token: str | None = None) -> AsyncWebClient:
    retries = [AsyncConnectionErrorRetryHandler(), AsyncRateLimitErrorRetryHandler(max_retry_count=5)]
    return AsyncWebClient(token, base_url=url, retry_handlers=retries)


def app(url: str, token: str, secret: str) -> AsyncApp:
    bolt = AsyncApp(client=client(url, token), signing_secret=secret)
    for name, command in COMMANDS.items():
        bolt.command(name)(command)
    bolt.action("ia:count")(count)
    bolt.action("ia:share")(share)
    bolt.action("ia:link")(acked)
    bolt.action("ia:menu")(menu)
    bolt.options("games")(games)
    bolt.view("find")(found)
    bolt.view_closed("find")(acked)
    bolt.shortcut("like_this")(like_this)
    bolt.event("app_home_opened")(home)
    bolt.event("link_shared")(unfurl)
    bolt.event("app_uninstalled")(nothing)
    bolt.event("tokens_revoked")(nothing)
    return bolt


async def echo(ack: AsyncAck, respond: AsyncRespond, command: Body) -> None:
    await ack()
    await respond(text=command["text"], blocks=card(command["text"]))


async def at_once(ack: AsyncAck, command: Body) -> None:
    await ack(text=command["text"], response_type="in_channel")


async def slow(ack: AsyncAck, respond: AsyncRespond, command: Body) -> None:
    await asyncio.sleep(float(command["text"]))
    await ack()
    await respond("at last")


async def silent(command: Body) -> None:
    """Bolt acknowledges nothing by itself."""


async def often(ack: AsyncAck, respond: AsyncRespond, command: Body) -> None:
    await ack()
    for number in range(int(command["text"])):
        await respond(f"number {number}")


async def bare(ack: AsyncAck, respond: AsyncRespond, command: Body) -> None:
    await ack()
    with warnings.catch_warnings(action="ignore"):
        await respond(blocks=card(command["text"]))


async def find(ack: AsyncAck, client: AsyncWebClient, command: Body) -> None:
    await ack()
    await client.views_open(trigger_id=command["trigger_id"], view=form(command["response_url"]))


async def where(ack: AsyncAck, respond: AsyncRespond, client: AsyncWebClient, command: Body) -> None:
    await ack()
    user = await client.users_info(user=command["user_id"], include_locale=True)
    channel = await client.conversations_info(channel=command["channel_id"])
    await respond(f"{user['user']['locale']} in {channel['channel']['name']} of {command['team_domain']}")


async def count(ack: AsyncAck, respond: AsyncRespond, action: Body) -> None:
    await ack()
    number = int(action["value"]) + 1
    await respond(text=str(number), blocks=card(f"Counted to {number}", number), replace_original=True)


async def share(ack: AsyncAck, respond: AsyncRespond, action: Body) -> None:
    await ack()
    await respond(text=action["value"], response_type="in_channel", replace_original=False)


async def menu(ack: AsyncAck, respond: AsyncRespond, action: Body) -> None:
    await ack()
    if action["selected_option"]["value"] == "hide":
        await respond(delete_original=True)
    else:
        await respond("more", replace_original=False)


async def games(ack: AsyncAck, payload: Body) -> None:
    known = ["Hades", "Hollow Knight", "Celeste"]
    fit = [name for name in known if name.lower().startswith(payload["value"].lower())]
    await ack(options=[{"text": plain(name), "value": name.lower()} for name in fit])


async def found(ack: AsyncAck, client: AsyncWebClient, body: Body, view: Body) -> None:
    values = view["state"]["values"]
    since = values["when"]["since"]["value"]
    if since is not None and not since.isdigit():
        await ack(response_action="errors", errors={"when": "A year, please"})
        return
    await ack()
    chosen = values["which"]["games"]["selected_option"]["value"]
    respond = AsyncRespond(response_url=view["private_metadata"], proxy=None, ssl=None)
    await respond(f"found {chosen} since {since}")


async def acked(ack: AsyncAck) -> None:
    await ack()


async def like_this(ack: AsyncAck, respond: AsyncRespond, shortcut: Body) -> None:
    await ack()
    await respond(f"games like {shortcut['message']['text']}")


async def home(event: Body, client: AsyncWebClient) -> None:
    blocks = [{"type": "header", "text": plain("Your games")}, *card("Linked")]
    await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})


async def unfurl(event: Body, client: AsyncWebClient) -> None:
    cards = {link["url"]: {"blocks": card("A game")} for link in event["links"]}
    await client.chat_unfurl(channel=event["channel"], ts=event["message_ts"], unfurls=cards)


async def nothing() -> None:
    """To be told is enough."""


COMMANDS: dict[str, Any] = {
    "/echo": echo,
    "/now": at_once,
    "/slow": slow,
    "/silent": silent,
    "/often": often,
    "/bare": bare,
    "/find": find,
    "/where": where,
}


async def main() -> None:
    bolt = app(os.environ["LOOPBACK_API_URL"], os.environ["LOOPBACK_BOT_TOKEN"], "secret")
    handler = AsyncSocketModeHandler(bolt, os.environ["LOOPBACK_APP_TOKEN"], ping_interval=0.2)
    await handler.start_async()  # type: ignore[no-untyped-call]  # Bolt leaves it bare


if __name__ == "__main__":
    asyncio.run(main())
