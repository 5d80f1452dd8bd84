"""How a command declines what a person gave."""

from __future__ import annotations


class Refused(Exception):
    """`why` is the key of the sentence to answer with, `fields` fill its placeholders."""

    def __init__(self, why: str, **fields: object) -> None:
        super().__init__(why)
        self.why = why
        self.fields = fields
