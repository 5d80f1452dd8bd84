"""Digests of the terminal's own channel: printed on the console of whoever runs the jobs."""

from __future__ import annotations

from datetime import timedelta

from rich.console import Console

from bot.digests import reply_to_nobody
from bot.shop import STORE
from bot.terminal import rendered
from bot.wording import Wording
from jobs.errors import NobodyKnows, NotSent
from jobs.sending import Letter
from storage.subscriptions import Subscription


class TerminalSender:
    """A `Sender`. What scrolled by cannot be looked for, so what may have been printed is not printed again."""

    lead = timedelta(0)
    notice = timedelta(0)

    def __init__(self, console: Console, store_url: str = STORE) -> None:
        self._console, self._store_url = console, store_url

    async def for_adults(self, subscription: Subscription) -> None:
        """Nobody says so of a terminal but who sits there."""

    async def deliver(self, letter: Letter) -> str:
        if letter.begun is not None:
            raise NobodyKnows("it may have been printed before the restart")
        reply = reply_to_nobody(letter)
        assert reply.language is not None, "a digest has a language"
        try:
            self._console.print(rendered(reply, Wording(reply.language), self._store_url))
        except OSError as error:
            raise NotSent(f"the terminal takes no text ({error.strerror})") from error
        return letter.answer
