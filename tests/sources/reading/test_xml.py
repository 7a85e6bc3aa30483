"""XML gives the same plain objects as JSON, as a stream, and nothing outside of it is ever looked up."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.errors import SourceError
from trialalerts.sources.reading.fields import Fields
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.reading.xml import XmlRecords

TRIALS = b"""<?xml version="1.0"?>
<all xmlns="urn:x" total="2">
  <note>not a record</note>
  <trial version="3"><id assigned="2020-05-24">147</id><title>An <i>in vitro</i> trial</title>
    <city>Leeds</city><city>York</city><empty/><age unit="years" value="18"/></trial>
  <trial><id>148</id></trial>
</all>"""


def test_elements_are_objects_attributes_have_an_at_and_marks_are_text() -> None:
    document = XmlRecords(TRIALS, "trial", "file")
    first, second = document
    assert document.root == {"@total": "2"}
    assert first == {
        "@version": "3", "id": {"@assigned": "2020-05-24", "#": "147"}, "title": "An in vitro trial",
        "city": ["Leeds", "York"], "empty": None, "age": {"@unit": "years", "@value": "18"},
    }  # fmt: skip
    assert second == {"id": "148"}


def test_records_may_have_one_name_or_another() -> None:
    document = XmlRecords(
        b"<all><trial><id>1</id></trial><book><id>2</id></book><other/></all>", {"trial", "book"}, "x"
    )
    assert (document.name, list(document)) == ("all", [{"id": "1"}, {"id": "2"}])


def test_a_record_of_xml_is_read_as_one_of_json() -> None:
    first, _ = XmlRecords(TRIALS, "trial", "file")
    record = RecordView(first, Fields("x"))
    assert (record.line("id"), record.line("id.@assigned"), record.lines("city")) == (
        "147",
        "2020-05-24",
        ("Leeds", "York"),
    )
    assert (record.line("age.@value"), record.line("empty"), record.lines("empty")) == ("18", None, ())
    assert record.problems == ()


def test_records_that_were_read_are_let_go_of() -> None:
    body = b"<all>" + b"".join(b"<trial><id>%d</id></trial>" % number for number in range(20_000)) + b"</all>"
    read = iter(XmlRecords(io.BytesIO(body), "trial", "file"))
    numbers = [record["id"] for record in read]
    assert numbers == [str(number) for number in range(20_000)]


@pytest.mark.parametrize(("body", "found"), [
    (b"<!DOCTYPE html><html><body>Please wait", "an HTML page"),
    (b"<all><trial>", "XML that breaks off, or is none"),
    (b"{}", "XML that breaks off, or is none"),
    (b"", "XML that breaks off, or is none"),
    (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "declares entities"),
    (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "declares entities"),
    (b"<a>" * 100 + b"</a>" * 100, "nested too deeply"),
])  # fmt: skip
def test_what_is_no_xml_or_wants_more_than_itself_is_refused_in_one_line(body: bytes, found: str) -> None:
    with pytest.raises(SourceError, match=found) as refused:
        list(XmlRecords(body, "trial", "https://registry.example.org/x"))
    assert "https://registry.example.org/x answered with" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_document_type_of_a_library_is_no_entity(shared_data: Path) -> None:
    body = (shared_data / "registries" / "samples" / "pubmed" / "efetch_citation_22663011.xml").read_bytes()
    (article,) = XmlRecords(body, "PubmedArticle", "file")
    record = RecordView(article, Fields("x"))
    assert record.line("MedlineCitation.PMID") == "22663011"
    assert record.text("MedlineCitation.Article.ArticleTitle")


PLAIN = st.recursive(
    st.text("abc é<&", min_size=1).filter(str.strip),
    lambda inner: st.dictionaries(
        st.sampled_from(["one", "two", "three"]), inner | st.lists(inner, min_size=2), min_size=1
    ),
    max_leaves=12,
)


def written(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(written(name, each) for each in value)
    inside = "".join(written(key, inner) for key, inner in value.items()) if isinstance(value, dict) else escaped(value)
    return f"<{name}>{inside}</{name}>"


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


@given(st.lists(PLAIN, max_size=5))
def test_what_is_written_is_read(records: list[Any]) -> None:
    body = f"<all>{''.join(written('record', record) for record in records)}</all>".encode()
    assert list(XmlRecords(body, "record", "file")) == records
