"""The other ways in which texts write a name that is in the vocabulary.

All on folded words (see the module ``spelling``), made once when the dictionary of the tagger is built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trialalerts.vocabulary.areas.search import said_otherwise
from trialalerts.vocabulary.spelling import WordFolder
from trialalerts.vocabulary.tagging.proper_names import ALONE, ALONE_WITH_POSSESSIVE

__all__ = ["ORGANS", "STATES", "variants"]

_Key = tuple[str, ...]
_folder = WordFolder()


def _pairs(text: str) -> dict[str, str]:
    """Read "one/other" pairs, folded."""
    pairs = (pair.split("/") for pair in text.split())
    return {_folder[one]: _folder[other] for one, other in pairs}


def _words(text: str) -> frozenset[str]:
    return frozenset(_folder[word] for word in text.split())


_ORGANS = _pairs(
    "hepatic/liver renal/kidney cardiac/heart pulmonary/lung gastric/stomach ovarian/ovary uterine/uterus "
    "pancreatic/pancreas prostatic/prostate colonic/colon rectal/rectum esophageal/esophagus cutaneous/skin "
    "cerebral/brain ocular/eye mammary/breast laryngeal/larynx pharyngeal/pharynx vesical/bladder "
    "testicular/testis splenic/spleen vaginal/vagina vulvar/vulva endometrial/endometrium "
    "thymic/thymus intestinal/intestine spinal/spine nasal/nose oral/mouth dental/tooth retinal/retina corneal/cornea "
    "vascular/vessel muscular/muscle bronchial/bronchus conjunctival/conjunctiva duodenal/duodenum tracheal/trachea"
)
ORGANS = frozenset(_ORGANS) | frozenset(_ORGANS.values())
"""Where a disease may sit, as adjective or noun."""
_NOUNS = {noun: adjective for adjective, noun in _ORGANS.items()}
_TUMOURS = ("cancer", "tumor", _folder["carcinoma"], _folder["neoplasm"])
_HEADS = _words(
    "cancer tumor carcinoma neoplasm disease disorder infection inflammation fracture injury atrophy failure "
    "deficiency stenosis dysplasia malformation abnormality anomaly aplasia hypoplasia obstruction rupture abscess "
    "metastasis thrombosis ulcer dystrophy degeneration"
)
STATES = _pairs(
    "hypertensive/hypertension hypotensive/hypotension asthmatic/asthma epileptic/epilepsy diabetic/diabetes "
    "schizophrenic/schizophrenia psychotic/psychosis anemic/anemia leukemic/leukemia ischemic/ischemia "
    "parkinsonian/parkinsonism obese/obesity septic/sepsis autistic/autism alcoholic/alcoholism "
    "dyskinetic/dyskinesia cirrhotic/cirrhosis hyperglycemic/hyperglycemia hypoglycemic/hypoglycemia "
    "uremic/uremia arthritic/arthritis osteoporotic/osteoporosis tuberculous/tuberculosis edematous/edema "
    "demented/dementia neutropenic/neutropenia thrombocytopenic/thrombocytopenia cataleptic/catalepsy "
    "amnesic/amnesia hemorrhagic/hemorrhage delirious/delirium nephrotic/nephrosis proteinuric/proteinuria "
    "hyperkalemic/hyperkalemia bradycardic/bradycardia tachycardic/tachycardia depressed/depression "
    "depressive/depression atherosclerotic/atherosclerosis arrhythmic/arrhythmia nephrotoxic/nephrotoxicity "
    "hepatotoxic/hepatotoxicity cardiotoxic/cardiotoxicity neurotoxic/neurotoxicity preeclamptic/preeclampsia "
    "hypothyroid/hypothyroidism hyperthyroid/hyperthyroidism"
)
"""Adjectives that say somebody has it. Few are plain: "septic shock" is found first, being longer."""
_STATED = {noun: [one for one, other in STATES.items() if other == noun] for noun in STATES.values()}
_TROUBLES = tuple(_folder[word] for word in ("impairment", "dysfunction", "disturbance", "deficit"))
_DISEASES = _words("disease syndrome")
_LONGEST = 4


def variants(key: _Key) -> Iterator[_Key]:
    """Yield other ways to write ``key``; some may be names of other areas, which then go first."""
    for way in said_otherwise(key):
        yield way
        yield from _stated(way)
    if len(key) > _LONGEST:
        return
    yield from _other_tumours(key)
    for way in (key, *_with_other(key, _ORGANS), *_with_other(key, _NOUNS)):
        if way is not key:
            yield way
            yield from _other_tumours(way)
        yield from _turned(way)
    yield from _had(key)
    yield from _stated(key)
    if len(key) == 2 and key[1] in _DISEASES and (key[0] in ALONE or key[0] in ALONE_WITH_POSSESSIVE):  # noqa: PLR2004
        yield key[:1]


def _with_other(key: _Key, words: Mapping[str, str]) -> Iterator[_Key]:
    if any(word in words for word in key) and len(key) > 1:
        yield tuple(words.get(word, word) for word in key)


def _other_tumours(key: _Key) -> Iterator[_Key]:
    if len(key) > 1 and key[-1] in _TUMOURS:
        beginning = key[:-1]
        for word in _TUMOURS:
            if word != key[-1]:
                yield (*beginning, word)
        yield (*beginning, _folder["malignancy"])
        yield (_folder["malignant"], *beginning, "tumor")


def _turned(key: _Key) -> Iterator[_Key]:
    """Yield "cancer of the breast" for "breast cancer"."""
    if len(key) > 1 and key[-1] in _HEADS and "of" not in key:
        yield (key[-1], "of", *key[:-1])
        yield (key[-1], "of", "the", *key[:-1])
        if key[-1] in _TUMOURS:
            for word in _TUMOURS:
                yield (word, "of", *key[:-1])
                yield (word, "of", "the", *key[:-1])


def _had(key: _Key) -> Iterator[_Key]:
    """Yield "infected with hepatitis B", "protein C deficient", "allergic to peanuts"."""
    beginning = key[:-1]
    if not beginning:
        return
    match key[-1]:
        case "infection":
            yield from (("infection", "with", *beginning), ("infected", "with", *beginning), (*beginning, "infected"))
        case "deficiency":
            yield (*beginning, "deficient")
        case "allergy":
            yield from (("allergy", "to", *beginning), ("allergic", "to", *beginning), (*beginning, "allergic"))
        case _:
            pass


def _stated(key: _Key) -> Iterator[_Key]:
    """Yield "hypertensive" for hypertension, "type 2 diabetic", "memory impairment" for memory disorders."""
    for word in (*_STATED.get(key[-1], ()), *(_TROUBLES if key[-1] == "disorder" and len(key) > 1 else ())):
        yield (*key[:-1], word)
