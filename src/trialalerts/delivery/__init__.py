"""The delivery: the outbox and its states, the sender, message assembly, suppressions. Knows nothing of diseases."""

from __future__ import annotations
