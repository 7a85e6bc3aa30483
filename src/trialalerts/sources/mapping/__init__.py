"""Trials in files of anybody's making: which column says what, and what its words mean."""

from __future__ import annotations
