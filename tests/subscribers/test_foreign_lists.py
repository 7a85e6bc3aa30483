"""Lists of other programs are read for what they say, and nobody who left there is made active."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from tests.installation import Installation, Run
from tests.subscribers.stage import NOW
from trialalerts.database import Database
from trialalerts.errors import InvalidInput
from trialalerts.subscribers.consent import list_consents
from trialalerts.subscribers.files.bulk_import import ImportRefused, SubscriberImport, import_csv
from trialalerts.subscribers.files.csv_layout import mapping_of
from trialalerts.subscribers.people import find_subscriber, list_subscribers
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.subscribers.tables import SubscriberState
from trialalerts.vocabulary.tables import Area, AreaOrigin


def read(session: Session, text: str, **values: Any) -> SubscriberImport:
    given = {"locale": "en", "timezone": "UTC", "confirmed": True, "now": NOW, **values}
    return import_csv(session, io.StringIO(text, newline=""), **given)


@pytest.fixture
def session(sqlite_stage: Database) -> Any:
    with sqlite_stage.write() as session:
        session.add(Area(id="D001249", name="Asthma", origin=AreaOrigin.CURATED))
        session.flush()
        yield session


def addresses(session: Session) -> list[str]:
    return sorted(each.address for each in list_subscribers(session))


def test_a_line_with_more_cells_than_columns_is_an_error_of_that_line(session: Session, shared_cases: Path) -> None:
    text = (shared_cases / "csv-unquoted-comma" / "a.csv").read_text(encoding="utf-8")
    with pytest.raises(ImportRefused) as refused:
        read(session, text)
    assert [error.line for error in refused.value.errors] == [2, 3]
    assert "4 cells, and the file 3 columns" in refused.value.errors[0].message
    assert addresses(session) == []


@pytest.mark.parametrize(
    "head", ["address,area,area", "address,area,Address", "email,E-Mail,area", "Email,area,note,note"]
)
def test_a_column_named_twice_is_an_error_of_the_file(session: Session, head: str) -> None:
    with pytest.raises(InvalidInput, match=r"two columns|both mean"):
        read(session, f"{head}\na@people.example,Asthma,b@people.example\n")


@pytest.mark.parametrize(
    ("file", "address", "left_out"),
    [
        ("listmonk.csv", "a@people.example", ("uuid", "name", "attributes", "created_at", "updated_at")),
        ("mailchimp.csv", "b@people.example", ("First Name", "Last Name", "MEMBER_RATING", "OPTIN_TIME", "TAGS")),
    ],
)
def test_an_export_of_another_program_is_read(
    session: Session, shared_cases: Path, file: str, address: str, left_out: tuple[str, ...]
) -> None:
    text = (shared_cases / "csv-exports-of-others" / file).read_text(encoding="utf-8")
    count = read(session, text, area="Asthma")
    assert addresses(session) == [address]
    assert count.left_out == left_out
    with pytest.raises(InvalidInput, match="--area"):
        read(session, text)


@pytest.mark.parametrize(
    "head", ["Email Address,First Name,Address,OPTIN_TIME,LEID", "E-Mail,Name,Address,Phone,Joined"]
)
def test_beside_a_column_of_mail_addresses_another_holds_where_they_live(session: Session, head: str) -> None:
    count = read(session, f'{head}\na@people.example,Ann,"1 Mill Lane  Leeds  LS1 1AA",,\n', area="Asthma")
    assert addresses(session) == ["a@people.example"]
    assert "Address" in count.left_out


def test_a_spreadsheets_line_that_tells_the_separator_is_read(session: Session, shared_cases: Path) -> None:
    read(session, (shared_cases / "csv-exports-of-others" / "excel-sep.csv").read_text(encoding="utf-8"))
    assert addresses(session) == ["c@people.example"]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff\ufeffaddress,area\na@people.example,Asthma\n",
        "address\tarea\na@people.example\tAsthma\n",
        '"sep=\t"\naddress\tarea\na@people.example\tAsthma\n',
        "E-Mail-Adresse;area\r\na@people.example;Asthma\r\n",
        "Courriel;Prénom;area\na@people.example;Ann;Asthma\n",
        "Correo electrónico,area,Teléfono\na@people.example,Asthma,none\n",
    ],
)
def test_other_spellings_of_the_same_list_are_read(session: Session, text: str) -> None:
    read(session, text)
    assert addresses(session) == ["a@people.example"]


@pytest.mark.parametrize(
    "text",
    [
        "uuid,email,status\n1,a@people.example,blocklisted\n",
        "uuid,email,status\n1,a@people.example,disabled\n2,A@people.example,enabled\n",
        "Email Address,MEMBER_RATING,UNSUB_TIME\na@people.example,2,2026-01-01 10:00:00\n",
        "Email Address,MEMBER_RATING,CLEAN_TIME\na@people.example,2,2026-01-01 10:00:00\n",
        "Email,Subscription Status\na@people.example,Unsubscribed\n",
        "Email,Status\na@people.example,Bounced\n",
    ],
)
def test_who_left_elsewhere_is_never_made_active(session: Session, text: str) -> None:
    count = read(session, text, area="Asthma")
    assert (addresses(session), count.had_left) == ([], 1)


def test_a_status_that_says_nothing_clear_is_an_error(session: Session) -> None:
    with pytest.raises(ImportRefused, match="vip"):
        read(session, "email,status\na@people.example,VIP\n", area="Asthma")


def test_who_has_not_confirmed_elsewhere_must_confirm_here(session: Session) -> None:
    count = read(session, "uuid,email,status\n1,a@people.example,unconfirmed\n", area="Asthma")
    assert [subscriber.state for subscriber, _ in count.to_confirm] == [SubscriberState.PENDING]


def test_area_region_and_consent_stand_in_where_a_line_names_none(session: Session) -> None:
    text = "Mail,Disease\na@people.example,\nb@people.example,Asthma\n"
    mapping = mapping_of(["Disease=area"])
    read(session, text, area="Multiple sclerosis", region="anywhere", mapping=mapping, consent="fair of 2025")
    followed = {}
    for address in addresses(session):
        person = find_subscriber(session, address)
        assert person is not None
        (preference,) = list_preferences(session, person)
        followed[address] = preference.area_id
        assert "fair of 2025" in {consent.what for consent in list_consents(session, person)}
    assert len(set(followed.values())) == 2


@pytest.mark.parametrize("pair", ["Email", "=address", "Email=adress"])
def test_a_mapping_that_makes_no_sense_says_so(pair: str) -> None:
    with pytest.raises(InvalidInput, match="makes no sense"):
        mapping_of([pair])


def test_a_mapping_of_a_column_that_is_not_there_says_so(session: Session) -> None:
    with pytest.raises(InvalidInput, match="no column “mial”"):
        read(session, "mail,area\na@people.example,Asthma\n", mapping=mapping_of(["mial=address"]))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_the_command_reads_lists_as_spreadsheets_write_them(
    installation: Installation, run: Run, encoding: str
) -> None:
    path = installation.folder / "list.csv"
    path.write_bytes("Email Address;Vorname\na@people.example;Jörg\n".encode(encoding))
    done = run(
        "subscribers", "import", str(path), "--area", "asthma", "--region", "anywhere", "--confirmed", "--dry-run"
    ).done
    assert "columns left out: Vorname" in done
    assert "dry run" in done
    assert "1 subscriber and 1 preference" in done
    assert "people.example" not in run("subscribers", "list").done
