"""Vendor and product id out of a subject: Matter 1.4 6.1.1, 6.2.2.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.matter_certificates import CN, IA5, PID, PRINTABLE, SEQUENCE, SET, UTF8, VID, name, tlv

from tfm_sim.tools.matter.commissioner.distinguished_name import (
    DistinguishedNameError,
    Identifiers,
    describe_name,
    read_identifiers,
)

ORGANIZATION = "55040a"


def pair(oid: str, text: bytes, tag: int = UTF8) -> bytes:
    return tlv(SEQUENCE, tlv(6, bytes.fromhex(oid)), tlv(tag, text))


@pytest.mark.parametrize(
    ("subject", "vendor", "product"),
    [
        (name(), None, None),
        (name((CN, "ACME")), None, None),
        (name((VID, "FFF1")), 0xFFF1, None),
        (name((PID, "8004")), None, 0x8004),
        (name((PID, "8004"), (VID, "FFF1")), 0xFFF1, 0x8004),
        (name((VID, "00B1"), (PID, "0000")), 0x00B1, 0),
        (name((VID, "FFF1"), tag=PRINTABLE), 0xFFF1, None),
        (tlv(SEQUENCE, tlv(SET, pair(CN, b"ACME"), pair(VID, b"FFF1"))), 0xFFF1, None),
        # Without the attributes the common name speaks.
        (name((CN, "ACME Mvid:FFF1 Mpid:8004")), 0xFFF1, 0x8004),
        (name((CN, "Mpid:8004Mvid:FFF1")), 0xFFF1, 0x8004),
        (name((CN, "Mvid:FFF1")), 0xFFF1, None),
        (name((CN, "Mpid:00B1,ACME")), None, 0x00B1),
        (name((CN, "Mvid:FFF12")), 0xFFF1, None),
        (name((CN, "mvid:FFF1")), None, None),
        (name((ORGANIZATION, "Mvid:FFF1")), None, None),
        # The leftmost that is whole.
        (name((CN, "Mvid:FFF1 Mvid:FFF2")), 0xFFF1, None),
        (name((CN, "Mvid:fff2 Mvid:FFF1")), 0xFFF1, None),
        (name((CN, "Mvid:Mvid:FFF1")), 0xFFF1, None),
        # Only 64 bytes are looked at.
        (name((CN, "x" * 55 + "Mvid:FFF1")), 0xFFF1, None),
        (name((CN, "x" * 60 + "Mvid:FFF1")), None, None),
        # The first common name that says something.
        (name((CN, "Mvid:FFF1"), (CN, "Mvid:FFF2 Mpid:8004")), 0xFFF1, None),
        (name((CN, "ACME"), (CN, "Mvid:FFF2 Mpid:8004")), 0xFFF2, 0x8004),
        # With an attribute the common name is silent, even where it is wrong.
        (name((CN, "Mvid:FFF2 Mpid:8004"), (VID, "FFF1")), 0xFFF1, None),
        (name((CN, "Mvid:FFF2 Mpid:8004"), (PID, "8005")), None, 0x8005),
        (name((CN, "Mvid:"), (VID, "FFF1")), 0xFFF1, None),
    ],
)
def test_identifiers(subject: bytes, vendor: int | None, product: int | None) -> None:
    assert read_identifiers(subject) == Identifiers(vendor, product)


@pytest.mark.parametrize(
    ("common_name", "ok"),
    [
        ("ACME Matter Devel DAC 5CDA9899 Mvid:FFF1 Mpid:00B1", True),
        ("ACME Matter Devel DAC 5CDA9899 Mpid:00B1 Mvid:FFF1", True),
        ("Mpid:00B1,ACME Matter Devel DAC 5CDA9899,Mvid:FFF1", True),
        ("ACME Matter Devel DAC 5CDA9899 Mvid:FFF1Mpid:00B1", True),
        ("Mvid:FFF1ACME Matter Devel DAC 5CDAMpid:00B19899", True),
        ("ACME Matter Devel DAC 5CDA9899 Mvid:FF1 Mpid:00B1", False),
        ("ACME Matter Devel DAC 5CDA9899 Mvid:fff1 Mpid:00B1", False),
        ("ACME Matter Devel DAC 5CDA9899 Mvid:FFF1 Mpid:B1", False),
        ("ACME Matter Devel DAC 5CDA9899 Mpid: Mvid:FFF1", False),
    ],
)
def test_the_examples_of_the_specification(common_name: str, ok: bool) -> None:
    """Matter 1.4 6.2.2.2, its examples of legal and illegal common names."""
    if ok:
        assert read_identifiers(name((CN, common_name))) == Identifiers(0xFFF1, 0x00B1)
        return
    with pytest.raises(DistinguishedNameError, match="legal: four digits of 0-9 and A-F behind"):
        read_identifiers(name((CN, common_name)))


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        (name((VID, "FFF1"), (VID, "FFF1")), "vendor id 2 times; legal: once"),
        (name((PID, "8004"), (PID, "8005")), "product id 2 times; legal: once"),
        (name((VID, "fff1")), "vendor id 'fff1'; legal: four digits of 0-9 and A-F"),
        (name((VID, "FFF")), "vendor id 'FFF'; legal: four digits of 0-9 and A-F"),
        (name((VID, "FFF1 ")), "vendor id 'FFF1 '; legal: four digits of 0-9 and A-F"),
        (name((VID, "FFF1\n")), "vendor id 'FFF1\\n'; legal: four digits of 0-9 and A-F"),
        (name((PID, "")), "product id ''; legal: four digits of 0-9 and A-F"),
        (name((PID, "80G4")), "product id '80G4'; legal: four digits of 0-9 and A-F"),
        (name((VID, "FFF1"), tag=IA5), "vendor id as tag 0x16; legal: UTF8String or PrintableString"),
        (tlv(SEQUENCE, tlv(SET, pair(VID, b"\xff\xf1", 2))), "vendor id as INTEGER; legal: UTF8String or Pr"),
        (name((CN, "Mvid:")), "common name 'Mvid:'; legal: four digits of 0-9 and A-F behind Mvid:"),
        (name((CN, "Mvid:fff1")), "common name 'Mvid:fff1'; legal: four digits of 0-9 and A-F behind Mvid:"),
        (name((CN, "Mvid:FFF1 Mpid:80")), "common name 'Mvid:FFF1 Mpid:80'; legal: four digits of 0-9 and"),
        (name((CN, "x" * 58 + "Mvid:FFF1")), "common name 'xxx"),
        # What is no name.
        (b"", "no name at offset 0: the data ends there"),
        (tlv(SET), "name at offset 0 is SET; legal: SEQUENCE"),
        (tlv(SEQUENCE, tlv(SET)), "no attribute at offset 4: the data ends there"),
        (tlv(SEQUENCE, pair(VID, b"FFF1")), "relative distinguished name at offset 2 is SEQUENCE; legal: SE"),
        (name() + b"\0", "1 bytes behind name at offset 2; legal: none"),
        (tlv(SEQUENCE, tlv(SET, pair(CN, b"\xff"))), "UTF8String ff at offset 11; legal: UTF-8"),
        (
            tlv(SEQUENCE, tlv(SET, pair(VID, b"FFF1"), pair(CN, b"ACME"))),
            "attribute at offset 24 out of order; legal: ascending",
        ),
    ],
)
def test_names_that_are_refused(subject: bytes, why: str) -> None:
    with pytest.raises(DistinguishedNameError) as refused:
        read_identifiers(subject)
    assert str(refused.value).startswith(why)


def test_a_name_for_a_reader() -> None:
    shown = describe_name(name((CN, "ACME"), (VID, "FFF1"), (PID, "8004"), ("550406", "DE")))
    assert shown == "CN=ACME, VID=FFF1, PID=8004, 2.5.4.6=DE"


@given(st.text(max_size=80))
def test_any_common_name(text: str) -> None:
    """An id is one that stands behind its prefix within the first 64 bytes, or the name is refused."""
    scanned = text.encode()[:64]
    try:
        found = read_identifiers(name((CN, text)))
    except DistinguishedNameError:
        assert b"Mvid:" in scanned or b"Mpid:" in scanned
        return
    for prefix, number in ((b"Mvid:", found.vendor_id), (b"Mpid:", found.product_id)):
        assert (number is None) == (prefix not in scanned)
        assert number is None or prefix + b"%04X" % number in scanned


@given(st.binary(max_size=60))
def test_arbitrary_bytes(subject: bytes) -> None:
    try:
        read_identifiers(subject)
    except DistinguishedNameError as error:
        assert str(error)
