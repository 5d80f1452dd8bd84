"""The bot as a process: a link on a card of either chat is followed to the store, and the click is in the database."""

from __future__ import annotations

import re
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests import discord_process, slack_process
from tests.bot_process import FIGHTER, Stage, until
from tests.discord_screen import walk
from tests.slack_screen import walk as walk_blocks

LINK = re.compile(r"http://127\.0\.0\.1:\d+/go/[\w.-]+")
STORE = re.compile(r"https://store\.steampowered\.com/app/(\d+)/")
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0"}
SLACKBOT = {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}


def free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def rows(stage: Stage, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{stage.home / 'indiean.sqlite'}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


async def followed(stage: Stage, links: list[str]) -> None:
    """Somebody opens the second link, twice, and machines look at all of them."""
    async with aiohttp.ClientSession() as browser:
        for link in links:
            for method, headers in (
                ("HEAD", BROWSER),
                ("GET", SLACKBOT),
                ("GET", BROWSER | {"Sec-Purpose": "prefetch"}),
            ):
                looked = await browser.request(method, link, headers=headers, allow_redirects=False)
                assert looked.status == 302
        answer = await browser.get(links[1], headers=BROWSER, allow_redirects=False)
        await browser.get(links[1], headers=BROWSER, allow_redirects=False)
        forged = await browser.get(f"{links[1]}x", headers=BROWSER, allow_redirects=False)
    await until(lambda: rows(stage, "select * from clicks"))
    ((request, position, app_id),) = rows(stage, "select request_id, position, app_id from clicks")
    shown = rows(stage, "select request_id, position, app_id from impressions where position = 2")
    await until(lambda: rows(stage, "select * from lake_events where kind = 'click'"))

    assert (answer.status, forged.status) == (302, 404)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert STORE.findall(answer.headers["Location"]) == [str(app_id)]
    assert (request, position, app_id) in shown
    assert len(rows(stage, "select * from lake_events where kind = 'click'")) == 1
    assert "/go/" not in stage.log


async def test_a_click_on_discord_is_counted_once(tmp_path: Path) -> None:
    port = free_port()
    public = f"http://127.0.0.1:{port}"
    async with (
        discord_process.staged(tmp_path, web_port=str(port), public_url=public) as stage,
        stage.serving(),
    ):
        answer = await stage.discord.member("ann").slash(stage.discord.channel(), "recommend", steam=FIGHTER)
        texts = [part.get("content", "") for one in answer.messages for part in walk(one.body.components)]
        await stage.written([answer])
        links = LINK.findall("\n".join(texts))
        await followed(stage, links)

        assert len(links) == 3
        assert not STORE.findall("\n".join(texts))
        assert (tmp_path / "link_secret").read_text() not in stage.log
        assert stage.secrets_told() == []


async def test_a_click_on_slack_is_counted_once(tmp_path: Path) -> None:
    port = free_port()
    public = {"web_port": str(port), "public_url": f"http://127.0.0.1:{port}", "link_secret": "s" * 40}
    async with slack_process.staged(tmp_path, **public) as stage, stage.serving():
        answer = await stage.slack.member("ann").slash(stage.slack.channel(), "/recommend", FIGHTER)
        texts = [str(part.get("text")) for one in answer.messages for part in walk_blocks(list(one.body.blocks))]
        await stage.written([answer])
        links = list(dict.fromkeys(LINK.findall("\n".join(texts))))
        await followed(stage, links)

        assert len(links) == 3
        assert not STORE.findall("\n".join(texts))
        assert not (tmp_path / "link_secret").exists()
        assert stage.secrets_told() == []


async def test_without_a_public_address_titles_lead_to_the_store_and_no_secret_is_made(tmp_path: Path) -> None:
    async with discord_process.staged(tmp_path) as stage, stage.serving():
        answer = await stage.discord.member("ann").slash(stage.discord.channel(), "recommend", steam=FIGHTER)
        texts = "\n".join(part.get("content", "") for one in answer.messages for part in walk(one.body.components))

        assert len(STORE.findall(texts)) == 3
        assert "/go/" not in texts
        assert not (tmp_path / "link_secret").exists()


@pytest.mark.parametrize("secret", ["short", "with spaces in it, however long it may be"])
async def test_a_secret_that_is_none_is_refused_at_the_start(tmp_path: Path, secret: str) -> None:
    async with discord_process.staged(tmp_path, link_secret=secret) as stage:
        status, said = await stage.indiean("serve")

        assert status == 1
        assert "INDIEAN_LINK_SECRET" in said
        assert secret not in said
