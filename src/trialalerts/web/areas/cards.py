"""An open trial as a list shows it: where it stands, what it is, its nearest site, who can join."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session, col, select

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import Item
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.trial_wording import phase, who_can_join
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.plain import PlainLine, plain_line
from trialalerts.vocabulary.places.regions import Region
from trialalerts.web.areas.listing import NearItem
from trialalerts.web.trials.sites import SiteLine, list_sites
from trialalerts.web.trials.view import chip_of

__all__ = ["OpenTrialCard", "trial_cards"]

_NEW = timedelta(days=14)
_TITLE = 200


@dataclass(frozen=True, kw_only=True)
class OpenTrialCard:
    """An open trial in a list; ``km`` is how far its nearest open site is, where that was asked and is known."""

    number: str
    chip: str
    tone: str
    plain: PlainLine | None
    title: str
    site: SiteLine | None
    km: float | None
    distance: str
    who: str
    phase: str
    posted: date | None
    is_new: bool


def trial_cards(
    session: Session, found: Sequence[NearItem], words: Wording, near: Region | None, today: date
) -> list[OpenTrialCard]:
    """Return the trials found, in their order, as a list shows them; one whose facts are broken is left out."""
    ids = [each.item_id for each in found]
    items = {item.id: item for item in session.exec(select(Item).where(col(Item.id).in_(ids)))}
    return [
        card for each in found if (item := items.get(each.item_id)) and (card := _card(item, each, words, near, today))
    ]


def _card(item: Item, at: NearItem, words: Wording, near: Region | None, today: date) -> OpenTrialCard | None:
    try:
        facts = TrialFacts.model_validate(item.facts)
    except ValueError:
        return None
    chip, tone = chip_of(facts)
    sites = list_sites(words, facts, near, shown=1)
    named = phase(words, [each for each in facts.phases if each != "NA"])
    posted = facts.first_posted
    return OpenTrialCard(
        number=item.external_id,
        chip=chip,
        tone=tone,
        plain=plain_line(words, facts, None),
        title=one_line(item.title, _TITLE) or item.external_id,
        site=sites.nearest or next((line for line in sites.shown if line.state == "open"), None),
        km=at.km,
        distance=words.distance(at.km) if at.km is not None else "",
        who=who_can_join(words, facts)[1],
        phase=named[0] if named else "",
        posted=posted,
        is_new=posted is not None and today - posted < _NEW,
    )
