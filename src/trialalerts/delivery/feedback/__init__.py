"""What comes back of mails: bounces, complaints, deliveries; heard in webhooks and in a mailbox, in one vocabulary."""

from __future__ import annotations
