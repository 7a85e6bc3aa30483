"""What passes between the sender and a transport: an envelope on the way out, an outcome on the way back.

A transport never raises for a message: each envelope of a batch gets its outcome, so that one that is
refused harms only itself and nobody has to guess what became of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.mail.reply_codes import Classified

__all__ = ["Accepted", "Envelope", "Outcome", "Refused", "Unsent"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """One message ready to leave.

    ``sender`` and ``recipient`` are the addresses of the envelope (the sender may be a return address of this one
    mail). ``content`` is the whole message with CRLF line ends, signed where signing is set up: what goes over the
    wire. ``message`` is the same in its parts, for APIs that write the MIME themselves. ``metadata`` comes back with
    what a provider tells of the message; it holds a signed token, nothing that tells who somebody is. ``request_key``
    is the idempotency key to ask with, None: one made of the Message-ID. ``dot_free``: it is known that no line of the
    content begins with a dot (SMTP doubles those).
    """

    sender: str
    recipient: str
    content: bytes
    message: Message
    metadata: Mapping[str, str]
    request_key: str | None = None
    dot_free: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The server or provider took the message over; ``provider_id`` is its name for it, where it gave one.

    ``transport`` is the name of who took it, where a transport chose between several.
    """

    provider_id: str | None = None
    transport: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The message was refused, or nobody knows: the connection broke when it may have been accepted already.

    ``permanent``: trying again is pointless. ``code`` is the reply code with the enhanced code (RFC 3463) or the
    provider's error code. ``ours``: the refusal is about us (policy, reputation, a sender that is not allowed), not
    about this recipient. ``retry_after`` is how many seconds the other side asked to wait. ``meaning`` is what the
    classifier decided of a mail server's own words; None where no mail server spoke. ``listed``: the
    provider has the recipient on a list of its own. ``request_key``: the idempotency key for the next try, where this
    one's may be used up. ``doubtful``: nobody knows whether the message was taken.
    """

    reason: str
    permanent: bool = False
    code: str | None = None
    ours: bool = False
    retry_after: float | None = None
    meaning: Classified | None = None
    listed: bool = False
    request_key: str | None = None
    doubtful: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsent:
    """Nothing was tried with the message: the transport does not work, or wants a rest. No message is to blame.

    ``retry_after`` is how many seconds the transport should be left alone, where the other side said so.
    ``request_key`` as of what is refused.
    """

    reason: str
    retry_after: float | None = None
    request_key: str | None = None


Outcome = Accepted | Refused | Unsent
