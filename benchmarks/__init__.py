"""The benchmarks: each module measures one thing and a reference beside it in the same run."""

from __future__ import annotations
