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
    unlink,
    why,
)
from bot.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    Command("recommend", recommend.recommend, recommend.OPTIONS),
    Command("curate", curate.curate, curate.OPTIONS, personal=False),
    Command("similar", similar.similar, similar.OPTIONS, personal=False),
    Command("why", why.why, why.OPTIONS),
    Command("hide", hide.hide, hide.OPTIONS),
    Command("link", link.link, link.OPTIONS),
    Command("unlink", unlink.unlink),
    Command("mydata", mydata.mydata),
    Command("forgetme", forgetme.forgetme, forgetme.OPTIONS),
    Command("digest here", digest.here, digest.OPTIONS, manages=True),
    Command("digest preview", digest.preview, manages=True),
    Command("digest stop", digest.stop, manages=True),
    Command("help", help.help_, help.OPTIONS),
    Command("privacy", privacy.privacy),
)
