"""ST's factory: keys made in the chip, certificates that its system flash can keep, wrapped exports."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from construct import ConstructError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.stm32_device import BOARD, SECRETS, authority, issue, make_hardware, private_keys, signed

from tfm_sim.interface.stm32.dua_certificate import CertId, certificate_of
from tfm_sim.interface.stm32.key_wrap_engine import RsseBlob, rsse_checksum
from tfm_sim.platform.board import load_board
from tfm_sim.platform.chip_secrets import RssError
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.pka import SECP256R1
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr
from tfm_sim.platform.provisioning import DUMMY
from tfm_sim.platform.stm32_factory import (
    DuaRequest,
    FactoryError,
    export_wrapped_key,
    install_wrapped_key,
    make_dua_keys,
    manufacture,
)

FU, LU = CertId.DUA_USER_FU, CertId.DUA_USER_LU


@pytest.fixture(scope="module")
def made() -> Hardware:
    hardware = make_hardware()
    manufacture(hardware, issue)
    return hardware


def certificates(hardware: Hardware) -> dict[CertId, bytes]:
    pack = hardware.areas["chip_certificates"].read(0, 512)
    return {certificate: certificate_of(certificate, pack) for certificate in CertId}


def test_the_certificate_is_of_the_key_in_the_chip(made: Hardware) -> None:
    for certificate, der in certificates(made).items():
        found = x509.load_der_x509_certificate(der)
        private = int.from_bytes(private_keys(made)[certificate], "big")
        key = ec.derive_private_key(private, ec.SECP256R1()).public_key()
        assert found.public_key() == key
        assert found.signature_hash_algorithm is not None
        authority().public_key().verify(
            found.signature, found.tbs_certificate_bytes, ec.ECDSA(found.signature_hash_algorithm)
        )


def test_what_the_issuer_is_asked() -> None:
    asked: list[DuaRequest] = []

    def issuer(request: DuaRequest) -> bytes:
        asked.append(request)
        return issue(request)

    make_dua_keys(make_hardware(), issuer, year=31)
    assert [request.certificate for request in asked] == [FU, LU]
    for request, number in zip(asked, (1, 2), strict=True):
        assert request.serial[:2] == bytes((number, 31))
        assert len(request.serial) == 10
        assert len(request.public_key) == 65
        assert request.tbs.count(request.public_key) == 1
        assert b"310101000000Z" in request.tbs
        assert b"20610101000000Z" in request.tbs


def test_chips_differ_by_seed_and_a_run_repeats() -> None:
    def of(seed: int) -> tuple[dict[CertId, bytes], bytes]:
        hardware = make_hardware(seed)
        manufacture(hardware, issue)
        return certificates(hardware), bytes(hardware.flash[SECRETS].cells)

    assert of(1) == of(1)
    assert set(of(1)[0].values()).isdisjoint(of(2)[0].values())
    assert of(1)[1][:32] != of(2)[1][:32]  # the root key


def test_no_memory_map_has_the_secrets(made: Hardware) -> None:
    assert SECRETS not in {region.device for region in made.memory.regions}
    description = load_board(BOARD).flash_named(SECRETS)
    assert description.secure_base is None
    assert description.non_secure_base is None


def test_the_root_key_of_a_new_chip_follows_from_its_entropy_and_the_seed() -> None:
    def root(entropy: bytes, seed: int) -> bytes:
        made = Hardware(load_board(BOARD), replace(DUMMY, entropy_seed=entropy), seed)
        return bytes(made.flash[SECRETS].cells[:32])

    first = root(bytes(64), 0)
    assert first == root(bytes(64), 0)
    assert len({first, root(b"\1" * 64, 0), root(bytes(64), 1), b"\xff" * 32}) == 4


def test_a_chip_has_its_keys_once(made: Hardware) -> None:
    before = private_keys(made)
    with pytest.raises(RssError, match="DUA_USER_FU: the chip has this key already; legal: once"):
        make_dua_keys(made, issue)
    assert private_keys(made) == before


def other_name(request: DuaRequest) -> bytes:
    return signed(request.tbs.replace(b"STM32 User", b"STM32 Used"), authority())


def larger_key(request: DuaRequest) -> bytes:
    return signed(request.tbs, ec.derive_private_key(9, ec.SECP384R1()))


def other_key(request: DuaRequest) -> bytes:
    wrong = ec.derive_private_key(1, ec.SECP256R1()).public_key()
    point = wrong.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return signed(request.tbs.replace(request.public_key, point), authority())


def not_minimal(request: DuaRequest) -> bytes:
    """BER: the length of the whole in three octets."""
    der = issue(request)
    return b"\x30\x83\0" + der[2:]


@pytest.mark.parametrize(
    ("issuer", "message"),
    [
        (
            other_name,
            "DUA_USER_FU: the issuer signed something else than it was asked for; legal: DuaRequest",
        ),
        (other_key, "the issuer signed something else"),
        (larger_key, "a signature by a larger key; legal: one of P-256"),
        (lambda request: b"", "the issuer's answer is no certificate"),
        (lambda request: request.tbs, "the issuer's answer is no certificate"),
        (not_minimal, "no certificate|more than DER's one way"),
    ],
)
def test_certificates_that_system_flash_cannot_keep(
    issuer: Callable[[DuaRequest], bytes], message: str
) -> None:
    hardware = make_hardware()
    with pytest.raises(FactoryError, match=message):
        make_dua_keys(hardware, issuer)
    assert hardware.areas["chip_certificates"].read(0, 512) == b"\xff" * 512


def test_the_export_is_wrapped_and_for_signatures(made: Hardware) -> None:
    for certificate in CertId:
        blob = export_wrapped_key(made, certificate)
        parts = RsseBlob.parse(blob)
        assert len(blob) == 0x70
        assert parts.key_size == len(parts.key) == 32
        assert private_keys(made)[certificate] not in (blob, parts.key, parts.key[::-1])
        assert made.chip is not None
        point = made.chip.ccb.public_key(SECP256R1, parts.iv + parts.tag + parts.key, secure=True)
        found = x509.load_der_x509_certificate(certificates(made)[certificate]).public_key()
        assert found.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint) == b"\4" + point


def test_the_blob_is_laid_out_as_the_one_that_st_publishes(made: Hardware) -> None:
    """Header, filler and checksum of the blob in ST's example Initial_Attestation_KWE."""
    blob = export_wrapped_key(made, LU)
    assert blob[:0x0C].hex() == "060001fe2000000002000000"
    assert blob[0x28:0x4C].hex() == "02fefefe01070000" + 28 * "fe"
    assert rsse_checksum(blob[:0x4C] + blob[0x50:]).to_bytes(4, "little") == blob[0x4C:0x50]
    # What the CRC unit of an STM32 says to a word of zero.
    assert rsse_checksum(bytes(4)) == 0xC704DD7B
    assert rsse_checksum(b"\1\0\0\0") == 0xC704DD7B ^ 0x04C11DB7
    altered = bytearray(blob)
    altered[0] ^= 1
    with pytest.raises(ConstructError):
        RsseBlob.parse(bytes(altered))


def test_every_export_has_an_iv_of_its_own(made: Hardware) -> None:
    assert export_wrapped_key(made, LU) != export_wrapped_key(made, LU)


def test_firmware_finds_its_blobs(made: Hardware) -> None:
    first = made.hal.stm32_wrapped_dua_key(FU)
    again = export_wrapped_key(made, LU)
    install_wrapped_key(made, LU, again)
    assert made.hal.stm32_wrapped_dua_key(LU) == again
    assert made.hal.stm32_wrapped_dua_key(FU) == first
    with pytest.raises(FactoryError, match="DUA_USER_LU: a blob of 111 bytes; legal: 112"):
        install_wrapped_key(made, LU, again[:-1])
    with pytest.raises(PlatError, match="certificate 3; legal: 1, 2"):
        made.hal.stm32_wrapped_dua_key(3)


def test_a_chip_without_keys_has_nothing_to_export() -> None:
    hardware = make_hardware()
    with pytest.raises(RssError, match="DUA_USER_LU: the chip has no such key; legal: after ST's factory"):
        export_wrapped_key(hardware, LU)
    with pytest.raises(PlatError, match="DUA_USER_LU: RSSe-KW has exported no blob") as caught:
        hardware.hal.stm32_wrapped_dua_key(LU)
    assert caught.value.reason is TfmPlatErr.UNSUPPORTED


def test_a_board_without_a_ccb() -> None:
    hardware = Hardware(load_board("an521"))
    with pytest.raises(FactoryError, match="board an521: no authentication keys; legal: an STM32 with a CCB"):
        manufacture(hardware, issue)
    with pytest.raises(PlatError, match="the board has no CCB") as caught:
        hardware.hal.HAL_CCB_ECDSA_GenerateWrapPrivateKey(SECP256R1.pack())
    assert caught.value.reason is TfmPlatErr.UNSUPPORTED


def test_a_chip_outlives_its_power(tmp_path: Path) -> None:
    with Hardware(load_board(BOARD), DUMMY, 5, tmp_path / "chip") as first:
        manufacture(first, issue)
        kept, secrets = certificates(first), bytes(first.flash[SECRETS].cells)
        blob = first.hal.stm32_wrapped_dua_key(LU)
    with Hardware(load_board(BOARD), None, 6, tmp_path / "chip") as second:
        assert certificates(second) == kept
        assert bytes(second.flash[SECRETS].cells) == secrets
        parts = RsseBlob.parse(blob)
        blob_key = parts.iv + parts.tag + parts.key
        assert second.hal.HAL_CCB_ECDSA_Sign(SECP256R1.pack(), blob_key, bytes(32))
