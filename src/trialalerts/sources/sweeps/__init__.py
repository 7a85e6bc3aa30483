"""Sweeps: the ways in which a registry is read from its beginning, or a stored point, to its end."""

from __future__ import annotations
