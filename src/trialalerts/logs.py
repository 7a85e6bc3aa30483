"""Owns how the program logs: one structured line a step, event name first, key-values after it.

Addresses, conditions people follow and secrets never stand in a line: those who log pass ids.
"""

from __future__ import annotations

import logging
import sys

import structlog

__all__ = ["configure_logs"]


def configure_logs(*, json_lines: bool = False, level: str = "info") -> None:
    """Write log lines to standard error: ``key=value`` by default, JSON for machines."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if json_lines
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.EventRenamer("event"),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )
    # Libraries log through the standard library: only what somebody should look into.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("level=warning event=library %(message)s"))
    logging.getLogger().handlers[:] = [handler]
    logging.getLogger().setLevel(logging.WARNING)


def _to_standard_error(*_: object) -> structlog.WriteLogger:
    """Look standard error up for each line: whoever redirects it later gets the lines."""
    return structlog.WriteLogger(sys.stderr)
