"""The vocabulary: disease areas (tree, synonyms, text tagger) and regions (places, distance)."""

from __future__ import annotations
