"""Every feature × direction × language, rendered with the real values of a simulated county."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features import FEATURES, Signals, build_vectors
from features.facts import LatestFact
from features.neighbourhood import with_neighbourhood
from features.signals.delivery import take_in_folder
from features.usual import UsualHere, usual_values
from scoring.assessment import with_evidence
from scoring.reasons import Reason, ReasonFact, family_of, reason_text, sentences, source_text, usual_text
from scoring.shares import SHARE_WORDS, share_word
from scoring.texts import LANGUAGES, catalogue, percent
from training.simulation import CountySettings, simulate_county

AS_OF = dt.date(2026, 10, 31)
STATES = ("fresh", "partial", "stale", "missing")
LEFTOVERS = ("{", "}", "None", "_", "  ", "。。", "；；", "，，", "（）")
JARGON = ("特征", "log", "SHAP", "shap", "模型", "概率", "贡献", "feature", "contribution", "probability")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """What was known of a small county on a date."""
    folder = tmp_path_factory.mktemp("county")
    simulate_county(CountySettings(households=600, seed=5, ends_on=AS_OF)).save(folder / "raw")
    take_in_folder(folder / "raw", folder / "signals", region="CN-50", on=AS_OF)
    signals = Signals.load(Path(folder / "signals"))
    return build_vectors(with_neighbourhood(signals, [AS_OF]), [AS_OF])


@pytest.fixture(scope="module")
def usual(vectors: pd.DataFrame) -> UsualHere:
    villages = ["500999100201"] * len(vectors)
    village, town = usual_values(vectors, villages, AS_OF)
    return UsualHere(village.medians, town.medians)


def told_values(column: pd.Series[float]) -> list[float | None]:
    """Least, lower, middle, upper and largest value that a household has, and a missing one."""
    known = column.dropna()
    return [*sorted({float(known.quantile(at, "nearest")) for at in (0, 0.25, 0.5, 0.9, 1)}), None]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("effect", ["risk", "protective"])
def test_every_feature_speaks_in_plain_words(
    vectors: pd.DataFrame, usual: UsualHere, effect: str, language: str
) -> None:
    rendered = 0
    for name, feature in FEATURES.items():
        family = family_of(name)
        for number, value in enumerate(told_values(vectors[name])):
            sign = 1.0 if effect == "risk" else -1.0
            seen = {
                feed: LatestFact(feed, 2, dt.date(2026, 9, 30 - at), AS_OF)
                for at, feed in enumerate(feature.feeds)
                if number % 2
            }
            bare = Reason(
                family[:2], family, effect, sign * 0.7, (ReasonFact(name, value, sign * 0.7),),  # type: ignore[arg-type]
                0.5 if effect == "risk" else None, bool(number % 3),
            )  # fmt: skip
            feeds = dict.fromkeys(feature.feeds, STATES[number % 4])
            reason = with_evidence(bare, feeds, seen, usual)  # type: ignore[arg-type]
            said = reason_text(reason, language)
            whole = " ".join(said.values())
            assert not [one for one in LEFTOVERS if one in whole], (name, whole)
            assert not re.search(r"\b(nan|inf)\b", whole, re.IGNORECASE), (name, whole)
            assert not [one for one in JARGON if one in whole], (name, whole)
            (fact,) = reason.facts
            # Sentences are made of words at hand, and in both languages at once: that is one text.
            place = LANGUAGES.index(language)
            assert sentences(reason)[place] == said["sentence"]
            assert sentences(bare)[place] == reason_text(bare, language)["sentence"]
            sentence = said["sentence"]
            if value is not None:
                assert (usual_text(fact, language) or "") in sentence
                latest = max((one.occurred_on for one in seen.values()), default=None)
                expected = latest.isoformat() if latest else catalogue(language)["source"]["no_record"]
                assert expected in (source_text(fact, language) or "")
            if language == "zh":
                assert sentence.endswith("。")
                # One thing to check, short enough to be read at a door.
                assert len(said["check"]) <= 40
                assert said["check"].count("。") == 1
            rendered += 1
    assert rendered > 3 * len(FEATURES)


@pytest.mark.parametrize(
    ("values", "zh", "en"),
    [
        ((12_345.0, 1.0),
         "因病：近12个月医疗自付 1.2万元；近12个月住院次数 1次。",
         "illness – self-paid medical cost, last 12 months: ¥12,345; hospital stays, last 12 months: 1."),
        ((-0.4, None),
         "因病：近12个月医疗自付 0元；近12个月住院次数 无数据。",
         "illness – self-paid medical cost, last 12 months: ¥0; hospital stays, last 12 months: no data."),
        ((None, None),
         "医疗：近12个月医疗自付 无数据；近12个月住院次数 无数据。",
         "medical care – self-paid medical cost, last 12 months: no data; "
         "hospital stays, last 12 months: no data."),
        ((), "医疗：。", "medical care – ."),
    ],
)  # fmt: skip
def test_a_reason_is_one_sentence_in_each_language(
    values: tuple[float | None, ...], zh: str, en: str
) -> None:
    names = ("illness_self_paid_yuan_12m", "illness_inpatient_count_12m")
    facts = tuple(ReasonFact(name, value, 0.3) for name, value in zip(names, values, strict=False))
    assert sentences(Reason("01", "01", "risk", 0.6, facts)) == (zh, en)


def test_the_usual_value_stands_beside_the_households_own(usual: UsualHere) -> None:
    fact = ReasonFact("illness_self_paid_yuan_12m", 12_000.0, 0.7, 850.0, 1_234.0)
    assert usual_text(fact, "zh") == "本村一般850元，本乡镇一般1,234元"
    assert usual_text(fact, "en") == "usual in the village ¥850, usual in the township ¥1,234"
    flag = ReasonFact("water_is_unsafe", 1.0, 0.7, 1.0, 0.0)
    assert usual_text(flag, "zh") == "本村多数户也是这样，本乡镇多数户不是这样"
    assert usual_text(ReasonFact("water_is_unsafe", 1.0, 0.7, 0.5, None), "zh") is None
    assert usual_text(ReasonFact("water_is_unsafe", None, 0.7, 0.0, 0.0), "zh") is None


def test_a_window_in_the_name_is_in_the_label() -> None:
    for name, feature in FEATURES.items():
        found = re.search(r"_(\d+)m$", name)
        if found and "上年" not in feature.zh:
            assert re.search(rf"{found[1]}个月", feature.zh), name


def test_each_feature_has_a_check_of_its_own_and_no_check_is_idle() -> None:
    used = {(family_of(name), name.partition("_")[0]) for name in FEATURES}
    for language in LANGUAGES:
        families = catalogue(language)["families"]
        assert {(family, lead) for family, one in families.items() for lead in one["checks"]} == used


@pytest.mark.parametrize(
    ("share", "word", "zh"),
    [
        (1.0, "nearly_all", "几乎占推高部分的全部"), (0.9, "nearly_all", "几乎占推高部分的全部"),
        (0.89, "most", "占推高部分的大半"), (0.66, "two_thirds", "约占推高部分的三分之二"),
        (0.5, "half", "约占推高部分的一半"), (0.42, "half", "约占推高部分的一半"),
        (0.41, "third", "约占推高部分的三分之一"), (1 / 3, "third", "约占推高部分的三分之一"),
        (0.25, "quarter", "约占推高部分的四分之一"), (0.19, "small", "占推高部分的一小部分"),
        (0.0, "small", "占推高部分的一小部分"),
    ],
)  # fmt: skip
def test_shares_in_words(share: float, word: str, zh: str) -> None:
    assert share_word(share) == word
    assert catalogue("zh")["shares"][word] == zh


def test_every_share_word_names_the_nearest_fraction() -> None:
    fractions = {"two_thirds": 2 / 3, "half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4}
    for share in np.linspace(0.21, 0.74, 200):
        word = share_word(float(share))
        nearest = min(fractions, key=lambda one: abs(fractions[one] - share))
        assert word == nearest
    assert [least for least, _ in SHARE_WORDS] == sorted((least for least, _ in SHARE_WORDS), reverse=True)


@pytest.mark.parametrize(
    ("probability", "said"), [(0.231, "23.1%"), (0.0062, "0.62%"), (0.00001, "<0.01%"), (0.01, "1.0%")]
)
def test_scores_are_written_as_percentages(probability: float, said: str) -> None:
    assert percent(probability) == said
