"""What is an alert, and that it is in the outbox if and only if the assessment is stored."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from sqlalchemy import select, update

from scoring.silence import unscored
from serving.command import OPERATOR
from serving.errors import AccessError
from serving.storage.tables import assessment
from serving.storage.webhooks import Ended
from tests.serving.areas.test_summaries import a_body
from tests.serving.webhooks.conftest import FAR, HERE, Outbox

URL = "http://127.0.0.1:9/"
FORMER, LATTER = "2026-09-30", "2026-10-31"


def test_what_is_new_is_told_and_nothing_else(outbox: Outbox) -> None:
    outbox.add_hook(URL)
    outbox.run(
        FORMER, ("ROSE", "low", []), ("ROSE2", "medium", ["crop_loss"]), ("FELL", "high", []),
        ("SAME", "high", ["crop_loss"]), ("HIT", "low", []), ("LOST", "low", ["crop_loss"]),
    )  # fmt: skip
    # The first run of an area is no alert for everybody in it.
    assert outbox.events() == []
    outbox.run(
        LATTER, ("ROSE", "medium", []), ("ROSE2", "high", ["crop_loss"]), ("FELL", "medium", []),
        ("SAME", "high", ["crop_loss"]), ("HIT", "low", ["crop_loss", "loan_overdue"]), ("LOST", "low", []),
        ("NEW", "low", ["severe_accident"]), ("NEWLOW", "low", []),
    )  # fmt: skip
    told = {one["household_id"]: one for one in outbox.events()}
    assert set(told) == {"ROSE", "ROSE2", "HIT", "NEW"}
    assert (told["ROSE"]["former_grade"], told["ROSE"]["grade"]) == ("low", "medium")
    assert told["ROSE2"]["new_rule_hits"] == []
    assert told["HIT"]["new_rule_hits"] == ["crop_loss", "loan_overdue"]
    assert (told["NEW"]["former_grade"], told["NEW"]["former_as_of_date"]) == (None, None)
    assert set(told["NEW"]) == {
        "household_id", "area_code", "as_of_date", "grade", "former_grade", "former_as_of_date",
        "is_other_model", "new_rule_hits", "reason_codes", "model_version", "link",
    }  # fmt: skip
    assert told["NEW"]["link"] == f"/v1/households/NEW?as_of_date={LATTER}"


def test_a_run_that_knew_nothing_of_a_village_is_no_run_before(outbox: Outbox) -> None:
    """A register comes before the departments' data: their first is no alert for everybody."""
    outbox.add_hook(URL)
    silent = [unscored(a_body(f"H{n}", as_of_date=FORMER)) for n in range(3)]
    outbox.store.save(silent, [HERE] * 3)
    outbox.run(LATTER, *((f"H{n}", "high", ["crop_loss"]) for n in range(3)))
    assert outbox.events() == []
    # From then on there is something to compare with.
    outbox.run("2026-11-30", ("H0", "high", ["crop_loss"]), ("H9", "high", []))
    assert [one["household_id"] for one in outbox.events()] == ["H9"]


def test_what_stands_on_through_silence_is_told_once(outbox: Outbox) -> None:
    """Neither what a model makes of no data is news, nor that the feeds are heard again."""
    outbox.add_hook(URL)
    body = a_body("H1", "low", as_of_date=FORMER)
    hits = [{"code": "crop_loss"}]
    standing = {"as_of_date": FORMER, "grade": "low", "rule_hits": hits, "feeds": ["disaster"]}
    outbox.store.save([{**body, "rule_hits": hits}], [HERE])
    silent = {**a_body("H1", "high", as_of_date=LATTER), "standing": standing}
    outbox.store.save([silent], [HERE])
    outbox.run("2026-11-30", ("H1", "low", ["crop_loss"]))
    assert outbox.events() == []
    outbox.run("2026-12-31", ("H1", "medium", ["crop_loss", "unsafe_house"]))
    (only,) = outbox.events()
    assert only["new_rule_hits"] == ["unsafe_house"]


def test_a_run_again_adds_no_event_and_a_changed_one_its_own(outbox: Outbox) -> None:
    outbox.add_hook(URL)
    outbox.alert()
    outbox.alert()
    assert len(outbox.events()) == 1
    # Another score and the same news; then other news.
    outbox.run(LATTER, ("H1", "high", ["crop_loss"]), score=0.77)
    assert len(outbox.events()) == 1
    outbox.run(LATTER, ("H1", "high", ["crop_loss", "unsafe_house"]), score=0.77)
    assert len(outbox.events()) == 2


def test_alerts_go_to_the_areas_that_they_are_of(outbox: Outbox) -> None:
    everywhere, _ = outbox.add_hook(URL, "*", "*")
    near, _ = outbox.add_hook(URL, "500999")
    outbox.add_hook(URL, "500998")
    outbox.alert()
    found = {one.webhook_id for one in outbox.hooks.deliveries()}
    assert found == {everywhere.id, near.id}
    # Elsewhere the same key is another household: it has no assessment before, and nor has its village.
    outbox.run("2026-11-30", ("H1", "high", ["unsafe_house"]), village=FAR)
    assert len(outbox.hooks.deliveries()) == 2


def test_a_household_that_moved_within_the_county_is_the_same(outbox: Outbox) -> None:
    outbox.add_hook(URL)
    outbox.run(FORMER, ("H1", "high", ["crop_loss"]), village=HERE)
    outbox.run(FORMER, ("H9", "low", []), village="500999100202")
    outbox.run(LATTER, ("H1", "high", ["crop_loss"]), village="500999100202")
    assert outbox.events() == []


def test_another_models_rise_is_marked(outbox: Outbox) -> None:
    outbox.add_hook(URL)
    outbox.run(FORMER, ("H1", "low", []))
    outbox.run(LATTER, ("H1", "high", []), model_version="m2")
    (only,) = outbox.events()
    assert only["is_other_model"]


def test_an_alert_is_there_if_and_only_if_the_assessment_is(outbox: Outbox) -> None:
    outbox.add_hook(URL)
    outbox.run(FORMER, ("H1", "low", []))
    with outbox.store.writer.connect() as connection:
        transaction = connection.begin()
        outbox.store.save_in(connection, [a_body("H1", "high", as_of_date=LATTER)], [HERE])
        transaction.rollback()
    assert outbox.events() == []
    with outbox.engine.connect() as connection:
        assert len(connection.execute(select(assessment.c.id)).all()) == 1


def test_only_keys_in_force_have_webhooks(outbox: Outbox) -> None:
    hook, _ = outbox.add_hook(URL)
    outbox.keys.revoke(hook.key_id)
    outbox.alert()
    assert outbox.events() == []
    with pytest.raises(AccessError, match="in force"):
        outbox.hooks.add(OPERATOR, hook.key_id, "50", URL, lambda _: "")
    with pytest.raises(AccessError, match="does not see"):
        outbox.add_hook(URL, "51", "50")
    with pytest.raises(AccessError, match="does not see"):
        outbox.add_hook(URL, "*", "50")


def test_what_waits_for_a_webhook_that_ended_is_dropped(outbox: Outbox) -> None:
    hook, secret = outbox.add_hook(URL)
    outbox.alert()
    outbox.hooks.end(OPERATOR, hook.id, Ended.REMOVED)
    assert outbox.states() == [("dropped", 0, "removed")]
    assert not outbox.courier().deliver_one()
    with pytest.raises(AccessError, match="no webhook"):
        outbox.hooks.end(OPERATOR, hook.id, Ended.REMOVED)
    shown = json.dumps([repr(one) for one in outbox.hooks.list()])
    assert secret not in shown
    assert hook.sealed_secret not in shown


def test_a_key_that_ends_later_ends_its_webhook(outbox: Outbox) -> None:
    hook, _ = outbox.add_hook(URL)
    outbox.alert()
    outbox.keys.revoke(hook.key_id)
    assert not outbox.courier().deliver_one()
    assert outbox.states() == [("dropped", 0, "key_ended")]
    assert outbox.hooks.list()[0].ended_because == "key_ended"


def test_a_secret_is_sealed_for_its_own_webhook_alone(outbox: Outbox) -> None:
    hook, secret = outbox.add_hook(URL)
    assert secret not in hook.sealed_secret
    assert outbox.seal.open(hook.sealed_secret, hook.id) == secret
    for sealed, name in [
        (hook.sealed_secret, "wh_other"), ("2:" + hook.sealed_secret[2:], hook.id), ("1:!", hook.id), ("", hook.id),
        (hook.sealed_secret[:-6] + "AAAAA=", hook.id),
    ]:  # fmt: skip
        with pytest.raises(AccessError, match="another key"):
            outbox.seal.open(sealed, name)
    with pytest.raises(AccessError), pytest.MonkeyPatch.context():
        type(outbox.seal)(bytes(32)).open(hook.sealed_secret, hook.id)


def test_an_expired_key_takes_part_no_more(outbox: Outbox) -> None:
    from serving.storage.tables import api_key

    hook, _ = outbox.add_hook(URL)
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    with outbox.keys.writer.begin() as connection:
        connection.execute(update(api_key).where(api_key.c.id == hook.key_id).values(expires_at=past))
    outbox.alert()
    assert outbox.events() == []
