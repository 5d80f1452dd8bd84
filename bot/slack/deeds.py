"""What people do on Slack, and what comes of it: commands, presses, forms, shortcuts, links and the Home tab."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.commands import titles
from bot.commands.command import Command, Desk
from bot.commands.pages import previous_page
from bot.commands.refused import Refused
from bot.commands.why_this import players_of
from bot.completions import Completion, completions
from bot.dispatch import dispatch, named
from bot.messages import Language, Outcome, Place, Reply, Request, Value
from bot.names import Names
from bot.presses import IN_PLACE, OPINIONS, Deed, Press, pressed
from bot.shop import Look, Shop
from bot.slack.blocks import Sent, card, messages
from bot.slack.forms import SEARCHES, form, given, searched
from bot.slack.heard import (
    PLATFORM,
    SHOWN,
    Heard,
    Raw,
    Said,
    carried,
    command_said,
    games_in,
    linked_app,
    person_id,
    plain,
    press_in,
)
from bot.slack.home import Home, home
from bot.slack.opinions import toggled
from bot.slack.parts import SECTION, Block, section
from bot.slack.parts import plain as plain_block
from bot.slack.people import People, Profile
from bot.slack.turn import Drawn, Turn
from bot.wording import Wording
from recommender.catalog import Game
from recommender.recommend import Pick
from storage.errors import StorageError

log = logging.getLogger(__name__)

LONGEST_MESSAGE = 2000
"""Characters of a message that are searched for games."""
LONGEST_TITLE = 100
"""Characters of one that are taken for a title where no game is found in it."""
LINKS = 5
"""Cards under one message."""


@dataclass(frozen=True)
class Deeds:
    """Each method ends when the person has the answer, and raises what nobody foresaw."""

    desk: Desk
    shop: Shop
    people: People
    names: Names

    async def command(self, turn: Turn, body: Raw) -> None:
        """A search form where somebody gives a command nothing that it needs, and there is one for it."""
        heard = turn.heard
        said = command_said(str(body["command"]), str(body.get("text") or ""), self.desk.commands, heard.team)
        known = named(said.command, self.desk.commands)
        if known is not None and known.name in SEARCHES and not said.options:
            await self._ask(turn, Press(Deed.ASK, known.name), known)
        else:
            await self._answer(turn, await self._request(turn, said))

    async def press(self, turn: Turn, action: Raw) -> None:
        press = press_in(action)
        if press is None:
            if "url" not in action and action.get("action_id") != "ia:link":
                await self.tell(turn, "platform.old_button")
        elif press.deed is Deed.ASK:
            await self._ask(turn, press, named(press.answer, self.desk.commands))
        else:
            await self._follow_up(turn, press)

    async def form(self, turn: Turn, view: Raw) -> None:
        """A form that was filled in."""
        press = pressed(str(view.get("callback_id", "")))
        if press is None:
            await self.tell(turn, "platform.old_button")
            return
        await self._answer(turn, await self._request(turn, Said(press.answer, given(view["state"]["values"]), {})))

    async def search(self, turn: Turn, body: Raw) -> Sequence[Completion]:
        """What completes what is being typed in a field of a form."""
        press = pressed(str(body.get("view", {}).get("callback_id", "")))
        command = named(press.answer, self.desk.commands) if press else None
        wanted = searched(str(body.get("action_id", "")))
        option = next((one for one in command.options if one.name == wanted), None) if command else None
        if option is None:
            return []
        language = (await self._profile(turn)).language
        return await completions(option, str(body.get("value", "")), language, self.desk.engine, adult_ok=False)

    async def shortcut(self, turn: Turn, message: Raw) -> None:
        """Games like those that the message speaks of, for whoever asks alone."""
        text = str(message.get("text") or "")[:LONGEST_MESSAGE]
        found = await asyncio.to_thread(games_in, text, self.desk.engine.served.catalog)
        said = [self._meant(game) for game in found if not game.adult]
        if len(said) > 1:
            asked = Said("recommend", {"games": titles.joined(said)}, {})
        else:
            asked = Said("similar", {"game": said[0] if said else " ".join(plain(text).split())[:LONGEST_TITLE]}, {})
        await self._answer(turn, await self._request(turn, asked), private=True)

    async def links(self, turn: Turn, event: Raw) -> None:
        """A card under each link to a game in the store."""
        language = (await self._profile(turn)).language
        games: dict[str, Game] = {}
        for link in event.get("links", ())[:LINKS]:
            address = str(link.get("url", ""))
            game = self.desk.engine.served.catalog.get(linked_app(address) or 0)
            if game is not None and not game.adult:
                games[address] = game
        if games:
            look = await self.shop.look([game.app_id for game in games.values()], language)
            await turn.unfurl(event, lambda pictures: self._unfurls(games, look if pictures else look.without_covers()))

    async def home(self, turn: Turn) -> None:
        profile = await self._profile(turn)
        words = Wording(profile.language)
        try:
            seen = await self._seen(turn)
        except StorageError as away:
            log.warning("the Home tab cannot be filled: %s", type(away).__name__)
            sorry = section(plain_block(words.say("unavailable.storage"), SECTION))
            await turn.show_home(lambda _: {"type": "home", "blocks": [sorry]})
            return
        look = await self.shop.look([pick.game.app_id for pick in seen.picks], profile.language)
        await turn.show_home(lambda pictures: home(seen, look if pictures else look.without_covers()))

    async def tell(self, turn: Turn, key: str, **fields: object) -> None:
        """One sentence, for this person alone."""
        look = await self.shop.look([], (await self._profile(turn)).language)
        await turn.say(lambda _: messages(Reply(look.words.say(key, **fields)), look), private=True)

    async def tell_in_each_language(self, turn: Turn, key: str) -> None:
        """The same where nobody can be asked which language this person reads."""
        said = "\n".join(Wording(language).say(key) for language in Language)
        look = await self.shop.look([], Language.EN)
        await turn.say(lambda _: messages(Reply(said), look), private=True)

    def forget(self, team: str) -> None:
        """What is held in memory of the people of a workspace."""
        self.people.forget(team)
        self.names.forget(person_id(team, ""))
        self.desk.recents.forget_all(PLATFORM, person_id(team, ""))

    async def _profile(self, turn: Turn) -> Profile:
        return await self.people.of(turn.client, turn.heard.team, turn.heard.user)

    async def _ask(self, turn: Turn, press: Press, command: Command | None) -> None:
        options = [option.name for option in command.options] if command else []
        if command is None or (press.subject and press.subject not in options):
            await self.tell(turn, "platform.old_button")
            return
        words = Wording((await self._profile(turn)).language)
        await turn.open(form(press, command, words, carried(turn.heard)))

    async def _follow_up(self, turn: Turn, press: Press) -> None:
        request = await self._request(turn, Said(str(press.deed), press.options, {}))
        if press.deed not in IN_PLACE or not await self._own(turn.heard, press):
            await self._answer(turn, request)
            return
        reply, drawn = await self._drawn(request)
        blocks = turn.heard.blocks
        if reply.outcome is not Outcome.ANSWERED or (press.deed in OPINIONS and blocks is None):
            await turn.say(drawn, private=True)
        elif press.deed in OPINIONS and blocks is not None:
            lit = Sent(toggled(blocks, press, holds=bool(reply.toggled)), turn.heard.text or reply.text)
            await turn.change(lambda _: [lit])
        else:
            await turn.change(drawn)

    async def _own(self, heard: Heard, press: Press) -> bool:
        """Whether the message was the answer to whoever pressed it now."""
        if heard.ephemeral:
            return True
        if heard.message is None:  # it stands on the Home tab
            return False
        try:
            await self.desk.logs.flush(within=1.0)
            found = await self.desk.past.answer(press.answer)
        except StorageError:
            return False
        return found is not None and (found.request.platform, found.request.person) == (PLATFORM, heard.person.id)

    async def _answer(self, turn: Turn, request: Request, *, private: bool = False) -> None:
        reply, drawn = await self._drawn(request, private=private)
        if reply.attachment is not None:
            await turn.hand_over(reply.attachment)
        await turn.say(drawn, private=reply.private)

    async def _request(self, turn: Turn, said: Said) -> Request:
        heard = turn.heard
        profile = await self._profile(turn)
        names = self.names.meet({heard.person.id: profile.name or heard.name, **await self._mentioned(turn, said)})
        return Request(
            id=heard.key,
            person=heard.person,
            command=said.command,
            options=said.options,
            language=profile.language,
            at=turn.began,
            place=Place(heard.team or None, heard.channel, manageable=heard.direct or profile.full),
            names=names,
            shown=SHOWN,
        )

    async def _mentioned(self, turn: Turn, said: Said) -> dict[str, str]:
        profiles = await asyncio.gather(
            *(self.people.of(turn.client, turn.heard.team, user) for user in said.mentioned)
        )
        named = zip(said.mentioned.items(), profiles, strict=True)
        return {person_id(turn.heard.team, user): profile.name or name for (user, name), profile in named}

    async def _drawn(self, request: Request, *, private: bool = False) -> tuple[Reply, Drawn]:
        """The reply, and how it is drawn; `private` keeps also one to this person alone that would be for all."""
        reply = await dispatch(request, self.desk)
        words = Wording(request.language)
        if private:
            reply = replace(reply, private=True)
        if reply.attachment is not None:
            reply = replace(reply, note="\n".join(filter(None, (reply.note, words.say("slack.in_messages")))))
        shown = [pick.game.app_id for pick in reply.picks]
        look = await self.shop.look(shown, reply.language or request.language, request.id)
        return reply, lambda pictures: messages(reply, look if pictures else look.without_covers())

    def _meant(self, game: Game) -> str:
        """Its title, or its app id where another game is better known by that title."""
        return game.title if self.desk.engine.served.catalog.named(game.title) == game else str(game.app_id)

    def _unfurls(self, games: Mapping[str, Game], look: Look) -> dict[str, dict[str, Sequence[Block]]]:
        served = self.desk.engine.served
        picks = {address: Pick(game, 0.0, players=players_of(served, game)) for address, game in games.items()}
        return {address: {"blocks": card(pick, Reply(""), look).blocks} for address, pick in picks.items()}

    async def _seen(self, turn: Turn) -> Home:
        """What the Home tab shows of somebody; nobody sees a digest of another, which may be of a private channel."""
        person = turn.heard.person
        account = await self.desk.accounts.of(PLATFORM, person.id)
        digests = await self.desk.subscriptions.all()
        theirs = [digest for digest in digests if (digest.platform, digest.by) == (PLATFORM, person.id)]
        shown = await self._shown_lately(turn)
        picks, origin = (shown.picks, shown.origin) if shown else ((), None)
        return Home(account, picks, origin, theirs)

    async def _shown_lately(self, turn: Turn) -> Reply | None:
        """The last page of picks that this person has seen; None where there is none, or none that can be shown."""
        await self.desk.logs.flush(within=1.0)
        names = [command.name for command in self.desk.commands]
        row = await self.desk.past.latest(PLATFORM, turn.heard.person.id, names)
        if row is None:
            return None
        options: dict[str, Value] = {"answer": row.root or row.id, "number": row.page + 1}
        request = await self._request(turn, Said(str(Deed.PREVIOUS), options, {}))
        try:
            return await previous_page(request, self.desk)
        except Refused:
            return None
