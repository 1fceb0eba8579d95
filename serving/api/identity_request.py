"""Bodies about identities: read strictly, every error at once, never a value in one."""

from __future__ import annotations

from typing import Any

from features.errors import ContractError
from features.regions import AREA_LEVELS, check_area_code
from features.signals import CONTRACTS
from features.signals.defects import Defect
from serving.access.purpose import REVEAL_PURPOSES, Purpose
from serving.errors import FieldError, Problem
from serving.files.rows import ValueRefused
from serving.identity.kinds import Kind, normalise
from serving.identity.store import HEAD, Person

MOST_PERSONS = 30
MOST_BYTES = 100_000
_VILLAGE = max(AREA_LEVELS)
_KEY = CONTRACTS["household"].field("household_id")


class IdentityReader:
    """Reads one document and gathers what is wrong with it."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def read_identity(self, household_id: str, document: Any) -> tuple[str, list[Person]]:
        """Village and persons of a PUT; raises `Problem`."""
        try:
            _KEY.parse(household_id)
        except Defect as defect:
            self._add("/path/household_id", defect.code, defect.way_out)
        given = self._object(document, "", ("village_code", "persons"), ("village_code", "persons"))
        village = self._village(given.get("village_code")) if "village_code" in given else ""
        persons = self._persons(given["persons"]) if "persons" in given else []
        self._check()
        return village, persons

    def read_lookup(self, document: Any) -> tuple[Kind, str]:
        """What is looked up; raises `Problem` unless it is one ID number or one phone."""
        kinds = [one for one in Kind if one.is_looked_up]
        given = self._object(document, "", tuple(kinds), ())
        if not self.errors and len(given) != 1:
            self._add("", "missing", f"give one of {', '.join(kinds)}")
        self._check()
        ((name, value),) = given.items()
        made = self._value(Kind(name), value, f"/{name}")
        self._check()
        return Kind(name), made

    def read_purpose(self, document: Any) -> Purpose:
        """The purpose of a reveal; raises `Problem`."""
        given = self._object(document, "", ("purpose",), ("purpose",))
        purpose = purpose_of(given.get("purpose"))
        if purpose is None and not self.errors:
            self._add("/purpose", "unknown_category", f"give one of {', '.join(REVEAL_PURPOSES)}")
        self._check()
        assert purpose is not None
        return purpose

    def _village(self, given: Any) -> str:
        try:
            code = check_area_code(given)
        except ContractError:
            code = ""
        if len(code) != _VILLAGE:
            self._add("/village_code", "malformed", f"give the village's code of {_VILLAGE} characters")
        return code

    def _persons(self, given: Any) -> list[Person]:
        if not isinstance(given, list) or not 1 <= len(given) <= MOST_PERSONS:
            self._add("/persons", "not_a_list", f"give a list of 1 to {MOST_PERSONS} persons")
            return []
        made = [self._person(one, f"/persons/{at}") for at, one in enumerate(given)]
        seen: set[str] = set()
        for at, one in enumerate(made):
            if one.person_id in seen and one.person_id:
                self._add(f"/persons/{at}/person_id", "repeated", "give each person once")
            seen.add(one.person_id)
        return made

    def _person(self, given: Any, at: str) -> Person:
        there = self._object(given, at, ("person_id", *Kind), ("person_id",))
        person_id = there.pop("person_id", "")
        try:
            if person_id != HEAD:
                _KEY.parse(person_id)
        except Defect as defect:
            self._add(f"{at}/person_id", defect.code, defect.way_out)
            person_id = ""
        values = {Kind(name): self._value(Kind(name), value, f"{at}/{name}") for name, value in there.items()}
        if isinstance(given, dict) and not there:
            self._add(at, "empty", f"give at least one of {', '.join(Kind)}")
        return Person(person_id, values)

    def _value(self, kind: Kind, given: Any, at: str) -> str:
        try:
            return normalise(kind, given)
        except ValueRefused as refused:
            self._add(at, refused.code, refused.way_out)
            return ""

    def _object(
        self, given: Any, at: str, names: tuple[str, ...], required: tuple[str, ...]
    ) -> dict[str, Any]:
        """The declared fields that are there. The name of another may be anything, and is not repeated."""
        if not isinstance(given, dict):
            self._add(at, "not_an_object", f"give an object with {', '.join(names)}")
            return {}
        if given.keys() - set(names):
            self._add(at, "unknown_field", f"give no other fields than {', '.join(names)}")
        for name in required:
            if name not in given:
                self._add(f"{at}/{name}", "missing", "give the field")
        return {name: given[name] for name in names if name in given}

    def _add(self, pointer: str, code: str, way_out: str) -> None:
        self.errors.append(FieldError(pointer, code, way_out))

    def _check(self) -> None:
        if self.errors:
            raise Problem("request_invalid", errors=self.errors)


def purpose_of(given: Any) -> Purpose | None:
    """The purpose of a reveal, if it is one of the list."""
    return next((one for one in REVEAL_PURPOSES if one == given), None)


def example_identity() -> dict[str, Any]:
    """A body of a PUT; its people are invented, and their numbers belong to nobody."""
    return {
        "village_code": "500999100201",
        "persons": [
            {
                "person_id": HEAD, "name": "张三", "id_number": "11010519491231002X",
                "phone": "13800138000", "address": "重庆市示例县示例镇示例村1组",
            }
        ],
    }  # fmt: skip


def identity_request_body() -> dict[str, Any]:
    """The body of the PUT in OpenAPI 3.1."""
    text = {"type": "string", "maxLength": 200}
    person = {
        "type": "object",
        "additionalProperties": False,
        "required": ["person_id"],
        "minProperties": 2,
        "properties": {
            "person_id": {
                "type": "string",
                "pattern": r"^[0-9A-Za-z_-]{1,64}$",
                "description": f"`{HEAD}` (户主), or a member's pseudonymous key",
            },
            "name": {**text, "description": "姓名"},
            "id_number": {**text, "description": "公民身份号码 / checked by GB 11643"},
            "phone": {**text, "description": "手机号或固定电话 / mobile or landline"},
            "address": {**text, "description": "住址"},
        },
    }
    village = {"type": "string", "pattern": r"^[0-9A-Z]{12}$", "description": "村级区划代码"}
    persons = {"type": "array", "minItems": 1, "maxItems": MOST_PERSONS, "items": person}
    return _body(
        {"village_code": village, "persons": persons}, example_identity(), ["village_code", "persons"]
    )


def lookup_request_body() -> dict[str, Any]:
    """The body of the lookup in OpenAPI 3.1."""
    fields = {one.value: {"type": "string", "maxLength": 50} for one in Kind if one.is_looked_up}
    made = _body(fields, {"id_number": "11010519491231002X"}, [])
    schema = made["content"]["application/json"]["schema"]
    schema |= {"minProperties": 1, "maxProperties": 1}
    return made


def reveal_request_body() -> dict[str, Any]:
    """The body of the reveal in OpenAPI 3.1."""
    words = "; ".join(f"`{one.value}` {one.text('zh')}" for one in REVEAL_PURPOSES)
    purpose = {"type": "string", "enum": [one.value for one in REVEAL_PURPOSES], "description": words}
    return _body({"purpose": purpose}, {"purpose": "visit"}, ["purpose"])


def _body(properties: dict[str, Any], example: dict[str, Any], required: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object", "additionalProperties": False, "required": required, "properties": properties
    }  # fmt: skip
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}
