"""Towns: the small ones, kept in a file, and the names that towns have in other languages."""

from __future__ import annotations
