"""ESP-IDF's images, error codes and service calls."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.esp_tee.errors import EspErr, EspError
from tfm_sim.interface.esp_tee.image import (
    APP_DESC_SIZE,
    BOOTLOADER_DESC_SIZE,
    EspAppDesc,
    EspAppDescMissing,
    EspBootloaderDesc,
    EspImageError,
    EspImageInfo,
    encode_image,
    read_image_info,
)
from tfm_sim.interface.esp_tee.ree_memory import ReeMemory, ReeMemoryFull
from tfm_sim.interface.esp_tee.service_calls import unpack_arguments

DESC = EspAppDesc(b"v1.2.3", b"v5.5", 7, b"lamp")
DATA = DESC.encode() + b"code"
WORDS = b"more"
IMAGE = encode_image([(0x42000020, DATA), (0x40800000, b"more")], entry=0x40800000, chip_revs=(1, 99))


def reader(image: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, length: image[offset : offset + length]


def info_of(image: bytes, room: int | None = None) -> EspImageInfo:
    return read_image_info(reader(image), len(image) if room is None else room)


def test_an_image_as_its_bytes_lie() -> None:
    """esp_app_format.h: a header of 24 bytes, segment headers of 8, the description in the first data."""
    assert IMAGE[:4] == bytes.fromhex("e9020220")
    assert IMAGE[4:8] == (0x40800000).to_bytes(4, "little")
    assert IMAGE[12:14] == (13).to_bytes(2, "little")
    assert IMAGE[15:19] == bytes([1, 0, 99, 0])
    assert IMAGE[23] == 1
    assert IMAGE[24:32] == (0x42000020).to_bytes(4, "little") + len(DATA).to_bytes(4, "little")
    assert IMAGE[32:36] == bytes.fromhex("3254cdab")
    body = IMAGE[:-32]
    assert len(body) % 16 == 0
    checksum = 0xEF
    for byte in DATA + b"more":
        checksum ^= byte
    assert body[-1] == checksum
    assert IMAGE[-32:] == hashlib.sha256(body).digest()


@pytest.mark.parametrize("size", [0, 1, 14, 15, 16, 17, 31, 47, 48])
def test_lengths(size: int) -> None:
    image = encode_image([(0, bytes(size))], entry=0)
    info = info_of(image + b"behind")
    assert info.image_len == len(image)
    assert info.hashed_len == len(image) - 32
    assert info.image_digest == hashlib.sha256(image[:-32]).digest()


def test_what_an_image_says_of_itself() -> None:
    info = info_of(IMAGE)
    assert (info.chip_id, info.min_chip_rev, info.max_chip_rev) == (13, 1, 99)
    assert EspAppDesc.decode(IMAGE[32 : 32 + APP_DESC_SIZE]) == DESC
    desc = EspBootloaderDesc(0x01020304, b"v5.5", 9)
    assert EspBootloaderDesc.decode(desc.encode()) == desc
    assert (len(DESC.encode()), len(desc.encode())) == (256, 80)


@pytest.mark.parametrize(
    ("length", "padded"), [(0x10000, True), (0xF001, True), (0xF000, False), (0x10001, False)]
)
def test_secure_padding_is_a_whole_page_with_the_rest_of_a_sector(length: int, padded: bool) -> None:
    assert EspImageInfo(0xE9, 13, 0, 99, length, b"").secure_padding is padded


def test_an_image_without_a_hash() -> None:
    bare = bytearray(IMAGE[:-32])
    bare[23] = 0
    info = info_of(bytes(bare))
    assert (info.image_len, info.image_digest) == (len(bare), b"")


@pytest.mark.parametrize(
    "image, room, message",
    [
        (b"", None, "image header: 0 bytes; legal: 24"),
        (IMAGE[:23], None, "image header: 23 bytes; legal: 24"),
        (b"\0" + IMAGE[1:], None, "image: magic 0x00; legal: 0xe9"),
        (IMAGE[:1] + b"\x11" + IMAGE[2:], None, "image: 17 segments; legal: up to 16"),
        (IMAGE[:1] + b"\x10" + IMAGE[2:], None, "image: segment "),
        # ESP-IDF verify_segment_header: whole words, below 16 MiB, mapped where they lie in a page.
        (IMAGE[:28] + b"\x03" + IMAGE[29:], None, "image: segment 0 of 0x103 bytes; legal: whole words"),
        (IMAGE[:28] + b"\xff" * 4 + IMAGE[32:], None, "image: segment 0 of 0xffffffff bytes; legal: whole"),
        (IMAGE[:28] + b"\0\0\0\1" + IMAGE[32:], None, "image: segment 0 of 0x1000000 bytes; legal: whole"),
        (IMAGE[:28] + b"\xfc\xff\xff\0" + IMAGE[32:], None, "image: segment 1 at 0x100001c; legal: inside"),
        (IMAGE[:24] + b"\x24" + IMAGE[25:], None, "image: segment 0 at 0x20 for 0x42000024; legal: the same"),
        (IMAGE[:24] + b"\x20\x20" + IMAGE[26:], None, "image: segment 0 at 0x20 for 0x42002020; legal: the"),
        (IMAGE, len(IMAGE) - 1, "image: 0x160 bytes; legal: up to 0x15f"),
        (IMAGE, 24, "image: segment 0 at 0x18; legal: inside 0x18 bytes"),
    ],
)
def test_what_is_no_image(image: bytes, room: int | None, message: str) -> None:
    with pytest.raises(EspImageError) as caught:
        info_of(image, room)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("page_bits", "address", "legal"),
    [
        (16, 0x42000020, True),
        (16, 0x42FF0020, True),
        (16, 0x42002020, False),
        (13, 0x42002020, True),
        (13, 0x42001020, False),
        # Any other size stands for 64 KiB, and what is not seen through the MMU may lie anywhere.
        (12, 0x42002020, False),
        (17, 0x42010020, True),
        (16, 0x41FFF000, True),
        (16, 0x43000000, True),
    ],
)
def test_the_pages_of_an_application(page_bits: int, address: int, legal: bool) -> None:
    """ESP-IDF verify_segment_header: mmu_page_size of the description counts for all segments."""
    desc = bytearray(DESC.encode())
    desc[180] = page_bits
    image = encode_image([(address, bytes(desc)), (0x40800000, WORDS)], entry=0)
    if legal:
        assert read_image_info(reader(image), len(image), app=True).image_len == len(image)
    else:
        with pytest.raises(EspImageError, match="the same place in a page"):
            read_image_info(reader(image), len(image), app=True)


def test_an_application_without_its_description() -> None:
    """ESP-IDF verify_segment_header: an application has one, a boot loader has not."""
    other = encode_image([(0x40800000, bytes(256))], entry=0)
    assert info_of(other).image_len == len(other)
    with pytest.raises(EspAppDescMissing, match="magic word 0x00000000; legal: 0xabcd5432"):
        read_image_info(reader(other), len(other), app=True)
    short = encode_image([(0x40800000, DESC.encode()[:252])], entry=0)
    with pytest.raises(EspImageError, match="first segment: 252 bytes; legal: 256") as caught:
        read_image_info(reader(short), len(short), app=True)
    assert not isinstance(caught.value, EspAppDescMissing)


def test_headers_that_nobody_verified() -> None:
    """ESP-IDF process_image_header: until June 2026 magic and number of segments went unseen."""

    def found(image: bytes, *, app: bool = False) -> EspImageInfo:
        return read_image_info(reader(image), len(image), app=app, verify=False)

    assert found(b"\0" + IMAGE[1:]).magic == 0
    none_at_all = encode_image([(0, b"")] * 17, entry=0)
    with pytest.raises(EspImageError, match="image: 17 segments; legal: up to 16"):
        found(none_at_all)
    short = encode_image([(0x40800000, DESC.encode()[:252]), (0, bytes(4))], entry=0)
    assert found(short, app=True).image_len == len(short)
    desc = bytearray(DESC.encode())
    desc[180] = 12
    small = encode_image([(0x42001020, bytes(desc))], entry=0)
    assert found(small, app=True).image_len == len(small)


def test_an_image_without_segments() -> None:
    empty = encode_image([], entry=0)
    assert info_of(empty).image_len == len(empty) == 64


@pytest.mark.parametrize(
    "decode, raw, message",
    [
        (EspAppDesc.decode, bytes(255), "app description: 255 bytes; legal: 256"),
        (EspAppDesc.decode, bytes(256), "app description: magic word 0x00000000; legal: 0xabcd5432"),
        (EspBootloaderDesc.decode, bytes(79), "boot loader description: 79 bytes; legal: 80"),
        (EspBootloaderDesc.decode, bytes(80), "boot loader description: magic byte 0; legal: 80"),
    ],
)
def test_what_is_no_description(decode: Callable[[bytes], object], raw: bytes, message: str) -> None:
    with pytest.raises(EspImageError) as caught:
        decode(raw)
    assert str(caught.value) == message


@given(st.binary(max_size=400), st.integers(0, 500))
def test_arbitrary_bytes_raise_nothing_else(raw: bytes, room: int) -> None:
    for image in (raw, b"\xe9\x01" + raw, IMAGE[:24] + raw, b"\x32\x54\xcd\xab" + raw, b"P" + raw):
        try:
            info = info_of(image, room)
        except EspImageError:
            continue
        assert info.image_len <= room
        for decode, size in (
            (EspAppDesc.decode, APP_DESC_SIZE),
            (EspBootloaderDesc.decode, BOOTLOADER_DESC_SIZE),
        ):
            try:
                decode(image[:size])
            except EspImageError:
                continue


texts = st.binary(max_size=31).filter(lambda text: b"\0" not in text)


@given(texts, texts, st.integers(0, 0xFFFFFFFF), texts)
def test_a_description_comes_back(version: bytes, idf_ver: bytes, secure: int, name: bytes) -> None:
    desc = EspAppDesc(version, idf_ver, secure, name)
    assert EspAppDesc.decode(desc.encode()) == desc
    assert (
        EspAppDesc.decode(replace(desc, version=version + b"x" * 40).encode()).version[:31]
        == (version + b"x" * 40)[:31]
    )


@pytest.mark.parametrize(
    "value, name",
    [
        (0, "ESP_OK"),
        (-1, "ESP_FAIL"),
        (0x101, "ESP_ERR_NO_MEM"),
        (0x102, "ESP_ERR_INVALID_ARG"),
        (0x103, "ESP_ERR_INVALID_STATE"),
        (0x104, "ESP_ERR_INVALID_SIZE"),
        (0x105, "ESP_ERR_NOT_FOUND"),
        (0x106, "ESP_ERR_NOT_SUPPORTED"),
        (0x1102, "ESP_ERR_NVS_NOT_FOUND"),
        (0x1105, "ESP_ERR_NVS_NOT_ENOUGH_SPACE"),
        (0x1109, "ESP_ERR_NVS_KEY_TOO_LONG"),
        (0x2002, "ESP_ERR_IMAGE_INVALID"),
        (0x7777, "0x7777"),
    ],
)
def test_errors(value: int, name: str) -> None:
    assert EspErr(value).name == name
    assert str(EspError(value, "a_call")) == f"a_call: {name}"
    assert EspErr(value) == value


def test_an_error_is_a_number() -> None:
    with pytest.raises(ValueError, match="is not a valid EspErr"):
        EspErr("0")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "packed, arguments",
    [(b"", ()), (b"\1\0\0\0\xff\xff\xff\xff", (1, 0xFFFFFFFF)), (b"\1", None), (bytes(5), None)],
)
def test_arguments_of_a_service_call(packed: bytes, arguments: tuple[int, ...] | None) -> None:
    assert unpack_arguments(packed) == arguments


class NoClient:
    def store(self, address: int, data: bytes) -> None:
        self.last = address, data

    @property
    def cpu(self) -> "NoClient":
        return self


def test_buffers_lie_one_behind_the_other() -> None:
    client = NoClient()
    memory = ReeMemory(client, 0x1000, 32)  # type: ignore[arg-type]
    assert [memory.room(5), memory.put(b"ab"), memory.text("c")] == [0x1000, 0x1008, 0x100C]
    assert client.last == (0x100C, b"c\0")
    with pytest.raises(ReeMemoryFull, match="17 bytes of the REE's RAM; legal: up to 16"):
        memory.room(17)
    memory.clear()
    assert memory.room(32) == 0x1000
