"""The queries behind `storage.measures`: a row for each game that was shown, with what became of it, and their sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import CTE, ColumnElement, Select, case, exists, func, select

from storage.schema import clicks, impressions, reactions, requests

SHOWN_AGAIN = ("previous",)
"""Commands whose games were shown before: each is counted where it was shown first."""
KINDS = ("clicks", "likes", "hides")

Models = Mapping[str, str]
"""Under which name a version counts, where not under its own: as versions that brought a catalogue only."""
Query = Select[tuple[object, ...]]


def latest(since: datetime, until: datetime, models: Models, most: int) -> Select[str]:
    """The `version`s that answered last, the latest first."""
    asked = (requests.c.at >= since) & (requests.c.at < until) & requests.c.model_version.is_not(None)
    version = _named(requests.c.model_version, models).label("version")
    last = func.max(requests.c.at)
    these = select(version).where(asked, requests.c.picks > 0).group_by("version")
    return these.order_by(last.desc()).limit(most)


def shown(since: datetime, until: datetime, versions: Sequence[str], models: Models) -> CTE:
    """Whether a game was opened, liked or hidden is 1 or 0; `team` is the version in an interleaved list, else null.

    Materialized, as SQLite would look up versions first and so read all that was ever shown.
    """
    span = (requests.c.at >= since) & (requests.c.at < until)
    version = _named(func.coalesce(impressions.c.version, requests.c.model_version), models)
    opened = (clicks.c.request_id == impressions.c.request_id) & (clicks.c.position == impressions.c.position)
    rows = (
        select(
            version.label("version"),
            impressions.c.version.label("team"),
            requests.c.id,
            requests.c.platform,
            requests.c.person,
            requests.c.command,
            impressions.c.position,
            _flag(exists().where(opened)).label("clicks"),
            _flag(_said("like")).label("likes"),
            _flag(_said("hide")).label("hides"),
        )
        .join_from(requests, impressions)
        .where(span, version.in_(versions), requests.c.command.not_in(SHOWN_AGAIN))
    )
    return rows.cte("shown").prefix_with("MATERIALIZED")


def by_people(rows: CTE) -> Query:
    """By version: how many people, and the sums of what each of them did that `recommender.rates.Moments` wants."""
    answers = func.count(rows.c.id.distinct()).label("answers")
    positions = func.sum(rows.c.position).label("positions")
    one = (
        select(rows.c.version, func.count().label("n"), answers, positions, *_sums(rows))
        .group_by(rows.c.version, rows.c.platform, rows.c.person)
        .subquery("one")
    )
    products = [
        func.sum(one.c[kind] * other).label(f"{kind}_{name}")
        for kind in KINDS
        for name, other in (("n", one.c.n), ("2", one.c[kind]))
    ]
    plain = [func.sum(one.c[name]).label(name) for name in ("n", "answers", "positions", *KINDS)]
    squares = func.sum(one.c.n * one.c.n).label("nn")
    people = func.count().label("people")
    return select(one.c.version, people, squares, *plain, *products).group_by(one.c.version)


def by_place(rows: CTE) -> Query:
    """By version, command and position."""
    place = (rows.c.version, rows.c.command, rows.c.position)
    counts = select(*place, func.count().label("n"), *_sums(rows))
    return counts.group_by(*place)


def won(rows: CTE, a: str, b: str) -> Select[int, int, int]:
    """How many `answers` have picks of either as a team, and in how many each had more clicks and likes."""
    taken = rows.c.clicks + rows.c.likes
    credit = [func.sum(case((rows.c.team == team, taken), else_=0)).label(at) for at, team in (("a", a), ("b", b))]
    either = select(*credit).where(rows.c.team.is_not(None)).group_by(rows.c.id).subquery("either")
    first, second = _flag(either.c.a > either.c.b), _flag(either.c.b > either.c.a)
    sums = func.coalesce(func.sum(first), 0).label("a"), func.coalesce(func.sum(second), 0).label("b")
    return select(func.count().label("answers"), *sums).select_from(either)


def _said(kind: str) -> ColumnElement[bool]:
    """Whether it is somebody's last word on the game, said on a card of that answer: buttons name its first page."""
    later = reactions.alias("later")
    same = (later.c.platform == reactions.c.platform) & (later.c.person == reactions.c.person)
    changed = exists().where(same, later.c.app_id == reactions.c.app_id, later.c.at > reactions.c.at)
    of_answer = reactions.c.request_id.in_([requests.c.id, requests.c.root])
    return exists().where(of_answer, reactions.c.app_id == impressions.c.app_id, reactions.c.kind == kind, ~changed)


def _sums(rows: CTE) -> list[ColumnElement[int]]:
    return [func.sum(rows.c[kind]).label(kind) for kind in KINDS]


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _named(version: ColumnElement[str], models: Models) -> ColumnElement[str]:
    return case(dict(models), value=version, else_=version) if models else version
