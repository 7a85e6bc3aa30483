"""The text that people agree to when they sign up, and the version of it that is written down."""

from __future__ import annotations

import hashlib

from trialalerts.subscribers.consent import ConsentText
from trialalerts.web.languages import Language

__all__ = ["consent_read", "consent_text"]

_EDITION = "2026-11"
"""Of the shipped texts, the same in all languages; whoever changes what they say gives it another."""


def consent_text(language: Language, service: str) -> str:
    """Return what somebody agrees to."""
    return language.text("subscribe.consent", service=service)


def consent_read(language: Language, service: str) -> ConsentText:
    """Return what is written down: the edition with a mark of the very words, ``2026-11-3f2a91c4``.

    An operator's own text has another mark.
    """
    words = " ".join(consent_text(language, service).split())
    mark = hashlib.sha256(words.encode()).hexdigest()[:8]
    return ConsentText(locale=language.code, version=f"{_EDITION}-{mark}")
