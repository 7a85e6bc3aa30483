"""Another contact: somebody else to ask, told apart from the same one written otherwise."""

from __future__ import annotations

import pytest

from trialalerts.catalog.changes.comparison import compare_trials
from trialalerts.catalog.changes.contacts import is_another_contact
from trialalerts.catalog.facts import Contact, TrialFacts
from trialalerts.catalog.tables import ChangeKind

NURSES = Contact(name="Asthma nurses", phone="0113 496 0123", email="asthma@airevalley.example")

SAME = {
    "nothing before": ((), (NURSES,)),
    "nothing after": ((NURSES,), ()),
    "as it was": ((NURSES,), (NURSES,)),
    "a number written otherwise": ((Contact(phone="(0113) 496-0123"),), (Contact(phone="+44 113 496 0123"),)),
    "an extension": ((Contact(phone="0113 496 0123"),), (Contact(phone="0113 496 0123 ext. 4521"),)),
    "letters of another case": ((Contact(email="A@Example.org"),), (Contact(email="a@example.org"),)),
    "a title behind the name": (
        (NURSES,),
        (Contact(name="Asthma nurses, RN", phone=NURSES.phone, email=NURSES.email),),
    ),
    "another order": ((NURSES, Contact(phone="0113 496 0155")), (Contact(phone="0113 496 0155"), NURSES)),
    "one of two left": ((NURSES, Contact(phone="0113 496 0155")), (NURSES,)),
    "a name spelled otherwise": ((Contact(name="José Pérez"),), (Contact(name="Jose  PEREZ"),)),
    "the same name, its number gone": ((NURSES,), (Contact(name=NURSES.name),)),
    "words for an address": ((NURSES,), (NURSES, Contact(email="see website"))),
}
OTHER = {
    "another number": ((NURSES,), (Contact(name="Asthma nurses", phone="0113 496 0199"),)),
    "another address": ((Contact(email="a@example.org"),), (Contact(email="b@example.org"),)),
    "one more to ask": ((NURSES,), (NURSES, Contact(phone="0113 496 0155"))),
    "somebody else without a number": ((NURSES,), (Contact(name="Somebody"),)),
    "another name, where that is all": ((Contact(name="A. Sample"),), (Contact(name="B. Sample"),)),
}


@pytest.mark.parametrize(("before", "after"), SAME.values(), ids=SAME)
def test_the_same_contact_written_otherwise_is_no_other(
    before: tuple[Contact, ...], after: tuple[Contact, ...]
) -> None:
    assert not is_another_contact(before, after)


@pytest.mark.parametrize(("before", "after"), OTHER.values(), ids=OTHER)
def test_somebody_else_to_ask_is_another_contact(before: tuple[Contact, ...], after: tuple[Contact, ...]) -> None:
    assert is_another_contact(before, after)


def test_another_central_contact_is_a_change_that_names_nobody() -> None:
    before = TrialFacts(status="RECRUITING", contacts=(NURSES,))
    after = before.model_copy(update={"contacts": (Contact(phone="0113 496 0199"),)})
    (found,) = compare_trials(before, after)
    assert (found.kind, found.before, found.after) == (ChangeKind.CONTACT_CHANGED, {}, {"central": True})
