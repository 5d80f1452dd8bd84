"""The sentences: complete in both languages, all of them used, and facts put the way people write them."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Table

import bot
from bot.commands import COMMANDS
from bot.commands.command import Topic
from bot.commands.group import Absence
from bot.commands.kept import COPIED
from bot.commands.steam_words import GAMES, STEAM
from bot.commands.wishes import FILTERS, TAG
from bot.hosting.doctor.finding import Check
from bot.messages import Language
from bot.presses import Deed
from bot.slack.forms import SEARCHES
from bot.status.nightly import WHO
from bot.wording import LONGEST_QUOTE, Wording, quoted, texts
from jobs.verdict import Why
from recommender.catalog import Game
from recommender.confidence import Trust
from recommender.evidence import WAYS
from recommender.reasons import Because
from recommender.recommend import Pick
from storage.digests import TROUBLES
from storage.schema import clicks, digest_channels, impressions, metadata

EN, KO = Wording(Language.EN), Wording(Language.KO)
HADES, CELLS = Game(1145360, "Hades", ("Roguelike", "Indie", "Action")), Game(588650, "Dead Cells")

PLAYED, HAD = Because(HADES, 3720, 0.5), Because(CELLS, 0, 0.3)
LIKED = Because(Game(504230, "Celeste"), 0, 0.2, liked=True)

SEARCHED = [command for command in COMMANDS if command.name in SEARCHES]


def about_people() -> list[Table]:
    """The tables with rows about somebody, as PersonalData finds them."""
    named, others = {"person", "player"}, {clicks, impressions, digest_channels}
    return [table for table in metadata.sorted_tables if named & set(table.c.keys()) or table in others]


def derived() -> set[str]:
    """The keys that code puts together from names of commands, options and kinds of things."""
    options = {option.name for command in COMMANDS for option in command.options}
    required = {option.name for command in COMMANDS for option in command.options if option.required}
    return {
        *(f"command.{command.name}.{part}" for command in COMMANDS for part in ("about", "example")),
        *(f"option.{name}" for name in options),
        *(f"refused.missing_{name}" for name in required),
        *(f"kept.{table.name}.{part}" for table in about_people() for part in ("name", "meaning")),
        *(f"kept.{name}.{part}" for name in COPIED.values() for part in ("name", "meaning")),
        *(f"filter.{option.name}" for option in (TAG, *FILTERS)),
        *(f"{when}.{what}" for when in ("near", "unknown") for what in ("game", "tag", "zone", "command")),
        *(f"help.{topic}" for topic in Topic),
        *(f"together.{why}" for why in Absence),
        *(f"trust.{word}" for word in Trust),
        *(f"month.{month}" for month in range(1, 13)),
        *(f"value.{value}" for command in COMMANDS for option in command.options for value in option.choices),
        *(f"button.{deed}" for deed in set(Deed) - {Deed.CHOOSE, Deed.ASK}),
        *(f"form.{name}.{part}" for name in (GAMES, STEAM) for part in ("title", "label", "hint")),
        *(f"slack.search.{command.name}" for command in SEARCHED),
        *(f"slack.label.{option.name}" for command in SEARCHED for option in command.options),
        *(f"group.{command.name.split()[0]}" for command in COMMANDS if " " in command.name),
        *(f"doctor.name.{check}" for check in Check),
        *(f"status.nightly.{one}" for one in (*Why, *WHO)),
        *(f"status.nightly.of_{what}" for what in (*WAYS, "rows", "players", "games", "evidence")),
        *(f"status.digests.{state}" for state in TROUBLES),
    }


def literals() -> Iterator[str]:
    """Every string that stands in the code of `bot`."""
    for file in Path(bot.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def said() -> Iterator[str]:
    """Every key that the code asks for by a literal."""
    for file in Path(bot.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"say", "Refused"}:
                yield str(node.args[0].value)


def placeholders(sentence: str) -> list[str]:
    return sorted({name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None})


def test_both_languages_have_the_same_sentences() -> None:
    assert texts(Language.EN).keys() == texts(Language.KO).keys()


@pytest.mark.parametrize("key", texts(Language.EN))
def test_a_sentence_has_the_same_placeholders_in_both_languages(key: str) -> None:
    assert placeholders(texts(Language.EN)[key]) == placeholders(texts(Language.KO)[key])


def test_every_sentence_is_used() -> None:
    assert texts(Language.EN).keys() - derived() - set(literals()) == set()


def test_every_sentence_that_is_said_exists() -> None:
    keys = set(said()) | derived()

    assert len(keys) > 50
    assert keys - texts(Language.EN).keys() == set()


def test_no_korean_sentence_hangs_a_particle_on_a_name() -> None:
    """Which particle fits depends on the last sound of the name, which nobody knows beforehand."""
    particles = tuple("을를이가은는과와로")
    names = ("title", "titles", "said", "tag", "had", "played", "examples", "option", "filters")
    wrong = [
        (key, sentence)
        for key, sentence in texts(Language.KO).items()
        for name in names
        if any(f"{{{name}}}{ending}" in sentence or f"{{{name}}}’{ending}" in sentence for ending in particles)
    ]

    assert wrong == []


def test_hours_are_reasons() -> None:
    pick = Pick(CELLS, 1.0, (Because(HADES, 3720, 0.7), Because(CELLS, 1080, 0.3)))

    assert EN.reason(pick) == "because 62 h in Hades, 18 h in Dead Cells"
    assert KO.reason(pick) == "Hades 62시간, Dead Cells 18시간 플레이하셔서 골랐어요"


def test_games_never_played_are_reasons_without_hours() -> None:
    pick = Pick(CELLS, 1.0, (Because(HADES, 0, 1.0),))

    assert EN.reason(pick) == "because you have Hades"
    assert KO.reason(pick) == "Hades 보유 중이라 골랐어요"


@pytest.mark.parametrize(
    ("because", "english", "korean"),
    [
        ([LIKED], "because you liked Celeste", "Celeste 좋아하셔서 골랐어요"),
        (
            [PLAYED, LIKED],
            "because 62 h in Hades, and you liked Celeste",
            "Hades 62시간 플레이, Celeste 좋아하셔서 골랐어요",
        ),
        (
            [LIKED, HAD],
            "because you have Dead Cells, and you liked Celeste",
            "Dead Cells 보유, Celeste 좋아하셔서 골랐어요",
        ),
        (
            [PLAYED, HAD, LIKED],
            "because 62 h in Hades, you have Dead Cells, and you liked Celeste",
            "Hades 62시간 플레이, Dead Cells 보유, Celeste 좋아하셔서 골랐어요",
        ),
    ],
)
def test_games_only_liked_are_reasons_that_nobody_calls_owned(
    because: list[Because], english: str, korean: str
) -> None:
    pick = Pick(Game(1, "A"), 1.0, tuple(because))

    assert (EN.reason(pick), KO.reason(pick)) == (english, korean)


def test_a_series_is_one_reason_with_the_hours_and_shares_of_all_of_it() -> None:
    souls = Because(Game(1, "Dark Souls III"), 3720, 0.3, series=(Because(Game(2, "Dark Souls II"), 1080, 0.15),))

    assert EN.reason(Pick(CELLS, 1.0, (souls,))) == "because 80 h in Dark Souls III and 1 more of the series"
    assert KO.reason(Pick(CELLS, 1.0, (souls,))) == "Dark Souls III 외 같은 시리즈 1개 80시간 플레이하셔서 골랐어요"
    assert EN.share(souls) == "45 % · Dark Souls III and 1 more of the series (80 h)"


@pytest.mark.parametrize(
    ("chance", "english", "korean"),
    [
        (0.6, "a sure bet, because 62 h in Hades", "확실한 추천 · Hades 62시간 플레이하셔서 골랐어요"),
        (0.2, "a good guess, because 62 h in Hades", "기대해 볼 만한 추천 · Hades 62시간 플레이하셔서 골랐어요"),
        (0.05, "a long shot, because 62 h in Hades", "모험해 볼 만한 추천 · Hades 62시간 플레이하셔서 골랐어요"),
        (None, "because 62 h in Hades", "Hades 62시간 플레이하셔서 골랐어요"),
    ],
)
def test_how_sure_a_pick_is_stands_before_its_reason(chance: float | None, english: str, korean: str) -> None:
    pick = Pick(CELLS, 1.0, (PLAYED,), chance=chance)

    assert (EN.reason(pick), KO.reason(pick)) == (english, korean)


def test_popularity_is_the_reason_where_there_is_no_other() -> None:
    assert EN.reason(Pick(HADES, 1.0, players=1234)) == "owned by 1,234 of the players I learned from"


def test_that_nobody_owns_it_yet_is_said_of_a_new_game() -> None:
    assert EN.reason(Pick(HADES, 1.0)) == "not yet owned by any of the players I learned from"
    assert KO.reason(Pick(HADES, 1.0)) == "학습한 플레이어 중에는 아직 보유한 사람이 없음"


@pytest.mark.parametrize(
    ("minutes", "english", "korean"),
    [
        (1, "1 min", "1분"),
        (59, "59 min", "59분"),
        (60, "1 h", "1시간"),
        (90, "1.5 h", "1.5시간"),
        (599, "10.0 h", "10.0시간"),
        (600, "10 h", "10시간"),
        (3720, "62 h", "62시간"),
        (600_000, "10,000 h", "10,000시간"),
    ],
)
def test_playtime(minutes: int, english: str, korean: str) -> None:
    assert (EN.hours(minutes), KO.hours(minutes)) == (english, korean)


@pytest.mark.parametrize(
    ("price", "english", "korean"),
    [
        (0.0, "free", "무료"),
        (14.99, "$14.99", "$14.99"),
        (5, "$5.00", "$5.00"),
        (None, "not for sale", "판매하지 않음"),
    ],
)
def test_price(price: float | None, english: str, korean: str) -> None:
    game = Game(1, "A", price=price)

    assert (EN.price(game), KO.price(game)) == (english, korean)


def test_reviews_are_a_share_of_a_count_and_round_down() -> None:
    game = Game(1, "A", positive=41_999, negative=95)

    assert list(EN.reviews(game)) == ["99 % of 42,094 reviews"]
    assert list(KO.reviews(game)) == ["평가 42,094개 중 99% 긍정적"]


def test_what_is_not_known_is_left_out() -> None:
    assert list(EN.facts(Game(1, "A", price=0.0))) == ["free"]
    assert list(EN.facts(Game(1, "A", ("Indie",), price=0.0, year=2020))) == ["free", "2020"]


def test_a_card_says_what_kind_of_indie_game_it_is() -> None:
    assert list(EN.facts(HADES)) == ["not for sale", "Roguelike, Action"]


@pytest.mark.parametrize(
    ("words", "label", "reason"),
    [
        (EN, "new", "because you have Static; by its tags and studio, as hardly anybody owns it yet"),
        (KO, "신작", "Static 보유 중이라 골랐어요. 아직 보유한 사람이 거의 없어 태그와 제작사를 보고 판단했어요"),
    ],
)
def test_a_new_game_is_called_new_and_says_what_speaks_for_it(words: Wording, label: str, reason: str) -> None:
    pick = Pick(Game(1, "A", price=0.0), 1.0, (Because(Game(2, "Static"), 0, 1.0),))

    assert words.summary(replace(pick, new=True)) == f"{label} · {words.summary(pick)}"
    assert words.reason(replace(pick, new=True)) == reason
    assert words.reason(pick) != reason


def test_a_new_game_without_reasons_is_owned_by_nobody() -> None:
    pick = Pick(Game(1, "A", price=0.0), 1.0, new=True)

    assert EN.reason(pick) == "not yet owned by any of the players I learned from"


def test_titles_with_braces_are_said_as_they_are() -> None:
    assert "{0} {title}" in EN.say("hide.back", title="{0} {title}")


def test_long_words_are_said_back_short() -> None:
    assert len(quoted("x" * 5000)) == LONGEST_QUOTE
    assert quoted("short") == "short"
