"""What the operator asks and is told: the doctor, the report, clocks gone wrong."""

from __future__ import annotations
