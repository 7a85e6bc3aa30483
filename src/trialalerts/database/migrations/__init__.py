"""The migrations: the scripts that bring a database of any past revision to today's (Alembic)."""

from __future__ import annotations
