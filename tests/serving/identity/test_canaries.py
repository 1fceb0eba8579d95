"""Canaries through every way in; none is found anywhere but in the columns that are encrypted."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from serving.access import EVERYWHERE, Caller, Role
from serving.api.documentation import example_request, example_what_if
from serving.app import create_app
from serving.identity.erasure import History, Reason, erase
from serving.identity.importing import import_identities
from serving.identity.keyring import new_ring, save_ring
from serving.identity.rotation import rotate
from serving.identity.suites import Suite
from serving.operating import make_worker
from serving.settings import Settings
from tests.serving.conftest import Client
from tests.serving.identity.canaries import CANARIES, Everything, Look
from tests.serving.identity.planter import HERE, VALUES, Planter, person_of
from tests.serving.jobs.orders import csv_files, tables_of

OPERATOR = Caller("operator", Role.ACCOUNTS, EVERYWHERE)


@pytest.fixture
def planter(bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planter]:
    for name in ("cwd", "scratch", "data"):
        (tmp_path / name).mkdir()
    # Whatever writes beside itself, or to where temporary files go, writes here.
    monkeypatch.chdir(tmp_path / "cwd")
    for variable in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(variable, str(tmp_path / "scratch"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path}/cwd/mlruns")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    settings = Settings(
        bundle_dir, f"sqlite:///{tmp_path}/data/s.db", reveals_per_hour=10_000, lookups_per_hour=10_000
    )
    save_ring(new_ring(Suite.AES_256_GCM), settings.identity_keys_path)
    root, log = logging.getLogger(), Everything()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(log)
    # MLflow cuts these lines off (level, propagate) when it is first imported: now, not in the middle.
    import_module("mlflow")
    loud = {
        one: (one.level, one.disabled, one.propagate)
        for prefix in ("sqlalchemy.engine", "sqlalchemy.pool", "python_multipart", "alembic")
        for one in (logging.getLogger(prefix), *loggers_below(prefix))
    }
    for one in loud:
        one.setLevel(logging.DEBUG)
        one.disabled, one.propagate = False, True
    try:
        with Client(create_app(settings)) as client:
            assert client.app.state.champion.wait(300)
            yield Planter(client, settings, log, tmp_path)
    finally:
        root.removeHandler(log)
        root.setLevel(level)
        for one, (was, disabled, propagate) in loud.items():
            one.setLevel(was)
            one.disabled, one.propagate = disabled, propagate


def loggers_below(prefix: str) -> list[logging.Logger]:
    """The loggers made so far whose names begin with the prefix and a dot."""
    made = logging.Logger.manager.loggerDict
    return [
        one for name, one in made.items() if name.startswith(f"{prefix}.") and isinstance(one, logging.Logger)
    ]


def plant_identities(planter: Planter) -> None:
    """Kept, sent again, replaced, looked up, revealed, on the page; and everything about it that is refused."""
    for number, one in enumerate(CANARIES):
        path = f"/v1/households/K{number}/identity"
        body = {"village_code": HERE, "persons": [person_of(one)]}
        assert planter.send("PUT", path, json=body).status_code == 200
        assert planter.send("GET", path).status_code == 200
    for number, one in enumerate(CANARIES[:12]):
        path = f"/v1/households/K{number}/identity"
        for given in ({"id_number": one.id_number}, {"phone": one.phone}):
            assert planter.send("POST", "/v1/households/lookup", json=given).json() == {
                "household_ids": [f"K{number}"]
            }
        shown = planter.send(
            "POST", f"{path}/reveal", json={"purpose": "visit"}, headers=planter.helper, may_show=True
        )
        assert shown.json()["persons"][0]["id_number"] == one.id_number
        planter.send("POST", f"{path}/reveal", json={"purpose": one.name}, headers=planter.helper)
        planter.send(
            "POST", f"/households/K{number}/reveal", data={"purpose": one.phone}, headers=planter.helper
        )
        planter.send("POST", "/v1/households/lookup", json={"id_number": one.phone})
        planter.send("POST", "/v1/households/lookup", json={one.id_number: one.phone, "phone": [one.phone]})
        for broken in (
            {"village_code": one.name, "persons": [person_of(one)]},
            {"village_code": HERE, "persons": [person_of(one, one.id_number)]},
            {
                "village_code": HERE,
                "persons": [{**person_of(one), "phone": one.name, "id_number": one.phone}],
            },
            {"village_code": HERE, "persons": {one.name: one.id_number}},
            {"village_code": HERE, "persons": [{**person_of(one), one.name: one.id_number}]},
            {"village_code": "510199100201" + one.phone, "persons": [one.name]},
            [one.name],
        ):
            assert planter.send("PUT", path, json=broken).status_code == 422
        for key in (one.id_number, one.phone, one.name):
            kept = planter.send(
                "PUT",
                f"/v1/households/{key}/identity",
                json={"village_code": HERE, "persons": [person_of(one)]},
            )
            assert kept.status_code == 422


def plant_bodies(planter: Planter) -> None:
    """Every POST route of the document, with bodies of every kind that is none."""
    routes = [
        path for path, one in planter.client.get("/openapi.json").json()["paths"].items() if "post" in one
    ]
    assert len(routes) >= 7
    for path in routes:
        url = path.replace("{household_id}", "K1").replace("{name}", "fangfan").replace("{version}", "test-1")
        headers = planter.helper if path.endswith("/reveal") else planter.platform
        for _ in range(2):
            one = planter.next()
            said = json.dumps({one.name: one.id_number, "phone": one.phone}, ensure_ascii=False)
            for content in (
                said, said[:-1], json.dumps(said), said.replace("}", f', "{one.name}": 1}}'), f"{one.name} {one.phone}",
                f'{{"{one.name}": NaN}}', f'{{"as_of_date": "{one.id_number}", "households": "{one.name}"}}',
                f'{{"a": "\\ud800{one.name}"}}', f'{{"{one.phone}": {one.phone}{one.phone}}}',
            ):  # fmt: skip
                planter.send(
                    "POST",
                    url,
                    content=content.encode(),
                    headers={**headers, "Content-Type": "application/json"},
                )
            planter.send(
                "POST", url, content=said.encode(), headers={**headers, "Content-Type": f"text/{one.phone}"}
            )
            planter.send(
                "POST",
                url,
                content=said.encode("gb18030"),
                headers={**headers, "Content-Type": "application/json"},
            )
            planter.send("POST", url, data={one.name: one.id_number, "purpose": one.phone}, headers=headers)


def plant_signals(planter: Planter) -> None:
    """Sound requests that have a person in the place of a key, a word, a number or a field's name."""
    for path, made in (("/v1/scores", example_request), ("/v1/what-if", example_what_if)):
        assert planter.send("POST", path, json=made()).status_code == 200
        for one in CANARIES[12:15]:
            for value in (one.name, one.id_number, one.phone):
                for place in (
                    "household_id",
                    "member_id",
                    "background",
                    "land_mu",
                    "known_on",
                    "village_code",
                    value,
                ):
                    body = made()
                    household = body["households"][0]
                    if place == "household_id":
                        household[place] = value
                    elif place == "member_id":
                        household["signals"]["member"][0][place] = value
                    else:
                        household["signals"]["household"][0][place] = value
                    assert planter.send("POST", path, json=body).status_code == 422
                body = made()
                body["coverage"][0]["area_code"] = value
                assert planter.send("POST", path, json=body).status_code == 422


def plant_addresses(planter: Planter) -> None:
    """Path segments, queries and headers of every route, and of none."""
    paths = ("/{}", "/v1/{}", "/v1/households/{}", "/v1/households/{}/identity", "/households/{}", "/v1/jobs/{}",
             "/v1/jobs/{}/errors", "/v1/jobs/{}/result", "/v2/models/{}", "/v2/models/{}/ready", "/static/{}",
             "/v2/models/fangfan/versions/{}")  # fmt: skip
    queries = ("/?find={}", "/?area={}", "/?page={}", "/?action={}", "/?lang={}", "/v1/households/K1?as_of_date={}",
               "/v1/scores?reasons={}", "/v1/households/lookup?id_number={}", "/health/live?{}=1")  # fmt: skip
    for one in CANARIES[20:24]:
        for value in (one.name, one.id_number, one.phone):
            for form in (*paths, *queries):
                planter.send("GET", form.format(value))
            planter.send("GET", f"/households/{value}", headers={"Accept": "text/html"})
            for method in ("DELETE", "PATCH", "POST"):
                planter.send(method, f"/v1/jobs/{value}")
            raw = value.encode()
            for name in (
                "Authorization",
                "Idempotency-Key",
                "User-Agent",
                "Cookie",
                "Accept",
                "X-Forwarded-For",
                "Referer",
                "X-Request-Id",
            ):
                shown = (
                    {**planter.platform, name: raw} if name != "Authorization" else {name: b"Bearer " + raw}
                )
                planter.send("GET", "/v1/households/K1", headers=shown)
                planter.send("POST", "/v1/jobs", content=raw, headers=shown)


def plant_jobs(planter: Planter) -> list[str]:
    """Files with people in names of parts, files and columns, and in cells; the jobs are worked off."""
    tables = tables_of(3)
    sound = csv_files(tables)
    jobs = []

    def place(files: dict[str, bytes], **fields: str) -> None:
        parts = {name.partition(".")[0]: (name, content) for name, content in files.items()}
        form = {"as_of_date": "2026-10-31", "rows": "per_row", **fields}
        answer = planter.send("POST", "/v1/jobs", data=form, files=parts)
        if answer.status_code == 202:
            jobs.append(answer.json()["id"])

    for kind in ("csv", "xlsx", "parquet"):
        place(sound, result=kind)
    for number, one in enumerate(CANARIES[32:34]):
        value = one.values[number % 3]
        household = [dict(row) for row in tables["household"]]
        household[0]["household_id"] = value
        household.append({**household[1], "household_id": f"{one.name},{one.phone}", "background": one.name})
        member = [{**row, "member_id": one.id_number, "id_number": one.id_number} for row in tables["member"]]
        place(
            {**sound, **csv_files({"household": household, "member": member})},
            result=("csv", "xlsx")[number % 2],
        )
        place({
            **sound,
            **csv_files({"household": [{**row, one.name: one.phone} for row in tables["household"]]}),
        })
        place({**sound, "coverage.csv": f"{one.name}\n{one.id_number}\n".encode()})
        place({**sound, "household.xlsx": f"{one.name}{one.id_number}".encode()})
        place({**sound, "member.parquet": b"PAR1" + f"{one.name}{one.id_number}".encode() + b"PAR1"})
        place(sound, result_purpose=one.name)
        place(sound, **{one.id_number: one.name})
        planter.send(
            "POST",
            "/v1/jobs",
            data={"as_of_date": value},
            files={value: (f"{one.name}.csv", one.phone.encode())},
        )
    worker = make_worker(planter.settings, planter.client.app.state.store.engine)
    worker.run(once=True)
    for job in jobs:
        for end in ("", "/errors", "/result"):
            planter.send("GET", f"/v1/jobs/{job}{end}")
    ended = [planter.send("GET", f"/v1/jobs/{one}").json() for one in jobs]
    assert {one["state"] for one in ended} == {"succeeded", "failed"}
    assert sum(one["state"] == "succeeded" for one in ended) >= 5
    return jobs


def plant_faults(planter: Planter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors whose own messages hold a person, and a database that refuses in the middle."""
    store = planter.client.app.state.identities
    for number, one in enumerate(CANARIES[40:44]):
        body = {"village_code": HERE, "persons": [person_of(one)]}
        with monkeypatch.context() as patch:
            patch.setattr(
                store.audit, "append", lambda *_, one=one, **__: (_ for _ in ()).throw(RuntimeError(f"{one}"))
            )
            assert planter.send("PUT", f"/v1/households/F{number}/identity", json=body).status_code == 500
        with store.writer.begin() as connection:
            connection.execute(text("ALTER TABLE identity RENAME TO away"))
        assert planter.send("PUT", f"/v1/households/F{number}/identity", json=body).status_code == 503
        assert planter.send("POST", "/v1/households/lookup", json={"phone": one.phone}).status_code == 503
        with store.writer.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO identity"))
        with monkeypatch.context() as patch:
            patch.setattr(
                store.vault.data_keys, "make", lambda _, one=one: (_ for _ in ()).throw(OSError(28, one.name))
            )
            assert planter.send("PUT", f"/v1/households/F{number}/identity", json=body).status_code == 500


def plant_commands(planter: Planter) -> None:
    """A table of people, some of them refused, is taken in; all is encrypted anew; one household is erased."""
    store = planter.client.app.state.identities
    # What is sent lies where its sender keeps it, outside of what the service writes.
    with tempfile.TemporaryDirectory(
        dir="/dev/shm" if Path("/dev/shm").is_dir() else planter.root.parent
    ) as folder:
        source = Path(folder) / "people.csv"
        lines = [
            f"I{number},{HERE},{one.name},{one.id_number},{one.phone if number % 2 else one.name}"
            for number, one in enumerate(CANARIES)
        ]
        source.write_text(
            "household_id,village_code,name,id_number,phone\n" + "\n".join(lines), encoding="utf-8"
        )
        made = import_identities(store, OPERATOR, source)
        planter.planted |= set(VALUES)
    assert (made.rows_accepted, made.rows_refused) == (36, 36)
    planter.answers.append(("import", repr([one.as_json() for one in made.errors]).encode()))
    rotate(store, at_once=20)
    proof = planter.root / "cwd" / "proof.json"
    erase(store, OPERATOR, "K3", Reason.MISTAKE, History.REMOVED, proof)


def test_no_canary_is_found(planter: Planter, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_identities(planter)
    plant_bodies(planter)
    plant_signals(planter)
    plant_addresses(planter)
    jobs = plant_jobs(planter)
    plant_faults(planter, monkeypatch)
    plant_commands(planter)
    for path in ("/metrics", "/openapi.json", "/health/ready", "/v1/model", "/", "/?lang=en", "/v2"):
        planter.send("GET", path)
    assert len(jobs) >= 6
    assert len({value for one in CANARIES for value in one.values[:3]} & planter.planted) >= 200
    assert planter.sent >= 1_000
    look, found = Look(), []
    for where, content in planter.answers:
        found += look.at(where, content)
    lines = "\n".join(planter.log.lines)
    assert lines.count("sqlalchemy.engine") > 1_000
    assert '"event": "request"' in lines or "fangfan.serving" in lines
    found += look.at("log", lines.encode("utf-8", "backslashreplace"))
    # Everything on the disk, the write-ahead logs, keys, results and whatever was left anywhere included.
    files = [one for one in planter.root.rglob("*") if one.is_file()]
    names = {one.name for one in files}
    assert {
        "s.db",
        "s.db-wal",
        "errors.parquet",
        "result.csv",
        "result.xlsx",
        "result.parquet",
        "proof.json",
    } <= names
    for one in files:
        found += look.in_file(one) + look.at("a file's name", os.fsencode(str(one)))
    assert [one.name for one in (planter.root / "cwd").iterdir()] == ["proof.json"]
    assert list((planter.root / "scratch").rglob("*")) == []
    assert found == []
    # And they are there all the same, for who may know them.
    shown = planter.send(
        "POST",
        "/v1/households/K50/identity/reveal",
        json={"purpose": "help"},
        headers=planter.helper,
        may_show=True,
    )
    assert shown.json()["persons"][0]["name"] == CANARIES[50].name


def test_the_look_finds_what_is_there(tmp_path: Path) -> None:
    """A canary in each kind of place, so that finding none means something."""
    import sqlite3

    import pyarrow as pa
    import pyarrow.parquet as pq
    import xlsxwriter

    one, look = CANARIES[5], Look()
    (tmp_path / "log").write_text(json.dumps({"said": one.name}))
    (tmp_path / "url").write_text(str(httpx.URL("http://a/", params={"q": one.name})))
    pq.write_table(pa.table({"a": [one.phone]}), tmp_path / "t.parquet")
    with xlsxwriter.Workbook(str(tmp_path / "t.xlsx")) as book:
        book.add_worksheet().write_string(0, 0, one.id_number)
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (?)", (one.id_number.encode(),))
    connection.close()
    found = {
        path.name: {told.rpartition(": ")[2] for told in look.in_file(path)} for path in tmp_path.iterdir()
    }
    assert found == {
        "log": {"name 5"}, "url": {"name 5"}, "t.parquet": {"phone 5"}, "t.xlsx": {"id_number 5"}, "t.db": {"id_number 5"},
    }  # fmt: skip
