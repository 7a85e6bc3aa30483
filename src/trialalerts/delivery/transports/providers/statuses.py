"""What the statuses of mail providers' answers mean, and whom a refusal is about."""

from __future__ import annotations

import re

from trialalerts.delivery.mail.envelope import Refused, Unsent
from trialalerts.delivery.mail.reply_codes import BounceClass, Classified, classify
from trialalerts.net.posting import PostReply

__all__ = ["Uncertain", "about_key", "refusal_of", "refused_whole"]

_REDIRECTS = range(300, 400)
_FAULTS = range(500, 600)
_TIMEOUT, _TOO_LARGE = 408, 413
_WRONG_KEY = 401
_UNREAD = {400, 422}
_ABOUT_KEY = re.compile(
    r"\b(api|server|account|access)[ _-]?(key|token)s?\b|\bauthori[sz]ation\b|\bauthenticat|\bcredentials?\b",
    re.IGNORECASE,
)
_NO_GOOD = re.compile(
    r"\bnot valid|\binvalid|missing|wrong|incorrect|unknown|not found|required|revoked|disabled|malformed|expired",
    re.IGNORECASE,
)
"""What is said of a key that has not even the form of one: some providers answer 400 then, as to a bad request."""
_REDIRECTED = "a redirect, which is not followed; check endpoint= in mail.url"
_TURNED_AWAY = {
    401: "check the key in mail.url",
    402: "the account has no credits left; see its billing page",
    403: "check that the key in mail.url is allowed to send, and to send as mail.from",
    404: "there is nothing at this address; check domain, region and endpoint in mail.url",
    405: "this is not its API; check endpoint= in mail.url",
    407: "the proxy wants a user and password; put them into proxy= in mail.url",
    410: "there is nothing at this address any more; check endpoint= in mail.url",
    425: "it asks for a pause",
    429: "it asks for a pause",
}
"""What turns a whole request away before a message is looked at, and what mends it."""


class Uncertain(Exception):
    """Whether the messages of a request were accepted, nobody knows; ``code`` is what the answer said of itself.

    ``alone``: it is a matter of these messages; else something is wrong with the provider, and if that happens in a
    row it is to be left alone.
    """

    def __init__(
        self, reason: str, *, code: str | None = None, retry_after: float | None = None, alone: bool = False
    ) -> None:
        super().__init__(reason)
        self.outcome = Refused(reason=reason, code=code, ours=not alone, retry_after=retry_after, doubtful=True)


def refused_whole(reply: PostReply, provider: str) -> Unsent | None:
    """Tell whether a status turns the whole request away, whatever it holds; None: the body says more.

    Raises:
        Uncertain: the provider failed in the middle of it.
    """
    status = reply.status
    if status in _FAULTS or status == _TIMEOUT:
        raise Uncertain(
            f"{provider} failed (HTTP {status}); nobody knows whether it took the message",
            code=str(status),
            retry_after=reply.retry_after(),
        )
    remedy = _REDIRECTED if status in _REDIRECTS else _TURNED_AWAY.get(status)
    if status in _UNREAD and about_key(reply):
        remedy = _TURNED_AWAY[_WRONG_KEY]
    if remedy is None:
        return None
    return Unsent(reason=f"{provider} answered HTTP {status}: {remedy}", retry_after=reply.retry_after())


def about_key(reply: PostReply) -> bool:
    """Tell whether an answer says that the key is no good; a message's own words do not come back in such answers."""
    told = reply.mapping()
    errors = told.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    said = " ".join(str(each.get(name, "")) for each in (told, first) for name in ("message", "Message"))
    return bool(_ABOUT_KEY.search(said) and _NO_GOOD.search(said))


def refusal_of(
    provider: str, reply: PostReply, code: str, *, recipient: bool = False, said: str = "", alone: bool = True
) -> Refused:
    """Return the refusal of a message: for good where the recipient or the message itself is the reason, else for now.

    ``said`` is the provider's sentence; on a message that stood ``alone`` it may say that it is too large. What it says
    of the form may be about how we write for this provider, and stops nobody's mail for good.

    What is neither is about us or unknown: it is tried again, so that a fault of ours loses nobody's mail, and
    benches the transport when it happens in a row. That a provider does not take an address is no proof that nobody
    reads there: it counts as a soft bounce, so that nobody is composed for and refused for ever.
    """
    code = " ".join(filter(None, (str(reply.status), code)))
    if recipient:
        return Refused(
            reason=f"{provider} does not take the recipient",
            permanent=True,
            code=code,
            meaning=_meaning(BounceClass.UNWELL, "provider.recipient", code),
        )
    if reply.status == _TOO_LARGE or (alone and classify(said).rule == "msg.size"):
        return Refused(
            reason=f"{provider} finds the message too large",
            permanent=True,
            code=code,
            ours=True,
            meaning=_meaning(BounceClass.MESSAGE, "msg.size", code),
        )
    told = classify(said)
    by_words = told.bounce_class is BounceClass.OURS
    why = f" because of us: {told.evidence} ({told.rule})" if by_words else ""
    return Refused(
        reason=f"{provider} refused the message{why}; its activity page says more",
        code=code,
        ours=True,
        meaning=_meaning(BounceClass.OURS, told.rule if by_words else "provider.refused", code),
    )


def _meaning(about: BounceClass, rule: str, code: str) -> Classified:
    return Classified(bounce_class=about, rule=rule, evidence=code, code=code)
