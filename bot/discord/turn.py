"""One interaction's turn to be answered: at once where the reply is ready, else a sign of life first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TypeVar

import aiohttp
import discord

from bot.discord.cards import Sent, blank

PROMPT = 1.0
"""Seconds within which a reply is said at once. Discord gives three; the way there and back takes some of them."""

AGAIN_AFTER = (0.0, 0.5)
"""Seconds between tries where the line is cut: at once, as the line may just have been idle for too long."""
ALREADY = 40060
"""Discord's word for a first response that it has had."""

T = TypeVar("T")
Work = Coroutine[object, object, T]
Drawn = Callable[[bool], Sequence[Sent]]
"""Draws the messages of a reply, with or without pictures."""
Ask = Callable[[], Awaitable[object]]
Send = Callable[[Sent], Awaitable[object]]


class Turn:
    def __init__(self, interaction: discord.Interaction) -> None:
        self._interaction = interaction
        self._begun = False  # discord.py does not know of a response that Discord had though nobody heard it say so
        self._private: bool | None = None  # what was announced: Discord fixes with it who sees the first message

    async def ready(self, work: Work[T], *, private: bool) -> T:
        """What is to be said; announced, if it takes too long, to be seen by one or by all."""

        async def announce() -> None:
            await self._first(lambda: self._interaction.response.defer(ephemeral=private, thinking=True))
            self._private = private

        return await _announced(work, announce)

    async def ready_in_place(self, work: Work[T]) -> T:
        """The same for a press that changes the message it stands under."""
        return await _announced(work, lambda: self._first(self._interaction.response.defer))

    async def say(self, drawn: Drawn, *, private: bool) -> None:
        """As new messages."""

        async def first(sent: Sent) -> None:
            if not self._begun:
                await self._first(lambda: self._send(sent, private=private))
            elif self._private is private:
                await self._edit(sent)
            elif self._private is None:
                await follow(sent)
            else:
                await self._for_other_eyes(follow, sent)

        async def follow(sent: Sent) -> None:
            await self._follow(sent, private=private)

        await _in_order(drawn, first, follow)

    async def _for_other_eyes(self, follow: Send, sent: Sent) -> None:
        """The announcement is answered, then taken back: Discord takes what follows a bare one for its answer."""
        await self._edit(Sent(blank()))
        await follow(sent)
        await _persistent(self._interaction.delete_original_response)

    async def change(self, drawn: Drawn) -> None:
        """In the place of the message that was pressed; what does not fit one follows for the same eyes."""
        pressed = self._interaction.message
        private = pressed is not None and pressed.flags.ephemeral

        async def first(sent: Sent) -> None:
            if self._begun:
                await self._edit(sent)
            else:
                await self._first(lambda: self._interaction.response.edit_message(view=sent.view))

        async def follow(sent: Sent) -> None:
            await self._follow(sent, private=private)

        await _in_order(drawn, first, follow)

    async def _first(self, respond: Ask) -> None:
        await respond_once(respond)
        self._begun = True

    async def _send(self, sent: Sent, *, private: bool) -> None:
        await self._interaction.response.send_message(view=sent.view, files=sent.files(), ephemeral=private)

    async def _edit(self, sent: Sent) -> None:
        await _persistent(lambda: self._interaction.edit_original_response(view=sent.view, attachments=sent.files()))

    async def _follow(self, sent: Sent, *, private: bool) -> None:
        await _persistent(
            lambda: self._interaction.followup.send(view=sent.view, files=sent.files(), ephemeral=private)
        )


async def respond_once(respond: Ask) -> None:
    """The first response to an interaction: Discord takes no other, so it is said once however often it is tried."""
    try:
        await _persistent(respond)
    except discord.HTTPException as refused:
        if refused.code != ALREADY:
            raise


async def _persistent(ask: Ask) -> None:
    """Asks Discord, and again where the line is cut. discord.py itself asks again where Discord stumbles."""
    for pause in AGAIN_AFTER:
        try:
            await ask()
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(pause)
        else:
            return
    await ask()


async def _announced(work: Work[T], announce: Ask) -> T:
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=PROMPT)
        if not done:
            await announce()
        return await task
    finally:
        task.cancel()


async def _in_order(drawn: Drawn, first: Send, follow: Send) -> None:
    """Without pictures where Discord refuses them: a card without its cover is better than no card."""
    try:
        head, *rest = drawn(True)
        await first(head)
    except discord.HTTPException as refused:
        if refused.status != 400:  # noqa: PLR2004 - bad request
            raise
        head, *rest = drawn(False)
        await first(head)
    for sent in rest:
        await follow(sent)
