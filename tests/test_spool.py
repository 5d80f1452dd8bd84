"""The spool keeps what it has taken, in order, and neither a full disk nor a killed process spoils what is there."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import EventRefused, SpoolError
from storage.lake.events import Event, Kind
from storage.lake.lines import LARGEST, HalfLine, event_of, line_of
from storage.lake.spool import SEGMENT, Spool
from tests.databases import NOON
from tests.lake_process import event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
EVENTS = st.builds(
    Event,
    WORDS,
    st.sampled_from(Kind),
    st.just(NOON),
    st.integers(1, 9),
    st.dictionaries(st.text(), JSON, max_size=3),
    st.none() | WORDS,
    st.none() | WORDS,
    st.none() | st.binary(max_size=50),
)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    (tmp_path / "spool").mkdir()
    return Spool(tmp_path / "spool")


def drained(spool: Spool) -> list[Event]:
    found: list[Event] = []
    while (segment := spool.oldest()) is not None:
        found += segment.events
        spool.remove(segment)
    return found


def test_its_size_is_what_waits_on_the_disk(spool: Spool) -> None:
    lines = [line_of(event(number)) for number in range(3)]
    empty = spool.size()
    spool.add(lines)
    full = spool.size()
    drained(spool)

    assert (empty, full, spool.size()) == (0, sum(map(len, lines)), 0)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As a full disk, the system writes what fits and refuses the rest."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@given(EVENTS)
def test_a_line_says_the_whole_event(said: Event) -> None:
    line = line_of(said)

    assert line.count(b"\n") == 1
    assert event_of(line) == said


@given(EVENTS, st.data())
def test_a_line_that_is_cut_or_changed_is_known_as_one(said: Event, data: st.DataObject) -> None:
    line = line_of(said).removesuffix(b"\n")
    at = data.draw(st.integers(0, len(line) - 1))
    changed = bytearray(line)
    changed[at] ^= 1
    for other in (line[:at], bytes(changed)):
        with pytest.raises(HalfLine):
            event_of(other)


@pytest.mark.parametrize(
    ("poisoned", "why"),
    [
        (replace(event(1), payload={"x": {1, 2}}), "not JSON"),
        (replace(event(1), payload={"x": float("nan")}), "not JSON"),
        (replace(event(1), payload={"x": b"bytes"}), "not JSON"),
        (replace(event(1), key="a\0b"), "NUL"),
        (replace(event(1), person="a\0b"), "NUL"),
        (replace(event(1), person="\ud800"), "no text"),
        (replace(event(1), at=NOON.replace(tzinfo=None)), "time zone"),
        (replace(event(1), body=b"x" * LARGEST), "bytes"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_sentence_that_repeats_none_of_it(poisoned: Event, why: str) -> None:
    with pytest.raises(EventRefused, match=why) as refused:
        line_of(poisoned)

    assert "ada" not in str(refused.value)


def test_a_payload_without_an_end_is_refused() -> None:
    payload: dict[str, object] = {}
    payload["me"] = payload
    with pytest.raises(EventRefused, match="not JSON"):
        line_of(replace(event(1), payload=payload))


def test_what_was_added_comes_back_in_its_order(spool: Spool, tmp_path: Path) -> None:
    spool.add([line_of(event(1)), line_of(event(2))])
    spool.add([line_of(event(3))])

    assert drained(Spool(tmp_path / "spool")) == [event(1), event(2), event(3)]
    assert not spool.waiting()


def test_a_new_file_begins_once_one_is_large(spool: Spool, tmp_path: Path) -> None:
    large = [event(number, size=SEGMENT // 3) for number in range(12)]
    for one in large:
        spool.add([line_of(one)])
    files = sorted((tmp_path / "spool").glob("*.jsonl"))

    assert len(files) == 4
    assert drained(spool) == large


def test_two_at_once_have_one_lock(spool: Spool, tmp_path: Path) -> None:
    let_go = spool.hold()
    assert let_go is not None
    meanwhile = Spool(tmp_path / "spool").hold()
    let_go()
    afterwards = Spool(tmp_path / "spool").hold()
    assert afterwards is not None
    afterwards()

    assert meanwhile is None


def test_a_folder_that_is_not_there_is_empty_and_made_when_it_is_wanted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "not" / "there")
    before = (spool.waiting(), spool.oldest(), spool.find(lambda _: True), spool.erase(lambda _: True))
    let_go = spool.hold()
    assert let_go is not None
    spool.add([line_of(event(1))])
    let_go()

    assert before == (False, None, [], 0)
    assert (tmp_path / "not" / "there").stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "not" / "there").iterdir()] == [0, 0]


def test_more_than_it_may_hold_is_refused_whole(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    lines = [line_of(event(number)) for number in range(4)]
    spool = Spool(tmp_path / "spool", most=2 * len(lines[0]) + 1)
    spool.add(lines[:2])
    with pytest.raises(SpoolError, match="of "):
        spool.add(lines[2:])

    assert drained(spool) == [event(0), event(1)]


def test_a_full_disk_takes_back_what_was_written_of_a_batch(spool: Spool, tmp_path: Path) -> None:
    spool.add([line_of(event(1))])
    (file,) = (tmp_path / "spool").glob("*.jsonl")
    size = file.stat().st_size
    with files_of_at_most(size + 100), pytest.raises(SpoolError, match="too large"):
        spool.add([line_of(event(2, size=500))])
    left = file.stat().st_size
    spool.add([line_of(event(3))])

    assert left == size
    assert drained(spool) == [event(1), event(3)]


def test_half_a_line_is_counted_and_no_line_is_written_behind_it(spool: Spool, tmp_path: Path) -> None:
    spool.add([line_of(event(1))])
    (file,) = (tmp_path / "spool").glob("*.jsonl")
    with file.open("ab") as opened:
        opened.write(line_of(event(2))[:-10])
    spool.add([line_of(event(3))])
    first = spool.oldest()

    assert first is not None
    assert (first.events, first.broken) == ((event(1),), 1)
    assert drained(spool) == [event(1), event(3)]


def test_killed_just_before_the_end_of_a_line_the_event_is_whole(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "spool" / "000000000001.jsonl").write_bytes(line_of(event(1)).removesuffix(b"\n"))
    spool.add([line_of(event(2))])

    assert drained(spool) == [event(1), event(2)]


def test_what_is_erased_is_in_no_file_any_more(spool: Spool, tmp_path: Path) -> None:
    spool.add([line_of(event(number, person)) for number in range(3) for person in ("ada", "bob")])
    erased = spool.erase(lambda one: one.person == "ada")
    left = b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())

    assert erased == 3
    assert b"ada" not in left
    assert drained(spool) == [event(number, "bob") for number in range(3)]


def test_half_a_line_may_be_about_anybody_and_goes_with_the_first_who_is_erased(spool: Spool, tmp_path: Path) -> None:
    spool.add([line_of(event(1, "bob"))])
    (file,) = (tmp_path / "spool").glob("*.jsonl")
    with file.open("ab") as opened:
        opened.write(line_of(event(2, "ada"))[:-10])
    erased = spool.erase(lambda one: one.person == "ada")

    assert erased == 0
    assert b"ada" not in file.read_bytes()
    assert drained(spool) == [event(1, "bob")]


def test_a_file_of_which_nothing_is_left_is_gone(spool: Spool) -> None:
    spool.add([line_of(event(1))])
    spool.erase(lambda _: True)

    assert not spool.waiting()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_an_error_with_the_reason(spool: Spool, tmp_path: Path) -> None:
    spool.add([line_of(event(1))])
    (file,) = (tmp_path / "spool").glob("*.jsonl")
    file.chmod(0)
    with pytest.raises(SpoolError, match="Permission denied"):
        spool.oldest()


def test_a_folder_that_is_a_file_is_an_error_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("holiday pictures")
    with pytest.raises(SpoolError, match="exists"):
        Spool(tmp_path / "spool").hold()
