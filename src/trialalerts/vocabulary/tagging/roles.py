"""The part that a disease plays where a text names it: denied, aside, an outcome, or what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from trialalerts.vocabulary.tagging.finding import FoundNames, Hit
from trialalerts.vocabulary.tagging.words import (
    ASIDE_AFTER,
    ASIDE_BEFORE,
    DENIALS,
    EXAMPLE_AFTER,
    EXAMPLE_BEFORE,
    FAINT,
    NEAR_FILLERS,
    OUTCOME_BEFORE,
    PAST_BEFORE,
    SUBJECT_AFTER,
    SUBJECT_BEFORE,
    Denials,
)

__all__ = ["Role", "roles_in"]

_REACH = 8
"""The most words between a cue such as "without" and what it denies."""
_NEAR = 5
"""The most words between a disease and what tells its part."""


class Role(StrEnum):
    """The part a disease plays; the value says it to people."""

    DENIED = "denied"
    FAINT = "only as a common word"
    ASIDE = "only in passing"
    PAST = "as something past"
    EXAMPLE = "as an example or a cause"
    OUTCOME = "as an outcome"
    NAMED = "named"
    SUBJECT = "as what people have or are treated for"


_BEFORE = {
    **dict.fromkeys(SUBJECT_BEFORE, Role.SUBJECT),
    **dict.fromkeys(OUTCOME_BEFORE, Role.OUTCOME),
    **dict.fromkeys(EXAMPLE_BEFORE, Role.EXAMPLE),
    **dict.fromkeys(PAST_BEFORE, Role.PAST),
    **dict.fromkeys(ASIDE_BEFORE, Role.ASIDE),
}
_AFTER = {**dict.fromkeys(EXAMPLE_AFTER, Role.EXAMPLE), **dict.fromkeys(SUBJECT_AFTER, Role.SUBJECT)}


def roles_in(reading: FoundNames, language: str = "en") -> list[Role]:
    """Return the role of each hit; a denial goes on through a list: "without asthma, diabetes or cancer".

    What denies is known in the ``language`` of the text, what else tells its part in English.
    """
    denials = DENIALS[language]
    keys, hits = reading.keys, reading.hits
    denied_ends: set[int] = set()
    roles: list[Role] = []
    for hit in hits:
        if _is_denied_before(keys, hit.start, denied_ends, denials):
            denied_ends.add(hit.end)
            roles.append(Role.DENIED)
        elif hit.end == hit.start + 1 and keys[hit.start] in FAINT:
            roles.append(Role.FAINT)
        else:
            roles.append(_role(keys, hit))
    _deny_backwards(keys, hits, roles, denials)
    return roles


def _is_denied_before(keys: Sequence[str], start: int, denied_ends: set[int], denials: Denials) -> bool:
    joined = anew = False
    for place in range(start - 1, max(-1, start - 1 - _REACH), -1):
        word = keys[place]
        if word in denials.cues or (joined and not anew and place + 1 in denied_ends):
            return True
        anew = anew or word in denials.anew
        joined = joined or word in denials.joins
        if word not in denials.fillers and word not in denials.joins:
            return False
    return False


def _deny_backwards(keys: Sequence[str], hits: Sequence[Hit], roles: list[Role], denials: Denials) -> None:
    """Find what is denied behind it, from the end of a list on: "asthma and diabetes were ruled out"."""
    denied_starts: set[int] = set()
    for number in range(len(hits) - 1, -1, -1):
        place = hits[number].end
        joined = place
        while joined < len(keys) and keys[joined] in denials.joins:
            joined += 1
        if (joined > place and joined in denied_starts) or _is_denied_after(keys, place, denials):
            denied_starts.add(hits[number].start)
            roles[number] = Role.DENIED


def _is_denied_after(keys: Sequence[str], end: int, denials: Denials) -> bool:
    negated = False
    for place in range(end, min(end + _REACH, len(keys))):
        word = keys[place]
        if word in denials.cues_after or (negated and word in denials.not_seen):
            return place > end  # "asthma excluded" alone may end one thought and begin another
        if word == "ruled" and "out" in keys[place + 1 : place + 2]:
            return True
        negated = negated or word in denials.negation
        if word not in denials.fillers_after and word not in denials.negation:
            return False
    return False


def _role(keys: Sequence[str], hit: Hit) -> Role:
    behind = keys[hit.end] if hit.end < len(keys) else ""
    if behind in ASIDE_AFTER:
        return Role.ASIDE
    for place in range(hit.start - 1, max(-1, hit.start - 1 - _NEAR), -1):
        word = keys[place]
        if word in _BEFORE:
            return _BEFORE[word]
        if word not in NEAR_FILLERS:
            break
    return _AFTER.get(behind, Role.NAMED)
