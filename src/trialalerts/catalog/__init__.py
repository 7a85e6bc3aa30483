"""The catalog: trials and articles, their facts, and the changes worth telling."""

from __future__ import annotations
