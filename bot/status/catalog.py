"""What the store said of the catalogue: new games, changed ones, and those that are gone."""

from __future__ import annotations

from bot.wording import Wording
from jobs.catalog_refresh import RefreshReport
from jobs.posting import News, Post


def told(report: RefreshReport, words: Wording) -> Post | None:
    """None where all is as it was."""
    if not (report.new or report.changed or report.delisted or report.stopped):
        return None
    title = words.say("status.catalog", new=report.new, changed=report.changed, gone=report.delisted)
    facts = [
        (words.say("status.rejected"), f"{report.rejected:,}") if report.rejected else None,
        (words.say("status.took"), words.say("status.seconds", seconds=report.seconds)),
        (words.say("status.model"), report.version) if report.version else None,
    ]
    news = News.BAD if report.stopped else News.GOOD
    return Post(news, title, report.stopped or "", tuple(fact for fact in facts if fact is not None))
