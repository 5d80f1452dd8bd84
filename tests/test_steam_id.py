"""Every way of writing a Steam ID means the same player, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import SteamIdInvalid
from storage.steam.ids import FIRST, LAST_ACCOUNT, SteamID, Vanity, parse

ACCOUNTS = st.integers(1, LAST_ACCOUNT)
VANITIES = st.from_regex(r"[A-Za-z0-9_-]{2,32}", fullmatch=True)
HOSTS = st.sampled_from(
    [
        "",
        "/",
        "steamcommunity.com/",
        "www.steamcommunity.com/",
        "http://steamcommunity.com/",
        "https://steamcommunity.com/",
        "https://www.steamcommunity.com/",
        "HTTPS://SteamCommunity.com/",
    ]
)
TAILS = st.sampled_from(["", "/", "/games/?tab=all", "?l=koreana", "#top", "/home/?xml=1#a", "/inventory"])
WRAPS = st.sampled_from(["{}", "  {}\n", "<{}>", " < {} > ", "<{}|steam>"])


def forms(account: int) -> list[str]:
    steam3 = f"[U:1:{account}]"
    steam2 = [f"STEAM_{x}:{account % 2}:{account // 2}" for x in (0, 1)]
    return [str(FIRST + account), steam3, *steam2, steam3.lower(), steam2[0].lower()]


def linked(account: int) -> list[str]:
    return [f"profiles/{FIRST + account}", f"profiles/[U:1:{account}]", f"profiles/%5BU:1:{account}%5D"]


@given(ACCOUNTS, WRAPS)
def test_every_form_of_an_account_is_the_same_player(account: int, wrap: str) -> None:
    meant = {parse(wrap.format(form)) for form in forms(account)}

    assert meant == {SteamID(FIRST + account)}


@given(ACCOUNTS, HOSTS, TAILS, WRAPS)
def test_every_profile_link_of_an_account_is_the_same_player(account: int, host: str, tail: str, wrap: str) -> None:
    meant = {parse(wrap.format(host + link + tail)) for link in linked(account)}

    assert meant == {SteamID(FIRST + account)}


@given(ACCOUNTS)
def test_a_steam_id_written_out_reads_back(account: int) -> None:
    player = SteamID(FIRST + account)

    assert parse(str(player)) == player
    assert player.account == account


@given(VANITIES, HOSTS, TAILS, WRAPS)
def test_an_id_link_names_a_vanity_whatever_it_looks_like(name: str, host: str, tail: str, wrap: str) -> None:
    assert parse(wrap.format(f"{host}id/{name}{tail}")) == Vanity(name)


@pytest.mark.parametrize("name", ["gabelogannewell", "ab", "x" * 32, "under_score-dash", "12", "440", "7656", "9" * 16])
def test_a_bare_name_is_a_vanity_even_of_digits(name: str) -> None:
    assert parse(name) == Vanity(name)


@pytest.mark.parametrize("account", [1, 2, 22202, LAST_ACCOUNT])
def test_the_first_and_last_account_are_players(account: int) -> None:
    assert parse(str(FIRST + account)) == SteamID(FIRST + account)


@pytest.mark.parametrize(
    "said",
    [
        str(FIRST),
        str(FIRST + 2**32),
        "76561190000000000",
        "12345678901234567",
        "[U:1:0]",
        "[U:1:4294967296]",
        "STEAM_0:0:0",
        "STEAM_0:0:2147483648",
        "STEAM_0:2:5",
        f"https://steamcommunity.com/profiles/{FIRST}",
    ],
)
def test_an_id_out_of_range_is_refused(said: str) -> None:
    with pytest.raises(SteamIdInvalid):
        parse(said)


@pytest.mark.parametrize(
    "said",
    [
        "[g:1:4]",
        "103582791429521412",
        "103582913700000000",
        "https://steamcommunity.com/groups/Valve",
        "https://steamcommunity.com/gid/103582791429521412",
        "steamcommunity.com/profiles/103582791429521412",
    ],
)
def test_a_group_is_refused(said: str) -> None:
    with pytest.raises(SteamIdInvalid):
        parse(said)


@pytest.mark.parametrize(
    "said",
    [
        "",
        " ",
        "<>",
        "a",
        "x" * 33,
        "two words",
        "na\u00efve",
        "STEAM_0:1",
        "STEAM_4:1:5",
        "[U:1:5:1]",
        "[U:2:5]",
        "٧٦٥٦١١٩٧٩٦٠٢٨٧٩٣٠",
        "https://steamcommunity.com/",
        "https://steamcommunity.com/id/",
        "id/a b",
        "https://steamcommunity.com.evil.example/id/gaben",
        "https://evil.example/id/gaben",
        "profiles/gaben",
        "https://steamcommunity.com@evil.example/id/gaben",
        "ftp://steamcommunity.com/id/gaben",
        "<gaben",
        "9" * 5000,
    ],
)
def test_anything_else_is_refused_and_named_as_typed(said: str) -> None:
    with pytest.raises(SteamIdInvalid) as refused:
        parse(said)

    assert refused.value.said == said


PIECES = st.sampled_from(
    [
        "STEAM_0:",
        "1:",
        "[U:1:",
        "]",
        "<",
        ">",
        "|",
        "https://",
        "steamcommunity.com/",
        "id/",
        "profiles/",
        "%5B",
        "%ff",
        "76561197960287930",
        "103582791429521412",
        "gaben",
        "?",
        "#",
        " ",
        "\n",
        "\0",
    ]
)


@given(st.text() | st.lists(PIECES | st.text(max_size=3)).map("".join))
def test_any_text_is_a_player_a_vanity_or_refused(said: str) -> None:
    try:
        meant: object = parse(said)
    except SteamIdInvalid as refused:
        meant = refused.said

    assert meant == said or isinstance(meant, SteamID | Vanity)


@pytest.mark.parametrize("value", [0, -1, FIRST, FIRST + 2**32, 103582791429521412])
def test_a_steam_id_out_of_range_cannot_exist(value: int) -> None:
    with pytest.raises(SteamIdInvalid):
        SteamID(value)
