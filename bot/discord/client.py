"""The Discord client: hears interactions, has them answered, and shows the answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

import discord
from discord import InteractionType, ui

from bot.commands.command import Desk
from bot.commands.follow_ups import FOLLOW_UPS
from bot.completions import completions
from bot.discord.cards import Sent, form, messages, toggled
from bot.discord.heard import Raw, command_said, focused, language_of, place_of, request_of, typed
from bot.discord.turn import Drawn, Turn, respond_once
from bot.dispatch import dispatch
from bot.messages import Outcome, Reply, Request, Value
from bot.names import Names
from bot.presses import IN_PLACE, OPINIONS, Deed, Press, pressed
from bot.shop import Shop
from bot.wording import Wording

log = logging.getLogger(__name__)


class IndieAnClient(discord.AutoShardedClient):
    """Answers commands, their completion, buttons and forms. It needs no privileged intent and no message at all."""

    def __init__(
        self,
        desk: Desk,
        shop: Shop = Shop(),  # noqa: B008 - frozen
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        connected: asyncio.Event | None = None,
    ) -> None:
        """`connected` is set while Discord delivers what people say."""
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            chunk_guilds_at_startup=False,
        )
        self._desk, self._shop, self._now = desk, shop, now
        self._names = Names()
        self._connected = connected or asyncio.Event()
        self._under_way: set[asyncio.Task[object]] = set()
        self._leaving = False

    async def on_ready(self) -> None:
        self._connected.set()

    async def on_resumed(self) -> None:
        self._connected.set()

    async def on_disconnect(self) -> None:
        self._connected.clear()

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """discord.py runs each in a task of its own. What is under way when the bot stops is still answered."""
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._under_way.add(task)
        try:
            await self._heard(interaction)
        except discord.NotFound as late:  # 10062: over three seconds, or 10008: the message is gone
            log.warning("interaction %s came too late to be answered: %s", interaction.id, late.code)
        except Exception:  # whatever it is, the person hears of it, and the bot lives on
            reference = uuid4().hex[:8]
            fields = {"reference": reference, "request": str(interaction.id)}
            log.exception("interaction %s failed, reference %s", interaction.id, reference, extra={"fields": fields})
            await self._apologise(interaction, reference)
        finally:
            self._under_way.discard(task)

    async def drain(self, within: float) -> int:
        """Takes no more requests and waits so many seconds for those under way; how many were left unanswered."""
        self._leaving = True
        waiting = self._under_way - {asyncio.current_task()}
        if waiting:
            await asyncio.wait(waiting, timeout=within)
        return len(self._under_way)

    async def _heard(self, interaction: discord.Interaction) -> None:
        data = cast("Raw", interaction.data)
        match interaction.type:
            case InteractionType.autocomplete:
                await self._complete(interaction, data)
            case _ if self._leaving:
                await self._tell(interaction, "platform.restarting")
            case InteractionType.application_command:
                await self._command(interaction, data)
            case InteractionType.component | InteractionType.modal_submit:
                await self._pressed(interaction, data)

    async def _complete(self, interaction: discord.Interaction, data: Raw) -> None:
        name, wanted, so_far = focused(data)
        options = (option for command in self._desk.commands if command.name == name for option in command.options)
        option = next((option for option in options if option.name == wanted), None)
        if option is None:  # a command that is no more, in a client that has not heard of it yet
            await respond_once(lambda: interaction.response.autocomplete([]))
            return
        adult_ok = place_of(interaction).adult_ok
        found = await completions(option, so_far, language_of(interaction), self._desk.engine, adult_ok=adult_ok)
        offered = [discord.app_commands.Choice(name=one.label, value=one.value) for one in found]
        await respond_once(lambda: interaction.response.autocomplete(offered))

    async def _command(self, interaction: discord.Interaction, data: Raw) -> None:
        name, options, people = command_said(data, self._desk.commands)
        self._names.meet(people)
        await self._answer(interaction, self._request(interaction, name, options))

    async def _pressed(self, interaction: discord.Interaction, data: Raw) -> None:
        press = pressed(str(data["custom_id"]))
        if press is None:
            await self._tell(interaction, "platform.old_button")
        elif press.deed is not Deed.ASK:
            await self._follow_up(interaction, press)
        elif interaction.type is InteractionType.component:
            asked = form(press, Wording(language_of(interaction)))
            await respond_once(lambda: interaction.response.send_modal(asked))
        else:
            await self._answer(interaction, self._request(interaction, press.answer, {press.subject: typed(data)}))

    async def _follow_up(self, interaction: discord.Interaction, press: Press) -> None:
        request = self._request(interaction, str(press.deed), press.options)
        if press.deed not in IN_PLACE or not _own(interaction):
            await self._answer(interaction, request)
            return
        turn = Turn(interaction)
        reply, drawn = await turn.ready_in_place(self._drawn(request))
        if reply.outcome is not Outcome.ANSWERED:
            await turn.say(drawn, private=True)
        elif press.deed in OPINIONS:
            await turn.change(lambda _: [_lit(interaction, press, reply)])
        else:
            await turn.change(drawn)

    async def _answer(self, interaction: discord.Interaction, request: Request) -> None:
        rows = (*self._desk.commands, *FOLLOW_UPS)
        private = all(row.personal for row in rows if row.name == request.command)
        turn = Turn(interaction)
        reply, drawn = await turn.ready(self._drawn(request), private=private)
        await turn.say(drawn, private=reply.private)

    def _request(self, interaction: discord.Interaction, command: str, options: Mapping[str, Value]) -> Request:
        names = self._names.meet({str(interaction.user.id): interaction.user.display_name})
        return request_of(interaction, command, options, self._now(), names)

    async def _drawn(self, request: Request) -> tuple[Reply, Drawn]:
        """The reply, and how it is drawn: its covers are looked up while the person waits, not after."""
        reply = await dispatch(request, self._desk)
        shown = [pick.game.app_id for pick in reply.picks]
        look = await self._shop.look(shown, reply.language or request.language, request.id)
        return reply, lambda pictures: messages(reply, look if pictures else look.without_covers())

    async def _tell(self, interaction: discord.Interaction, key: str) -> None:
        sentence = Wording(language_of(interaction)).say(key)
        await respond_once(lambda: interaction.response.send_message(sentence, ephemeral=True))

    async def _apologise(self, interaction: discord.Interaction, reference: str) -> None:
        sentence = Wording(language_of(interaction)).say("failed", reference=reference)
        try:
            if interaction.response.is_done():
                await interaction.followup.send(sentence, ephemeral=True)
            elif interaction.type is not InteractionType.autocomplete:
                await interaction.response.send_message(sentence, ephemeral=True)
        except discord.HTTPException as gone:
            log.warning("the apology %s could not be said: %s", reference, gone)


def _own(interaction: discord.Interaction) -> bool:
    """Whether the message was the answer to whoever pressed it now."""
    message = interaction.message
    if message is None or message.flags.ephemeral:
        return message is not None
    asked = message.interaction_metadata
    return asked is not None and asked.user.id == interaction.user.id


def _lit(interaction: discord.Interaction, press: Press, reply: Reply) -> Sent:
    assert interaction.message is not None, "a press stands under a message"
    view = ui.LayoutView.from_message(interaction.message, timeout=None)
    return Sent(toggled(view, press, holds=bool(reply.toggled)))
