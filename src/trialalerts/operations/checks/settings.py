"""What the doctor asks about the configuration: does each value make sense?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from trialalerts.delivery.mail.dkim import DkimSigner
from trialalerts.delivery.transports import carries_pictures
from trialalerts.errors import ConfigurationError
from trialalerts.files import shipped
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.watch.ways import apprise_fault
from trialalerts.redaction import without_secrets
from trialalerts.settings import Settings
from trialalerts.settings.contrast import too_faint
from trialalerts.settings.logo import logo_fault
from trialalerts.sources.kinds import settled

__all__ = ["about_settings", "templates_checked"]

_SHORTEST_SECRET = 32
_CORRECT = "correct it in the configuration, then run: trialalerts doctor"


def about_settings(settings: Settings) -> Iterator[DoctorCheck]:
    service, mail = settings.service, settings.mail.url.get_secret_value()
    secret = service.secret.get_secret_value()
    if not secret:
        why = "links in mails cannot be signed"
        yield DoctorCheck(level="broken", what="service.secret is empty", why=why, remedy="run: trialalerts init")
    elif len(secret) < _SHORTEST_SECRET:
        yield DoctorCheck(
            level="look",
            what=f"service.secret has only {len(secret)} characters",
            why="who guesses it can unsubscribe and read anybody",
            remedy=f"put a new one of {_SHORTEST_SECRET} in its place and it into service.previous_secrets",
        )
    if urlsplit(service.base_url).hostname in {"127.0.0.1", "localhost"} or not service.base_url.startswith("https://"):
        yield DoctorCheck(
            level="look",
            what=f"service.base_url is {service.base_url}: links in mails lead there",
            why="links that nobody can open, or that others can read on the way, confirm and unsubscribe nobody",
            remedy="set the https address at which people reach the web pages",
        )
    if not service.postal_address:
        yield DoctorCheck(
            level="look",
            what="service.postal_address is empty",
            why="mail without it may be unlawful, and looks like spam",
            remedy="set it: many countries demand one in bulk mail",
        )
    if mail.startswith("file:"):
        yield DoctorCheck(
            level="look",
            what="mail.url is a folder: nobody gets mail",
            why="this is for trying it out: mails lie there as files",
            remedy="set mail.url to smtp://… when ready",
        )
    if settings.mail.sender.rstrip(">").endswith("@localhost.localdomain"):
        yield DoctorCheck(
            level="look",
            what="mail.from is the default",
            why="mail servers refuse mail from a domain that is nobody's",
            remedy="set an address of your own domain",
        )
    if not settings.sources:
        why = "nothing comes in, so there is nothing to tell"
        yield DoctorCheck(
            level="broken", what="no source is configured", why=why, remedy="add [[sources]] to the configuration"
        )
    if fault := apprise_fault(settings):
        yield DoctorCheck(
            level="broken",
            what=fault,
            why="when mail itself stands still you hear nothing",
            remedy="run: pip install 'trialalerts[apprise]'; the forms of its URLs: github.com/caronc/apprise/wiki",
        )
    for key, fault in too_faint(settings.look):
        yield DoctorCheck(
            level="look",
            what=f"{key}: {fault}",
            why="people with tired eyes, or outdoors, cannot read links and buttons",
            remedy="choose a darker colour for look.accent, a lighter one for look.accent_dark",
        )
    yield from _logo(settings, mail)
    yield from _senseless(settings)
    yield from _unescaped(mail)


def _logo(settings: Settings, mail: str) -> Iterator[DoctorCheck]:
    for key, fault in logo_fault(settings.look):
        yield DoctorCheck(
            level="look",
            what=f"{key}: {fault.partition(';')[0]}",
            why="mails and pages show the service's name in words instead",
            remedy="save it as a PNG of at most 440 × 88 pixels and 20,000 bytes, or leave look.logo empty",
        )
    if settings.look.logo and not carries_pictures(mail):
        yield DoctorCheck(
            level="look",
            what="look.logo: mails show the service's name in words instead",
            why="Resend and Brevo take no picture that belongs to a mail; pages show it",
            remedy="send by another way (their SMTP servers take it), or leave look.logo empty",
        )


def _senseless(settings: Settings) -> Iterator[DoctorCheck]:
    """Look for values that can be read and mean nothing."""
    mail, service = settings.mail, settings.service
    for key, value, why in (
        ("mail.reply_to", mail.reply_to, "who answers a mail gets it back"),
        ("mail.unsubscribe_mailto", mail.unsubscribe_mailto, "who unsubscribes by mail goes on getting mail"),
        ("mail.bounces", mail.bounces, "no mail can leave with such a return address, or none comes back"),
        ("service.contact", service.contact, "readers are told to write there"),
    ):
        if value and not _is_mailbox(value):
            yield _wrong(key, value, "an address such as help@example.org", why)
    if settings.http.contact and not re.search(r"\w[.@]\w", settings.http.contact):
        yield _wrong("http.contact", settings.http.contact, "an address or a web page", "sources are told it")
    known = sorted(_languages(settings))
    if service.locale.split("-")[0].split("_")[0].lower() not in known:
        expected = f"one of {', '.join(known)}"
        yield _wrong("service.locale", service.locale, expected, "mails and pages are in English instead")
    if (folder := settings.templates.folder) and not Path(folder).is_dir():
        why = "the shipped templates are used instead of your own"
        yield _wrong("templates.folder", folder, "a folder that is there", why)
    yield from _files_named(settings)


def _files_named(settings: Settings) -> Iterator[DoctorCheck]:
    for key, file in (
        ("vocabulary.disease_areas", settings.vocabulary.disease_areas),
        ("vocabulary.topics", settings.vocabulary.topics),
    ):
        if file and not Path(file).is_file():
            yield _wrong(key, file, "a file that is there", "the shipped one is used, or nothing can be read")
    if (names := settings.vocabulary.area_names) and not Path(names).is_dir():
        yield _wrong("vocabulary.area_names", names, "a folder that is there", "only the shipped names are used")
    for source in settings.sources:
        try:
            path = getattr(settled(source), "path", "")
        except ConfigurationError as error:
            yield DoctorCheck(level="broken", what=str(error), why="this source cannot be read", remedy=_CORRECT)
            continue
        wanted, is_there = ("a folder", Path.is_dir) if source.kind == "folder" else ("a file or folder", Path.exists)
        if path and not is_there(Path(path)):
            yield _wrong(f"sources, {source.name}: path", path, f"{wanted} that is there", "nothing comes of it")
    try:
        DkimSigner.from_settings(settings)
    except ConfigurationError as error:
        yield DoctorCheck(level="broken", what=str(error), why="no mail can be signed, so none leaves", remedy=_CORRECT)


def _languages(settings: Settings) -> set[str]:
    folders = [shipped("templates/email")]
    if settings.templates.folder:
        folders.append(Path(settings.templates.folder) / "email")
    return {file.name.split(".")[1].split("-")[0] for folder in folders for file in folder.glob("strings.*.toml")}


def _is_mailbox(value: str) -> bool:
    address = parseaddr(value)[1]
    return bool(re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*", address)) and not re.search(r"[\r\n,;]", value)


def _wrong(key: str, value: str, expected: str, why: str) -> DoctorCheck:
    shown = without_secrets(value)
    return DoctorCheck(level="broken", what=f"{key}: found {shown!r}, expected {expected}", why=why, remedy=_CORRECT)


def _unescaped(mail: str) -> Iterator[DoctorCheck]:
    """Look for an @ of a user or password that stands as it is: one more and the mail goes to another server."""
    for url in re.findall(r"[a-z]+://[^\s()]+", mail):
        authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
        user_and_password = authority.rpartition("@")[0]
        if "@" in user_and_password or re.search(r"%(?![0-9A-Fa-f]{2})", user_and_password):
            yield DoctorCheck(
                level="broken",
                what=f"mail.url: the user or password of {url.partition('://')[0]}:// has a sign that is not "
                "percent-encoded (URL-encoded)",
                why="where it ends is guessed: a part of it may go to another server, or the log-in fails",
                remedy="write what is special as %XX: @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25",
            )


def templates_checked(settings: Settings) -> Iterator[DoctorCheck]:
    """Try the operator's own templates of mails on samples."""
    if not settings.templates.folder:
        return
    from trialalerts.digests.rendering.checking import check_templates  # with all that renders mails: half a second

    for file, line, what in check_templates(settings):
        at = f"{file}, line {line}" if line else file
        yield DoctorCheck(
            level="broken",
            what=f"template {at}: {what}; the shipped one is used",
            why="mails look otherwise than you meant",
            remedy="mend the file (docs/how-to/change-the-templates.md), then run: trialalerts doctor",
        )
