"""Every limit of Slack's that the loopback server holds the bot to: what just fits is taken, one more is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loopback_slack.blocks import block_flaws, length, marked
from tests.loopback_slack.composition import offered_flaws
from tests.loopback_slack.refusals import Flaw, Refusal
from tests.loopback_slack.views import view_flaws

Payload = dict[str, Any]
COVER = "https://example.org/cover.png"


def plain(content: str = "A") -> Payload:
    return {"type": "plain_text", "text": content}


def marked_up(content: str = "A") -> Payload:
    return {"type": "mrkdwn", "text": content}


def section(content: str = "A", **others: object) -> Payload:
    return {"type": "section", "text": marked_up(content)} | others


def fields(*found: Payload) -> Payload:
    return {"type": "section", "fields": list(found)}


def header(content: str) -> Payload:
    return {"type": "header", "text": plain(content)}


def button(number: int = 0, **changed: object) -> Payload:
    return {"type": "button", "text": plain("Next"), "action_id": f"next:{number}"} | changed


def actions(*elements: Payload, **others: object) -> Payload:
    return {"type": "actions", "elements": list(elements)} | others


def context(*elements: Payload) -> Payload:
    return {"type": "context", "elements": list(elements)}


def option(value: object = "a", **changed: object) -> Payload:
    return {"text": plain(str(value)[:75]), "value": str(value)} | changed


def options(count: int) -> list[Payload]:
    return [option(number) for number in range(count)]


def overflow(count: int, **changed: object) -> Payload:
    return {"type": "overflow", "action_id": "more", "options": options(count)} | changed


def select(count: int, **changed: object) -> Payload:
    return {"type": "static_select", "action_id": "which", "options": options(count)} | changed


def grouped(*groups: Payload) -> Payload:
    return {"type": "static_select", "action_id": "which", "option_groups": list(groups)}


def external(**changed: object) -> Payload:
    return {"type": "external_select", "action_id": "games", "placeholder": plain(), "min_query_length": 1} | changed


def picture(**changed: object) -> Payload:
    return {"type": "image", "image_url": COVER, "alt_text": "A cover"} | changed


def entry(element: Payload | None = None, **changed: object) -> Payload:
    typed = {"type": "plain_text_input", "action_id": "typed"}
    return {"type": "input", "label": plain("Games"), "element": element or typed} | changed


def confirm(**changed: object) -> Payload:
    return {
        "title": plain("A" * 100),
        "text": marked_up("A" * 300),
        "confirm": plain("Y"),
        "deny": plain("N"),
    } | changed


def rich(*parts: Payload) -> Payload:
    return {"type": "rich_text", "elements": list(parts)}


def rich_section(*leaves: Payload) -> Payload:
    return {"type": "rich_text_section", "elements": list(leaves)}


FIT = {
    "fifty blocks": [section()] * 50,
    "section text": [section("A" * 3000)],
    "ten fields": [fields(*[marked_up("A" * 2000)] * 10)],
    "header": [header("A" * 150)],
    "divider": [{"type": "divider", "block_id": "A" * 255}],
    "25 buttons": [actions(*(button(number) for number in range(25)))],
    "button": [actions(button(text=plain("A" * 75), value="A" * 2000, style="primary", action_id="A" * 255))],
    "link button": [actions(button(url="https://store.steampowered.com/app/1/"))],
    "confirmed button": [actions(button(confirm=confirm()))],
    "ten in context": [context(*[picture(), marked_up()] * 5)],
    "one option": [section(accessory=overflow(1))],
    "five options": [section(accessory=overflow(5))],
    "option": [section(accessory=overflow(0, options=[option("A" * 150, text=plain("A" * 75))]))],
    "option with address": [section(accessory=overflow(0, options=[option(url=COVER)]))],
    "hundred options": [section(accessory=select(100, placeholder=plain("A" * 150)))],
    "chosen before": [section(accessory=select(2, initial_option=option("1")))],
    "grouped": [section(accessory=grouped({"label": plain("A" * 75), "options": options(100)}))],
    "external": [section(accessory=external())],
    "picture": [picture(image_url=COVER + "?" + "a" * 2900, alt_text="A" * 2000, title=plain("A" * 2000))],
    "input": [entry(hint=plain(), optional=True)],
    "rich text": [
        rich(
            rich_section({"type": "text", "text": "A", "style": {"bold": True}}, {"type": "link", "url": COVER}),
            {"type": "rich_text_list", "style": "bullet", "elements": [rich_section({"type": "text", "text": "A"})]},
        )
    ],
}

TOO_MUCH = {
    "51 blocks": ([section()] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "no list": ({}, "must be an array [json-pointer:/blocks]"),
    "no object": (["A"], "must provide an object [json-pointer:/blocks/0]"),
    "unknown block": ([{"type": "card"}], "unsupported type: card [json-pointer:/blocks/0/type]"),
    "unknown member": ([section(colour="red")], "invalid additional property: colour [json-pointer:/blocks/0]"),
    "section text": ([section("A" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    "empty text": ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    "no text": ([{"type": "section"}], "missing required field: text [json-pointer:/blocks/0]"),
    "bare text": ([{"type": "section", "text": "A"}], "must provide an object [json-pointer:/blocks/0/text]"),
    "a text of none": (
        [section() | {"text": {"type": "markdown", "text": "A"}}],
        "must be a valid enum value [json-pointer:/blocks/0/text/type]",
    ),
    "eleven fields": ([fields(*[marked_up()] * 11)], "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    "no fields": ([fields()], "no fewer than 1 items allowed [json-pointer:/blocks/0/fields]"),
    "field": (
        [fields(marked_up("A" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    "header": ([header("A" * 151)], "must be less than 151 characters [json-pointer:/blocks/0/text/text]"),
    "marked header": (
        [header("A") | {"text": marked_up()}],
        "must be a valid enum value [json-pointer:/blocks/0/text/type]",
    ),
    "26 buttons": (
        [actions(*(button(number) for number in range(26)))],
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "no buttons": ([actions()], "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
    "button text": (
        [actions(button(text=plain("A" * 76)))],
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    "marked button": (
        [actions(button(text=marked_up()))],
        "must be a valid enum value [json-pointer:/blocks/0/elements/0/text/type]",
    ),
    "value": (
        [actions(button(value="A" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    "style": (
        [actions(button(style="default"))],
        "must be a valid enum value [json-pointer:/blocks/0/elements/0/style]",
    ),
    "a link elsewhere": (
        [actions(button(url="steam://run/1"))],
        "invalid url [json-pointer:/blocks/0/elements/0/url]",
    ),
    "action_id": (
        [actions(button(action_id="A" * 256))],
        "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
    ),
    "action_id twice": (
        [actions(button()), section(accessory=button())],
        "`action_id` next:0 already exists [json-pointer:/blocks/1/accessory/action_id]",
    ),
    "block_id": (
        [section(block_id="A" * 256)],
        "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
    ),
    "block_id twice": (
        [section(block_id="a"), section(block_id="a")],
        "`block_id` a already exists [json-pointer:/blocks/1/block_id]",
    ),
    "a picture among actions": (
        [actions(picture())],
        "unsupported type: image [json-pointer:/blocks/0/elements/0/type]",
    ),
    "eleven in context": (
        [context(*[marked_up()] * 11)],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "a button in context": (
        [context(button())],
        "unsupported type: button [json-pointer:/blocks/0/elements/0/type]",
    ),
    "six options": (
        [section(accessory=overflow(6))],
        "no more than 5 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
    "no options": (
        [section(accessory=overflow(0))],
        "no fewer than 1 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
    "option text": (
        [section(accessory=overflow(0, options=[option(text=plain("A" * 76))]))],
        "must be less than 76 characters [json-pointer:/blocks/0/accessory/options/0/text/text]",
    ),
    "option value": (
        [section(accessory=overflow(0, options=[option("A" * 151)]))],
        "must be less than 151 characters [json-pointer:/blocks/0/accessory/options/0/value]",
    ),
    "option twice": (
        [section(accessory=overflow(0, options=[option(), option()]))],
        "`value` a already exists [json-pointer:/blocks/0/accessory/options/1/value]",
    ),
    "101 options": (
        [section(accessory=select(101))],
        "no more than 100 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
    "address of an option": (
        [section(accessory=select(0, options=[option(url=COVER)]))],
        "invalid additional property: url [json-pointer:/blocks/0/accessory/options/0]",
    ),
    "chosen before": (
        [section(accessory=select(2, initial_option=option("7")))],
        "could not find provided initial option [json-pointer:/blocks/0/accessory/initial_option]",
    ),
    "options of external": (
        [section(accessory=external(options=options(1)))],
        "invalid additional property: options [json-pointer:/blocks/0/accessory]",
    ),
    "placeholder": (
        [section(accessory=external(placeholder=plain("A" * 151)))],
        "must be less than 151 characters [json-pointer:/blocks/0/accessory/placeholder/text]",
    ),
    "no alt text": ([picture(alt_text=None)], "missing required field: alt_text [json-pointer:/blocks/0]"),
    "alt text": (
        [picture(alt_text="A" * 2001)],
        "must be less than 2001 characters [json-pointer:/blocks/0/alt_text]",
    ),
    "empty alt text": (
        [section(accessory=picture(alt_text=""))],
        "must be more than 0 characters [json-pointer:/blocks/0/accessory/alt_text]",
    ),
    "picture address": (
        [picture(image_url="https://example.org/" + "a" * 3000)],
        "must be less than 3001 characters [json-pointer:/blocks/0/image_url]",
    ),
    "confirm": (
        [actions(button(confirm=confirm(title=plain("A" * 101))))],
        "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
    ),
    "half a confirm": (
        [section(accessory=overflow(1, confirm=confirm(deny=None)))],
        "missing required field: deny [json-pointer:/blocks/0/accessory/confirm]",
    ),
    "a button in input": ([entry(button())], "unsupported type: button [json-pointer:/blocks/0/element/type]"),
    "label": (
        [entry(label=plain("A" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/label/text]",
    ),
    "rich part": ([rich({"type": "section"})], "unsupported type: section [json-pointer:/blocks/0/elements/0/type]"),
    "rich leaf": (
        [rich(rich_section({"type": "mrkdwn", "text": "A"}))],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/elements/0/type]",
    ),
}


@pytest.mark.parametrize("blocks", FIT.values(), ids=FIT.keys())
def test_what_fits_is_taken(blocks: list[Payload]) -> None:
    assert list(map(str, block_flaws(blocks))) == []


@pytest.mark.parametrize(("blocks", "flaw"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_what_does_not_fit_is_refused_with_its_place(blocks: object, flaw: str) -> None:
    assert str(next(iter(block_flaws(blocks)))) == flaw


def test_a_refusal_is_written_as_slack_writes_it() -> None:
    refusal = Refusal("invalid_blocks", [Flaw(("blocks", 0, "text", "text"), "must be less than 3001 characters")])

    said = "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert refusal.payload == {
        "ok": False,
        "error": "invalid_blocks",
        "errors": [said],
        "response_metadata": {"messages": [f"[ERROR] {said}"]},
    }


def test_a_picture_that_cannot_be_fetched_fails_the_whole() -> None:
    blocks = [section(accessory=picture()), picture(image_url="https://example.org/other.png")]

    flaws = list(map(str, block_flaws(blocks, broken={COVER})))

    assert flaws == ["downloading image failed [json-pointer:/blocks/0/accessory/image_url]"]


def test_every_text_counts_towards_the_length_of_a_message() -> None:
    blocks = [header("1234"), section("12", accessory=overflow(2)), context(marked_up("1"), picture()), entry()]

    assert length(blocks) == 4 + 2 + 2 + 1 + len("Games")


def test_mentions_are_read_in_marked_up_text_only() -> None:
    rung = {"type": "broadcast", "range": "here"}
    blocks = [header("<!channel>"), section("<@U1>"), rich(rich_section(rung))]

    assert list(marked(blocks)) == ["<@U1>", "<!here>"]


def modal(*blocks: Payload, **changed: object) -> Payload:
    return {"type": "modal", "title": plain("Find"), "submit": plain("Go"), "blocks": list(blocks)} | changed


@pytest.mark.parametrize(
    ("view", "flaw"),
    [
        (modal(*[section()] * 100), None),
        (modal(entry(external()), title=plain("A" * 24), close=plain("A" * 24), private_metadata="A" * 3000), None),
        (modal(callback_id="A" * 255, notify_on_close=True), None),
        (modal(*[section()] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
        (modal(title=plain("A" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (modal(title=None), "missing required field: title [json-pointer:/view]"),
        (modal(submit=plain("A" * 25)), "must be less than 25 characters [json-pointer:/view/submit/text]"),
        (modal(close=plain("A" * 25)), "must be less than 25 characters [json-pointer:/view/close/text]"),
        (modal(title=marked_up()), "must be a valid enum value [json-pointer:/view/title/type]"),
        (modal(callback_id="A" * 256), "must be less than 256 characters [json-pointer:/view/callback_id]"),
        (modal(private_metadata="A" * 3001), "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
        (modal(entry(), submit=None), "missing required field: submit [json-pointer:/view]"),
        (modal(text="A"), "invalid additional property: text [json-pointer:/view]"),
        (modal(section("")), "must be more than 0 characters [json-pointer:/view/blocks/0/text/text]"),
        ({"type": "home", "blocks": []}, "must be a valid enum value [json-pointer:/view/type]"),
    ],
)
def test_modals(view: Payload, flaw: str | None) -> None:
    assert next(map(str, view_flaws(view, "modal")), None) == flaw


@pytest.mark.parametrize(
    ("view", "flaw"),
    [
        ({"type": "home", "blocks": [section()] * 100}, None),
        ({"type": "home", "blocks": [section()] * 101}, "no more than 100 items allowed [json-pointer:/view/blocks]"),
        (
            {"type": "home", "blocks": [], "title": plain()},
            "invalid additional property: title [json-pointer:/view]",
        ),
        ("home", "must provide an object [json-pointer:/view]"),
    ],
)
def test_home_tabs(view: object, flaw: str | None) -> None:
    assert next(map(str, view_flaws(view, "home")), None) == flaw


@pytest.mark.parametrize(
    ("offered", "flaw"),
    [
        ({"options": options(100)}, None),
        ({"options": []}, None),
        ({"option_groups": [{"label": plain(), "options": options(2)}]}, None),
        ({"options": options(101)}, "no more than 100 items allowed [json-pointer:/options]"),
        ({"options": [option("A" * 151)]}, "must be less than 151 characters [json-pointer:/options/0/value]"),
        ({}, "must define either `options` or `option_groups` [json-pointer:]"),
    ],
)
def test_what_is_offered_while_somebody_types(offered: Payload, flaw: str | None) -> None:
    assert next(map(str, offered_flaws((), offered)), None) == flaw
