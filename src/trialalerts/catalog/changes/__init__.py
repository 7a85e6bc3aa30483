"""What happened to a trial or an article: comparing two versions, and the changes that are told."""

from __future__ import annotations
