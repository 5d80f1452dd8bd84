"""A digest in the words of its channel: each card with the reason for which it is in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from bot.messages import Language, Origin, Reply
from bot.tag_names import localized
from bot.wording import Wording
from jobs.sending import Letter
from recommender.weekly import NEW_DAYS, Feature, Part


def reply_to_nobody(letter: Letter) -> Reply:
    """What stands in the channel, for everybody there."""
    language = Language(letter.subscription.language)
    words, zone = Wording(language), ZoneInfo(letter.subscription.time_zone)
    return Reply(
        words.say("digest.headline"),
        tuple(feature.pick for feature in letter.features),
        private=False,
        model=letter.model,
        origin=Origin(letter.answer),
        language=language,
        reasons=reasons(letter.features, words, letter.stands_at.astimezone(zone).date()),
    )


def reasons(features: Sequence[Feature], words: Wording, today: date) -> dict[int, str]:
    """By app id."""
    return {feature.pick.game.app_id: reason(feature, words, today) for feature in features}


def reason(feature: Feature, words: Wording, today: date) -> str:
    """Says nothing of anybody: a number of people, a day of release, or tags that several share."""
    tags = ", ".join(localized(tag, words.language) for tag in feature.tags)
    match feature.part:
        case Part.RISING:
            return words.say("digest.rising", people=feature.people)
        case Part.NEW:
            new = _new(feature, words, today)
            return words.say("digest.new_and_fits", new=new, tags=tags) if tags else new
        case Part.TASTE:
            return words.say("digest.fits", tags=tags) if tags else words.say("digest.fits_all")
        case Part.THEME:
            return words.say("digest.theme", tags=tags)
        case Part.POPULAR:
            return words.reason(feature.pick)


def _new(feature: Feature, words: Wording, today: date) -> str:
    """In a catalogue that ends before today even the newest games are older than a month."""
    released = feature.pick.game.released
    if released is None or today - released <= timedelta(days=NEW_DAYS):
        return words.say("digest.new")
    return words.say("digest.new_since", month=words.say(f"month.{released.month}"), year=released.year)
