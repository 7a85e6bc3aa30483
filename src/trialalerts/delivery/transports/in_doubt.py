"""The batches of which nobody knows whether they were taken: asked for again so that nothing in them is mailed twice.

A provider that remembers requests by a key (Resend) remembers them as a whole. So what got no answer goes again with
the key that it had, and never among others. All of it together is obeyed at most once. A part of it, written anew, is
told from the whole: a key that is known says that the whole was taken, one that is not that none of it was. Only who
asked for the whole last may ask for a part, and for one at a time: of two parts each would be taken for the whole.
What can be asked for in neither way goes with a new key, and may come twice, rather than not at all.

The key of the next request of a delivery (``Envelope.request_key``) says so, since others may send it: ``silent/2/…``
where no answer came, ``failed/2/…`` where the provider said that it failed, each with how many mails it was for, the
key, and who asked.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from secrets import token_hex
from threading import Lock
from uuid import uuid4

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Refused

__all__ = ["Doubts", "Sorted", "doubtful_key", "was_silent"]

_KEY = re.compile(r"(silent|failed)/(\d{1,4})/([0-9a-f]{16,64})/([0-9a-f]{16})")
_MOST = 1_000
_WAITS = Refused(reason="another request asks what became of its batch", retry_after=60.0, doubtful=True)


def doubtful_key(envelope: Envelope) -> str | None:
    """Return the key with which an envelope was asked for in vain; None where it has not been."""
    found = _KEY.fullmatch(envelope.request_key or "")
    return found[3] if found else None


def was_silent(envelope: Envelope) -> bool:
    """Tell whether no answer came at all, so that a key that is known since can only mean that it was taken."""
    return (envelope.request_key or "").startswith("silent/")


@dataclass(kw_only=True)
class _Batch:
    """A batch in doubt; ``taken`` and ``untaken`` are its Message-IDs of which it is known since."""

    members: set[str]
    taken: set[str] = field(default_factory=set)
    untaken: set[str] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class Sorted:
    """What to do with envelopes: of which it is known by now, or which have to wait, by their place; what is to be
    asked for again together; and all of them with the keys that they go with.
    """

    known: Mapping[int, Outcome]
    again: Sequence[Sequence[int]]
    envelopes: Sequence[Envelope]


class Doubts:
    """The batches in doubt of one account; one is shared by all channels of a transport."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._batches: OrderedDict[str, _Batch] = OrderedDict()
        self._asked: set[str] = set()
        self._owner = token_hex(8)

    def sort(self, envelopes: Sequence[Envelope]) -> Sorted:
        """Tell of each envelope whether it was taken, or with which others it is to be asked for again.

        What is to be asked for is ours alone until :meth:`done`.
        """
        groups: dict[str, list[int]] = {}
        for index, envelope in enumerate(envelopes):
            if doubtful_key(envelope):
                groups.setdefault(envelope.request_key or "", []).append(index)
        known: dict[int, Outcome] = {}
        again: list[list[int]] = []
        found = list(envelopes)
        with self._lock:
            for indexes in groups.values():
                key = doubtful_key(envelopes[indexes[0]]) or ""
                batch = self._batch_of([envelopes[index] for index in indexes])
                asked: list[int] = []
                for index in indexes:
                    name = envelopes[index].message.message_id
                    if name in batch.taken:
                        known[index] = Accepted()
                    elif name not in batch.members or name in batch.untaken:
                        found[index] = replace(envelopes[index], request_key=str(uuid4()))
                    elif key in self._asked:
                        known[index] = _WAITS
                    else:
                        asked.append(index)
                if asked:
                    self._asked.add(key)
                    again.append(asked)
        return Sorted(known=known, again=again, envelopes=found)

    def done(self, envelopes: Sequence[Envelope]) -> None:
        """Let these be asked for again by others."""
        with self._lock:
            self._asked -= {doubtful_key(each) or "" for each in envelopes}

    def _batch_of(self, envelopes: Sequence[Envelope]) -> _Batch:
        """Return the batch to which these belong: as we know it where we asked last, else these where they are all.

        The lock is held.
        """
        found = _KEY.fullmatch(envelopes[0].request_key or "")
        if found is None:
            return _Batch(members=set())
        if found[4] == self._owner and (known := self._batches.get(found[3])):
            return known
        whole = len(envelopes) == int(found[2])
        return _Batch(members={each.message.message_id for each in envelopes} if whole else set())

    def doubt(self, key: str, envelopes: Sequence[Envelope], *, silent: bool) -> str:
        """Remember that a request with this key got no clear answer; return the key to keep for its deliveries.

        Of a part that got none, the rest is asked for anew: the key may stand for the whole or for the part.
        """
        with self._lock:
            self._batches[key] = _Batch(members={each.message.message_id for each in envelopes})
            self._batches.move_to_end(key)
            while len(self._batches) > _MOST:
                self._batches.popitem(last=False)
        silent = silent or any(map(was_silent, envelopes))
        return f"{'silent' if silent else 'failed'}/{len(envelopes)}/{key}/{self._owner}"

    def settle(self, key: str, envelopes: Sequence[Envelope], *, whole: bool) -> None:
        """Remember that a batch in doubt was taken: the ``whole`` of it before, or only these now."""
        with self._lock:
            if batch := self._batches.get(key):
                these = {each.message.message_id for each in envelopes}
                batch.taken |= batch.members if whole else these
                batch.untaken |= batch.members - batch.taken
