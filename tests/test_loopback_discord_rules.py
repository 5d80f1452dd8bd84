"""Every limit of Discord's that the loopback server holds the bot to: what just fits is taken, one more is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loopback_discord.command_rules import bulk_flaws, size
from tests.loopback_discord.components import is_emoji
from tests.loopback_discord.messages import Attached, drafted, redrafted
from tests.loopback_discord.modals import modal_flaws
from tests.loopback_discord.refusals import Flaw, Refusal, malformed
from tests.loopback_discord.rendering import render
from tests.loopback_discord.validate import EPHEMERAL, LAYOUT, message_flaws

Payload = dict[str, Any]
COVER = {"url": "https://example.org/cover.png"}


def text(content: str = "Hello") -> Payload:
    return {"type": 10, "content": content}


def button(number: int = 0, **changed: object) -> Payload:
    return {"type": 2, "style": 1, "label": "Next", "custom_id": f"next:{number}"} | changed


def link(**changed: object) -> Payload:
    return {"type": 2, "style": 5, "label": "Store", "url": "https://example.org"} | changed


def row(*components: Payload) -> Payload:
    return {"type": 1, "components": list(components)}


def buttons(count: int, first: int = 0) -> Payload:
    return row(*(button(first + number) for number in range(count)))


def select(count: int, **changed: object) -> Payload:
    options = [{"label": str(number), "value": str(number)} for number in range(count)]
    return {"type": 3, "custom_id": "which", "options": options} | changed


def section(texts: int = 1, accessory: Payload | None = None) -> Payload:
    picture = {"type": 11, "media": COVER}
    return {"type": 9, "components": [text("a")] * texts, "accessory": accessory or picture}


def container(*components: Payload) -> Payload:
    return {"type": 17, "components": list(components)}


def gallery(count: int, **changed: object) -> Payload:
    return {"type": 12, "items": [{"media": COVER} | changed] * count}


def layout(*components: Payload, **others: object) -> Payload:
    return {"flags": LAYOUT, "components": list(components)} | others


def rows(*found: Payload) -> Payload:
    return {"components": list(found)}


def embed(**said: object) -> Payload:
    return {"embeds": [said]}


FIT = {
    "content": {"content": "A" * 2000},
    "embed title": embed(title="A" * 256),
    "embed description": embed(description="A" * 4096),
    "embed fields": embed(fields=[{"name": "A" * 9, "value": "A" * 200}] * 25),
    "embed footer": embed(footer={"text": "A" * 2048}),
    "ten embeds": {"embeds": [{"title": "A"}] * 10},
    "all embeds": {"embeds": [{"description": "A" * 3000}] * 2},
    "embed picture": {"embeds": [{"thumbnail": COVER, "url": "https://example.org", "color": 0xFFFFFF}]},
    "five rows": rows(*(buttons(5, 5 * number) for number in range(5))),
    "label": rows(row(button(label="A" * 80))),
    "emoji only": rows(row(button(label=None, emoji={"name": "👍"}))),
    "custom emoji": rows(row(button(emoji={"id": "12345", "name": "indie"}))),
    "custom_id": rows(row(button(custom_id="A" * 100))),
    "link": rows(row(link())),
    "select": rows(row(select(25, max_values=25, placeholder="A" * 150))),
    "forty components": layout(*(section() for _ in range(13)), text()),
    "all text": layout(*(text("A" * 1000) for _ in range(4))),
    "three texts": layout(section(3)),
    "a button beside": layout(section(1, button())),
    "gallery": layout(gallery(10, description="A" * 1024)),
    "container": layout(container(text(), {"type": 14, "spacing": 2}, buttons(5), gallery(1), section())),
    "mentions of none": {"content": "A", "allowed_mentions": {"parse": []}},
    "ephemeral": {"content": "A", "flags": EPHEMERAL},
}

TOO_MUCH = {
    "content": ({"content": "A" * 2001}, "content"),
    "embed title": (embed(title="A" * 257), "embeds.0.title"),
    "embed description": (embed(description="A" * 4097), "embeds.0.description"),
    "26 fields": (embed(fields=[{"name": "A", "value": "A"}] * 26), "embeds.0.fields"),
    "field name": (embed(fields=[{"name": "A" * 257, "value": "A"}]), "embeds.0.fields.0.name"),
    "field value": (embed(fields=[{"name": "A", "value": "A" * 1025}]), "embeds.0.fields.0.value"),
    "empty field": (embed(fields=[{"name": "A", "value": ""}]), "embeds.0.fields.0.value"),
    "embed footer": (embed(footer={"text": "A" * 2049}), "embeds.0.footer.text"),
    "embed author": (embed(author={"name": "A" * 257}), "embeds.0.author.name"),
    "all embeds": ({"embeds": [{"description": "A" * 3000}, {"description": "A" * 3001}]}, "embeds"),
    "eleven embeds": ({"embeds": [{"title": "A"}] * 11}, "embeds"),
    "embed picture": (embed(image={"url": "ftp://example.org/a.png"}), "embeds.0.image.url"),
    "embed time": (embed(timestamp="yesterday"), "embeds.0.timestamp"),
    "six rows": (rows(*(buttons(1, number) for number in range(6))), "components"),
    "six buttons": (rows(buttons(6)), "components.0.components"),
    "an empty row": (rows(row()), "components.0.components"),
    "a bare button": (rows(button()), "components.0.type"),
    "select and button": (rows(row(select(1), button())), "components.0.components"),
    "label": (rows(row(button(label="A" * 81))), "components.0.components.0.label"),
    "no label": (rows(row(button(label=None))), "components.0.components.0"),
    "a word for an emoji": (rows(row(button(emoji={"name": "star"}))), "components.0.components.0.emoji.name"),
    "custom_id": (rows(row(button(custom_id="A" * 101))), "components.0.components.0.custom_id"),
    "no custom_id": (rows(row(button(custom_id=None))), "components.0.components.0.custom_id"),
    "custom_id twice": (rows(row(button(), button())), "components.0.components.1.custom_id"),
    "a style of none": (rows(row(button(style=7))), "components.0.components.0.style"),
    "a link with custom_id": (rows(row(link(custom_id="a"))), "components.0.components.0"),
    "a link to nowhere": (rows(row(link(url=None))), "components.0.components.0.url"),
    "a link elsewhere": (rows(row(link(url="steam://run/1"))), "components.0.components.0.url"),
    "a button with url": (rows(row(button(url="https://example.org"))), "components.0.components.0"),
    "26 options": (rows(row(select(26))), "components.0.components.0.options"),
    "an option twice": (
        rows(row(select(0, options=[{"label": "A", "value": "a"}] * 2))),
        "components.0.components.0.options.1.value",
    ),
    "41 components": (layout(*(section() for _ in range(13)), text(), text()), "components"),
    "all text": (layout(*(text("A" * 1000) for _ in range(4)), text("A")), "components"),
    "an empty text": (layout(text(" ")), "components.0.content"),
    "content beside a layout": (layout(text(), content="A"), "content"),
    "embeds beside a layout": (layout(text(), embeds=[{"title": "A"}]), "embeds"),
    "layout without the flag": ({"components": [text()]}, "components.0.type"),
    "four texts": (layout(section(4)), "components.0.components"),
    "nothing beside": (layout({"type": 9, "components": [text()]}), "components.0.accessory.type"),
    "a text beside": (layout(section(1, text())), "components.0.accessory.type"),
    "a container in another": (layout(container(container(text()))), "components.0.components.0.type"),
    "a lone thumbnail": (layout({"type": 11, "media": COVER}), "components.0.type"),
    "eleven pictures": (layout(gallery(11)), "components.0.items"),
    "no picture": (layout(gallery(0)), "components.0.items"),
    "alt text": (layout(gallery(1, description="A" * 1025)), "components.0.items.0.description"),
    "a picture without a file": (
        layout(gallery(1, media={"url": "attachment://a.png"})),
        "components.0.items.0.media.url",
    ),
    "spacing": (layout({"type": 14, "spacing": 3}), "components.0.spacing"),
    "mentions both ways": (
        {"content": "A", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        "allowed_mentions",
    ),
    "mentions of what is not": ({"content": "A", "allowed_mentions": {"parse": ["all"]}}, "allowed_mentions.parse.0"),
    "a flag not to set": ({"content": "A", "flags": 1 << 7}, "flags"),
}


@pytest.mark.parametrize("body", FIT.values(), ids=FIT.keys())
def test_what_fits_is_taken(body: Payload) -> None:
    assert list(message_flaws(body)) == []


@pytest.mark.parametrize(("body", "where"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_what_does_not_fit_is_refused_with_its_place(body: Payload, where: str) -> None:
    assert [".".join(map(str, flaw.path)) for flaw in message_flaws(body)] == [where]


def test_a_refusal_is_written_as_discord_writes_it() -> None:
    refusal = malformed(Flaw(("data", "embeds", 0, "title"), "BASE_TYPE_MAX_LENGTH", "Must be 256 or fewer in length."))

    errors = [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 256 or fewer in length."}]
    assert refusal.payload == {
        "code": 50035,
        "message": "Invalid Form Body",
        "errors": {"data": {"embeds": {"0": {"title": {"_errors": errors}}}}},
    }


@pytest.mark.parametrize("said", [{}, {"content": " "}, {"embeds": []}, {"flags": LAYOUT}, {"content": None}])
def test_an_empty_message_is_refused(said: Payload) -> None:
    with pytest.raises(Refusal) as refused:
        drafted(said, [])

    assert refused.value.code == 50006


def test_a_text_becomes_a_layout_only_when_it_is_taken_away() -> None:
    old = drafted({"content": "Hello"}, [])

    with pytest.raises(Refusal, match="content"):
        redrafted(old, layout(text()), [])
    assert render(redrafted(old, layout(text(), content=None), [])) == "Hello"


def test_a_layout_stays_one() -> None:
    old = drafted(layout(text()), [])

    with pytest.raises(Refusal, match="content"):
        redrafted(old, {"content": "Hello", "flags": 0}, [])


def test_who_sees_a_message_is_not_changed_by_an_edit() -> None:
    public, private = drafted({"content": "a"}, []), drafted({"content": "a", "flags": EPHEMERAL}, [])

    assert not redrafted(public, {"content": "b", "flags": EPHEMERAL}, []).flags & EPHEMERAL
    assert redrafted(private, {"content": "b", "flags": 0}, []).flags & EPHEMERAL


def test_a_picture_may_be_of_a_file_that_comes_along() -> None:
    file = Attached("7", "cover.png", b"png")
    body = drafted(layout(gallery(1, media={"url": "attachment://cover.png"})), [file])

    assert body.components[0]["items"][0]["media"]["url"].endswith("/7/cover.png")
    assert redrafted(body, layout(text()), []).attachments == (file,)
    assert redrafted(body, layout(text(), attachments=[]), []).attachments == ()


def test_files_of_more_than_ten_megabytes_are_refused() -> None:
    with pytest.raises(Refusal) as refused:
        drafted({}, [Attached("1", "a", b"0" * (10 * 1024 * 1024 + 1))])

    assert (refused.value.status, refused.value.code) == (413, 40005)


def test_no_mention_of_an_ephemeral_message_rings() -> None:
    said = "<@1> <@&2> @everyone"

    assert drafted({"content": said}, []).rings == ["<@1>", "<@&2>", "@everyone"]
    assert drafted(layout(text(said), allowed_mentions={"parse": ["roles"]}), []).rings == ["<@&2>"]
    assert drafted({"content": said, "flags": EPHEMERAL}, []).rings == []
    assert drafted({"content": said, "allowed_mentions": {"parse": []}}, []).rings == []


EMOJI = {"👍": True, "▶️": True, "1️⃣": True, "★": False, "ab": False, "": False}


@pytest.mark.parametrize(("sign", "known"), EMOJI.items())
def test_only_what_unicode_calls_an_emoji_is_one(sign: str, known: bool) -> None:
    assert is_emoji(sign) is known


def entry(**changed: object) -> Payload:
    return {"type": 4, "custom_id": "games", "style": 1} | changed


def labelled(component: Payload | None = None, **changed: object) -> Payload:
    return {"type": 18, "label": "Games", "component": component or entry()} | changed


def modal(*components: Payload, **changed: object) -> Payload:
    return {"custom_id": "ask", "title": "Ask", "components": list(components)} | changed


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (modal(*(labelled(entry(custom_id=str(number))) for number in range(5))), None),
        (modal(row(entry(label="A" * 45, max_length=4000, value="A" * 4000))), None),
        (modal(labelled(select(25, custom_id="one")), text()), None),
        (modal(labelled(), title="A" * 46), "title"),
        (modal(labelled(), custom_id="A" * 101), "custom_id"),
        (modal(), "components"),
        (modal(*(labelled(entry(custom_id=str(number))) for number in range(6))), "components"),
        (modal(labelled(label="A" * 46)), "components.0.label"),
        (modal(labelled(description="A" * 101)), "components.0.description"),
        (modal(labelled(entry(label="twice"))), "components.0.component.label"),
        (modal(labelled(button())), "components.0.component.type"),
        (modal(labelled(entry(placeholder="A" * 101))), "components.0.component.placeholder"),
        (modal(labelled(entry(max_length=4001))), "components.0.component.max_length"),
        (modal(row(entry())), "components.0.components.0.label"),
        (modal(row(entry(label="A"), entry(label="B", custom_id="b"))), "components.0.components"),
        (modal(labelled(), labelled()), "components.1.component.custom_id"),
        (modal(buttons(1)), "components.0.components.0.type"),
    ],
)
def test_modals(body: Payload, where: str | None) -> None:
    places = [".".join(map(str, flaw.path)) for flaw in modal_flaws(body)]

    assert places[:1] == ([] if where is None else [where])


def option(**changed: object) -> Payload:
    return {"type": 3, "name": "steam", "description": "Whose games"} | changed


def command(*options: Payload, **changed: object) -> Payload:
    return {"type": 1, "name": "recommend", "description": "Games for you", "options": list(options)} | changed


LONG_CHOICES = [{"name": "A" * 100, "value": "a" * 100}] * 2


def choices(count: int) -> list[Payload]:
    return [{"name": str(number), "value": str(number)} for number in range(count)]


def subcommand(*options: Payload, **changed: object) -> Payload:
    return {"type": 1, "name": "here", "description": "Here", "options": list(options)} | changed


@pytest.mark.parametrize(
    ("said", "where"),
    [
        (command(*(option(name=f"o{number}") for number in range(25))), None),
        (command(option(choices=choices(25))), None),
        (command(name_localizations={"ko": "추천"}, description_localizations={"ko": "가" * 100}), None),
        (command(subcommand(option(required=True)), name="digest"), None),
        (command(contexts=[0, 1, 2], integration_types=[0, 1], default_member_permissions="48"), None),
        (command(name="Recommend"), "0.name"),
        (command(name="two words"), "0.name"),
        (command(name="r" * 33), "0.name"),
        (command(description=""), "0.description"),
        (command(description="A" * 101), "0.description"),
        (command(name_localizations={"kr": "추천"}), "0.name_localizations.kr"),
        (command(name_localizations={"ko": "추천 게임"}), "0.name_localizations.ko"),
        (command(description_localizations={"ko": "가" * 101}), "0.description_localizations.ko"),
        (command(*(option(name=f"o{number}") for number in range(26))), "0.options"),
        (command(option(), option(name="tag", required=True)), "0.options.1"),
        (command(option(), option()), "0.options.1.name"),
        (command(option(type=12)), "0.options.0.type"),
        (command(option(choices=choices(26))), "0.options.0.choices"),
        (command(option(choices=[{"name": "A" * 101, "value": "a"}])), "0.options.0.choices.0.name"),
        (command(option(choices=[{"name": "A", "value": 1}])), "0.options.0.choices.0.value"),
        (command(option(choices=choices(1), autocomplete=True)), "0.options.0.autocomplete"),
        (command(option(type=6, autocomplete=True)), "0.options.0.choices"),
        (command(option(min_value=1)), "0.options.0.type"),
        (command(option(type=4, min_value=2.0**54)), "0.options.0.min_value"),
        (command(option(max_length=6001)), "0.options.0.max_length"),
        (command(subcommand(), option()), "0.options"),
        (command({"type": 2, "name": "g", "description": "G", "options": [option()]}), "0.options.0.options.0.type"),
        (command(contexts=[]), "0.contexts"),
        (command(contexts=[0, 3]), "0.contexts.1"),
        (command(contexts=[0, 0]), "0.contexts.1"),
        (command(integration_types=[2]), "0.integration_types.0"),
        (command(default_member_permissions=48), "0.default_member_permissions"),
        (command(type=3), "0.description"),
        (command(*(option(name=f"o{number}", choices=LONG_CHOICES) for number in range(20))), "0"),
    ],
)
def test_commands(said: Payload, where: str | None) -> None:
    places = [".".join(map(str, flaw.path)) for flaw in bulk_flaws([said])]

    assert places == ([] if where is None else [where])


def test_a_name_is_there_once() -> None:
    assert [flaw.path for flaw in bulk_flaws([command(), command()])] == [(1, "name")]


def test_only_the_longest_language_counts_toward_the_size() -> None:
    assert size({"name": "recommend", "description": "Games", "description_localizations": {"ko": "게임"}}) == 14
    assert size({"name": "a", "description": "Games", "description_localizations": {"ko": "게임 추천해 줘"}}) == 9
