"""What the demo does through the pages of its running service: two reviews, and a look at what people see."""

from __future__ import annotations

import re
import sys
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence

Account = Mapping[str, str]
Pages = urllib.request.OpenerDirector

_REVIEW = re.compile(r'action="(/corrections/[0-9a-f]+/review)"')
_APPROVED, _REFUSED = {"review": "approve"}, {"review": "refuse", "why": "as_recorded"}
_HOUSEHOLD = re.compile(r'href="(/households/[^"?/]+)"')


def review_corrections(base: str, accounts: Sequence[Account]) -> None:
    """As the township's official, adopt the correction that waits longest, and refuse the next.

    The service scores the household of the first one again, as it does for anybody who reviews.
    """
    township = sign_in(base, _of_role(accounts, "township_official"))
    waiting = _REVIEW.findall(_read(township, f"{base}/corrections"))
    for path, review in zip(waiting, (_APPROVED, _REFUSED), strict=False):
        request = urllib.request.Request(
            f"{base}{path}", data=urllib.parse.urlencode(review).encode(),
            headers={"Origin": base},
        )  # fmt: skip
        township.open(request, timeout=60).close()


def check_pages(base: str, county: str, accounts: Sequence[Account]) -> None:
    """Sign in as officials of the village, the township and the county, and look at what each sees first."""
    village = _of_role(accounts, "village_official")
    pages = sign_in(base, village)
    found = _HOUSEHOLD.search(_read(pages, f"{base}/list"))
    if found is None:
        sys.exit("the village's list has no household")
    if "入户核实" not in _read(pages, f"{base}{found[1]}"):
        sys.exit("the console's page does not show the household")
    if ">1组<" not in _read(pages, f"{base}/areas/{village['area']}"):
        sys.exit("the village's board does not tell its grids")
    township = sign_in(base, _of_role(accounts, "township_official"))
    if len(_REVIEW.findall(_read(township, f"{base}/corrections"))) < 2:
        sys.exit("the township has no corrections to review")
    board = _read(sign_in(base, _of_role(accounts, "county_official")), f"{base}/areas/{county}")
    if '<svg class="areas"' not in board or "演示系统" not in board:
        sys.exit("the county's board has no map, or does not say that this is a demo")
    print(
        "\nSigned in as officials of the village, the township and the county, and read the list, a\n"
        "household, the grids, the corrections that wait, and the county's board."
    )


def sign_in(base: str, account: Account) -> Pages:
    """What opens pages as somebody who is signed in."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    opener.addheaders = [("Accept", "text/html")]
    fields = {"name": account["login_name"], "password": account["password"], "code": "", "next": "/"}
    request = urllib.request.Request(
        f"{base}/sign-in", data=urllib.parse.urlencode(fields).encode(), headers={"Origin": base}
    )
    with opener.open(request, timeout=30) as response:
        if response.url.endswith("/sign-in"):
            sys.exit(f"{account['login_name']} could not sign in")
    return opener


def _of_role(accounts: Sequence[Account], role: str) -> Account:
    return next(one for one in accounts if one["role"] == role)


def _read(pages: Pages, url: str) -> str:
    with pages.open(url, timeout=60) as response:
        text: str = response.read().decode()
    return text
