"""Postcodes: their spelling, their import, and where they lie."""

from __future__ import annotations
