"""Every command in one table: a row here is all that it takes to exist in every chat, the terminal and `/help`."""

from __future__ import annotations

from bot.commands import (
    curate,
    digest,
    forgetme,
    help,  # noqa: A004 - a module, not the built-in
    hide,
    link,
    mydata,
    privacy,
    recommend,
    similar,
    together,
    unlink,
    why,
)
from bot.commands.command import Command, Topic

COMMANDS: tuple[Command, ...] = (
    Command("recommend", recommend.recommend, recommend.OPTIONS),
    Command("curate", curate.curate, curate.OPTIONS, personal=False),
    Command("similar", similar.similar, similar.OPTIONS, personal=False),
    Command("together", together.together, together.OPTIONS, personal=False),
    Command("why", why.why, why.OPTIONS),
    Command("hide", hide.hide, hide.OPTIONS),
    Command("link", link.link, link.OPTIONS, topic=Topic.YOU),
    Command("unlink", unlink.unlink, topic=Topic.YOU),
    Command("mydata", mydata.mydata, topic=Topic.YOU),
    Command("forgetme", forgetme.forgetme, forgetme.OPTIONS, topic=Topic.YOU),
    Command("digest here", digest.here, digest.OPTIONS, manages=True, topic=Topic.CHANNEL),
    Command("digest preview", digest.preview, manages=True, topic=Topic.CHANNEL),
    Command("digest stop", digest.stop, manages=True, topic=Topic.CHANNEL),
    Command("help", help.help_, help.OPTIONS, topic=Topic.BOT),
    Command("privacy", privacy.privacy, topic=Topic.BOT),
)
