"""Other ways in which texts say a disease: "renal damage" for kidney diseases.

They are for reading texts only: nobody would look for an area under them, so they are no synonyms of it. Two files:
the terms of MeSH 2014 that the shipped edition lacks (it holds no terms of related concepts), and our own list.
"""

from __future__ import annotations

import gzip
import tomllib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["read_wordings"]

_OURS = Path(__file__).with_name("wordings.toml")
_MESH = Path(__file__).with_name("mesh_2014_terms.tsv.gz")


def read_wordings() -> Iterator[tuple[str, list[str]]]:
    """Yield ids of areas, each with wordings, those to be preferred first."""
    with gzip.open(_MESH, "rt", encoding="utf-8") as lines:
        for line in lines:
            area_id, _, terms = line.rstrip("\n").partition("\t")
            yield area_id, terms.split("|")
    for area_id, listed in tomllib.loads(_OURS.read_text("utf-8")).items():
        yield area_id, [part.strip() for part in listed.split(",")]
