"""What refusals and reports do: to a subscriber, to a domain, to all mail."""

from __future__ import annotations
