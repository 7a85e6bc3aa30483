"""Names of substances in other languages: an international nonproprietary name ends otherwise in each.

The rules are those by which WHO's lists write one name in several languages. Accents follow no rule, so the commonest
names that bear one stand here.
"""

from __future__ import annotations

import re

__all__ = ["substance"]

_LANGUAGES = ("de", "fr", "es")
_SHAPE = re.compile(
    r"[a-z]{4,}(?:ine|one|ide|ate|ole|ene|ane|xate|platin|statin|parin|formin|mycin|micin|cillin|tecan|vedotin|in|xel)"
)
_NO_SUBSTANCE = frozenset(
    {
        "vaccine",
        "medicine",
        "saline",
        "routine",
        "baseline",
        "machine",
        "genome",
        "oxide",
        "chocolate",
        "seretide",
        "ventolin",
    }
)
_ENDS: dict[str, list[tuple[re.Pattern[str], str]]] = {
    language: [(re.compile(end), own) for end, own in ends]
    for language, ends in {
        "de": [(r"(?<=in|on|id|at|ol|en|an)e$", "")],
        "fr": [(r"(?<=[a-z]{4})in$", "ine")],
        "es": [
            (r"platin$", "platino"),
            (r"(?<=in|on|id)e$", "a"),
            (r"(?<=at|en|an)e$", "o"),
            (r"(?<=ol)e$", ""),
            (r"(?<=[a-z]{4})in$", "ina"),
            (r"ph", "f"),
            (r"th", "t"),
            (r"ch(?=[lr])", "c"),
            (r"y(?=[bcdfglmnprstvxz])", "i"),
            (r"([bcdfglmnpstz])\1", r"\1"),
            (r"(?<=[ae])ina$", "ína"),
        ],
    }.items()
}
_ACCENTS = {
    "de": {"beclomethasone": "beclometason", "cyclosporine": "ciclosporin"},
    "fr": {
        "abiraterone": "abiratérone",
        "apremilast": "aprémilast",
        "beclomethasone": "béclométasone",
        "betamethasone": "bêtaméthasone",
        "budesonide": "budésonide",
        "capecitabine": "capécitabine",
        "cefepime": "céfépime",
        "celecoxib": "célécoxib",
        "cetirizine": "cétirizine",
        "ciclesonide": "ciclésonide",
        "cimetidine": "cimétidine",
        "clemastine": "clémastine",
        "cyclosporine": "ciclosporine",
        "dexamethasone": "dexaméthasone",
        "docetaxel": "docétaxel",
        "droperidol": "dropéridol",
        "epinephrine": "épinéphrine",
        "epirubicin": "épirubicine",
        "eribulin": "éribuline",
        "etoposide": "étoposide",
        "everolimus": "évérolimus",
        "fexofenadine": "fexofénadine",
        "fluorouracil": "fluorouracile",
        "formoterol": "formotérol",
        "glatiramer": "glatiramère",
        "heparin": "héparine",
        "ibuprofen": "ibuprofène",
        "interferon": "interféron",
        "irinotecan": "irinotécan",
        "ketamine": "kétamine",
        "leflunomide": "léflunomide",
        "levocetirizine": "lévocétirizine",
        "levothyroxine": "lévothyroxine",
        "melatonin": "mélatonine",
        "methotrexate": "méthotrexate",
        "methylprednisolone": "méthylprednisolone",
        "metoclopramide": "métoclopramide",
        "metoprolol": "métoprolol",
        "mometasone": "mométasone",
        "montelukast": "montélukast",
        "naproxen": "naproxène",
        "olodaterol": "olodatérol",
        "omeprazole": "oméprazole",
        "paracetamol": "paracétamol",
        "pemetrexed": "pémétrexed",
        "progesterone": "progestérone",
        "salmeterol": "salmétérol",
        "semaglutide": "sémaglutide",
        "temozolomide": "témozolomide",
        "testosterone": "testostérone",
        "topotecan": "topotécan",
        "umeclidinium": "uméclidinium",
        "verapamil": "vérapamil",
        "vilanterol": "vilantérol",
    },
    "es": {
        "cefepime": "cefepima",
        "etoposide": "etopósido",
        "fluorouracil": "fluorouracilo",
        "glatiramer": "glatirámero",
        "ibuprofen": "ibuprofeno",
        "interferon": "interferón",
        "irinotecan": "irinotecán",
        "melphalan": "melfalán",
        "naproxen": "naproxeno",
        "topotecan": "topotecán",
        "verapamil": "verapamilo",
    },
}

_ACIDS = {
    "hydrochloride": ("hydrochlorid", "chlorhydrate", "clorhidrato"),
    "hydrobromide": ("hydrobromid", "bromhydrate", "bromhidrato"),
    "chloride": ("chlorid", "chlorure", "cloruro"),
    "bromide": ("bromid", "bromure", "bromuro"),
    "acetate": ("acetat", "acétate", "acetato"),
    "besylate": ("besilat", "bésilate", "besilato"),
    "carbonate": ("carbonat", "carbonate", "carbonato"),
    "bicarbonate": ("hydrogencarbonat", "bicarbonate", "bicarbonato"),
    "citrate": ("citrat", "citrate", "citrato"),
    "dipropionate": ("dipropionat", "dipropionate", "dipropionato"),
    "fumarate": ("fumarat", "fumarate", "fumarato"),
    "furoate": ("furoat", "furoate", "furoato"),
    "gluconate": ("gluconat", "gluconate", "gluconato"),
    "maleate": ("maleat", "maléate", "maleato"),
    "mesylate": ("mesilat", "mésilate", "mesilato"),
    "oxybate": ("oxybat", "oxybate", "oxibato"),
    "phosphate": ("phosphat", "phosphate", "fosfato"),
    "propionate": ("propionat", "propionate", "propionato"),
    "succinate": ("succinat", "succinate", "succinato"),
    "sulfate": ("sulfat", "sulfate", "sulfato"),
    "sulphate": ("sulfat", "sulfate", "sulfato"),
    "tartrate": ("tartrat", "tartrate", "tartrato"),
    "tosylate": ("tosilat", "tosilate", "tosilato"),
    "valerate": ("valerat", "valérate", "valerato"),
}
"""What a salt's name ends in, in German (one word with the base), French and Spanish (before it)."""
_METALS = {
    "sodium": ("Natrium", "sodium", "sodio", "sodique", "sódic"),
    "potassium": ("Kalium", "potassium", "potasio", "potassique", "potásic"),
    "calcium": ("Calcium", "calcium", "calcio", "calcique", "cálcic"),
    "magnesium": ("Magnesium", "magnésium", "magnesio", "magnésique", "magnésic"),
    "ferrous": ("Eisen", "fer", "hierro", "", ""),
    "lithium": ("Lithium", "lithium", "litio", "", ""),
    "zinc": ("Zink", "zinc", "zinc", "", ""),
}
"""A metal in German, French and Spanish, and how the last two say of a substance that it is the salt with it."""
_GREEK = re.compile(r"([a-z]{6,}[ni]n?) (alpha|beta|gamma|delta|alfa)( ?\d\w?)?")
"""A protein by a Greek letter: “thymosin alpha 1”."""
_SALT = re.compile(r"(?!(?:\w+ed|\w+ous(?<!ferrous)|\w+al|liquid|human|serum|high|with) )([a-z]{4,}) ([a-z]+)")
"""A base and what it is a salt of or with; what is only said of a substance (“buffered”, “oral”) is no base."""
_FRENCH_VOWELS = "aeiouyéèêhâîôœ"


def substance(name: str, language: str) -> str | None:
    """Return how a substance is called in a language; None where its English name stands in it, too.

    >>> substance("dexamethasone", "es"), substance("gemcitabine", "de"), substance("examplumab", "fr")
    ('dexametasona', 'Gemcitabin', None)
    >>> substance("fluticasone propionate", "de"), substance("fluticasone propionate", "fr")
    ('Fluticasonpropionat', 'propionate de fluticasone')
    """
    if language not in _LANGUAGES:
        return None
    if greek := _GREEK.fullmatch(name):
        protein, letter, number = greek[1], greek[2], greek[3] or ""
        own = f"{_word(protein, language)} {letter.replace('alpha', 'alfa') if language == 'es' else letter}{number}"
        return own.capitalize() if language == "de" else own
    if salt := _SALT.fullmatch(name):
        return _salt(salt[1], salt[2], language)
    own = _word(name, language)
    if own == name:
        return None
    return own.capitalize() if language == "de" else own


def _word(name: str, language: str) -> str:
    if written := _ACCENTS[language].get(name):
        return written
    own = name
    if _SHAPE.fullmatch(name) and name not in _NO_SUBSTANCE:
        for end, its in _ENDS[language]:
            own = end.sub(its, own)
    return own


def _salt(base: str, ending: str, language: str) -> str | None:
    """Return a salt's name; None for two words of another kind."""
    at = _LANGUAGES.index(language)
    acid, metal = _ACIDS.get(ending), _METALS.get(ending)
    own = _METALS[base][at] if base in _METALS else _word(base, language)
    if language == "es" and base not in _METALS:
        own = re.sub(r"ium$", "io", own)
    if acid is not None:
        if language == "de":
            return f"{own}{acid[at]}".capitalize()
        joint = "d’" if language == "fr" and own[0] in _FRENCH_VOWELS else "de "
        return f"{acid[at]} {joint}{own}"
    if metal is None or not metal[3] or base in _METALS:
        return None
    if language == "de":
        return f"{own.capitalize()}-{metal[at]}"
    return f"{own} {metal[3]}" if language == "fr" else f"{own} {metal[4]}{'a' if own.endswith('a') else 'o'}"
