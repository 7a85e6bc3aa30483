"""Feeds as sources: RSS, Atom, RDF, JSON Feed."""

from __future__ import annotations
