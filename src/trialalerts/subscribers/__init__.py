"""The subscribers: people, what they follow, what they agreed to; import, export, erasure."""

from __future__ import annotations
