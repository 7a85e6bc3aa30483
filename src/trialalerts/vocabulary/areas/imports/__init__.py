"""The vocabularies that can be imported: MeSH, the Disease Ontology."""

from __future__ import annotations
