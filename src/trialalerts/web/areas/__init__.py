"""The public pages of disease areas: what is open there, what is new, and feeds of it."""

from __future__ import annotations
