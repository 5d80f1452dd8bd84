"""A night as a post: the finding in its title, why in a sentence, the numbers, and a picture of the nights."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.messages import Language
from bot.posts import tidy
from bot.status.nightly import told
from bot.wording import Wording
from jobs.charts_of_nights import NIGHTS, Night, drawn, nights_of
from jobs.drifting import Drift
from jobs.export import ExportReport
from jobs.nightly import NightlyReport
from jobs.posting import News, Post
from jobs.verdict import Difference, Shrunk, Verdict, Why
from recommender.evidence import WAYS
from recommender.online import Measured, OnlineMeasures
from recommender.rates import Rate
from storage.retention import Pruned

EN, KO = Wording(Language.EN), Wording(Language.KO)
NOW = datetime(2026, 5, 1, 3, 15, tzinfo=UTC)


def measures(value: float) -> dict[str, dict[str, float]]:
    return {way: {"ndcg_10": value - 0.125 * at, "error": 0.004} for at, way in enumerate(WAYS)}


LESS = Difference(candidate=0.4, incumbent=0.41, mean=-0.01, low=-0.013, high=-0.007, count=4321)
VERDICT = Verdict(
    Why.NO_WORSE,
    differences={"indie_played": replace(LESS, mean=0.001, low=-0.002, high=0.004)},
    auc=Difference(0.81, 0.8, 0.01, -0.02, 0.04, 57),
    pairs=230,
)
TAKEN = Measured(
    "20260501T031500Z-abc123", 30, 12, 2.5, Rate(9, 150, 90.0), Rate(3, 150, 90.0), Rate(0, 150, 90.0), {}, {}
)
REPORT = NightlyReport(
    at=NOW,
    version="20260501T031500Z-abc123",
    candidate="20260501T031500Z-abc123",
    verdict=VERDICT,
    rows=4_399_559,
    players=42_903,
    games=10_781,
    metrics={"candidate": measures(0.75), "incumbent": measures(0.7), "popularity": measures(0.5)},
    fingerprint="f",
    recipe="r",
    seconds={"export": 1.25, "fit": 2.0},
    exported=ExportReport("lake", 0, 12, events={"library": 10, "reaction": 2}, rejected={"reaction": 1}),
    pruned=Pruned(NOW - timedelta(days=365), requests=7, events=9),
    removed=["old"],
    drift=Drift(error=4.2e-7, changed=120, different=0, rows=4_400, due=False),
    online=OnlineMeasures(NOW - timedelta(days=7), NOW, (TAKEN,)),
)


def said(post: Post) -> str:
    return "\n".join([post.title, post.text, *(f"{name}: {value}" for name, value in post.facts)])


def test_a_night_that_published_says_so_with_its_numbers() -> None:
    post = told(REPORT, EN)

    assert post.news is News.GOOD
    assert post.title == "Nightly training: model 20260501T031500Z-abc123 is in service"
    assert "+0.0010 (-0.0020 to +0.0040) over 4,321 players" in post.text
    assert dict(post.facts)["nDCG@10"].splitlines() == [
        "candidate 0.750 of all games, 0.625 of indie games, 0.500 of indie games played",
        "before 0.700 of all games, 0.575 of indie games, 0.450 of indie games played",
        "by popularity alone 0.500 of all games, 0.375 of indie games, 0.250 of indie games played",
    ]
    assert dict(post.facts)["Data"] == "4,399,559 rows, 42,903 players, 10,781 games"
    assert "81.0% of 230 pairs, before in 80.0%" in dict(post.facts)["What people said"]
    assert "12 events, 1 refused" in said(post)
    assert "7 requests, 9 events" in said(post)
    assert dict(post.facts)["Learned in place"].startswith("120 of 4,400 rows since the last fit, 4.2e-07 from a fit")
    assert dict(post.facts)["Last seven days"].endswith("150 games shown, 6.0% opened, 2.0% liked, 0.0% hidden")


VERDICTS = {
    Why.WORSE: Verdict(Why.WORSE, "all", {"all": LESS}),
    Why.DISLIKED: Verdict(Why.DISLIKED, "auc", {"all": LESS}, LESS, 9),
    Why.COLLAPSED: Verdict(Why.COLLAPSED, shrunk=Shrunk("rows", 9000, 12)),
    Why.NO_WORSE: VERDICT,
}


@pytest.mark.parametrize("words", [EN, KO], ids=["en", "ko"])
@pytest.mark.parametrize("why", Why)
def test_every_verdict_has_its_sentence(why: Why, words: Wording) -> None:
    verdict = VERDICTS.get(why, Verdict(why))
    post = told(replace(REPORT, verdict=verdict), words)

    assert (post.news is News.GOOD) == verdict.publish
    assert post.text
    assert "{" not in said(post)


def test_a_refusal_says_what_to_do_and_what_stays() -> None:
    post = told(replace(REPORT, version="before", verdict=VERDICTS[Why.COLLAPSED]), EN)
    none = told(replace(REPORT, version=None, verdict=Verdict(Why.NO_NUMBERS)), EN)

    assert "model before stays in service" in post.title
    assert "12 rows where the model in service has 9,000" in post.text
    assert "indiean train" in post.text
    assert "no model in service yet" in none.title


@pytest.mark.parametrize("words", [EN, KO], ids=["en", "ko"])
def test_a_night_without_news_is_short(words: Wording) -> None:
    bare = replace(REPORT, verdict=None, drift=None, online=None, removed=(), pruned=Pruned(None), rows=None)
    post = told(replace(bare, metrics={"incumbent": measures(0.6)}), words)

    assert (post.news, post.text, post.chart) == (News.GOOD, "", None)
    assert len(post.facts) == 4


def test_the_picture_is_of_the_nights_that_fitted() -> None:
    one = REPORT.as_dict()
    refused = replace(REPORT, at=NOW + timedelta(days=1), verdict=VERDICTS[Why.WORSE]).as_dict()
    unchanged = replace(REPORT, verdict=None, metrics={"incumbent": measures(0.6)}).as_dict()
    nights = nights_of([{"of": "another release"}, unchanged, one, refused])

    assert nights == (
        Night(NOW, 0.5, 0.004, 0.25, published=True),
        Night(NOW + timedelta(days=1), 0.5, 0.004, 0.25, published=False),
    )
    assert len(nights_of([one] * 99)) == NIGHTS
    chart = told(replace(REPORT, nights=nights), EN).chart
    assert chart is not None
    assert chart.png.startswith(b"\x89PNG")
    assert chart.name == "nights-2026-05-01.png"
    assert "(2 shown): 0.500 in the last, 1 refused" in chart.alt


@pytest.mark.parametrize("count", [1, 2, NIGHTS])
def test_any_number_of_nights_is_drawn(count: int) -> None:
    nights = [Night(NOW + timedelta(days=day), 0.43, 0.004, 0.3, published=day % 5 != 2) for day in range(count)]

    assert drawn(nights).startswith(b"\x89PNG")


def test_a_post_survives_what_posters_do_to_it() -> None:
    post = tidy(told(REPORT, EN), "Details")

    assert len(post.facts) == 9
