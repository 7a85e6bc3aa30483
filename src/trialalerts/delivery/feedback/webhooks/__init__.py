"""Webhooks: one file for each mail provider that reports to us."""

from __future__ import annotations
