"""The transport that the documentation writes as an example works."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.delivery.provider_desk import BaseDesk, Wrong, as_json
from tests.delivery.provider_servers import Answer, Mail, Request, accounted, envelopes, failing, running, throttled
from trialalerts.delivery import transports
from trialalerts.delivery.transports.providers.channel import ApiTransport

PAGE = Path(__file__).resolve().parents[3] / "docs" / "adding-a-transport.md"


class ExampleDesk(BaseDesk):
    """The provider of the example."""

    scheme = "example"

    def take(self, request: Request) -> Answer:
        """Take one message."""
        given = json.loads(request.body)
        if given["to"] in self.refused:
            raise Wrong(422, {"code": "invalid_recipient"})
        mail = Mail(
            recipient=given["to"],
            sender=given["from"],
            subject=given["subject"],
            text=given["text"],
            html=given["html"],
            message_id=given["headers"].pop("Message-ID"),
            metadata=given["metadata"],
            headers=given["headers"],
            provider_id=str(uuid4()),
        )
        self.mails.append(mail)
        return as_json(200, {"id": mail.provider_id})


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as the page has it."""
    found = re.search(r'```python\n("""The transport through Example Mail.*?)```', PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    module = ModuleType("example_of_the_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(found[1], str(PAGE), "exec"), module.__dict__)  # noqa: S102 - it is our own page
    return module


def test_the_example_of_the_page_keeps_the_promises(example: ModuleType) -> None:
    desk = ExampleDesk()
    desk.refused["reader2@example.org"] = "invalid"
    with running(desk, failing(500, obeyed=True), failing(200, b"?", obeyed=True)) as server:
        transport = example.open_url(urlsplit(desk.url(server.root)))
        assert isinstance(transport, ApiTransport)
        channel = transport.open()
        sent = envelopes(5)
        outcomes = [channel.send([sent[index]])[0] for index in (2, 3, 0, 1)]
        server.faults.append(throttled({"Retry-After": "9"}))
        outcomes += channel.send([sent[4]])
        channel.close()
    found = accounted(outcomes, [sent[index] for index in (2, 3, 0, 1, 4)], desk)
    assert found == {"unknown": 2, "accepted": 1, "refused": 1, "unsent": 1}
    assert {mail.message_id for mail in desk.mails} == {sent[index].message.message_id for index in (0, 2, 3)}


def test_every_scheme_of_the_page_opens_and_every_transport_stands_there() -> None:
    text = PAGE.read_text("utf-8")
    urls = re.findall(r'^url = "([^"]+)"', text, re.MULTILINE)
    assert {transports.open_transport(url).name for url in urls} >= {"ses", "sendgrid", "mailgun", "failover"}
    for scheme in set(transports._SCHEMES) - {"memory"}:
        assert f"`{scheme}://`" in text
