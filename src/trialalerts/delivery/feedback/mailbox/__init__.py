"""The bounce mailbox: reading it, and what a mail in it reports."""

from __future__ import annotations
