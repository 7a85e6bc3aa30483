"""A real IMAP server for the tests: Debian's Dovecot with a home, users and a port of its own, on loopback."""

from __future__ import annotations

import getpass
import grp
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["INSTALL", "ImapServer", "find_program", "start_server"]

INSTALL = "Dovecot's IMAP server is not installed (Debian: apt-get install --no-install-recommends dovecot-imapd)"
USER, PASSWORD = "bounces", "a-pass:word@x"

_CONFIG = """\
protocols = imap
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_location = maildir:{home}/mail
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 0
first_valid_gid = 0
disable_plaintext_auth = no
auth_failure_delay = 0
ssl = {ssl}
{certificate}
passdb {{
  driver = static
  args = user={login} password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={home}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
"""


def find_program() -> str | None:
    """Return the server's program; None where it is not installed with IMAP."""
    if not Path("/usr/lib/dovecot/imap").exists():
        return None
    return shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass(kw_only=True)
class ImapServer:
    """A running server with one user."""

    home: Path
    port: int
    tls_port: int
    program: str
    run_as: str | None
    process: subprocess.Popen[bytes] | None = None

    def url(self, *, password: str = PASSWORD, folder: str = "INBOX", options: str = "", tls: bool = False) -> str:
        """What ``feedback.mailbox`` says to read it."""
        where = f"localhost:{self.tls_port}" if tls else f"127.0.0.1:{self.port}"
        return f"imap{'s' if tls else ''}://{USER}:{quote(password, safe='')}@{where}/{folder}{options}"

    @contextmanager
    def connection(self, folder: str = "INBOX") -> Iterator[imaplib.IMAP4]:
        """A connection of another mail program, in the folder, which is made where it is not there."""
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=20) as connection:
            connection.login(USER, PASSWORD)
            if folder != "INBOX":
                connection.create(folder)
            connection.select(folder)
            yield connection

    def deliver(self, folder: str, *mails: bytes, when: str | None = None) -> None:
        """Put mails into a folder; ``when`` is an IMAP date in quotes."""
        with self.connection(folder) as connection:
            for mail in mails:
                status, _ = connection.append(folder, "", when or "", mail)
                assert status == "OK"

    def flags(self, folder: str) -> list[bytes]:
        """The flags of each mail in a folder."""
        with self.connection(folder) as connection:
            _, found = connection.fetch("1:*", "(FLAGS)")
            return [each for each in found if isinstance(each, bytes)]

    def start(self) -> None:
        """Start the server and wait until it greets."""
        command = [self.program, "-F", "-c", str(self.home / "dovecot.conf")]
        with (self.home / "out").open("wb") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, cwd=self.home, **self._identity()
            )
        for _ in range(400):
            try:
                imaplib.IMAP4("127.0.0.1", self.port, timeout=20).logout()
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError((self.home / "out").read_text() + self.log()) from None
                # It says nothing when it is ready; asking again after a moment is the way.
                subprocess.run(["sleep", "0.05"], check=True)
            else:
                return
        raise RuntimeError("Dovecot did not start within 20 seconds")

    def _identity(self) -> dict[str, Any]:
        if self.run_as is None:
            return {}
        return {"user": self.run_as, "group": pwd.getpwnam(self.run_as).pw_gid, "extra_groups": []}

    def stop(self) -> None:
        """End the server that was started here."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process = None

    def log(self) -> str:
        """What the server wrote."""
        log = self.home / "log"
        return log.read_text() if log.exists() else ""


def start_server(program: str, *, certificate: bytes, key: bytes) -> ImapServer:
    """Make a home for a server and start it; as root, as an unprivileged user."""
    home = Path(tempfile.mkdtemp(prefix="trialalerts-imap-"))
    user = "nobody" if os.geteuid() == 0 else getpass.getuser()
    account = pwd.getpwnam(user)
    port, tls_port = _free_ports()
    (home / "certificate.pem").write_bytes(certificate)
    (home / "key.pem").write_bytes(key)
    config = _CONFIG.format(
        home=home,
        user=user,
        group=grp.getgrgid(account.pw_gid).gr_name,
        login=USER,
        password=PASSWORD,
        port=port,
        tls_port=tls_port,
        ssl="yes",
        certificate=f"ssl_cert = <{home}/certificate.pem\nssl_key = <{home}/key.pem",
    )
    (home / "dovecot.conf").write_text(config)
    for path in (home, *home.iterdir()):
        os.chown(path, account.pw_uid, account.pw_gid)
    run_as = user if os.geteuid() == 0 else None
    server = ImapServer(home=home, port=port, tls_port=tls_port, program=program, run_as=run_as)
    server.start()
    return server


def _free_ports() -> tuple[int, int]:
    """Return two ports that are free now: Dovecot cannot be told to choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
