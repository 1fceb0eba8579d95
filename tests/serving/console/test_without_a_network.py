"""A cadre's phone without a network: visits are kept in it, sent once, and gone with the session.

Over TLS, as phones come to the service: a certificate that nobody signed, and a browser that takes it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from serving.console.texts import texts
from tests.serving.clicks import follow
from tests.serving.console.desk import PHONE, Desk, fill_visit, sign_in
from tests.serving.console.office import Office, open_office
from tests.serving.test_browser import open_browser

pytestmark = pytest.mark.browser

ZH = texts("zh")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser("--ignore-certificate-errors") as started:
        yield started


@pytest.fixture(scope="module")
def office(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    with open_office(bundle_dir, folder, write_certificate(folder / "tls.pem")) as made:
        yield made


def write_certificate(path: Path) -> Path:
    """A key and the certificate that it signed itself, of this machine's own address."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509
        .CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(plain + made.public_bytes(pem))
    return path


_SEND_TWICE = """
async ([household, key, other]) => {
  const person = other || document.body.dataset.person;
  const day = new Date(Date.now() + 8 * 3600000).toISOString().slice(0, 10);
  const body = `submission_key=${key}&person=${person}&visited_on=${day}&finding=not_met`;
  const send = () => fetch(`/households/${household}/visit`, {
    method: 'POST', headers: {'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json'}, body,
  }).then((answer) => answer.status);
  return [await send(), await send()];
}
"""

_SENT_FOR_ANOTHER = """
async ([household, key]) => {
  const person = 'p00000000000', address = `/households/${household}/visit`;
  const body = `submission_key=${key}&person=${person}&visited_on=2026-01-01&finding=not_met`;
  await kept.put({ key, person, household, address, body, at: Date.now() });
  await kept.send(person);
  return (await kept.all()).map((one) => [one.key, one.refused || null]);
}
"""

_KEEP = """
async ([household, key]) => {
  const person = document.body.dataset.person, address = `/households/${household}/visit`;
  const day = new Date(Date.now() + 8 * 3600000).toISOString().slice(0, 10);
  const body = `submission_key=${key}&person=${person}&visited_on=${day}&finding=not_met`;
  await kept.put({ key, person, household, address, body, at: Date.now() });
}
"""

_SENT_BY_TWO = """
async () => {
  const person = document.body.dataset.person, ask = window.fetch;
  let asked = 0;
  window.fetch = async (...given) => {
    const wait = 500 * asked++, answer = await ask(...given);
    await new Promise((resolve) => setTimeout(resolve, wait));
    return answer;
  };
  await Promise.all([kept.send(person), kept.send(person)]);
  window.fetch = ask;
  return [asked, await kept.sent(), await kept.sent()];
}
"""


_REFUSED_AFTER_ALL_WAS_FORGOTTEN = """
async ([household, key]) => {
  const person = document.body.dataset.person, ask = window.fetch;
  const one = { key, person, household, address: `/households/${household}/visit`, body: 'nothing', at: Date.now() };
  await kept.put(one);
  window.fetch = async () => { await kept.clear(); return new Response('', { status: 422 }); };
  await kept.send(person);
  const left = (await kept.all()).length;
  await kept.put(one);
  window.fetch = async () => new Response('', { status: 422 });
  await kept.send(person);
  window.fetch = ask;
  const refused = (await kept.all()).map((each) => each.refused);
  await kept.clear();
  return [left, refused];
}
"""


def still_page(desk: Desk) -> Any:
    """The list with what keeps visits, and without what sends them by itself: it would come in between."""
    page = desk.page("village", service_workers="block")
    page.route("**/static/console.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
    page.goto("/list")
    return page


def test_what_is_refused_after_all_was_forgotten_stays_forgotten(desk: Desk) -> None:
    page = still_page(desk)
    assert page.evaluate(_REFUSED_AFTER_ALL_WAS_FORGOTTEN, ["H1", "a" * 32]) == [0, [422]]
    page.context.close()


def test_what_the_worker_sends_is_told_on_the_page_that_is_open(desk: Desk, office: Office) -> None:
    page = desk.page("village")
    page.goto("/list")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.locator("#waiting").wait_for(state="attached")
    household = str(page.get_attribute(".households li:nth-child(4) a", "href")).rpartition("/")[2]
    before = len(office.visits(household))
    page.evaluate(_KEEP, [household, "e" * 32])
    (worker,) = page.context.service_workers
    # What a browser lets the worker do when the network is back, whatever the page does meanwhile.
    worker.evaluate("self.dispatchEvent(new SyncEvent('sync', { tag: 'visits' }))")
    page.locator("#waiting", has_text=ZH["visits_sent"].format(count=1)).wait_for()
    assert len(office.visits(household)) == before + 1
    page.context.close()


def test_what_page_and_worker_send_at_once_is_one_visit_and_counted_once(desk: Desk, office: Office) -> None:
    page = still_page(desk)
    household = str(page.get_attribute(".households li:nth-child(5) a", "href")).rpartition("/")[2]
    before = len(office.visits(household))
    page.evaluate(_KEEP, [household, "f" * 32])
    assert page.evaluate(_SENT_BY_TWO) == [2, 1, 0]
    assert len(office.visits(household)) == before + 1
    page.context.close()


def test_a_visit_without_a_network_is_kept_and_sent_once(desk: Desk, office: Office) -> None:
    page = desk.page("village")
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/list?due=new")
    assert page.url.startswith("https://")
    page.goto("/list")
    page.locator("#take").wait_for()
    page.click("#take")
    page.locator("#taken", has_text=ZH["taken"].partition("{")[0]).wait_for(timeout=60_000)
    link = page.get_attribute(".households li:nth-child(3) a", "href")
    household = str(link).rpartition("/")[2]
    before = len(office.visits(household))
    page.context.set_offline(True)
    assert page.goto("/list").from_service_worker
    assert page.inner_text("#offline").startswith(ZH["offline_copy"].partition("{")[0])
    page.goto(f"/households/{household}")
    assert household in page.inner_text("h1")
    page.goto(f"/households/{household}/visit")
    fill_visit(page, "not_met")
    page.click(".wide-button")
    page.locator("main", has_text=ZH["visit_kept"]).wait_for()
    page.locator("#waiting p").wait_for()
    assert page.inner_text("#waiting") == ZH["visits_waiting"].format(count=1)
    assert len(office.visits(household)) == before
    page.goto("/password")
    assert "No network" in page.inner_text("main")
    page.context.set_offline(False)
    page.goto("/list")
    page.locator("#waiting", has_text=ZH["visits_sent"].format(count=1)).wait_for(timeout=30_000)
    page.reload()
    assert page.evaluate("kept.all().then((all) => all.length)") == 0
    assert len(office.visits(household)) == before + 1
    # The same once more, as a line that broke before the answer would send it.
    assert page.evaluate(_SEND_TWICE, [household, "b" * 32, None]) == [201, 201]
    assert len(office.visits(household)) == before + 2
    # And what another person filled in is not handed in by this one.
    assert page.evaluate(_SEND_TWICE, [household, "c" * 32, "p00000000000"]) == [409, 409]
    assert len(office.visits(household)) == before + 2
    # It goes on waiting for them, on a phone that several share, also where this one sees no such household.
    for place in (household, "H-NOBODY"):
        assert page.evaluate(_SENT_FOR_ANOTHER, [place, "d" * 32]) == [["d" * 32, None]]
    assert said == []
    page.context.close()


def test_without_a_script_nothing_offers_what_only_a_script_does(browser: Any, office: Office) -> None:
    context = browser.new_context(viewport=PHONE, base_url=office.address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/list")
    sign_in(page, "visitor")
    page.locator("#take").wait_for(state="attached")
    assert not page.locator("#take").is_visible()
    context.close()


def test_signing_out_clears_what_was_kept(browser: Any, office: Office) -> None:
    context = browser.new_context(viewport=PHONE, base_url=office.address)
    page = context.new_page()
    page.goto("/list")
    sign_in(page, "visitor")
    page.locator("#take").wait_for()
    page.click("#take")
    page.locator("#taken", has_text=ZH["taken"].partition("{")[0]).wait_for(timeout=60_000)
    household = str(page.get_attribute(".households li:nth-child(2) a", "href")).rpartition("/")[2]
    context.set_offline(True)
    page.goto(f"/households/{household}/visit")
    fill_visit(page, "not_met")
    page.click(".wide-button")
    page.locator("#waiting p").wait_for()
    context.set_offline(False)
    page.goto("/list")
    # A visit that somebody else left here is not sent by this person, and not lost without a question either.
    page.evaluate(
        "kept.put({key: 'k', person: 'p00000000000', household: 'H', address: '/x', body: 'a=b', at: 1})"
    )
    asked: list[str] = []

    def agree(dialog: Any) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.on("dialog", agree)
    follow(page, "#sign-out button")
    page.wait_for_url("**/sign-in*")
    assert len(office.visits(household)) == 1
    assert asked == [ZH["sign_out_waiting"].format(count=1)]
    assert page.evaluate("caches.keys()") == []
    assert page.evaluate("indexedDB.databases().then((all) => all.length)") == 0
    context.set_offline(True)
    with pytest.raises(Exception, match="ERR_INTERNET_DISCONNECTED"):
        page.goto(f"/households/{household}")
    context.close()
