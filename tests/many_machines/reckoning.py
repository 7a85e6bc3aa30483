"""The reckoning at the end: is everything told, once; was everything mailed; did one machine ask at a time."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from sqlalchemy import text
from sqlmodel import col, func, select

from tests.many_machines.post_office import PostOffice
from tests.many_machines.registry import BusyRegistry, Sweep
from tests.matching.worlds import candidates_between, concerns
from trialalerts.catalog.tables import Change, HeldChange, Item
from trialalerts.database import Database, current_number
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.tables import Digest, DigestKind, Selection
from trialalerts.matching.window import RECRUITING_NOW
from trialalerts.subscribers.tables import Preference, Subscriber
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["assert_mailed_once", "assert_stored_whole", "assert_told_exactly_once", "overlaps", "settled"]


def settled(db: Database, registry: BusyRegistry) -> bool:
    """Tell whether all that the registry says is stored, told to everybody, and mailed.

    All as of one moment: between two looks a machine may let go what was held, and somebody is behind again.
    """
    with db.read() as session:
        session.connection().execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        stored = dict(session.exec(select(Item.external_id, Item.status)).all())
        last = current_number(session, "change")
        behind = select(func.count()).select_from(Subscriber).where(col(Subscriber.cursor) < last)
        waiting = select(func.count()).select_from(Delivery).where(col(Delivery.state) != DeliveryState.SENT)
        held = select(func.count()).select_from(HeldChange)
        left = [session.exec(counted).one() for counted in (behind, waiting, held)]
        return stored == registry.statuses() and not any(left)


def assert_stored_whole(db: Database) -> None:
    """Hold the changes of each study to each other: each begins where the one before ended, the last one is so now."""
    with db.read() as session:
        now = dict(session.exec(select(Item.id, Item.status)).all())
        chains: dict[int, list[Change]] = {}
        for change in session.exec(select(Change).order_by(col(Change.seq))):
            chains.setdefault(change.item_id, []).append(change)
    for item_id, chain in chains.items():
        for before, after in pairwise(chain):
            assert before.after["status"] == after.before["status"]
        assert chain[-1].after["status"] == now[item_id]


def assert_told_exactly_once(db: Database) -> int:
    """Hold the digests to the specification of matching; return how many things were told."""
    with db.read() as session:
        areas = load_areas(session)
        changes = [each for each in candidates_between(session, 0, 10**9) if each.kind != RECRUITING_NOW]
        told: dict[int, list[int]] = {}
        since: dict[int, int] = {}
        for subscriber in session.exec(select(Subscriber)):
            told[subscriber.id or 0], since[subscriber.id or 0] = [], 0
        firsts: Counter[int] = Counter()
        selections = dict(session.exec(select(Selection.id, Selection.numbers)).all())
        for digest in session.exec(select(Digest)):
            if digest.kind is DigestKind.FIRST:
                since[digest.subscriber_id] = digest.to_seq
                firsts[digest.subscriber_id] += 1
                continue
            seqs = {seq for _, selection in digest.parts for seq in selections[selection]}
            assert all(digest.from_seq < seq <= digest.to_seq for seq in seqs)
            told[digest.subscriber_id] += seqs
        wanted: dict[int, set[int]] = {subscriber: set() for subscriber in told}
        for preference in session.exec(select(Preference)):
            after = since[preference.subscriber_id]
            wanted[preference.subscriber_id] |= {
                change.seq for change in changes if change.seq > after and concerns(preference, change, areas)
            }
    assert {who: sorted(seqs) for who, seqs in told.items()} == {who: sorted(seqs) for who, seqs in wanted.items()}
    assert set(firsts.values()) <= {1}
    return sum(map(len, told.values()))


def assert_mailed_once(db: Database, office: PostOffice, in_flight: Counter[str]) -> int:
    """Hold the mails to the digests; return how many second copies there were.

    Each digest was mailed, to its own subscriber and to nobody else. What came twice was in flight when somebody died
    or was frozen, and came as the same message: no oftener than that.
    """
    with db.read() as session:
        digests = set(session.exec(select(Digest.id)))
        rows = session.exec(select(Delivery, Subscriber.address).join(Subscriber)).all()
    assert sorted(row.data["digest_id"] for row, _ in rows) == sorted(number or 0 for number in digests)
    assert {row.state for row, _ in rows} <= {DeliveryState.SENT}
    assert office.recipients == {row.message_id: {address} for row, address in rows}
    again = {message_id: copies - 1 for message_id, copies in office.copies.items() if copies > 1}
    unexplained = {message_id: n for message_id, n in again.items() if n > in_flight[message_id]}
    assert not unexplained, f"{len(unexplained)} of {len(again)} came again though they were not in flight"
    return sum(again.values())


def overlaps(sweeps: list[Sweep]) -> list[tuple[Sweep, Sweep]]:
    """Return the pairs of sweeps by different processes that were under way at once."""
    return [
        (one, other)
        for number, one in enumerate(sweeps)
        for other in sweeps[number + 1 :]
        if one.by != other.by and other.began < one.ended
    ]
