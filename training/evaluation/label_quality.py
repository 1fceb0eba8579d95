"""Label quality: how late, how incomplete and how disturbed the labels are that everything is measured by.

What a label is, and what must not be concluded from it: docs/explanation/what-the-label-is.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features import Signals
from features.dates import horizon_end
from scoring.estimate import Estimate
from scoring.missed import DIFFICULTY, NOT_MET, Missed, estimate_missed, random_visits
from training.candidate import Candidate
from training.evaluation.weighted import WeightedFigures, weighted_figures
from training.experiment import Experiment
from training.helped import follow, new_measures, uncensored_weights
from training.matrix import Matrix

Floats = npt.NDArray[np.float64]

QUARTILES = (0.25, 0.5, 0.75)

LEAD_DAYS = 365
"""How long before an identification a declaration still counts as its first lead."""


@dataclass(frozen=True)
class Evidence:
    """What tells of labels beside the outcomes: new measures, declarations (leads), visits if there are any.

    `outcomes_until` is the last day whose identifications are believed to be all recorded.
    """

    measures: pd.DataFrame
    leads: pd.DataFrame
    visits: pd.DataFrame | None
    outcomes_until: dt.date


@dataclass(frozen=True)
class Delay:
    """Days from a first sign to the identification, over those identified within the horizon.

    `known` of `identified` have such a sign; the quartiles are theirs.
    """

    identified: int
    known: int
    quarter: Estimate | None
    median: Estimate | None
    three_quarters: Estimate | None


@dataclass(frozen=True)
class Channel:
    """Identifications that came through one channel: their share of all, and which share of them lay within
    capacity. `is_small` marks fewer of them than the experiment asks of a group.
    """

    channel: str
    identified: int
    share: Estimate
    recall: Estimate
    is_small: bool


@dataclass(frozen=True)
class Helped:
    """Evaluations in three versions, see `training.helped`.

    `helped` counts households given a new measure within the horizon, `before_outcome` those of them that
    were not identified in it, `before_identification` those helped first, whether identified later or not.
    """

    helped: int
    before_outcome: int
    before_identification: int
    plain: WeightedFigures
    censored: WeightedFigures
    weighted: WeightedFigures


@dataclass(frozen=True)
class AtRandom:
    """The score against what random visits within the horizon found, each visit for one over its chance.

    Labels come from whom somebody looked at; these do not.
    """

    visits: int
    found: int
    figures: WeightedFigures


@dataclass(frozen=True)
class LabelsOn:
    """What is known of the labels of one test date."""

    as_of_date: dt.date
    delay_since_onset: Delay
    delay_since_lead: Delay
    channels: tuple[Channel, ...]
    helped: Helped
    missed: Missed | None
    at_random: AtRandom | None


@dataclass(frozen=True)
class LabelQualitySection:
    """The section of a run."""

    tests: tuple[LabelsOn, ...]


def gather_evidence(
    signals: Signals,
    visits: pd.DataFrame | None,
    outcomes_until: dt.date,
    helped: pd.DataFrame | None = None,
) -> Evidence:
    """The evidence that signals, the table of visits and that of recorded help hold."""
    table = signals.tables["declaration"].select(["household_id", "occurred_on"]).to_pandas()
    leads = table.assign(occurred_on=pd.to_datetime(table["occurred_on"]))
    measures = new_measures(signals)
    if helped is not None and len(helped):
        measures = pd.concat([measures, helped], ignore_index=True)
    return Evidence(measures, leads, visits, outcomes_until)


def evaluate_labels(
    experiment: Experiment,
    candidates: Sequence[Candidate],
    tests: Mapping[dt.date, Matrix],
    outcomes: pd.DataFrame | None,
    evidence: Evidence | None,
) -> LabelQualitySection | None:
    """The labels of every test date; None without outcomes or evidence."""
    if outcomes is None or evidence is None:
        return None
    found = [
        measure_labels(
            experiment, as_of, tests[as_of], candidate.model.score(tests[as_of].vectors), outcomes, evidence
        )
        for split, candidate in zip(experiment.splits, candidates, strict=True)
        for as_of in split.test
    ]  # fmt: skip
    return LabelQualitySection(tuple(found))


def measure_labels(
    experiment: Experiment,
    as_of: dt.date,
    test: Matrix,
    scores: Floats,
    outcomes: pd.DataFrame,
    evidence: Evidence,
) -> LabelsOn:
    """The labels of one test date, whose households have these scores (n,)."""
    households = test.vectors.index.get_level_values("household_id")
    end = horizon_end(as_of, experiment.split.horizon_months)
    share = experiment.capacity.divide(test.villages, len(scores)).total / len(scores)
    how = {"seed": experiment.bootstrap.seed, "resamples": experiment.bootstrap.resamples}
    ours = outcomes[outcomes["household_id"].isin(households[test.labels == 1])]
    followed = follow(households, outcomes, evidence.measures, as_of, end)
    ones = np.ones(len(scores))
    clean = np.where(followed.is_helped_before_outcome, 0.0, 1.0)
    weights = uncensored_weights(followed, scores)
    plain, censored, weighted = (
        weighted_figures(test.labels, scores, each, share, **how) for each in (ones, clean, weights)
    )
    missed = at_random = None
    if evidence.visits is not None:
        missed = estimate_missed(
            evidence.visits, outcomes, as_of, end, outcomes_until=evidence.outcomes_until,
            grace_months=experiment.label_quality.grace_months, households=len(households),
        )  # fmt: skip
        drawn = random_visits(evidence.visits, as_of, end, len(households))
        drawn = drawn[(drawn["finding"] != NOT_MET) & drawn["household_id"].isin(households)]
        if len(drawn):
            place = households.get_indexer(pd.Index(drawn["household_id"]))
            marks = (drawn["finding"] == DIFFICULTY).to_numpy().astype(np.int64)
            weight = drawn["weight"].to_numpy(dtype=np.float64)
            figures = weighted_figures(marks, scores[place], weight, share, **how)
            at_random = AtRandom(len(drawn), int(marks.sum()), figures)
    onset = ours["began_on"] if "began_on" in ours.columns else pd.Series(pd.NaT, index=ours.index)
    return LabelsOn(
        as_of_date=as_of,
        delay_since_onset=_delay(ours["identified_on"], pd.to_datetime(onset), **how),
        delay_since_lead=_delay(ours["identified_on"], first_leads(ours, evidence.leads), **how),
        channels=_channels(ours, households, scores, share, small_cell=experiment.groups.small_cell, **how),
        helped=Helped(
            helped=int((followed.helped <= followed.horizon_days).sum()),
            before_outcome=int(followed.is_helped_before_outcome.sum()),
            before_identification=int(followed.is_censored.sum()),
            plain=plain,
            censored=censored,
            weighted=weighted,
        ),
        missed=missed,
        at_random=at_random,
    )


def first_leads(identified: pd.DataFrame, leads: pd.DataFrame) -> pd.Series:
    """The first declaration of each identified household in the year before, NaT where there was none."""
    both = identified[["household_id", "identified_on"]].merge(leads, on="household_id")
    days = (both["identified_on"] - both["occurred_on"]).dt.days
    first = both[(days >= 0) & (days <= LEAD_DAYS)].groupby("household_id")["occurred_on"].min()
    # By reindex: a map of nothing, where nobody declared, has no dates.
    found = first.reindex(identified["household_id"]).to_numpy()
    return pd.Series(pd.to_datetime(found), index=identified.index)


def _delay(identified_on: pd.Series, since: pd.Series, *, seed: int, resamples: int) -> Delay:
    days = (identified_on - since).dt.days.dropna().to_numpy(dtype=np.float64)
    if not len(days):
        return Delay(len(identified_on), 0, None, None, None)
    drawn = np.random.default_rng([seed, 5]).integers(0, len(days), (resamples, len(days)))
    quartiles = np.quantile(days[drawn], QUARTILES, axis=1)
    return Delay(
        len(identified_on),
        len(days),
        *(
            Estimate.of(float(one), of)
            for one, of in zip(np.quantile(days, QUARTILES), quartiles, strict=True)
        ),
    )


def _channels(
    identified: pd.DataFrame, households: pd.Index, scores: Floats, share: float, *,
    small_cell: int, seed: int, resamples: int,
) -> tuple[Channel, ...]:  # fmt: skip
    """The list stays as it was; the identified are drawn anew, all channels together."""
    if "found_by" not in identified.columns:
        return ()
    visits = max(1, round(share * len(scores)))
    within = pd.Series(np.argsort(np.argsort(-scores, kind="stable"), kind="stable") < visits, households)
    inside = identified["household_id"].map(within).to_numpy(dtype=np.float64)
    told = identified["found_by"].fillna("unknown").to_numpy(dtype=object)
    weights = np.random.default_rng([seed, 7]).poisson(1.0, (resamples, len(told))).astype(np.float64)

    def channel(name: str) -> Channel:
        mine = told == name
        count, own = int(mine.sum()), weights[:, mine]
        with np.errstate(invalid="ignore"):
            of_all, recalled = own.sum(axis=1) / weights.sum(axis=1), own @ inside[mine] / own.sum(axis=1)
        is_small = count < small_cell
        part = (
            Estimate.wilson(count / len(told), len(told))
            if is_small
            else Estimate.of(count / len(told), of_all)
        )
        recall = Estimate.of_share(float(inside[mine].sum()), count, recalled, small_cell)
        assert recall is not None
        return Channel(name, count, part, recall, is_small)

    return tuple(channel(str(name)) for name in sorted(set(told.tolist())))
