"""Jobs of an area: rows outside are refused one by one, nothing outside is written, and others see nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.access import OPEN, Role
from serving.settings import Settings
from serving.storage import AssessmentStore
from tests.serving.jobs.orders import csv_files, tables_of
from tests.serving.jobs.service import FORM, Service
from tests.serving.test_storage import _body

INSIDE, OUTSIDE = "500999100201", "510199100201"


@pytest.fixture
def service(bundle_dir: Path, tmp_path: Path) -> Iterator[Service]:
    with Service(Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db")) as made:
        yield made


def send(service: Service, headers: dict[str, str], rows: str, key: str = "") -> str:
    tables = tables_of(4)
    for row in tables["household"]:
        row["village_code"] = OUTSIDE if row["household_id"] in {"J0001", "J0003"} else INSIDE
    files = [(name[:-4], (name, content)) for name, content in csv_files(tables).items()]
    more = {"Idempotency-Key": key} if key else {}
    form = {**FORM, "rows": rows, "result": "csv"}
    answer = service.post("/v1/jobs", files=files, data=form, headers={**headers, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_rows_outside_the_area_are_refused(service: Service) -> None:
    store: AssessmentStore = service.app.state.store
    store.save_release("m", "0" * 64, 12)
    store.save([_body("J0001", 0.25)], [OUTSIDE])
    county, other = service.make_key(area="500999"), service.make_key(area="51")
    job_id = send(service, county, "per_row")
    service.work()
    done = service.get(f"/v1/jobs/{job_id}", headers=county).json()
    assert (done["state"], done["counts"]["households"]) == ("succeeded", 2)
    assert done["stored"] == {"new": 2, "unchanged": 0, "changed": 0}
    errors = service.get(f"/v1/jobs/{job_id}/errors", headers=county).json()
    assert {one["code"] for one in errors["items"]} == {"outside_area"}
    assert {one["row"] for one in errors["items"] if one["feed"] == "household"} == {1, 3}
    counts = done["counts"]
    assert counts["rows_in"] == counts["rows_accepted"] + counts["rows_refused"]
    result = service.get(f"/v1/jobs/{job_id}/result", headers=county)
    rows = list(csv.DictReader(io.StringIO(result.content.decode("utf-8-sig"))))
    assert [one["household_id"].lstrip("'") for one in rows] == ["J0000", "J0002"]
    found = store.find(OPEN, "J0001")
    assert found is not None
    assert (found.latest.body["score"], found.latest.village_code) == (0.25, OUTSIDE)
    assert store.find(OPEN, "J0003") is None
    for path in ("", "/errors", "/result"):
        assert service.get(f"/v1/jobs/{job_id}{path}", headers=other).status_code == 404
    assert service.request("DELETE", f"/v1/jobs/{job_id}", headers=other).status_code == 404


def test_a_job_for_all_or_nothing_with_rows_outside_stores_nothing(service: Service) -> None:
    county = service.make_key(area="500999")
    job_id = send(service, county, "atomic")
    service.work()
    done = service.get(f"/v1/jobs/{job_id}", headers=county).json()
    assert (done["state"], done["failure"]["code"]) == ("failed", "rows_refused")
    assert service.app.state.store.find_run(OPEN) is None


def test_a_waiting_job_is_not_ended_from_elsewhere(service: Service) -> None:
    county, above, other = (service.make_key(area=one) for one in ("500999", "50", "51"))
    job_id = send(service, county, "per_row")
    assert service.request("DELETE", f"/v1/jobs/{job_id}", headers=other).status_code == 404
    assert service.get(f"/v1/jobs/{job_id}", headers=county).json()["state"] == "queued"
    assert service.request("DELETE", f"/v1/jobs/{job_id}", headers=above).status_code == 200


def test_callers_share_no_keys_of_requests(service: Service) -> None:
    county, other = service.make_key(area="500999"), service.make_key(area="51")
    replaced = service.make_key(Role.PLATFORM, "500999")
    first = send(service, county, "per_row", key="the-same")
    assert send(service, county, "per_row", key="the-same") == first
    assert send(service, replaced, "per_row", key="the-same") != first
    assert send(service, other, "per_row", key="the-same") != first
    assert service.get(f"/v1/jobs/{first}", headers=other).status_code == 404
