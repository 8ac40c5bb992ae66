"""Image keys: which TLV has one, what unwraps it, and AES-CTR over any range of a payload."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from support.image_builder import P256, ImageParts, area, sec_cnt
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
    aes_ctr,
)

from tfm_sim.bootloader.config import Bl2Config, Bl2ConfigError, UpgradeStrategy
from tfm_sim.bootloader.encryption import EncKey, boot_decrypt_key, boot_enc_load, is_encrypted
from tfm_sim.bootloader.encryption_key import (
    EncryptionKeyError,
    EncryptionType,
    decode_encryption_key,
    load_encryption_key,
)
from tfm_sim.bootloader.inspect import FileSource
from tfm_sim.interface.mcuboot.image import ImageError, read_header
from tfm_sim.interface.mcuboot.tlv import TlvType

QUICK = settings(max_examples=100, deadline=None)
RECIPIENTS = {
    "RSA": FOR_RSA,
    "EC256": FOR_EC256,
    "X25519": FOR_X25519,
    "X25519_SHA512": FOR_X25519_SHA512,
    "KW": FOR_KW,
    "KW_256": FOR_KW_256,
}


def loader(recipient: Recipient, **more: Any) -> Bl2Config:
    return replace(P256.config(), **recipient.options(**more))


def load(image: bytes, config: Bl2Config) -> EncKey | None:
    source = FileSource(image)
    return boot_enc_load(source, read_header(source), config)


# A key encryption key is as long as the image keys that it wraps; the other ways take both lengths.
WRAPPED_KEYS = [
    (name, key)
    for name, recipient in RECIPIENTS.items()
    for key in (KEY_128, KEY_256)
    if recipient.encryption is not EncryptionType.KW or len(key) == len(recipient.encoding)
]


@pytest.mark.parametrize(("name", "key"), WRAPPED_KEYS)
def test_each_wrapping_gives_the_image_key(name: str, key: bytes) -> None:
    recipient = RECIPIENTS[name]
    config = loader(recipient, aes_256=len(key) == 32)
    type_, value = recipient.tlv(key)
    assert (type_, len(value)) == (config.enc_tlv, config.enc_tlv_size)
    parts = Encrypted(P256, recipient, key)
    assert load(parts.image([*P256.tlvs(parts.flagged), (type_, value)]), config) == EncKey(key, value)


@pytest.mark.parametrize("name", RECIPIENTS)
def test_a_changed_bit_in_the_wrapping_is_an_error(name: str) -> None:
    recipient = RECIPIENTS[name]
    config = loader(recipient)
    key = KEY_256 if config.aes_256 else KEY_128
    value = recipient.tlv(key)[1]
    for position in range(0, len(value), 7):
        changed = bytearray(value)
        changed[position] ^= 0x40
        try:
            # A Montgomery point has one bit that does not count.
            assert boot_decrypt_key(bytes(changed), config) == key and position == 31
        except ImageError as error:
            assert str(error) == (
                f"image key: found an {config.enc_tlv.name if config.enc_tlv else ''} that does not unwrap; "
                "it must be wrapped for this loader's key"
            )


TLV = FOR_EC256.tlv(KEY_128)
LENGTH = "image key: found 112 bytes of ENC_EC256; this loader takes exactly 113"
UNWRAP = "image key: found an ENC_EC256 that does not unwrap"


@pytest.mark.parametrize(
    ("extra", "answer"),
    [
        ([TLV], KEY_128),
        ([FOR_EC256.tlv(bytes(16)), TLV], bytes(16)),  # the first one counts
        ([], None),
        ([FOR_X25519.tlv(KEY_128), FOR_RSA.tlv(KEY_128)], None),  # TLVs of other kinds do not count
        ([FOR_X25519.tlv(KEY_128), TLV], KEY_128),
        ([(TLV[0], TLV[1][:-1])], LENGTH),
        ([FOR_EC256.tlv(KEY_256)], "image key: found 129 bytes of ENC_EC256"),
        ([(TLV[0], b"")], "image key: found 0 bytes of ENC_EC256"),
        ([(TLV[0], bytes(113))], UNWRAP),
        ([(TLV[0], b"\x04" + bytes(112))], UNWRAP),
    ],
)  # fmt: skip
def test_what_boot_enc_load_answers(extra: list[tuple[int, bytes]], answer: bytes | str | None) -> None:
    """Not found is None and no error; another length, or a wrapping that does not open, is one."""
    image = Encrypted(P256, FOR_EC256).image([*P256.tlvs(ImageParts()), *extra])
    if isinstance(answer, str):
        with pytest.raises(ImageError) as raised:
            load(image, loader(FOR_EC256))
        assert str(raised.value).startswith(answer)
    else:
        found = load(image, loader(FOR_EC256))
        assert (None if found is None else found.key) == answer


def test_the_tlv_may_stand_among_the_protected_ones() -> None:
    """The walk of boot_enc_load is the wide one."""
    parts = ImageParts(protected=[sec_cnt(5), TLV])
    found = load(Encrypted(P256, FOR_EC256, parts=parts).image([]), loader(FOR_EC256))
    assert found is not None and found.key == KEY_128


def test_broken_tlvs_are_an_error_and_not_a_missing_key() -> None:
    image = ImageParts(flags=4).hashed() + area(0x6907, [])[:2] + b"\x0a\x00" + b"\x32\x00\xff\x00" + b"12"
    with pytest.raises(ImageError, match="TLV ENC_EC256: found 255 bytes"):
        load(image, loader(FOR_EC256))


def test_key_sizes_are_the_builds_and_not_the_flags() -> None:
    """MCUboot BOOT_ENC_KEY_SIZE is a build option: a header's flag only says that there is encryption."""
    for flag in (0x04, 0x08):
        image = Encrypted(P256, FOR_EC256, KEY_256, flag=flag).image()
        found = load(image, loader(FOR_EC256, aes_256=True))
        assert found is not None and found.key == KEY_256
        assert is_encrypted(read_header(FileSource(image)))
    # An RSA TLV is 256 bytes long for both: too long a key is an error, too short a one leaves erased bytes.
    with pytest.raises(ImageError, match="does not unwrap"):
        load(Encrypted(P256, FOR_RSA, KEY_256).image(), loader(FOR_RSA))
    short = load(Encrypted(P256, FOR_RSA, KEY_128).image(), loader(FOR_RSA, aes_256=True))
    assert short is not None and short.key == KEY_128 + b"\xff" * 16


@given(
    st.binary(max_size=80), st.integers(0, 100), st.sampled_from([KEY_128, KEY_256]), st.integers(0, 1 << 20)
)
@QUICK
def test_any_range_by_itself_is_the_range_of_the_whole(
    data: bytes, skip: int, key: bytes, block: int
) -> None:
    whole = EncKey(key).crypt(bytes(skip) + data, 0)
    assert whole == aes_ctr(key, bytes(skip) + data)
    assert EncKey(key).crypt(data, skip) == whole[skip:]
    far = 16 * block + skip
    assert EncKey(key).crypt(EncKey(key).crypt(data, far), far) == data


@pytest.mark.parametrize("step", [1, 7, 16, 64, 1024])
@pytest.mark.parametrize("hdr_size", [0x20, 0x21, 0x40])
def test_a_copy_in_pieces_touches_the_payload_only(step: int, hdr_size: int) -> None:
    made = Encrypted(P256, FOR_EC256, parts=ImageParts(hdr_size=hdr_size, payload=bytes(range(150))))
    image, plain = made.image(), made.plain()
    header = read_header(FileSource(image))
    pieces = [
        EncKey(KEY_128).crypt_image(header, image[at : at + step], at) for at in range(0, len(image), step)
    ]
    assert b"".join(pieces) == plain


def test_aes_key_wrap_is_that_of_rfc_3394() -> None:
    """RFC 3394, sections 4.1 and 4.6."""
    kek = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
    config = loader(Recipient(EncryptionType.KW, kek))
    wrapped = bytes.fromhex("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5")
    assert boot_decrypt_key(wrapped, config) == bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    config = loader(Recipient(EncryptionType.KW, bytes(range(32))))
    wrapped = bytes.fromhex(
        "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
    )
    key = "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F"
    assert boot_decrypt_key(wrapped, config) == bytes.fromhex(key)


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, (None, 0, 0)),
        (FOR_RSA.options(), (TlvType.ENC_RSA2048, 256, 16)),
        (FOR_RSA.options(aes_256=True), (TlvType.ENC_RSA2048, 256, 32)),
        (FOR_RSA.options(save_enctlv=True), (TlvType.ENC_RSA2048, 256, 256)),
        (FOR_KW.options(), (TlvType.ENC_KW, 24, 16)),
        (FOR_KW_256.options(), (TlvType.ENC_KW, 40, 32)),
        (FOR_EC256.options(), (TlvType.ENC_EC256, 113, 16)),
        (FOR_EC256.options(save_enctlv=True), (TlvType.ENC_EC256, 113, 120)),
        (FOR_EC256.options(save_enctlv=True, aes_256=True), (TlvType.ENC_EC256, 129, 136)),
        (FOR_EC256.options(boot_max_align=32), (TlvType.ENC_EC256, 113, 32)),
        (FOR_X25519.options(), (TlvType.ENC_X25519, 80, 16)),
        (FOR_X25519.options(aes_256=True), (TlvType.ENC_X25519, 96, 32)),
        (FOR_X25519_SHA512.options(), (TlvType.ENC_X25519_SHA512, 112, 16)),
        (
            FOR_X25519_SHA512.options(save_enctlv=True, boot_max_align=32),
            (TlvType.ENC_X25519_SHA512, 112, 128),
        ),
    ],
)  # fmt: skip
def test_sizes_of_a_build(options: dict[str, Any], sizes: tuple[TlvType | None, int, int]) -> None:
    """The TLV, its size, and what a trailer has for one key (MCUboot enc_key_public.h)."""
    config = P256.config(**options)
    assert (config.enc_tlv, config.enc_tlv_size, config.enc_cell_size) == sizes


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (FOR_RSA.options(strategy=UpgradeStrategy.DIRECT_XIP), "encryption with DIRECT_XIP; legal: all"),
        (FOR_RSA.options(strategy=UpgradeStrategy.DIRECT_XIP_REVERT), r"encryption with DIRECT_XIP\+REVERT"),
        (FOR_EC256.options(hmac_sha512=True), "hmac_sha512 with EC256; legal: X25519"),
        (FOR_EC256.options(encryption_key=b""), "EC256: found no DER private key; legal: a P-256"),
        (FOR_EC256.options(encryption_key=FOR_X25519.encoding), "EC256: found X25519PrivateKey"),
        (FOR_RSA.options(encryption_key=FOR_EC256.encoding), "RSA: found ECPrivateKey; legal: an RSA"),
        (FOR_KW.options(encryption_key=bytes(24)), "KW: found 24 bytes; legal: the 16 or 32 bytes of a key"),
        (FOR_KW.options(aes_256=True), "a key encryption key of 16 bytes; legal: 32, as image keys have"),
    ],
)  # fmt: skip
def test_builds_that_there_are_not(options: dict[str, Any], error: str) -> None:
    with pytest.raises(Bl2ConfigError, match=error):
        P256.config(**options)


def test_a_loader_may_hold_its_rsa_key_as_pkcs_1(mcuboot_data: Path) -> None:
    """As MCUboot compiles it in."""
    key = load_pem_private_key((mcuboot_data / "key_enc_rsa2048.pem").read_bytes(), None)
    encoding = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert decode_encryption_key(EncryptionType.RSA, encoding) is not None


@pytest.mark.parametrize(
    ("file", "encryption"),
    [
        ("key_enc_rsa2048.pem", EncryptionType.RSA),
        ("key_enc_p256.pem", EncryptionType.EC256),
        ("key_enc_x25519.pem", EncryptionType.X25519),
    ],
)
def test_a_key_file_says_what_it_is_for(file: str, encryption: EncryptionType, mcuboot_data: Path) -> None:
    found, encoding = load_encryption_key(mcuboot_data / file)
    assert found is encryption
    assert decode_encryption_key(encryption, encoding)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "no such key; legal: a PEM private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no such key"),
        ("key_p384.pem", "found ECPrivateKey; legal: a PEM private key without password"),
        ("key_enc_p256_pub.pem", "no such key"),
    ],
)
def test_other_key_files_are_refused(
    content: bytes | str, error: str, mcuboot_data: Path, tmp_path: Path
) -> None:
    file = mcuboot_data / content if isinstance(content, str) else tmp_path / "key"
    if isinstance(content, bytes):
        file.write_bytes(content)
    with pytest.raises(EncryptionKeyError, match=error):
        load_encryption_key(file)


def test_key_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(EncryptionKeyError, match="cannot read the key"):
        load_encryption_key(tmp_path / "none")
    with pytest.raises(EncryptionKeyError, match="cannot read the key"):
        load_encryption_key(Path("a\0b"))
    (tmp_path / "kek").write_bytes(bytes(32))
    assert load_encryption_key(tmp_path / "kek") == (EncryptionType.KW, bytes(32))


@given(tlv=st.binary(max_size=300), name=st.sampled_from(sorted(RECIPIENTS)))
@QUICK
def test_no_bytes_as_a_wrapped_key_raise_anything_else(tlv: bytes, name: str) -> None:
    config = loader(RECIPIENTS[name])
    with pytest.raises(ImageError, match="does not unwrap"):
        boot_decrypt_key(tlv, config)
