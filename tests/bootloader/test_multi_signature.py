"""Several signatures an image: all good ones are collected, and a platform's policy decides."""

from dataclasses import replace
from typing import Any

import pytest
from support.image_builder import P256, P256_OTHER, P384, ImageParts, Signer, Tlvs
from support.upgrade_bench import MakePorts, boot

from tfm_sim.bootloader.config import (
    TFM_KEY_SLOTS,
    TFM_NS_KEY_ID,
    TFM_ROTPK_POLICIES,
    TFM_S_KEY_ID,
    Bl2Config,
    Bl2ConfigError,
    KeyMode,
    KeySlot,
    SignatureType,
)
from tfm_sim.bootloader.keys import key_hash
from tfm_sim.bootloader.ports import PRIMARY
from tfm_sim.interface.mcuboot.tlv import TlvType

GOOD = ImageParts()
HASH = P256.hash_tlv(GOOD)
FIRST, SECOND = P256.signature_tlv(GOOD), P256_OTHER.signature_tlv(GOOD)
BAD = P256.signature_tlv(ImageParts(payload=b"another one"))
S = (TlvType.KEYID, TFM_S_KEY_ID.to_bytes(4, "little"))
NS = (TlvType.KEYID, TFM_NS_KEY_ID.to_bytes(4, "little"))
BUILTIN = Bl2Config(
    signature_type=SignatureType.EC_P256,
    key_mode=KeyMode.BUILTIN_KEY,
    keys=(P256.encoding, P256_OTHER.encoding),
    image_number=1,
    key_slots=TFM_KEY_SLOTS,
)
NO_S = f"signature policy: good signatures by {TFM_NS_KEY_ID:#x}; key {TFM_S_KEY_ID:#x} in slot 0 must sign"
NO_NS = f"signature policy: good signatures by {TFM_S_KEY_ID:#x}; key {TFM_NS_KEY_ID:#x} in slot 1 must sign"
NOBODY = f"signature policy: good signatures by none; key {TFM_S_KEY_ID:#x} in slot 0 must sign image 0"


def verdict(make_ports: MakePorts, unprotected: Tlvs, config: Bl2Config, **ports: Any) -> str:
    done = boot(make_ports({(0, PRIMARY): GOOD.with_tlvs(unprotected)}, **ports), config)
    assert done.booted is not bool(done.refusals)
    return "".join(done.refusals)


@pytest.mark.parametrize(
    ("unprotected", "policies", "refusal"),
    [
        ([HASH, S, FIRST, NS, SECOND], None, ""),
        ([HASH, NS, SECOND, S, FIRST], None, ""),
        ([HASH, S, FIRST, NS, SECOND], TFM_ROTPK_POLICIES, ""),
        ([HASH, S, FIRST], None, NO_NS),
        ([HASH, S, FIRST, S, FIRST], None, NO_NS),
        ([HASH, NS, SECOND], None, NO_S),
        ([HASH, S, FIRST, NS, BAD], None, NO_NS),
        ([HASH, S, BAD, NS, SECOND], None, NO_S),
        ([HASH, S, SECOND, NS, FIRST], None, NOBODY),  # each by the other's key
        ([HASH, FIRST, SECOND], None, NOBODY),  # no key TLV before them
        ([HASH, (3, b"\1\0\0\0"), FIRST, NS, SECOND], None, NO_S),  # no key of the image
        ([HASH], None, NOBODY),
        # policies: the bit of a slot says that its key must sign
        ([HASH, S, FIRST], 0b01, ""),
        ([HASH, NS, SECOND], 0b01, NO_S),
        ([HASH, NS, SECOND], 0b10, ""),
        ([HASH, S, FIRST], 0b10, NO_NS),
        ([HASH, S, FIRST, NS, BAD], 0b01, ""),  # a bad signature by a key that only might sign
        ([HASH], 0b00, ""),  # TF-M: nobody must
        ([HASH, S, FIRST, NS, SECOND], 0b1100, ""),
        # the rest of the walk
        ([S, FIRST, NS, SECOND], None, "image hash: no SHA256 TLV"),
        ([HASH, (3, b"\0" * 5), FIRST], None, "key TLV: 5 bytes of KEYID; this loader takes at most 4"),
        ([HASH, (3, b"\0" * 3), FIRST], None, "key TLV: 3 bytes of KEYID; wanted 4"),
        ([HASH, S, (0x22, bytes(129))], None, "signature: 129 bytes of ECDSA_SIG"),
    ],
)
def test_built_in_keys(unprotected: Tlvs, policies: int | None, refusal: str, make_ports: MakePorts) -> None:
    config = replace(BUILTIN, rotpk_policies=policies)
    said = verdict(make_ports, unprotected, config)
    assert said.startswith(refusal) and bool(said) == bool(refusal), said


def test_the_bit_of_a_later_image_counts_the_most_slots_of_any() -> None:
    """TF-M: bit = image x MAX_KEYS_PER_IMAGE + slot."""
    config = replace(BUILTIN, rotpk_policies=0b0110)
    assert [config.must_sign(0, 0), config.must_sign(0, 1), config.must_sign(1, 0)] == [False, True, True]


@pytest.mark.parametrize(
    ("signers", "refusal"),
    [
        ([P256, P256_OTHER], ""),
        ([P256_OTHER, P256], ""),
        ([P256], "signature policy: good signatures by 0x1; key 0x2 in slot 1 must sign image 0"),
        ([P256_OTHER], "signature policy: good signatures by 0x2; key 0x1 in slot 0 must sign image 0"),
    ],
)
@pytest.mark.parametrize("mode", [KeyMode.HW_KEY, KeyMode.KEYHASH])
def test_whole_keys_and_key_hashes(
    mode: KeyMode, signers: list[Signer], refusal: str, make_ports: MakePorts
) -> None:
    """Each slot has a ROTPK, or a key compiled in, of its own."""
    whole = mode is KeyMode.HW_KEY
    config = Bl2Config(
        signature_type=SignatureType.EC_P256,
        key_mode=mode,
        keys=() if whole else (P256.encoding, P256_OTHER.encoding),
        image_number=1,
        key_slots=((KeySlot(1, 0), KeySlot(2, 1)),),
    )
    rotpks = {0: key_hash(P256.encoding), 1: key_hash(P256_OTHER.encoding)}
    keys = [s.pubkey_tlv() if whole else s.keyhash_tlv() for s in signers]
    tlvs = [tlv for key, s in zip(keys, signers, strict=True) for tlv in (key, s.signature_tlv(GOOD))]
    assert verdict(make_ports, [HASH, *tlvs], config, rotpks=rotpks) == refusal


def test_a_whole_key_in_no_slot_is_skipped(make_ports: MakePorts) -> None:
    config = Bl2Config(
        signature_type=SignatureType.EC_P256, image_number=1, key_slots=((KeySlot(1, 0), KeySlot(2, 1)),)
    )
    rotpks = {0: key_hash(P256.encoding), 1: key_hash(b"another")}
    tlvs = [HASH, P256.pubkey_tlv(), FIRST, P256_OTHER.pubkey_tlv(), SECOND]
    said = verdict(make_ports, tlvs, config, rotpks=rotpks)
    assert said == "signature policy: good signatures by 0x1; key 0x2 in slot 1 must sign image 0"


def test_points_in_otp_are_found_by_id(make_ports: MakePorts) -> None:
    """TF-M's built-in keys: OTP holds the raw points."""
    config = Bl2Config(
        signature_type=SignatureType.EC_P384,
        key_mode=KeyMode.BUILTIN_KEY,
        image_number=1,
        key_slots=((KeySlot(TFM_S_KEY_ID, 0),),),
        measured_boot=False,
    )
    said = verdict(make_ports, [P384.hash_tlv(GOOD), S, P384.signature_tlv(GOOD)], config)
    assert said.startswith("signature policy: good signatures by none"), "an OTP without the point has no key"


def test_the_allow_list_knows_key_ids_in_this_mode_only(make_ports: MakePorts) -> None:
    listed = replace(BUILTIN, tlv_allow_list=True)
    assert verdict(make_ports, [HASH, S, FIRST, NS, SECOND], listed) == ""
    single = P256.config(tlv_allow_list=True)
    said = verdict(make_ports, [HASH, S, P256.keyhash_tlv(), FIRST], single)
    assert said == "TLV allow list: KEYID unprotected; it must be protected"


def test_pure_signatures_are_collected_by_no_policy() -> None:
    with pytest.raises(Bl2ConfigError, match="pure signatures with decompression, encryption or key slots"):
        Bl2Config(signature_type=SignatureType.ED25519, pure=True, key_slots=TFM_KEY_SLOTS)
