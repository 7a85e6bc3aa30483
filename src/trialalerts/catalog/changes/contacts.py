"""The comparison of contacts: whether somebody else is to be asked now, at an open site or about the trial as a whole.

What counts are the ways to reach somebody: numbers by their digits, addresses whatever their case; names only where
there is nothing else. A contact that is gone, or that was never read before, is no other contact.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from trialalerts.catalog.facts import Contact, Site
from trialalerts.catalog.trials.status import site_is_open
from trialalerts.vocabulary.names import folded

__all__ = ["is_another_contact", "sites_with_other_contacts"]

_DIGITS = 8
"""So many digits at the end of a number tell it apart; what stands before is written now so, now so."""
_FEWEST = 6
_EXTENSION = re.compile(r"\s*(?:ext?(?:ension|n)?\.?|x|#|option|dw)\s*\d.*", re.IGNORECASE | re.DOTALL)
_Key = tuple[str, str, str]


def is_another_contact(before: Sequence[Contact], after: Sequence[Contact]) -> bool:
    """Tell whether there is a way to reach somebody that there was not, where there was one.

    >>> is_another_contact([Contact(phone="(0113) 496 0123")], [Contact(name="A. Sample", phone="+44 113 496 0123")])
    False
    >>> is_another_contact([Contact(email="a@example.org")], [Contact(email="b@example.org")])
    True
    """
    for ways in (_ways, _names):
        was, now = ways(before), ways(after)
        if was and now:
            return not now <= was
    return False


def sites_with_other_contacts(before: Sequence[Site], after: Sequence[Site], status: str | None) -> list[Site]:
    """Return the sites, open before and after, whose contact became another; ``status`` is the trial's."""
    was = _by_key(before)
    now = _by_key(after)
    return [
        site
        for key, site in now.items()
        if key in was and site_is_open(site, status) and is_another_contact(was[key].contacts, site.contacts)
    ]


def _by_key(sites: Iterable[Site]) -> Mapping[_Key, Site]:
    """Return the sites by what they are called; several of one name cannot be told apart, and are left out."""
    keyed = [(_key(site), site) for site in sites if site.contacts]
    known = Counter(key for key, _ in keyed)
    return {key: site for key, site in keyed if known[key] == 1}


def _key(site: Site) -> _Key:
    return folded(site.facility or ""), folded(site.city or ""), site.country or folded(site.country_name or "")


def _ways(contacts: Iterable[Contact]) -> set[str]:
    found = set()
    for contact in contacts:
        digits = re.sub(r"\D", "", _EXTENSION.sub("", contact.phone or ""))
        if len(digits) >= _FEWEST:
            found.add(digits[-_DIGITS:])
        if contact.email and "@" in contact.email:
            found.add(contact.email.strip().casefold())
    return found


def _names(contacts: Iterable[Contact]) -> set[str]:
    return {name for contact in contacts if (name := folded(contact.name or ""))}
