"""Sending: from claimed deliveries to what became of each."""

from __future__ import annotations
