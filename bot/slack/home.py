"""The Home tab: what the bot knows of a person, and where to begin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.commands.link import PROFILE
from bot.commands.steam_words import STEAM
from bot.messages import Origin, Reply
from bot.presses import Deed, Press
from bot.shop import Look
from bot.slack.blocks import card
from bot.slack.forms import SEARCHES
from bot.slack.mrkdwn import fitting
from bot.slack.parts import SECTION, Block, actions, button, context, header, marked, plain, section
from bot.tag_names import localized
from bot.wording import DAYS, Wording
from recommender.recommend import Pick
from storage.accounts import Account
from storage.subscriptions import Subscription

PICKS = 5
DIGESTS = 20
CHANNEL = 100
"""Characters that the mention of a channel takes."""


@dataclass(frozen=True)
class Home:
    """What stands on it: `origin` is the answer that the picks were shown in, for their buttons."""

    account: Account | None = None
    picks: Sequence[Pick] = ()
    origin: Origin | None = None
    digests: Sequence[Subscription] = ()


def home(seen: Home, look: Look) -> Block:
    words = look.words
    return {
        "type": "home",
        "blocks": [
            section(plain(words.say("slack.home.hello"), SECTION)),
            actions([_search(at, command, words) for at, command in enumerate(SEARCHES)]),
            *_account(seen.account, words),
            *_picks(seen, look),
            *_digests(seen.digests, words),
            context(words.say("slack.home.privacy")),
        ],
    }


def _search(at: int, command: str, words: Wording) -> Block:
    return button(Press(Deed.ASK, command), words.say(f"slack.search.{command}"), at) | {"style": "primary"}


def _account(account: Account | None, words: Wording) -> Iterator[Block]:
    yield header(words.say("slack.home.account"))
    if account is None:
        yield section(plain(words.say("link.how"), SECTION))
        yield actions([button(Press(Deed.ASK, "link", 0, STEAM), words.say("link.say_it"), len(SEARCHES))])
        return
    key = "link.now_said" if account.source == "said" else "link.now_proven"
    yield section(plain(words.say(key, profile=PROFILE.format(account.steam)), SECTION))


def _picks(seen: Home, look: Look) -> Iterator[Block]:
    """Each game once: Slack takes no two buttons of the same id."""
    words, picks = look.words, list({pick.game.app_id: pick for pick in seen.picks}.values())
    yield header(words.say("slack.home.picks"))
    if not picks:
        yield section(plain(words.say("slack.home.no_picks"), SECTION))
    for pick in picks[:PICKS]:
        yield from card(pick, Reply("", origin=seen.origin), look).blocks
    yield from _more(len(picks) - PICKS, words)


def _digests(digests: Sequence[Subscription], words: Wording) -> Iterator[Block]:
    yield header(words.say("slack.home.digests"))
    if not digests:
        yield section(plain(words.say("slack.home.no_digests"), SECTION))
    for digest in digests[:DIGESTS]:
        plan = fitting(_plan(digest, words), SECTION - CHANNEL)
        yield section(marked(f"<#{digest.channel}> – {plan}"))
    yield from _more(len(digests) - DIGESTS, words)


def _plan(digest: Subscription, words: Wording) -> str:
    tags = ", ".join(localized(tag, words.language) for tag in digest.tags)
    return words.say(
        "slack.home.digest",
        day=words.say(f"value.{DAYS[digest.weekday]}"),
        hour=f"{digest.hour:02}:00",
        zone=digest.time_zone,
        of=words.say("digest.of_tags", tags=tags) if tags else words.say("digest.any"),
        language=words.say(f"value.{digest.language}"),
    )


def _more(left: int, words: Wording) -> Iterator[Block]:
    if left > 0:
        yield context(words.say("slack.more", n=left))
