"""What a German, French or Spanish text denies is none of its diseases, as in English."""

from __future__ import annotations

import pytest

from trialalerts.vocabulary.tagging.tagger import Tagger

ASTHMA, DIABETES, CANCER, MIGRAINE = "D001249", "D003920", "D009369", "D008881"
FRAMES = {
    "de": "Die neue Studie ist für Frauen und Männer. {}. Wie sie wirkt, wird sich zeigen.",
    "fr": "Une nouvelle étude est ouverte dans le centre pour les femmes. {}. Elle est faite avec des médecins.",
    "es": "El nuevo estudio es para las mujeres con experiencia en el centro. {}. Se hace con los médicos.",
}
DENIED = [
    ("de", "Sie ist für Menschen ohne Diabetes"),
    ("de", "Kein Krebs wurde gefunden"),
    ("de", "Er ist nicht an Asthma erkrankt"),
    ("de", "Teilnehmen kann, wer keine Vorgeschichte von Krebs hat"),
    ("de", "Sie hat weder Asthma noch Diabetes"),
    ("de", "Gesucht sind Personen ohne Asthma, Diabetes oder Krebs"),
    ("de", "Sie leidet nicht unter Migräne"),
    ("de", "Sie ist seit Jahren frei von Krebs"),
    ("de", "Menschen mit Diabetes sind ausgeschlossen"),
    ("de", "Menschen mit Asthma oder Diabetes dürfen nicht teilnehmen"),
    ("de", "Niemals hatten sie Migräne"),
    ("fr", "Elle est ouverte aux personnes sans diabète"),
    ("fr", "Il n'a pas d'asthme"),
    ("fr", "Il n’est pas atteint de diabète"),
    ("fr", "Elle n'a ni asthme ni diabète"),
    ("fr", "L'absence de cancer est demandée"),
    ("fr", "Aucun antécédent de migraine n'est connu"),
    ("fr", "Sans asthme, diabète ou cancer"),
    ("fr", "Les personnes souffrant de diabète sont exclues"),
    ("fr", "Les personnes avec un cancer ne peuvent pas participer"),
    ("es", "Es para personas sin diabetes"),
    ("es", "No tiene cáncer"),
    ("es", "Busca a quienes no padecen asma"),
    ("es", "No tiene ni asma ni diabetes"),
    ("es", "La ausencia de cáncer es necesaria"),
    ("es", "Nunca ha tenido migraña"),
    ("es", "Sin asma, diabetes o cáncer"),
    ("es", "Las personas con diabetes quedan excluidas"),
    ("es", "Las personas con cáncer no pueden participar"),
]
MEANT = [
    ("de", "Sie ist nicht nur für Menschen mit Diabetes", DIABETES),
    ("de", "Ohne Sorgen leben mit Asthma", ASTHMA),
    ("de", "Diabetes ist nicht heilbar", DIABETES),
    ("de", "Asthma ohne Diabetes", ASTHMA),
    ("de", "Kein Mittel gegen Migräne hilft allen", MIGRAINE),
    ("de", "Nie wieder Angst vor Krebs", CANCER),
    ("fr", "Elle n'est pas seulement pour le diabète", DIABETES),
    ("fr", "Sans doute un traitement de l'asthme", ASTHMA),
    ("fr", "Le diabète ne guérit pas", DIABETES),
    ("fr", "Migraine sans aura", MIGRAINE),
    ("es", "No solo es para la diabetes", DIABETES),
    ("es", "Sin duda ayuda en el asma", ASTHMA),
    ("es", "La diabetes no se cura", DIABETES),
    ("es", "Migraña sin aura", MIGRAINE),
]
ALL = {ASTHMA, DIABETES, CANCER, MIGRAINE}


def about(tagger: Tagger, language: str, said: str) -> set[str]:
    return {tag.area_id for tag in tagger.tag(title="", text=FRAMES[language].format(said), language=language)}


@pytest.mark.parametrize(("language", "said"), DENIED, ids=[said for _, said in DENIED])
def test_what_is_denied_is_no_disease_of_the_text(tagger: Tagger, language: str, said: str) -> None:
    assert not ALL & about(tagger, language, said)


@pytest.mark.parametrize(("language", "said", "area"), MEANT, ids=[said for _, said, _ in MEANT])
def test_what_only_stands_near_a_denial_is_a_disease(tagger: Tagger, language: str, said: str, area: str) -> None:
    assert area in about(tagger, language, said)


@pytest.mark.parametrize(
    ("language", "title"),
    [("de", "Für Menschen ohne Diabetes und mit Asthma"), ("fr", "Pour les personnes sans diabète et avec un asthme"),
     ("es", "Para personas sin diabetes y con asma")],
)  # fmt: skip
def test_what_follows_the_denied_one_anew_is_meant(tagger: Tagger, language: str, title: str) -> None:
    found = {tag.area_id for tag in tagger.tag(title=title, text="", language=language)}
    assert ASTHMA in found
    assert DIABETES not in found
