"""Following one trial: rows of preferences that name an item instead of an area."""

from __future__ import annotations
