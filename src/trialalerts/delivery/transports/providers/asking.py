"""Asking a provider about our account: one cheap GET with the key, and what its answer means."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from trialalerts.delivery.transports.probing import TrialResult
from trialalerts.delivery.transports.providers.account import ProviderAccount
from trialalerts.delivery.transports.providers.statuses import about_key
from trialalerts.net.posting import NoAnswer, NotConnected, PostClient, PostReply, PostRequest

__all__ = ["Askable", "ask_about"]

_WRONG_KEY, _NOT_ALLOWED, _NOT_THERE = 401, 403, 404
_REDIRECTS = range(300, 400)
_UNREAD = {400, 422}


@runtime_checkable
class Askable(Protocol):
    """A dialect whose provider tells about an account."""

    def account_request(self) -> PostRequest:
        """Make the request; it sends nothing."""
        ...

    def account_says(self, reply: PostReply) -> TrialResult | None:
        """Say what is special in an answer; None: its status says it all."""
        ...


def ask_about(account: ProviderAccount, dialect: object, *, seconds: float) -> TrialResult:
    """Ask within so many seconds whether the key is taken; providers that cannot be asked are left alone."""
    name = account.provider
    if not isinstance(dialect, Askable):
        return TrialResult(works=None, told=f"{name} cannot be asked without sending.")
    http = PostClient(timeout=min(seconds, account.timeout), proxy=account.proxy, secret=account.key)
    try:
        reply = http.post(dialect.account_request())
    except NotConnected as error:
        return TrialResult(works=None if error.no_network else False, told=f"{name} cannot be reached: {error}.")
    except NoAnswer as error:
        return TrialResult(works=None, told=f"{name} {error}.")
    finally:
        http.close()
    return dialect.account_says(reply) or _meaning(name, reply)


def _meaning(name: str, reply: PostReply) -> TrialResult:
    status = reply.status
    if reply.ok:
        return TrialResult(works=True, told=f"{name} takes the key of mail.url.")
    if status == _WRONG_KEY or (status in _UNREAD and about_key(reply)):
        return TrialResult(works=False, told=f"{name} refuses the key of mail.url (HTTP {status}).")
    if status == _NOT_ALLOWED:
        told = f"{name} tells nothing about the account to this key (HTTP 403): only sending shows whether it may send."
        return TrialResult(works=None, told=told)
    if status in _REDIRECTS or status == _NOT_THERE:
        return TrialResult(
            works=False, told=f"{name} has nothing there (HTTP {status}): check host, region and endpoint in mail.url."
        )
    return TrialResult(works=None, told=f"{name} answered HTTP {status}; nobody knows whether the account may send.")
