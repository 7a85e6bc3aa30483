"""Readers that all sources share: lenient, and each notes what it could not read."""

from __future__ import annotations
