"""A list is read in the encoding in which it was written, though nothing in it says which."""

from __future__ import annotations

import codecs

import pytest

from trialalerts.errors import InvalidInput
from trialalerts.subscribers.files.encodings import decode_list

GERMAN = "Adresse;Vorname;Ort\nj@people.example;Jörg;Köln\ng@people.example;Günther Groß;Übach\n"
FRENCH = "Courriel;Prénom;Ville\nz@people.example;Zoé Lefèvre;Besançon\nr@people.example;René;Nîmes\n"
SPANISH = "Correo;Nombre;Ciudad\ni@people.example;Íñigo Núñez;Málaga\na@people.example;Ramón;León\n"
ENGLISH = "email,note\nb@people.example,“can’t come” – café\nc@people.example,£5\n"
NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "cp1252": "Windows-1252", "mac_roman": "Mac Roman"}
NAMES |= {"cp850": "code page 850", "utf-16": "UTF-16", "utf-16-le": "UTF-16-LE", "utf-16-be": "UTF-16-BE"}


@pytest.mark.parametrize("text", [GERMAN, FRENCH, SPANISH], ids=["german", "french", "spanish"])
@pytest.mark.parametrize("codec", NAMES)
def test_what_spreadsheets_write_is_read_as_it_was(codec: str, text: str) -> None:
    decoded = decode_list(text.encode(codec))
    assert (decoded.text, decoded.encoding) == (text, NAMES[codec])
    assert decoded.certain is (codec not in {"cp1252", "mac_roman", "cp850"})


@pytest.mark.parametrize("codec", ["utf-8", "cp1252", "utf-16"])
def test_english_signs_stay_what_they_are(codec: str) -> None:
    assert decode_list(ENGLISH.encode(codec)).text == ENGLISH


def test_a_single_name_is_enough_to_tell_windows_from_a_mac() -> None:
    for codec in ("cp1252", "mac_roman"):
        assert decode_list(f"email\n{'x' * 100}\nMüller\n".encode(codec)).text.endswith("Müller\n")


def test_two_bytes_and_an_empty_file_are_read() -> None:
    assert decode_list(b"").text == ""
    assert decode_list(b"a\n").text == "a\n"
    assert decode_list(codecs.BOM_UTF16_LE).text == ""


def test_one_bad_byte_in_a_file_of_utf_8_is_told_by_its_line_and_nothing_is_misread() -> None:
    content = GERMAN.encode() + "f@people.example;Jürgen;Aa\n".encode("cp1252")
    with pytest.raises(InvalidInput, match="Line 4 is not UTF-8, and the other lines are"):
        decode_list(content)


def test_an_encoding_that_is_named_is_taken_at_its_word() -> None:
    polish = "email;imię\na@people.example;Łukasz\n"
    assert decode_list(polish.encode("iso-8859-2"), "latin2").text == polish
    with pytest.raises(InvalidInput, match="“latin-99” is no encoding"):
        decode_list(b"a", "latin-99")
    with pytest.raises(InvalidInput, match="The file is not utf-8: byte 11"):
        decode_list(b"email;imi\xc4\x99\xf0\n", "utf-8")
