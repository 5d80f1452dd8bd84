"""`/digest`: a channel's weekly indie games: set up, looked at beforehand, stopped."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from bot.commands.command import Desk, Kind, Option
from bot.commands.near import tags_near, zones_near_miss
from bot.commands.refused import Refused
from bot.commands.suitable import shown
from bot.commands.zones import zone_named
from bot.messages import Choice, Language, Origin, Outcome, Reply, Request
from bot.wording import DAYS, Wording
from jobs.digest import PICKS, digest, next_time
from recommender.errors import UnknownTag
from storage.subscriptions import Subscription

MOST_TAGS = PICKS
"""More themes than games would leave some out."""

OPTIONS = (
    Option("day", Kind.CHOICE, choices=DAYS),
    Option("hour", Kind.INTEGER, most=23),
    Option("zone", autocomplete="zone"),
    Option("tags", autocomplete="tags"),
    Option("language", Kind.CHOICE, choices=tuple(map(str, Language))),
)


async def here(request: Request, desk: Desk) -> Reply:
    channel, words = _channel(request), Wording(request.language)
    said = str(request.options.get("zone", "UTC"))
    zone = zone_named(said)
    if zone is None:
        return zones_near_miss(said, request)
    pieces = [piece.strip() for piece in str(request.options.get("tags", "")).split(",") if piece.strip()]
    try:
        tags = tuple(dict.fromkeys(desk.engine.served.catalog.tag(piece) for piece in pieces))
    except UnknownTag as unknown:
        at = pieces.index(unknown.said)
        return tags_near(unknown, request, lambda tag: {"tags": ", ".join([*pieces[:at], tag, *pieces[at + 1 :]])})
    if len(tags) > MOST_TAGS:
        raise Refused("refused.too_many_tags", most=MOST_TAGS)
    subscription = _wanted(request, channel, zone, tags)
    await desk.subscriptions.keep(subscription)
    return Reply(f"{_plan(subscription, request, words)}\n{words.say('digest.next_steps')}")


def _wanted(request: Request, channel: str, zone: str, tags: tuple[str, ...]) -> Subscription:
    return Subscription(
        platform=request.person.platform,
        channel=channel,
        server=request.place.server,
        weekday=DAYS.index(str(request.options.get("day", "friday"))),
        hour=int(request.options.get("hour", 18)),
        time_zone=zone,
        tags=tags,
        language=str(request.options.get("language", request.language)),
        adult=request.place.adult_ok,
        by=request.person.id,
        since=request.at,
    )


async def preview(request: Request, desk: Desk) -> Reply:
    """In the digest's language, under its plan in the person's."""
    words = Wording(request.language)
    subscription = await desk.subscriptions.of(request.person.platform, _channel(request))
    if subscription is None:
        weekly = Choice(words.say("digest.usual"), "digest here")
        return Reply(words.say("digest.none"), choices=(weekly,))
    adult = subscription.adult and request.place.adult_ok
    answer = await digest(replace(subscription, adult=adult), desk.engine)
    language = Language(subscription.language)
    plan = _plan(subscription, request, words)
    if not answer.picks:
        return Reply(words.say("digest.empty"), note=plan, outcome=Outcome.REFUSED)
    text = Wording(language).say("digest.headline")
    picks, origin = shown(answer.picks, request), Origin(request.id)
    return Reply(text, picks, note=plan, model=answer.version, origin=origin, language=language)


async def stop(request: Request, desk: Desk) -> Reply:
    stopped = await desk.subscriptions.stop(request.person.platform, _channel(request))
    return Reply(Wording(request.language).say("digest.stopped" if stopped else "digest.none"))


def _channel(request: Request) -> str:
    """Where this is said.

    Raises:
        Refused: nowhere that a digest could come to.
    """
    if request.place.channel is None:
        raise Refused("refused.no_channel")
    return request.place.channel


def _plan(subscription: Subscription, request: Request, words: Wording) -> str:
    due = next_time(subscription, request.at).astimezone(ZoneInfo(subscription.time_zone))
    tags = ", ".join(subscription.tags)
    return words.say(
        "digest.plan",
        day=words.say(f"value.{DAYS[subscription.weekday]}"),
        hour=f"{subscription.hour:02}:00",
        zone=subscription.time_zone,
        of=words.say("digest.of_tags", tags=tags) if tags else words.say("digest.any"),
        language=words.say(f"value.{subscription.language}"),
        next=words.moment(due),
    )
