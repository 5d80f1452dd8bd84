"""What may be shown where: nothing for adults unless the place is for adults, in picks, reasons or suggestions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.commands.command import Desk
from bot.commands.refused import Refused
from bot.messages import Request
from recommender.catalog import Game
from recommender.reasons import Because
from recommender.recommend import Pick


def suitable(game: Game, request: Request) -> bool:
    return request.place.adult_ok or not game.adult


def shown(picks: Iterable[Pick], request: Request) -> tuple[Pick, ...]:
    """The picks with the reasons that may be read here."""
    return tuple(
        replace(pick, because=_readable(pick.because, request)) for pick in picks if suitable(pick.game, request)
    )


def _readable(reasons: Iterable[Because], request: Request) -> tuple[Because, ...]:
    return tuple(
        replace(because, series=_readable(because.series, request))
        for because in reasons
        if suitable(because.game, request)
    )


async def game_named(request: Request, desk: Desk) -> Game:
    """The game of the option `game`.

    Raises:
        UnknownGame: with near misses.
        Refused: it is none for this place.
    """
    game = await desk.engine.find(str(request.options["game"]))
    if not suitable(game, request):
        raise Refused("refused.adults_only")
    return game
