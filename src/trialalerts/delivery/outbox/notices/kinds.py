"""The kinds of notices: who may get each, where it goes, and whether somebody waits for it."""

from __future__ import annotations

from trialalerts.subscribers.tables import SubscriberState

__all__ = [
    "ANNOUNCEMENT",
    "AWAITED",
    "CONFIRMATION",
    "ELSEWHERE",
    "GOODBYE",
    "HANDOFF",
    "HANDOFF_RETURNED",
    "HEARTBEAT",
    "LINK",
    "NEW_ADDRESS",
    "NUDGE",
    "NUDGES",
    "NUDGES_BEGUN",
    "NUDGE_CONFIRMATION",
    "OLD_ADDRESS",
    "RECIPIENTS",
    "URGENT",
    "URGENT_KINDS",
]

CONFIRMATION = "confirmation"
"""Asks whether a sign-up was meant; its data: ``{"preference_ids": [int]}``."""
LINK = "link"
"""Brings the link to the settings that somebody asked for."""
NEW_ADDRESS = "new-address"
"""Asks at a new address whether mails shall come there; its data: ``{"asked": int}``, the moment in seconds."""
OLD_ADDRESS = "old-address"
"""Tells the address of until then that another one was asked for; its data as above."""
GOODBYE = "goodbye"
"""Tells who has left that it is done, and how to undo it; its data: ``{"left": int}``, the moment in seconds."""
ANNOUNCEMENT = "announcement"
"""Brings what editors tell to many at once; its data: ``{"announcement": int}``."""
HEARTBEAT = "heartbeat"
"""Tells that there was nothing to tell; its data: ``{"since": int, "until": int}``, moments in seconds."""

HANDOFF = "handoff"
"""Brings what a reader wrote to the organisation's own nurse; its data: ``{"handoff": int}``."""
HANDOFF_RETURNED = "handoff-returned"
"""Tells a reader that what they wrote to the nurse came back after it had left; data: ``{"sent": int}``, seconds."""

NUDGE = "nudge"
"""Tells of a digest where its reader chose to be told, not by mail; its data: ``{"digest_id": int}``."""
NUDGE_CONFIRMATION = "nudge-confirmation"
"""Asks there whether news shall be told there; its data: ``{"asked": int}``, the moment in seconds."""
NUDGES_BEGUN = "nudges-begun"
"""Tells by mail that news goes there from now on; its data: ``{"asked": int}``, the moment of that wish in seconds."""
NUDGES = (NUDGE, NUDGE_CONFIRMATION)
"""What leaves by no mail: whoever sends mails passes it over."""

_SERVED = frozenset({SubscriberState.ACTIVE, SubscriberState.PAUSED})
_KNOWN = _SERVED | {SubscriberState.UNSUBSCRIBED}
RECIPIENTS: dict[str, frozenset[SubscriberState]] = {
    CONFIRMATION: _SERVED | {SubscriberState.PENDING},
    LINK: _KNOWN,  # who has left may still look at what is kept of them, and erase it
    NEW_ADDRESS: _SERVED,
    OLD_ADDRESS: _KNOWN,
    GOODBYE: frozenset({SubscriberState.UNSUBSCRIBED}),
    HEARTBEAT: _SERVED,
    ANNOUNCEMENT: _SERVED,
    NUDGE: _SERVED,
    NUDGE_CONFIRMATION: _SERVED,
    NUDGES_BEGUN: _SERVED,
    HANDOFF_RETURNED: _KNOWN,
    HANDOFF: frozenset(SubscriberState) - {SubscriberState.ERASED},  # it goes to the nurse, whatever became of them
}
"""In which states somebody gets each; everything else goes to those who are served."""

URGENT = frozenset({CONFIRMATION, LINK, NEW_ADDRESS, OLD_ADDRESS, GOODBYE})
"""What somebody waits for: it leaves first, by night and in a pause, too."""

AWAITED = URGENT | {NUDGE_CONFIRMATION}
"""What no quiet hour and no pause holds back, by whatever way it leaves."""

URGENT_KINDS = "('confirmation', 'link', 'new-address', 'old-address', 'goodbye')"
"""The same as SQL: a partial index is used only where its own words stand in the query."""

ELSEWHERE = frozenset({NEW_ADDRESS, OLD_ADDRESS, HANDOFF})
"""What may go to another address than the one we write to: what comes back says nothing of that one."""
