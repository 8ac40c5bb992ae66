"""BL1_2: decryption, signatures, measurement, security counter and the choice of image."""

# ruff: noqa: E501 - tables of one line a case

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bl1_bench import (
    CODE,
    EC_384_KEY,
    EC_KEY,
    MEMORY,
    OTP,
    Bl1Bench,
    bl2,
    lms_key,
    with_bytes,
)

from tfm_sim.bootloader.bl1_config import (
    Bl1Config,
    Bl1ConfigError,
    Bl1Curve,
    Bl1KeyPolicy,
    Bl1KeyType,
    Bl1Signer,
)
from tfm_sim.bootloader.bl1_events import Bl2CounterCompared, Bl2ImageChosen, Bl2SignatureExamined
from tfm_sim.bootloader.bl1_image import Bl2ImageError, Bl2ImageLayout, ImageSignature
from tfm_sim.bootloader.bl1_kdf import crypt_bl2
from tfm_sim.bootloader.config import HashAlgorithm
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.interface.mcuboot.image import ImageVersion
from tfm_sim.interface.tfm.boot_measurement import MeasurementMetadata
from tfm_sim.interface.tfm.boot_status import decode_area
from tfm_sim.platform.provisioning import DUMMY

LAYOUT = Bl1Config().image_layout(MEMORY.bl2_code_size)
GOOD = bl2()
PLAIN_CONFIG = Bl1Config(image_encryption=False)
COUNTER_AT = LAYOUT.protected_offset + 8
ROTPK_HASH = hashlib.sha256(DUMMY.bl1_rotpks[0]).digest()


def refusals(bench: Bl1Bench) -> list[str]:
    with pytest.raises(BootRefused) as caught:
        bench.run_bl1_2()
    return [str(refusal) for refusal in caught.value.refusals]


# TF-M image_layout_bl1_2.h: 16 + (1452 + 4) + 8 + 4 + 4 bytes in front of the code.
def test_the_layout_of_tfms_default_build() -> None:
    assert (LAYOUT.protected_offset, LAYOUT.header_size) == (1472, 1488)
    assert LAYOUT.size == 1488 + 0x100 == len(GOOD)
    assert GOOD[:16] == bytes(range(12)) + bytes(4)
    assert GOOD[1468:1472] == (1452).to_bytes(4, "little")
    assert GOOD[1472:1484] == bytes([1, 9, 0, 0, 0, 0, 0, 0]) + b"\x01\0\0\0"
    assert LAYOUT.encode(LAYOUT.decode(GOOD)) == GOOD


@pytest.mark.parametrize(
    "signers, encryption, embed, header",
    [(1, True, False, 1488), (1, False, False, 1468), (2, True, False, 2944), (2, True, True, 3192)],
)
def test_the_layout_follows_the_build(signers: int, encryption: bool, embed: bool, header: int) -> None:
    assert Bl2ImageLayout(16, signers, encryption, embed).header_size == header


def test_a_header_has_a_limit() -> None:
    with pytest.raises(Bl2ImageError, match="legal: up to 0xd00"):
        Bl2ImageLayout(16, 3)


def test_bl2_runs_from_ram_in_plain() -> None:
    bench = Bl1Bench.make(GOOD)
    outcome = bench.run_bl1_2()
    assert (outcome.image, outcome.version, outcome.security_counter) == (0, ImageVersion(1, 9, 0, 0), 1)
    assert bench.ports.memory.read(MEMORY.bl2_code, len(CODE)) == CODE
    assert bench.rules == [
        "bl1_2_select_image",
        "bl1_image_copy_to_sram",
        "copy_and_decrypt_image",
        "validate_image_signature",
        "boot_store_measurement",
        "boot_store_measurement",
        "is_image_security_counter_valid",
        "boot_platform_start_next_image",
    ]
    assert bench.log == [
        "[INF] Starting TF-M BL1_2",
        "[INF] Attempting to boot image 0",
        "[INF] BL2 image decrypted successfully",
        "[INF] BL2 image validated successfully",
        "[INF] Jumping to BL2",
    ]


def test_slot_1_is_the_plain_protected_values_signed_by_the_rotpk() -> None:
    bench = Bl1Bench.make(GOOD)
    outcome = bench.run_bl1_2()
    plain = GOOD[1472:1484] + bytes.fromhex("efbeadde") + CODE.ljust(0x100, b"\0")
    metadata, value = decode_area(bench.shared())
    assert (metadata.tlv_type, value.tlv_type) == (0x304A, 0x304B)
    assert value.data == outcome.measurement == hashlib.sha256(plain).digest()
    assert MeasurementMetadata.decode(metadata.data) == MeasurementMetadata(
        0x02000009, ROTPK_HASH.ljust(64, b"\0"), 48, b"BL2", ImageVersion(1, 9, 0, 0)
    )


def test_the_signer_id_may_have_its_own_size() -> None:
    bench = Bl1Bench.make(GOOD, config=Bl1Config(signer_id_of_buffer_size=False))
    bench.run_bl1_2()
    assert MeasurementMetadata.decode(decode_area(bench.shared())[0].data).signer_id_size == 32


def test_without_measured_boot_the_area_stays_clear() -> None:
    bench = Bl1Bench.make(GOOD, config=Bl1Config(measured_boot=False))
    bench.run_bl1_2()
    assert bench.shared() == b""


@pytest.mark.parametrize(
    "image, rule, message",
    [
        (b"", "copy_and_decrypt_image", "security counter: found 4294967295; decryption takes less than 1024"),
        (bl2(counter=1024), "copy_and_decrypt_image", "security counter: found 1024; decryption takes less than"),
        (with_bytes(GOOD, {0: b"\xff"}), "copy_and_decrypt_image", "wanted 0xdeadbeef"),
        (with_bytes(GOOD, {COUNTER_AT: b"\x02"}), "copy_and_decrypt_image", "decryption magic: found 0x"),
        (bl2(encryption_key=bytes(32)), "copy_and_decrypt_image", "decryption magic: found 0x"),
        (with_bytes(GOOD, {LAYOUT.protected_offset: b"\x02"}), "validate_image_signature", "a path to another root"),
        (with_bytes(GOOD, {len(GOOD) - 1: b"\xff"}), "validate_image_signature", "LMS signature by BL1_ROTPK_0"),
        (with_bytes(GOOD, {1468: b"\xad\x05"}), "validate_image_signature", "signature: found length 1453; wanted at most 1452"),
        (with_bytes(GOOD, {1468: b"\xab\x05"}), "validate_image_signature", "1451 bytes; wanted 1452"),
        (with_bytes(GOOD, {1468: b"\0\0"}), "validate_image_signature", "LMS signature by BL1_ROTPK_0: found 0 bytes"),
        (with_bytes(GOOD, {16: b"\0\0\x04\0"}), "validate_image_signature", "leaf 1024; a tree of height 10 has 1024"),
        (with_bytes(GOOD, {20: b"\0\0\0\3"}), "validate_image_signature", "one-time type 0x3; the public key has 0x4"),
        (with_bytes(GOOD, {100: b"\0\0\0\0"}), "validate_image_signature", "a path to another root"),
    ],
)  # fmt: skip
def test_an_image_is_refused_by_the_rule_it_breaks(image: bytes, rule: str, message: str) -> None:
    bench = Bl1Bench.make(image)
    first, second = refusals(bench)
    assert first.startswith("BL1_2 refused the BL2 image in the primary slot at 0x10000000\n  ")
    assert message in first
    assert second.startswith("BL1_2 refused the BL2 image in the secondary slot at 0x10002000\n")
    assert rule in bench.rules
    assert bench.log[-1] == "[ERR] Fatal boot error"


@pytest.mark.parametrize("at", [*range(0, len(GOOD), 97), 1472, 1480, 1484, 1488, len(GOOD) - 1])
def test_one_bit_anywhere_is_refused(at: int) -> None:
    bench = Bl1Bench.make(with_bytes(GOOD, {at: bytes([GOOD[at] ^ 1])}))
    assert len(refusals(bench)) == 2


def test_code_padding_counts_too() -> None:
    assert "path to another root" in refusals(Bl1Bench.make(with_bytes(GOOD, {len(GOOD) - 4: b"1"})))[0]


@pytest.mark.parametrize(
    "stored, found, boots", [(0, 0, True), (1, 1, True), (1, 2, True), (2, 1, False), (128, 127, False)]
)
def test_the_counter_must_not_be_below_the_devices(stored: int, found: int, boots: bool) -> None:
    bench = Bl1Bench.make(bl2(counter=found), counter=stored)
    if boots:
        assert bench.run_bl1_2().security_counter == found
    else:
        assert (
            f"security counter: found {found}, the device's NV counter BL1_0 is at {stored}"
            in refusals(bench)[0]
        )
    compared = [e for e in bench.events if isinstance(e, Bl2CounterCompared)]
    assert [(e.found, e.stored) for e in compared][:1] == [(found, stored)]
    assert bench.ports.nv_counters.read(7) == stored  # nothing in BL1 raises it


def test_the_other_image_is_tried() -> None:
    bench = Bl1Bench.make(with_bytes(GOOD, {0: b"\xff"}), bl2(version=ImageVersion(2, 0, 0)))
    outcome = bench.run_bl1_2()
    assert (outcome.image, outcome.version.major) == (1, 2)
    assert [e.image for e in bench.events if isinstance(e, Bl2ImageChosen)] == [0, 1]
    assert [e.rule for e in bench.events if isinstance(e, Bl2ImageChosen)] == [
        "bl1_2_select_image",
        "bl1_2_rollback_image",
    ]


def test_the_primary_image_comes_first_whatever_its_version() -> None:
    assert Bl1Bench.make(GOOD, bl2(version=ImageVersion(9, 0, 0))).run_bl1_2().image == 0


def test_an_image_refused_for_its_counter_has_taken_the_measurement_slot() -> None:
    # Measured before the counter is compared: the other image cannot be measured any more.
    good = bl2(counter=3)
    bench = Bl1Bench.make(bl2(counter=1), good, counter=2)
    first, second = refusals(bench)
    assert "NV counter BL1_0 is at 2" in first
    assert "boot measurement: found a second entry 0x304a" in second
    assert (
        Bl1Bench.make(bl2(counter=1), good, counter=2, config=Bl1Config(measured_boot=False))
        .run_bl1_2()
        .image
        == 1
    )


def test_the_recovery_hook_tries_both_again() -> None:
    def recover(_: int) -> bool:
        area = bench.ports.bl2_images[1]
        area.erase(0, area.size)
        area.write(0, GOOD)
        return True

    bench = Bl1Bench.make(config=Bl1Config(recovery=recover))
    assert bench.run_bl1_2().image == 1
    assert [e.image for e in bench.events if isinstance(e, Bl2ImageChosen)] == [0, 1, 0, 1]


def test_an_image_larger_than_its_slot() -> None:
    bench = Bl1Bench.make()
    bench.ports = replace(bench.ports, layout=replace(MEMORY, bl2_code_size=0x2000))
    assert "image size: found 0x25d0 bytes; the slot has 0x2000" in refusals(bench)[0]


def test_without_encryption_no_magic_and_no_bound() -> None:
    image = bl2(PLAIN_CONFIG, counter=5000)
    bench = Bl1Bench.make(image, config=PLAIN_CONFIG)
    assert bench.run_bl1_2().security_counter == 5000
    assert image[-0x100 : -0x100 + len(CODE)] == CODE
    assert "copy_and_decrypt_image" not in bench.rules


def test_the_counter_block_runs_over_the_magic_and_the_code() -> None:
    plain = crypt_bl2(DUMMY.bl2_encryption_key, 1, GOOD[:16], GOOD[1484:])
    assert plain == bytes.fromhex("efbeadde") + CODE.ljust(0x100, b"\0")


SPKI = EC_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
SPKI_384 = EC_384_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
POINT = EC_KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
ECDSA = Bl1Signer(Bl1KeyType.ECDSA)
EMBEDDED = Bl1Config(signers=(ECDSA,), embed_rotpk=True)
EMBEDDED_384 = Bl1Config(
    signers=(Bl1Signer(Bl1KeyType.ECDSA, hash=HashAlgorithm.SHA384),),
    embed_rotpk=True,
    ecdsa_curve=Bl1Curve.P384,
)
RAW = Bl1Config(signers=(ECDSA,))


@pytest.mark.parametrize(
    "config, key, rotpk, size",
    [
        pytest.param(EMBEDDED, EC_KEY, hashlib.sha256(SPKI).digest(), 32, id="P-256 key in the image"),
        pytest.param(EMBEDDED_384, EC_384_KEY, hashlib.sha384(SPKI_384).digest(), 48, id="P-384 key in the image"),
        pytest.param(RAW, EC_KEY, POINT, 65, id="P-256 point in OTP"),
        pytest.param(
            Bl1Config(embed_rotpk=True), None, hashlib.sha256(DUMMY.bl1_rotpks[0]).digest(), 32, id="LMS key in the image"
        ),
    ],
)  # fmt: skip
def test_other_kinds_of_signers(config: Bl1Config, key: None, rotpk: bytes, size: int) -> None:
    image = bl2(config, keys=None if key is None else [key])
    otp, values = replace(OTP, bl1_rotpk_size=size), replace(DUMMY, bl1_rotpks=(rotpk,))
    bench = Bl1Bench.make(image, config=config, values=values, otp=otp)
    bench.run_bl1_2()
    broken = with_bytes(image, {len(image) - 1: b"\xff"})
    assert len(refusals(Bl1Bench.make(broken, config=config, values=values, otp=otp))) == 2


ROTPK_AT = 16  # in front: the counter block; behind: 120 bytes of key, its length, the signature
SIG_AT = ROTPK_AT + 124


@pytest.mark.parametrize(
    "changes, message",
    [
        ({ROTPK_AT + 120: b"\x79"}, "ROTPK in the image: found length 121; wanted at most 120"),
        ({ROTPK_AT + 120: b"\x5a"}, "ROTPK in the image: found hash "),
        ({ROTPK_AT + 50: b"\0\0"}, "ROTPK in the image: found hash "),
        ({SIG_AT: bytes(64)}, "ECDSA signature by BL1_ROTPK_0: found one that does not verify"),
        ({SIG_AT + 1452: b"\x3f"}, "ECDSA signature by BL1_ROTPK_0: found 63 bytes; wanted 64"),
        ({SIG_AT + 1452: b"\xff\xff"}, "signature: found length 65535; wanted at most 1452"),
    ],
)
def test_what_is_wrong_with_an_ecdsa_image(changes: dict[int, bytes], message: str) -> None:
    image = with_bytes(bl2(EMBEDDED, keys=[EC_KEY]), changes)
    otp = replace(OTP, bl1_rotpk_size=32)
    values = replace(DUMMY, bl1_rotpks=(hashlib.sha256(SPKI).digest(),))
    assert message in refusals(Bl1Bench.make(image, config=EMBEDDED, values=values, otp=otp))[0]


def test_bytes_behind_r_and_s_are_ignored() -> None:
    image = with_bytes(bl2(EMBEDDED, keys=[EC_KEY]), {SIG_AT + 64: b"\1\2\3", SIG_AT + 1452: b"\x43"})
    otp = replace(OTP, bl1_rotpk_size=32)
    values = replace(DUMMY, bl1_rotpks=(hashlib.sha256(SPKI).digest(),))
    assert Bl1Bench.make(image, config=EMBEDDED, values=values, otp=otp).run_bl1_2().image == 0


@pytest.mark.parametrize(
    "config, rotpk, message",
    [
        (RAW, POINT[:64] + bytes([POINT[64] ^ 1]), "ECDSA key of BL1_ROTPK_0: found no point of the curve"),
        (RAW, bytes(65), "ECDSA key of BL1_ROTPK_0: found no point of the curve"),
        (Bl1Config(), bytes(56), "LMS type 0x0; known are 5 to 14"),
        (Bl1Config(), bytes.fromhex("0000000500000004") + bytes(48), "types 5, 4; wanted SHA256_M32_H10"),
        (Bl1Config(), bytes(65), "LMS public key by BL1_ROTPK_0"),
    ],
)
def test_what_is_wrong_with_a_rotpk(config: Bl1Config, rotpk: bytes, message: str) -> None:
    image = bl2(config, keys=[EC_KEY] if config is RAW else None)
    otp, values = replace(OTP, bl1_rotpk_size=len(rotpk)), replace(DUMMY, bl1_rotpks=(rotpk,))
    assert message in refusals(Bl1Bench.make(image, config=config, values=values, otp=otp))[0]


def test_an_ecdsa_key_needs_room_in_otp() -> None:
    message = "ECDSA key of BL1_ROTPK_0: found 56 bytes; wanted a point of 64"
    assert message in refusals(Bl1Bench.make(bl2(RAW, keys=[EC_KEY]), config=RAW))[0]


MIGHT, MUST = Bl1KeyPolicy.MIGHT_SIGN, Bl1KeyPolicy.MUST_SIGN


@pytest.mark.parametrize(
    "policies, signed, boots",
    [
        ((MUST, MUST), (True, True), True),
        ((MUST, MUST), (True, False), False),
        ((MUST, MUST), (False, True), False),
        ((MUST, MIGHT), (True, False), True),
        ((MUST, MIGHT), (False, True), False),
        ((MIGHT, MUST), (False, True), True),
        ((MIGHT, MUST), (True, False), False),
        # TF-M counts no signatures: where nobody must sign, nobody need.
        ((MIGHT, MIGHT), (False, False), True),
    ],
)
def test_who_must_sign(policies: tuple[Bl1KeyPolicy, ...], signed: tuple[bool, ...], boots: bool) -> None:
    signers = tuple(Bl1Signer(policy=policy) for policy in policies)
    config = Bl1Config(signers=signers, rotpk_policies=True)
    image = bl2(config, keys=[lms_key() if s else None for s in signed])
    values = replace(DUMMY, bl1_rotpks=DUMMY.bl1_rotpks * 2)
    bench = Bl1Bench.make(image, config=config, values=values, otp=replace(OTP, bl1_signers=2))
    if boots:
        bench.run_bl1_2()
        examined = [e for e in bench.events if isinstance(e, Bl2SignatureExamined)]
        assert [(e.good, e.needed) for e in examined] == [
            (s, policy is MUST) for s, policy in zip(signed, policies, strict=True)
        ]
    else:
        assert "LMS signature by BL1_ROTPK_" in refusals(bench)[0]


def test_the_signer_id_is_that_of_the_first_good_signature_over_both_images() -> None:
    # TF-M add_signer_measurement keeps it in static memory: the refused image's signer is told, not the other.
    lms = Bl1Signer(policy=MIGHT)
    config = Bl1Config(signers=(lms, replace(ECDSA, policy=MUST)), rotpk_policies=True, embed_rotpk=True)
    hashes = tuple(hashlib.sha256(key).digest() for key in (DUMMY.bl1_rotpks[0], SPKI))
    refused, good = bl2(config, keys=[lms_key(), None]), bl2(config, keys=[None, EC_KEY])
    for primary, signer in ((refused, hashes[0]), (good, hashes[1])):
        bench = Bl1Bench.make(
            primary,
            good,
            config=config,
            values=replace(DUMMY, bl1_rotpks=hashes),
            otp=replace(OTP, bl1_signers=2, bl1_rotpk_size=32),
        )
        bench.run_bl1_2()
        assert MeasurementMetadata.decode(decode_area(bench.shared())[0].data).signer_id[:32] == signer


def test_without_policies_everybody_must_sign() -> None:
    config = Bl1Config(signers=(Bl1Signer(policy=MIGHT),) * 2)
    image = bl2(config, keys=[lms_key(), None])
    values = replace(DUMMY, bl1_rotpks=DUMMY.bl1_rotpks * 2)
    bench = Bl1Bench.make(image, config=config, values=values, otp=replace(OTP, bl1_signers=2))
    assert "BL1_ROTPK_1" in refusals(bench)[0]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"signers": ()}, "0 signers of BL2; legal: 1 to 4"),
        ({"signers": (Bl1Signer(),) * 5}, "5 signers of BL2; legal: 1 to 4"),
        ({"signers": (Bl1Signer(hash=HashAlgorithm.SHA512),)}, "legal: SHA256, SHA384"),
    ],
)
def test_builds_that_nobody_has(change: dict[str, tuple[Bl1Signer, ...]], message: str) -> None:
    with pytest.raises(Bl1ConfigError, match=message):
        Bl1Config(**change)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2048), st.booleans(), st.sampled_from([Bl1Config(), PLAIN_CONFIG, EMBEDDED]))
def test_no_bytes_as_image_raise_anything_but_a_refusal(data: bytes, ours: bool, config: Bl1Config) -> None:
    image = with_bytes(GOOD, {len(data) % 1700: data[: 1740 - len(data) % 1700]}) if ours else data
    bench = Bl1Bench.make(image[:0x2000], config=config)
    try:
        bench.run_bl1_2()
    except BootRefused:
        return
    assert config.image_layout(0x100).size <= len(image)
    assert image[: len(GOOD)] == GOOD


@given(st.binary(max_size=40), st.integers(0, 0xFFFFFFFF))
def test_signatures_longer_than_their_field_are_named(data: bytes, length: int) -> None:
    ImageSignature(data, length).fields()
    with pytest.raises(Bl2ImageError, match="legal: at most 1452"):
        ImageSignature(bytes(1453) + data).fields()
