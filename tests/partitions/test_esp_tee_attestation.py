"""The attestation services of ESP-TEE: pointers, sizes and errors, in the order of the checks."""

from collections.abc import Iterator

import pytest
from support.esp_tee import BOARD, CHALLENGE, booted, build_for, issue, object_texts, verifies

import tfm_sim
from tfm_sim import Device, DevicePanic, PsaError, TokenForm
from tfm_sim.interface.esp_tee.attestation import (
    esp_tee_att_generate_token,
    psa_initial_attest_get_token,
    psa_initial_attest_get_token_size,
)
from tfm_sim.interface.esp_tee.errors import EspErr, EspError
from tfm_sim.interface.esp_tee.service_calls import (
    ESP_TEE_ATTESTATION_HANDLE,
    ESP_TEE_SEC_STORAGE_HANDLE,
    TEE_SEC_STORAGE_HANDLE,
    SecureService,
    esp_tee_service_call,
)
from tfm_sim.interface.esp_tee.tee_sec_storage import TeeRequest
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.platform.board import AreaRole
from tfm_sim.tools.demo_firmware import IMAGES

INVALID_ARG, INVALID_SIZE = EspErr.ESP_ERR_INVALID_ARG, EspErr.ESP_ERR_INVALID_SIZE
ARGUMENT, TOO_SMALL = -135, -138
REE_START, REE_END = 0x40830000, 0x40880000
BUF, REF, LEN = 0x40834000, 0x40833000, 0x40833100
"""In the lower half of the REE's RAM, which is a program's own."""
TEE_RAM, TEE_FLASH, REE_FLASH, RTC, UART, NOWHERE = (
    0x40810000,
    0x42000000,
    0x42040000,
    0x50000000,
    0x60000000,
    0x20000000,
)
NULL = 0


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    with booted(TokenForm.DOCUMENT) as made:
        yield made


@pytest.fixture(scope="module")
def slot_device() -> Iterator[Device]:
    with booted(TokenForm.SLOT) as made:
        yield made


@pytest.fixture(scope="module")
def first_psa() -> Iterator[Device]:
    with booted(TokenForm.PSA) as made:
        yield made


@pytest.fixture(scope="module")
def newer() -> Iterator[Device]:
    with booted(TokenForm.CHALLENGE) as made:
        yield made


def generate(
    device: Device, ref: int = REF, buf: int = BUF, size: int = 1792, length: int = LEN
) -> tuple[int, bytes, int]:
    """(error, the buffer's first bytes, the length) after a call over a buffer of 0x5a."""
    cpu = device.ns.cpu
    cpu.store(REF, b"0716053550477-10100".ljust(32, b"\0"))
    cpu.store(LEN, b"\x5a" * 4)
    cpu.store(BUF, b"\x5a" * 2048)
    error = esp_tee_att_generate_token(device.ns, 1, 2, ref, buf, size, length)
    return error, cpu.load(BUF, 1900), int.from_bytes(cpu.load(LEN, 4), "little")


# One reason a line; what comes first in the code wins over what comes later.
@pytest.mark.parametrize(
    "arguments, error",
    [
        ({}, EspErr.ESP_OK),
        ({"ref": NULL}, INVALID_ARG),
        ({"buf": NULL}, INVALID_ARG),
        ({"length": NULL}, INVALID_ARG),
        *(({name: TEE_RAM}, INVALID_ARG) for name in ("ref", "buf", "length")),
        *(({name: TEE_FLASH}, INVALID_ARG) for name in ("ref", "buf", "length")),
        *(({name: UART}, INVALID_ARG) for name in ("ref", "buf", "length")),
        *(({name: NOWHERE}, INVALID_ARG) for name in ("ref", "buf", "length")),
        # The ends of the reference and of the buffer are looked at as addresses.
        ({"ref": REE_END - 20}, INVALID_ARG),
        ({"buf": REE_END - 1792}, INVALID_ARG),
        *(({name: REE_START - 4}, INVALID_ARG) for name in ("ref", "buf", "length")),
        # Memory of the REE of every kind will do for what is read.
        ({"ref": REE_FLASH}, EspErr.ESP_OK),
        ({"ref": RTC}, EspErr.ESP_OK),
        ({"buf": RTC}, EspErr.ESP_OK),
        ({"size": 0}, INVALID_ARG),
        ({"size": 1}, INVALID_SIZE),
        ({"size": 1791}, INVALID_SIZE),
        ({"size": 1792}, EspErr.ESP_OK),
        ({"size": 1800}, EspErr.ESP_OK),
        # Pointers come before the size.
        ({"ref": TEE_RAM, "size": 1}, INVALID_ARG),
        ({"length": NULL, "size": 0}, INVALID_ARG),
    ],
)
def test_generate_token(device: Device, slot_device: Device, arguments: dict[str, int], error: int) -> None:
    for each in (device, slot_device):
        found, buffer, length = generate(each, **arguments)
        assert found == error
        if error != EspErr.ESP_OK:
            assert buffer == b"\x5a" * 1900
            assert length == 0x5A5A5A5A


@pytest.mark.parametrize("form", [TokenForm.DOCUMENT, TokenForm.NAMED_KEY])
def test_no_room_is_a_size_in_the_code(form: TokenForm) -> None:
    with booted(form, errors_of_the_code=True) as coded:
        assert generate(coded, size=0)[0] == INVALID_SIZE
        assert generate(coded, size=0, buf=NULL)[0] == INVALID_ARG


def test_the_length_counts_the_nul_and_the_rest_of_the_buffer_is_zeros(device: Device) -> None:
    _, buffer, length = generate(device, size=1800)
    token, behind = buffer[: length - 1], buffer[length - 1 :]
    assert verifies(token)
    assert len(token) < 1792 - 128
    assert behind == bytes(1800 - length + 1) + b"\x5a" * 100


@pytest.mark.parametrize("argument", ["buf", "length"])
def test_a_store_into_the_flash_of_the_ree_takes_the_device_down(argument: str) -> None:
    """The check asks where a pointer points, and the CPU whether it may write there."""
    with booted() as victim, pytest.raises(DevicePanic, match="CPU store"):
        generate(victim, **{argument: REE_FLASH})


def test_a_size_may_wrap_round_the_address_space() -> None:
    """The end of the buffer is the byte in front of it then, which is the REE's: zeros find out."""
    with booted() as victim, pytest.raises(DevicePanic, match="found 4096 bytes at 0x40880000"):
        generate(victim, size=0xFFFFFFFF)


def test_the_reference_is_copied_further_than_it_is_checked() -> None:
    with booted() as victim, pytest.raises(DevicePanic, match="CPU load"):
        generate(victim, ref=REE_END - 21)


def test_a_reference_without_a_nul_runs_on_into_the_device_status(
    device: Device, slot_device: Device
) -> None:
    cpu = device.ns.cpu
    for each, status in ((device, b"\xff"), (slot_device, b"\xa5")):
        cpu = each.ns.cpu
        for size, behind in ((31, b""), (32, status), (40, status)):
            cpu.store(REF, (b"7" * size).ljust(64, b"\0"))
            assert esp_tee_att_generate_token(each.ns, 1, 2, REF, BUF, 1792, LEN) == EspErr.ESP_OK
            reference = b"7" * min(size, 32) + behind
            assert b'"psa_cert_ref":"' + reference + b'",' in cpu.load(BUF, 1792)


def test_a_reference_ends_with_its_first_nul(device: Device) -> None:
    device.ns.cpu.store(REF, b"0716053550477\0-10100".ljust(32, b"\0"))
    assert esp_tee_att_generate_token(device.ns, 1, 2, REF, BUF, 1792, LEN) == EspErr.ESP_OK
    assert b'"psa_cert_ref":"0716053550477",' in device.ns.cpu.load(BUF, 1792)


def get_token(
    device: Device,
    challenge: int = REF,
    challenge_size: int = 32,
    buf: int = BUF,
    size: int = 2048,
    length: int = LEN,
) -> int:
    device.ns.cpu.store(REF, CHALLENGE)
    return psa_initial_attest_get_token(device.ns, challenge, challenge_size, buf, size, length)


@pytest.mark.parametrize(
    "arguments, status",
    [
        ({}, 0),
        ({"challenge": NULL}, ARGUMENT),
        ({"buf": NULL}, ARGUMENT),
        ({"length": NULL}, ARGUMENT),
        *(({name: TEE_RAM}, ARGUMENT) for name in ("challenge", "buf", "length")),
        *(({name: UART}, ARGUMENT) for name in ("challenge", "buf", "length")),
        *(({"challenge_size": size}, ARGUMENT) for size in (0, 1, 31, 33, 47, 49, 63, 65, 0xFFFFFFFF)),
        ({"challenge_size": 48}, 0),
        ({"challenge_size": 64}, 0),
        # Whole ranges are looked at: one may end with the memory, and none may pass it.
        *(({name: REE_START - 1}, ARGUMENT) for name in ("challenge", "buf", "length")),
        ({"challenge": REE_END - 32}, 0),
        ({"challenge": REE_END - 31}, ARGUMENT),
        ({"buf": REE_END - 2048}, 0),
        ({"buf": REE_END - 2047}, ARGUMENT),
        ({"length": REE_END - 4}, 0),
        ({"length": REE_END - 3}, ARGUMENT),
        ({"size": 0}, ARGUMENT),
        ({"size": 1}, TOO_SMALL),
        ({"size": 2047}, TOO_SMALL),
        ({"size": 2048}, 0),
        # The size of the challenge comes before the room.
        ({"size": 1, "challenge_size": 33}, ARGUMENT),
    ],
)
def test_get_token(newer: Device, arguments: dict[str, int], status: int) -> None:
    assert get_token(newer, **arguments) == status


# December 2025 to April 2026: addresses were looked at, and the least room was less.
@pytest.mark.parametrize(
    "arguments, status",
    [
        ({"size": 1792}, 0),
        ({"size": 1791}, TOO_SMALL),
        ({"size": 0}, ARGUMENT),
        *(({name: NULL}, ARGUMENT) for name in ("challenge", "buf", "length")),
        *(({name: TEE_RAM}, ARGUMENT) for name in ("challenge", "buf", "length")),
        *(({name: REE_START - 4}, ARGUMENT) for name in ("challenge", "buf", "length")),
        ({"challenge": REE_END - 32}, ARGUMENT),
        ({"challenge": REE_END - 33}, 0),
        ({"buf": REE_END - 2048}, ARGUMENT),
        ({"buf": REE_END - 2049}, 0),
        ({"challenge_size": 33}, ARGUMENT),
        ({"challenge_size": 33, "size": 1}, ARGUMENT),
    ],
)
def test_get_token_of_2025(first_psa: Device, arguments: dict[str, int], status: int) -> None:
    assert get_token(first_psa, **arguments) == status


def test_the_size_went_to_any_address_in_2025(first_psa: Device) -> None:
    """The REE could have the TEE write 1792 into the TEE's own memory."""
    ask = psa_initial_attest_get_token_size
    assert ask(first_psa.ns, 32, 0) == ARGUMENT
    free = 0x4082FFF0
    first_psa.hardware.memory.write(free, bytes(4))
    assert ask(first_psa.ns, 32, free) == 0
    assert first_psa.hardware.memory.read(free, 4) == (1792).to_bytes(4, "little")


@pytest.mark.parametrize(
    "challenge_size, address, status, written",
    [
        (32, LEN, 0, 2048),
        (48, LEN, 0, 2048),
        (64, LEN, 0, 2048),
        *((size, LEN, ARGUMENT, 0xFFFFFFFF) for size in (0, 31, 33, 65)),
        (32, NULL, ARGUMENT, 0x5A5A5A5A),
        (32, TEE_RAM, ARGUMENT, 0x5A5A5A5A),
    ],
)
def test_get_token_size(newer: Device, challenge_size: int, address: int, status: int, written: int) -> None:
    newer.ns.cpu.store(LEN, b"\x5a" * 4)
    assert psa_initial_attest_get_token_size(newer.ns, challenge_size, address) == status
    assert int.from_bytes(newer.ns.cpu.load(LEN, 4), "little") == written


# A build has the service of its time; a call with other arguments than it takes is none of its calls.
@pytest.mark.parametrize(
    "form, service, arguments",
    [
        (TokenForm.DOCUMENT, SecureService.PSA_INITIAL_ATTEST_GET_TOKEN, (REF, 32, BUF, 2048, LEN)),
        (TokenForm.DOCUMENT, SecureService.PSA_INITIAL_ATTEST_GET_TOKEN_SIZE, (32, LEN)),
        (TokenForm.CHALLENGE, SecureService.ATT_GENERATE_TOKEN, (1, 2, REF, BUF, 1792, LEN)),
        (TokenForm.DOCUMENT, SecureService.ATT_GENERATE_TOKEN, (1, 2, REF, BUF, 1792)),
        (TokenForm.CHALLENGE, SecureService.PSA_INITIAL_ATTEST_GET_TOKEN, (REF,)),
        (TokenForm.CHALLENGE, 0, ()),
        (TokenForm.CHALLENGE, 32767, (1, 2, 3)),
    ],
)
def test_services_that_are_not_there(
    device: Device, newer: Device, form: TokenForm, service: int, arguments: tuple[int, ...]
) -> None:
    client = (newer if form is TokenForm.CHALLENGE else device).ns
    assert esp_tee_service_call(client, ESP_TEE_ATTESTATION_HANDLE, service, *arguments) == EspErr.ESP_FAIL


@pytest.mark.parametrize("handle", [ESP_TEE_ATTESTATION_HANDLE, ESP_TEE_SEC_STORAGE_HANDLE])
@pytest.mark.parametrize("packed", [b"", b"\0", bytes(7), bytes(64), b"\xff" * 16])
def test_arguments_that_are_no_row_of_words(device: Device, handle: int, packed: bytes) -> None:
    assert device.ns.psa_call(handle, SecureService.ATT_GENERATE_TOKEN, [packed]) == EspErr.ESP_FAIL


@pytest.mark.parametrize("request_", list(TeeRequest))
def test_the_ree_has_no_way_to_the_functions_of_the_tee(device: Device, request_: TeeRequest) -> None:
    """FF-M 1.1, psa_call: CONNECTION_REFUSED by the SPM, for the service is not for non-secure clients."""
    given = [b"slot0", bytes(8), bytes(32)]
    out = psa_outvec(bytearray(64))
    assert device.ns.psa_call(TEE_SEC_STORAGE_HANDLE, request_, given, [out]) == -130


# What a token is made of is on the heap at once: entries of 120 bytes, buffers of a fixed size.
@pytest.mark.parametrize(
    "form, heap, error",
    [
        (TokenForm.DOCUMENT, 0, EspErr.ESP_ERR_NO_MEM),
        (TokenForm.DOCUMENT, 359, EspErr.ESP_ERR_NO_MEM),
        (TokenForm.DOCUMENT, 360 + 1344 + 447, EspErr.ESP_ERR_NO_MEM),
        (TokenForm.DOCUMENT, 360 + 1344 + 448, EspErr.ESP_OK),
        (TokenForm.PSA, 360 + 1344 + 447, EspErr.ESP_ERR_NO_MEM),
        (TokenForm.PSA, 360 + 1344 + 448, EspErr.ESP_OK),
        (TokenForm.CHALLENGE, 360 + 1600 + 447, EspErr.ESP_ERR_NO_MEM),
        (TokenForm.CHALLENGE, 360 + 1600 + 448, EspErr.ESP_OK),
    ],
)
def test_heap(form: TokenForm, heap: int, error: int) -> None:
    with booted(form, free_heap=heap) as device:
        # Twice: what a token took it gave back.
        for _ in range(2):
            if error == EspErr.ESP_OK:
                assert verifies(issue(device, form))
                continue
            with pytest.raises((EspError, PsaError)) as caught:
                issue(device, form)
            refused = caught.value
            if isinstance(refused, EspError):
                assert refused.error == error
            if isinstance(refused, PsaError):
                assert refused.status == -132


HEADER = b'{"header":{"magic":"44fef7cc","encr_alg":"","sign_alg":"ecdsa_secp256r1_sha256","key_id":0}'


# Claims and key come before the buffer is cleared, so what they lack leaves it alone; then part by part.
@pytest.mark.parametrize(
    ("heap", "text", "behind"),
    [
        (0, b"", b"\x5a"),
        (359, b"", b"\x5a"),
        (360, b"{", b"\0"),
        (360 + 128, HEADER, b"\0"),
        (360 + 1344, HEADER, b"\0"),
    ],
)
def test_what_an_error_leaves_in_the_buffer(heap: int, text: bytes, behind: bytes) -> None:
    with booted(free_heap=heap) as device:
        error, buffer, length = generate(device)
    assert error == EspErr.ESP_ERR_NO_MEM
    assert buffer[:1792] == text.ljust(1792, behind)
    assert length == 0x5A5A5A5A


def test_claims_come_before_the_reference_is_copied() -> None:
    """Behind its last byte there is no memory: a copy takes the device down."""
    with booted(free_heap=359) as device:
        assert generate(device, ref=REE_END - 21)[0] == EspErr.ESP_ERR_NO_MEM


@pytest.mark.parametrize(
    ("offset", "signed"), [(0, b'{"header":{"magic":"44fef7cc","en'), (256, bytes(33)), (2048, b"7" * 33)]
)
def test_a_challenge_in_the_tokens_buffer_is_written_over_first(
    newer: Device, offset: int, signed: bytes
) -> None:
    """The TEE keeps its address and not its bytes: it signs what lies there when the claims are written."""
    newer.ns.cpu.store(BUF + offset, b"7" * 32)
    assert psa_initial_attest_get_token(newer.ns, BUF + offset, 32, BUF, 2048, LEN) == 0
    length = int.from_bytes(newer.ns.cpu.load(LEN, 4), "little")
    token = newer.ns.cpu.load(BUF, length - 1)
    assert verifies(token)
    assert f'"auth_challenge":"{signed[:32].hex()}"'.encode() in token


def reflash(device: Device, what: str) -> None:
    """Other bytes in flash behind the back of what runs, as an attacker with a programmer has it."""
    hardware = device.hardware
    where = {
        "boot loader": hardware.area_with_role(AreaRole.BL2_PRIMARY),
        "tee": hardware.slot(0, "primary"),
        "app": hardware.slot(1, "primary"),
    }[what.partition(",")[0]]
    assert where is not None
    start = where.offset
    at = {"boot loader": 1468, "tee": 0x400, "app": 0x400}[what.partition(",")[0]]
    change = {
        "magic": (at, b"\0"),
        "segments": (at + 1, b"\x11"),
        "length": (at + 28, b"\xff\xff\xff"),
        "description": (at + 32, b"\0"),
        "container": (0, b"\0"),
        "container's size": (12, b"\xff\xff\xff"),
        "hash flag": (at + 23, b"\0"),
    }[what.partition(", ")[2]]
    hardware.flash["flash0"].cells[start + change[0] : start + change[0] + len(change[1])] = change[1]


PARTS = ("boot loader", "tee", "app")
IMAGE_INVALID, NOT_FOUND = EspErr.ESP_ERR_IMAGE_INVALID, EspErr.ESP_ERR_NOT_FOUND


@pytest.mark.parametrize("form", [TokenForm.DOCUMENT, TokenForm.CHALLENGE])
@pytest.mark.parametrize(
    "what, error",
    [
        # ESP-TEE get_part_chip_rev: until June 2026 nobody asked for the magic before.
        *((f"{part}, magic", NOT_FOUND) for part in PARTS),
        *((f"{part}, segments", IMAGE_INVALID) for part in PARTS),
        *((f"{part}, length", IMAGE_INVALID) for part in PARTS),
        # ESP-IDF verify_segment_header: an application is asked for its description with the segments.
        *((f"{part}, description", EspErr.ESP_FAIL) for part in ("tee", "app")),
        ("boot loader, description", NOT_FOUND),
        *((f"{part}, container", NOT_FOUND) for part in ("tee", "app")),
        *((f"{part}, container's size", NOT_FOUND) for part in ("tee", "app")),
    ],
)
def test_images_that_cannot_be_read(form: TokenForm, what: str, error: int) -> None:
    with booted(form) as device:
        reflash(device, what)
        with pytest.raises((EspError, PsaError)) as caught:
            issue(device, form)
        refused = caught.value
        if isinstance(refused, EspError):
            assert refused.error == error
        if isinstance(refused, PsaError):
            assert refused.status == -132


def test_firmware_that_is_not_esp_idfs_cannot_be_attested() -> None:
    with booted() as device:
        device.flash_image(0, (IMAGES / "secure_1.0.0.bin").read_bytes())
        device.flash_image(1, (IMAGES / "non_secure_1.0.0.bin").read_bytes())
        device.reset()
        with pytest.raises(EspError, match="ESP_ERR_NOT_FOUND"):
            device.esp_tee.generate_token(1, 2)


def test_objects_of_a_token_stay_inside_their_buffers(device: Device, newer: Device) -> None:
    limits = {"header": 128, "public_key": 128, "sign": 192}
    for form, each in ((TokenForm.DOCUMENT, device), (TokenForm.CHALLENGE, newer)):
        texts = object_texts(issue(each, form))
        sizes = limits | {"eat": 1600 if form is TokenForm.CHALLENGE else 1344}
        assert all(len(texts[name]) < size for name, size in sizes.items())


def test_a_build_without_esp_tee_has_no_such_services() -> None:
    plain = build_for()
    with tfm_sim.boot("an521") as other, pytest.raises(Exception, match="no ESP-TEE"):
        _ = other.esp_tee
    assert plain.esp_tee is not None
    assert BOARD.name == "esp32c6_tee"
