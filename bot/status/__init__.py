"""What people are told of a run: one post a kind of report, and one for all that went wrong."""

from __future__ import annotations

from bot.status import catalog, digests, failures, nightly
from bot.wording import Wording
from jobs.catalog_refresh import RefreshReport
from jobs.digest_report import DigestsReport
from jobs.nightly import NightlyReport
from jobs.posting import Post
from jobs.work import Report
from storage.runs import Run


def told(run: Run, report: Report | None, words: Wording) -> Post | None:
    """None where it is nothing to speak of. It may draw a picture, which is nothing for the event loop."""
    match report:
        case None:
            return failures.told(run, words)
        case RefreshReport():
            return catalog.told(report, words)
        case NightlyReport():
            return nightly.told(report, words)
        case DigestsReport():
            return digests.told(report, words)
    return None
