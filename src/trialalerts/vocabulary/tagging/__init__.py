"""Tagging: which disease areas a text names, and which it is about."""

from __future__ import annotations
