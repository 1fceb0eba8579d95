"""Bodies about identities: read strictly, every error at once, never a value in one."""

from __future__ import annotations

from typing import Any

from features.signals import CONTRACTS
from features.signals.defects import Defect
from serving.access.purpose import REVEAL_PURPOSES, Purpose
from serving.cases.document import DocumentReader
from serving.files.rows import ValueRefused
from serving.identity.kinds import Kind, normalise
from serving.identity.store import HEAD, Person

MOST_PERSONS = 30
MOST_BYTES = 100_000
_IDENTITY = ("village_code", "persons")
_KEY = CONTRACTS["household"].field("household_id")


class IdentityReader(DocumentReader):
    """Reads one document and gathers what is wrong with it."""

    def read_identity(self, household_id: str, document: Any) -> tuple[str, list[Person]]:
        """Village and persons of a PUT; raises `Problem`."""
        try:
            _KEY.parse(household_id)
        except Defect as defect:
            self.add("/path/household_id", defect.code, defect.way_out)
        given = self.object(document, "", _IDENTITY, _IDENTITY, keeps_null=True)
        village = self.village(given["village_code"], "/village_code") if "village_code" in given else ""
        persons = self._persons(given["persons"]) if "persons" in given else []
        self.check()
        return village, persons

    def read_lookup(self, document: Any) -> tuple[Kind, str]:
        """What is looked up; raises `Problem` unless it is one ID number or one phone."""
        kinds = [one for one in Kind if one.is_looked_up]
        given = self.object(document, "", kinds, keeps_null=True)
        if not self.errors and len(given) != 1:
            self.add("", "missing", f"give one of {', '.join(kinds)}")
        self.check()
        ((name, value),) = given.items()
        made = self._value(Kind(name), value, f"/{name}")
        self.check()
        return Kind(name), made

    def read_purpose(self, document: Any) -> Purpose:
        """The purpose of a reveal; raises `Problem`."""
        given = self.object(document, "", ("purpose",), ("purpose",), keeps_null=True)
        purpose = purpose_of(given.get("purpose"))
        if purpose is None and not self.errors:
            self.add("/purpose", "unknown_category", f"give one of {', '.join(REVEAL_PURPOSES)}")
        self.check()
        assert purpose is not None
        return purpose

    def _persons(self, given: Any) -> list[Person]:
        if not isinstance(given, list) or not 1 <= len(given) <= MOST_PERSONS:
            self.add("/persons", "not_a_list", f"give a list of 1 to {MOST_PERSONS} persons")
            return []
        made = [self._person(one, f"/persons/{at}") for at, one in enumerate(given)]
        seen: set[str] = set()
        for at, one in enumerate(made):
            if one.person_id in seen and one.person_id:
                self.add(f"/persons/{at}/person_id", "repeated", "give each person once")
            seen.add(one.person_id)
        return made

    def _person(self, given: Any, at: str) -> Person:
        there = self.object(given, at, ("person_id", *Kind), ("person_id",), keeps_null=True)
        person_id = there.pop("person_id", "")
        try:
            if person_id != HEAD:
                _KEY.parse(person_id)
        except Defect as defect:
            self.add(f"{at}/person_id", defect.code, defect.way_out)
            person_id = ""
        values = {Kind(name): self._value(Kind(name), value, f"{at}/{name}") for name, value in there.items()}
        if isinstance(given, dict) and not there:
            self.add(at, "empty", f"give at least one of {', '.join(Kind)}")
        return Person(person_id, values)

    def _value(self, kind: Kind, given: Any, at: str) -> str:
        try:
            return normalise(kind, given)
        except ValueRefused as refused:
            self.add(at, refused.code, refused.way_out)
            return ""


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
