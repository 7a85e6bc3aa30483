"""The matching: which changes concern which preferences, in which order, and why."""

from __future__ import annotations
