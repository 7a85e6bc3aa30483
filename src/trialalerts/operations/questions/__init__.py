"""The operator's questions: who got what, why not, and what would go out; nothing here changes anything."""

from __future__ import annotations
