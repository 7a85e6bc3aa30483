"""Trials: which item a record is, its numbers, its status, how far it reaches."""

from __future__ import annotations
