"""Storing a sign-up and asking for its confirmation: the same from a page and from a program, and told the same."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox.notices.asking import answer_sign_up
from trialalerts.delivery.outbox.request_limits import RequestLimits
from trialalerts.errors import InvalidInput
from trialalerts.logs import Logger
from trialalerts.subscribers.people import NewSubscriber, add_subscriber
from trialalerts.web.site import WebSite

__all__ = ["SignUps"]

log = Logger()


class _NoMoreMails(Exception):
    """The address has had its share of confirmation mails: what cannot be confirmed is not stored either."""


class SignUps:
    """Takes sign-ups that have been checked; nobody learns whether the address was known."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._domain = mail_domain(site.settings.mail.sender)
        self._limits = RequestLimits.of(site.settings)

    def store(self, new: NewSubscriber) -> None:
        """Store a sign-up and queue the mail that asks to confirm it."""
        try:
            self._sign_up(new)
        except IntegrityError:  # the same person pressed the button twice: the other request stored them first
            self._sign_up(new)
        except (InvalidInput, _NoMoreMails) as error:
            # What was typed has been checked. What remains depends on what is stored of this address (too many
            # preferences or mails): to say so would tell a stranger that the address is known.
            log.info("web.sign_up_refused", error=type(error).__name__)

    def _sign_up(self, new: NewSubscriber) -> None:
        now = self._site.clock.now()
        with self._site.db.write() as session:
            signup = add_subscriber(session, new, confirmed=False, how="web", now=now)
            asked = answer_sign_up(
                session, signup.subscriber, signup.to_confirm, now=now, domain=self._domain, limits=self._limits
            )
            if not asked:
                raise _NoMoreMails
