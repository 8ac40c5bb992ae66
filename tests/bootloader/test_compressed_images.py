"""Compressed candidates: good outside, good inside, and plain in the primary slot."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.image_builder import ED25519, P256, P256_OTHER, RSA_2048, ImageParts, Signer, sec_cnt
from support.image_compression import HEADER, PAYLOAD, Compressed, compress
from support.image_encryption import FOR_EC256, KEY_128, Encrypted
from support.upgrade_bench import MakePorts, boot, damaged, upgrade

from tfm_sim.bootloader.config import Bl2ConfigError, UpgradeStrategy
from tfm_sim.bootloader.decompression import decompress_payload, plain_header
from tfm_sim.bootloader.inspect import FileSource
from tfm_sim.bootloader.ports import PRIMARY
from tfm_sim.interface.mcuboot.image import ImageError, ImageFlag, ImageHeader, read_header
from tfm_sim.interface.mcuboot.tlv import TlvType, find_protected, load_tlv
from tfm_sim.interface.mcuboot.trailer import boot_img_magic

QUICK = settings(max_examples=100, deadline=None)
OLD = P256.image(version=(1, 0, 0, 0))
NEW = Compressed(P256)
CONFIG = P256.config(decompression=True)
SIZE, SHA, SIGNATURE = NEW.inner_tlvs()


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


@pytest.mark.parametrize("signer", [P256, RSA_2048, ED25519], ids=lambda s: s.signature_type.value)
@pytest.mark.parametrize("thumb", [False, True])
def test_a_candidate_becomes_the_plain_image(signer: Signer, thumb: bool, make_ports: MakePorts) -> None:
    new = Compressed(signer, thumb=thumb)
    config = signer.config(decompression=True)
    image = new.image()
    assert len(image) < len(PAYLOAD)
    done = upgrade(make_ports, image, config)
    assert (done.booted, done.refusals) == (True, [])
    plain = signer.image(new.plain)
    # An ECDSA signature made again is the same here, for the test's keys sign deterministically.
    assert done.primary == (plain if not signer.signature_type.value.startswith("RSA") else
                            new.plain.with_tlvs([*signer.tlvs(new.plain)[:2],
                                                 (signer.config().signature.tlv, _inner_signature(image))])
                            ).ljust(0x2000, b"\xff")  # fmt: skip
    assert done.ports.security_counter(0) == 5
    assert boot(done.ports, config).booted
    assert boot(done.ports, signer.config()).booted, "a loader that knows no compression takes it"


def test_a_stream_is_decompressed_no_further_than_its_size_says() -> None:
    """64 MiB in 10 KB of data: the slot's size bounds DECOMP_SIZE, and that bounds the memory."""
    header = ImageHeader(flags=ImageFlag.COMPRESSED_LZMA2)
    bomb = compress(bytes(64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match="more bytes"):
            decompress_payload(header, bomb, 1000)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def _inner_signature(image: bytes) -> bytes:
    source = FileSource(image)
    tlv = find_protected(read_header(source), source, TlvType.DECOMP_SIGNATURE)
    assert tlv is not None
    return load_tlv(source, tlv)


def test_fast_copies_all_of_the_plain_image_and_writes_the_magic(make_ports: MakePorts) -> None:
    """MCUBOOT_OVERWRITE_ONLY_FAST: the size that counts is the plain image's."""
    done = upgrade(make_ports, NEW.image(), replace(CONFIG, overwrite_fast=True), OLD)
    plain = P256.image(NEW.plain)
    assert done.refusals == []
    assert done.primary == plain.ljust(0x2000 - 16, b"\xff") + boot_img_magic()


def test_an_image_without_other_protected_tlvs_has_no_protected_area_inside(make_ports: MakePorts) -> None:
    new = Compressed(P256, ImageParts(payload=PAYLOAD, protected=[]))
    config = P256.config(decompression=True, rollback=False, measured_boot=False)
    done = upgrade(make_ports, new.image(), config)
    assert done.refusals == []
    assert done.primary[: len(new.plain.hashed())] == new.plain.hashed()


BAD_LZMA = HEADER + b"\x03" + bytes(40)
OTHER = replace(NEW.plain, payload=PAYLOAD[:-1] + b"x")
OTHER_SIGNATURE = P256_OTHER.signature_tlv(NEW.plain)[1]
ROOM = 0x2000 - len(replace(NEW.plain, payload=b"").hashed())
"""What is too much for the primary slot."""
NONE = "none; a compressed image has it among its protected TLVs"


@pytest.mark.parametrize(
    ("image", "refusal"),
    [
        # what must be there
        (NEW.image([SHA, SIGNATURE]), f"DECOMP_SIZE: {NONE}"),
        (NEW.image([SIZE, SIGNATURE]), f"DECOMP_SHA: {NONE}"),
        (NEW.image([SIZE, SHA]), f"DECOMP_SIGNATURE: {NONE}"),
        (P256.image(replace(NEW.plain, protected=[], flags=0x400)), f"DECOMP_SIZE: {NONE}"),
        (NEW.image([(0x70, b"123"), SHA, SIGNATURE]), "DECOMP_SIZE: 3 bytes; wanted 4"),
        (NEW.image([SIZE, (0x71, bytes(31)), SIGNATURE]), "DECOMP_SHA: 31 bytes; wanted exactly 32"),
        (NEW.image([SIZE, SHA, (0x72, bytes(129))]), "DECOMP_SIGNATURE: 129 bytes; wanted at most 128"),
        # the room in the primary slot
        (NEW.image([(0x70, u32(ROOM)), SHA, SIGNATURE]), "decompressed size: 0x2000"),
        (NEW.image([(0x70, u32(ROOM - 1)), SHA, SIGNATURE]), "decompressed size: 2644"),
        (NEW.image([(0x70, b"\xff" * 4), SHA, SIGNATURE]), "decompressed size: 0x1000000"),
        # the outer image
        (NEW.parts().with_tlvs([(0x10, bytes(32)), *P256.tlvs(NEW.parts())[1:]]), "image hash: SHA256 TLV"),
        (NEW.parts().with_tlvs(P256_OTHER.tlvs(NEW.parts())), "signature: no signature by a trusted key"),
        (NEW.image(flags=0x200), "compression: no COMPRESSED_LZMA2; this loader decompresses LZMA2 only"),
        (NEW.image(flags=0x800), "compression: no COMPRESSED_LZMA2"),
        (NEW.image(flags=0x600), "flags: COMPRESSED_LZMA1, COMPRESSED_LZMA2; an image has one of the two"),
        # what is compressed
        (NEW.image(payload=BAD_LZMA), "compressed payload: bytes that are no LZMA2 data"),
        (NEW.image(payload=b"\x29" + compress(PAYLOAD)[1:]), "compressed payload: no LZMA2 header"),
        (NEW.image(payload=b"\x0a"), "compressed payload: no LZMA2 header"),
        (NEW.image(payload=HEADER), "decompressed size: 0 bytes; DECOMP_SIZE says"),
        (NEW.image(payload=compress(PAYLOAD)[:-9]), "decompressed size: "),
        (NEW.image(payload=compress(PAYLOAD)[:-1]), "decompressed size: "),
        (NEW.image(payload=compress(PAYLOAD) + b"\0\0"), "compressed payload: 2 bytes behind the end"),
        (NEW.image(payload=compress(PAYLOAD[:-1])), "decompressed size: "),
        (NEW.image(payload=compress(PAYLOAD + b"1")), "decompressed size: more bytes"),
        (NEW.image(payload=compress(OTHER.payload)), "plain image hash: DECOMP_SHA"),
        (NEW.image(flags=0xC00), "plain image hash: DECOMP_SHA"),
        # the inner signature
        (NEW.image([SIZE, SHA, (0x72, b"")]), "plain image signature: a DECOMP_SIGNATURE"),
        (NEW.image([SIZE, SHA, (0x72, OTHER_SIGNATURE)]), "plain image signature: a DECOMP_SIGNATURE"),
        (NEW.image([SIZE, (0x71, bytes(32)), SHA, SIGNATURE]), "plain image hash: DECOMP_SHA 00"),
    ],
)  # fmt: skip
def test_candidates_that_are_refused_and_erased(image: bytes, refusal: str, make_ports: MakePorts) -> None:
    done = upgrade(make_ports, image, CONFIG, OLD)
    assert [text[: len(refusal)] for text in done.refusals] == [refusal]
    assert done.booted and done.candidate_erased
    assert done.primary[: len(OLD)] == OLD


def test_a_loader_without_decompression_takes_none(make_ports: MakePorts) -> None:
    done = upgrade(make_ports, NEW.image(), P256.config(), OLD)
    assert done.refusals[0].startswith("flags: COMPRESSED_LZMA2; this loader is built without decompression")


def test_the_primary_slot_holds_no_compressed_image(make_ports: MakePorts) -> None:
    done = boot(make_ports({(0, PRIMARY): NEW.image()}), CONFIG)
    assert not done.booted
    assert done.refusals == ["flags: COMPRESSED_LZMA2; an image that runs in place cannot be compressed"]


def test_only_overwrite_only_decompresses() -> None:
    with pytest.raises(Bl2ConfigError, match="decompression with SWAP_USING_MOVE; legal: OVERWRITE_ONLY"):
        P256.config(decompression=True, strategy=UpgradeStrategy.SWAP_USING_MOVE)


def test_the_counter_inside_counts(make_ports: MakePorts) -> None:
    low = Compressed(P256, replace(NEW.plain, protected=[sec_cnt(3), NEW.plain.protected[1]]))
    assert upgrade(make_ports, low.image(), CONFIG, OLD).refusals[0].startswith("security counter: 3")
    none = Compressed(P256, replace(NEW.plain, protected=[]))
    assert (
        upgrade(make_ports, none.image(), CONFIG, OLD).refusals[0].startswith("security counter: no SEC_CNT")
    )


@pytest.mark.parametrize("keep", [True, False])
def test_compressed_and_encrypted(keep: bool, make_ports: MakePorts) -> None:
    """Encryption fills up to 16 bytes; COMP_DEC_SIZE says where the compressed data end."""
    plain = replace(NEW.plain, flags=4)
    new = Compressed(P256, plain)
    data = compress(PAYLOAD)
    filled = data + bytes(-len(data) % 16 or 16)
    size = [(0x73, len(data).to_bytes(4, "little"))] if keep else []
    parts = new.parts([*new.inner_tlvs(), *size], filled)
    encrypted = Encrypted(P256, FOR_EC256, KEY_128, parts=parts, flag=0)
    done = upgrade(make_ports, encrypted.image(), replace(CONFIG, **FOR_EC256.options()), OLD)
    if not keep:
        assert done.refusals == [f"COMP_DEC_SIZE: {NONE}"]
        return
    assert done.refusals == []
    assert done.primary[: len(plain.hashed())] == plain.hashed()


def header(flags: int = 0x400) -> ImageHeader:
    return ImageHeader(flags=ImageFlag(flags))


@pytest.mark.parametrize("code", [0, 10, 22, 39, 40])
def test_a_large_dictionary_costs_no_more_than_the_output(code: int) -> None:
    """Up to 4 GiB can be declared; no match reaches farther back than to the start."""
    payload = bytes([code]) + compress(b"abc" * 50)[1:]
    assert decompress_payload(header(), payload, 150) == b"abc" * 50


@given(st.binary(max_size=200), st.integers(0, 300), st.sampled_from([0x400, 0xC00, 0x800, 0x200]))
@QUICK
def test_no_bytes_as_compressed_data_raise_anything_else(data: bytes, size: int, flags: int) -> None:
    try:
        assert len(decompress_payload(header(flags), HEADER + data, size)) == size
    except ImageError:
        return


@given(st.binary(max_size=3000), st.booleans())
@QUICK
def test_what_was_compressed_comes_out(data: bytes, thumb: bool) -> None:
    flags = 0xC00 if thumb else 0x400
    assert decompress_payload(header(flags), compress(data, thumb=thumb), len(data)) == data


def test_a_header_of_the_plain_image() -> None:
    source = FileSource(NEW.image())
    found = plain_header(read_header(source), source)
    assert found.encode() == NEW.plain.hashed()[:32]


IMAGE = NEW.image()


@given(damaged(IMAGE))
@QUICK
def test_no_damage_raises_anything_but_a_refusal(make_ports: Callable[..., Any], image: bytes) -> None:
    assert upgrade(make_ports, image, CONFIG, OLD).booted


INNER = st.lists(
    st.tuples(st.sampled_from([0x70, 0x71, 0x72, 0x73, 0xA0]), st.binary(max_size=80))
    | st.sampled_from(NEW.inner_tlvs())
    | st.integers(0, 0x2000).map(lambda size: (0x70, u32(size))),
    max_size=6,
)


@given(
    INNER,
    st.binary(max_size=100).map(lambda data: HEADER + data)
    | st.binary(max_size=40)
    | st.just(compress(PAYLOAD)),
    st.sampled_from([0x400, 0xC00, 0x800, 0x200, 0x404, 0x40C]),
)
@QUICK
def test_nothing_that_a_trusted_key_has_signed_raises_anything_but_a_refusal(
    make_ports: Callable[..., Any], inner: list[tuple[int, bytes]], payload: bytes, flags: int
) -> None:
    config = replace(CONFIG, **FOR_EC256.options())
    done = upgrade(make_ports, NEW.image(inner, payload, flags), config, OLD)
    assert done.booted
    assert done.refusals or done.primary[:32] == NEW.plain.hashed()[:32]
