"""ClinicalTrials.gov as a source (API v2)."""

from __future__ import annotations
