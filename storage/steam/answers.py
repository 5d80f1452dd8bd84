"""What Steam's answers mean: decoded JSON in, a library, a player, a privacy setting or paths of covers out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from recommender.library import Library
from storage.errors import Hidden, SteamIdInvalid, SteamPlayerUnknown, SteamProfilePrivate, SteamUnavailable
from storage.steam.ids import SteamID, Vanity, parse

_SHAPE = re.compile(r"steam/apps/[0-9]{1,10}/(?:[0-9A-Za-z_-]{1,64}/)?\$\{FILENAME\}(?:\?t=[0-9]{1,20})?")
_FILE = re.compile(r"(?:[0-9A-Za-z_-]{1,64}/){0,3}[0-9A-Za-z_-]{1,64}\.(?:jpg|jpeg|png|webp|gif)")


def library_from_answer(body: object) -> Library:
    """The games of a GetOwnedGames answer, whole or only what stands under "response", as decoded from JSON.

    Raises:
        SteamProfilePrivate: the empty answer, which Steam gives where the library is hidden.
        SteamUnavailable: not what Steam documents.
    """
    if isinstance(body, dict) and ("games" in body or "game_count" in body):
        body = {"response": body}
    inner = _response(body)
    if not inner:
        raise SteamProfilePrivate(Hidden.GAMES)
    games = inner.get("games", [] if inner.get("game_count") == 0 else None)
    if not isinstance(games, list) or _whole(inner.get("game_count", len(games))) is None:
        raise SteamUnavailable("Steam's answer holds no list of games")
    return Library(dict(map(_owned, games)))


def _owned(game: object) -> tuple[int, int]:
    if isinstance(game, dict):
        app_id, minutes = _whole(game.get("appid")), _whole(game.get("playtime_forever"))
        if app_id and minutes is not None:
            return app_id, minutes
    raise SteamUnavailable("Steam's answer holds a game without appid or playtime_forever")


def resolved(vanity: Vanity, body: object) -> SteamID:
    inner = _response(body)
    if inner.get("success") == 42:  # noqa: PLR2004  Steam's "no match"
        raise SteamPlayerUnknown(vanity.name)
    with suppress(SteamIdInvalid):
        if inner.get("success") == 1 and isinstance(found := parse(str(inner.get("steamid"))), SteamID):
            return found
    raise SteamUnavailable("Steam's answer names no player")


def hidden_by(player: SteamID, body: object) -> Hidden:
    players = _response(body).get("players")
    if not isinstance(players, list) or not all(isinstance(known, dict) for known in players):
        raise SteamUnavailable("Steam's answer holds no list of players")
    seen = [known.get("communityvisibilitystate") for known in players if known.get("steamid") == str(player)]
    if not seen:
        raise SteamPlayerUnknown(str(player))
    if _whole(seen[0]) is None:
        raise SteamUnavailable("Steam's answer does not say who may see the profile")
    return Hidden.GAMES if seen[0] == 3 else Hidden.PROFILE  # noqa: PLR2004  3 is public


def headers_from_answer(body: object) -> dict[int, str]:
    """Paths of header images below the store's folder, by app id, from a GetItems answer; most games have one.

    Raises:
        SteamUnavailable: not what Steam documents.
    """
    items = _response(body).get("store_items", [])
    if not isinstance(items, list):
        raise SteamUnavailable("Steam's answer holds no list of games")
    return {app_id: path for item in items for app_id, path in _header(item)}


def _header(item: object) -> Iterator[tuple[int, str]]:
    """Nothing unless it looks as Steam's paths do: it goes into messages as it is."""
    assets = item.get("assets") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(assets, dict):
        return
    app_id, shape, file = _whole(item.get("appid")), assets.get("asset_url_format"), assets.get("header")
    if app_id is None or not isinstance(shape, str) or not isinstance(file, str):
        return
    if _SHAPE.fullmatch(shape) and _FILE.fullmatch(file):
        yield app_id, shape.replace("${FILENAME}", file)


def _response(body: object) -> Mapping[str, object]:
    inner = body.get("response") if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        raise SteamUnavailable("Steam's answer holds no response")
    return inner


def _whole(value: object) -> int | None:
    """The value if it is a number as Steam counts: 32 bits, no sign."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32 else None
