"""How a night's training went, as a post: the verdict and why, the numbers, and a picture of the last nights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.wording import Wording
from jobs.charts_of_nights import drawn
from jobs.nightly import NightlyReport
from jobs.posting import Chart, News, Post
from jobs.verdict import Verdict, Why
from recommender.evidence import WAYS
from recommender.online import Measured, OnlineMeasures

ABOUT = "status.nightly"
WHO = ("candidate", "incumbent", "popularity")


def told(report: NightlyReport, words: Wording) -> Post:
    """Draws the picture, which takes a second the first time: not to be called on the event loop."""
    bad = report.verdict is not None and not report.verdict.publish
    return Post(
        News.BAD if bad else News.GOOD,
        _title(report, words),
        _why(report.verdict, words) if report.verdict else "",
        facts=tuple(_facts(report, words)),
        chart=_chart(report, words),
    )


def _title(report: NightlyReport, words: Wording) -> str:
    if report.verdict is None:
        return words.say("status.nightly.unchanged", version=report.version)
    if report.verdict.publish:
        return words.say("status.nightly.published", version=report.version)
    key = "status.nightly.refused" if report.version else "status.nightly.refused_first"
    return words.say(key, version=report.version)


def _why(verdict: Verdict, words: Wording) -> str:
    return words.say(f"{ABOUT}.{verdict.why}", **_numbers(verdict, words))


def _numbers(verdict: Verdict, words: Wording) -> dict[str, object]:
    """What stands in the sentence of the verdict."""
    found = verdict.auc if verdict.why is Why.DISLIKED else verdict.differences.get(verdict.of or "indie_played")
    told: dict[str, object] = {"measure": words.say(f"{ABOUT}.of_{verdict.of}")} if verdict.of in WAYS else {}
    if found is not None:
        told |= vars(found)
    if verdict.shrunk is not None:
        told |= vars(verdict.shrunk) | {"what": words.say(f"{ABOUT}.of_{verdict.shrunk.what}")}
    return told


def _facts(report: NightlyReport, words: Wording) -> Iterator[tuple[str, str]]:
    measured = [_measured(who, report.metrics[who], words) for who in WHO if who in report.metrics]
    yield words.say("status.nightly.measures"), "\n".join(measured)
    counts = {"rows": report.rows or 0, "players": report.players, "games": report.games}
    yield words.say("status.nightly.data"), words.say("status.nightly.counted", **counts)
    if report.verdict is not None and report.verdict.auc is not None:
        asked = words.say("status.nightly.asked", pairs=report.verdict.pairs, **vars(report.verdict.auc))
        yield words.say("status.nightly.jury"), asked
    yield words.say("status.nightly.took"), ", ".join(f"{phase} {took:.1f}" for phase, took in report.seconds.items())
    events, rejected = (sum(counted.values()) for counted in (report.exported.events, report.exported.rejected))
    yield words.say("status.nightly.exported"), words.say("status.nightly.events", events=events, rejected=rejected)
    if report.pruned.before is not None:
        old = words.say("status.nightly.old", requests=report.pruned.requests, events=report.pruned.events)
        yield words.say("status.nightly.pruned"), old
    if report.removed:
        yield words.say("status.nightly.removed"), ", ".join(report.removed)
    if report.drift is not None:
        key = "status.nightly.drift_due" if report.drift.due else "status.nightly.drifted"
        yield words.say("status.nightly.drift"), words.say(key, **report.drift.as_dict())
    if report.online is not None and report.online.versions:
        yield words.say("status.nightly.online"), _online(report.online, words)


def _measured(who: str, metrics: Mapping[str, Mapping[str, float]], words: Wording) -> str:
    values = {way: metrics.get(way, {}).get("ndcg_10", float("nan")) for way in WAYS}
    return words.say("status.nightly.measured", who=words.say(f"{ABOUT}.{who}"), **values)


def _online(online: OnlineMeasures, words: Wording) -> str:
    return "\n".join(words.say("status.nightly.taken", **_taken(each)) for each in online.versions)


def _taken(each: Measured) -> dict[str, object]:
    shares = {name: getattr(each, name).share or 0.0 for name in ("clicks", "likes", "hides")}
    return {"version": each.version, "shown": each.impressions, **shares}


def _chart(report: NightlyReport, words: Wording) -> Chart | None:
    nights = report.nights
    if not nights:
        return None
    alt = words.say(
        "status.nightly.alt",
        nights=len(nights),
        last=nights[-1].ndcg_10,
        refused=sum(not night.published for night in nights),
        popularity=nights[-1].popularity,
    )
    return Chart(f"nights-{report.at:%Y-%m-%d}.png", drawn(nights), alt)
