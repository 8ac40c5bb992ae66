"""Encrypted candidates: decrypted in the secondary slot only, hashed as plain bytes, written plain."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from support.image_builder import ED25519, P256, P256_OTHER, P384, RSA_2048, RSA_3072, ImageParts, Signer
from support.image_encryption import (
    FOR_EC256,
    FOR_KW,
    FOR_KW_256,
    FOR_RSA,
    FOR_X25519,
    FOR_X25519_SHA512,
    KEY_128,
    KEY_256,
    Encrypted,
    Recipient,
)
from support.upgrade_bench import MakePorts, boot, damaged, upgrade

from tfm_sim.bootloader.ports import PRIMARY, SECONDARY
from tfm_sim.interface.mcuboot.trailer import mark_pending

QUICK = settings(max_examples=100, deadline=None)
OLD = P256.image(version=(1, 0, 0, 0))
NEW = Encrypted(P256, FOR_EC256, parts=ImageParts(version=(2, 0, 0, 0), payload=bytes(range(256)) * 5))
CONFIG = P256.config(**FOR_EC256.options())
ECIES = "an ENC_EC256 that does not unwrap"


def tlvs(*, without: int | None = None, **changes: bytes) -> list[tuple[int, bytes]]:
    """NEW's, one of them left out or with another value."""
    named = {f"tlv_{type_:02x}": value for type_, value in NEW.tlvs()} | changes
    return [(int(name[4:], 16), value) for name, value in named.items() if int(name[4:], 16) != without]


@pytest.mark.parametrize(
    ("signer", "recipient", "key", "flag"),
    [
        (P256, FOR_EC256, KEY_128, 4),
        (P256, FOR_EC256, KEY_256, 8),
        (P256, FOR_EC256, KEY_128, 8),  # the flag's size is not looked at
        (P384, FOR_RSA, KEY_128, 4),
        (RSA_2048, FOR_RSA, KEY_256, 8),
        (RSA_3072, FOR_KW, KEY_128, 4),
        (P256, FOR_KW_256, KEY_256, 8),
        (ED25519, FOR_X25519, KEY_128, 4),
        (ED25519, FOR_X25519_SHA512, KEY_256, 8),
    ],
)
def test_a_candidate_is_written_plain_and_boots(
    signer: Signer, recipient: Recipient, key: bytes, flag: int, make_ports: MakePorts
) -> None:
    new = Encrypted(signer, recipient, key, flag=flag)
    record = signer.signature_type.value == "EC-P384"  # its record would have to be longer
    config = signer.config(**recipient.options(aes_256=len(key) == 32, measured_boot=not record))
    image = new.image()
    done = upgrade(make_ports, image, config)
    assert (done.booted, done.refusals) == (True, [])
    begin, end = new.parts.hdr_size, new.parts.hdr_size + len(new.parts.payload)
    # Header, flags and TLVs stay, the payload is plain; the trailer is copied too.
    assert done.primary[: len(image)] == image[:begin] + new.parts.payload + image[end:]
    assert done.ports.security_counter(0) == 5
    # The flag stays set, and nothing is decrypted in the primary slot.
    assert boot(done.ports, config).booted


@pytest.mark.parametrize(
    ("image", "refusal"),
    [
        (NEW.image(tlvs(without=0x32)), "image key: no ENC_EC256 TLV; an encrypted image carries its key"),
        (NEW.image([*tlvs(without=0x32), FOR_X25519.tlv(KEY_128)]), "image key: no ENC_EC256 TLV"),
        (NEW.image(tlvs(tlv_32=bytes(113))), f"image key: {ECIES}"),
        (NEW.image(tlvs(tlv_32=b"")), "image key: 0 bytes of ENC_EC256; this loader takes exactly 113"),
        (NEW.image(tlvs(tlv_32=FOR_EC256.tlv(bytes(16))[1])), "image hash: SHA256 TLV"),
        (NEW.plain(), "image hash: SHA256 TLV"),  # plain bytes under the flag are taken for encrypted ones
        (replace(NEW, flag=0).image(), "image hash: SHA256 TLV"),
        (replace(NEW, flag=12).image(), "flags: ENCRYPTED_AES128, ENCRYPTED_AES256; an image has one of"),
        (NEW.image(tlvs(tlv_10=bytes(32))), "image hash: SHA256 TLV 00"),
        (NEW.image(tlvs(tlv_01=P256_OTHER.keyhash_tlv()[1])), "signature: no signature by a trusted key"),
        (NEW.image(tlvs(without=0x22)), "signature: no signature behind a key TLV"),
    ],
)  # fmt: skip
def test_candidates_that_are_refused_and_erased(image: bytes, refusal: str, make_ports: MakePorts) -> None:
    done = upgrade(make_ports, image, CONFIG, OLD)
    assert [text[: len(refusal)] for text in done.refusals] == [refusal]
    assert done.booted and done.candidate_erased
    assert done.primary[: len(OLD)] == OLD


def test_a_plain_candidate_needs_no_key(make_ports: MakePorts) -> None:
    plain = P256.image(version=(2, 0, 0, 0))
    done = upgrade(make_ports, plain, CONFIG, OLD)
    assert done.booted and done.primary[: len(plain)] == plain


def test_the_key_may_stand_before_hash_and_signature(make_ports: MakePorts) -> None:
    *others, wrapped = NEW.tlvs()
    assert upgrade(make_ports, NEW.image([wrapped, *others]), CONFIG, OLD).refusals == []


def test_the_primary_slot_is_taken_as_it_is(make_ports: MakePorts) -> None:
    """A factory image has the flag and a plain payload (imgtool --clear); an encrypted one does not boot."""
    assert boot(make_ports({(0, PRIMARY): NEW.plain()}), CONFIG).booted
    done = boot(make_ports({(0, PRIMARY): NEW.image()}), CONFIG)
    assert not done.booted and done.refusals[0].startswith("image hash: SHA256 TLV")
    # Not even the TLV is needed there.
    assert boot(make_ports({(0, PRIMARY): NEW.plain(tlvs(without=0x32))}), CONFIG).booted


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"encryption": None}, "flags: ENCRYPTED_AES128; this loader is built without encryption"),
        ({"encryption_key": Recipient(FOR_EC256.encryption, P256.key).encoding}, f"image key: {ECIES}"),  # type: ignore[arg-type]
        ({"aes_256": True}, "image key: 113 bytes of ENC_EC256; this loader takes exactly 129"),
        (FOR_X25519.options(), "image key: no ENC_X25519 TLV"),
        (FOR_RSA.options(), "image key: no ENC_RSA2048 TLV"),
    ],
)  # fmt: skip
def test_loaders_that_cannot_read_it(options: dict[str, Any], refusal: str, make_ports: MakePorts) -> None:
    done = upgrade(make_ports, NEW.image(), replace(CONFIG, **options), OLD)
    assert [text[: len(refusal)] for text in done.refusals] == [refusal]
    assert done.booted and done.candidate_erased


@pytest.mark.parametrize("sha512", [False, True])
def test_the_allow_list_has_the_x25519_tlv_of_the_build(sha512: bool, make_ports: MakePorts) -> None:
    """MCUboot allowed_unprot_tlvs: one of the two."""
    recipient, other = (FOR_X25519_SHA512, FOR_X25519) if sha512 else (FOR_X25519, FOR_X25519_SHA512)
    new = Encrypted(P256, recipient)
    config = P256.config(**recipient.options(tlv_allow_list=True))
    assert upgrade(make_ports, new.image(), config).refusals == []
    both = new.image([*new.tlvs(), other.tlv(KEY_128)])
    name = "ENC_X25519" if sha512 else "ENC_X25519_SHA512"
    assert upgrade(make_ports, both, config).refusals[0].startswith(f"TLV allow list: {name} unprotected")


def test_a_second_boot_reads_the_candidate_again_where_power_went_between(make_ports: MakePorts) -> None:
    """The key lives in the loader's memory only; the secondary slot still has all that is needed."""
    first = upgrade(make_ports, NEW.image(), CONFIG, OLD)
    again = make_ports(
        {(0, PRIMARY): first.primary[:0x400], (0, SECONDARY): NEW.image().ljust(0x2000, b"\xff")}
    )
    mark_pending(again.slot(0, SECONDARY).area, permanent=False)
    assert boot(again, CONFIG).primary == first.primary


IMAGE = NEW.image()


@given(damaged(IMAGE))
@QUICK
def test_no_damage_raises_anything_but_a_refusal(make_ports: Callable[..., Any], image: bytes) -> None:
    assert upgrade(make_ports, image, CONFIG, OLD).booted
