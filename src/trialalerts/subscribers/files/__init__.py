"""Subscribers by file: CSV in, CSV and JSON out."""

from __future__ import annotations
