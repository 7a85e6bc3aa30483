"""Whom a reader is to ask about a trial: people of the nearest open site, else whoever answers for all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trialalerts.catalog.facts import Contact, Site, TrialFacts
from trialalerts.catalog.phones import dialled
from trialalerts.catalog.trials.status import site_is_open
from trialalerts.digests.cards.text import one_line, usable_address
from trialalerts.digests.cards.wording import Wording

__all__ = ["ContactLine", "contacts_for"]

_MOST = 2
_NAME = 100
_LONGEST_NAME = 80
_INSTRUCTION = re.compile(
    r"\bmust\b|\bplease\b|\bsubject line\b|\bline of (?:the )?e-?mail|\be-?mail (?:recommended|preferred)"
    r"|\breference (?:study|trial|number)"
    r"|\bmultiple sites\b|\bfor (?:additional|more|further) information\b|\d{3}.?\d{4}|^toll[- ]free number",
    re.IGNORECASE,
)
_LITTER = re.compile(
    r"\(?\bNCT ?\d{8}\b\)?|(?:https?://|www\.)\S*|\bsite (?:no\.? |number |# ?)?\d+\b"
    r"|\(?\b(?:(?:please )?(?:only (?:use )?|use )?e-?mails? only|only (?:use |by )?e-?mails?)\b\)?",
    re.IGNORECASE,
)
"""Numbers of the study and of the site, and how to write instead of to whom."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactLine:
    """Whom to ask. ``tel`` and ``mailto`` are what links need; None where the text cannot be made a link.

    ``phone`` is the number, ``extension`` what is dialled after it and ``note`` from where alone it works, both in
    words and empty for most.
    """

    name: str
    phone: str
    email: str
    tel: str | None
    mailto: str | None
    extension: str = ""
    note: str = ""


def contacts_for(words: Wording, facts: TrialFacts, site: Site | None = None) -> tuple[ContactLine, ...]:
    """Return whom to ask, at most two: at a site, else who leads the trial there, then the trial's own contacts.

    Args:
        words: the reader's language.
        facts: of the trial.
        site: the reader's nearest open site; None: the only open one, where there is just one.
    """
    site = site or _only_open(facts)
    own = _lines(words, (each for each in site.contacts if each.role is None), site.country) if site else []
    if any(line.phone or line.email for line in own):
        return tuple(sorted(own, key=lambda line: not (line.phone or line.email))[:_MOST])
    leaders = [each for each in site.contacts if each.role is not None] if site else []
    led = _lines(words, leaders, site.country if site else None)
    central = _lines(words, facts.contacts, _only_country(facts.sites))
    return tuple([*(own or led)[:1], *central][:_MOST])


def _only_open(facts: TrialFacts) -> Site | None:
    found = [site for site in facts.sites if site_is_open(site, facts.status)]
    return found[0] if len(found) == 1 else None


def _only_country(sites: Sequence[Site]) -> str | None:
    countries = {site.country for site in sites}
    return next(iter(countries)) if len(countries) == 1 else None


def _lines(words: Wording, contacts: Iterable[Contact], country: str | None) -> list[ContactLine]:
    found = dict.fromkeys(_line(words, contact, country) for contact in contacts)
    return [line for line in found if line.name or line.phone or line.email]


def _line(words: Wording, contact: Contact, country: str | None) -> ContactLine:
    number = dialled(contact.phone, country)
    name = _name(contact.name)
    if name and contact.role is not None:
        name = words.say("contact.investigator", name=name)
    mailto = usable_address(contact.email)
    return ContactLine(
        name=name,
        phone=number.text,
        tel=number.tel,
        extension=words.say("contact.extension", number=number.extension) if number.extension else "",
        note=words.say("contact.usa_only") if number.note else "",
        email=one_line(contact.email, _NAME),
        mailto=mailto,
    )


def _name(written: str | None) -> str:
    """Return a name; an instruction (“the subject line must contain …”) is none."""
    name = one_line(_LITTER.sub("", written or "")).strip(" ,;:-–")
    return "" if len(name) > _LONGEST_NAME or _INSTRUCTION.search(name) else one_line(name, _NAME)
