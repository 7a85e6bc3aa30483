"""The templates: the operator's own before the shipped ones, file by file; a broken one never costs a mail.

Compiled once in a process, whoever uses them: an edited template counts from the next start on.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from types import CodeType
from typing import Any, cast
from urllib.parse import urlsplit

from jinja2 import (
    BaseLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    select_autoescape,
)
from jinja2.ext import Extension
from jinja2.meta import find_referenced_templates
from markupsafe import Markup, escape

from trialalerts.delivery.mail.picture import Picture
from trialalerts.delivery.mail.quoted_printable import Quoted, decode
from trialalerts.delivery.transports import carries_pictures
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.rendering.fill import Encoded, Part, SlotFiller
from trialalerts.digests.rendering.slots import CutText, EagerTags, SharedTags, Slot, SlotCode, take_slots
from trialalerts.digests.rendering.styles import coloured, with_styles
from trialalerts.errors import ConfigurationError
from trialalerts.files import shipped
from trialalerts.logs import Logger
from trialalerts.settings import LookSettings, ServiceSettings, Settings
from trialalerts.settings.logo import read_logo

__all__ = ["MailLogo", "TemplateFault", "Templates", "bound", "common_words", "marked", "wrapped"]

log = Logger()

TemplateFault = tuple[str, int | None, str]
"""The file, the line where it is known, what is wrong."""
_WIDTH = 76
_TOGETHER = re.compile(
    r"(?<=\d) (?=[^\W\d_])|(?:(?<=\b\d\.)|(?<=\b\d\d\.)) (?=[A-ZÄÖÜ])|(?:(?<=\b[Pp]hase)|(?<=\b[Ff]ase)) (?=\d)"
)
_NOTHING: Mapping[str, Encoded] = {}
_PLAIN = LookSettings()


class Templates:
    """Makes the parts of a letter by name (``digest.html.j2``), and fills them for one reader after the other.

    Where an own template fails, the shipped one takes its place. ``faults`` are those met so far; each is logged once.
    """

    def __init__(self, own_folder: Path | None = None, look: LookSettings = _PLAIN) -> None:
        self._look = look
        self.own_folder = own_folder if own_folder is not None and own_folder.is_dir() else None
        self.faults: list[TemplateFault] = []
        self._refused: set[str] = set()
        self._uses_own: dict[str, bool] = {}
        self._shipped = _environment(SharedTags, _Loader(None, self._refused, self._look))
        self._filler = SlotFiller(self._block_failed)

    @property
    def own_files(self) -> list[str]:
        """The names of the operator's templates that are used."""
        found = [file.name for file in self.own_folder.glob("*.j2")] if self.own_folder else []
        return sorted(name for name in found if name not in self._refused)

    def cut(self, name: str, words: Mapping[str, Any], shared: Mapping[str, Any]) -> Part:
        """Run a template for all who share these values beside the ``words`` of the language."""
        if self.own_folder is not None:
            try:
                cut = self.run(name, {**words, **shared})
                return self._filler.part(cut, words, partial(self._shipped_part, name, words, shared))
            except Exception as error:  # noqa: BLE001 - a template may do anything; whatever it does, the mail goes out
                if isinstance(error, TemplateSyntaxError):
                    self.refuse(error.name or name)  # it will not compile the next time either
                self.record(self.located(error, name, {**words, **shared}))
        return self._shipped_part(name, words, shared)

    def fill(self, part: Part, values: Mapping[str, Any], inside: Mapping[str, Encoded] = _NOTHING) -> Encoded:
        """Return a part for one reader; ``inside`` are the finished cards and lines."""
        return self._filler.fill(part, values, inside)

    def run(self, name: str, values: Mapping[str, Any], *, padding: int = 0) -> CutText:
        """Run a template the shared way. Raises whatever it does wrong."""
        return CutText.of(self._own.get_template(name), values, padding=padding)

    def at_once(self, name: str, values: Mapping[str, Any]) -> str:
        """Run a template the eager way: with a reader's own values among the others. Raises as :meth:`run`."""
        return self._eager.get_template(name).render(values)

    def uses_own(self, name: str) -> bool:
        """Tell whether a template is the operator's, or takes in one that is."""
        if name not in self._uses_own:
            self._uses_own[name] = False  # of templates that take in one another
            source, _, _ = _Loader(self.own_folder, self._refused, self._look, styled=False).get_source(
                self._unstyled, name
            )
            within = find_referenced_templates(self._unstyled.parse(source, name))
            own = name in self.own_files or any(one is None or self.uses_own(one) for one in within)
            self._uses_own[name] = own
        return self._uses_own[name]

    def compile(self, name: str) -> None:
        """Compile a template. Raises TemplateError, OSError or UnicodeDecodeError."""
        self._own.get_template(name)

    def refuse(self, name: str) -> None:
        """Use the shipped file of this name from now on."""
        self._refused.add(name)
        self._uses_own.clear()
        for environment in ("_own", "_eager", "_unstyled", "_unstyled_eager"):
            self.__dict__.pop(environment, None)

    def allow(self, name: str) -> None:
        """Use the own file of this name again."""
        self._refused.discard(name)
        self.refuse("")

    def located(self, error: Exception, name: str, values: Mapping[str, Any], *, eager: bool = False) -> TemplateFault:
        """Return where an error is: the template is run again without styles, because inlining them moves lines."""
        try:
            if eager:
                self._unstyled_eager.get_template(name).render(values)
            else:
                CutText.of(self._unstyled.get_template(name), values)
        except Exception as again:  # noqa: BLE001 - the same fault as before, whatever it was
            error = again
        if isinstance(error, TemplateSyntaxError):
            return error.filename or error.name or "", error.lineno, error.message or "wrong syntax"
        # Only Jinja's own errors are quoted: others may show what was to be written, and to whom.
        what = error.message or "" if isinstance(error, TemplateError) else type(error).__name__
        own = str(self.own_folder)
        lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(own)]
        if lines:
            return lines[-1].filename, lines[-1].lineno, what
        return str(self.own_folder / name if self.own_folder else name), None, what

    def record(self, fault: TemplateFault) -> None:
        """Note a fault, and log it the first time."""
        if fault not in self.faults:
            self.faults.append(fault)
            log.warning("template.broken", template=fault[0], line=fault[1], error=fault[2], used="the shipped one")

    def _block_failed(self, slot: Slot, error: Exception, values: Mapping[str, Any]) -> None:
        name = slot.source
        self.record(self.located(error, name, values, eager=True))

    def _shipped_part(self, name: str, words: Mapping[str, Any], shared: Mapping[str, Any]) -> Part:
        return self._filler.part(CutText.of(self._shipped.get_template(name), {**words, **shared}), words)

    @cached_property
    def _own(self) -> Environment:
        return _environment(SharedTags, _Loader(self.own_folder, self._refused, self._look))

    @cached_property
    def _eager(self) -> Environment:
        return _environment(EagerTags, _Loader(self.own_folder, self._refused, self._look))

    @cached_property
    def _unstyled(self) -> Environment:
        return _environment(SharedTags, _Loader(self.own_folder, self._refused, self._look, styled=False))

    @cached_property
    def _unstyled_eager(self) -> Environment:
        return _environment(EagerTags, _Loader(self.own_folder, self._refused, self._look, styled=False))


class _Loader(BaseLoader):
    """Finds a template in the own folder, else among the shipped ones, and writes the styles into it."""

    def __init__(self, own_folder: Path | None, refused: set[str], look: LookSettings, *, styled: bool = True) -> None:
        shipped_folder = shipped("templates/email")
        folders = [folder for folder in (own_folder, shipped_folder) if folder is not None]
        self._files, self._shipped = FileSystemLoader(folders), FileSystemLoader(shipped_folder)
        self._css = next(file for folder in folders if (file := folder / "style.css").is_file())
        self._look = look
        self._refused = refused
        self._styled = styled

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        files = self._shipped if template in self._refused else self._files
        source, filename, fresh = files.get_source(environment, template)
        if not self._styled or not template.endswith(".html.j2"):
            return source, filename, fresh
        _check_syntax(source, template, filename, _is_eager(environment))  # a fault is told with the line in the file
        try:
            return with_styles(source, coloured(self._css.read_text(encoding="utf-8"), self._look)), filename, fresh
        except TemplateSyntaxError as error:
            raise TemplateSyntaxError(error.message or "", error.lineno, template, filename) from None

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - Jinja's
    ) -> Template:
        source, filename, fresh = self.get_source(environment, name)
        compiled = _compiled(source, name, filename, _is_eager(environment))
        if compiled.slots:
            cast("SharedTags", environment.extensions[SharedTags.identifier]).add(compiled.slots)
        return environment.template_class.from_code(environment, compiled.code, globals or {}, fresh)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A template as any environment runs it: they differ in where they find files, and in nothing else."""

    code: CodeType
    slots: Sequence[SlotCode]


@lru_cache(maxsize=200)
def _compiled(source: str, name: str, filename: str | None, eager: bool) -> _Compiled:
    tree, slots = _parse(source, name, filename, eager)
    return _Compiled(_bare(eager).compile(tree, name, filename), slots)


@lru_cache(maxsize=200)
def _check_syntax(source: str, name: str, filename: str | None, eager: bool) -> None:
    _parse(source, name, filename, eager)


def _parse(source: str, name: str, filename: str | None, eager: bool) -> tuple[Any, Sequence[SlotCode]]:
    tree = _bare(eager).parse(source, name, filename)
    return tree, () if eager else take_slots(_bare(eager), tree, name, filename)


@cache
def _bare(eager: bool) -> Environment:
    return _environment(EagerTags if eager else SharedTags, BaseLoader())


def _is_eager(environment: Environment) -> bool:
    return EagerTags.identifier in environment.extensions


def _environment(tags: type[Extension], loader: BaseLoader) -> Environment:
    environment = Environment(
        loader=loader,
        extensions=[tags],
        autoescape=select_autoescape(enabled_extensions=(".html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.globals["wrap"] = wrapped
    environment.filters["bound"] = bound
    environment.filters["marked"] = marked
    return environment


class MailLogo:
    """The operator's logo in mails and on their pages; its name in words where there is none, or none can be shown.

    ``words`` are for templates: the addresses ``mail`` (empty where the mail goes out by a way that takes no pictures)
    and ``page``, the size in pixels. One that is at fault is logged: ``doctor`` tells it, and no mail waits for it.
    """

    def __init__(self, settings: Settings) -> None:
        try:
            logo = read_logo(settings.look)
        except ConfigurationError as error:
            log.warning("logo.unusable", error=str(error))
            logo = None
        carried = logo is not None and carries_pictures(settings.mail.url.get_secret_value())
        self._picture = Picture(logo.name, logo.media_type, logo.data) if logo and carried else None
        self._shown: dict[Any, bool] = {}
        path = urlsplit(settings.service.base_url).path.rstrip("/")
        self.words: Mapping[str, Any] | None = None
        if logo is not None:
            self.words = {
                "mail": self._picture.url if self._picture else "",
                "page": f"{path}/static/{logo.name}",
                "width": logo.width,
                "height": logo.height,
            }

    def picture_in(self, name: str, html: Sequence[Quoted]) -> Picture | None:
        """Return the picture where mails of this template and language (``name``) show it."""
        if self._picture is None:
            return None
        if name not in self._shown:
            self._shown[name] = self._picture.url in decode(html)
        return self._picture if self._shown[name] else None


def common_words(
    words: Wording, service: ServiceSettings, look: LookSettings = _PLAIN, logo: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Return the words that every template may use, also within a personal block: the same in one language."""
    return {
        "t": words.say,
        "lang": words.tag,
        "dir": words.direction,
        "start": "right" if words.direction == "rtl" else "left",
        "service": service,
        "look": look,
        "logo": logo,
        "why": words.say("footer.why", service=service.name),
    }


def marked(text: str, foreign: Collection[str]) -> Markup:
    """Return a text as HTML in which names that stand in English among other words say so (WCAG 3.1.2).

    >>> marked("Multiple Sklerose bei Leeds", ())
    Markup('Multiple Sklerose bei Leeds')
    >>> marked("Nicht: Fabry Disease", ["Fabry Disease"])
    Markup('Nicht: <span lang="en">Fabry Disease</span>')
    """
    if not foreign:
        return escape(text)
    longest = sorted(foreign, key=len, reverse=True)
    names = "|".join(map(re.escape, longest))
    parts = re.split(rf"(?<!\w)({names})(?!\w)", text, flags=re.IGNORECASE)
    return Markup().join(
        Markup('<span lang="en">{}</span>').format(each) if at % 2 else escape(each) for at, each in enumerate(parts)
    )


def bound(text: str) -> str:
    """Return words for HTML with what belongs together on one line: a number and its unit, a phase and its number.

    >>> bound("18 to 65 years · Phase 2").replace("\u00a0", "_")
    '18_to 65_years · Phase_2'
    >>> bound("seit dem 2. März").replace("\u00a0", "_")
    'seit dem 2._März'
    """
    return _TOGETHER.sub("\u00a0", str(text))


def wrapped(text: str, indent: str = "", *, width: int = _WIDTH) -> str:
    """Return a text in lines of at most ``width`` characters where its words allow it, and never break a link.

    Later lines begin with ``indent``.
    """
    text = str(text)
    if len(text) <= width:
        return text
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = indent + word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])
