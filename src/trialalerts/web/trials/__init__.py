"""The pages of trials: public, about the trial alone, with nothing of whoever looks."""

from __future__ import annotations
