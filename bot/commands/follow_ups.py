"""What the buttons under an answer do, in one table: commands that nobody types and `/help` does not list."""

from __future__ import annotations

from dataclasses import replace

from bot.commands import past
from bot.commands.command import Command, Desk, Instead
from bot.commands.pages import next_page, previous_page, share
from bot.commands.past import game_pressed, given, number_of, past_of
from bot.commands.reactions import reacting
from bot.commands.refused import Refused
from bot.commands.steam_words import GAMES, STEAM
from bot.commands.why_this import why_this
from bot.messages import Request
from bot.presses import Deed
from recommender.catalog import Game
from recommender.errors import UnknownGame
from storage.feedback import Opinion


async def more_like(request: Request, desk: Desk) -> Instead:
    """As `/similar`, to the presser alone: it is they who want to know, whoever else sees the card."""
    said = await _said(game_pressed(request, desk), desk)
    return Instead(replace(request, command="similar", options={"game": said}), private=True)


async def _said(game: Game, desk: Desk) -> str:
    """What finds that very game: its title, or its app id where another game is better known by that title."""
    try:
        found = await desk.engine.find(game.title)
    except UnknownGame:
        return str(game.app_id)
    return game.title if found.app_id == game.app_id else str(game.app_id)


async def choose(request: Request, desk: Desk) -> Instead:
    """The request that the choice stands for, by the presser and for the presser: their library, their rights.

    A choice that was about a profile is about it again, as the button knows it and the log does not.
    """
    answer = await past_of(request, desk)
    at = number_of(request)
    if at >= len(answer.request.choices):
        raise Refused("refused.answer_gone")
    choice = answer.request.choices[at]
    options = given(choice["options"])
    command = next((known for known in desk.commands if known.name == choice["command"]), None)
    takes = {option.name for option in command.options} if command else set()
    if STEAM in takes and answer.profile and options.keys().isdisjoint({STEAM, GAMES}):
        options[STEAM] = answer.profile
    return Instead(replace(request, command=choice["command"], options=options))


FOLLOW_UPS: tuple[Command, ...] = tuple(
    Command(deed.value, handler, past.OPTIONS)
    for deed, handler in (
        (Deed.NEXT, next_page),
        (Deed.PREVIOUS, previous_page),
        (Deed.SHARE, share),
        (Deed.MORE_LIKE, more_like),
        (Deed.WHY, why_this),
        (Deed.LIKE, reacting(Opinion.LIKE)),
        (Deed.OWN, reacting(Opinion.OWN)),
        (Deed.HIDE, reacting(Opinion.HIDE)),
        (Deed.CHOOSE, choose),
    )
)
