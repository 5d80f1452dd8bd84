"""For each player of whom something was told, the row that the next fit would have, in the place of the one it has."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from recommender.interactions import ItemIndex, Weighting
from recommender.library import Library
from recommender.linear import Linear
from recommender.served import Players, Served, replaced
from recommender.updates import NOTHING, Learned
from storage.facts import NOTHING_KNOWN, Facts, facts_of
from storage.fitted_rows import FittedRow, FittedRows, Known, Rules
from storage.lake.lake import Lake, Stored
from storage.lake.telling import delta_of

AT_ONCE = 8
"""Players whose libraries lie in memory at a time: a large one is 100 KB of JSON, and told anew each day."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What an engine is to hold of one player: `rows` by key, and those of them that its fit saw as `fitted`."""

    rows: Players
    fitted: Players

    def alters(self, learned: Players) -> bool:
        """Whether a model that has learned this holds anything else."""
        return bool(replaced(learned, self.rows, self.fitted))

    @property
    def forgets(self) -> bool:
        return not any(len(row) for row in self.rows.values())


def row_of(facts: Facts, items: ItemIndex, weighting: Weighting, rules: Rules) -> Learned:
    """A player as the next fit would have them, of the games that this model knows.

    Those that it does not know count in how many they have, as they do in the warehouse.
    """
    counted = facts.counted(opinions=rules.opinions)
    if len(counted) < rules.min_games:
        return NOTHING
    owned = items.owned(Library(counted))
    return Learned(owned.positions, weighting.weights(owned.minutes))


def decide(player: str, row: Learned, fitted: FittedRow | None) -> Change:
    """Where it is again the row of the fit, that one stands: what was changed back leaves no trace."""
    if fitted is None:
        return Change({player: row}, {})
    same = row.same_as(fitted.row)
    return Change(
        {player: NOTHING if same else row, fitted.key: fitted.row if same else NOTHING}, {fitted.key: fitted.row}
    )


def taken_out(fitted: FittedRow) -> Change:
    return Change({fitted.key: NOTHING}, {fitted.key: fitted.row})


def now_known(known: Mapping[str, Facts], told: Sequence[Stored]) -> dict[str, Facts]:
    """By player: what was known of them, and what the lake has told since."""
    delta = delta_of(told)
    return facts_of(delta.interactions, delta.feedback, known)


def merged(changes: Collection[Change]) -> Change:
    """All of them at once: no two are of one player."""
    rows = {key: row for change in changes for key, row in change.rows.items()}
    return Change(rows, {key: row for change in changes for key, row in change.fitted.items()})


def decide_all(served: Served, known: Known, facts: Mapping[str, Facts]) -> list[Change]:
    """Of the players of `facts`, for a linear model."""
    assert isinstance(served.scorer, Linear)
    items, weighting = served.scorer.items, served.scorer.settings.weighting
    rows = {player: row_of(one, items, weighting, known.rules) for player, one in facts.items()}
    return [decide(player, row, known.fitted.get(player)) for player, row in rows.items()]


async def gather(
    lake: Lake, kept: FittedRows, version: str, upto: int, people: Mapping[str, tuple[str, str] | None]
) -> tuple[Known, dict[str, Facts]] | None:
    """What is known now of some players, by pseudonym, each with platform and id where these are known.

    None where what the version was fitted on is not kept. All events after `upto` count, however often: to merge them
    again changes nothing, and what was erased stands neither here nor there.

    Raises:
        DatabaseUnavailable, DatabaseError: see `Database`.
    """
    known = await kept.of(version, people.keys())
    if known is None:
        return None
    told = await lake.told_by([person for person in people.values() if person is not None], upto)
    return known, dict.fromkeys(people, NOTHING_KNOWN) | now_known(known.facts, told)
