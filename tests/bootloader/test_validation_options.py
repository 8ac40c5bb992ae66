"""Build options of MCUboot that change what validation demands: no signatures, a counter with a limit."""

from typing import Any

import pytest
from support.image_builder import (
    ED25519,
    P256,
    P256_OTHER,
    P384,
    RSA_2048,
    ImageParts,
    Signer,
    Tlvs,
    sec_cnt,
)
from support.image_encryption import FOR_EC256, Encrypted
from support.upgrade_bench import MakePorts, boot, upgrade

from tfm_sim.bootloader.config import (
    TFM_KEY_SLOTS,
    Bl2Config,
    Bl2ConfigError,
    HashAlgorithm,
    SignatureType,
)
from tfm_sim.bootloader.keys import key_hash
from tfm_sim.bootloader.ports import PRIMARY
from tfm_sim.interface.mcuboot.tlv import TlvType

GOOD = ImageParts()
HASH, KEYHASH, SIGNATURE = P256.tlvs(GOOD)
UNSIGNED = Bl2Config(unsigned=True, image_number=1)


@pytest.mark.parametrize(
    ("unprotected", "refusal"),
    [
        ([HASH], ""),
        ([HASH, KEYHASH, SIGNATURE], ""),
        ([HASH, *P256_OTHER.tlvs(GOOD)[1:]], ""),
        ([HASH, (0x01, bytes(100)), (0x22, bytes(200))], ""),  # lengths are nobody's business either
        ([KEYHASH, SIGNATURE], "image hash: no SHA256 TLV; every image must carry one"),
        ([(0x10, bytes(32))], "image hash: SHA256 TLV 00"),
    ],
)
def test_without_signatures_the_digest_decides(
    unprotected: Tlvs, refusal: str, make_ports: MakePorts
) -> None:
    """MCUboot without MCUBOOT_SIGN_*: EXPECTED_SIG_TLV is not defined."""
    done = boot(make_ports({(0, PRIMARY): GOOD.with_tlvs(unprotected)}), UNSIGNED)
    assert done.booted is not bool(refusal)
    assert "".join(done.refusals).startswith(refusal)


def test_without_signatures_the_digest_is_sha256_or_sha512(make_ports: MakePorts) -> None:
    for signature_type in SignatureType:
        assert Bl2Config(unsigned=True, signature_type=signature_type).image_hash.size == 32
    assert Bl2Config(unsigned=True, sha512=True).image_hash.size == 64
    done = boot(make_ports({(0, PRIMARY): GOOD.with_tlvs([P384.hash_tlv(GOOD)])}), UNSIGNED)
    assert done.refusals == ["image hash: no SHA256 TLV; every image must carry one"]


def test_unsigned_and_encrypted(make_ports: MakePorts) -> None:
    new = Encrypted(P256, FOR_EC256)
    image = new.image([P256.hash_tlv(new.flagged), FOR_EC256.tlv(new.key)])
    config = Bl2Config(unsigned=True, image_number=1, **FOR_EC256.options())
    assert upgrade(make_ports, image, config).refusals == []


@pytest.mark.parametrize(
    "options",
    [
        {"pure": True, "signature_type": SignatureType.ED25519},
        {"decompression": True},
        {"key_slots": TFM_KEY_SLOTS},
    ],
)
def test_what_is_about_signatures_needs_them(options: dict[str, Any]) -> None:
    with pytest.raises(Bl2ConfigError, match="unsigned with pure signatures, decompression or key slots"):
        Bl2Config(unsigned=True, **options)


@pytest.mark.parametrize(
    ("signer", "refusal"),
    [
        (ED25519, ""),
        (P256, ""),
        (RSA_2048, "signature: an RSA2048_PSS that does not verify by key 0 of the loader"),
    ],
    ids=lambda value: value.signature_type.value if isinstance(value, Signer) else "",
)
def test_sha512_throughout(signer: Signer, refusal: str, make_ports: MakePorts) -> None:
    """MCUBOOT_SHA512: hash TLV, key hash and what is signed; MCUboot's RSA code takes 32 bytes only."""
    algorithm = HashAlgorithm.SHA512
    config = signer.config(sha512=True, measured_boot=False)
    digest = GOOD.digest(algorithm)
    keyhash = (TlvType.KEYHASH, key_hash(signer.encoding, algorithm))
    signature = (config.signature.tlv, signer.sign(digest, algorithm))
    image = GOOD.with_tlvs([(TlvType.SHA512, digest), keyhash, signature])
    done = boot(make_ports({(0, PRIMARY): image}), config)
    assert "".join(done.refusals).startswith(refusal) and done.booted is not bool(refusal)
    wrong_hash = GOOD.with_tlvs([signer.hash_tlv(GOOD), keyhash, signature])
    assert (
        boot(make_ports({(0, PRIMARY): wrong_hash}), config).refusals[0].startswith("image hash: no SHA512")
    )


@pytest.mark.parametrize(("counter", "fits"), [(4, True), (512, True), (513, False), (0xFFFFFFFF, False)])
def test_a_limited_counter_refuses_before_anything_moves(
    counter: int, fits: bool, make_ports: MakePorts
) -> None:
    """OTP counters are unary, of 64 bytes. Without the option the update fails, the image copied by then."""
    image = P256.image(protected=[sec_cnt(counter), GOOD.protected[1]])
    old = P256.image(version=(1, 0, 0, 0), protected=[sec_cnt(4), GOOD.protected[1]])
    limited = upgrade(make_ports, image, P256.config(counter_limited=True), old)
    assert limited.booted
    assert (limited.primary[: len(image)] == image) is fits
    refusal = f"security counter: {counter}, which NV counter BL2_0 cannot hold; wanted one that the counter"
    assert [text[: len(refusal)] for text in limited.refusals] == [] if fits else [refusal]
    plain = upgrade(make_ports, image, P256.config(), old)
    assert plain.booted is fits
    assert plain.primary[: len(image)] == image
