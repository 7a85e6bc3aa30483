"""What the doctor looks at about webhooks: do the programs take their calls, and can they still be called?

What fails, was given up or is disabled is a finding, and told as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session

from trialalerts.errors import InvalidInput
from trialalerts.hooks.registering import checked_webhook_url
from trialalerts.hooks.signing import secrets_of
from trialalerts.hooks.status import hook_statuses
from trialalerts.hooks.tables import Hook
from trialalerts.operations.checks import DoctorCheck
from trialalerts.plurals import counted
from trialalerts.settings import Settings

__all__ = ["about_webhooks"]


def about_webhooks(settings: Settings, session: Session, now: datetime) -> Iterator[DoctorCheck]:
    """Tell how many webhooks take their calls, and what keeps others from being called."""
    found = hook_statuses(session)
    if not found:
        return
    if not settings.webhooks.enabled:
        yield DoctorCheck(
            level="look",
            what=f"webhooks: {counted(len(found), 'program')} told nothing (webhooks.enabled = false)",
            why="what happens waits, and is forgotten after retention.webhook_calls",
            remedy="where this is no copy to try things on: take the key out of the configuration",
        )
    works = [each for each in found if each.state == "works"]
    if works:
        waiting = sum(each.waiting for each in works)
        yield DoctorCheck(
            level="good",
            what=f"webhooks: {len(works):,} of {len(found):,} take their calls; {counted(waiting, 'call')} waiting",
        )
    for each in found:
        if fault := _fault(each.webhook, settings, now):
            what, remedy = fault
            why = "it cannot be called, and what it is to be told waits until it is given up"
            yield DoctorCheck(level="broken", what=f"webhook {each.webhook.name}: {what}", why=why, remedy=remedy)


def _fault(webhook: Hook, settings: Settings, now: datetime) -> tuple[str, str] | None:
    """Return what keeps a webhook from being called, and what mends it."""
    try:
        checked_webhook_url(webhook.url, settings.webhooks)
    except InvalidInput as error:
        return str(error), "do what it says, or remove the webhook"
    if not secrets_of(webhook, settings.service.secrets, now):
        rotate = f"put the old one into service.previous_secrets, or: trialalerts webhooks rotate {webhook.name}"
        return "its secret was made of a service.secret that is in no key of the configuration any more", rotate
    return None
