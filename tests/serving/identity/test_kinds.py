"""One form for each identifier, however it is typed; what is none; and what a mask leaves."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.signals.pseudonyms import is_somebodys_number
from serving.files.rows import ValueRefused
from serving.identity.kinds import REFUSALS, Kind, normalise
from serving.identity.masking import masked

FULL_WIDTH = str.maketrans({one: chr(ord(one) + 0xFEE0) for one in map(chr, range(0x21, 0x7F))})


def a_number(place: int, day: int, sequence: int) -> str:
    """An ID number with its check character, by the definition of ISO 7064: the whole is 1 modulo 11."""
    digits = f"{place:06}{dt.date(1930, 1, 1) + dt.timedelta(day):%Y%m%d}{sequence:03}"
    total = sum(int(digit) * 2 ** (17 - at) for at, digit in enumerate(digits))
    check = next(one for one in range(11) if (total + one) % 11 == 1)
    return digits + ("X" if check == 10 else str(check))


NUMBERS = st.builds(a_number, st.integers(110_000, 659_999), st.integers(0, 34_000), st.integers(0, 999))
PHONES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)

SAME = [
    (Kind.ID_NUMBER, "11010519491231002X", ["11010519491231002x", " 110105 19491231 002X ", "１１０１０５１９４９１２３１００２ｘ"]),
    (Kind.PHONE, "13800138000", ["138 0013 8000", "138-0013-8000", "+86 13800138000", "0086-138-0013-8000", "8613800138000", "１３８００１３８０００", "(+86)138.0013.8000"]),
    (Kind.PHONE, "02387654321", ["023-87654321", "（023）8765 4321", "+86-023-8765-4321"]),
    (Kind.NAME, "张三", [" 张　三 ", "张 三", "张三\n"]),
    (Kind.NAME, "买买提·吐尔逊", ["买买提·吐尔逊 "]),
    (Kind.NAME, "Anna Li", ["Ａｎｎａ  Li"]),
    (Kind.ADDRESS, "重庆市南川区1组12号", ["重庆市南川区１组１２号 "]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "kept", "typed"), SAME)
def test_what_is_meant_alike_is_kept_alike(kind: Kind, kept: str, typed: list[str]) -> None:
    for one in (kept, *typed):
        assert normalise(kind, one) == kept


REFUSED = [
    (Kind.ID_NUMBER, "110105194912310021", "id_number_checksum"),
    (Kind.ID_NUMBER, "110105194913310020", "id_number_birth_date"),
    (Kind.ID_NUMBER, "110105491231002", "id_number_length"),
    (Kind.ID_NUMBER, "11010519491231002X44", "id_number_length"),
    (Kind.ID_NUMBER, 110105194912310020, "not_text"),
    (Kind.ID_NUMBER, "", "empty"),
    (Kind.PHONE, "12800138000", "phone_malformed"),
    (Kind.PHONE, "1380013800", "phone_malformed"),
    (Kind.PHONE, "+1 212 555 0100", "phone_malformed"),
    (Kind.PHONE, "8765 4321", "phone_malformed"),
    (Kind.PHONE, "13800138000 转 1", "phone_malformed"),
    (Kind.PHONE, None, "not_text"),
    (Kind.NAME, "张\x00三", "unseen_character"),
    (Kind.NAME, "张\u202e三", "unseen_character"),
    (Kind.NAME, "张\ud800", "unseen_character"),
    (Kind.NAME, "13800138000", "name_malformed"),
    (Kind.NAME, "***", "name_malformed"),
    (Kind.NAME, "张" * 51, "too_long"),
    (Kind.NAME, "　 ", "empty"),
    (Kind.NAME, True, "not_text"),
    (Kind.ADDRESS, "村" * 201, "too_long"),
]


@pytest.mark.parametrize(("kind", "given", "code"), REFUSED)
def test_what_is_refused(kind: Kind, given: object, code: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        normalise(kind, given)
    assert refused.value.code == code
    told = f"{refused.value} {refused.value.way_out} {refused.value.way_out_zh}"
    assert refused.value.way_out
    assert refused.value.way_out_zh
    assert not str(given).strip() or str(given) not in told


def test_every_refusal_is_asked_for() -> None:
    assert {code for _, _, code in REFUSED if not code.startswith("id_")} == set(REFUSALS)


@given(NUMBERS)
def test_id_numbers_by_their_definition(number: str) -> None:
    assert normalise(Kind.ID_NUMBER, number.lower().translate(FULL_WIDTH)) == number
    assert is_somebodys_number(number)
    for other in set("0123456789X") - {number[-1]}:
        with pytest.raises(ValueRefused):
            normalise(Kind.ID_NUMBER, number[:-1] + other)
        assert not is_somebodys_number(number[:-1] + other)


@given(st.sampled_from([Kind.NAME, Kind.ADDRESS]), st.text(max_size=60))
def test_normalising_twice_changes_nothing(kind: Kind, text: str) -> None:
    try:
        kept = normalise(kind, text)
    except ValueRefused:
        return
    assert normalise(kind, kept) == kept


@given(
    NUMBERS,
    PHONES,
    st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=50),
)
def test_masks_hide(number: str, phone: str, name: str) -> None:
    assert masked(Kind.ID_NUMBER, number) == number[:4] + "*" * 10 + number[-4:]
    assert masked(Kind.PHONE, phone) == phone[:3] + "****" + phone[-4:]
    # The length of a name is hidden with it.
    assert masked(Kind.NAME, name) == name[0] + "**"


@pytest.mark.parametrize(("address", "shown"), [
    ("重庆市南川区石溪镇五星村1组", "重庆市南川区****"), ("重庆市彭水苗族土家族自治县汉葭街道", "重庆市彭水苗族土家族自治县****"),
    ("重庆市巫山县铜鼓镇", "重庆市巫山县****"), ("五星村1组12号", "****"), ("幸福小区3栋", "****"), ("重庆市幸福小区", "重庆市****"),
    ("滨江社区5号", "****"), ("示例街道阳光花园A区2栋301", "****"), ("示例镇工业区3号", "****"), ("人民路18号院3区", "****"),
    ("张家村东区5组", "****"), ("阳光超市对面301", "****"), ("重庆市人民路18号院3区", "重庆市****"),
    ("河南省南阳市镇平县石佛寺镇", "河南省南阳市镇平县****"), ("镇平县石佛寺镇", "镇平县****"), ("镇江市丹徒区", "镇江市丹徒区****"),
    ("河南省新乡市牧野区", "河南省****"), ("山西省临汾市乡宁县", "山西省临汾市乡宁县****"),
    ("浙江省台州市路桥区", "浙江省台州市路桥区****"), ("湖南省宁乡市", "湖南省****"), ("凉山彝族自治州昭觉县", "凉山彝族自治州昭觉县****"),
])  # fmt: skip
def test_addresses_are_shown_to_their_county(address: str, shown: str) -> None:
    assert masked(Kind.ADDRESS, address) == shown
