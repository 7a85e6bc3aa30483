"""The transport that speaks SMTP (RFC 5321)."""

from __future__ import annotations
