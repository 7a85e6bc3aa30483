"""How the program logs: one structured line a step, event name first, key-values after it.

Addresses, conditions people follow and secrets never stand in a line: those who log pass ids. What others say, and
what libraries log, may hold an address with its password: each value passes :mod:`trialalerts.redaction`.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping

import structlog

from trialalerts.redaction import without_secrets

__all__ = ["configure_logs", "log_to_standard_error", "set_level"]


def configure_logs(*, json_lines: bool = False, level: str = "info") -> None:
    """Write log lines to standard error: ``key=value`` by default, JSON for machines."""
    log_to_standard_error(json_lines=json_lines, level=level)
    # Libraries log through the standard library: only what somebody should look into.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if json_lines else _Formatter("level=warning event=library %(message)s"))
    logging.getLogger().handlers[:] = [handler]
    logging.getLogger().setLevel(logging.WARNING)


def log_to_standard_error(*, json_lines: bool = False, level: str = "warning") -> None:
    """Write our own log lines to standard error, without secrets; a command's answer has standard output for itself."""
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
            _without_secrets,
            renderer,
        ],
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )
    set_level(level)


def set_level(level: str) -> None:
    """Write only lines of this level and above from now on: ``debug``, ``info``, ``warning`` or ``error``."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()])
    )


class _Formatter(logging.Formatter):
    """Writes what libraries log, traces included, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class _JsonFormatter(logging.Formatter):
    """Writes the same as one JSON line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname.lower(), "event": "library", "library": record.name}
        return json.dumps({**line, "message": without_secrets(super().format(record))})


def _without_secrets(logger: object, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    del logger, method
    return {key: _cleaned(value) for key, value in line.items()}


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {key: _cleaned(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else without_secrets(str(value))


def _to_standard_error(*_: object) -> structlog.WriteLogger:
    """Look standard error up for each line: whoever redirects it later gets the lines."""
    return structlog.WriteLogger(sys.stderr)
