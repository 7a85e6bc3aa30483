"""The web pages: sign-up, confirmation, unsubscribing, health."""

from __future__ import annotations
