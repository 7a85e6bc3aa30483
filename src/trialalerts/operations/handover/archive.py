"""The archive of a handover: files in a zip, signed, in an age file that only the receiver can open.

Its manifest names each file with its checksum and number of lines; the signature stands over the manifest. All of it is
checked before anything of it is read.
"""

from __future__ import annotations

import importlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, ValidationError

from trialalerts.errors import ConfigurationError, InvalidInput
from trialalerts.files import create_private, make_folder
from trialalerts.subscribers.tokens import keyed_digest, required_secret

__all__ = ["FORMAT", "Archive", "ArchiveKey", "FileSum", "Manifest", "read_archive", "signer_of", "write_archive"]

FORMAT = 1
"""The form of an archive; a newer one is refused."""
LEAST_PASSPHRASE = 16
_CONTEXT = b"trialalerts handover 1\n"
_MANIFEST, _SIGNATURE = "manifest.json", "manifest.sig"
_PREFIX = "ed25519:"
_MAGIC = b"age-encryption.org/"
_AT_MOST = 4_000_000_000
"""Bytes that an archive may have when it is unpacked."""


class FileSum(BaseModel):
    """What a file of an archive must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    lines: int


class Manifest(BaseModel):
    """What an archive is: from whom, for whom, of when, and what is in it.

    ``suppression_keys`` are what the hashes of its suppressions were made with; nothing was ever signed with them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    giver: str
    receiver: str
    announced_for: date
    made_at: datetime
    signed_by: str
    suppression_keys: list[str]
    files: dict[str, FileSum]


@dataclass(frozen=True, kw_only=True)
class Archive:
    """An archive that was verified: its manifest, and its files by their names."""

    manifest: Manifest
    files: Mapping[str, bytes]

    def lines(self, name: str) -> list[Any]:
        """Return the values of a file of JSON lines."""
        return [orjson.loads(line) for line in self.files[name].splitlines()]


@dataclass(frozen=True, kw_only=True)
class ArchiveKey:
    """What locks or opens an archive: a passphrase, or else keys of age (``age1…`` locks, ``AGE-SECRET-KEY-1…`` opens).

    Raises:
        InvalidInput: the passphrase is short, or the key is none.
        ConfigurationError: pyrage is not installed.
    """

    passphrase: str = ""
    age_key: str = ""

    def __post_init__(self) -> None:
        _age()
        if not self.age_key and len(self.passphrase) < LEAST_PASSPHRASE:
            raise InvalidInput(
                f"The passphrase has {len(self.passphrase)} characters; agree on one of at least {LEAST_PASSPHRASE}"
            )

    def lock(self, content: bytes) -> bytes:
        """Return the content as only the receiver can read it."""
        age = _age()
        if not self.age_key:
            return bytes(age.passphrase.encrypt(content, self.passphrase))
        try:
            recipient = age.x25519.Recipient.from_str(self.age_key)
        except age.RecipientError:
            raise InvalidInput("--recipient: this is no public key of age; it begins with age1") from None
        return bytes(age.encrypt(content, [recipient]))

    def open(self, content: bytes, name: str) -> bytes:
        """Return what was locked.

        Raises:
            InvalidInput: it cannot be opened.
        """
        age = _age()
        try:
            if not self.age_key:
                return bytes(age.passphrase.decrypt(content, self.passphrase))
            return bytes(age.decrypt(content, [age.x25519.Identity.from_str(self.age_key)]))
        except age.IdentityError:
            raise InvalidInput("--identity: this is no secret key of age; it begins with AGE-SECRET-KEY-1") from None
        except age.DecryptError:
            raise InvalidInput(
                f"{name}: cannot be opened: the passphrase or key is another one, or the file was altered or cut off"
            ) from None


def signer_of(secret: str) -> Ed25519PrivateKey:
    """Return the key with which an installation signs its archives: always the same, and nobody learns the secret."""
    return Ed25519PrivateKey.from_private_bytes(
        keyed_digest(required_secret(secret).encode(), b"trialalerts.handover.signature")
    )


def public_name(signer: Ed25519PrivateKey) -> str:
    """Return the public half of a key as people pass it on."""
    return _PREFIX + signer.public_key().public_bytes_raw().hex()


def write_archive(
    path: Path,
    files: Mapping[str, bytes],
    *,
    giver: str,
    receiver: str,
    announced_for: date,
    suppression_keys: list[str],
    signer: Ed25519PrivateKey,
    key: ArchiveKey,
    now: datetime,
) -> Manifest:
    """Write an archive to a file that nobody else on the machine may read, whole or not at all.

    Raises:
        InvalidInput: the file is there already, or cannot be written.
    """
    if path.exists():
        raise InvalidInput(f"{path}: there is such a file already; name another one")
    manifest = Manifest(
        giver=giver,
        receiver=receiver,
        announced_for=announced_for,
        made_at=now,
        signed_by=public_name(signer),
        suppression_keys=suppression_keys,
        files={name: _sum(content) for name, content in files.items()},
    )
    head = orjson.dumps(manifest.model_dump(mode="json"), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in {_MANIFEST: head, _SIGNATURE: signer.sign(_CONTEXT + head), **files}.items():
            written.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    locked = key.lock(packed.getvalue())
    part = path.with_name(f"{path.name}.part")
    try:
        make_folder(path.parent)
        create_private(part)
        part.write_bytes(locked)
        part.replace(path)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return manifest


def read_archive(path: Path, key: ArchiveKey, *, signed_by: str) -> Archive:
    """Read and verify an archive.

    Args:
        path: the file.
        key: opens it.
        signed_by: whose it must be: what the giver's export printed; empty: nobody said.

    Raises:
        InvalidInput: it is none, cannot be opened, was altered, is not theirs, or is of a newer form.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path}: the file cannot be read: {error.strerror}") from None
    if not content.startswith(_MAGIC):
        raise InvalidInput(
            f"{path}: this is no archive of a handover; one is written by: trialalerts service export FILE"
        )
    files = _unpacked(key.open(content, str(path)), path)
    head, signature = files.pop(_MANIFEST, b""), files.pop(_SIGNATURE, b"")
    try:
        said = orjson.loads(head)
        form, signer = int(said["format"]), str(said["signed_by"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise _altered(path) from None
    if form > FORMAT:
        raise InvalidInput(
            f"{path}: the archive is of the form {form}, this program reads {FORMAT}; upgrade it, then import again"
        )
    _require_signature(path, head, signature, signer)
    if signer != signed_by.strip():
        raise InvalidInput(
            f"{path}: the archive is signed by {signer}; ask the giving organisation whether that is theirs "
            f"(their export printed it), then say: --signed-by {signer}"
        )
    try:
        manifest = Manifest.model_validate(said)
    except ValidationError:
        raise _altered(path) from None
    if manifest.files != {name: _sum(each) for name, each in files.items()}:
        raise _altered(path)
    return Archive(manifest=manifest, files=files)


def _require_signature(path: Path, head: bytes, signature: bytes, signer: str) -> None:
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer.removeprefix(_PREFIX)))
        public.verify(signature, _CONTEXT + head)
    except (InvalidSignature, ValueError):
        raise _altered(path) from None


def _unpacked(content: bytes, path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(each.file_size for each in packed.infolist()) > _AT_MOST:
                raise InvalidInput(f"{path}: unpacked it has more than {_AT_MOST:,} bytes")
            return {name: packed.read(name) for name in packed.namelist()}
    except (zipfile.BadZipFile, EOFError, NotImplementedError):
        raise _altered(path) from None


def _altered(path: Path) -> InvalidInput:
    return InvalidInput(f"{path}: what is in it is not what was signed; ask for the archive once more")


def _sum(content: bytes) -> FileSum:
    return FileSum(sha256=sha256(content).hexdigest(), lines=content.count(b"\n"))


def _age() -> Any:
    try:
        return importlib.import_module("pyrage")
    except ImportError:
        raise ConfigurationError(
            "service export and import need pyrage, which is not installed; run: pip install 'trialalerts[handover]'"
        ) from None
