"""What is at hand to answer: the version in service, and two more while they are being compared."""

from __future__ import annotations

from dataclasses import dataclass, replace

from recommender.experiment import Asker, By, Experiment
from recommender.served import Served


@dataclass(frozen=True, eq=False)
class Trial:
    """An experiment with its two versions opened."""

    experiment: Experiment
    a: Served
    b: Served


@dataclass(frozen=True, eq=False)
class Service:
    """`served` is the version in service, which may be one of the trial's.

    A promotion or a roll-back meanwhile changes what is in service, and nothing of the trial.
    """

    served: Served
    trial: Trial | None = None

    def of(self, version: str) -> Served | None:
        return next((each for each in self.at_hand if each.version == version), None)

    @property
    def at_hand(self) -> tuple[Served, ...]:
        return (self.served,) if self.trial is None else (self.served, self.trial.a, self.trial.b)

    def updated(self, after: Served) -> Service:
        """With another matrix for the version that it is of, wherever that answers."""

        def newest(each: Served) -> Served:
            return after if each.version == after.version else each

        trial = self.trial
        if trial is not None:
            trial = replace(trial, a=newest(trial.a), b=newest(trial.b))
        return Service(newest(self.served), trial)

    def chosen(self, asker: Asker | None) -> tuple[Served, ...]:
        """Which version answers, or which two have their lists interleaved.

        A later page is answered by what its first page was made of, as far as that is still at hand. Who is nobody in
        particular has the version in service.
        """
        if asker is None:
            return (self.served,)
        stay = tuple(found for version in asker.versions if (found := self.of(version)) is not None)
        if stay or self.trial is None:
            return stay or (self.served,)
        a, b, experiment = self.trial.a, self.trial.b, self.trial.experiment
        if experiment.by is By.INTERLEAVING:
            return a, b
        return (a,) if experiment.side_of(asker.person) == a.version else (b,)
