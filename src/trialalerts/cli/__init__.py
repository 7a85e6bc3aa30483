"""The admin's command line, one file per noun."""

from __future__ import annotations
