"""Who calls: behind which proxy, how often, on how many connections."""

from __future__ import annotations
