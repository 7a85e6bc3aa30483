"""The one decision on what a mail server's reply means, and whom it is about.

It is asked at the door, for bounces that come by mail, and for what providers tell. It sees the server's own words
only: never a sentence that we wrote ourselves, never the quoted text of our mail. *Gone* must be unanimous, for it
suppresses an address: one proof (plain words, or a code) and no witness against it. Every tie goes to the person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from trialalerts.delivery.mail.replies import ours, theirs
from trialalerts.delivery.mail.replies.rules import Rule, first_match
from trialalerts.delivery.mail.replies.status import BounceClass, meaning_of_status
from trialalerts.delivery.mail.replies.text import ServerReply, Stage, read_reply

__all__ = ["BounceClass", "Classified", "ProviderSays", "Stage", "classify"]

_GONE, _UNWELL, _OURS = BounceClass.GONE, BounceClass.UNWELL, BounceClass.OURS
_MESSAGE, _LATER = BounceClass.MESSAGE, BounceClass.LATER
_KINDEST_FIRST = (_OURS, _MESSAGE, _UNWELL, _GONE)
_STANDS_AT_DATA = {"5.1.1", "5.1.10"}
_GREETINGS = {Stage.CONNECT: "greeting", Stage.EHLO: "greeting", Stage.MAIL: "sender"}
_MEANS_NOBODY = (
    "web.de",
    "gmx.",
    "kundenserver.de",
    "ionos.",
    "1and1.",
    "outlook.com",
    "hotmail.",
    "live.com",
    "msn.com",
)
"""Hosts whose bare “mailbox unavailable” means, by their own documents, that nobody is there."""
_LONGEST_EVIDENCE = 120


class ProviderSays(StrEnum):
    """How a provider itself classified what the other server said."""

    PERMANENT = "permanent"
    """This message will not arrive: a proof only where the other server said nothing."""
    NO_ADDRESS = "no address"
    """The address is named as the cause: a proof unless the other server's words speak against it."""
    LISTED = "listed"
    """It stands on the provider's own list of dead addresses; nothing was tried."""
    SOFT = "soft"
    """Transient, undetermined, blocked: whatever the words, nobody is gone."""
    OURS = "ours"
    MESSAGE = "message"
    UNWELL = "unwell"


@dataclass(frozen=True, kw_only=True)
class Classified:
    """What a reply means.

    ``rule`` is the stable name of what decided, kept beside a suppression so that a wrong one can be undone;
    ``evidence`` the words or the code that it hung on, without addresses; ``code`` the reply and the enhanced code
    (``550 5.1.1``). ``brake`` says which of our faults it is: list, reputation, content, rate, auth, sender, greeting,
    policy or restricted.
    """

    bounce_class: BounceClass
    rule: str
    evidence: str = ""
    code: str | None = None
    brake: str | None = None

    @property
    def is_gone(self) -> bool:
        """Whether mailing the address again is pointless."""
        return self.bounce_class is BounceClass.GONE


@dataclass(frozen=True, kw_only=True)
class _Case:
    """One reply with all that is known around it."""

    said: ServerReply
    status: str
    host: str
    report: ServerReply | None
    provider: ProviderSays | None
    trying: bool | None

    @property
    def passing(self) -> bool:
        """Whether the server spoke of a passing fault."""
        reply = self.said.reply
        return reply.startswith("4") if reply else bool(self.said.codes) and self.said.codes[0].startswith("4")


def classify(
    words: str,
    *,
    status: str | None = None,
    stage: Stage | None = None,
    host: str = "",
    report: str = "",
    provider: ProviderSays | None = None,
    trying: bool | None = None,
) -> Classified:
    """Decide whom a reply is about: the person, us, this message, or nobody yet.

    >>> found = classify("550 5.1.1 <anna@example.org>: Recipient address rejected: User unknown")
    >>> str(found.bounce_class), found.code
    ('gone', '550 5.1.1')

    Args:
        words: what the other server said, with its codes: ``550 5.1.1 <a@b.example>: user unknown``.
        status: the Status field of a report (RFC 3464), often a guess of the reporting server; it counts last.
        stage: the command that the reply answers, where it is known and the words do not say it.
        host: the name of the server that answered.
        report: what else a report says of this one recipient: it may speak against *gone*, and stands in for words.
        provider: the verdict of a provider that stands between.
        trying: True while somebody still tries, False once they gave up; None: a 4xx is tried again (at the door).

    Returns:
        The class with the rule that decided; see the documentation of each class for what it does.
    """
    case = _Case(
        said=read_reply(words, stage),
        status=(status or "").strip(),
        host=host.lower(),
        report=read_reply(report) if report.strip() else None,
        provider=provider,
        trying=trying,
    )
    decided = next(found for found in (step(case) for step in _STEPS) if found is not None)
    return replace(_braked(case, _tempered(case, decided)), code=_code(case))


def _by_provider(case: _Case) -> Classified | None:
    """A provider that names a side has seen more than its code; *permanent* and *soft* are looked at later."""
    sides = {
        ProviderSays.LISTED: Classified(bounce_class=_GONE, rule="provider.listed"),
        ProviderSays.OURS: Classified(bounce_class=_OURS, rule="provider.ours", brake="policy"),
        ProviderSays.MESSAGE: Classified(bounce_class=_MESSAGE, rule="provider.message"),
        ProviderSays.UNWELL: Classified(bounce_class=_UNWELL, rule="provider.unwell"),
    }
    if case.provider is ProviderSays.OURS:
        return _by_us(case) or sides[case.provider]
    return sides.get(case.provider) if case.provider else None


def _by_exact_pair(case: _Case) -> Classified | None:
    """Microsoft's directory checks: the only “access denied” that is about the address, and 5.5.0 for nobody."""
    if "5.4.1" in case.said.codes and _DIRECTORY_CHECK in case.said.whole.replace(" :", ":"):
        return Classified(bounce_class=_GONE, rule="gone.directory", evidence=f"5.4.1 {_DIRECTORY_CHECK}")
    return None


_DIRECTORY_CHECK = "rejected: access denied"


def _by_grey(case: _Case) -> Classified | None:
    found = first_match((ours.GREYLISTED,), case.said.reason)
    return _of(found, _LATER) if found and case.said.temporary else None


def _by_us(case: _Case) -> Classified | None:
    """Words about us: block lists wherever they stand, the others within the reason."""
    found = first_match((ours.BLOCK_LISTS,), case.said.named) or first_match((ours.BLOCK_LISTS,), case.said.whole)
    found = found or first_match(ours.ABOUT_US, case.said.reason)
    if found:
        return _of(found, _OURS)
    quota = ours.is_sending_quota(case.said.reason)
    if quota:
        return _of((ours.SENDING_QUOTA, quota[0]), _OURS)
    if first_match((theirs.FULL,), case.said.reason):
        return None
    rate, *rest = ours.ABOUT_US_BUT_FULL
    found = first_match((rate,), case.said.reason)
    found = found or (
        None if first_match((theirs.CHOICE,), case.said.reason) else first_match(tuple(rest), case.said.reason)
    )
    return _of(found, _OURS) if found else None


def _by_message(case: _Case) -> Classified | None:
    if first_match(theirs.NOBODY, case.said.reason) or first_match((theirs.FULL,), case.said.reason):
        return None
    found = first_match(ours.MESSAGE, case.said.reason)
    return _of(found, _MESSAGE) if found else None


def _by_later(case: _Case) -> Classified | None:
    """A temporary answer is final only once somebody gave up, and then never on the address itself."""
    if case.trying or (case.passing and case.trying is None):
        return Classified(bounce_class=_LATER, rule="later", evidence=case.said.code or "")
    return None


def _by_mailbox(case: _Case) -> Classified | None:
    """Full, the person's choice, disabled: the mailbox lives. What the rest of the report says of it counts too."""
    texts = [case.said.reason] + ([case.report.reason] if case.report else [])
    for text in texts:
        found = first_match((theirs.FULL, theirs.CHOICE), text)
        if found is None and "deleted" not in text:
            found = first_match((theirs.DISABLED,), text)
        if found:
            return _of(found, _UNWELL)
    return None


def _by_nobody(case: _Case) -> Classified | None:
    found = first_match(theirs.NOBODY, case.said.reason)
    if found is None:
        return None
    against = _witness(case, found[0])
    return _of(found, _GONE) if against is None else Classified(bounce_class=_UNWELL, rule=against, evidence=found[1])


def _witness(case: _Case, proof: Rule) -> str | None:
    """Return what speaks against plain words that say nobody is there."""
    codes = {code.partition(".")[2] for code in case.said.codes}
    if case.said.temporary or first_match((theirs.TRY_LATER,), case.said.whole):
        return "unwell.temporary"
    if first_match((theirs.HEDGED,), case.said.reason):
        return "unwell.hedged"
    if codes & {"2.2", "2.3", "2.4", "3.4"}:
        return "unwell.other_code"
    at_data = case.said.stage is Stage.DATA and not set(case.said.codes) & _STANDS_AT_DATA
    return "unwell.after_data" if at_data and proof is not theirs.ON_THE_ACCOUNT else None


def _by_refused_at_all(case: _Case) -> Classified | None:
    found = first_match((ours.REFUSED_AT_ALL,), case.said.reason)
    return _of(found, _OURS, brake="policy") if found else None


def _by_neutral_words(case: _Case) -> Classified | None:
    """“Mailbox unavailable” says nothing by itself; with some codes and from some hosts it is documented."""
    found = first_match((theirs.NEUTRAL_MAILBOX,), case.said.reason)
    if found and not first_match((theirs.HEDGED, theirs.TRY_LATER), case.said.whole) and not case.said.temporary:
        documented = any(name in case.host for name in _MEANS_NOBODY) and not case.said.codes
        if "5.5.0" in case.said.codes or documented:
            return _of(found, _GONE, rule="gone.unavailable")
    if found and any(code[1:4] == ".5." for code in case.said.codes):
        return _of(found, _UNWELL)
    if "5.1.0" in case.said.codes and "address rejected" in case.said.reason:
        return Classified(bounce_class=_GONE, rule="gone.rejected", evidence="5.1.0 address rejected")
    return None


def _by_codes(case: _Case) -> Classified | None:
    """The codes within the words; of several the kindest to the person counts."""
    found = [(meaning, code) for code in case.said.codes if (meaning := meaning_of_status(code)) is not None]
    if not found:
        return None
    meaning, code = min(found, key=lambda each: _KINDEST_FIRST.index(each[0].bounce_class))
    if meaning.bounce_class is _GONE and (case.said.temporary or _hedged(case)):
        return Classified(bounce_class=_UNWELL, rule="unwell.temporary", evidence=code)
    return Classified(bounce_class=meaning.bounce_class, rule=f"code.{code}", evidence=code, brake=meaning.brake)


def _hedged(case: _Case) -> bool:
    return bool(first_match((theirs.HEDGED, theirs.TRY_LATER), case.said.whole))


def _by_time(case: _Case) -> Classified | None:
    found = first_match((theirs.TIME,), case.said.reason)
    return _of(found, _UNWELL) if found else None


def _by_gave_up(case: _Case) -> Classified | None:
    if not case.passing:
        return None
    return Classified(bounce_class=_UNWELL, rule="unwell.gave_up", evidence=case.said.code or "")


def _by_stage(case: _Case) -> Classified | None:
    """Refused before the recipient was named: it cannot be about them."""
    brake = _GREETINGS.get(case.said.stage) if case.said.stage else None
    if brake:
        return Classified(
            bounce_class=_OURS, rule=f"stage.{case.said.stage}", evidence=case.said.code or "", brake=brake
        )
    return None


def _by_basic_code(case: _Case) -> Classified | None:
    reply = case.said.reply or ""
    if reply == "556":
        return Classified(bounce_class=_GONE, rule="reply.556", evidence=reply)
    if reply[:2] == "50" or reply in {"530", "535", "538"}:
        return Classified(bounce_class=_OURS, rule=f"reply.{reply}", evidence=reply, brake="greeting")
    return None


def _by_status(case: _Case) -> Classified | None:
    """The Status field: where words and codes say nothing. A guess of 5.1.1 that the words do not support is none."""
    subject = case.status.split(".")[1:2]
    meaning = meaning_of_status(case.status)
    if meaning is None or subject == ["5"]:
        return None
    if case.status.startswith("4") and meaning.bounce_class is not _OURS:
        return Classified(bounce_class=_UNWELL, rule="unwell.gave_up", evidence=case.status)
    if meaning.bounce_class is _GONE and not (case.said.empty and case.status.startswith("5")):
        return Classified(bounce_class=_UNWELL, rule="unwell.guessed", evidence=case.status)
    return Classified(
        bounce_class=meaning.bounce_class, rule=f"status.{case.status}", evidence=case.status, brake=meaning.brake
    )


def _by_proof_of_provider(case: _Case) -> Classified | None:
    against = case.said.temporary or _hedged(case) or any(meaning_of_status(code) for code in case.said.codes)
    if (case.provider is ProviderSays.NO_ADDRESS and not against) or (
        case.provider is ProviderSays.PERMANENT and case.said.empty and not case.said.temporary
    ):
        return Classified(bounce_class=_GONE, rule="provider.permanent", evidence=case.said.code or "")
    return None


def _undecided(case: _Case) -> Classified:
    rule = f"reply.{case.said.reply}" if case.said.reply else "nothing"
    return Classified(bounce_class=_UNWELL, rule=rule, evidence=case.said.whole[:_LONGEST_EVIDENCE])


_STEPS: Iterable[Callable[[_Case], Classified | None]] = (
    _by_provider,
    _by_exact_pair,
    _by_grey,
    _by_us,
    _by_message,
    _by_later,
    _by_mailbox,
    _by_nobody,
    _by_refused_at_all,
    _by_neutral_words,
    _by_codes,
    _by_stage,
    _by_time,
    _by_gave_up,
    _by_basic_code,
    _by_proof_of_provider,
    _by_status,
    _undecided,
)


def _tempered(case: _Case, decided: Classified) -> Classified:
    """Return the class, but never *gone* where the provider or a given-up try says that it may be otherwise."""
    if decided.bounce_class is _LATER and case.trying is False:
        return replace(decided, bounce_class=_UNWELL)
    if decided.bounce_class is _GONE and case.provider is ProviderSays.SOFT:
        return replace(decided, bounce_class=_UNWELL, rule="provider.soft")
    return decided


def _braked(case: _Case, decided: Classified) -> Classified:
    """Return the class with the brake of its exact fault: by a code that stands for one alone, else by the words."""
    if decided.bounce_class is not _OURS:
        return decided
    meanings = (meaning_of_status(code) for code in case.said.codes)
    exact = next((each.brake for each in meanings if each and each.brake in _EXACT), None)
    return replace(decided, brake=exact or _by_words(case, decided) or decided.brake)


def _by_words(case: _Case, decided: Classified) -> str | None:
    """“Your account” and “mail from” a machine are about us; whether it is our name or our pace stands beside them."""
    rate, *_ = ours.ABOUT_US_BUT_FULL
    if decided.brake == "reputation" and not ours.OUR_NAME.search(case.said.reason):
        too_fast = first_match((rate, ours.SENDING_QUOTA), case.said.reason)
        return "rate" if too_fast else None
    return "auth" if decided.brake == "policy" and ours.RELAYING.search(decided.evidence) else None


_EXACT = {"restricted", "sender"}


def _of(found: tuple[Rule, str], bounce_class: BounceClass, *, rule: str = "", brake: str | None = None) -> Classified:
    name = rule or found[0].name
    if bounce_class is _OURS and brake is None:
        brake = name.partition(".")[2]
    return Classified(bounce_class=bounce_class, rule=name, evidence=found[1][:_LONGEST_EVIDENCE], brake=brake)


def _code(case: _Case) -> str | None:
    said = case.said.code
    if said and case.said.codes:
        return said
    return " ".join(each for each in (said, case.status) if each)[:40] or None
