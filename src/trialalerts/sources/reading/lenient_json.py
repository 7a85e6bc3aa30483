"""JSON as others write it: half a surrogate pair or a control character costs nothing but itself."""

from __future__ import annotations

import json
from typing import Any

import orjson

__all__ = ["parse_json"]


def parse_json(body: bytes) -> Any:
    """Parse JSON; strings may hold halves of surrogate pairs, which :func:`~trialalerts.catalog.text.storable` mends.

    Raises:
        ValueError: it is none.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body.decode("utf-8", "replace"), strict=False)  # slower, but takes what orjson refuses
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
