"""The plain lines of real studies: each read beside its record, and what must hold of all of them."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.digests.plain_samples import RealTrial, real_trials
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.plain import plain_line

WORDS = Wordings()

GOLDEN = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parent / "golden_lines.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture(scope="module")
def trials(shared_data: Path) -> tuple[RealTrial, ...]:
    return real_trials(shared_data / "ctgov" / "ctgov_v2_studies.jsonl.gz")


@pytest.fixture(scope="module")
def lines(trials: tuple[RealTrial, ...]) -> list[tuple[str, dict[str, Any]]]:
    """English lines with their records."""
    return [(text_of(facts, "en"), study) for _, facts, study in trials]


def text_of(facts: Any, language: str) -> str:
    line = plain_line(WORDS.of(language), facts, None)
    assert line is not None
    return line.text


@pytest.mark.parametrize(("language", "number", "line"), GOLDEN, ids=[f"{one[1]} {one[0]}" for one in GOLDEN])
def test_a_line_that_was_read_beside_its_record_stays(
    trials: tuple[RealTrial, ...], language: str, number: str, line: str
) -> None:
    facts = next(facts for named, facts, _ in trials if named == number)
    assert text_of(facts, language) == line


def said_of_masking(line: str) -> bool:
    return re.search(r"; (?:neither|they are not)", line) is not None


def told_of_chance(line: str) -> bool:
    return re.search(r"\bchance (?:decides|sets)\b|\bby chance\b", line, re.IGNORECASE) is not None


DOSE = re.compile(r"\b\d+(?:\.\d+)?\s?(?:mg|µg|mcg|ug|g|kg|ml|IU)\b")


def test_no_line_gives_a_dose(lines: list[tuple[str, dict[str, Any]]]) -> None:
    assert [line for line, _ in lines if DOSE.search(line)] == []


def test_no_line_tells_of_a_placebo_that_its_record_does_not_name(lines: list[tuple[str, dict[str, Any]]]) -> None:
    named = re.compile(
        r"placebo|dummy|vehicle|saline|sodium chloride|nacl|matching|water for injection|control", re.IGNORECASE
    )
    told = [(line, study) for line, study in lines if "placebo" in line]
    assert len(told) > 200
    assert [line for line, study in told if not named.search(json.dumps(arms_of(study)))] == []


def test_no_line_tells_of_chance_without_a_randomised_record(lines: list[tuple[str, dict[str, Any]]]) -> None:
    told = [(line, study) for line, study in lines if told_of_chance(line)]
    assert len(told) > 300
    assert [line for line, study in told if design_of(study).get("allocation") != "RANDOMIZED"] == []


def test_no_line_tells_of_masking_without_masked_people(lines: list[tuple[str, dict[str, Any]]]) -> None:
    told = [(line, study) for line, study in lines if said_of_masking(line)]
    assert len(told) > 200
    assert [line for line, study in told if "PARTICIPANT" not in masked(study)] == []


def test_an_english_line_has_at_most_thirty_five_words(lines: list[tuple[str, dict[str, Any]]]) -> None:
    assert [line for line, _ in lines if len(line.split()) > 35] == []


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_every_record_has_a_line_in_every_language(trials: tuple[RealTrial, ...], language: str) -> None:
    made = [text_of(facts, language) for _, facts, _ in trials]
    assert len(made) == 1_460
    assert [
        line for line in made if not line.endswith(".") or re.search(r"[{}\ue000-\uf8ff]|  | \.|\.\.|,,", line)
    ] == []


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_words_of_english_are_marked_as_english(trials: tuple[RealTrial, ...], language: str) -> None:
    quotes = {"de": "„“", "fr": "«»", "es": "«»"}[language]
    pieces = [
        (before.text[-2:].strip("\u202f"), piece)
        for _, facts, _ in trials
        if (line := plain_line(WORDS.of(language), facts, None))
        for part in (line.first, line.second)
        for before, piece in pairwise(part)
        if piece.lang is not None
    ]
    assert len(pieces) > 500
    assert {piece.lang for _, piece in pieces} == {"en"}
    assert {before[-1] for before, _ in pieces} == {quotes[0]}


def arms_of(study: dict[str, Any]) -> Any:
    return study["protocolSection"].get("armsInterventionsModule", {})


def design_of(study: dict[str, Any]) -> Any:
    return study["protocolSection"].get("designModule", {}).get("designInfo", {})


def masked(study: dict[str, Any]) -> Any:
    return design_of(study).get("maskingInfo", {}).get("whoMasked", [])
