"""The archive: what was altered, cut off, locked otherwise, signed by others or is too new is refused in one line."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import orjson
import pyrage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.handover.stage import IDENTITY, LOCK, UNLOCK
from trialalerts.errors import InvalidInput
from trialalerts.operations.handover import archive
from trialalerts.operations.handover.archive import ArchiveKey, read_archive, signer_of, write_archive

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
SIGNER = signer_of("a secret that is long enough for it")
FILES = {"subscribers.csv": b"address\nanna@example.org\n", "people.jsonl": b'{"address":"anna@example.org"}\n'}


def written(path: Path, key: ArchiveKey = LOCK) -> str:
    """Write an archive; return by whom it is signed."""
    return write_archive(
        path, FILES, giver="A", receiver="B", announced_for=date(2026, 12, 1), suppression_keys=["k"],
        signer=SIGNER, key=key, now=NOW,
    ).signed_by  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("archive") / "handover.age"
    return path, written(path)


def repacked(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Write an archive anew, locked right, with something of what is in it changed."""
    with zipfile.ZipFile(io.BytesIO(pyrage.decrypt(path.read_bytes(), [IDENTITY]))) as packed:
        content = {name: packed.read(name) for name in packed.namelist()}
    change(content)
    anew = io.BytesIO()
    with zipfile.ZipFile(anew, "w") as packed:
        for name, each in content.items():
            packed.writestr(name, each)
    target = path.with_name("repacked.age")
    target.write_bytes(LOCK.lock(anew.getvalue()))
    return target


def test_what_was_written_is_read(made: tuple[Path, str]) -> None:
    path, signed_by = made
    found = read_archive(path, UNLOCK, signed_by=signed_by)
    assert found.files == FILES
    assert (found.manifest.giver, found.manifest.made_at) == ("A", NOW)
    assert b"anna" not in path.read_bytes()


def test_a_passphrase_locks_it_as_well(tmp_path: Path) -> None:
    key = ArchiveKey(passphrase="agreed upon by telephone")
    signed_by = written(tmp_path / "handover.age", key)
    assert read_archive(tmp_path / "handover.age", key, signed_by=signed_by).files == FILES
    with pytest.raises(InvalidInput, match="the passphrase or key is another one"):
        read_archive(tmp_path / "handover.age", ArchiveKey(passphrase="agreed upon by letter"), signed_by=signed_by)
    with pytest.raises(InvalidInput, match="agree on one of at least 16"):
        ArchiveKey(passphrase="short")


def test_a_wrong_key_is_told(made: tuple[Path, str]) -> None:
    path, signed_by = made
    other = ArchiveKey(age_key=str(pyrage.x25519.Identity.generate()))
    with pytest.raises(InvalidInput, match="the passphrase or key is another one"):
        read_archive(path, other, signed_by=signed_by)
    with pytest.raises(InvalidInput, match="the passphrase or key is another one"):
        read_archive(path, ArchiveKey(passphrase="agreed upon by telephone"), signed_by=signed_by)
    with pytest.raises(InvalidInput, match="it begins with age1"):
        ArchiveKey(age_key="age1nonsense").lock(b"")
    with pytest.raises(InvalidInput, match="AGE-SECRET-KEY-1"):
        read_archive(path, ArchiveKey(age_key="none"), signed_by=signed_by)


def test_whose_it_is_must_be_said(made: tuple[Path, str]) -> None:
    path, signed_by = made
    for said in ("", "ed25519:00", signer_of("another secret").public_key().public_bytes_raw().hex()):
        with pytest.raises(InvalidInput, match=f"--signed-by {signed_by}"):
            read_archive(path, UNLOCK, signed_by=said)


def _drop(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.__delitem__(name)


def _put(name: str, content: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.__setitem__(name, content)


def _say(**values: object) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        head = orjson.dumps({**orjson.loads(files["manifest.json"]), **values})
        files["manifest.json"], files["manifest.sig"] = head, SIGNER.sign(b"trialalerts handover 1\n" + head)

    return change


CHANGED: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "a person more": (_put("subscribers.csv", b"address\nanna@example.org\nben@example.org\n"), "not what was signed"),
    "a file more": (_put("more.csv", b"x"), "not what was signed"),
    "a file less": (_drop("people.jsonl"), "not what was signed"),
    "no manifest": (_drop("manifest.json"), "not what was signed"),
    "no signature": (_drop("manifest.sig"), "not what was signed"),
    "another manifest": (_put("manifest.json", b'{"format":1,"signed_by":"ed25519:00"}'), "not what was signed"),
    "a manifest that is none": (_put("manifest.json", b"[]"), "not what was signed"),
    "a newer form": (_say(format=2, more="x"), "of the form 2, this program reads 1; upgrade it"),
    "a manifest that says more": (_say(more="x"), "not what was signed"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_was_changed_inside_is_refused(made: tuple[Path, str], name: str) -> None:
    path, signed_by = made
    change, said = CHANGED[name]
    with pytest.raises(InvalidInput, match=said) as refused:
        read_archive(repacked(path, change), UNLOCK, signed_by=signed_by)
    assert "\n" not in str(refused.value)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), cut=st.booleans(), byte=st.integers(1, 255))
def test_what_was_altered_or_cut_off_is_refused(made: tuple[Path, str], place: float, cut: bool, byte: int) -> None:
    path, signed_by = made
    content = bytearray(path.read_bytes())
    at = int(place * len(content))
    if cut:
        del content[at:]
    else:
        content[at] ^= byte
    spoilt = path.with_name("spoilt.age")
    spoilt.write_bytes(content)
    with pytest.raises(InvalidInput):
        read_archive(spoilt, UNLOCK, signed_by=signed_by)


def test_what_is_none_or_is_not_there_is_told(tmp_path: Path, made: tuple[Path, str]) -> None:
    _, signed_by = made
    (tmp_path / "none.zip").write_bytes(b"PK")
    with pytest.raises(InvalidInput, match="this is no archive of a handover"):
        read_archive(tmp_path / "none.zip", UNLOCK, signed_by=signed_by)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_archive(tmp_path / "nowhere", UNLOCK, signed_by=signed_by)
    (tmp_path / "bomb.age").write_bytes(LOCK.lock(b"no zip"))
    with pytest.raises(InvalidInput, match="not what was signed"):
        read_archive(tmp_path / "bomb.age", UNLOCK, signed_by=signed_by)
    assert archive.FORMAT == 1
