"""The shapes of the answers, as the OpenAPI document shows them. `scoring.assessment` makes the content."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.not_scored import NotScored


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Live(_Answer):
    """The process runs."""

    status: Literal["live"]


class Ready(_Answer):
    """Requests for scores are answered, and the storage answers."""

    status: Literal["ready", "degraded"] = Field(
        description="degraded: requests are answered, and `reasons` says what is not as it should be"
    )
    model_version: str | None = Field(description="The version that answers; null where rules alone do")
    reasons: list[
        Literal[
            "model_off", "model_load_failed", "registry_silent", "registry_failed", "registry_bundle_refused"
        ]
    ] = Field(default=[], description="Stable codes; there where the status is degraded")


GRADE = (
    "The score against the borders of the model. `low` beside a feed in `missing_feeds` or `stale_feeds`, or "
    "a blocked one in `feed_faults`, is no low risk: `grade_text` says so, and a machine reads the feeds too"
)


class Texts(_Answer):
    """One text in every language."""

    zh: str
    en: str


class ReasonTexts(_Answer):
    """A reason in words."""

    name: str
    sentence: str
    effect: str
    strength: str
    share: str | None = Field(
        default=None, description="Its share of what raises the risk; risk reasons only"
    )
    firmness: str | None = Field(default=None, description="Whether the reason is firm; null if unknown")
    check: str = Field(description="The one thing to look at, for the first fact")


class ReasonTextsOfLanguages(_Answer):
    """A reason in words, in every language."""

    zh: ReasonTexts
    en: ReasonTexts


class FactSourceAnswer(_Answer):
    """A feed that a fact was taken from."""

    feed: str
    latest_on: str | None = Field(description="Date of the household's latest record there")
    state: Literal["fresh", "partial", "stale", "missing"]


class Fact(_Answer):
    """One value of the household that carries a reason."""

    feature: str
    value: float | None = Field(description="In `unit`; null where it is missing")
    unit: str
    window_months: int = Field(description="How far back it looks; 0 for the state on the date")
    contribution: float = Field(description="Calibrated log-odds")
    label: Texts
    value_text: Texts
    feeds: list[str]
    feed_latest_on: str | None = Field(description="Date of the latest record in any of `feeds`")
    usual_village: float | None = Field(
        default=None, description="Median of the feature in the village, as the batch found it"
    )
    usual_town: float | None = Field(default=None, description="The same in the township")
    usual_text: Texts | None = None
    sources: list[FactSourceAnswer] = []
    source_text: Texts | None = Field(
        default=None, description="Departments, date of the latest record, how fresh the data are"
    )


class ReasonAnswer(_Answer):
    """One cause family that moved the estimate, with the facts that carry it."""

    code: str = Field(description="Official cause code")
    family: str
    effect: Literal["risk", "protective"]
    contribution: float = Field(description="Calibrated log-odds; risk above 0")
    strength: Literal["strong", "moderate", "slight"]
    share: float | None = Field(
        default=None,
        description="Its part of the summed contributions of all families that raise the risk; risk only",
    )
    firmness: Literal["firm", "weak"] | None = Field(
        default=None,
        description="firm: models fitted alike with other seeds show the family too, its rank moved by one "
        "at most; null for a model without such siblings",
    )
    text: ReasonTextsOfLanguages
    facts: list[Fact]


class PlainHit(_Answer):
    """A department's threshold that was reached; it surfaces whatever the score says."""

    code: str
    cause: str
    feature: str
    value: float | None
    level: float
    is_assumption: bool = Field(description="Whether no published document gives the level")


class RuleHit(PlainHit):
    """The same with its unit, and in words."""

    unit: str
    text: Texts


class StandingAnswer(_Answer):
    """What stands on of an earlier assessment, because the feeds that it was seen in fell silent since."""

    as_of_date: str = Field(description="The assessment that said so")
    grade: Literal["high", "medium", "low"] = Field(description="high where it is why a visit is suggested")
    rule_hits: list[RuleHit]
    feeds: list[str] = Field(description="The feeds that are silent since")
    text: Texts


class FeedFault(_Answer):
    """A fault of a department's delivery that concerns the household."""

    feed: str
    area_code: str = Field(description="County, town or village whose delivery is at fault")
    period: str = Field(description="Month of the delivery, YYYY-MM")
    state: Literal["flagged", "blocked"] = Field(
        description="blocked: the feed counts as missing; flagged: it was used, check the figures first"
    )
    reason: str = Field(description="Stable code of the fault")
    text: Texts
    way_out: Texts


class LatestFactAnswer(_Answer):
    """The latest visible record of a feed."""

    records: int
    occurred_on: str
    known_on: str


class MonitoringLine(_Answer):
    """The monitoring line in force: a reference, never a cut-off."""

    value: float
    unit: str
    effective_from: str
    is_assumption: bool
    source: str


class KeptFact(_Answer):
    """One of the facts that weigh most in a family."""

    feature: str
    value: float | None
    contribution: float


class FamilyContribution(_Answer):
    """The sum of a cause family's contributions, told or not."""

    family: str
    contribution: float = Field(description="Calibrated log-odds")
    facts: list[KeptFact]


class NotListedAnswer(_Answer):
    """Why the score alone does not list the household for a visit."""

    border: float = Field(description="The least listed score")
    log_odds_to_border: float = Field(ge=0)
    distance: Literal["near", "some", "far"] = Field(description="near below 0.4 log-odds, far from 1.0")
    held_down_by: list[str] = Field(description="Families that lower the risk, strongest first")
    has_hits: bool = Field(description="A department's alert asks for a visit all the same")
    has_silent_feeds: bool


class CertaintyAnswer(_Answer):
    """How sure the score is."""

    level: Literal["high", "medium", "insufficient"] = Field(
        description="high: the interval lies within one grade and every feed is there; insufficient: it "
        "reaches from a low grade to a high one, or a quarter of the usual values is missing"
    )
    low: float = Field(description="Lower end of the Venn-Abers interval", ge=0, le=1)
    high: float = Field(description="Upper end", ge=0, le=1)
    missing_share: float = Field(
        description="Share of the values that households usually have that is missing", ge=0, le=1
    )


class MovedFactAnswer(_Answer):
    """A fact that weighs differently; null where it was missing or weighed too little to be kept."""

    feature: str
    former: float | None
    latter: float | None
    difference: float


class FamilyChangeAnswer(_Answer):
    """How much more log-odds a family adds than before."""

    family: str
    difference: float
    facts: list[MovedFactAnswer]


class ChangeTexts(_Answer):
    """The sentences of a comparison, in every language."""

    zh: list[str]
    en: list[str]


class ChangesAnswer(_Answer):
    """What moved since the household's assessment before this one."""

    basis: Literal["contributions", "other_model", "no_contributions", "data_silent"] = Field(
        description="contributions: the families' differences add up to `log_odds_difference`; data_silent: "
        "feeds fell silent in between, and nothing can be compared; otherwise only the grades can be"
    )
    former_date: str
    latter_date: str = Field(description="The same day where facts of it were corrected since")
    former_score: float
    latter_score: float
    former_grade: Literal["high", "medium", "low"]
    latter_grade: Literal["high", "medium", "low"]
    log_odds_difference: float | None
    families: list[FamilyChangeAnswer]
    silent_feeds: list[str] = Field(
        default=[], description="Feeds of which less is known than before: not the same as less risk"
    )
    lapsed_hits: list[PlainHit] = Field(
        default=[], description="Thresholds that were reached before, and that no data speak to now"
    )
    text: ChangeTexts


class HorizonAnswer(_Answer):
    """The score of a horizon."""

    months: int
    score: float = Field(description="Calibrated probability within so many months", ge=0, le=1)


class ThemeAnswer(_Answer):
    """The part of the score that belongs to a theme."""

    theme: Literal["production", "employment", "illness", "accident", "other"]
    score: float = Field(description="All themes add up to `score`, to the last bit", ge=0, le=1)
    text: Texts


class CorrectionMark(_Answer):
    """That a fact of a feed was corrected, and since when it counts; not what it says."""

    feed: str
    approved_on: str


class AssessmentAnswer(_Answer):
    """Everything the system says about one household on one date."""

    household_id: str
    as_of_date: str
    horizon_months: int = Field(description="How many months ahead the score looks")
    score: float = Field(description="Calibrated probability of a newly verified identification", ge=0, le=1)
    horizons: list[HorizonAnswer] = Field(
        default=[],
        description="The score by horizon, rising; the last is `score`. Empty for a model that tells none",
    )
    themes: list[ThemeAnswer] = Field(
        default=[], description="`score` divided by theme. Empty for a model that tells none"
    )
    base_rate: float = Field(description="The same for all households the model was trained on")
    log_odds: float | None = Field(default=None, description="Log-odds of the score")
    base_log_odds: float | None = Field(
        default=None, description="With the contributions of `families` it adds up to `log_odds`"
    )
    families: list[FamilyContribution] = []
    certainty: CertaintyAnswer | None = Field(
        default=None, description="null for a model that came without what it takes"
    )
    certainty_text: Texts | None = None
    grade: Literal["high", "medium", "low"] = Field(description=GRADE)
    grade_text: Texts
    suggested_action: Literal["visit", "watch", "routine"]
    suggested_action_text: Texts
    not_listed: NotListedAnswer | None = Field(default=None, description="null for a grade of high")
    not_listed_text: Texts | None = None
    risk_reasons: list[ReasonAnswer]
    protective_reasons: list[ReasonAnswer]
    rule_hits: list[RuleHit]
    disagreement: Literal["rule_only", "score_only"] | None = Field(
        default=None, description="An alert with a low grade, or a high grade without any alert"
    )
    disagreement_text: Texts | None = None
    changes: ChangesAnswer | None = Field(
        default=None, description="Only of a stored assessment with one before it"
    )
    missing_feeds: list[str] = Field(
        description="Feeds without data for the village: not the same as no risk"
    )
    stale_feeds: list[str] = Field(description="Feeds whose data end longer ago than is normal")
    partial_feeds: list[str] = Field(
        default=[], description="Feeds whose data begin too late for some of what is asked of them"
    )
    feed_faults: list[FeedFault] = Field(
        default=[],
        description="Faults that the batch found in the deliveries; rows of a request are not judged",
    )
    corrections: list[CorrectionMark] = Field(
        default=[],
        description="Facts that a visit corrected and another official approved, laid over the departments'",
    )
    corrected_on: str | None = Field(
        default=None,
        description="Of an assessment made again after a later approval: its day. What was corrected until "
        "then is taken as known on `as_of_date`",
    )
    is_from_files: bool = Field(
        default=False, description="Of a stored assessment: a job made it, from files that are not kept"
    )
    standing: StandingAnswer | None = Field(
        default=None,
        description="Stands on until somebody has visited or its feeds are heard again; asks for a visit",
    )
    latest_facts: dict[str, LatestFactAnswer]
    monitoring_line: MonitoringLine
    model_version: str
    policy_version: str
    feature_version: str


class Versions(_Answer):
    """What an answer was made with."""

    version: str
    policy_version: str
    feature_version: str


class ScoreAnswer(_Answer):
    """Scores in the order of the request's households, or why there is none."""

    model: Versions
    results: list[AssessmentAnswer | NotScored]


class ProblemErrorAnswer(_Answer):
    """One rule the request breaks."""

    pointer: str = Field(description="JSON pointer into the body; /query/… for a query parameter")
    code: str
    way_out: str


class ProblemAnswer(_Answer):
    """A problem (RFC 9457). It never carries a submitted value."""

    type: str
    status: int
    code: str = Field(description="Stable; branch on this")
    title: str
    detail: str
    way_out: str
    errors: list[ProblemErrorAnswer] = []
