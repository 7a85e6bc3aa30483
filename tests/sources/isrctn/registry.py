"""A server that behaves as ISRCTN's is described: nothing paged, nothing in order, a count and at most ``limit``."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from tests.sources.registry_server import Fault, Handler, RegistryServer

__all__ = ["IsrctnServer", "trial_xml"]

_WINDOW = re.compile(r"lastEdited GE (\S+) AND lastEdited LT (\S+)$")
_TRIAL = """<fullTrial><trial lastUpdated="{edited}Z" version="3">
<isrctn dateAssigned="2026-01-10T15:56:15.693Z">{number}</isrctn>
<trialDescription><title>{title}</title><scientificTitle>A randomised trial of examplumab in asthma</scientificTitle>
<acronym/><plainEnglishSummary>Background and study aims Asthma makes breathing hard. We want to find out whether
examplumab helps. Who can participate? Adults with asthma. What does the study involve? Two
visits.</plainEnglishSummary>
</trialDescription>
<externalRefs><eudraCTNumber>Nil known</eudraCTNumber><clinicalTrialsGovNumber>{nct}</clinicalTrialsGovNumber>
<secondaryNumbers><secondaryNumber numberType="ctis">2026-500001-11-00</secondaryNumber>
<secondaryNumber numberType="Grant Code">NL1234.001</secondaryNumber></secondaryNumbers></externalRefs>
<trialDesign><primaryStudyDesign>Interventional</primaryStudyDesign><overallEndDate>{ends}T00:00:00.000Z</overallEndDate>
</trialDesign>
<participants><recruitmentCountries><country>United Kingdom</country><country>Ireland</country></recruitmentCountries>
<trialCentres><trialCentre><name>Example Hospital</name><city>Leeds</city><state/><country>United Kingdom</country>
<zip>-</zip></trialCentre></trialCentres>
<participantTypes><participantType>Patient</participantType></participantTypes>
<inclusion>1. Adults 2. Asthma for a year</inclusion><exclusion>1. Smokers</exclusion><ageRange>Adult</ageRange>
<lowerAgeLimit unit="years" value="18.0">18 Years</lowerAgeLimit><gender>All</gender>
<recruitmentStart>{opens}T00:00:00.000Z</recruitmentStart><recruitmentEnd>{closes}T00:00:00.000Z</recruitmentEnd>
<recruitmentStartStatusOverride/><recruitmentStatusOverride>{said}</recruitmentStatusOverride></participants>
<conditions><condition><description>Asthma</description><diseaseClass1>Respiratory</diseaseClass1></condition></conditions>
<interventions><intervention><interventionType>Drug</interventionType><phase>Phase II/III</phase>
<drugNames>Examplumab, placebo</drugNames></intervention></interventions>
<outputs><output outputType="protocolarticle"/></outputs></trial>
<contact><forename>E.</forename><surname>Xample</surname><contactTypes><contactType>Public</contactType></contactTypes>
<contactDetails><telephone>0113 496 0000</telephone><email>trial@example.org</email></contactDetails>
<privacy>Public</privacy></contact>
<contact><forename>P.</forename><surname>Rivate</surname><contactTypes><contactType>Public</contactType></contactTypes>
<contactDetails><telephone>0113 496 0001</telephone></contactDetails><privacy>Private</privacy></contact>
</fullTrial>"""


def trial_xml(
    number: int = 90000001,
    *,
    edited: str = "2026-02-20T10:00:00",
    opens: str = "2026-01-15",
    closes: str = "2026-06-01",
    ends: str = "2027-01-01",
    said: str = "",
    title: str = "Examplumab for people with asthma",
    nct: str = "Nil known",
) -> tuple[str, str]:
    """Return a made-up record, by the moment of its last edit."""
    record = _TRIAL.format(
        edited=edited, number=number, opens=opens, closes=closes, ends=ends, said=said, title=escape(title), nct=nct
    )
    return edited, record


@dataclass(kw_only=True)
class IsrctnServer:
    """``trials`` are records by the moment of their last edit."""

    server: RegistryServer
    trials: list[tuple[str, str]] = field(default_factory=list)

    def serve(self) -> None:
        """Answer everything from now on."""
        self.server.faults.append(Fault(act=self._answer, times=100_000))

    def _answer(self, handler: Handler) -> None:
        request = self.server.requests[-1]
        window = _WINDOW.search(request.params["q"])
        assert window, request.params
        assert request.path == "/query/format/default"
        found = [record for edited, record in self.trials if window[1] <= edited < window[2]]
        random.shuffle(found)
        given = found[: int(request.params.get("limit", "10"))]
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<allTrials totalCount="{len(found)}">{"".join(given)}</allTrials>'
        )
        handler.answer(200, body.encode(), {"Content-Type": "application/xml"})
