"""What the loopback Discord answers to a bot that does not mind the rules, asked without any client library."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.loopback_discord import Channel, Exchange, LoopbackDiscord, Member

MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
ONLY_YOU, THINKING = 64, 128
FORM = {
    "custom_id": "ask",
    "title": "Ask",
    "components": [{"type": 18, "label": "Games", "component": {"type": 4, "custom_id": "games", "style": 1}}],
}
NEXT = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Next", "custom_id": "next"}]}
COMMAND = {
    "name": "ask",
    "description": "Asks",
    "options": [{"type": 3, "name": "title", "description": "A title", "autocomplete": True}],
    "contexts": [0, 1, 2],
    "integration_types": [0, 1],
}


@dataclass
class Rude:
    """A bot that sends what it likes. What it is answered is a status and the error's code, if there is one."""

    discord: LoopbackDiscord
    session: aiohttp.ClientSession
    ann: Member
    channel: Channel

    def asked(self) -> Exchange:
        return self.ann.begin(self.channel, "ask")

    async def send(self, method: str, path: str, said: object = None, **others: Any) -> tuple[int, Any]:
        others |= {} if said is None else {"json": said}
        async with self.session.request(method, self.discord.url + path, **others) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def respond(self, to: Exchange, kind: int, data: object = None, *, shown: bool = True) -> tuple[int, Any]:
        path = f"/interactions/{to.interaction['id']}/{to.token}/callback"
        return await self.send("POST", path + "?with_response=1" * shown, {"type": kind, "data": data})

    async def follow(self, to: Exchange, said: object, path: str = "", method: str = "POST") -> tuple[int, Any]:
        return await self.send(method, f"/webhooks/{self.discord.world.application_id}/{to.token}{path}", said)


@asynccontextmanager
async def rude(token_life: float = 900.0) -> AsyncIterator[Rude]:
    async with LoopbackDiscord(token_life=token_life) as discord:
        headers = {"Authorization": f"Bot {discord.token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            bot = Rude(discord, session, discord.member("ann"), discord.channel())
            path = f"/applications/{discord.world.application_id}/commands"
            assert (await bot.send("PUT", path, [COMMAND]))[0] == 200
            yield bot


def code(answer: tuple[int, Any]) -> tuple[int, int]:
    return answer[0], answer[1]["code"]


async def test_a_response_is_shown_to_who_wants_to_see_it() -> None:
    async with rude() as bot:
        seen = await bot.respond(bot.asked(), MESSAGE, {"content": "Hello"})
        unseen = await bot.respond(bot.asked(), MESSAGE, {"content": "Hello"}, shown=False)

        assert (seen[0], seen[1]["resource"]["type"], seen[1]["resource"]["message"]["content"]) == (200, 4, "Hello")
        assert unseen == (204, None)


async def test_an_interaction_is_acknowledged_once() -> None:
    async with rude() as bot:
        asked = bot.asked()
        await bot.respond(asked, DEFER)

        assert code(await bot.respond(asked, MESSAGE, {"content": "again"})) == (400, 40060)


async def test_what_was_never_asked_cannot_be_answered() -> None:
    async with rude() as bot:
        asked = bot.asked()

        assert code(await bot.send("POST", "/interactions/1/none/callback", {"type": DEFER})) == (404, 10062)
        assert code(await bot.follow(asked, {"content": "early"})) == (404, 10015)
        assert code(await bot.follow(asked, None, "/messages/@original", "GET")) == (404, 10015)


@pytest.mark.parametrize("kind", [1, DEFER_UPDATE, UPDATE, CHOICES, 12])
async def test_a_command_is_answered_by_what_answers_a_command(kind: int) -> None:
    async with rude() as bot:
        status, error = await bot.respond(bot.asked(), kind, {"content": "Hello"})

        assert (status, list(error["errors"])) == (400, ["type"])


async def test_a_form_is_not_answered_by_a_form() -> None:
    async with rude() as bot:
        asked = bot.asked()
        await bot.respond(asked, MODAL, FORM)
        sent = bot.ann.act(bot.channel, 5, {"custom_id": "ask", "components": []})

        assert code(await bot.respond(sent, MODAL, FORM)) == (400, 50035)
        assert (await bot.respond(sent, MESSAGE, {"content": "Thanks"}))[0] == 200


async def test_a_form_from_a_button_may_change_the_message() -> None:
    async with rude() as bot:
        asked = bot.asked()
        await bot.respond(asked, MESSAGE, {"content": "Hello", "components": [NEXT]})
        pressed = asked.press_on(*asked.button("Next"))
        await bot.respond(pressed, MODAL, FORM)
        sent = bot.ann.act(bot.channel, 5, {"custom_id": "ask", "components": []}, pressed.pressed)

        assert (await bot.respond(sent, UPDATE, {"content": "Changed"}))[0] == 200
        assert asked.text == "Changed\n[Next]"


@pytest.mark.parametrize(
    ("choices", "where"),
    [
        ([{"name": "A", "value": "a"}] * 26, ["choices"]),
        ([{"name": "A" * 101, "value": "a"}], ["choices", "0", "name"]),
        ([{"name": "A", "value": "a" * 101}], ["choices", "0", "value"]),
        ([{"name": "A", "value": 1}], ["choices", "0", "value"]),
    ],
)
async def test_what_is_offered_has_its_limits(choices: list[dict[str, object]], where: list[str]) -> None:
    async with rude() as bot:
        typing = bot.ann.act(
            bot.channel,
            4,
            {"name": "ask", "options": [{"name": "title", "type": 3, "value": "a", "focused": True}]},
        )
        status, error = await bot.respond(typing, CHOICES, {"choices": choices})

        place = error["errors"]["data"]
        for step in where:
            place = place[step]
        assert (status, list(place)) == (400, ["_errors"])


async def test_who_sees_an_answer_is_settled_when_it_is_deferred() -> None:
    async with rude() as bot:
        secret, public = bot.asked(), bot.asked()
        await bot.respond(secret, DEFER, {"flags": ONLY_YOU})
        await bot.respond(public, DEFER)
        assert secret.message is not None
        assert secret.message.payload["flags"] == ONLY_YOU | THINKING
        assert secret.text == "(thinking …)\n(only you can see this)"

        await bot.follow(secret, {"content": "psst"})
        await bot.follow(public, {"content": "hey", "flags": ONLY_YOU})

        assert (secret.text, public.text) == ("psst\n(only you can see this)", "hey")
        assert (secret.followups, public.followups) == ([], [])


async def test_answers_are_read_changed_and_taken_back_by_id() -> None:
    async with rude() as bot:
        asked = bot.asked()
        await bot.respond(asked, MESSAGE, {"content": "Hello"})
        _, further = await bot.follow(asked, {"content": "and more"})
        place = f"/messages/{further['id']}"

        changed = await bot.follow(asked, {"content": "and less"}, place, "PATCH")
        read = await bot.follow(asked, None, place, "GET")
        assert changed[1]["content"] == read[1]["content"] == "and less"
        assert asked.text == "Hello\n\nand less"

        assert await bot.follow(asked, None, place, "DELETE") == (204, None)
        assert code(await bot.follow(asked, None, place, "GET")) == (404, 10008)
        assert asked.text == "Hello"


async def test_a_token_does_not_live_for_ever() -> None:
    async with rude(token_life=0.0) as bot:
        asked = bot.asked()
        await bot.respond(asked, DEFER)

        assert code(await bot.follow(asked, {"content": "late"})) == (401, 50027)


async def test_a_sixth_change_in_two_seconds_waits() -> None:
    async with rude() as bot:
        asked = bot.asked()
        await bot.respond(asked, DEFER)
        statuses = [(await bot.follow(asked, {"content": str(n)}, "/messages/@original", "PATCH"))[0] for n in range(6)]

        assert statuses == [200] * 5 + [429]


async def test_nobody_is_told_of_where_the_bot_is_not() -> None:
    async with rude() as bot:
        elsewhere = bot.discord.channel(guild=bot.discord.guild("Elsewhere", installed=False))

        assert code(await bot.send("POST", f"/channels/{elsewhere.id}/messages", {"content": "hi"})) == (403, 50001)
        assert code(await bot.send("POST", "/channels/1/messages", {"content": "hi"})) == (404, 10003)


async def test_only_json_is_json() -> None:
    async with rude() as bot:
        path = f"/channels/{bot.channel.id}/messages"

        assert code(await bot.send("POST", path, data="content=hi")) == (400, 50109)
        assert code(await bot.send("POST", path, data="{", headers={"Content-Type": "application/json"})) == (
            400,
            50109,
        )
        assert code(await bot.send("GET", "/nowhere")) == (404, 0)


async def test_commands_keep_their_ids_and_are_listed_plainly() -> None:
    async with rude() as bot:
        path, known = f"/applications/{bot.discord.world.application_id}/commands", bot.discord.commands["ask"]["id"]
        korean = COMMAND | {"description_localizations": {"ko": "물어봐요"}}
        _, written = await bot.send("PUT", path, [korean])
        _, plain = await bot.send("GET", path)
        _, whole = await bot.send("GET", path + "?with_localizations=true")

        assert written[0]["id"] == known
        assert "description_localizations" not in plain[0]
        assert whole[0]["description_localizations"] == {"ko": "물어봐요"}
        assert code(await bot.send("PUT", "/applications/1/commands", [])) == (403, 50001)


async def test_everything_refused_is_kept_without_a_token_in_sight() -> None:
    async with rude() as bot:
        asked = bot.asked()
        await bot.respond(asked, MESSAGE, {"content": "A" * 2001})

        told = str(bot.discord.refused[0])
        assert "data.content: Must be 2000 or fewer in length." in told
        assert asked.token not in told
