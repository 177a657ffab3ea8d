import pytest
from pydantic import BaseModel, ConfigDict, StrictInt

from deploy_project.api.http.bodies import checked, mapping
from deploy_project.api.http.problems import ApiError

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    threads: StrictInt = 4


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        (b'{"a": 1}', JSON, {"a": 1}),
        (b"", JSON, {}),
        (b'{"a": 1}', "", {"a": 1}),
        (b"cause=by+hand&git_sha=", FORM, {"cause": "by hand", "git_sha": None}),
    ],
)
def test_the_fields_of_a_body(content: bytes, content_type: str, expected: object):
    assert mapping(content, content_type) == expected


@pytest.mark.parametrize(
    "content",
    [b'{"cause": "x",}', b"[1]", b'"text"', b"\xff\xfe", b"[" * 200_000, b"{", b"null"],
    ids=["a comma too many", "list", "text", "no text", "deep", "cut off", "null"],
)
def test_a_body_without_fields_is_refused(content: bytes):
    with pytest.raises(ApiError) as raised:
        mapping(content, JSON)
    assert (raised.value.status, type(raised.value.data)) == (400, str)


def test_every_fault_of_a_body_is_told_at_its_place():
    with pytest.raises(ApiError) as raised:
        checked(Outer, {"inner": {"threads": "4", "speed": 1}, "age": 3})
    assert raised.value.data == {
        "name": "Field required",
        "inner.threads": "Input should be a valid integer",
        "inner": "Additional properties are not allowed ('speed' was unexpected)",
        "age": "Additional properties are not allowed ('age' was unexpected)",
    }
