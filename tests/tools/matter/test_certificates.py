"""The rules of DAC, PAI and PAA, each broken alone: Matter 1.4 6.2.2.3 to 6.2.2.5, 6.2.3.1 and RFC 5280."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.matter_certificates import (
    AKID,
    BASIC,
    CA,
    CA_0,
    CA_1,
    CERTIFIES,
    CERTIFIES_SIGNS,
    CN,
    CRITICAL,
    EC_KEY,
    ECDSA_SHA256,
    ECDSA_SHA384,
    NO_CA,
    P256,
    P384,
    PID,
    SEQUENCE,
    SET,
    SIGNS,
    SKID,
    USAGE,
    VID,
    Draft,
    draft,
    extension,
    key_id,
    name,
    point,
    tlv,
)

from tfm_sim.tools.matter.commissioner.certificates import (
    CertificateKind,
    check_chain,
    check_format,
    check_identifiers,
    check_paa_vendor,
    check_same_product,
    check_valid_at,
)
from tfm_sim.tools.matter.commissioner.distinguished_name import Identifiers
from tfm_sim.tools.matter.commissioner.x509 import Certificate, CertificateError, read_certificate

PAA, PAI, DAC = CertificateKind.PAA, CertificateKind.PAI, CertificateKind.DAC
ALL = {kind: read_certificate(draft(kind.value).der()) for kind in CertificateKind}


def ext(kind: CertificateKind, oid: str, value: bytes | None, critical: bytes = b"") -> Draft:
    return draft(kind.value).with_extension(oid, value, critical)


def akid(key: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(0x80, key))


def findings(kind: CertificateKind, made: Draft) -> list[str]:
    certificate = read_certificate(made.der())
    return [str(f) for f in (*check_format(certificate, kind), *check_identifiers(certificate, kind))]


@pytest.mark.parametrize("kind", CertificateKind)
def test_one_that_keeps_every_rule(kind: CertificateKind) -> None:
    assert findings(kind, draft(kind.value)) == []


def test_three_that_are_a_chain() -> None:
    assert list(check_chain(ALL[PAA], ALL[PAI], ALL[DAC])) == []


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        (PAI, ext(PAI, USAGE, CERTIFIES_SIGNS, CRITICAL)),
        (PAA, ext(PAA, USAGE, CERTIFIES_SIGNS, CRITICAL)),
        (PAA, ext(PAA, BASIC, CA, CRITICAL)),
        (PAA, ext(PAA, AKID, None)),
        (PAA, draft("PAA").with_(subject=name((CN, "PAA")))),
        (PAI, draft("PAI").with_(subject=name((VID, "FFF1")))),
        (DAC, ext(DAC, "551d25", tlv(SEQUENCE, tlv(6, bytes.fromhex("2b06010505070302"))))),
        (DAC, ext(DAC, "551d1f", b"\x30\x00")),
        (DAC, draft("DAC").with_(not_before=tlv(0x18, b"20240101000000Z"))),
    ],
)
def test_what_else_is_legal(kind: CertificateKind, made: Draft) -> None:
    assert findings(kind, made) == []


@pytest.mark.parametrize(
    ("kind", "made", "found"),
    [
        (DAC, draft("DAC").with_(version=tlv(0xA0, b"\x02\x01\x01")), "DAC version: v2; legal: v3"),
        (DAC, draft("DAC").with_(version=b""), "DAC version: v1; legal: v3"),
        (DAC, draft("DAC").with_(subject=name((CN, "x" * 200), (VID, "FFF1"), (PID, "8004"))), "DAC size: 6"),
        (PAI, draft("PAI").with_(algorithm=tlv(SEQUENCE, ECDSA_SHA384)), "PAI signature algorithm: 300a06"),
        (PAI, draft("PAI").with_(inner_algorithm=tlv(SEQUENCE, ECDSA_SHA384)), "PAI signature algorithm: 30"),
        (PAI, draft("PAI").with_(algorithm=tlv(SEQUENCE, ECDSA_SHA256, b"\5\0")), "PAI signature algorithm"),
        (DAC, draft("DAC").with_(key_algorithm=tlv(SEQUENCE, EC_KEY, P384)), "DAC public key algorithm: 30"),
        (DAC, draft("DAC").with_(point=b"\x02" + point("DAC")[1:33]), "DAC public key: 33 bytes, 02...; l"),
        (DAC, draft("DAC").with_(point=b"\x04" + bytes(64)), "DAC public key: 65 bytes, 04...; legal: an"),
        (DAC, draft("DAC").with_(point=b"\x05" + point("DAC")[1:]), "DAC public key: 65 bytes, 05...; legal"),
        # Basic constraints.
        (DAC, ext(DAC, BASIC, None), "DAC basic constraints: none; legal: there and critical"),
        (DAC, ext(DAC, BASIC, NO_CA), "DAC basic constraints: not critical; legal: critical"),
        (DAC, ext(DAC, BASIC, CA_0, CRITICAL), "DAC basic constraints: CA true, path length 0; legal: CA"),
        (DAC, ext(DAC, BASIC, b"\x30\x03\x02\x01\x00", CRITICAL), "DAC basic constraints: CA false, path le"),
        (PAI, ext(PAI, BASIC, None), "PAI basic constraints: none; legal: there and critical"),
        (PAI, ext(PAI, BASIC, CA_0), "PAI basic constraints: not critical; legal: critical"),
        (PAI, ext(PAI, BASIC, CA_1, CRITICAL), "PAI basic constraints: CA true, path length 1; legal: CA"),
        (PAI, ext(PAI, BASIC, CA, CRITICAL), "PAI basic constraints: CA true, no path length; legal: CA t"),
        (PAI, ext(PAI, BASIC, b"\x30\x03\x02\x01\x00", CRITICAL), "PAI basic constraints: CA false, path le"),
        (PAI, ext(PAI, BASIC, NO_CA, CRITICAL), "PAI basic constraints: CA false, no path length; legal: CA"),
        (PAA, ext(PAA, BASIC, CA_0, CRITICAL), "PAA basic constraints: CA true, path length 0; legal: CA"),
        (PAA, ext(PAA, BASIC, NO_CA, CRITICAL), "PAA basic constraints: CA false, no path length; legal: CA"),
        # Key usage.
        (DAC, ext(DAC, USAGE, None), "DAC key usage: none; legal: there and critical"),
        (DAC, ext(DAC, USAGE, SIGNS), "DAC key usage: not critical; legal: critical"),
        (DAC, ext(DAC, USAGE, b"\3\2\6\xc0", CRITICAL), "DAC key usage: digitalSignature, nonRepudiation;"),
        (DAC, ext(DAC, USAGE, CERTIFIES, CRITICAL), "DAC key usage: keyCertSign, cRLSign; legal: digitalSig"),
        (DAC, ext(DAC, USAGE, b"\3\1\0", CRITICAL), "DAC key usage: nothing; legal: digitalSignature alone"),
        (PAI, ext(PAI, USAGE, None), "PAI key usage: none; legal: there and critical"),
        (PAI, ext(PAI, USAGE, CERTIFIES), "PAI key usage: not critical; legal: critical"),
        (PAI, ext(PAI, USAGE, b"\3\2\2\x04", CRITICAL), "PAI key usage: keyCertSign; legal: keyCertSign and"),
        (PAI, ext(PAI, USAGE, b"\3\2\1\x02", CRITICAL), "PAI key usage: cRLSign; legal: keyCertSign and cRL"),
        (PAI, ext(PAI, USAGE, b"\3\2\1\x16", CRITICAL), "PAI key usage: dataEncipherment, keyCertSign, cRLS"),
        (PAA, ext(PAA, USAGE, SIGNS, CRITICAL), "PAA key usage: digitalSignature; legal: keyCertSign and"),
        (PAA, ext(PAA, USAGE, b"\3\3\7\x06\x80", CRITICAL), "PAA key usage: keyCertSign, cRLSign, deciphe"),
        # Key identifiers.
        (DAC, ext(DAC, SKID, None), "DAC subject key id: none; legal: 20 bytes"),
        (PAI, ext(PAI, SKID, tlv(4, key_id("PAI")), CRITICAL), "PAI subject key id: critical; legal: not"),
        (PAA, ext(PAA, SKID, tlv(4, bytes(19))), "PAA subject key id: 19 bytes; legal: 20 bytes"),
        (DAC, ext(DAC, AKID, None), "DAC authority key id: none; legal: 20 bytes"),
        (PAI, ext(PAI, AKID, None), "PAI authority key id: none; legal: 20 bytes"),
        (PAI, ext(PAI, AKID, akid(key_id("PAA")), CRITICAL), "PAI authority key id: critical; legal: not"),
        (DAC, ext(DAC, AKID, akid(bytes(21))), "DAC authority key id: 21 bytes; legal: 20 bytes"),
        (DAC, ext(DAC, AKID, b"\x30\x00"), "DAC authority key id: 0 bytes; legal: 20 bytes"),
        # Vendor and product id.
        (DAC, draft("DAC").with_(subject=name((PID, "8004"))), "DAC vendor id: none; legal: exactly one"),
        (DAC, draft("DAC").with_(subject=name((VID, "FFF1"))), "DAC product id: none; legal: exactly one"),
        (PAI, draft("PAI").with_(subject=name((CN, "PAI"))), "PAI vendor id: none; legal: exactly one"),
        (PAA, draft("PAA").with_(subject=name((VID, "FFF1"), (PID, "8004"))), "PAA product id: 0x8004; le"),
        (DAC, draft("DAC").with_(subject=name((VID, "fff1"))), "DAC subject: vendor id 'fff1'; legal: fou"),
    ],
)
def test_format(kind: CertificateKind, made: Draft, found: str) -> None:
    shown = findings(kind, made)
    assert len(shown) == 1
    assert shown[0].startswith(found)


@pytest.mark.parametrize(("size", "found"), [(600, []), (601, ["DAC size: 601 bytes; legal: at most 600"])])
def test_how_long_a_certificate_may_be(size: int, found: list[str]) -> None:
    """Matter 1.4 6.1.3. Signatures differ in length, so the padding is what is left to fill."""
    made = draft("DAC")
    for padding in range(100, 160):
        made = draft("DAC").with_extension("2a0304", bytes(padding))
        if len(made.der()) == size:
            break
    assert len(made.der()) == size
    assert findings(DAC, made) == found


def chain(**changed: Draft) -> list[str]:
    made = {
        kind: read_certificate(changed.get(kind.value, draft(kind.value)).der()) for kind in CertificateKind
    }
    return [str(finding) for finding in check_chain(made[PAA], made[PAI], made[DAC])]


def authority(key: bytes, issuer: bytes, serial: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(0x80, key), tlv(0xA1, tlv(0xA4, issuer)), tlv(0x82, serial))


LATE = tlv(0x17, b"250101000000Z")
EARLY = tlv(0x17, b"231231235959Z")
RFC = name((CN, "PAA"), (VID, "FFF1"))


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"DAC": draft("DAC").with_(signer="PAA")}, ["DAC signature: does not verify; legal: by the key"]),
        ({"PAI": draft("PAI").with_(signer="DAC")}, ["PAI signature: does not verify; legal: by the key"]),
        ({"PAA": draft("PAA").with_(signer="DAC")}, ["PAA signature: does not verify; legal: by the key"]),
        ({"DAC": draft("DAC").with_(issuer=name((CN, "PAJ")))}, ["DAC issuer: CN=PAJ; legal: CN=PAI, VID"]),
        ({"PAI": draft("PAI").with_(issuer=name((CN, "paa"), (VID, "FFF1")))}, ["PAI issuer: CN=paa, VID=F"]),
        # The same name in other octets is another name.
        ({"PAI": draft("PAI").with_(issuer=name((CN, "PAA"), (VID, "FFF1"), tag=0x13))}, ["PAI issuer: 3"]),
        ({"DAC": ext(DAC, AKID, akid(key_id("PAA")))}, ["DAC authority key id: 504141"]),
        ({"PAI": ext(PAI, AKID, akid(key_id("DAC")))}, ["PAI authority key id: 444143"]),
        ({"PAA": ext(PAA, AKID, akid(key_id("DAC")))}, ["PAA authority key id: 444143"]),
        ({"DAC": ext(DAC, AKID, authority(key_id("PAI"), RFC, b"\x12\x34"))}, []),
        ({"DAC": ext(DAC, AKID, authority(key_id("PAI"), RFC, b"\x01"))}, ["DAC authority's serial numbe"]),
        (
            {"DAC": ext(DAC, AKID, authority(key_id("PAI"), name((CN, "B")), b"\x12\x34"))},
            ["DAC authority's issuer: 300c"],
        ),
        ({"PAI": draft("PAI").with_(not_before=LATE)}, ["PAI validity: 2025-01-01 00:00:00 to 9999-12-31"]),
        ({"PAA": draft("PAA").with_(not_before=LATE)}, ["PAA validity: 2025-01-01 00:00:00 to 9999-12-31"]),
        (
            {"PAI": draft("PAI").with_(not_before=EARLY, not_after=EARLY)},
            ["PAI validity: 2023-12-31 23:59:59 to 2023-12-31 23:59:59; legal: it includes the DAC's notB"],
        ),
        ({"PAI": draft("PAI").with_(not_after=tlv(0x17, b"240101000000Z"))}, []),
        ({"DAC": ext(DAC, "2a0304", b"\5\0", CRITICAL)}, ["DAC critical extension: 1.2.3.4; legal: none"]),
        ({"PAI": ext(PAI, "2a0304", b"\5\0", CRITICAL)}, ["PAI critical extension: 1.2.3.4; legal: none"]),
        ({"PAI": ext(PAI, "2a0304", b"\5\0")}, []),
        ({"DAC": ext(DAC, "551d25", tlv(SEQUENCE, tlv(6, b"\x2a\x03")), CRITICAL)}, []),
        # RFC 5280 6.1: a trust anchor's extensions are not processed.
        ({"PAA": ext(PAA, "2a0304", b"\5\0", CRITICAL)}, []),
    ],
)
def test_chain(changed: dict[str, Draft], found: list[str]) -> None:
    shown = chain(**changed)
    assert [text[: len(start)] for text, start in zip(shown, found, strict=True)] == found


@pytest.mark.parametrize(
    ("dac", "pai", "found"),
    [
        ((0xFFF1, 0x8004), (0xFFF1, None), []),
        ((0xFFF1, 0x8004), (0xFFF1, 0x8004), []),
        ((0xFFF2, 0x8004), (0xFFF1, None), ["DAC vendor id: 0xFFF2; legal: 0xFFF1, as the PAI's is"]),
        ((0xFFF1, 0x8004), (None, None), ["DAC vendor id: 0xFFF1; legal: a PAI with one"]),
        ((0xFFF1, 0x8005), (0xFFF1, 0x8004), ["DAC product id: 0x8005; legal: 0x8004, as the PAI's is"]),
        ((0xFFF1, None), (0xFFF1, None), ["DAC product id: none; legal: exactly one"]),
    ],
)
def test_dac_and_pai(
    dac: tuple[int | None, int | None], pai: tuple[int | None, int | None], found: list[str]
) -> None:
    assert [str(f) for f in check_same_product(Identifiers(*dac), Identifiers(*pai))] == found


@pytest.mark.parametrize(
    ("paa", "found"),
    [(None, []), (0xFFF1, []), (0xFFF2, ["PAI vendor id: 0xFFF1; legal: 0xFFF2, as the PAA's is"])],
)
def test_pai_and_paa(paa: int | None, found: list[str]) -> None:
    shown = check_paa_vendor(Identifiers(0xFFF1), Identifiers(paa))
    assert [str(finding) for finding in shown] == found


@pytest.mark.parametrize(
    ("when", "ok"),
    [
        (datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2024, 1, 1, tzinfo=UTC), True),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), True),
    ],
)
def test_validity_includes_its_ends(when: datetime, ok: bool) -> None:
    assert (not list(check_valid_at(ALL[DAC], DAC, when, "now"))) is ok


@pytest.mark.parametrize(("text", "year"), [(b"490101000000Z", 2049), (b"500101000000Z", 1950)])
def test_two_digits_of_a_year(text: bytes, year: int) -> None:
    """RFC 5280 4.1.2.5.1: from 50 on they are of the last century."""
    assert read_certificate(draft("DAC").with_(not_before=tlv(0x17, text)).der()).not_before.year == year


@pytest.mark.parametrize("who", ["PAA", "PAI", "DAC"])
def test_a_key_is_whole_bytes(who: str) -> None:
    """One bit fewer is no point, though that bit is 0 in all three."""
    whole = tlv(3, b"\0", point(who))
    der = draft(who).der().replace(whole, tlv(3, b"\1", point(who)))
    with pytest.raises(CertificateError, match="has 1 unused bits; legal: whole bytes"):
        read_certificate(der)


GOOD = draft("DAC").der()


@pytest.mark.parametrize(
    ("der", "why"),
    [
        (b"", "no certificate at offset 0: the data ends there"),
        (b"\x31\x00", "certificate at offset 0 is SET; legal: SEQUENCE"),
        (b"\x30\x80\x00\x00", "length 80 of certificate at offset 1; legal: definite, shortest form"),
        (b"\x30\x81\x05hello", "length 8105 of certificate at offset 1; legal: definite, shortest form"),
        (GOOD[:-1], "certificate at offset 0 is"),
        (GOOD + b"\0", "1 bytes behind certificate at offset"),
        (draft("DAC").with_(version=tlv(0xA0, b"\2\1\0")).der(), "version 0 at offset 8; legal: 1 (v2), 2"),
        (draft("DAC").with_(serial=b"\x02\x02\x00\x01").der(), "INTEGER 0001 at offset 13; legal: the sho"),
        (draft("DAC").with_(not_before=tlv(0x17, b"2401010000Z")).der(), "UTCTime '2401010000Z' at offset"),
        (draft("DAC").with_(not_before=tlv(0x17, b"241301000000Z")).der(), "time 20241301000000Z at offset"),
        (draft("DAC").with_(not_after=tlv(0x18, b"20240101000000+0")).der(), "GeneralizedTime '2024010100"),
        (draft("DAC").with_(not_after=tlv(0x0C, b"20240101000000Z")).der(), "notAfter at offset"),
        (ext(DAC, USAGE, b"\3\2\0\x80", CRITICAL).der(), "BIT STRING at offset 0 ends with a 0 bit; legal"),
        (ext(DAC, USAGE, b"\3\2\7\xc0", CRITICAL).der(), "BIT STRING at offset 0 ends with 0xc0; legal: u"),
        (ext(DAC, USAGE, SIGNS, tlv(1, b"\0")).der(), "critical FALSE at offset"),
        (ext(DAC, USAGE, SIGNS, tlv(1, b"\1")).der(), "BOOLEAN 01 at offset"),
        (ext(DAC, BASIC, b"\x30\x03\x01\x01\x00", CRITICAL).der(), "basic constraints with cA FALSE; lega"),
        (ext(PAI, BASIC, b"\x30\x06\1\1\xff\2\1\xff", CRITICAL).der(), "path length -1; legal: 0 or more"),
        (draft("DAC").with_(extra=(extension(USAGE, SIGNS),)).der(), "a second extension 2.5.29.15 at off"),
        (draft("DAC").with_(subject=tlv(SEQUENCE, tlv(SET))).der(), "no attribute at offset"),
        (
            ext(DAC, AKID, tlv(SEQUENCE, tlv(0x80, bytes(20)), tlv(0x82, b"\1"))).der(),
            "authority key id with an issuer or a serial number alone; legal: both or neither",
        ),
        (draft("DAC").with_(key_algorithm=tlv(SEQUENCE, tlv(6, b"\x80\x01"), P256)).der(), "OBJECT IDENTI"),
    ],
)
def test_what_is_no_certificate(der: bytes, why: str) -> None:
    with pytest.raises(CertificateError) as refused:
        read_certificate(der)
    assert str(refused.value).startswith(why)


def read_all(der: bytes) -> Certificate | None:
    """All of the reader and the rules: for whatever bytes, an answer or a CertificateError."""
    try:
        certificate = read_certificate(der)
    except CertificateError:
        return None
    for kind in CertificateKind:
        list(map(str, (*check_format(certificate, kind), *check_identifiers(certificate, kind))))
    list(map(str, check_chain(ALL[PAA], ALL[PAI], certificate)))
    list(map(str, check_chain(certificate, certificate, ALL[DAC])))
    return certificate


@settings(max_examples=150)
@given(st.binary(max_size=700))
def test_arbitrary_bytes(der: bytes) -> None:
    assert read_all(der) is None


@settings(max_examples=200)
@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_a_certificate_with_some_bytes_exchanged(at: int, new: bytes, dropped: int) -> None:
    read_all(GOOD[:at] + new + GOOD[at + dropped :])


HUGE = tlv(0x02, b"\x7f" * 3000)
"""More digits than Python makes a text of."""


@pytest.mark.parametrize(
    "der",
    [
        draft("DAC").with_extension(BASIC, tlv(SEQUENCE, tlv(0x01, b"\xff"), HUGE), CRITICAL).der(),
        draft("DAC")
        .with_extension(BASIC, tlv(SEQUENCE, tlv(0x01, b"\xff"), tlv(0x02, b"\x80" * 3000)), CRITICAL)
        .der(),
        draft("DAC").with_(serial=HUGE).der(),
        draft("DAC").with_(version=tlv(0xA0, HUGE)).der(),
        draft("DAC")
        .with_extension(
            AKID, tlv(SEQUENCE, tlv(0xA1, tlv(0xA4, draft("PAI").issuer)), tlv(0x82, b"\x7f" * 3000))
        )
        .der(),
    ],
    ids=["path length", "negative path length", "serial number", "version", "authority's serial number"],
)
def test_numbers_of_thousands_of_digits(der: bytes) -> None:
    read_all(der)


def test_an_object_identifier_of_a_million_bytes_is_no_work() -> None:
    for size in (4000, 1_000_000):
        oid = tlv(0x06, b"\x2a" + b"\xff" * size + b"\x01")
        with pytest.raises(CertificateError, match=r"more than 128 bits|legal: at most 65536"):
            read_certificate(draft("DAC").with_(inner_algorithm=tlv(SEQUENCE, oid)).der())
