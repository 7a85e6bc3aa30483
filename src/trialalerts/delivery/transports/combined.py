"""Transports made of other transports: who is asked, who rests, who gets the rest.

``failover(URL URL …)`` and ``roundrobin(URL URL …)`` differ in whom they ask first. A member that does not work is
benched for a minute, or for as long as it asked. What a member left untouched (``Unsent``) goes to the next one; what
it refused does not, for it may have been accepted, or would be refused there as well.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.transports import Channel, Transport, open_transport
from trialalerts.errors import ConfigurationError

__all__ = [
    "BENCH",
    "Combined",
    "FailoverTransport",
    "MemberChannel",
    "Members",
    "RoundRobinTransport",
    "members_of",
    "open_members",
]

BENCH = 60.0
"""How many seconds a member rests that did not say how long."""
_DOUBTS = 3
"""So many calls in a row that came to nothing through no recipient's fault bench a member, too."""


class Members:
    """The members of a transport, and which of them rest; shared by all its channels.

    Args:
        transports: the members, in their order.
        rotating: whether each call begins with the next member, or always with the first.
        monotonic: gives seconds that only grow.
        bench: how many seconds a member rests.
    """

    def __init__(
        self,
        transports: Sequence[Transport],
        *,
        rotating: bool,
        monotonic: Callable[[], float] = time.monotonic,
        bench: float = BENCH,
    ) -> None:
        self.transports = tuple(transports)
        self._rotating = rotating
        self._monotonic = monotonic
        self._bench = bench
        self._lock = threading.Lock()
        self._rests_until = [0.0] * len(self.transports)
        self._why = [""] * len(self.transports)
        self._doubts = [0] * len(self.transports)
        self._turn = 0

    @property
    def batch(self) -> int:
        """What every member takes at once."""
        return min(member.batch for member in self.transports)

    @property
    def connections(self) -> int:
        """What every member bears at once."""
        return min(member.connections for member in self.transports)

    def order(self) -> list[int]:
        """Return who is to be asked now, the first one first, without those who rest."""
        with self._lock:
            now, count = self._monotonic(), len(self.transports)
            first = self._turn if self._rotating else 0
            self._turn = (self._turn + 1) % count
            turns = [(first + step) % count for step in range(count)]
            return [index for index in turns if self._rests_until[index] <= now]

    def note(self, index: int, outcomes: Sequence[Outcome]) -> None:
        """Bench a member that left something untouched, or that was at fault several times in a row."""
        unsent = next((each for each in outcomes if isinstance(each, Unsent)), None)
        doubt = all(isinstance(each, Refused) and each.ours and not each.permanent for each in outcomes)
        with self._lock:
            self._doubts[index] = self._doubts[index] + 1 if doubt else 0
            if unsent is not None:
                rest = self._bench if unsent.retry_after is None else unsent.retry_after
                self._rest(index, rest, unsent.reason)
            elif self._doubts[index] >= _DOUBTS:
                self._rest(index, self._bench, f"{_DOUBTS} calls in a row came to nothing")

    def rest(self, rests: Mapping[str, tuple[float, str]]) -> None:
        """Let members rest that are known by name as resting: for how many seconds, and why."""
        with self._lock:
            for index, member in enumerate(self.transports):
                if isinstance(member, Combined):
                    member.rest(rests)
                elif member.name in rests:
                    seconds, why = rests[member.name]
                    if self._rests_until[index] < self._monotonic() + seconds:
                        self._rest(index, seconds, why)

    def nobody(self) -> Unsent:
        """Return the outcome where all rest: why, and how long until the first is back."""
        with self._lock:
            now = self._monotonic()
            back = max(0.0, min(self._rests_until) - now)
            told = "; ".join(
                f"{member.name}: {why}" for member, why in zip(self.transports, self._why, strict=True) if why
            )
        return Unsent(reason=f"all {len(self.transports)} transports rest: {told}", retry_after=back)

    def _rest(self, index: int, seconds: float, why: str) -> None:
        self._rests_until[index] = self._monotonic() + seconds
        self._why[index] = why
        self._doubts[index] = 0


class Combined:
    """A transport made of others; ``rotating`` tells whether they take turns, or the first that works takes it all.

    Args:
        transports: the members, in their order.
        monotonic: gives seconds that only grow.
        bench: how many seconds a member rests that does not work.
    """

    name: str
    rotating: bool

    def __init__(
        self, transports: Sequence[Transport], *, monotonic: Callable[[], float] = time.monotonic, bench: float = BENCH
    ) -> None:
        self.members = Members(transports, rotating=self.rotating, monotonic=monotonic, bench=bench)

    @property
    def batch(self) -> int:
        """What every member takes at once."""
        return self.members.batch

    @property
    def connections(self) -> int:
        """What every member bears at once."""
        return self.members.connections

    def rest(self, rests: Mapping[str, tuple[float, str]]) -> None:
        """Let members rest that are known by name as resting: for how many seconds, and why."""
        self.members.rest(rests)

    def open(self) -> MemberChannel:
        """Return a channel with a way to each member."""
        return MemberChannel(self.members)


class MemberChannel:
    """A channel through the members; it has a channel to each of them, opened when it is first needed."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._channels: dict[int, Channel] = {}

    def send(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Hand messages over; what one member leaves untouched goes to the next."""
        outcomes: dict[int, Outcome] = {}
        keys: dict[int, str] = {}
        for member in self._members.order():
            waiting = [index for index in range(len(envelopes)) if index not in outcomes]
            if not waiting:
                break
            found = self._channel(member).send([envelopes[index] for index in waiting])
            self._members.note(member, found)
            name = self._members.transports[member].name
            for index, outcome in zip(waiting, found, strict=True):
                if not isinstance(outcome, Accepted) and outcome.request_key:
                    keys[index] = outcome.request_key
                if not isinstance(outcome, Unsent):
                    outcomes[index] = _by(outcome, name)
        nobody = self._members.nobody() if len(outcomes) < len(envelopes) else None
        found = [outcomes.get(index) or nobody or Unsent(reason="nobody was asked") for index in range(len(envelopes))]
        return [_with_key(outcome, keys.get(index)) for index, outcome in enumerate(found)]

    def close(self) -> None:
        """Close all channels; the next :meth:`send` opens them again."""
        for channel in self._channels.values():
            channel.close()

    def _channel(self, member: int) -> Channel:
        if member not in self._channels:
            self._channels[member] = self._members.transports[member].open()
        return self._channels[member]


def members_of(text: str) -> list[str]:
    """Return the URLs in ``URL URL …``; one may be a ``failover(…)`` or ``roundrobin(…)`` itself.

    Raises:
        ConfigurationError: the parentheses do not match, or there are fewer than two URLs. None is shown.
    """
    urls, depth = [""], 0
    for sign in text:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth < 0:
            break
        if depth == 0 and sign.isspace():
            urls.append("")
        else:
            urls[-1] += sign
    found = [url for url in urls if url]
    if depth != 0:
        raise ConfigurationError("mail.url: the parentheses do not match; write those of a password as %28 and %29")
    if len(found) < 2 or any(re.search(r"[,;]$", url) for url in found):  # noqa: PLR2004 - one needs no company
        raise ConfigurationError("mail.url: expected two URLs or more with blanks between them: failover(URL URL)")
    return found


def _by(outcome: Outcome, name: str) -> Outcome:
    """Say who took a message, unless a member of the member has said so."""
    if isinstance(outcome, Accepted) and outcome.transport is None:
        return replace(outcome, transport=name)
    return outcome


def _with_key(outcome: Outcome, key: str | None) -> Outcome:
    """Keep the key that a member wants to be asked with next, whatever the others said."""
    return outcome if key is None or isinstance(outcome, Accepted) else replace(outcome, request_key=key)


class FailoverTransport(Combined):
    """Sends through the first of its members that works; the favourite stands first."""

    name = "failover"
    rotating = False


class RoundRobinTransport(Combined):
    """Sends through its members in turn, each call through the next that works."""

    name = "roundrobin"
    rotating = True


_KINDS: Mapping[str, type[Combined]] = {"failover": FailoverTransport, "roundrobin": RoundRobinTransport}


def open_members(kind: str, inner: str) -> Transport:
    """Open what stands between the parentheses of ``failover(…)`` or ``roundrobin(…)``.

    Raises:
        ConfigurationError: a member's URL makes no sense, or there are fewer than two.
    """
    return _KINDS[kind]([open_transport(url) for url in members_of(inner)])
