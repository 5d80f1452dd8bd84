"""What an acknowledgement does to a view, and what a person can put into its fields, without a bot."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loopback_slack import Exchange, LoopbackSlack, View, render_view
from tests.loopback_slack.acting import acknowledge, open_view
from tests.loopback_slack.filling import fill
from tests.loopback_slack.refusals import Refusal

Payload = dict[str, Any]


def plain(text: str) -> Payload:
    return {"type": "plain_text", "text": text}


def options(*names: str) -> list[Payload]:
    return [{"text": plain(name), "value": name.lower()} for name in names]


def entry(label: str, element: Payload, **others: object) -> Payload:
    known = {"action_id": label.lower()} | element
    return {"type": "input", "block_id": f"of {label}", "label": plain(label), "element": known} | others


def modal(*blocks: Payload, title: str = "Ask") -> Payload:
    return {"type": "modal", "title": plain(title), "submit": plain("Go"), "blocks": list(blocks)}


TYPED = {"type": "plain_text_input", "min_length": 2, "max_length": 4}
PICKED = {"type": "static_select", "options": options("Weekly", "Monthly")}
SEVERAL = {"type": "multi_static_select", "options": options("Puzzle", "Horror", "Cosy")}


@pytest.fixture
def slack() -> LoopbackSlack:
    """Nobody is told of anything."""
    slack = LoopbackSlack()
    slack.world.deliver = lambda _: None
    return slack


def opened(slack: LoopbackSlack, *blocks: Payload) -> tuple[Exchange, View]:
    asked = slack.member("ann").begin(slack.channel(), "/ask")
    return asked, open_view(slack.world, asked.payload["trigger_id"], modal(*blocks))


async def sent(slack: LoopbackSlack, asked: Exchange, view: View, answer: Payload | None) -> Exchange:
    exchange = asked.member.submit(asked, view)
    acknowledge(slack.world, exchange, answer)
    return exchange


async def test_an_empty_acknowledgement_closes_the_view(slack: LoopbackSlack) -> None:
    asked, view = opened(slack, entry("Tag", TYPED))

    await sent(slack, asked, view, None)

    assert asked.view is None


async def test_a_view_may_be_changed_by_the_acknowledgement(slack: LoopbackSlack) -> None:
    asked, view = opened(slack, entry("Tag", TYPED))

    exchange = await sent(slack, asked, view, {"response_action": "update", "view": modal(title="Done")})

    assert asked.text == "╭ Done\n╰ [Go]"
    assert exchange.view is view


async def test_views_are_pushed_three_deep_and_closed_together(slack: LoopbackSlack) -> None:
    asked, first = opened(slack, entry("Tag", TYPED))
    push = {"response_action": "push", "view": modal()}
    second = (await sent(slack, asked, first, push)).view
    assert second is not None
    third = (await sent(slack, asked, second, push)).view
    assert third is not None

    await sent(slack, asked, third, push)
    assert [str(one) for one in slack.refused] == ["ack of view_submission: push_limit_reached"]
    await sent(slack, asked, third, {"response_action": "clear"})
    assert not any(view.open for view in (first, second, third))


@pytest.mark.parametrize(
    ("answer", "flaw"),
    [
        ({"response_action": "errors", "errors": {"Tag": "No"}}, "there is no input block of this block_id"),
        ({"response_action": "errors", "errors": {}}, "must provide an object"),
        ({"response_action": "shut"}, "must be a valid enum value"),
        ({"response_action": "update", "view": modal(title="A" * 25)}, "must be less than 25 characters"),
    ],
)
async def test_an_acknowledgement_that_says_nonsense_is_refused(
    slack: LoopbackSlack, answer: Payload, flaw: str
) -> None:
    asked, view = opened(slack, entry("Tag", TYPED))

    await sent(slack, asked, view, answer)

    assert flaw in str(slack.refused[0])
    assert view.open


async def test_what_a_person_puts_into_fields_is_sent(slack: LoopbackSlack) -> None:
    _, view = opened(
        slack, entry("Tag", TYPED), entry("When", PICKED), entry("Kinds", SEVERAL), entry("Day", {"type": "datepicker"})
    )

    fill(view, {"Tag": "cozy", "when": "Monthly", "of Kinds": ["Puzzle", "cosy"], "Day": "2026-02-03"})

    assert view.payload("A1")["state"]["values"] == {
        "of Tag": {"tag": {"type": "plain_text_input", "value": "cozy"}},
        "of When": {"when": {"type": "static_select", "selected_option": options("Monthly")[0]}},
        "of Kinds": {"kinds": {"type": "multi_static_select", "selected_options": options("Puzzle", "Cosy")}},
        "of Day": {"day": {"type": "datepicker", "selected_date": "2026-02-03"}},
    }


async def test_what_stands_there_from_the_beginning_is_sent_too(slack: LoopbackSlack) -> None:
    chosen = PICKED | {"initial_option": options("Weekly")[0]}
    _, view = opened(slack, entry("When", chosen))

    fill(view, {})

    assert view.typed["of When"]["when"]["selected_option"]["value"] == "weekly"
    assert "[Weekly ▾ Weekly | Monthly]" in render_view(view.body)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"Tag": "A"}, ValueError),
        ({"Tag": "AAAAA"}, ValueError),
        ({}, ValueError),
        ({"Tag": "AA", "Tab": "A"}, LookupError),
    ],
)
async def test_what_cannot_be_sent_is_not(slack: LoopbackSlack, values: Payload, error: type[Exception]) -> None:
    _, view = opened(slack, entry("Tag", TYPED))

    with pytest.raises(error):
        fill(view, values)


async def test_a_trigger_that_nobody_gave_opens_nothing(slack: LoopbackSlack) -> None:
    with pytest.raises(Refusal, match="invalid_trigger_id"):
        open_view(slack.world, "guessed", modal())
