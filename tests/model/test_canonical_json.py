"""Canonical JSON: one text for one content, and nothing that JSON does not have."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.model.record import Measurement, canonical_json
from station.model.verdict import Verdict

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
)


@given(values)
def test_it_reads_back_and_is_written_the_same_again(value: object) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1


@given(st.dictionaries(texts, values, min_size=2, max_size=6))
def test_the_order_of_names_does_not_matter(value: dict[str, object]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"value": [number]})
    with pytest.raises(ValueError, match="finite number"):
        Measurement(id="a/b", name="b", step="a", at_s=0.0, value=number, unit="V", verdict=Verdict.ERROR)


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), 5j])
def test_what_json_does_not_have_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json({"value": value})


def test_text_is_utf_8_and_not_escaped() -> None:
    assert canonical_json({"b": "Ω", "a": 1.0}) == '{"a":1.0,"b":"Ω"}\n'.encode()
