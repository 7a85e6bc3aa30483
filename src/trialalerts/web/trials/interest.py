"""“I am interested”: a mail to whom a record names, which the reader's own program sends; nothing of it passes us."""

from __future__ import annotations

from urllib.parse import quote

from trialalerts.web.languages import Language

__all__ = ["spoken_in", "written_mail"]

_SPOKEN = {
    "de": "AT CH DE LI",
    "fr": "BE BF BJ CG CI CM FR GA GN LU MC MG ML NE SN TG TN",
    "es": "AR BO CL CO CR CU DO EC ES GT HN MX NI PA PE PR PY SV UY VE",
}
_LANGUAGES = {country: language for language, countries in _SPOKEN.items() for country in countries.split()}


def spoken_in(country: str | None) -> str:
    """Return in which of our languages somebody in a country is written to; elsewhere that is English.

    >>> spoken_in("AT"), spoken_in("JP"), spoken_in(None)
    ('de', 'en', 'en')
    """
    return _LANGUAGES.get(country or "", "en")


def written_mail(mailto: str, number: str, page: str, reader: Language, other: Language | None = None) -> str:
    """Return the link that lets the reader's own program write a mail about a trial; it says nothing of the reader.

    Args:
        mailto: the address, as it stands in a link.
        number: of the trial.
        page: our public page of it; empty: there is none.
        reader: their language; it comes first.
        other: the language of whoever is asked, where it is another.
    """
    tongues = [reader] if other is None or other.code == reader.code else [reader, other]
    texts = [_text(each, number, page) for each in tongues]
    subject = " / ".join(each.text("interest.subject", number=number) for each in tongues)
    body = "\r\n\r\n".join(["\r\n\r\n".join(text) for text in texts])
    return f"mailto:{mailto}?subject={quote(subject, safe='')}&body={quote(body, safe='')}"


def _text(language: Language, number: str, page: str) -> list[str]:
    about = language.text("interest.text", number=number)
    lines = [language.text("interest.hello"), f"{about} {page}".strip(), language.text("interest.ask")]
    return [*lines, language.text("interest.regards")]
