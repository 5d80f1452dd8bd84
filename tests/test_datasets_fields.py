"""Dates, prices, ids and names are read however they were written."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.datasets.fields import game_row, read_app_id, read_count, read_date, read_names, read_price
from storage.datasets.reading import Tally


@pytest.mark.parametrize(
    ("said", "day", "year"),
    [
        ("2017-02-24", date(2017, 2, 24), 2017),
        ("2017-02-24T10:00:00", date(2017, 2, 24), 2017),
        ("Feb 24, 2017", date(2017, 2, 24), 2017),
        ("24 Feb, 2017", date(2017, 2, 24), 2017),
        ("24 February 2017", date(2017, 2, 24), 2017),
        ("Sept 3rd, 2016", date(2016, 9, 3), 2016),
        ("Aug 2014", None, 2014),
        ("2018", None, 2018),
        ("Q1 2017", None, 2017),
        ("Coming 2019", None, 2019),
        ("2017-02-30", None, 2017),
        ("2/3/2017", None, 2017),
        ("Late 2017 - early 2018", None, None),
        ("Soon", None, None),
        ("Soon™", None, None),
        ("", None, None),
        (None, None, None),
        (date(2014, 3, 20), date(2014, 3, 20), 2014),
    ],
)
def test_a_date_is_read_as_far_as_it_is_said(said: object, day: date | None, year: int | None) -> None:
    assert read_date(said) == (day, year)


@given(
    st.dates(date(1980, 1, 1), date(2099, 12, 31)), st.sampled_from(["%Y-%m-%d", "%b %d, %Y", "%d %b, %Y", "%d %B %Y"])
)
def test_every_day_survives_being_written(day: date, form: str) -> None:
    assert read_date(day.strftime(form)) == (day, day.year)


@given(st.text())
def test_any_text_is_a_date_or_none_and_never_an_error(said: str) -> None:
    day, year = read_date(said)

    assert day is None or day.year == year


@pytest.mark.parametrize(
    ("said", "dollars"),
    [
        (4.99, 4.99),
        (0, 0.0),
        ("$4.99", 4.99),
        ("4,99€", 4.99),
        ("US$ 5", 5.0),
        ("1,299.00", 1299.0),
        ("1.299,00", 1299.0),
        ("1,299", 1299.0),
        ("9.990000", 9.99),
        ("Free To Play", 0.0),
        ("Free", 0.0),
        ("Play for Free!", 0.0),
        ("Third-party", None),
        ("Starting at $499.00", None),
        ("Freedom", None),
        ("1.2.3", None),
        ("", None),
        (None, None),
        (True, None),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_a_price_is_an_amount_or_free_or_unknown(said: object, dollars: float | None) -> None:
    assert read_price(said) == dollars


@given(st.text())
def test_any_text_is_a_price_or_none_and_never_an_error(said: str) -> None:
    dollars = read_price(said)

    assert dollars is None or dollars >= 0


@pytest.mark.parametrize(
    ("said", "app_id"),
    [("761140", 761140), (10, 10), (" 10 ", 10), (2**31 - 1, 2**31 - 1), (2**31, None), ("9" * 400, None)]
    + [(said, None) for said in (0, -1, "", "x", "1.0", "²", None, True, 1.0)],
)
def test_an_app_id_is_a_positive_whole_number_of_32_bits(said: object, app_id: int | None) -> None:
    assert read_app_id(said) == app_id


@pytest.mark.parametrize(
    ("said", "count"), [("1,234", 1234), ("12.0", 12), (7, 7), ("", None), ("many", None), (-1, None), (2**40, None)]
)
def test_a_count_is_a_whole_number_or_unknown(said: object, count: int | None) -> None:
    assert read_count(said) == count


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (["Indie", "Action"], ["Indie", "Action"]),
        ("Indie;Action", ["Indie", "Action"]),
        ("Indie, Action, Indie", ["Indie", "Action"]),
        ("['Indie', 'Action']", ["Indie", "Action"]),
        ("{'Action': 5, 'Indie': 90}", ["Indie", "Action"]),
        (["Design &amp; Illustration"], ["Design & Illustration"]),
        ("[broken", None),
        ("", None),
        ([None, "", "Indie"], ["Indie"]),
        (7, None),
    ],
)
def test_names_keep_their_order_and_lose_their_doubles(said: object, names: list[str] | None) -> None:
    assert read_names(said) == names


@pytest.mark.parametrize(
    ("tags", "genres", "adult"),
    [
        (["Hentai"], None, True),
        (None, ["Sexual Content"], True),
        (["nsfw"], None, True),
        (["Nudity"], ["Indie"], True),
        (["Indie"], ["Action"], None),
        (None, None, None),
    ],
)
def test_a_tag_or_genre_makes_a_game_adult_and_none_leaves_it_open(
    tags: list[str] | None, genres: list[str] | None, adult: bool | None
) -> None:
    assert game_row(1, Tally(), tags=tags, genres=genres)["adult"] is adult


def test_a_game_without_date_and_price_is_kept_and_tallied() -> None:
    tally = Tally()

    row = game_row(1, tally, title="One", released="Soon", price="Third-party")

    assert (row["title"], row["year"], row["price"]) == ("One", None, None)
    assert (tally.undated, tally.unpriced) == (1, 1)
