"""How a page is written: the templates with the operator's own over the shipped ones, languages, static files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from jinja2 import BaseLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse

from trialalerts.digests.rendering.templates import marked
from trialalerts.errors import ConfigurationError
from trialalerts.files import shipped
from trialalerts.logs import Logger
from trialalerts.settings import LookSettings, Settings
from trialalerts.settings.logo import Logo, read_logo
from trialalerts.subscribers.choices import LANGUAGES
from trialalerts.vocabulary.days import written_day
from trialalerts.web.languages import Language, Languages, language_name, read_languages, tags_by_wish, zone_name
from trialalerts.web.signup.consent_text import consent_text

__all__ = ["PageTemplates", "Repeat", "marked", "with_query"]

log = Logger()

_ERRORS = 400
_STATIC = {
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "script.js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """How the answer to a form is had in another language: its form is sent once more, which must change nothing.

    It goes to ``path``, with the button's ``name`` and ``value``: from the page's own form of the id ``form``, whose
    fields it takes along as they stand, or else from one that holds ``fields``. ``enter`` is the value by which the
    Enter key goes on in the page's form.
    """

    path: str
    name: str = ""
    value: str = ""
    form: str = ""
    enter: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


class PageTemplates:
    """Renders the pages. A template of the operator's that fails is logged, and the shipped one takes its place."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        shipped_folder = shipped("templates/web")
        own_folder = Path(settings.templates.folder) / "web" if settings.templates.folder else None
        folders = [folder for folder in (own_folder, shipped_folder) if folder is not None and folder.is_dir()]
        self.languages = read_languages(folders) if len(folders) > 1 else _shipped_languages(shipped_folder)
        self.static = {name: (_first(folders, name).read_bytes(), kind) for name, kind in _STATIC.items()}
        self.static["style.css"] = (_with_accent(self.static["style.css"][0], settings.look), _STATIC["style.css"])
        self._logo = _usable_logo(settings.look)
        if self._logo:
            self.static[self._logo.name] = (self._logo.data, self._logo.media_type)
        self.prefix = urlsplit(settings.service.base_url).path.rstrip("/")
        own = [_environment(FileSystemLoader(folders))] if len(folders) > 1 else []
        self._environments = [*own, _shipped_environment(shipped_folder)]
        self._style, self._script = self._versioned("style.css"), self._versioned("script.js")

    def _versioned(self, name: str) -> str:
        """Return the path of a static file, which changes with what it holds."""
        return f"{self.prefix}/static/{name}?v={hashlib.sha256(self.static[name][0]).hexdigest()[:12]}"

    def language(self, request: Request, wanted: str | None = None) -> Language:
        """Return the language of a page: ``?lang=``, else ``wanted``, else what the browser asks for."""
        accepted = request.headers.get("accept-language", "")
        asked = self.languages.get(request.query_params.get("lang")) or self.languages.get(wanted)
        language = asked or self.languages.choose(accepted, self.settings.service.locale)
        return self.languages.near(language, [*([wanted] if wanted else []), *tags_by_wish(accepted)])

    def line(self, request: Request, key: str, *, status: int = 200) -> PlainTextResponse:
        """Return the texts ``<key>.title`` and ``<key>.text`` as one line, for a program that shows nobody a page."""
        accepted = request.headers.get("accept-language", "")
        language = self.languages.choose(accepted, self.settings.service.locale)
        return PlainTextResponse(f"{language.text(f'{key}.title')}. {language.text(f'{key}.text')}\n", status)

    def page(
        self,
        name: str,
        language: Language,
        *,
        status: int = 200,
        **values: object,
    ) -> HTMLResponse:
        """Render the template ``name`` (``subscribe.html``) in ``language``.

        The other languages are linked where ``here`` says by which path the page is had, with ``here_query``; the
        answer to a form has buttons for them where ``repeat`` says how.
        """
        return HTMLResponse(self.html(name, language, failed=status >= _ERRORS, **values), status)

    def message(
        self,
        key: str,
        language: Language,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        again: bool = False,
        here: str | None = None,
        repeat: Repeat | None = None,
    ) -> HTMLResponse:
        """Render a page that says one thing: the texts ``<key>.title`` and ``<key>.text``.

        ``again`` leads to the sign-up; ``here`` and ``repeat`` as of :meth:`page`.
        """
        values = {"key": key, "again": again, "here": here, "repeat": repeat}
        response = self.page("message.html", language, status=status, **values)
        response.headers.update(headers or {})
        return response

    @property
    def mail_languages(self) -> list[Language]:
        """The languages in which mails are written: people choose among them."""
        return [language for language in self.languages.all if language.code in LANGUAGES]

    def day(self, moment: date, language: Language) -> str:
        """Return a date as the reader of ``language`` writes it."""
        return written_day(moment, language.locale)

    def weekdays(self, language: Language) -> list[str]:
        """Return the names of the days of the week in ``language``, Monday first."""
        from babel import UnknownLocaleError
        from babel.dates import get_day_names

        try:
            names = get_day_names("wide", context="stand-alone", locale=language.code)
        except (UnknownLocaleError, ValueError):
            names = get_day_names("wide", context="stand-alone", locale="en")
        return [names[day] for day in range(7)]

    def html(self, name: str, language: Language, **values: object) -> str:
        """Return the template ``name`` filled in."""
        values = (
            {"here": None, "here_query": {}, "repeat": None, "failed": False, "embedded": False}
            | values
            | {
                "t": language.text,
                "count": language.count,
                "number": language.number,
                "language": language,
                "languages": self.languages.all,
                "service": self.settings.service,
                "prefix": self.prefix,
                "style": self._style,
                "script": self._script,
                "logo": self._logo and {"logo": self._logo, "url": self._versioned(self._logo.name)},
                "zone_name": lambda zone: zone_name(zone, language),
                "language_name": lambda code: language_name(code, language),
                "consent": consent_text(language, self.settings.service.name),
                "day": lambda moment: self.day(moment, language),
            }
        )
        for environment in self._environments[:-1]:
            try:
                return environment.get_template(name).render(values)
            except Exception as error:  # noqa: BLE001 - whatever an operator writes, people get their page
                log.warning("web.template_failed", template=name, error=type(error).__name__)
        return self._environments[-1].get_template(name).render(values)


def _usable_logo(look: LookSettings) -> Logo | None:
    try:
        return read_logo(look)
    except ConfigurationError as error:
        log.warning("logo.unusable", error=str(error))
        return None


def with_query(url: str, **query: object) -> str:
    """Return a URL with more in its query.

    >>> with_query("/here?lang=de", edit=17)
    '/here?lang=de&edit=17'
    """
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def _with_accent(style: bytes, look: LookSettings) -> bytes:
    """Return a style sheet with the operator's colours, where they are not its own."""
    shipped_look = LookSettings()
    own = ""
    if look.accent != shipped_look.accent:
        own += f":root {{ --accent: {look.accent}; }}\n"
    if look.accent != shipped_look.accent or look.accent_dark != shipped_look.accent_dark:
        own += f"@media (prefers-color-scheme: dark) {{ :root {{ --accent: {look.accent_dark}; }} }}\n"
    return style + own.encode()


def _first(folders: list[Path], name: str) -> Path:
    return next(folder / name for folder in folders if (folder / name).is_file())


@lru_cache(maxsize=1)
def _shipped_languages(folder: Path) -> Languages:
    return read_languages([folder])


@lru_cache(maxsize=1)
def _shipped_environment(folder: Path) -> Environment:
    """Return the shipped templates, compiled once in a process."""
    return _environment(FileSystemLoader([folder]))


def _environment(loader: BaseLoader) -> Environment:
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals |= {"marked": marked, "with_query": with_query}
    return made
