"""Everything that can go wrong in the domain.

RecommenderError
├── NotEnoughData      nothing is left to learn from or to measure on
├── FitFailed          the Gram matrix could not be factorised
│   └── NoRoom         a dense matrix of so many games does not fit into memory
├── UpdateRefused      the model cannot take these rows in or give them back
├── ExperimentRefused  two versions cannot be compared, or are compared already
├── UnknownGame        no game of that id or title; carries near misses
├── UnknownTag         no tag of that name; carries near misses
└── RegistryError
    ├── NoModel        nothing has been published yet
    └── DamagedModel   a published version does not match its manifest
"""


class RecommenderError(Exception):
    """The root: `except RecommenderError` catches what the domain refuses, never a bug."""


class NotEnoughData(RecommenderError):
    pass


class FitFailed(RecommenderError):
    pass


class NoRoom(FitFailed):
    pass


class UpdateRefused(RecommenderError):
    pass


class ExperimentRefused(RecommenderError):
    pass


class UnknownGame(RecommenderError):
    """`said` is what the person typed, `near` the ids of games whose titles are close to it."""

    def __init__(self, said: str, near: tuple[int, ...] = ()) -> None:
        super().__init__(f"no game is called {said!r}")
        self.said = said
        self.near = near


class UnknownTag(RecommenderError):
    """`said` is what the person typed, `near` the tags whose names are close to it."""

    def __init__(self, said: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(f"no tag is called {said!r}")
        self.said = said
        self.near = near


class RegistryError(RecommenderError):
    pass


class NoModel(RegistryError):
    pass


class DamagedModel(RegistryError):
    pass
