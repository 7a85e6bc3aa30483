"""The page to leaf through the demo's mails: one file, nothing fetched from elsewhere, no scripts."""

from __future__ import annotations

from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from trialalerts.demo.output import say

__all__ = ["page_server", "serve_page", "write_page"]

_HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; grid-template-columns: minmax(16rem, 22rem) 1fr; min-height: 100vh; }
nav { border-right: 1px solid #8886; padding: 1rem; max-height: 100vh; overflow: auto; position: sticky; top: 0; }
nav h1 { font-size: 1.1rem; margin: 0 0 .25rem; }
nav p { margin: 0 0 1rem; font-size: .85rem; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .5rem; border-radius: .4rem; color: inherit; text-decoration: none; }
nav a:hover, nav a:focus-visible { background: #8883; }
nav small { display: block; opacity: .75; }
main { padding: 1rem 1.5rem; min-width: 0; }
article { display: none; }
article:target, main:not(:has(:target)) article:first-of-type { display: block; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0 0 1rem; font-size: .85rem; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
iframe { width: 100%; height: 75vh; resize: vertical; border: 1px solid #8886; border-radius: .4rem; background: #fff; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #8886; border-radius: .4rem; padding: 1rem; }
h2 { font-size: 1rem; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; max-height: 40vh; border: 0; } }
"""


def write_page(outbox: Path, target: Path, labels: Mapping[str, str]) -> int:
    """Write the page of all mails in ``outbox``, oldest first; return how many there are.

    ``labels`` are address → who that is.
    """
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(outbox.glob("*.eml"))]
    mails.sort(key=lambda mail: (parsedate_to_datetime(mail["Date"]), mail["To"]))
    entries = "\n".join(_entry(number, mail, labels) for number, mail in enumerate(mails, start=1))
    articles = "\n".join(_article(number, mail) for number, mail in enumerate(mails, start=1))
    target.write_text(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>The mails of the demo</title>
<style>{_STYLE}</style>
</head>
<body>
<nav>
<h1>{len(mails)} mails of the demo</h1>
<p>Trials, people and places of work are made up.</p>
<ol>
{entries}
</ol>
</nav>
<main>
{articles}
</main>
</body>
</html>
""",
        encoding="utf-8",
    )
    return len(mails)


def _entry(number: int, mail: EmailMessage, labels: Mapping[str, str]) -> str:
    who = labels.get(mail["To"], mail["To"])
    day = parsedate_to_datetime(mail["Date"])
    return (
        f'<li><a href="#mail-{number}"><strong>{escape(who)}</strong>'
        f"<small>{escape(mail['Subject'])}</small><small>{day:%d %B %Y}</small></a></li>"
    )


def _article(number: int, mail: EmailMessage) -> str:
    headers = "\n".join(f"<dt>{name}</dt><dd>{escape(mail[name])}</dd>" for name in _HEADERS if mail[name])
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    shown = f'<iframe title="The mail" sandbox srcdoc="{escape(html.get_content())}"></iframe>' if html else ""
    plain = f"<h2>As plain text</h2>\n<pre>{escape(text.get_content())}</pre>" if text else ""
    return f'<article id="mail-{number}">\n<dl>\n{headers}\n</dl>\n{shown}\n{plain}\n</article>'


def page_server(page: Path) -> ThreadingHTTPServer:
    """Return a server on 127.0.0.1, at a port that was free, that gives the page at ``/`` and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Give the page."""
            found = self.path.partition("?")[0] == "/"
            body = page.read_bytes() if found else b"There is nothing here"
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "text/html; charset=utf-8" if found else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def serve_page(page: Path) -> None:
    """Serve the page until Ctrl-C."""
    with page_server(page) as server:
        say(f"The mails are at http://127.0.0.1:{server.server_port}/ until you press Ctrl-C.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("")
