"""Each rule by which BL2 takes or refuses an image, as one line: MCUboot's boot_check_header_valid,
bootutil_tlv_iter_* and bootutil_img_validate, in their order (boot status and counters aside).
"""

import hashlib
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.image_builder import (
    ED25519,
    P256,
    P256_OTHER,
    P384,
    RSA_2048,
    RSA_3072,
    ImageParts,
    Signer,
    Tlvs,
    area,
    sec_cnt,
)

from tfm_sim.bootloader.bl2 import Bl2
from tfm_sim.bootloader.config import Bl2Config, Bl2ConfigError, HashAlgorithm, KeyMode, SignatureType
from tfm_sim.bootloader.keys import key_hash
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, Ports
from tfm_sim.interface.mcuboot.tlv import TlvType
from tfm_sim.interface.trace import Trace

MakePorts = Callable[..., Ports]

SLOT = 0x2000
GOOD = ImageParts()
SIGNED = GOOD.with_tlvs(P256.tlvs(GOOD))
HASH, KEYHASH, SIGNATURE = P256.tlvs(GOOD)
PUBKEY = P256.pubkey_tlv()
BAD_SIGNATURE = P256.signature_tlv(replace(GOOD, payload=b"another one"))
OTHER_HASH, OTHER_KEYHASH, OTHER_SIGNATURE = P256_OTHER.tlvs(GOOD)
RECORD = GOOD.protected[1]
ROTPK = key_hash(P256.encoding)

# Refusals that several cases share.
NO_KEY = "signature: no signature behind a key TLV; wanted one by a trusted key"
UNKNOWN = "signature: no signature by a trusted key; the image"
UNKNOWN_KEYHASH = f"{UNKNOWN} names key {OTHER_KEYHASH[1].hex()}; the loader's keys are {KEYHASH[1].hex()}"
UNKNOWN_PUBKEY = f"{UNKNOWN}'s key hashes to {OTHER_KEYHASH[1].hex()}; BL2_ROTPK_0 is {ROTPK.hex()}"
EMPTY_SHA256 = f"'s key hashes to {hashlib.sha256(b'').hexdigest()}"
BAD = "signature: an ECDSA_SIG that does not verify"
BAD_ED25519 = "signature: an ED25519 that does not verify"
BY_KEY_0 = f"{BAD} by key 0 of the loader"
BY_BUILTIN = f"{BAD} by built-in key 0"
BY_ROTPK = f"{BAD} by the key of BL2_ROTPK_0"
LAST_COUNTS = f"{BY_KEY_0}; the last signature by a trusted key must be good"
WRONG_HASH = f"image hash: SHA256 TLV {bytes(32).hex()}; the image hashes to {HASH[1].hex()}"
WRONG_VID = f"UUID_VID: {(b'w' * 16).hex()}; this device takes {(b'v' * 16).hex()} only"
TOTAL_DIFFERS = "protected TLV area: a total of 12 bytes; the header says ih_protect_tlv_size"
BEHIND_TRAILER = "image end: the last TLV ends at 0x1fd9; the trailer begins at 0x1fd8"


def verdict(ports: Ports, config: Bl2Config) -> tuple[str, str, str] | None:
    """What the refusal of the only image says: check, found, wanted. None where it boots."""
    try:
        Bl2(ports, config, Trace()).run()
    except BootRefused as refused:
        (refusal,) = refused.refusals
        assert f"{refusal.check}: found {refusal.found}; {refusal.wanted}" in str(refusal)
        assert str(refusal).startswith("BL2 refused image 0 in the primary slot at 0x10000000\n")
        return refusal.check, refusal.found, refusal.wanted
    return None


def expect(answer: tuple[str, str, str] | None, refusal: str) -> None:
    """``refusal`` is "check: found" or the beginning of it; empty where the image must boot."""
    said = "" if answer is None else f"{answer[0]}: {answer[1]}; {answer[2]}"
    assert said.startswith(refusal) and bool(said) == bool(refusal), said


@pytest.mark.parametrize(
    ("header", "refusal"),
    [
        ({}, ""),
        ({"magic": 0x96F3B83C}, "image magic: 0x96f3b83c; wanted 0x96f3b83d"),
        ({"magic": 0x96F3B83E}, "image magic: 0x96f3b83e"),
        ({"magic": 0}, "image magic: 0x00000000"),
        ({"magic": 0xFFFFFFFF}, "image magic: erased flash; an image starts with 0x96f3b83d"),
        ({"img_size": 0xFFFFFFFF}, "image size: 0x10000003f bytes; header, payload"),
        ({"img_size": 0xFFFFFFC0}, "image size: 0x100000000 bytes; header, payload"),
        ({"img_size": 0xFFFFFFBF, "protect_tlv_size": 1}, "image size: 0x100000000 bytes; header, payload"),
        ({"img_size": 0xFFFFFFBE, "protect_tlv_size": 1}, "image size: 0xffffffff bytes of header, payload"),
        ({"img_size": SLOT - 0x40, "protect_tlv_size": 0}, "image size: 0x2000 bytes of header"),
        ({"img_size": SLOT - 0x41, "protect_tlv_size": 1}, "image size: 0x2000 bytes of header"),
        ({"img_size": SLOT - 0x41, "protect_tlv_size": 0}, "TLV area header: bytes 0x1fff to 0x2003"),
        ({"flags": 0x01}, ""),
        ({"flags": 0x04}, "flags: ENCRYPTED_AES128; this loader is built without encryption"),
        ({"flags": 0x08}, "flags: ENCRYPTED_AES256; this loader is built without encryption"),
        ({"flags": 0x0C}, "flags: ENCRYPTED_AES128, ENCRYPTED_AES256"),
        ({"flags": 0x10}, "flags: NON_BOOTABLE; a bootable image has this flag clear"),
        ({"flags": 0x20}, ""),
        ({"flags": 0x100}, ""),
        ({"flags": 0x200}, "flags: COMPRESSED_LZMA1; this loader is built without decompression"),
        ({"flags": 0x400}, "flags: COMPRESSED_LZMA2; this loader is built without decompression"),
        ({"flags": 0x600}, "flags: COMPRESSED_LZMA1, COMPRESSED_LZMA2"),
        ({"flags": 0x800}, "flags: COMPRESSED_ARM_THUMB; this loader is built without decompression"),
        ({"flags": 0x40000000}, ""),
    ],
)  # fmt: skip
def test_header_gate(header: dict[str, int], refusal: str, make_ports: MakePorts) -> None:
    """All of them are signed as they stand: it is the gate that refuses, not the digest."""
    ports = make_ports({(0, PRIMARY): P256.image(header=header)})
    expect(verdict(ports, P256.config()), refusal)


@pytest.mark.parametrize(
    ("hdr_size", "refusal"), [(0x20, ""), (0x400, ""), (0x1000, ""), (0x1F00, ""), (0x1FF0, "image size")]
)  # fmt: skip
def test_header_sizes(hdr_size: int, refusal: str, make_ports: MakePorts) -> None:
    parts = ImageParts(payload=bytes(16), hdr_size=hdr_size, protected=[])
    image = P256.image(parts)[:SLOT]
    expect(
        verdict(make_ports({(0, PRIMARY): image}), P256.config(rollback=False, measured_boot=False)), refusal
    )


def unsigned(*areas: bytes, protect_tlv_size: int = 0) -> bytes:
    """A header and a payload of 64 bytes with these areas behind them, at 0x80."""
    parts = ImageParts(protected=[], header={"protect_tlv_size": protect_tlv_size})
    return parts.hashed() + b"".join(areas)


def raw(*words: int) -> bytes:
    """The header of an unprotected area with any total, and what else stands behind it."""
    return struct.pack(f"<{1 + len(words)}H", 0x6907, *words)


PROTECTED = area(0x6908, [sec_cnt(5)])
"""12 bytes."""


@pytest.mark.parametrize(
    ("image", "refusal"),
    [
        (unsigned(b""), "TLV area: magic 0xffff at 0x80; wanted 0x6907"),
        (unsigned(area(0x6906, [])), "TLV area: magic 0x6906 at 0x80; wanted 0x6907"),
        (unsigned(area(0x6907, [])), "image hash: no SHA256 TLV; every image must carry one"),
        (unsigned(area(0x6907, [HASH]), protect_tlv_size=12), "protected TLV area: magic 0x6907"),
        (unsigned(PROTECTED, protect_tlv_size=12), "TLV area: magic 0xffff at 0x8c; wanted 0x6907"),
        (unsigned(PROTECTED, PROTECTED, protect_tlv_size=12), "TLV area: magic 0x6908 at 0x8c"),
        (unsigned(PROTECTED, area(0x6907, []), protect_tlv_size=11), TOTAL_DIFFERS),
        (unsigned(PROTECTED, area(0x6907, []), protect_tlv_size=13), TOTAL_DIFFERS),
        (unsigned(PROTECTED, area(0x6907, [])), TOTAL_DIFFERS),
        (unsigned(PROTECTED, area(0x6907, []), protect_tlv_size=12), "image hash: no SHA256 TLV"),
        (unsigned(raw(4 + 3) + bytes(3)), "header of a TLV: 4 bytes at 0x84; the TLV section"),
        (unsigned(raw(8, 0x10, 1)), "TLV SHA256: 1 bytes at 0x88; the TLV section ends at 0x88"),
        (unsigned(raw(8, 0xA0, 0)), "image hash: no SHA256 TLV"),
        (unsigned(raw(8, 0x22, 0xFFFF)), "TLV ECDSA_SIG: 65535 bytes at 0x88"),
        (unsigned(raw(0)), "image hash: no SHA256 TLV"),
        (unsigned(raw(SLOT - 40 - 0x80)), "TLV 0xffff: 65535 bytes at 0x88"),
        (unsigned(raw(SLOT - 40 - 0x80 + 1)), BEHIND_TRAILER),
        (unsigned(raw(0xFFFF)), "image end: the last TLV ends at 0x1007f"),
        (SIGNED[:-1], BAD),
        (GOOD.with_tlvs([*P256.tlvs(GOOD), (0xA0, b"\xff" * 9)])[:-9], ""),
        (SIGNED + b"anything", ""),
    ],
)  # fmt: skip
def test_tlv_areas(image: bytes, refusal: str, make_ports: MakePorts) -> None:
    expect(verdict(make_ports({(0, PRIMARY): image}), P256.config()), refusal)


@pytest.mark.parametrize(
    ("unprotected", "refusal"),
    [
        ([HASH, KEYHASH, SIGNATURE], ""),
        # the digest
        ([KEYHASH, SIGNATURE], "image hash: no SHA256 TLV; every image must carry one"),
        ([KEYHASH, SIGNATURE, HASH], ""),
        ([HASH, KEYHASH, SIGNATURE, HASH], ""),
        ([HASH, KEYHASH, SIGNATURE, (0x10, bytes(32))], WRONG_HASH),
        ([(0x10, HASH[1][:31]), KEYHASH, SIGNATURE], "image hash: 31 bytes; SHA256 has 32"),
        ([(0x10, HASH[1] + b"0"), KEYHASH, SIGNATURE], "image hash: 33 bytes; SHA256 has 32"),
        ([(0x10, b""), KEYHASH, SIGNATURE], "image hash: 0 bytes; SHA256 has 32"),
        ([(0x11, bytes(48)), KEYHASH, SIGNATURE], "image hash: no SHA256 TLV"),
        ([(0x11, bytes(48)), (0x12, bytes(7)), HASH, KEYHASH, SIGNATURE], ""),
        ([(0x10, bytes(32)), (0x01, bytes(33))], "image hash: SHA256 TLV 00"),
        # the key
        ([HASH, SIGNATURE], NO_KEY),
        ([HASH, (0x01, KEYHASH[1] + b"0"), SIGNATURE], "key TLV: 33 bytes of KEYHASH"),
        ([HASH, OTHER_KEYHASH, SIGNATURE], UNKNOWN_KEYHASH),
        ([HASH, (0x01, KEYHASH[1][:4]), SIGNATURE], ""),
        ([HASH, (0x01, b""), SIGNATURE], ""),
        ([HASH, (0x01, KEYHASH[1][1:]), SIGNATURE], UNKNOWN),
        ([HASH, PUBKEY, SIGNATURE], NO_KEY),
        # the signature
        ([HASH, KEYHASH], NO_KEY),
        ([HASH, SIGNATURE, KEYHASH], NO_KEY),
        ([HASH, KEYHASH, (0x22, SIGNATURE[1].ljust(128, b"\0"))], ""),
        ([HASH, KEYHASH, (0x22, SIGNATURE[1].ljust(129, b"\0"))], "signature: 129 bytes of ECDSA_SIG"),
        ([HASH, (0x22, bytes(200)), KEYHASH, SIGNATURE], ""),
        ([HASH, KEYHASH, (0x22, b"")], BY_KEY_0),
        ([HASH, KEYHASH, (0x22, SIGNATURE[1][:-1])], BY_KEY_0),
        ([HASH, KEYHASH, BAD_SIGNATURE], BY_KEY_0),
        ([HASH, KEYHASH, OTHER_SIGNATURE], BY_KEY_0),
        ([HASH, KEYHASH, (0x20, bytes(256)), (0x24, bytes(64)), SIGNATURE], ""),
        # a key serves one signature; the last verdict by a known key counts; unknown signers are skipped
        ([HASH, KEYHASH, SIGNATURE, BAD_SIGNATURE], ""),
        ([HASH, KEYHASH, SIGNATURE, KEYHASH, BAD_SIGNATURE], LAST_COUNTS),
        ([HASH, KEYHASH, BAD_SIGNATURE, KEYHASH, SIGNATURE], ""),
        ([HASH, OTHER_KEYHASH, OTHER_SIGNATURE, KEYHASH, SIGNATURE], ""),
        ([HASH, KEYHASH, SIGNATURE, OTHER_KEYHASH, OTHER_SIGNATURE], ""),
        ([HASH, KEYHASH, OTHER_KEYHASH, SIGNATURE], UNKNOWN),
        ([HASH, OTHER_KEYHASH, KEYHASH, SIGNATURE], ""),
    ],
)  # fmt: skip
def test_hash_key_and_signature_by_key_hash(unprotected: Tlvs, refusal: str, make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): GOOD.with_tlvs(unprotected)})
    expect(verdict(ports, P256.config()), refusal)


def test_key_hash_picks_any_of_the_loaders_keys(make_ports: MakePorts) -> None:
    config = P256.config(keys=(P256_OTHER.encoding, P256.encoding))
    assert verdict(make_ports({(0, PRIMARY): SIGNED}), config) is None
    other = GOOD.with_tlvs([OTHER_HASH, OTHER_KEYHASH, OTHER_SIGNATURE])
    assert verdict(make_ports({(0, PRIMARY): other}), config) is None
    # MCUboot bootutil_find_key: a KEYHASH of no bytes is the first key.
    empty = GOOD.with_tlvs([HASH, (0x01, b""), SIGNATURE])
    expect(
        verdict(make_ports({(0, PRIMARY): empty}), config),
        BY_KEY_0,
    )


@pytest.mark.parametrize(
    ("rotpk", "unprotected", "refusal"),
    [
        (ROTPK, [HASH, PUBKEY, SIGNATURE], ""),
        (ROTPK, [HASH, KEYHASH, SIGNATURE], NO_KEY),
        (ROTPK, [HASH, (0x02, b""), SIGNATURE], UNKNOWN + EMPTY_SHA256),
        (ROTPK, [HASH, (0x02, PUBKEY[1][:-1]), SIGNATURE], UNKNOWN),
        (ROTPK, [HASH, (0x02, PUBKEY[1] + b"\0"), SIGNATURE], UNKNOWN),
        (ROTPK, [HASH, (0x02, bytes(152)), SIGNATURE], UNKNOWN),
        (ROTPK, [HASH, (0x02, bytes(153)), SIGNATURE], "key TLV: 153 bytes of PUBKEY; this loader"),
        (ROTPK, [HASH, P256_OTHER.pubkey_tlv(), OTHER_SIGNATURE], UNKNOWN_PUBKEY),
        (ROTPK, [HASH, P256_OTHER.pubkey_tlv(), OTHER_SIGNATURE, PUBKEY, SIGNATURE], ""),
        (ROTPK, [HASH, PUBKEY, BAD_SIGNATURE], BY_ROTPK),
        (bytes(32), [HASH, PUBKEY, SIGNATURE], UNKNOWN),
        (key_hash(b"no key"), [HASH, (0x02, b"no key"), SIGNATURE], BAD),
        (key_hash(P384.encoding), [HASH, P384.pubkey_tlv(), SIGNATURE], BAD),
    ],
)  # fmt: skip
def test_whole_key_against_the_rotpk(
    rotpk: bytes, unprotected: Tlvs, refusal: str, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): GOOD.with_tlvs(unprotected)}, rotpks={0: rotpk})
    expect(verdict(ports, Bl2Config(image_number=1)), refusal)


@pytest.mark.parametrize("image", [0, 1])
def test_each_image_has_a_rotpk_of_its_own(image: int, make_ports: MakePorts) -> None:
    whole_key = GOOD.with_tlvs([HASH, PUBKEY, SIGNATURE])
    ports = make_ports({(0, PRIMARY): whole_key, (1, PRIMARY): whole_key}, images=2, rotpks={image: ROTPK})
    with pytest.raises(BootRefused, match=f"BL2_ROTPK_{1 - image} is 0000"):
        Bl2(ports, Bl2Config(), Trace()).run()


RAW_POINT = P256.encoding[-65:]


@pytest.mark.parametrize(
    ("keys", "rotpk", "unprotected", "refusal"),
    [
        ((P256.encoding,), b"", [HASH, SIGNATURE], ""),
        ((P256.encoding,), b"", [HASH, OTHER_KEYHASH, SIGNATURE], ""),
        ((P256.encoding,), b"", [HASH, (0x01, bytes(99)), (0x02, bytes(999)), SIGNATURE], ""),
        ((P256.encoding,), b"", [HASH, SIGNATURE, BAD_SIGNATURE], ""),
        ((P256.encoding,), b"", [HASH, BAD_SIGNATURE, SIGNATURE], BY_BUILTIN),
        ((P256_OTHER.encoding,), b"", [HASH, SIGNATURE], BY_BUILTIN),
        ((), RAW_POINT, [HASH, SIGNATURE], ""),
        ((), P256_OTHER.encoding[-65:], [HASH, SIGNATURE], BAD),
        ((), b"", [HASH, SIGNATURE], BAD),
    ],
)  # fmt: skip
def test_builtin_key(
    keys: tuple[bytes, ...], rotpk: bytes, unprotected: Tlvs, refusal: str, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): GOOD.with_tlvs(unprotected)}, rotpks={0: rotpk})
    expect(verdict(ports, Bl2Config(key_mode=KeyMode.BUILTIN_KEY, keys=keys, image_number=1)), refusal)


@pytest.mark.parametrize(
    ("options", "protected", "extra", "refusal"),
    [
        # security counter; the device's stands at 4
        ({}, [sec_cnt(5)], [], ""),
        ({}, [sec_cnt(4)], [], ""),
        ({}, [sec_cnt(3)], [], "security counter: 3, the device's NV counter BL2_0 is at 4"),
        ({}, [sec_cnt(5), sec_cnt(3)], [], "security counter: 3"),
        ({}, [(0x50, b"\5\0\0")], [], "security counter: 3 bytes of SEC_CNT; wanted 4"),
        ({}, [(0x50, b"\5\0\0\0\0")], [], "security counter: 5 bytes of SEC_CNT; wanted 4"),
        ({}, [], [], "security counter: no SEC_CNT TLV; rollback protection needs one in every image"),
        ({}, [sec_cnt(0x7FFFFFFF)], [], "security counter update: 2147483647"),
        ({}, [sec_cnt(0xFFFFFFFF)], [], "security counter update: 4294967295"),
        ({}, [], [sec_cnt(5)], "security counter update: no protected TLVs"),
        ({}, [(0xA0, b"")], [sec_cnt(5)], "security counter update: no SEC_CNT among the protected TLVs"),
        ({"rollback": False}, [sec_cnt(3)], [], ""),
        ({"rollback": False}, [], [], ""),
        ({"rollback": False}, [(0x50, b"")], [], ""),
        # vendor and class ids
        ({"uuid_vid": b"v" * 16}, [sec_cnt(5), (0x74, b"v" * 16)], [], ""),
        ({"uuid_vid": b"v" * 16}, [sec_cnt(5), (0x74, b"w" * 16)], [], WRONG_VID),
        ({"uuid_vid": b"v" * 16}, [sec_cnt(5), (0x74, b"v" * 15)], [], "UUID_VID: 7676"),
        ({"uuid_vid": b"v" * 16}, [sec_cnt(5), (0x75, b"v" * 16)], [], "UUID_VID: none; this device takes"),
        ({"uuid_vid": b"v" * 16}, [sec_cnt(5)], [], "UUID_VID: none; this device takes"),
        ({"uuid_cid": b"c" * 16}, [sec_cnt(5), (0x75, b"c" * 16)], [], ""),
        ({"uuid_cid": b"c" * 16}, [sec_cnt(5), (0x74, b"c" * 16)], [], "UUID_CID: none; this device takes"),
        ({"uuid_cid": b"c" * 16}, [sec_cnt(5), (0x75, b"d" * 16)], [], "UUID_CID: 6464"),
        ({}, [sec_cnt(5), (0x74, b"w"), (0x75, b"")], [], ""),
        # the TLV allow list
        ({"tlv_allow_list": True}, [sec_cnt(5), (0xA0, b"mine")], [], ""),
        ({"tlv_allow_list": True}, [sec_cnt(5)], [(0xA0, b"mine")], "TLV allow list: 0x00a0 unprotected"),
        ({"tlv_allow_list": True}, [sec_cnt(5)], [sec_cnt(5)], "TLV allow list: SEC_CNT unprotected"),
        ({"tlv_allow_list": True}, [sec_cnt(5)], [(0x40, bytes(12))], "TLV allow list: DEPENDENCY"),
        ({"tlv_allow_list": True}, [sec_cnt(5)], [(0x60, bytes(91))], "TLV allow list: BOOT_RECORD"),
        ({"tlv_allow_list": True}, [sec_cnt(5)], [(0x25, b"\1")], "TLV allow list: SIG_PURE unprotected"),
        ({"tlv_allow_list": True}, [sec_cnt(5)], [(0x30, b""), (0x31, b""), (0x32, b""), (0x33, b"")], ""),
        ({"tlv_allow_list": False}, [sec_cnt(5)], [(0xA0, b"mine")], ""),
    ],
)  # fmt: skip
def test_counter_uuid_and_allow_list(
    options: dict[str, Any],
    protected: list[tuple[int, bytes]],
    extra: list[tuple[int, bytes]],
    refusal: str,
    make_ports: MakePorts,
) -> None:
    parts = ImageParts(protected=protected)
    ports = make_ports({(0, PRIMARY): parts.with_tlvs([*P256.tlvs(parts), *extra])})
    expect(verdict(ports, P256.config(**{"measured_boot": False, **options})), refusal)


def test_counter_is_compared_unsigned_and_checked_before_the_signature(make_ports: MakePorts) -> None:
    parts = ImageParts(protected=[sec_cnt(3)])
    ports = make_ports({(0, PRIMARY): parts.with_tlvs([P256.hash_tlv(parts), KEYHASH, BAD_SIGNATURE])})
    expect(verdict(ports, P256.config()), "security counter: 3")


@pytest.mark.parametrize(
    ("protected", "refusal"),
    [
        ([sec_cnt(5), RECORD], ""),
        ([sec_cnt(5)], "boot status: no BOOT_RECORD TLV; measured boot needs one in every image"),
        ([sec_cnt(5), (0x60, bytes(31))], "boot status: a BOOT_RECORD of 31 bytes"),
        ([sec_cnt(5), (0x60, bytes(132))], ""),
        ([sec_cnt(5), (0x60, bytes(133))], "boot status: BOOT_RECORD 133 bytes"),
    ],
)  # fmt: skip
def test_a_boot_record_is_missed_after_the_counter_has_moved(
    protected: list[tuple[int, bytes]], refusal: str, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): P256.image(protected=protected)})
    expect(verdict(ports, P256.config()), refusal)
    assert ports.security_counter(0) == 5


@pytest.mark.parametrize(
    ("signer", "length"),
    [(RSA_2048, 256), (RSA_3072, 384), (ED25519, 64)],
)  # fmt: skip
@pytest.mark.parametrize("change", [-1, 1])
def test_rsa_and_ed25519_signatures_have_an_exact_length(
    signer: Signer, length: int, change: int, make_ports: MakePorts
) -> None:
    digest, keyhash, (type_, signature) = signer.tlvs(GOOD)
    assert len(signature) == length
    wrong = GOOD.with_tlvs([digest, keyhash, (type_, (signature + b"0")[: length + change])])
    ports = make_ports({(0, PRIMARY): wrong})
    expect(
        verdict(ports, signer.config()),
        f"signature: {length + change} bytes of {TlvType(type_).name}; wanted exactly",
    )


SIGNERS = [P256, P384, RSA_2048, RSA_3072, ED25519]


@pytest.mark.parametrize("whole_key", [False, True])
@pytest.mark.parametrize("signer", SIGNERS, ids=lambda s: s.signature_type.value)
def test_a_loader_takes_the_one_signature_type_that_it_is_built_for(
    signer: Signer, whole_key: bool, make_ports: MakePorts
) -> None:
    digest, keyhash, signature = signer.tlvs(GOOD)
    image = GOOD.with_tlvs([digest, signer.pubkey_tlv() if whole_key else keyhash, signature])
    for other in SIGNERS:
        config = other.config()
        if whole_key:
            config = replace(config, key_mode=KeyMode.HW_KEY, keys=())
        rotpk = key_hash(signer.encoding, config.image_hash)
        ports = make_ports({(0, PRIMARY): image}, rotpks={0: rotpk})
        answer = verdict(ports, config)
        assert (answer is None) == (other is signer), (other.signature_type, answer)


def test_p384_images_are_hashed_by_sha384_throughout(make_ports: MakePorts) -> None:
    digest, keyhash, _ = P384.tlvs(GOOD)
    assert (digest[0], len(digest[1]), len(keyhash[1])) == (TlvType.SHA384, 48, 48)
    sha256 = P256.hash_tlv(GOOD)
    ports = make_ports({(0, PRIMARY): GOOD.with_tlvs([sha256, *P384.tlvs(GOOD)[1:]])})
    expect(verdict(ports, P384.config()), "image hash: no SHA384 TLV")


PURE = ED25519.config(pure=True, sha512=True, measured_boot=False)
PURE_KEYHASH = (0x01, key_hash(ED25519.encoding, PURE.image_hash))
PURE_SIGNATURE = (0x24, ED25519.sign(GOOD.hashed(), PURE.image_hash))


@pytest.mark.parametrize(
    ("unprotected", "refusal"),
    [
        ([(0x25, b"\1"), PURE_KEYHASH, PURE_SIGNATURE], ""),
        ([PURE_KEYHASH, PURE_SIGNATURE, (0x25, b"\1")], ""),
        ([(0x12, b"any"), (0x25, b"\1"), PURE_KEYHASH, PURE_SIGNATURE], ""),
        ([PURE_KEYHASH, PURE_SIGNATURE], "pure signature: no SIG_PURE TLV; wanted SIG_PURE 01"),
        ([(0x25, b"\0"), PURE_KEYHASH, PURE_SIGNATURE], "pure signature: 00; wanted SIG_PURE 01"),
        ([(0x25, b""), PURE_KEYHASH, PURE_SIGNATURE], "pure signature: an empty SIG_PURE TLV"),
        ([(0x25, b"\1\1"), PURE_KEYHASH, PURE_SIGNATURE], "pure signature: 0101"),
        ([(0x25, b"\1"), PURE_SIGNATURE], NO_KEY),
        ([(0x25, b"\1"), PURE_KEYHASH, ED25519.signature_tlv(GOOD)], BAD_ED25519),
    ],
)  # fmt: skip
def test_pure_ed25519_signs_the_image_itself(unprotected: Tlvs, refusal: str, make_ports: MakePorts) -> None:
    expect(verdict(make_ports({(0, PRIMARY): GOOD.with_tlvs(unprotected)}), PURE), refusal)


def test_a_hashing_loader_refuses_a_pure_signature(make_ports: MakePorts) -> None:
    digest, keyhash, _ = ED25519.tlvs(GOOD)
    image = GOOD.with_tlvs([digest, (0x25, b"\1"), keyhash, PURE_SIGNATURE])
    expect(
        verdict(make_ports({(0, PRIMARY): image}), ED25519.config()),
        BAD_ED25519,
    )


def test_a_protected_tlv_may_spill_in_the_wide_walk_only(make_ports: MakePorts) -> None:
    """Validation walks to the unprotected end; the counter update stops at the protected one."""
    # SEC_CNT's header ends the protected area, and the unprotected area's header is its payload.
    protected = struct.pack("<HHHH", 0x6908, 8, 0x50, 4)
    parts = ImageParts(payload=GOOD.payload, protected=[], header={"protect_tlv_size": 8})
    hashed = parts.hashed() + protected
    digest = hashlib.sha256(hashed).digest()
    signature = P256.sign(digest, HashAlgorithm.SHA256)
    image = hashed + area(0x6907, [(0x10, digest), KEYHASH, (0x22, signature)])
    answer = verdict(make_ports({(0, PRIMARY): image}), P256.config())
    expect(answer, "TLV SEC_CNT: 4 bytes at 0x88; the TLV section ends at 0x88")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"boot_max_align": 4}, "boot_max_align 4; legal: 8, 16, 32"),
        ({"image_number": 0}, "image_number 0; legal: 1 to 4"),
        ({"image_number": 5}, "image_number 5; legal: 1 to 4"),
        ({"pure": True}, "pure signatures with EC-P256; legal: ED25519"),
        ({"key_mode": KeyMode.KEYHASH}, "KEYHASH without keys; legal: at least one"),
    ],
)  # fmt: skip
def test_builds_that_do_not_exist(options: dict[str, Any], says: str) -> None:
    with pytest.raises(Bl2ConfigError, match=says):
        Bl2Config(signature_type=SignatureType.EC_P256, **options)
