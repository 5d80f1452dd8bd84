"""Every sentence, looked up by its key in the person's language, and the small facts of a pick in words."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib import resources

from bot.messages import Language, Reply
from bot.tag_names import localized
from recommender.catalog import Game
from recommender.confidence import trust
from recommender.reasons import Because
from recommender.recommend import Pick

LONGEST_QUOTE = 80
"""Characters of what somebody typed that are said back to them."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

REASONS: Mapping[tuple[bool, bool, bool], str] = {
    (False, False, False): "reason.popular",
    (True, False, False): "reason.played",
    (False, True, False): "reason.had",
    (True, True, False): "reason.played_and_had",
    (False, False, True): "reason.liked",
    (True, False, True): "reason.played_and_liked",
    (False, True, True): "reason.had_and_liked",
    (True, True, True): "reason.played_had_and_liked",
}
"""The sentence by whether games played, games only owned and games only liked are among the reasons."""


class Wording:
    """The sentences of one language; they carry no markup."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._texts = texts(language)

    def say(self, key: str, **fields: object) -> str:
        """The sentence of that key with its {placeholders} filled, numbers by the format written in it."""
        return self._texts[key].format(**fields)

    def summary(self, pick: Pick) -> str:
        """The line under a title: whether it is new, and the facts of the game."""
        new = [self.say("pick.new")] if pick.new else []
        return " · ".join([*new, *self.facts(pick.game)])

    def reason(self, pick: Pick) -> str:
        """Why this pick: hours where they are known, ownership or liking where not, else how widely it is owned.

        Of a new one also that its kind speaks for it, not its players.
        """
        reason = self._reason(pick)
        return self.say("reason.new", reason=reason) if pick.new and pick.because else reason

    def reason_in(self, reply: Reply, pick: Pick) -> str:
        """As the answer has it where it has one of its own."""
        return reply.reasons.get(pick.game.app_id) or self.reason(pick)

    def _reason(self, pick: Pick) -> str:
        owned = [because for because in pick.because if not because.liked]
        played = ", ".join(self.played(because) for because in owned if because.minutes > 0)
        had = ", ".join(self.named(because) for because in owned if because.minutes <= 0)
        liked = ", ".join(self.named(because) for because in pick.because if because.liked)
        key = REASONS[bool(played), bool(had), bool(liked)] if pick.because or pick.players else "reason.unplayed"
        reason = self.say(key, played=played, had=had, liked=liked, players=pick.players)
        return reason if pick.chance is None else self.say(f"trust.{trust(pick.chance)}", reason=reason)

    def whom(self, pick: Pick, members: Sequence[str]) -> str:
        """Whom of a group a pick is for, empty where nobody in particular; a name that is not known is empty."""
        names = [members[at] for at in pick.members if at < len(members)]
        if not names:
            return ""
        if len(names) == len(members):
            return self.say("whom.all")
        if all(names):
            return self.say("whom.some", names=self.listed(names))
        return self.say("whom.count", n=len(names), total=len(members))

    def listed(self, names: Sequence[str]) -> str:
        """As one speaks them: with commas, and a word before the last."""
        *others, last = names
        return self.say("whom.listed", others=", ".join(others), last=last) if others else last

    def played(self, because: Because) -> str:
        return self.say("reason.game", hours=self.hours(_minutes(because)), title=self.named(because))

    def named(self, because: Because) -> str:
        """The game, and how many more of its series; hours and shares beside it are those of all of them."""
        title = because.game.title
        return self.say("reason.series", title=title, more=len(because.series)) if because.series else title

    def share(self, because: Because) -> str:
        """One line of `/why`: the exact part of one owned game, or of a series, in all that speaks for the pick."""
        key = "reason.share_played" if because.minutes > 0 else "reason.share_had"
        key = "reason.share_liked" if because.liked else key
        hours = self.hours(_minutes(because))
        return self.say(key, share=100 * because.whole, title=self.named(because), hours=hours)

    def hours(self, minutes: int) -> str:
        """Minutes up to one hour, a decimal up to ten hours, whole hours above."""
        if minutes < 60:  # noqa: PLR2004 - an hour
            return self.say("time.minutes", minutes=minutes)
        if minutes < 600 and minutes % 60:  # noqa: PLR2004 - ten hours
            return self.say("time.part_hours", hours=minutes / 60)
        return self.say("time.hours", hours=round(minutes / 60))

    def moment(self, at: datetime) -> str:
        """Day and time of the clock that `at` tells, without its year and zone."""
        weekday, month = self.say(f"value.{DAYS[at.weekday()]}"), self.say(f"month.{at.month}")
        return self.say("time.moment", weekday=weekday, day=at.day, month=month, time=f"{at:%H:%M}")

    def facts(self, game: Game, tags: int = 3) -> Sequence[str]:
        """Price, year, strongest tags but "Indie", and review share, each left out where it is not known."""
        year = [str(game.year)] if game.year else []
        telling = [localized(tag, self.language) for tag in game.tags if tag != "Indie"]
        strongest = [", ".join(telling[:tags])] if telling else []
        return [self.price(game), *year, *strongest, *self.reviews(game)]

    def price(self, game: Game) -> str:
        if game.price is None or not game.for_sale:
            return self.say("price.not_for_sale")
        return self.say("price.dollars", price=game.price) if game.price else self.say("price.free")

    def reviews(self, game: Game) -> Sequence[str]:
        """One sentence, or none where nobody has reviewed the game."""
        total = (game.positive or 0) + (game.negative or 0)
        if not total:
            return []
        return [self.say("reviews", share=100 * (game.positive or 0) // total, total=total)]


def _minutes(because: Because) -> int:
    return sum(one.minutes for one in because.each)


def quoted(said: str) -> str:
    """What somebody typed, short enough to be said back."""
    return said if len(said) <= LONGEST_QUOTE else said[: LONGEST_QUOTE - 1] + "…"


@functools.cache
def texts(language: Language) -> Mapping[str, str]:
    """All sentences of a language by dotted key."""
    file = resources.files("bot") / "texts" / f"{language}.toml"
    return dict(_flat(tomllib.loads(file.read_text(encoding="utf-8"))))


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, str(value)
