"""`/digest`: a channel's weekly indie games: set up, looked at beforehand, stopped."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bot.commands.command import Command, Desk, Kind, Option
from bot.commands.near import tags_near, zones_near_miss
from bot.commands.refused import Refused
from bot.commands.suitable import shown
from bot.commands.zones import zone_named
from bot.digests import reasons
from bot.messages import Choice, Language, Origin, Outcome, Reply, Request
from bot.tag_names import localized, tag_named
from bot.wording import DAYS, Wording
from jobs.digest import COMMAND
from jobs.digest_contents import LEAST, Sources, contents
from jobs.digest_times import Due, next_due, week_of, weeks_before
from recommender.errors import UnknownTag
from storage.subscriptions import Subscription

MOST_TAGS = 5
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
        tags = tuple(dict.fromkeys(tag_named(piece, desk.engine.served.catalog) for piece in pieces))
    except UnknownTag as unknown:
        at = pieces.index(unknown.said)
        return tags_near(unknown, request, lambda tag: {"tags": ", ".join([*pieces[:at], tag, *pieces[at + 1 :]])})
    if len(tags) > MOST_TAGS:
        raise Refused("refused.too_many_tags", most=MOST_TAGS)
    subscription = _wanted(request, channel, zone, tags)
    await desk.subscriptions.keep(subscription)
    plan = _plan(subscription, await _next(subscription, request, desk), request, words)
    return Reply(f"{plan}\n{words.say('digest.next_steps')}")


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
    due = await _next(subscription, request, desk)
    adult = subscription.adult and request.place.adult_ok
    sources = Sources(desk.engine, desk.digests, desk.tastes)
    chosen = await contents(sources, subscription, due.week, request.at, adult=adult)
    plan = _plan(subscription, due, request, words)
    if len(chosen.features) < LEAST:
        return Reply(words.say("digest.empty"), note=plan, outcome=Outcome.REFUSED)
    language = Language(subscription.language)
    its_words, today = Wording(language), request.at.astimezone(ZoneInfo(subscription.time_zone)).date()
    return Reply(
        its_words.say("digest.headline"),
        shown([feature.pick for feature in chosen.features], request),
        note=plan,
        model=chosen.version,
        origin=Origin(request.id),
        language=language,
        reasons=reasons(chosen.features, its_words, today),
    )


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


async def _next(subscription: Subscription, request: Request, desk: Desk) -> Due:
    """The first that is still to come: one that came this week does not come again, whatever is changed about it."""
    week = week_of(request.at.astimezone(ZoneInfo(subscription.time_zone)).date())
    near = {week, next_due(subscription, request.at).week, *weeks_before(week, 1)}
    return next_due(
        subscription, request.at, await desk.digests.taken(subscription.platform, subscription.channel, near)
    )


def _plan(subscription: Subscription, due: Due, request: Request, words: Wording) -> str:
    tags = ", ".join(localized(tag, request.language) for tag in subscription.tags)
    return words.say(
        "digest.plan",
        day=words.say(f"value.{DAYS[subscription.weekday]}"),
        hour=f"{subscription.hour:02}:00",
        zone=subscription.time_zone,
        of=words.say("digest.of_tags", tags=tags) if tags else words.say("digest.any"),
        language=words.say(f"value.{subscription.language}"),
        next=words.moment(due.at.astimezone(ZoneInfo(subscription.time_zone))),
    )


async def _no_more(_request: Request, _desk: Desk) -> Reply:
    """What is asked of a digest that came: it has one page, and nobody's options."""
    raise Refused("refused.answer_gone")


WEEKLY = Command(COMMAND, _no_more, personal=False)
"""What a digest is logged as, so that what hangs on its buttons knows what it was: nobody gives this command."""
