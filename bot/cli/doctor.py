"""`indiean doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.cells import cell_len
from rich.text import Text

from bot.cli.output import AsJson, out, print_json
from bot.hosting.doctor.examination import examine
from bot.hosting.doctor.finding import Check, Finding, State, ready
from bot.messages import Language
from bot.settings import SettingsRefused, read_settings
from bot.wording import Wording

MARKS = {
    State.OK: ("✓", "green"),
    State.OFF: ("·", "dim"),
    State.WARNING: ("!", "yellow"),
    State.MISSING: ("✗", "red"),
    State.BROKEN: ("✗", "red"),
}


def doctor(as_json: AsJson = False) -> None:
    """What the bot needs (keys, tokens, rights, a model), what is missing or broken, and how to get it."""
    words, findings = _examined()
    good = ready(findings)
    if as_json:
        print_json({"ready": good, "findings": [asdict(finding) for finding in findings]})
    else:
        _show(findings, words, "doctor.ready" if good else "doctor.not_ready")
    raise typer.Exit(0 if good else 1)


def _examined() -> tuple[Wording, Sequence[Finding]]:
    try:
        settings = read_settings()
    except SettingsRefused as refused:
        return Wording(Language.EN), [Finding(Check.SETTINGS, State.BROKEN, problem) for problem in refused.problems]
    words = Wording(settings.language)
    return words, asyncio.run(examine(settings, words))


def _show(findings: Sequence[Finding], words: Wording, end: str) -> None:
    """Lines of columns rather than a table, whose cells would break the addresses in them."""
    names = {finding.check: words.say(f"doctor.name.{finding.check}") for finding in findings}
    width = max(map(cell_len, names.values()))
    out().print(words.say("doctor.title") + "\n", markup=False)
    for finding in findings:
        mark, color = MARKS[finding.state]
        name = names[finding.check]
        out().print(Text.assemble((mark, color), " ", (name, "bold"), " " * (width + 2 - cell_len(name))), end="")
        out().print(finding.sentence, markup=False, soft_wrap=True)
    out().print("\n" + words.say(end), markup=False)
