"""The digests: who is due and when, composing, rendering."""

from __future__ import annotations
