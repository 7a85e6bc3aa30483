"""What the doctor asks of the DNS: SPF, DKIM, DMARC, MX and PTR of the domains that mail is from.

A record that is missing is printed as a line of a zone file, as it must be entered. What the name server does not know
at all (it may serve a closed network) is worth a look and no fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from email.utils import parseaddr
from functools import partial
from ipaddress import ip_address

from trialalerts.delivery.mail.dkim import public_keys
from trialalerts.delivery.mail.message import ascii_domain
from trialalerts.errors import ConfigurationError
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.checks.lookup import DnsLookup, NotAsked
from trialalerts.operations.checks.outside import Question
from trialalerts.operations.checks.ways_out import WaysOut, ways_out
from trialalerts.settings import DkimSettings, Settings

__all__ = ["record_questions"]

_PRIVATE = re.compile(r"(?:.*\.)?(?:localhost|localdomain|invalid|local|internal)")
_PIECE = 255
"""So many characters a text of a TXT record may have (RFC 1035); a longer one is written in pieces."""
_WHY_SPF = "mail servers take mail that no record allows for spam, or refuse it"
_WHY_DKIM = "mail whose signature nobody can check counts as forged; large providers refuse bulk mail without one"
_WHY_DMARC = "large providers ask for it of everybody who sends to many"
_WHY_MX = "answers and bounces find no mailbox, and many servers refuse senders who take no mail"
_WHY_PTR = "many mail servers refuse an address whose name cannot be looked up"
_AFTER = "enter it into the DNS, wait for an hour, then run: trialalerts doctor"


def record_questions(settings: Settings) -> Mapping[str, Question]:
    """Return what is asked of the DNS; nothing where no mail leaves, or from a domain that is nobody's."""
    ways = ways_out(settings.mail.url.get_secret_value())
    nurse = _domain(parseaddr(settings.handoff.address)[1])
    sender = _domain(parseaddr(settings.mail.sender)[1])
    if not ways.leave or not sender:
        return {}
    bounces = _domain(settings.mail.bounces) or sender
    asked: dict[str, Callable[[DnsLookup], Iterator[DoctorCheck]]] = {}
    if ways.smtp:
        for domain in dict.fromkeys((bounces, sender)):
            asked[f"SPF of {domain}"] = partial(_spf, domain, ways)
        asked["PTR of the mail server"] = partial(_ptr, ways)
    for key in settings.mail.dkim:
        asked[f"DKIM of {key.selector}._domainkey.{ascii_domain(key.domain)}"] = partial(_dkim, key, sender)
    if ways.smtp and not settings.mail.dkim:
        asked["DKIM"] = lambda _: iter([_unsigned(sender)])
    asked[f"DMARC of {sender}"] = partial(_dmarc, sender, settings.operator.address)
    for domain in dict.fromkeys((sender, bounces)):
        asked[f"MX of {domain}"] = partial(_mx, domain, ways)
    if nurse:
        asked["the domain of handoff.address"] = partial(_nurse, nurse)
    return {name: partial(_asked, name, question) for name, question in asked.items()}


def _asked(name: str, question: Callable[[DnsLookup], Iterator[DoctorCheck]], seconds: float) -> Iterator[DoctorCheck]:
    try:
        yield from question(DnsLookup(seconds))
    except NotAsked as error:
        remedy = "look after the name server of this machine, then run: trialalerts doctor"
        why = "nobody knows whether mail will be taken"
        yield DoctorCheck(level="look", what=f"{name} cannot be asked: {error}", why=why, remedy=remedy)


def _domain(address: str) -> str:
    """Return the domain of an address in its ASCII form; empty where it is nobody's."""
    domain = ascii_domain(address.rpartition("@")[2]).lower().rstrip(".")
    return domain if "." in domain and not _PRIVATE.fullmatch(domain) else ""


def _spf(domain: str, ways: WaysOut, lookup: DnsLookup) -> Iterator[DoctorCheck]:
    found = [each for each in lookup.texts(domain) if each.lower().split(" ")[0] == "v=spf1"]
    record = f'{domain}. IN TXT "v=spf1 {ways.spf} ~all"'
    if not found:
        lookup.require_known(domain)
        yield _missing(f"SPF: {domain} has no record", record, _WHY_SPF)
    elif len(found) > 1:
        what = f"SPF: {domain} has {len(found)} records, and one alone counts"
        yield DoctorCheck(level="broken", what=what, why=_WHY_SPF, remedy=f"make one of them: {' | '.join(found)}")
    elif re.fullmatch(r"v=spf1\s+[-~]all\s*", found[0], re.IGNORECASE):
        yield _missing(f"SPF: the record of {domain} says that nobody may send: {found[0]}", record, _WHY_SPF)
    elif re.search(r"\s\+?all\b", found[0], re.IGNORECASE):
        what = f"SPF: the record of {domain} lets everybody send: {found[0]}"
        yield DoctorCheck(level="look", what=what, why=_WHY_SPF, remedy="let it end with ~all or -all")
    else:
        yield DoctorCheck(level="good", what=f"SPF: {domain} has a record: {found[0]}")


def _dkim(key: DkimSettings, sender: str, lookup: DnsLookup) -> Iterator[DoctorCheck]:
    domain = ascii_domain(key.domain)
    name = f"{key.selector}._domainkey.{domain}"
    try:
        algorithm, spellings = public_keys(key)
    except ConfigurationError:
        return  # told with the configuration
    record = f"{name}. IN TXT {_pieces(f'v=DKIM1; k={algorithm}; p={spellings[0]}')}"
    found = [each for each in lookup.texts(name) if "p=" in each.replace(" ", "")]
    published = [_tag(each, "p") for each in found]
    if not found:
        lookup.require_known(domain)
        yield _missing(f"DKIM: {name} has no record", record, _WHY_DKIM)
    elif not set(published) & set(spellings):
        has = "is withdrawn (an empty p=)" if not any(published) else f"is not that of {key.key_file}"
        yield _missing(f"DKIM: the key at {name} {has}", record, _WHY_DKIM)
    elif not _aligned(domain, sender):
        what = f"DKIM: mails are signed for {domain}, which is not the domain of mail.from ({sender})"
        remedy = f"sign for {sender}: correct mail.dkim"
        yield DoctorCheck(level="look", what=what, why="such a signature does not count for DMARC", remedy=remedy)
    else:
        yield DoctorCheck(level="good", what=f"DKIM: the key at {name} is ours")


def _unsigned(sender: str) -> DoctorCheck:
    return DoctorCheck(
        level="look",
        what="DKIM: mails leave without a signature of ours (mail.dkim is empty)",
        why=f"{_WHY_DKIM}; nothing is amiss where your mail server signs",
        remedy="make a key: openssl genrsa -out secrets/dkim.pem 2048; name it in mail.dkim: "
        f'[{{ domain = "{sender}", selector = "s1", key_file = "secrets/dkim.pem" }}]; '
        "then trialalerts doctor prints its record",
    )


def _dmarc(domain: str, operator: str, lookup: DnsLookup) -> Iterator[DoctorCheck]:
    labels = domain.split(".")
    for start in range(len(labels) - 1):  # a record of the organisation's domain holds for those below it
        name = "_dmarc." + ".".join(labels[start:])
        found = [each for each in lookup.texts(name) if re.match(r"v=DMARC1\b", each, re.IGNORECASE)]
        if len(found) > 1:
            what = f"DMARC: {name} has {len(found)} records, so that none counts"
            yield DoctorCheck(level="broken", what=what, why=_WHY_DMARC, remedy=f"leave one: {' | '.join(found)}")
            return
        if found:
            yield DoctorCheck(level="good", what=f"DMARC: {name} has a record: {found[0]}")
            return
    lookup.require_known(domain)
    told = parseaddr(operator)[1] or f"postmaster@{domain}"
    record = f'_dmarc.{domain}. IN TXT "v=DMARC1; p=none; rua=mailto:{told}"'
    yield _missing(f"DMARC: {domain} has no record", record, _WHY_DMARC, level="look")


def _mx(domain: str, ways: WaysOut, lookup: DnsLookup) -> Iterator[DoctorCheck]:
    found = lookup.exchanges(domain)
    host = next(iter(ways.own_hosts), f"mail.{domain}")
    record = f"{domain}. IN MX 10 {host}."
    if found == [""]:
        yield _missing(f"MX: {domain} says that it takes no mail at all", record, _WHY_MX)
    elif not found:
        lookup.require_known(domain)
        has_address = bool(lookup.addresses(domain))
        what = f"MX: {domain} has no record{', only an address' if has_address else ''}"
        yield _missing(what, record, _WHY_MX, level="look" if has_address else "broken")
    elif lost := [each for each in found if not lookup.addresses(each)]:
        what = f"MX: {domain} names {', '.join(lost)}, which has no address"
        level, record = ("look" if len(lost) < len(found) else "broken"), f"{lost[0]}. IN A YOUR-ADDRESS"
        yield _missing(what, record, _WHY_MX, level=level)
    else:
        yield DoctorCheck(level="good", what=f"MX: mail to {domain} goes to {', '.join(found)}")


def _ptr(ways: WaysOut, lookup: DnsLookup) -> Iterator[DoctorCheck]:
    """Look whether the addresses of our own mail servers have names that lead back to them."""
    for host in ways.own_hosts:
        addresses = [host] if _is_address(host) else lookup.addresses(host)
        if not addresses:
            lookup.require_known(host)
        for address in addresses:
            names = lookup.names(address)
            if not names:
                record = f"{ip_address(address).reverse_pointer}. IN PTR {host}."
                what = f"PTR: {address} ({host}) has no name"
                yield _missing(what, record, _WHY_PTR, level="look", by="whoever gave you the address enters it")
            elif not any(address in lookup.addresses(name) for name in names):
                record = f"{names[0]}. IN {'AAAA' if ':' in address else 'A'} {address}"
                what = f"PTR: {address} has the name {names[0]}, which does not lead back to it"
                yield _missing(what, record, _WHY_PTR, level="look")
            else:
                yield DoctorCheck(level="good", what=f"PTR: {address} has the name {names[0]}, which leads back to it")
    if not ways.own_hosts:
        what = "PTR: from which address mail leaves is not known here" if ways.through_here else "PTR: not ours to set"
        yield DoctorCheck(level="good", what=what)


def _missing(what: str, record: str, why: str, *, level: str = "broken", by: str = _AFTER) -> DoctorCheck:
    """Say which record is missing: the whole of it, on one line."""
    return DoctorCheck(
        level="look" if level == "look" else "broken", what=f"{what}; it has to be: {record}", why=why, remedy=by
    )


def _pieces(text: str) -> str:
    return " ".join(f'"{text[start : start + _PIECE]}"' for start in range(0, len(text), _PIECE))


def _tag(record: str, name: str) -> str:
    """Return the value of a tag of a DKIM record, without blanks."""
    for part in record.split(";"):
        tag, _, value = part.partition("=")
        if tag.strip() == name:
            return re.sub(r"\s", "", value)
    return ""


def _aligned(one: str, other: str) -> bool:
    """Tell whether two domains are the same, or one lies below the other."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _nurse(domain: str, lookup: DnsLookup) -> Iterator[DoctorCheck]:
    """Look whether anybody takes mail for the domain of the nurse."""
    hosts = lookup.exchanges(domain)
    if any(hosts) or (not hosts and lookup.addresses(domain)):
        yield DoctorCheck(level="good", what=f"handoff.address: somebody takes mail for {domain}")
        return
    lookup.require_known(domain)
    yield DoctorCheck(
        level="broken",
        what=f"handoff.address cannot be reached: nobody takes mail for {domain}",
        why="what readers write to your nurse waits, and comes back in the end",
        remedy="correct handoff.address, or enter an MX record for its domain",
    )
