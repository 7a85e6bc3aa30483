"""Places: countries, subdivisions, cities and postcodes, and the finding of them."""

from __future__ import annotations
