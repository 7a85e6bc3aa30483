"""Disease areas: their tree, and the finding of them by name."""

from __future__ import annotations
