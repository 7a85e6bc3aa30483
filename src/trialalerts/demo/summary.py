"""The demo's account: who was told what, and why, read from the digests that were composed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Item
from trialalerts.clock import Clock
from trialalerts.demo.people import SamplePerson
from trialalerts.digests.cards.card import Card, Personal
from trialalerts.digests.cards.maker import CardMaker
from trialalerts.digests.cards.reasons import followed, wish_heading
from trialalerts.digests.cards.wording import Wording, Wordings
from trialalerts.digests.entries import Reason
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.tables import Digest, DigestKind

__all__ = ["COLUMNS", "SummaryLine", "summarise"]

COLUMNS = ("sent", "subscriber", "entries", "what", "title", "why and where")


@dataclass(frozen=True, kw_only=True)
class SummaryLine:
    """One entry of one digest. ``first`` is whether it stands first in its digest."""

    digest: int
    sent: str
    person: SamplePerson
    entries: int
    first: bool
    what: str
    title: str
    why: str

    def row(self) -> tuple[str, ...]:
        """Return the line's cells; what is the same in all lines of a digest stands in its first."""
        head = (self.sent, self.person.label, str(self.entries)) if self.first else ("", "", "")
        return (*head, self.what, self.title, self.why)


def summarise(
    session: Session, people: Mapping[int, SamplePerson], clock: Clock, kind: DigestKind
) -> list[SummaryLine]:
    """Return a line for each entry of the digests of a kind, oldest digest first."""
    words = Wordings().of("en")
    maker = CardMaker(words, clock.now().date())
    reader = DigestReader()
    lines: list[SummaryLine] = []
    for digest in session.exec(select(Digest).where(Digest.kind == kind).order_by(col(Digest.id))):
        (entries,) = reader.entries(session, [digest])
        for number, entry in enumerate(entries):
            item = session.get(Item, entry.item_id)
            if item is None:
                continue
            card = maker.card(entry, item)
            own = maker.personal(entry.reasons, card.near, card.places, card.key)
            lines.append(
                SummaryLine(
                    digest=digest.id or 0,
                    sent=f"{digest.created_at:%d %b}",
                    person=people[digest.subscriber_id],
                    entries=len(entries),
                    first=number == 0,
                    what=_what(card, own),
                    title=item.title,
                    why=_why(words, entry.reasons, own),
                )
            )
    return lines


def _what(card: Card, own: Personal) -> str:
    """Return what happened; of a site, which one."""
    notes = [note.text for note in card.notes] or ["New article"]
    head = own.chip if card.near else notes[0]
    told = ": ".join(filter(None, [head, own.spot])) if card.near else head
    return "; ".join([told, *notes[1:]])


def _why(words: Wording, reasons: Sequence[Reason], own: Personal) -> str:
    """Return the wishes that it meets and, for a trial, where it is: the nearest hospital with its distance."""
    wishes = dict.fromkeys(wish_heading(words, followed(words, reason), reason.wish) for reason in reasons)
    place = [", ".join(filter(None, [own.place.name, own.place.state]))] if own.place else []
    return "; ".join([*wishes, *place])
