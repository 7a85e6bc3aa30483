"""How webhooks stand: what waits for each, and what the operator should know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete
from sqlmodel import Session, col, func, select

from trialalerts.database.findings import end_findings, open_findings
from trialalerts.hooks.tables import CallState, Hook, HookCall

__all__ = [
    "CALLS_GIVEN_UP",
    "FINDINGS",
    "PROGRAM_FAILING",
    "PROGRAM_GONE",
    "HookStatus",
    "end_given_up",
    "forget_calls",
    "hook_statuses",
]

PROGRAM_FAILING = "program-failing"
"""The kind of the finding that a program takes no calls; it ends with the next call that is taken."""
CALLS_GIVEN_UP = "calls-given-up"
"""Calls were given up; it ends when they are replayed or forgotten."""
PROGRAM_GONE = "program-gone"
"""A program wants no more calls (410 Gone): it is disabled until it is resumed or removed."""
FINDINGS = (PROGRAM_FAILING, CALLS_GIVEN_UP, PROGRAM_GONE)


@dataclass(frozen=True, kw_only=True)
class HookStatus:
    """A webhook with its calls: how many wait, and how many were given up."""

    webhook: Hook
    waiting: int
    given_up: int

    @property
    def state(self) -> str:
        """Whether it is ``disabled``, ``failing`` or takes its calls (``works``)."""
        if self.webhook.disabled_at is not None:
            return "disabled"
        return "failing" if self.webhook.failing_since is not None else "works"


def hook_statuses(session: Session) -> Sequence[HookStatus]:
    """Return all webhooks with their calls, oldest first."""
    webhooks = session.exec(select(Hook).order_by(col(Hook.id))).all()
    if not webhooks:
        return []
    counted = select(HookCall.webhook_id, HookCall.state, func.count()).where(col(HookCall.state) != CallState.SENT)
    rows = session.exec(counted.group_by(col(HookCall.webhook_id), col(HookCall.state)))
    numbers = {(webhook_id, state): number for webhook_id, state, number in rows}
    return [
        HookStatus(
            webhook=each,
            waiting=numbers.get((each.id or 0, CallState.QUEUED), 0),
            given_up=numbers.get((each.id or 0, CallState.FAILED), 0),
        )
        for each in webhooks
    ]


def end_given_up(session: Session) -> None:
    """End the findings that calls were given up of webhooks that have none such any more."""
    found = {finding.subject for finding in open_findings(session, CALLS_GIVEN_UP)}
    if found:
        holds = {each.webhook.name for each in hook_statuses(session) if each.given_up}
        end_findings(session, CALLS_GIVEN_UP, found - holds)


def forget_calls(session: Session, due: ColumnElement[bool]) -> int:
    """Delete calls that are due to be forgotten, and what the operator was to know of them; return how many went."""
    went = session.connection().execute(delete(HookCall).where(due)).rowcount
    end_given_up(session)
    return went
