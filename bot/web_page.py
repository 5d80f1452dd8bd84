"""A page of the bot's own: a heading and a sentence in the reader's language, with headers that let nothing else in."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterator

from bot.messages import Language

STYLE = """
:root { color-scheme: light dark; font: 1.0625rem/1.6 system-ui, "Apple SD Gothic Neo", "Malgun Gothic", sans-serif }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f2f3f5; color: #1e1f22 }
main { max-width: 30rem; margin: 1rem; padding: 2rem; border-radius: 1rem; background: #fff; word-break: keep-all }
h1 { margin: 0 0 .5rem; font-size: 1.375rem }
p { margin: 0; overflow-wrap: anywhere }
p + p { margin-top: 1rem }
@media (prefers-color-scheme: dark) { body { background: #1e1f22; color: #f2f3f5 } main { background: #2b2d31 } }
"""
PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{heading} – IndieAn</title>
<style>{style}</style>
</head>
<body><main><h1>{heading}</h1><p>{sentence}</p>{way}</main></body>
</html>
"""


def page(heading: str, sentence: str, language: Language, way: tuple[str, str] | None = None) -> str:
    """As HTML; all is shown as it is, whatever signs are in it. `way` is a label and the address it leads to."""
    said = {"heading": html.escape(heading), "sentence": html.escape(sentence)}
    return PAGE.format(language=language, style=STYLE, way=_way(*way) if way is not None else "", **said)


def _way(label: str, address: str) -> str:
    return f'<p><a href="{html.escape(address)}" rel="noreferrer">{html.escape(label)}</a></p>'


def language_of(accepted: str) -> Language:
    """The best liked of ours in an Accept-Language header (RFC 9110, 12.5.4), English where there is none."""
    liked = sorted(_weighed(accepted), key=lambda pair: -pair[0])
    return next((language for _, language in liked), Language.EN)


def _weighed(accepted: str) -> Iterator[tuple[float, Language]]:
    for part in accepted.split(","):
        tag, _, parameter = part.partition(";")
        primary = tag.strip().partition("-")[0].lower()
        weight = _weight(parameter)
        if primary in set(Language) and weight > 0:
            yield weight, Language(primary)


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def headers() -> dict[str, str]:
    style = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    return {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",  # the address holds secrets
        "Cache-Control": "no-store",
    }
