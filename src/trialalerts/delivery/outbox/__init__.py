"""The outbox: deliveries and their states, suppressions, counters."""

from __future__ import annotations
