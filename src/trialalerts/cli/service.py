"""``trialalerts service``: a change of hands: telling people, the archive that goes, the one that comes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trialalerts.cli.announcements import require_number, start_queueing
from trialalerts.cli.preferences import AsJson, Yes
from trialalerts.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialalerts.cli.context import Context
    from trialalerts.digests.announcements.queueing import NewAnnouncement
    from trialalerts.matching.around.addressees import Addressees
    from trialalerts.operations.handover.archive import ArchiveKey
    from trialalerts.operations.handover.receiving import TakenOver

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Archive = Annotated[Path, typer.Argument(metavar="FILE", help="The archive.")]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="A file with the passphrase, instead of typing it.")
]
_SHOWN = 20


@app.callback()
def _noun() -> None:
    """A change of hands: tell people before, hand them over, take them over."""


@app.command(
    "announce-handover",
    epilog='Example: trialalerts service announce-handover --to "Example Society" --on 2027-02-01',
)
def announce_handover(
    *,
    receiver: Annotated[str, typer.Option("--to", help="Who takes over, by the name that people know.")],
    day: Annotated[str, typer.Option("--on", help="Nobody is handed over before this day.", metavar="DATE")],
    site: Annotated[str, typer.Option("--site", help="Where to read about them: https://example.org")] = "",
    contact: Annotated[str, typer.Option("--contact", help="Whom people may ask; else service.contact.")] = "",
    notice: Annotated[
        int, typer.Option("--notice", help="Days between telling somebody and handing them over.", metavar="DAYS")
    ] = 30,
    test: Annotated[
        str | None, typer.Option("--test", help="Send it to this address alone, to look at.", metavar="ADDRESS")
    ] = None,
    confirm: Annotated[
        int | None, typer.Option("--confirm", help="The number of people, instead of typing it.", metavar="N")
    ] = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Tell everybody who takes over, and when, 30 days before at the least; who objects is not handed over.

    It goes to those too who pause or want no announcements, and later to those who sign up after it.
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json
    from trialalerts.digests.announcements.queueing import people_addressed
    from trialalerts.operations.handover.drafting import drafted_handover
    from trialalerts.subscribers.choices import checked_date

    ctx = open_context()
    now, wanted = ctx.clock.now(), checked_date(day)
    with ctx.db.read() as session:
        new = drafted_handover(
            session, ctx.settings, receiver, day=wanted, website=site, contact=contact, notice_days=notice, now=now
        )
        found = list(people_addressed(session, new, now.date()))
    if test is not None:
        _try(ctx, new, found, test)
        return
    people = sum(len(each.people) for each in found)
    told = {"to": receiver, "on": wanted, "notice_days": notice, "people": people, "by_language": _languages(found)}
    if not json:
        show(f"{new.title}, not before {wanted:%Y-%m-%d}, nor before {notice} days after somebody was told")
        show(f"to be told now: {people:,} {'person' if people == 1 else 'people'}")
    if people == 0:
        show("Nobody is to be told; nothing was done.") if not json else show_json(told)
        return
    require_number(people, confirm=confirm, yes=yes)
    number, queued = start_queueing(ctx, new, people, None)
    if json:
        show_json({**told, "id": number, "queued": queued})
        return
    show(f"Announcement {number}: {counted(queued, 'mail')} queued; see: trialalerts announcements show {number}")


def _languages(found: Iterable[Addressees]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in found:
        counts[each.language] = counts.get(each.language, 0) + len(each.people)
    return dict(sorted(counts.items()))


def _try(ctx: Context, new: NewAnnouncement, found: Iterable[Addressees], address: str) -> None:
    from trialalerts.cli.output import show
    from trialalerts.operations.announcing.trial import send_trial

    languages = [*_languages(found)] or [ctx.settings.service.locale]
    through = send_trial(ctx.db, ctx.settings, ctx.clock, new, address, languages)
    show(f"test mails ({', '.join(languages)}) left through {through}: {len(languages)}")
    show("Nobody else was told. Look at it; then run it without --test.")


@app.command(epilog="Example: trialalerts service export handover.age --recipient age1…")
def export(
    file: Archive,
    *,
    recipient: Annotated[str, typer.Option("--recipient", help="The receiver's public key of age: age1…")] = "",
    passphrase_file: PassphraseFile = None,
    json: AsJson = False,
) -> None:
    """Write the archive for who takes over: people with all that is theirs, and suppressions. This is health data.

    Nobody is in it who objected, left, is suppressed, never confirmed, or was not told long enough before. It is
    signed, and locked with the receiver's key of age, or a passphrase that both know.
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json
    from trialalerts.cli.progress import show_progress
    from trialalerts.operations.handover.giving import give_away

    ctx = open_context()
    key = _key(recipient, passphrase_file, twice=True)
    with show_progress("service export", quiet=json) as progress:
        given = give_away(ctx.db, ctx.settings, file, key, now=ctx.clock.now(), progress=progress)
    ctx.note("service.exported", "service", new=f"{counted(given.people, 'subscriber')}, {given.objected} objected")
    if json:
        show_json(vars(given))
        return
    more = f"{counted(given.preferences, 'preference')}, {counted(given.suppressions, 'suppression')}"
    show(f"{file}: {counted(given.people, 'subscriber')}, {more}")
    for number, why in (
        (given.objected, "objected"),
        (given.told_too_late, "were not told, or too late: export again when their time is over"),
        (given.suppressed, "must not be mailed"),
    ):
        if number:
            show(f"left out: {number:,} who {why}")
    if given.without_hash:
        show(f"suppressions that nobody else can use, for only a hash by our secret is kept: {given.without_hash:,}")
    show(f"Tell the receiver by another way than the file: --signed-by {given.signed_by}")


@app.command(
    "import", epilog="Example: trialalerts service import handover.age --identity key.txt --signed-by ed25519:…"
)
def import_(
    file: Archive,
    *,
    signed_by: Annotated[str, typer.Option("--signed-by", help="What the giver's export printed: ed25519:…")] = "",
    identity: Annotated[
        Path | None, typer.Option("--identity", help="The file with your secret key of age.", metavar="FILE")
    ] = None,
    passphrase_file: PassphraseFile = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out wishes with areas or trials that are not known here.")
    ] = False,
    unpolled: Annotated[
        bool, typer.Option("--unpolled", help="Though a source was not read since: people may hear things twice.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; store nothing.")] = False,
    json: AsJson = False,
) -> None:
    """Take people over from an archive of another organisation; verified first; run it again if it was cut off.

    Who is here already keeps their own state; who left here or must not be mailed does not come. Each of them is told
    with their next digest who writes to them now.
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json
    from trialalerts.cli.progress import show_progress
    from trialalerts.operations.handover.archive import read_archive
    from trialalerts.operations.handover.receiving import HandoverRefused, take_over

    ctx = open_context()
    key = _key(_secret_key(identity), passphrase_file)
    archive = read_archive(file, key, signed_by=signed_by)
    try:
        with show_progress("service import", quiet=json) as progress:
            taken = take_over(
                ctx.db,
                ctx.settings,
                archive,
                skip_unknown=skip_unknown,
                unpolled=unpolled,
                dry_run=dry_run,
                now=ctx.clock.now(),
                progress=progress,
            )
    except HandoverRefused as refused:
        for what, number in refused.unknown.most_common(_SHOWN):
            typer.echo(f"{what} ({counted(number, 'wish', 'wishes')})", err=True)
        raise
    if not dry_run:
        came = f"{counted(taken.subscribers, 'subscriber')}, {counted(taken.preferences, 'preference')}"
        ctx.note("service.imported", "service", old=archive.manifest.giver, new=came)
    if json:
        show_json({**vars(taken), "giver": archive.manifest.giver, "made_at": archive.manifest.made_at})
        return
    if dry_run:
        show("this was a dry run: nothing is stored, nobody is mailed")
    show(f"from {archive.manifest.giver}, made at {archive.manifest.made_at:%Y-%m-%d %H:%M} UTC")
    _tell_taken(taken)


def _tell_taken(taken: TakenOver) -> None:
    from trialalerts.cli.output import show

    added = f"{counted(taken.subscribers, 'subscriber')} and {counted(taken.preferences, 'preference')} added"
    show(f"{added}, of {taken.in_archive:,} people in the archive; {counted(taken.suppressions, 'suppression')} added")
    for number, what in (
        (taken.known, "were here already and keep their state"),
        (taken.left_here, "left here or cannot be reached, and stay away"),
        (taken.suppressed_here, "must not be mailed, and stay away"),
    ):
        if number:
            show(f"{number:,} {what}")
    for what, number in taken.unknown.most_common(_SHOWN):
        show(f"left out: {what} ({number:,})")
    if taken.unknown_items:
        show(f"trials and articles that people were told of and this catalog does not know: {taken.unknown_items:,}")


def _key(age_key: str, passphrase_file: Path | None, *, twice: bool = False) -> ArchiveKey:
    """Return what locks or opens the archive: a key of age, a passphrase from a file, or one that is typed."""
    from trialalerts.cli.subscriber_files import content_of
    from trialalerts.errors import InvalidInput
    from trialalerts.operations.handover.archive import ArchiveKey

    if age_key:
        return ArchiveKey(age_key=age_key)
    if passphrase_file is not None:
        return ArchiveKey(passphrase=content_of(passphrase_file).decode("utf-8", "replace").strip())
    if not sys.stdin.isatty():
        raise InvalidInput("Say how the archive is locked: with a key of age, or with --passphrase-file FILE")
    return ArchiveKey(passphrase=typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice))


def _secret_key(file: Path | None) -> str:
    """Return the secret key of a file as age-keygen writes it: with comments."""
    from trialalerts.cli.subscriber_files import content_of

    if file is None:
        return ""
    lines = content_of(file).decode("utf-8", "replace").split()
    return next((line for line in lines if line.startswith("AGE-SECRET-KEY-")), "none")
