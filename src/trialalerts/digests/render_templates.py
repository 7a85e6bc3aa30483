"""The templates: the operator's own before the shipped ones, file by file; a broken one never costs a mail.

Compiled once in a process: an edited template counts from the next start on.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import structlog
from jinja2 import (
    BaseLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    select_autoescape,
)

from trialalerts.digests.render_fragments import Unfillable
from trialalerts.digests.render_inline import with_styles
from trialalerts.digests.render_text import wrapped
from trialalerts.files import shipped

__all__ = ["TemplateFault", "Templates"]

log = structlog.get_logger()

TemplateFault = tuple[str, int | None, str]
"""The file, the line where it is known, what is wrong."""


class Templates:
    """Renders templates by name. Where an own template fails, the shipped one is rendered in its place.

    ``faults`` are those met so far; each is logged once.
    """

    def __init__(self, own_folder: Path | None = None) -> None:
        shipped_folder = shipped("templates/email")
        self._own_folder = own_folder if own_folder is not None and own_folder.is_dir() else None
        self._folders = [folder for folder in (self._own_folder, shipped_folder) if folder is not None]
        self._shipped = _environment(_StyledLoader([shipped_folder]))
        self.faults: list[TemplateFault] = []

    @property
    def has_own(self) -> bool:
        """Whether the operator has a folder with templates."""
        return self._own_folder is not None

    def render(self, name: str, **values: object) -> str:
        """Return the template ``name`` (``digest.html.j2``) filled in."""
        if self._own_folder is not None and name not in self._broken:
            try:
                return self._own.get_template(name).render(values)
            except Unfillable:
                raise  # no fault: it has to know what the text says
            except Exception as error:  # noqa: BLE001 - a template may do anything; whatever it does, the mail goes out
                if isinstance(error, TemplateSyntaxError):
                    self._broken.add(name)  # it will not compile the next time either
                self._record(self._located(error, lambda: self._unstyled.get_template(name).render(values)))
        return self._shipped.get_template(name).render(values)

    def check(self) -> list[TemplateFault]:
        """Compile every own template and return what is wrong with them: what ``doctor`` shows."""
        for file in sorted(self._own_folder.glob("*.j2")) if self._own_folder else []:
            try:
                self._own.get_template(file.name)
            except (TemplateError, OSError, UnicodeDecodeError) as error:
                self._record(self._located(error, lambda: None))
        return self.faults

    @cached_property
    def _own(self) -> Environment:
        return _environment(_StyledLoader(self._folders))

    @cached_property
    def _unstyled(self) -> Environment:
        """Own templates as they are written, so that the line of a fault is the line in the file."""
        return _environment(FileSystemLoader(self._folders))

    @cached_property
    def _broken(self) -> set[str]:
        return set()

    def _located(self, error: Exception, again: Callable[[], object]) -> TemplateFault:
        """Return where an error is: rendered again without styles, because inlining them moves lines."""
        try:
            again()
        except Exception as located:  # noqa: BLE001 - the same fault as before, whatever it was
            error = located
        if isinstance(error, TemplateSyntaxError):
            return error.filename or error.name or "", error.lineno, error.message or "wrong syntax"
        # Only Jinja's own errors are quoted: others may show what was to be written, and to whom.
        what = error.message or "" if isinstance(error, TemplateError) else type(error).__name__
        folders = tuple(str(folder) for folder in self._folders)
        lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(folders)]
        return (lines[-1].filename, lines[-1].lineno, what) if lines else (str(self._own_folder), None, what)

    def _record(self, fault: TemplateFault) -> None:
        if fault not in self.faults:
            self.faults.append(fault)
            log.warning("template.broken", template=fault[0], line=fault[1], error=fault[2], used="the shipped one")


class _StyledLoader(BaseLoader):
    """Finds a template in the folders, the first one first, and writes the styles into it."""

    def __init__(self, folders: list[Path]) -> None:
        self._files = FileSystemLoader(folders)
        self._css = next(file for folder in folders if (file := folder / "style.css").is_file())

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, filename, fresh = self._files.get_source(environment, template)
        if not template.endswith(".html.j2"):
            return source, filename, fresh
        environment.parse(source, template, filename)  # a fault in the syntax is told with the line in the file
        try:
            return with_styles(source, self._css.read_text(encoding="utf-8")), filename, fresh
        except TemplateSyntaxError as error:
            raise TemplateSyntaxError(error.message or "", error.lineno, template, filename) from None


def _environment(loader: BaseLoader) -> Environment:
    environment = Environment(
        loader=loader,
        autoescape=select_autoescape(enabled_extensions=(".html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.globals["wrap"] = wrapped
    return environment
