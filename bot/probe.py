"""`python -m bot.probe ADDRESS`: what a web server answers there, for health checks; images need no curl for it."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from http import HTTPStatus

PATIENCE = 4.0
"""Seconds; what asks for our health waits for five."""


def probe(address: str, patience: float = PATIENCE) -> tuple[bool, str]:
    """Whether it answers 200, and what it says, or why it says nothing."""
    try:
        with urllib.request.urlopen(address, timeout=patience) as answer:  # noqa: S310 - whoever asks says where
            return answer.status == HTTPStatus.OK, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return False, f"HTTP {refusal.code} {refusal.read().decode()}"
    except (OSError, ValueError) as error:  # URLError is an OSError
        return False, f"{address} does not answer: {error}"


def main() -> None:
    healthy, said = probe(sys.argv[1])
    print(said)  # noqa: T201 - what this is for
    sys.exit(0 if healthy else 1)


if __name__ == "__main__":
    main()
