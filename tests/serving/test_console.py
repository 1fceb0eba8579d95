"""The pages: the stored numbers in both languages, no scripts, nothing from elsewhere, a page for errors."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import serving.console
from features import CONTRACTS
from features.policy.sources import source_text
from scoring.texts import LANGUAGES
from serving.api.documentation import example_request
from serving.app import create_app
from serving.console.numbers import in_natural_numbers, percent, round_number
from serving.console.texts import texts
from serving.settings import Settings
from tests.serving.conftest import Client, a_household, a_request, make_bundle

CONSOLE = Path(serving.console.__file__).parent


@pytest.fixture(scope="module")
def stocked(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service with 130 stored households; one of them lacks feeds."""
    database = tmp_path_factory.mktemp("stocked") / "scores.db"
    with Client(create_app(Settings(bundle_dir=bundle_dir, database_url=f"sqlite:///{database}"))) as made:
        assert made.app.state.champion.wait(300)
        request = a_request(*(a_household(f"H{n:03}", self_paid=200.0 * n) for n in range(128)))
        bodies = made.post("/v1/scores", json=request).json()["results"]
        silent = a_request(a_household("SILENT"), silent=("illness", "disaster"))
        silent["coverage"][2]["complete_until"] = "2024-01-01"
        bodies += made.post("/v1/scores", json=silent).json()["results"]
        bodies += made.post("/v1/scores", json=example_request()).json()["results"]
        store = made.app.state.store
        store.save_release("test-1", "0" * 64, 12)
        store.save(bodies, ["500999100201"] * 100 + ["500999100202"] * (len(bodies) - 100))
        yield made


def read(client: Client, key: str, language: str) -> str:
    answer = client.page(f"/households/{key}" + ("?lang=en" if language == "en" else ""))
    assert answer.status_code == 200
    return html.unescape(answer.text)


def whose_amounts(body: dict[str, Any], feed: str, language: str) -> list[str]:
    """What a reason says of incomes: whose they are and of which day."""
    said = {"income": ("income_of_departments", "occurred_on"), "account": ("income_of_account", "known_on")}
    if feed not in said or feed not in body["latest_facts"]:
        return []
    (key, day), contract = said[feed], CONTRACTS[feed]
    source = contract.source_zh if language == "zh" else contract.source_en
    return [texts(language)[key].format(source=source, date=body["latest_facts"][feed][day])]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", ["EXAMPLE-0001", "H127", "H000", "SILENT"])
def test_a_page_says_what_is_stored(stocked: Client, key: str, language: str) -> None:
    body = stocked.get(f"/v1/households/{key}").json()
    page = read(stocked, key, language)
    expected = [
        key, body["as_of_date"], percent(body["score"]), percent(body["base_rate"]),
        body["grade_text"][language], body["suggested_action_text"][language], texts(language)["note"],
        body["model_version"], body["policy_version"], body["feature_version"],
        f"{body['monitoring_line']['value']:,}", body["monitoring_line"]["effective_from"],
        source_text(body["monitoring_line"]["source"], language), texts(language)["assumption_mark"],
    ]  # fmt: skip
    per = round_number(body["score"], body["base_rate"])
    expected.append(in_natural_numbers(body["score"], per, "in_natural_numbers", language))
    expected.append(in_natural_numbers(body["base_rate"], per, "base_in_natural_numbers", language))
    assert [one["months"] for one in body["horizons"]] == [3, 6, 12]
    for horizon in body["horizons"]:
        expected.append(texts(language)["within_months"].format(months=horizon["months"]))
        expected.append(f"<td>{percent(horizon['score'])}</td>")
    for theme in body["themes"]:
        expected.append(f">{theme['text'][language]}</th><td>{percent(theme['score'])}</td>")
    for reason in (*body["risk_reasons"], *body["protective_reasons"]):
        said = reason["text"][language]
        expected += [reason["code"], said["name"], said["strength"], said["effect"]]
        expected += [said[key] for key in ("share", "firmness") if key in said]
        if reason["effect"] == "risk":
            expected.append(said["check"])
        for fact in reason["facts"]:
            expected += [fact["label"][language], fact["value_text"][language]]
            expected += [fact[key][language] for key in ("usual_text", "source_text") if fact[key]]
            if fact["unit"] == "yuan":
                expected += [one for feed in fact["feeds"] for one in whose_amounts(body, feed, language)]
    for key in ("not_listed_text", "disagreement_text"):
        expected += [body[key][language]] if body[key] else []
    expected += body["changes"]["text"][language] if body["changes"] else []
    expected += [hit["text"][language] for hit in body["rule_hits"]]
    for feed, fact in body["latest_facts"].items():
        contract = CONTRACTS[feed]
        expected += [fact["occurred_on"], fact["known_on"], f">{fact['records']}<"]
        expected.append(contract.source_zh if language == "zh" else contract.source_en)
    missing = [one for one in expected if one not in page]
    assert missing == []


def test_a_model_without_an_outlook_shows_none(tmp_path: Path) -> None:
    make_bundle(tmp_path / "bundle", outlook=None)
    settings = Settings(bundle_dir=tmp_path / "bundle", database_url=f"sqlite:///{tmp_path / 'scores.db'}")
    with Client(create_app(settings)) as client:
        assert client.app.state.champion.wait(300)
        bodies = client.post("/v1/scores", json=a_request(a_household("H1"))).json()["results"]
        assert (bodies[0]["horizons"], bodies[0]["themes"]) == ([], [])
        client.app.state.store.save_release("test-1", "0" * 64, 12)
        client.app.state.store.save(bodies, ["500999100201"])
        assert texts("zh")["outlook_title"] not in read(client, "H1", "zh")


@pytest.mark.parametrize(("language", "said"), [("zh", "不表示没有风险"), ("en", "does not mean no risk")])
def test_a_page_warns_of_feeds_that_are_missing_or_stale(stocked: Client, language: str, said: str) -> None:
    body = stocked.get("/v1/households/SILENT").json()
    assert (body["missing_feeds"], body["stale_feeds"]) == (["illness", "disaster"], ["income"])
    page = read(stocked, "SILENT", language)
    assert said in page
    for feed in ("illness", "disaster", "income"):
        assert (CONTRACTS[feed].zh if language == "zh" else CONTRACTS[feed].en) in page
    assert said not in read(stocked, "H000", language)


def test_hits_show_their_assumption(stocked: Client) -> None:
    body = stocked.get("/v1/households/EXAMPLE-0001").json()
    assumed = [one["is_assumption"] for one in body["rule_hits"]]
    assert any(assumed)
    section = read(stocked, "EXAMPLE-0001", "zh").split('class="hits"')[1].split("</section>")[0]
    assert section.count('class="mark"') == sum(assumed)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("path", ["/", "/?lang=en", "/households/EXAMPLE-0001", "/households/nobody"])
def test_pages_keep_to_their_content_policy(stocked: Client, path: str) -> None:
    answer = stocked.page(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "strict-origin"
    parser = _Tags()
    parser.feed(answer.text)
    assert any(tag == "link" for tag, _ in parser.tags)
    for tag, attributes in parser.tags:
        assert tag not in ("script", "style", "iframe", "object")
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src", "action"):
            target = attributes.get(name)
            assert target is None or re.match(r"[/#][^/]|/$", target), target


def test_the_style_sheet_asks_nobody(stocked: Client) -> None:
    answer = stocked.get("/static/console.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "max-age=600"
    assert "http" not in answer.text
    # A pattern of the page's own map is no address.
    assert set(re.findall(r"url\(.", answer.text)) <= {"url(#"}
    assert "@import" not in answer.text
    assert stocked.get("/static/icon.svg").headers["content-type"] == "image/svg+xml"


def test_scripts_ask_nobody_and_the_worker_may_answer_for_every_page(stocked: Client) -> None:
    for name in ("console.js", "kept.js", "worker.js", "offline.html"):
        answer = stocked.get(f"/static/{name}")
        assert answer.status_code == 200
        assert "//" not in re.sub(r"^\s*//.*$", "", answer.text, flags=re.MULTILINE)
        for word in ("eval(", "innerHTML", "Function(", "importScripts" if name != "worker.js" else "eval("):
            assert word not in answer.text
        is_worker = name == "worker.js"
        assert answer.headers.get("service-worker-allowed") == ("/" if is_worker else None)
        assert answer.headers["cache-control"] == ("no-cache" if is_worker else "max-age=600")
        assert answer.headers["vary"] == "Accept-Encoding"
        plain = stocked.get(f"/static/{name}", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == answer.content
    assert stocked.get("/static/../app.py").status_code == 404
    assert stocked.get("/static/no.css").status_code == 404


def test_the_list_has_the_highest_scores_first_in_pages_of_fifty(stocked: Client) -> None:
    keys: list[str] = []
    for number, count in ((1, 50), (2, 50), (3, 30)):
        page = stocked.page(f"/?page={number}").text
        found = re.findall(r'href="/households/([^"]+)"', page)
        assert len(found) == count
        keys += found
    assert len(set(keys)) == 130
    scores = [stocked.get(f"/v1/households/{key}").json()["score"] for key in keys]
    assert scores == sorted(scores, reverse=True)
    assert "第3页，共3页" in stocked.page("/?page=3").text


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page=9999999", "action=nothing"])
def test_a_list_query_that_makes_no_sense_shows_the_beginning(stocked: Client, query: str) -> None:
    assert len(re.findall(r'href="/households/', stocked.page(f"/?{query}").text)) == 50


def test_the_list_can_be_narrowed(stocked: Client) -> None:
    assert "共100户" in stocked.page("/?area=500999100201").text
    assert "共130户" in stocked.page("/?area=500999").text
    assert "共0户" in stocked.page("/?area=50099%25").text
    assert "共0户" in stocked.page("/?area=%3Cscript%3E").text
    visits = stocked.page("/?action=visit").text
    assert "EXAMPLE-0001" in visits
    assert texts("zh")["hit_mark"].format(text="") in visits


def test_a_household_can_be_found_by_its_key(stocked: Client) -> None:
    answer = stocked.page("/?find=H007&lang=en")
    assert (answer.status_code, answer.headers["location"]) == (303, "/households/H007?lang=en")
    assert stocked.page("/?find=%0d%0aSet-Cookie:x").status_code == 404


@pytest.mark.parametrize("path", ["/households/nobody", "/households/%3Cb%3E", "/nowhere", "/static/no"])
def test_errors_are_pages_for_people_and_problems_for_programs(stocked: Client, path: str) -> None:
    page = stocked.page(path)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert texts("zh")["site"] in page.text
    assert texts("en")["site"] in stocked.page(path + "?lang=en").text
    problem = stocked.get(path)
    assert problem.status_code == 404
    assert problem.headers["content-type"] == "application/problem+json"


def test_a_page_of_a_date(stocked: Client) -> None:
    assert stocked.page("/households/H000?as_of_date=2026-10-31").status_code == 200
    assert stocked.page("/households/H000?as_of_date=2026-09-30").status_code == 404
    assert stocked.page("/households/H000?as_of_date=soon").status_code == 422


def test_an_empty_database_says_so(bundle_dir: Path, tmp_path: Path) -> None:
    settings = Settings(bundle_dir=bundle_dir, database_url=f"sqlite:///{tmp_path / 'empty.db'}")
    with Client(create_app(settings)) as client:
        assert texts("zh")["list_nothing"] in client.page("/").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_times_are_chinas_and_the_foot_says_so_once(stocked: Client, language: str) -> None:
    page = read(stocked, "H127", language)
    assert page.count(texts(language)["china_time"]) == 1
    with stocked.app.state.store.engine.connect() as connection:
        query = "SELECT written_at FROM assessment WHERE household_id = 'H127'"
        written = dt.datetime.fromisoformat(str(connection.exec_driver_sql(query).scalar()))
    in_china = (written.replace(tzinfo=None) + dt.timedelta(hours=8)).strftime("%Y-%m-%d %H:%M")
    assert texts(language)["written"].format(at=in_china) in page


def test_an_english_page_has_no_chinese_sources(stocked: Client) -> None:
    page = read(stocked, "SILENT", "en")
    assert re.findall(r"[\u4e00-\u9fff]+", page.replace(texts("en")["other_language"], "")) == []


def test_both_catalogues_have_the_same_keys_and_every_key_is_used() -> None:
    keys = {language: set(texts(language)) for language in LANGUAGES}
    assert keys["zh"] == keys["en"]
    source = "\n".join(
        one.read_text(encoding="utf-8")
        for one in CONSOLE.rglob("*")
        if one.suffix in (".html", ".py") and one.is_file()
    )
    used = set(re.findall(r"\bt\.(\w+)", source)) | set(re.findall(r'"(\w+)"', source))
    # Words for the members of a closed list: f"role_{role}".
    made = tuple(set(re.findall(r'f"([a-z_]+_)\{', source)))
    used |= {one for one in keys["zh"] if one.startswith(made)}
    used |= {f"{one}_few" for one in used}
    assert keys["zh"] - used == set()
    assert set(re.findall(r"\bt\.(\w+)", source)) - keys["zh"] == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogues_keep_their_language_and_placeholders(language: str) -> None:
    for key, said in texts(language).items():
        assert isinstance(said, str), key
        assert sorted(re.findall(r"{(\w+)}", said)) == sorted(re.findall(r"{(\w+)}", texts("zh")[key]))
        if language == "zh" and key not in ("language_tag", "other_language", "versions"):
            assert re.search(r"[\u4e00-\u9fff]", said), key


@pytest.mark.parametrize(
    ("probability", "base", "written", "number"),
    [
        (0.231, 0.0062, "23.1%", "情况相近的1,000户中，约231户"),
        (0.5, 0.05, "50.0%", "情况相近的100户中，约50户"),
        (0.0004, 0.0062, "0.04%", "情况相近的10,000户中，约4户"),
        (0.00001, 0.0062, "<0.01%", "情况相近的10,000户中，不到1户"),
    ],
)
def test_probabilities_are_written_as_people_read_them(
    probability: float, base: float, written: str, number: str
) -> None:
    assert percent(probability) == written
    assert (
        in_natural_numbers(probability, round_number(probability, base), "in_natural_numbers", "zh") == number
    )


def test_pages_have_a_language_and_a_way_to_the_other(stocked: Client) -> None:
    page: Any = stocked.page("/households/H000?as_of_date=2026-10-31")
    assert 'lang="zh-CN"' in page.text
    other = re.search(r'href="([^"]*)" lang="en"', page.text)
    assert other
    english = stocked.page(html.unescape(other[1]))
    assert english.headers["content-language"] == "en"
    assert "as_of_date=2026-10-31" in str(english.request.url)
