"""How the program logs: one structured line a step, event name first, key-values after it.

Addresses, conditions people follow and secrets never stand in a line: those who log pass ids. What others say, and
what libraries log, may hold an address with its password: each value passes :mod:`trialalerts.redaction`.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trialalerts import modules_hidden
from trialalerts.redaction import without_secrets

if TYPE_CHECKING:
    import structlog

__all__ = ["Logger", "configure_logs", "load_log", "log_to_standard_error", "set_level", "warnings_only"]

_importing = threading.Lock()
_LEVEL = "trialalerts_level"
"""Under this name a class of structlog's says from which level on it writes."""


class Logger:
    """Writes lines: the event's name first, then what belongs to it by name.

    structlog is imported with the first line: most commands write none, and it takes a tenth of their time.
    """

    def debug(self, event: str, **values: object) -> None:
        """Tell what helps to find a fault."""
        if not _is_above_debug():
            _write("debug", event, values)

    def info(self, event: str, **values: object) -> None:
        """Tell what was done."""
        _write("info", event, values)

    def warning(self, event: str, **values: object) -> None:
        """Tell what somebody should look into."""
        _write("warning", event, values)

    def error(self, event: str, **values: object) -> None:
        """Tell what went wrong."""
        _write("error", event, values)


def load_log() -> None:
    """See to it that lines go to standard error, also those of libraries that know structlog.

    Where somebody has said where they go, it stays so.
    """
    _import_structlog()
    import structlog

    if not structlog.is_configured():
        log_to_standard_error()


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
    _import_structlog()
    import structlog

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
    _import_structlog()
    import structlog

    number = logging.getLevelNamesMapping()[level.upper()]
    wrapper = structlog.make_filtering_bound_logger(number)
    setattr(wrapper, _LEVEL, number)
    structlog.configure(wrapper_class=wrapper)


@contextmanager
def warnings_only() -> Iterator[None]:
    """Log warnings and errors only; afterwards all is as it was."""
    _import_structlog()
    import structlog

    before = structlog.get_config()
    configure_logs(level="warning")
    try:
        yield
    finally:
        structlog.configure(**before)


def _write(method: str, event: str, values: Mapping[str, object]) -> None:
    load_log()
    import structlog

    getattr(structlog.get_logger(), method)(event, **values)


def _is_above_debug() -> bool:
    """Tell whether no such line is written: there is one for each mail, and to find that out took 6 µs."""
    if "structlog" not in sys.modules:
        return False
    import structlog  # waits where another thread has only begun to

    level: int | None = getattr(structlog.get_config()["wrapper_class"], _LEVEL, None)
    return level is not None and level > logging.DEBUG


def _import_structlog() -> None:
    """Import structlog without rich and what that imports, 5 MB: its printer for terminals gets no line of ours.

    Only the first line does: what is hidden is hidden from all threads.
    """
    if "structlog" in sys.modules:
        return
    with _importing, modules_hidden("rich"):
        import structlog  # noqa: F401 - for what importing it does


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
    import structlog

    return structlog.WriteLogger(sys.stderr)
