"""What is tested most, by its name in each language; what is missing here stays English, in quotation marks."""

from __future__ import annotations

__all__ = ["common_name"]

_LANGUAGES = {"de": 0, "fr": 1, "es": 2}
_NAMES = {
    "acupuncture": ("Akupunktur", "acupuncture", "acupuntura"),
    "allergen specific immunotherapy": (
        "spezifische Immuntherapie",
        "immunothérapie allergénique",
        "inmunoterapia con alérgenos",
    ),
    "antibiotic": ("Antibiotika", "antibiotiques", "antibióticos"),
    "antibiotics": ("Antibiotika", "antibiotiques", "antibióticos"),
    "antihistamine": ("Antihistaminika", "antihistaminiques", "antihistamínicos"),
    "antihistamines": ("Antihistaminika", "antihistaminiques", "antihistamínicos"),
    "baked milk": ("gebackene Milch", "lait cuit", "leche horneada"),
    "blood pressure": ("Blutdruck", "tension artérielle", "presión arterial"),
    "botulinum toxin type A": ("Botulinumtoxin Typ A", "toxine botulique de type A", "toxina botulínica tipo A"),
    "bronchoscopy": ("Bronchoskopie", "bronchoscopie", "broncoscopia"),
    "chemotherapy": ("Chemotherapie", "chimiothérapie", "quimioterapia"),
    "cognitive behavioral therapy": (
        "kognitive Verhaltenstherapie",
        "thérapie cognitivo-comportementale",
        "terapia cognitivo-conductual",
    ),
    "computed tomography": ("Computertomografie", "scanner", "tomografía computarizada"),
    "corticosteroids": ("Kortikosteroide", "corticoïdes", "corticoides"),
    "cow's milk": ("Kuhmilch", "lait de vache", "leche de vaca"),
    "education": ("Schulung", "éducation", "educación"),
    "egg": ("Ei", "œuf", "huevo"),
    "exercise": ("Bewegung", "exercice physique", "ejercicio físico"),
    "glucocorticoids": ("Glukokortikoide", "glucocorticoïdes", "glucocorticoides"),
    "immunotherapy": ("Immuntherapie", "immunothérapie", "inmunoterapia"),
    "insulin": ("Insulin", "insuline", "insulina"),
    "intermittent fasting": ("Intervallfasten", "jeûne intermittent", "ayuno intermitente"),
    "magnesium sulfate": ("Magnesiumsulfat", "sulfate de magnésium", "sulfato de magnesio"),
    "magnetic resonance imaging": ("Magnetresonanztomografie (MRT)", "IRM", "resonancia magnética"),
    "melatonin": ("Melatonin", "mélatonine", "melatonina"),
    "milk": ("Milch", "lait", "leche"),
    "oral food challenge": (
        "Nahrungsmittel-Provokationstest",
        "test de provocation orale",
        "prueba de provocación oral",
    ),
    "oral immunotherapy": ("orale Immuntherapie", "immunothérapie orale", "inmunoterapia oral"),
    "oxygen": ("Sauerstoff", "oxygène", "oxígeno"),
    "peanut": ("Erdnuss", "arachide", "cacahuete"),
    "peanuts": ("Erdnüsse", "arachides", "cacahuetes"),
    "peanut immunotherapy": ("Erdnuss-Immuntherapie", "immunothérapie à l’arachide", "inmunoterapia con cacahuete"),
    "physical therapy": ("Physiotherapie", "kinésithérapie", "fisioterapia"),
    "physiotherapy": ("Physiotherapie", "kinésithérapie", "fisioterapia"),
    "polysomnography": ("Schlafuntersuchung im Labor", "polysomnographie", "polisomnografía"),
    "prebiotics": ("Präbiotika", "prébiotiques", "prebióticos"),
    "probiotic": ("Probiotika", "probiotiques", "probióticos"),
    "probiotics": ("Probiotika", "probiotiques", "probióticos"),
    "radiation": ("Bestrahlung", "radiothérapie", "radioterapia"),
    "radiation therapy": ("Strahlentherapie", "radiothérapie", "radioterapia"),
    "radiotherapy": ("Strahlentherapie", "radiothérapie", "radioterapia"),
    "skin prick test": ("Pricktest auf der Haut", "prick-test cutané", "prueba cutánea (prick)"),
    "spirometry": ("Lungenfunktionsmessung", "spirométrie", "espirometría"),
    "sublingual immunotherapy": (
        "Immuntherapie unter der Zunge",
        "immunothérapie sublinguale",
        "inmunoterapia sublingual",
    ),
    "surgery": ("Operation", "chirurgie", "cirugía"),
    "vitamin D": ("Vitamin D", "vitamine D", "vitamina D"),
    "vitamin D3": ("Vitamin D3", "vitamine D3", "vitamina D3"),
    "wheat": ("Weizen", "blé", "trigo"),
    "yoga": ("Yoga", "yoga", "yoga"),
}
_BY_SMALL = {name.lower(): names for name, names in _NAMES.items()}


def common_name(name: str, language: str) -> str | None:
    """Return how an English name of a treatment is called in a language; None where nobody wrote it down."""
    found = _BY_SMALL.get(name.lower())
    return found[_LANGUAGES[language]] if found and language in _LANGUAGES else None
