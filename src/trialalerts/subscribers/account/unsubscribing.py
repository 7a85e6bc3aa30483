"""Unsubscribing: whoever asks is let go at once, many together in as few statements as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import Session

from trialalerts.database import table_of
from trialalerts.database.bulk import Rows, in_list, is_sqlite, list_value, write_together
from trialalerts.subscribers.account.telling import LEAVING_IS_HEARD, left_rows
from trialalerts.subscribers.consent import ConsentChange, consent_rows
from trialalerts.subscribers.tables import ConsentAction, Subscriber, SubscriberState

__all__ = ["LEFT", "Unsubscribe", "UnsubscribeResult", "Unsubscribed", "unsubscribe_many"]

LEFT = frozenset({SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED, SubscriberState.ERASED})
"""Who is in one of these states has gone already."""
_T = table_of(Subscriber)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsubscribe:
    """Somebody, by the random ``key`` of their links, asks to be let go; ``how`` is for the consent log."""

    key: str
    how: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsubscribed:
    """Somebody who was there until now; ``was_confirmed`` where they had once confirmed that they want mails."""

    id: int
    key: str
    was_confirmed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class UnsubscribeResult:
    """Which of the keys belong to somebody, erased people included, and who left by this."""

    known: frozenset[str]
    left: tuple[Unsubscribed, ...]


def unsubscribe_many(
    session: Session,
    asked: Sequence[Unsubscribe],
    *,
    now: datetime,
    written_with: Callable[[Sequence[Unsubscribed]], Rows] | None = None,
) -> UnsubscribeResult:
    """Let all of them go, whatever their state, with a line each in the consent log; who has gone stays as they are.

    It comes to the same as one after the other, in the order given: of two who name one key the first counts.

    Args:
        session: a writing session.
        asked: who asks for it.
        now: the moment.
        written_with: makes what else is to be written for those who left by it, in the same statement.
    """
    found = _locked(session, {each.key for each in asked})
    first = {each.key: each.how for each in reversed(asked)}  # in a dictionary the last one stays
    going = [
        (found[key], first[key])
        for key in dict.fromkeys(each.key for each in asked)
        if key in found and found[key].state not in LEFT
    ]
    left = tuple(Unsubscribed(id=row.id, key=row.key, was_confirmed=row.confirmed_at is not None) for row, _ in going)
    if going:
        more = [written_with(left)] if written_with else []
        logged = consent_rows([_line(row, how) for row, how in going], now=now)
        if going[0][0].heard:
            more.append(left_rows([(row.key, row.state) for row, _ in going], now=now))
        write_together(session, [_let_go(going), *logged, *more])
    return UnsubscribeResult(known=frozenset(found), left=left)


def _locked(session: Session, keys: set[str]) -> Mapping[str, Any]:
    """Return the rows of these keys, locked in one order, so that no two who lock many wait for each other."""
    sqlite = is_sqlite(session)
    rows = session.connection().execute(_asked_for(sqlite=sqlite), {"keys": list_value(sorted(keys), sqlite=sqlite)})
    return {row.key: row for row in rows}


def _let_go(going: Sequence[tuple[Any, str]]) -> Rows:
    gone = {"state": SubscriberState.UNSUBSCRIBED, "next_due_at": None}  # a pause stays noted
    return Rows(_T, [{"id": row.id, **gone, "state_reason": how} for row, how in going], key="id")


@cache
def _asked_for(*, sqlite: bool) -> Select[Any]:
    rows = select(_T.c.id, _T.c.key, _T.c.state, _T.c.confirmed_at, LEAVING_IS_HEARD.label("heard"))
    return rows.where(in_list(_T.c.key, "keys", sqlite=sqlite, text=True)).order_by(_T.c.id).with_for_update()


def _line(row: Any, how: str) -> ConsentChange:
    return ConsentChange(
        subscriber_id=row.id,
        action=ConsentAction.UNSUBSCRIBED,
        how=how,
        old=row.state.value,
        new=SubscriberState.UNSUBSCRIBED.value,
    )
