"""What the transports of all mail providers have in common: a channel, and what an answer's status means.

A provider is a *dialect*: how a message is written for it, how messages become a request, what its answers mean.
The channel does the rest, so that every envelope gets exactly one outcome:

- never connected, turned away as a whole (key, credits, throttling): ``Unsent``, and so is all that comes after;
- left and got no clear answer (timeout, broken connection, 5xx, an answer that makes no sense): nobody knows, so it
  is ``Refused`` for now. Where the provider remembers requests by a key, it is asked once more with the same one, and
  where that is the key of a batch, later as well (see ``doubts``).

A request that is too large (413) says nothing of its messages: it is halved until one message stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable
from uuid import uuid4

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.transports.in_doubt import Doubts, doubtful_key, was_silent
from trialalerts.delivery.transports.probing import TrialResult
from trialalerts.delivery.transports.providers.account import ProviderAccount
from trialalerts.delivery.transports.providers.asking import ask_about
from trialalerts.delivery.transports.providers.message import UnwritableAddress
from trialalerts.delivery.transports.providers.statuses import Uncertain, about_key, refusal_of, refused_whole
from trialalerts.net.posting import Garbled, NoAnswer, NotConnected, PostClient, PostReply, PostRequest

__all__ = [
    "ApiChannel",
    "ApiTransport",
    "Dialect",
    "KnownKey",
    "Remembering",
    "Uncertain",
    "about_key",
    "refusal_of",
    "refused_whole",
]

_TOO_LARGE = 413
_READ = {400, 402, 406, 413, 422}
"""Answers to a request that was read: whether a refusal uses up its idempotency key, no provider says."""


class _TooLarge(Exception):
    """A request of several messages is too large; what is true of each, nobody knows."""


class KnownKey(Uncertain):
    """The key of a request is known, with other content: an earlier request with it was taken, or is at work."""


@runtime_checkable
class Remembering(Protocol):
    """A dialect whose provider remembers batches by a key."""

    def key(self, envelopes: Sequence[Envelope]) -> str:
        """Return the key of a request of these."""
        ...


class Dialect(Protocol):
    """How one provider is spoken to. It is shared by all channels of a transport."""

    @property
    def name(self) -> str:
        """What the transport is called in tables and reports."""
        ...

    @property
    def idempotent(self) -> bool:
        """Whether asking again with the same messages sends nothing twice."""
        ...

    @property
    def largest(self) -> int:
        """How many bytes the messages of one request may have together."""
        ...

    def part(self, envelope: Envelope) -> bytes:
        """Write one message. Raises ValueError or TypeError where it cannot be written."""
        ...

    def call(self, parts: Sequence[bytes], envelopes: Sequence[Envelope]) -> PostRequest:
        """Make one request of written messages."""
        ...

    def read(self, reply: PostReply, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Say what an answer means for each message. Raises Uncertain or Garbled where nobody knows."""
        ...


class ApiTransport:
    """The way through one account at a provider."""

    def __init__(self, account: ProviderAccount, dialect: Dialect) -> None:
        self.account = account
        self.dialect = dialect
        self._doubts = Doubts() if isinstance(dialect, Remembering) else None

    @property
    def name(self) -> str:
        """The provider's word, such as ``postmark``."""
        return self.dialect.name

    @property
    def batch(self) -> int:
        """How many messages one request carries at most."""
        return self.account.batch

    @property
    def connections(self) -> int:
        """How many requests may be under way at once."""
        return self.account.connections

    def probe(self, *, seconds: float) -> TrialResult:
        """Ask the provider about the account, where that can be asked."""
        return ask_about(self.account, self.dialect, seconds=seconds)

    def open(self) -> ApiChannel:
        """Return a channel with a connection of its own."""
        return ApiChannel(self.account, self.dialect, self._doubts)


class ApiChannel:
    """One connection to a provider."""

    def __init__(self, account: ProviderAccount, dialect: Dialect, doubts: Doubts | None = None) -> None:
        self._account = account
        self._dialect = dialect
        self._doubts = doubts
        self._http = PostClient(timeout=account.timeout, proxy=account.proxy, secret=account.key)

    def send(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Hand messages over; give the outcome of each, in their order."""
        outcomes: dict[int, Outcome] = {}
        parts: dict[int, bytes] = {}
        again: Sequence[Sequence[int]] = []
        if self._doubts is not None:
            known = self._doubts.sort(envelopes)
            envelopes, again = known.envelopes, known.again
            outcomes |= known.known
        for index, envelope in enumerate(envelopes):
            if index in outcomes:
                continue
            written_part = self._part(envelope)
            if isinstance(written_part, bytes):
                parts[index] = written_part
            else:
                outcomes[index] = written_part
        try:
            outcomes |= self._through(self._requests(parts, again), parts, envelopes)
        finally:
            if self._doubts is not None:
                self._doubts.done([envelopes[index] for indexes in again for index in indexes])
        return [outcomes[index] for index in range(len(envelopes))]

    def close(self) -> None:
        """Close the connection; the next :meth:`send` opens another."""
        self._http.close()

    def _part(self, envelope: Envelope) -> bytes | Refused:
        try:
            return self._dialect.part(envelope)
        except UnwritableAddress:
            reason = "the address cannot be written in ASCII, and the provider takes no other"
            return Refused(reason=reason, permanent=True)
        except (ValueError, TypeError) as error:
            # No address is to blame: a fault of ours must not lose the mail of everybody.
            reason = f"the message cannot be written for {self._account.provider} ({type(error).__name__})"
            return Refused(reason=reason, ours=True)

    def _requests(self, parts: Mapping[int, bytes], again: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Cut what was written into requests: no more messages, no more bytes than one takes.

        What is asked for ``again`` makes requests of its own.
        """
        for indexes in again:
            if written := [index for index in indexes if index in parts]:
                yield written
        among_them = {index for indexes in again for index in indexes}
        request: list[int] = []
        size = 0
        for index, part in parts.items():
            if index in among_them:
                continue
            if request and (len(request) == self._account.batch or size + len(part) > self._dialect.largest):
                yield request
                request, size = [], 0
            request.append(index)
            size += len(part)
        if request:
            yield request

    def _through(
        self, requests: Iterable[Sequence[int]], parts: Mapping[int, bytes], envelopes: Sequence[Envelope]
    ) -> dict[int, Outcome]:
        """Make requests one after the other; what leaves one message untouched leaves all that follow."""
        outcomes: dict[int, Outcome] = {}
        stopped: Unsent | None = None
        for indexes in requests:
            found = [stopped] * len(indexes) if stopped else self._exchange(indexes, parts, envelopes)
            outcomes.update(zip(indexes, found, strict=True))
            stopped = stopped or next((each for each in found if isinstance(each, Unsent)), None)
        return outcomes

    def _exchange(
        self, indexes: Sequence[int], parts: Mapping[int, bytes], envelopes: Sequence[Envelope]
    ) -> Sequence[Outcome]:
        """Make one request; remember what it left in doubt, and what it made clear.

        One that is too large, as its first try then was too, is halved; each half remembers its own doubts.
        """
        try:
            found = self._asked(indexes, parts, envelopes)
        except _TooLarge:
            return self._halved(indexes, parts, envelopes)
        if self._doubts is None or not isinstance(self._dialect, Remembering):
            return found
        chosen = [envelopes[index] for index in indexes]
        if any(isinstance(each, Refused) and each.doubtful for each in found):
            silent = any(isinstance(each, Refused) and not (each.code or "").startswith(("4", "5")) for each in found)
            kept = self._doubts.doubt(self._dialect.key(chosen), chosen, silent=silent)
            return [replace(each, request_key=kept) if isinstance(each, Refused) else each for each in found]
        if doubtful_key(chosen[0]) and any(isinstance(each, Accepted) for each in found):
            self._doubts.settle(self._dialect.key(chosen), chosen, whole=False)
        return found

    def _asked(
        self, indexes: Sequence[int], parts: Mapping[int, bytes], envelopes: Sequence[Envelope]
    ) -> Sequence[Outcome]:
        """Make one request; one that got no clear answer is made again where that sends nothing twice.

        Raises _TooLarge where it has several messages and is too large.
        """
        chosen = [envelopes[index] for index in indexes]
        doubt: Refused | None = None
        for _ in range(2 if self._dialect.idempotent else 1):
            try:
                reply = self._http.post(self._dialect.call([parts[index] for index in indexes], chosen))
                if reply.status == _TOO_LARGE and len(indexes) > 1:
                    raise _TooLarge
                # After a doubt, being turned away does not mean that the first request was.
                found = self._read(reply, chosen)
                if self._dialect.idempotent and (reply.status in _READ or reply.ok):
                    found = [each if _asks_again(chosen, each) else _with_new_key(each) for each in found]
                return [doubt if doubt and isinstance(each, Unsent) else each for each in found]
            except KnownKey as error:
                if self._doubts is not None and all(map(was_silent, chosen)):
                    self._doubts.settle(doubtful_key(chosen[0]) or "", chosen, whole=True)
                    return [Accepted()] * len(chosen)
                doubt = error.outcome
            except Uncertain as error:
                doubt = error.outcome
            except NoAnswer as error:
                doubt = doubt or Uncertain(f"{self._account.provider} {error}").outcome
            except NotConnected as error:
                reason = f"{self._account.provider} cannot be reached: {error}"
                return [doubt or Unsent(reason=reason)] * len(chosen)
        return [doubt or Unsent(reason="nothing was tried")] * len(chosen)

    def _halved(
        self, indexes: Sequence[int], parts: Mapping[int, bytes], envelopes: Sequence[Envelope]
    ) -> Sequence[Outcome]:
        middle = len(indexes) // 2
        # Each half is another request: with the key of the whole the second would be taken for the first.
        envelopes = [replace(each, request_key=str(uuid4())) if doubtful_key(each) else each for each in envelopes]
        found = self._through([indexes[:middle], indexes[middle:]], parts, envelopes)
        return [found[index] for index in indexes]

    def _read(self, reply: PostReply, envelopes: Sequence[Envelope]) -> list[Outcome]:
        try:
            return self._dialect.read(reply, envelopes)
        except Garbled:
            raise Uncertain(
                f"{self._account.provider} answered HTTP {reply.status} with what makes no sense",
                code=str(reply.status),
            ) from None


def _with_new_key(outcome: Outcome) -> Outcome:
    """Let the next try of what was refused have a key of its own; what nobody knows keeps its key."""
    if isinstance(outcome, Accepted) or outcome.request_key:
        return outcome
    return replace(outcome, request_key=str(uuid4()))


def _asks_again(chosen: Sequence[Envelope], outcome: Outcome) -> bool:
    """Tell whether what is in doubt was turned away before it was looked at: then it stays in doubt, as it was."""
    return isinstance(outcome, Unsent) and doubtful_key(chosen[0]) is not None
