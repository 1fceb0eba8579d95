"""Kinds of panels that a model meets unseen: what each is hard by, and the true probability of every row.

Every kind is drawn from a mechanism that no learner is told: a lasting level of each household, facts about
it, and an outcome by the next wave. `chance` is the probability the outcome was drawn with; its ROC-AUC is
what nobody can pass but by luck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

Floats = npt.NDArray[np.float64]
FIRST_YEAR = 2010


@dataclass(frozen=True)
class Panel:
    """A table with ``hh, income, poor`` (and ``year``, ``village``), and the true probability of each row."""

    frame: pd.DataFrame
    chance: Floats
    time: str | None = "year"
    group: str | None = None


def _frame(rng: np.random.Generator, households: int, waves: int, numbers: int) -> pd.DataFrame:
    """Households in villages over waves; income and `numbers` facts are half lasting, half of the wave."""
    rows, who = households * waves, np.tile(np.arange(households), waves)
    frame = pd.DataFrame({
        "hh": who + 1_000,
        "year": FIRST_YEAR + 2 * np.repeat(np.arange(waves), households),
        "village": rng.integers(0, max(8, households // 15), households)[who],
        "income": np.exp(8 + 0.8 * rng.normal(size=households)[who] + 0.6 * rng.normal(size=rows)).round(2),
    })
    lasting = rng.normal(size=(households, numbers))[who]
    facts = 0.7 * lasting + 0.7 * rng.normal(size=(rows, numbers))
    named = pd.DataFrame(facts.round(3), columns=[f"fact{at}" for at in range(numbers)])
    return pd.concat([frame, named], axis=1)


def _poverty(frame: pd.DataFrame) -> Floats:
    """The standardised lack of income."""
    lack = -np.log(frame["income"].to_numpy())
    return np.asarray((lack - lack.mean()) / lack.std(), dtype=np.float64)


def _drawn(
    rng: np.random.Generator,
    frame: pd.DataFrame,
    lean: Floats | pd.Series,
    rate: float,
    group: str | None = None,
) -> Panel:
    """Outcomes at about this rate, with log-odds that follow `lean`."""
    lean = np.asarray(lean, dtype=np.float64)
    chance = expit(lean + brentq(lambda level: expit(lean + level).mean() - rate, -30.0, 30.0))
    return Panel(frame.assign(poor=(rng.random(len(frame)) < chance).astype(int)), chance, group=group)


def linear(rng: np.random.Generator) -> Panel:
    """Thirty facts with small effects of their own."""
    frame = _frame(rng, 700, 3, 30)
    effects = rng.normal(0, 0.3, 30)
    return _drawn(rng, frame, 0.8 * _poverty(frame) + frame.filter(like="fact").to_numpy() @ effects, 0.2)


def interactions(rng: np.random.Generator) -> Panel:
    """What matters is facts meeting: thresholds and products, hardly anything alone."""
    frame = _frame(rng, 1_500, 3, 12)
    facts = frame.filter(like="fact").to_numpy()
    poor = _poverty(frame)
    lean = 2.2 * ((facts[:, 0] > 0.3) & (poor > 0)) + 1.3 * facts[:, 1] * facts[:, 2]
    return _drawn(rng, frame, lean + 1.5 * (np.abs(facts[:, 3]) > 1.2) + 0.4 * poor, 0.2)


def small(rng: np.random.Generator) -> Panel:
    """Two waves of 130 households and twelve facts, two of which matter."""
    frame = _frame(rng, 130, 2, 12)
    return _drawn(rng, frame, 0.9 * _poverty(frame) + 0.7 * frame["fact0"] - 0.7 * frame["fact1"], 0.25)


def rare(rng: np.random.Generator) -> Panel:
    """One household in a hundred."""
    frame = _frame(rng, 5_000, 2, 15)
    lean = _poverty(frame) + 0.9 * frame["fact0"] + 0.6 * (frame["fact1"] > 1)
    return _drawn(rng, frame, lean.to_numpy(), 0.01)


def missing(rng: np.random.Generator) -> Panel:
    """More than half of all cells are empty, of the poor more than of others; income too, here and there."""
    frame = _frame(rng, 900, 3, 20)
    facts = frame.filter(like="fact")
    lean = 0.9 * _poverty(frame) + facts.to_numpy()[:, :6] @ np.array([0.7, -0.7, 0.5, -0.5, 0.4, 0.4])
    panel = _drawn(rng, frame, lean, 0.2)
    often = 0.55 + 0.15 * np.tanh(_poverty(frame))[:, None]
    holed = facts.where(rng.random(facts.shape) > often)
    table = panel.frame.assign(**{str(name): holed[name] for name in holed})
    table["income"] = table["income"].where(rng.random(len(table)) > 0.1)
    return Panel(table, panel.chance)


def categories(rng: np.random.Generator) -> Panel:
    """Twelve columns of words with 4 to 60 levels, each level with an effect of its own."""
    frame = _frame(rng, 900, 3, 3)
    lean = 0.6 * _poverty(frame)
    who = frame["hh"].to_numpy() - 1_000
    words = {}
    for at, levels in enumerate((4, 4, 5, 6, 8, 8, 10, 12, 15, 20, 30, 60)):
        lasting = rng.integers(0, levels, 900)[who]
        codes = np.where(rng.random(len(frame)) < 0.8, lasting, rng.integers(0, levels, len(frame)))
        lean = lean + rng.normal(0, 0.45, levels)[codes]
        words[f"kind{at}"] = pd.Series(codes).map("k{:02d}".format)
    return _drawn(rng, frame.assign(**words), lean, 0.2)


def repeated_cross_section(rng: np.random.Generator) -> Panel:
    """New households in every wave: nobody has a history."""
    frame = _frame(rng, 700, 3, 15)
    frame["hh"] = np.arange(len(frame)) + 1_000
    for name in ["income", *frame.filter(like="fact").columns]:
        frame[name] = frame.groupby("year")[name].transform(lambda one: rng.permutation(one))
    lean = _poverty(frame) + frame.filter(like="fact").to_numpy() @ rng.normal(0, 0.35, 15)
    return _drawn(rng, frame, lean, 0.2)


def wave_effects(rng: np.random.Generator) -> Panel:
    """Prices triple between waves, facts drift, and the outcome gets rarer."""
    frame = _frame(rng, 800, 4, 12)
    facts = frame.filter(like="fact").to_numpy()
    wave = (frame["year"].to_numpy() - FIRST_YEAR) / 2
    lean = _poverty(frame) + facts[:, :4] @ np.array([0.8, -0.6, 0.5, 0.5]) - 0.4 * wave
    panel = _drawn(rng, frame, lean, 0.25)
    moved = {f"fact{at}": facts[:, at] + drift * wave for at, drift in enumerate(rng.normal(0, 1.0, 12))}
    return Panel(panel.frame.assign(income=frame["income"] * 3**wave, **moved), panel.chance)


def noisy_label(rng: np.random.Generator) -> Panel:
    """Every fifth outcome was written down wrongly."""
    panel = linear(rng)
    is_wrong = rng.random(len(panel.frame)) < 0.2
    poor = np.where(is_wrong, 1 - panel.frame["poor"], panel.frame["poor"])
    return Panel(panel.frame.assign(poor=poor), 0.2 + 0.6 * panel.chance)


def rule_is_all(rng: np.random.Generator) -> Panel:
    """Income tells all there is to know; forty facts are noise."""
    frame = _frame(rng, 500, 2, 40)
    return _drawn(rng, frame, 1.5 * _poverty(frame), 0.2)


def rule_is_wrong(rng: np.random.Generator) -> Panel:
    """Income has nothing to do with it."""
    frame = _frame(rng, 600, 3, 10)
    return _drawn(rng, frame, (1.2 * frame["fact0"] - 0.8 * frame["fact1"]).to_numpy(), 0.2)


def wide(rng: np.random.Generator) -> Panel:
    """More facts than households: 300, of which eight matter."""
    frame = _frame(rng, 220, 2, 300)
    effects = np.r_[rng.choice([-0.6, 0.6], 8), np.zeros(292)]
    return _drawn(rng, frame, 0.9 * _poverty(frame) + frame.filter(like="fact").to_numpy() @ effects, 0.25)


def falls(rng: np.random.Generator) -> Panel:
    """Who has lost income since the wave before, and whose village is poor."""
    frame = _frame(rng, 900, 4, 8)
    poor = pd.Series(_poverty(frame))
    lost = poor - poor.groupby(frame["hh"]).shift(1).fillna(poor)
    around = poor.groupby([frame["village"], frame["year"]]).transform("mean")
    return _drawn(rng, frame, (0.5 * poor + 1.1 * lost + 2.0 * around).to_numpy(), 0.2, group="village")


def lasting_poverty(rng: np.random.Generator) -> Panel:
    """The outcome follows a level that no column holds: only a household's own past tells of it."""
    frame = _frame(rng, 900, 4, 8)
    hidden = rng.normal(size=900)[frame["hh"].to_numpy() - 1_000]
    return _drawn(rng, frame, 0.6 * _poverty(frame) + 1.5 * hidden + 0.4 * frame["fact0"].to_numpy(), 0.2)


def next_income(rng: np.random.Generator) -> Panel:
    """Poor is who falls below a line at the next wave: the usual label of surveys."""
    waves, households = 4, 900
    frame = _frame(rng, households, waves, 14)
    facts = frame.filter(like="fact").to_numpy()
    lean = 0.6 * _poverty(frame) + facts[:, :5] @ np.array([0.4, -0.4, 0.3, -0.3, 0.3])
    later = lean + 1.0 * rng.normal(size=len(frame))
    # The income of the next wave is what decides: told by then, and a row of its own.
    for wave in range(1, waves):
        now = slice(wave * households, (wave + 1) * households)
        before = slice((wave - 1) * households, wave * households)
        frame.loc[frame.index[now], "income"] = np.exp(8 - later[before]).round(2)
        lean[now] = 0.6 * later[before] + facts[now, :5] @ np.array([0.4, -0.4, 0.3, -0.3, 0.3])
        later[now] = lean[now] + 1.0 * rng.normal(size=households)
    line = np.quantile(later, 0.8)
    return Panel(frame.assign(poor=(later > line).astype(int)), norm.sf(line - lean))


def dirty_money(rng: np.random.Generator) -> Panel:
    """Amounts with long tails, typed a thousand times too large here and there, income among them."""
    frame = _frame(rng, 800, 3, 8)
    lean = _poverty(frame) + 0.8 * frame["fact0"].to_numpy() - 0.6 * frame["fact1"].to_numpy()
    panel = _drawn(rng, frame, lean, 0.2)
    table = panel.frame.copy()
    for name in frame.filter(like="fact").columns:
        table[name] = np.expm1(1.5 * frame[name]).round(2)
    for name in ["income", *frame.filter(like="fact").columns]:
        table[name] = table[name].where(rng.random(len(table)) > 0.02, table[name] * 1_000)
    return Panel(table, panel.chance)


def cross_section(rng: np.random.Generator) -> Panel:
    """One wave, in villages that differ."""
    frame = _frame(rng, 900, 1, 20).drop(columns="year")
    village = rng.normal(0, 0.6, 100)[frame["village"]]
    lean = _poverty(frame) + frame.filter(like="fact").to_numpy() @ rng.normal(0, 0.3, 20) + village
    panel = _drawn(rng, frame, lean, 0.2)
    return Panel(panel.frame, panel.chance, time=None, group="village")


KINDS: dict[str, Callable[[np.random.Generator], Panel]] = {
    one.__name__: one
    for one in (
        linear, interactions, small, rare, missing, categories, repeated_cross_section, wave_effects,
        noisy_label, rule_is_all, rule_is_wrong, wide, falls, lasting_poverty, next_income, dirty_money,
        cross_section,
    )
}  # fmt: skip
