"""What a provider took once and what goes again leaves again: the provider must not only repeat that it took it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import col, select

from tests.delivery.post import SECRET
from tests.delivery.refusing.stage import Town, opened
from tests.delivery.refusing.test_an_hour_of_refusals import known
from trialalerts.database import Database
from trialalerts.delivery.outbox.requeueing import requeue_failed
from trialalerts.delivery.outbox.suppressions import lift_suppressions
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState

ADDRESSES = ["mona@a.example", "lisa@b.example"]


@pytest.mark.parametrize("scheme", ["brevo", "resend"])
@pytest.mark.parametrize("how", ["lifted", "retried"])
def test_a_mail_that_came_back_and_goes_again_leaves_again(db: Database, scheme: str, how: str) -> None:
    town = Town(db=db)
    town.settle(ADDRESSES)
    with opened(f"{scheme} by webhook", known) as way:
        way.bury(ADDRESSES)
        town.round(way)
        assert town.suppressed() == sorted(ADDRESSES)
        with db.write() as session:
            if how == "retried":
                for mail in session.exec(select(Delivery)):
                    mail.state = DeliveryState.FAILED
                session.flush()
                assert requeue_failed(session, now=town.clock.now()) == 2
            for address in ADDRESSES:
                lift_suppressions(session, SECRET, address, how="operator", now=town.clock.now())
        with db.read() as session:
            keys = session.exec(select(Delivery.request_key).order_by(col(Delivery.id))).all()
        assert len({UUID(key or "") for key in keys}) == 2
        way.bury([])
        town.clock.advance(timedelta(minutes=5))
        town.round(way)
        assert way.taken() == dict.fromkeys(ADDRESSES, 1)


def test_of_what_nobody_knows_whether_it_was_taken_the_key_stays(db: Database) -> None:
    town = Town(db=db)
    town.settle(ADDRESSES[:1])
    with db.write() as session:
        mail = session.exec(select(Delivery)).one()
        mail.state, mail.request_key = DeliveryState.FAILED, "as before"
        session.flush()
        requeue_failed(session, now=town.clock.now())
    with db.read() as session:
        assert session.exec(select(Delivery.request_key)).one() == "as before"
