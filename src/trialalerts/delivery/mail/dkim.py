"""DKIM: each message signed with every key that is set up (RFC 6376, RFC 8463).

Headers are canonicalised *relaxed*, the body *simple*. A simple body allows a relay no change at all, and none has
a reason to make one: our bodies are 7-bit quoted-printable in lines of at most 76 bytes, no line ends in a blank, and
the last line is never empty by accident. So the body is hashed as it is, where *relaxed* would have to rewrite every
run of blanks in it and cost more than all the rest of the message.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from trialalerts.delivery.mail.message import ascii_domain
from trialalerts.errors import ConfigurationError
from trialalerts.settings import DkimSettings, Settings

__all__ = ["DkimSigner", "public_keys"]

_SIGNED = (
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "reply-to",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "auto-submitted",
    "feedback-id",
    "cfbl-address",
    "cfbl-feedback-id",
)
_SMALLEST_RSA = 2048
_BLANKS = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_BASE64_LINE = 72
_NAMES_ON_A_LINE = 5
_REMEDY = "; a new one: openssl genrsa -out FILE 2048"


class DkimSigner:
    """Signs messages with all keys of ``mail.dkim``; without a key it leaves them as they are.

    One may be shared by threads.
    """

    def __init__(self, keys: Sequence[_Key]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def from_settings(cls, settings: Settings) -> DkimSigner:
        """Read the keys.

        Raises:
            ConfigurationError: a key file cannot be read, or is no key that can sign mail.
        """
        return cls([_key(key) for key in settings.mail.dkim])

    def sign(self, content: bytes) -> bytes:
        """Return the message (CRLF line ends) with a DKIM-Signature before its headers for each key.

        The same message gives the same signatures each time.
        """
        if not self._keys:
            return content
        head, _, body = content.partition(b"\r\n\r\n")
        names, signed = _signed_headers(head)
        shared = f" h={names};\r\n bh={_body_hash(body)};\r\n b=".encode()
        return b"".join((*[_signature(key, shared, signed) for key in self._keys], content))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Key:
    """A key: how its signatures begin (version to selector), and what signs with it."""

    head: bytes
    sign: Callable[[bytes], bytes]


def _key(settings: DkimSettings) -> _Key:
    algorithm, sign = _read(settings)
    domain = ascii_domain(settings.domain)
    head = f"v=1; a={algorithm}; c=relaxed/simple; d={domain};\r\n s={settings.selector};\r\n"
    return _Key(head=head.encode(), sign=sign)


def _signature(key: _Key, shared: bytes, signed: bytes) -> bytes:
    """Return the header of one signature; its own value counts with an empty ``b=``."""
    unsigned = key.head + shared
    own = b"dkim-signature:" + _BLANKS.sub(b" ", unsigned.replace(b"\r\n", b"")).strip()
    written = b64encode(key.sign(signed + own))
    lines = [written[start : start + _BASE64_LINE] for start in range(0, len(written), _BASE64_LINE)]
    return b"DKIM-Signature: " + unsigned + b"\r\n  ".join(lines) + b"\r\n"


def _signed_headers(head: bytes) -> tuple[str, bytes]:
    """Return the names to sign, for ``h=``, and these headers in their relaxed form.

    ``from`` is named once more than it stands there: a second From added on the way breaks the signature.
    """
    found: dict[str, bytes] = {}
    for line in _FOLD.sub(b"", head).split(b"\r\n"):
        name, _, value = line.partition(b":")
        key = name.strip().lower().decode("ascii", "replace")
        found[key] = b"%b:%b\r\n" % (key.encode(), _BLANKS.sub(b" ", value).strip())
    present = [name for name in _SIGNED if name in found]
    named = ["from", *present]
    lines = [":".join(named[start : start + _NAMES_ON_A_LINE]) for start in range(0, len(named), _NAMES_ON_A_LINE)]
    return ":\r\n  ".join(lines), b"".join(found[name] for name in present)


def _body_hash(body: bytes) -> str:
    while body.endswith(b"\r\n\r\n"):
        body = body[:-2]
    return b64encode(sha256(body if body != b"" else b"\r\n").digest()).decode()


def public_keys(key: DkimSettings) -> tuple[str, list[str]]:
    """Return the algorithm of a key (``rsa``, ``ed25519``) and how its public half may stand in the DNS, ours first.

    Raises:
        ConfigurationError: the key file cannot be read, or is no key that can sign mail.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    _read(key)
    public = load_pem_private_key(Path(key.key_file).read_bytes(), password=None)
    if isinstance(public, Ed25519PrivateKey):
        raw = public.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return "ed25519", [b64encode(raw).decode()]
    formats = (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1)  # RFC 6376 and RFC 4871 differ; both are seen
    return "rsa", [b64encode(public.public_key().public_bytes(Encoding.DER, each)).decode() for each in formats]


def _read(key: DkimSettings) -> tuple[str, Callable[[bytes], bytes]]:
    """Return the name of a key's algorithm and what signs with it."""
    # Only who signs waits for these: they take longer to import than all the rest of the room.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    where = f"mail.dkim, {key.key_file}"
    try:
        loaded = load_pem_private_key(Path(key.key_file).read_bytes(), password=None)
    except OSError as error:
        raise ConfigurationError(
            f"{where}: the key file cannot be read ({error.strerror or 'no such file'}){_REMEDY}"
        ) from None
    except TypeError:
        raise ConfigurationError(f"{where}: found a key with a password, expected one without{_REMEDY}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(
            f"{where}: found no private key in PEM, expected an RSA or Ed25519 one{_REMEDY}"
        ) from None
    if isinstance(loaded, Ed25519PrivateKey):
        ed25519 = loaded
        return "ed25519-sha256", lambda content: ed25519.sign(sha256(content).digest())
    if not isinstance(loaded, RSAPrivateKey):
        raise ConfigurationError(f"{where}: found a key of another kind, expected an RSA or Ed25519 one{_REMEDY}")
    if loaded.key_size < _SMALLEST_RSA:
        raise ConfigurationError(
            f"{where}: found an RSA key of {loaded.key_size} bits, expected {_SMALLEST_RSA} or more{_REMEDY}"
        )
    rsa, padding, algorithm = loaded, PKCS1v15(), SHA256()
    return "rsa-sha256", lambda content: rsa.sign(content, padding, algorithm)
