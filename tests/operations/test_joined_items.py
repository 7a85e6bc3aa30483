"""A trial of several registries at the command line: its records, what they do not agree on, and how to part it."""

from __future__ import annotations

import json

from sqlmodel import select

from tests.catalog.joining.test_joining import CTIS, EU, ISRCTN, NCT, UK, american, british
from tests.catalog.test_store import store
from tests.installation import Installation, Run
from trialalerts.database import open_database
from trialalerts.database.audit import AuditEntry


def test_the_records_of_a_trial_are_shown_and_parted(run: Run, installation: Installation) -> None:
    with open_database(f"sqlite:///{installation.folder / 'var' / 'trialalerts.db'}") as db:
        store(db, american())
        store(db, british(numbers=(ISRCTN, NCT), status="COMPLETED"))
        told = run("items", "show", "isrctn 12345678").done
        assert f"{UK}\t{ISRCTN}\tregistry\tregistry\tCOMPLETED" in told
        assert "not agreed: status (clinicaltrials.gov: RECRUITING; isrctn.com: COMPLETED)" in told
        found = json.loads(run("items", "show", NCT, "--json").done)
        assert found["conflicts"] == [
            {"fact": "status", "said": {"clinicaltrials.gov": "RECRUITING", "isrctn.com": "COMPLETED"}}
        ]
        assert found["said_by"]["status"] == ["clinicaltrials.gov"]
        assert run("items", "split", CTIS).code == 2
        assert "is a trial of its own now (item 2)" in run("items", "split", ISRCTN).done
        with db.read() as session:
            (entry,) = session.exec(select(AuditEntry).where(AuditEntry.action == "item.split")).all()
        assert (entry.subject, entry.new) == ("item 1", "item 2")
        alone = run("items", "split", ISRCTN)
        assert (alone.code, "stands alone" in alone.err) == (2, True)
        assert json.loads(run("items", "show", ISRCTN, "--json").done)["status"] == "COMPLETED"
        assert EU not in run("items", "show", NCT).done
