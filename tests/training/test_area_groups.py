"""Area groups beside the outcomes: written, read, refused, and less than the experiment's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.area_groups import AREA_GROUPS_FILE, load_area_groups, save_area_groups
from training.errors import ExperimentError
from training.experiment import GroupSettings
from training.simulation.population import REMOTE_SHARE, make_population
from training.simulation.settings import COUNTY_CODE, CountySettings

GROUPS = (("remote", ("500299001003", "500299002")), ("resettled", ("500299003",)))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert load_area_groups(tmp_path) is None
    save_area_groups(GROUPS, tmp_path)
    assert load_area_groups(tmp_path) == GROUPS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("remote: [500299001003]", "area codes in quotes"),
        ('remote: ["5002990"]', "area codes in quotes"),
        ("remote: []", "is a list of area codes"),
        ('Remote: ["500299"]', "small letters"),
        ('["500299"]', "lists of area codes by name"),
        ('remote: ["500299"]\nremote: ["500299"]', "stands twice"),
        ("remote: [", "is not YAML"),
        ("", "lists of area codes by name"),
    ],
)
def test_what_cannot_be_is_refused_by_the_files_name(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / AREA_GROUPS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ExperimentError, match=said) as caught:
        load_area_groups(tmp_path)
    assert AREA_GROUPS_FILE in str(caught.value)


def test_the_experiments_own_codes_count() -> None:
    own = GroupSettings(areas=(("remote", ("500299009",)),))
    assert own.with_areas(GROUPS).areas == (("remote", ("500299009",)), GROUPS[1])


@pytest.mark.parametrize(("households", "villages"), [(200, 2), (3_000, 37)])
def test_a_simulated_county_says_which_villages_are_remote(households: int, villages: int) -> None:
    found = make_population(CountySettings(households=households), np.random.default_rng(1))
    remote = found.remote_villages
    assert len(remote) == len(set(remote)) == max(1, round(REMOTE_SHARE * villages))
    assert all(one.startswith(COUNTY_CODE) and len(one) == 12 for one in remote)
    # The farther out, the poorer, as everything else in the county has it.
    is_remote = np.isin(found.village_codes, remote)
    if households > 1_000:
        per_head = found.permanent_income / found.size
        assert np.median(per_head[is_remote]) < np.median(per_head[~is_remote])
