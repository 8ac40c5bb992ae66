"""The TEE's secure storage: keys in slots and under names, who may use them, what a power cut leaves."""

import hashlib
from collections.abc import Iterator
from functools import partial

import pytest
from support.esp_tee import booted, error_of, good, issue

from tfm_sim import Device, DevicePanic, PowerCut, TokenForm
from tfm_sim.interface.esp_tee.errors import EspErr
from tfm_sim.interface.esp_tee.sec_storage import (
    AeadCtx,
    KeyCfg,
    KeyFlag,
    KeyType,
    SlotKeyType,
    esp_tee_sec_storage_aead_decrypt,
    esp_tee_sec_storage_aead_encrypt,
    esp_tee_sec_storage_clear_key,
    esp_tee_sec_storage_ecdsa_get_pubkey,
    esp_tee_sec_storage_ecdsa_sign,
    esp_tee_sec_storage_gen_key,
    esp_tee_sec_storage_get_pubkey,
    esp_tee_sec_storage_get_signature,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_STORAGE_FAILURE,
)
from tfm_sim.partitions.tee_sec_storage.keys import SecStorageKeys

OK, FAIL = EspErr.ESP_OK, EspErr.ESP_FAIL
INVALID_ARG, INVALID_STATE = EspErr.ESP_ERR_INVALID_ARG, EspErr.ESP_ERR_INVALID_STATE
INVALID_SIZE, NOT_FOUND = EspErr.ESP_ERR_INVALID_SIZE, EspErr.ESP_ERR_NOT_FOUND
NVS_NOT_FOUND, NOT_SUPPORTED = EspErr.ESP_ERR_NVS_NOT_FOUND, EspErr.ESP_ERR_NOT_SUPPORTED
DIGEST = hashlib.sha256(b"a message").digest()
TEE_RAM, REE_END, NOWHERE = 0x40810000, 0x40880000, 0x20000000
P = 0x40834000
"""Where buffers of these tests begin: the REE's own RAM."""


@pytest.fixture(scope="module")
def slots() -> Iterator[Device]:
    with booted(TokenForm.SLOT) as device:
        device.esp_tee.slots.gen_key(1)
        device.esp_tee.slots.gen_key(2, SlotKeyType.AES256)
        issue(device, TokenForm.SLOT)
        yield device


@pytest.fixture(scope="module")
def names() -> Iterator[Device]:
    with booted(TokenForm.CHALLENGE) as device:
        storage = device.esp_tee.sec_storage
        storage.gen_key("ecdsa")
        storage.gen_key("aes", KeyType.AES256)
        storage.gen_key("once", KeyType.ECDSA_SECP256R1, KeyFlag.WRITE_ONCE)
        issue(device, TokenForm.CHALLENGE)
        yield device


# Slots, one rule a line; slot 0 is the attestation's, 1 has a key to sign with, 2 one to encrypt with.
@pytest.mark.parametrize(
    "slot, gen, signature, pubkey, empty",
    [
        (0, INVALID_STATE, INVALID_ARG, INVALID_ARG, False),
        (1, INVALID_STATE, OK, OK, False),
        (2, INVALID_STATE, NOT_FOUND, NOT_FOUND, False),
        (3, None, NOT_FOUND, NOT_FOUND, True),
        (14, None, NOT_FOUND, NOT_FOUND, True),
        (15, INVALID_ARG, INVALID_ARG, INVALID_ARG, False),
        (65535, INVALID_ARG, INVALID_ARG, INVALID_ARG, False),
    ],
)
def test_slots(slots: Device, slot: int, gen: int | None, signature: int, pubkey: int, empty: bool) -> None:
    api = slots.esp_tee.slots
    assert api.is_slot_empty(slot) is empty
    assert error_of(lambda: api.get_signature(slot, DIGEST)) == signature
    assert error_of(lambda: api.get_pubkey(slot)) == pubkey
    if gen is not None:
        assert error_of(lambda: api.gen_key(slot)) == gen


@pytest.mark.parametrize(("slot", "error"), [(0, INVALID_STATE), (3, OK), (15, INVALID_ARG)])
def test_clearing_slots(slots: Device, slot: int, error: int) -> None:
    assert error_of(lambda: slots.esp_tee.slots.clear_slot(slot)) == error


def test_a_slot_is_taken_until_it_is_cleared(slots: Device) -> None:
    api = slots.esp_tee.slots
    api.gen_key(5)
    first = api.get_pubkey(5)
    assert good(first, api.get_signature(5, DIGEST), DIGEST)
    assert error_of(lambda: api.gen_key(5)) == INVALID_STATE
    api.clear_slot(5)
    assert api.is_slot_empty(5)
    api.gen_key(5)
    assert api.get_pubkey(5) != first
    api.clear_slot(5)


class BrokenStorage:
    def psa_call(self, *_arguments: object) -> int:
        return PSA_ERROR_STORAGE_FAILURE


def test_a_slot_that_cannot_be_read_is_not_empty() -> None:
    keys = SecStorageKeys(BrokenStorage())  # type: ignore[arg-type]
    assert keys.exists(b"slot0")
    assert keys.gen(b"slot0", KeyType.AES256, 0) == FAIL
    assert keys.clear(b"slot0") == FAIL
    assert keys.ecdsa_get_pubkey(b"slot0", KeyType.ECDSA_SECP256R1) == (FAIL, b"")


def test_an_unknown_type_leaves_the_slot_empty(slots: Device) -> None:
    assert error_of(lambda: slots.esp_tee.slots.gen_key(6, 2)) == NOT_SUPPORTED  # type: ignore[arg-type]
    assert slots.esp_tee.slots.is_slot_empty(6)


@pytest.mark.parametrize(
    "hash, hlen, out, error",
    [
        (P, 32, P + 64, OK),
        (0, 32, P, INVALID_ARG),
        (P, 32, 0, INVALID_ARG),
        (TEE_RAM, 32, P, INVALID_ARG),
        (P, 32, TEE_RAM, INVALID_ARG),
        (REE_END - 32, 32, P, INVALID_ARG),
        (P, 32, REE_END - 64, INVALID_ARG),
        (P, 0, P, INVALID_SIZE),
    ],
)
def test_pointers_of_a_signature(slots: Device, hash: int, hlen: int, out: int, error: int) -> None:
    assert esp_tee_sec_storage_get_signature(slots.ns, 1, hash, hlen, out) == error


@pytest.mark.parametrize(
    ("out", "error"),
    [(P, OK), (0, INVALID_ARG), (TEE_RAM, INVALID_ARG), (REE_END - 64, INVALID_ARG), (REE_END - 65, OK)],
)
def test_pointers_of_a_public_key(slots: Device, out: int, error: int) -> None:
    assert esp_tee_sec_storage_get_pubkey(slots.ns, 1, out) == error


# Keys under names: what each call says of a key that is there, of another type, the TEE's, or not there.
@pytest.mark.parametrize(
    "name, gen, sign, pubkey, clear",
    [
        ("ecdsa", INVALID_STATE, OK, OK, None),
        ("aes", INVALID_STATE, INVALID_STATE, INVALID_STATE, None),
        ("once", INVALID_STATE, OK, OK, INVALID_STATE),
        ("tee_att_key0", INVALID_ARG, INVALID_ARG, INVALID_ARG, INVALID_STATE),
        ("absent", None, NVS_NOT_FOUND, NVS_NOT_FOUND, NOT_FOUND),
        ("", None, NVS_NOT_FOUND, NVS_NOT_FOUND, NOT_FOUND),
        ("sixteen_letters_", EspErr.ESP_ERR_NVS_KEY_TOO_LONG, NVS_NOT_FOUND, NVS_NOT_FOUND, NOT_FOUND),
    ],
)
def test_names(names: Device, name: str, gen: int | None, sign: int, pubkey: int, clear: int | None) -> None:
    api = names.esp_tee.sec_storage
    if gen is not None:
        assert error_of(lambda: api.gen_key(name)) == gen
    assert error_of(lambda: api.ecdsa_sign(name, DIGEST)) == sign
    assert error_of(lambda: api.ecdsa_get_pubkey(name)) == pubkey
    if clear is not None:
        assert error_of(lambda: api.clear_key(name)) == clear


# The leftmost 32 bytes as a number, as Mbed TLS's own ECDSA took any digest until December 2025.
@pytest.mark.parametrize("size", [1, 20, 31, 32, 33, 64])
def test_a_digest_of_another_size_was_signed_until_2025(slots: Device, size: int) -> None:
    given = bytes(range(1, 1 + size))
    signed = given[:32].rjust(32, b"\0")
    assert good(slots.esp_tee.slots.get_pubkey(1), slots.esp_tee.slots.get_signature(1, given), signed)


def test_a_named_key_signs(names: Device) -> None:
    api = names.esp_tee.sec_storage
    assert good(api.ecdsa_get_pubkey("ecdsa"), api.ecdsa_sign("ecdsa", DIGEST), DIGEST)


@pytest.mark.parametrize(
    "key_type, flags, error",
    [
        (KeyType.ECDSA_SECP256R1, 0, OK),
        (KeyType.AES256, 0, OK),
        (2, 0, NOT_SUPPORTED),
        (3, 0, NOT_SUPPORTED),
        (KeyType.AES256, KeyFlag.TEE_ONLY, INVALID_ARG),
        (2, KeyFlag.TEE_ONLY | KeyFlag.WRITE_ONCE, INVALID_ARG),
    ],
)
def test_types_and_flags(names: Device, key_type: int, flags: int, error: int) -> None:
    api = names.esp_tee.sec_storage
    assert error_of(lambda: api.gen_key("made", key_type, flags)) == error  # type: ignore[arg-type]
    assert error_of(lambda: api.clear_key("made")) == (OK if error == OK else NOT_FOUND)


def cfg(device: Device, at: int = P, name: str = "ecdsa", key_type: int = KeyType.ECDSA_SECP256R1) -> int:
    device.ns.cpu.store(P + 512, name.encode() + b"\0")
    device.ns.cpu.store(at, KeyCfg.pack(P + 512, key_type, 0))
    return at


@pytest.mark.parametrize(
    "where, hash, hlen, out, error",
    [
        (P, P + 64, 32, P + 128, OK),
        (0, P + 64, 32, P + 128, INVALID_ARG),
        (TEE_RAM, P + 64, 32, P + 128, INVALID_ARG),
        (P, 0, 32, P + 128, INVALID_ARG),
        (P, P + 64, 0, P + 128, INVALID_ARG),
        (P, TEE_RAM, 32, P + 128, INVALID_ARG),
        (P, P + 64, 32, 0, INVALID_ARG),
        (P, P + 64, 32, REE_END - 63, INVALID_ARG),
        (P, P + 64, 32, REE_END - 64, OK),
        (P, P + 64, 31, P + 128, FAIL),
    ],
)
def test_pointers_of_a_named_signature(
    names: Device, where: int, hash: int, hlen: int, out: int, error: int
) -> None:
    cfg(names)
    assert esp_tee_sec_storage_ecdsa_sign(names.ns, where, hash, hlen, out) == error


@pytest.mark.parametrize("where", [0, TEE_RAM, REE_END - KeyCfg.size + 1])
def test_a_configuration_is_wholly_the_rees(names: Device, where: int) -> None:
    assert esp_tee_sec_storage_gen_key(names.ns, where) == INVALID_ARG
    assert esp_tee_sec_storage_ecdsa_get_pubkey(names.ns, where, P + 64) == INVALID_ARG


@pytest.mark.parametrize(
    ("out", "error"),
    [(0, INVALID_ARG), (TEE_RAM, INVALID_ARG), (REE_END - 63, INVALID_ARG), (REE_END - 64, OK)],
)
def test_where_a_named_public_key_goes(names: Device, out: int, error: int) -> None:
    assert esp_tee_sec_storage_ecdsa_get_pubkey(names.ns, cfg(names), out) == error


def test_a_name_that_is_taken_comes_before_a_type_that_is_not_known(names: Device) -> None:
    assert esp_tee_sec_storage_gen_key(names.ns, cfg(names, key_type=2)) == INVALID_STATE


def test_null_for_a_name(names: Device) -> None:
    names.ns.cpu.store(P, KeyCfg.pack(0, KeyType.AES256, 0))
    assert esp_tee_sec_storage_gen_key(names.ns, P) == INVALID_ARG
    assert esp_tee_sec_storage_ecdsa_get_pubkey(names.ns, P, P + 64) == INVALID_ARG
    assert esp_tee_sec_storage_ecdsa_sign(names.ns, P, P + 64, 32, P + 128) == INVALID_ARG
    assert esp_tee_sec_storage_clear_key(names.ns, 0) == NOT_FOUND


def test_a_type_that_cannot_sign(names: Device) -> None:
    """The key is what the configuration says that it is, and it is no key to sign with."""
    where = cfg(names, name="aes", key_type=KeyType.AES256)
    assert esp_tee_sec_storage_ecdsa_sign(names.ns, where, P + 64, 32, P + 128) == INVALID_ARG
    assert esp_tee_sec_storage_ecdsa_get_pubkey(names.ns, where, P + 128) == INVALID_ARG


def test_a_name_in_the_memory_of_the_tee_is_followed_all_the_same() -> None:
    """ESP-IDF leaves these pointers unchecked: they find no key, or take the device down."""
    with booted(TokenForm.CHALLENGE) as victim:
        assert esp_tee_sec_storage_clear_key(victim.ns, TEE_RAM) == NOT_FOUND
        with pytest.raises(DevicePanic, match="CPU load"):
            esp_tee_sec_storage_clear_key(victim.ns, NOWHERE)


def test_encryption(names: Device) -> None:
    api = names.esp_tee.sec_storage
    iv, ciphertext, tag = api.aead_encrypt("aes", b"plain text", b"more")
    assert api.aead_decrypt("aes", iv, ciphertext, tag, b"more") == b"plain text"
    assert (len(iv), len(ciphertext), len(tag)) == (12, 10, 16)
    assert api.aead_encrypt("aes", b"plain text", b"more")[0] != iv
    for changed in (
        (b"\0" * 12, ciphertext, tag, b"more"),
        (iv, b"\0" * 10, tag, b"more"),
        (iv, ciphertext, b"\0" * 16, b"more"),
        (iv, ciphertext, tag, b""),
    ):
        assert error_of(partial(api.aead_decrypt, "aes", *changed)) == FAIL


CTX, IV, TAG, OUT, IN = P, P + 64, P + 96, P + 256, P + 128


@pytest.mark.parametrize(
    "changed, error",
    [
        ({}, OK),
        ({"ctx": 0}, INVALID_ARG),
        ({"ctx": TEE_RAM}, INVALID_ARG),
        *(({name: TEE_RAM}, INVALID_ARG) for name in ("input", "iv", "tag", "output")),
        ({"input_len": 0}, INVALID_ARG),
        ({"aad_len": 4}, INVALID_ARG),
        ({"aad_len": 4, "aad": TEE_RAM}, INVALID_ARG),
        ({"aad_len": 4, "aad": IN}, OK),
        ({"aad": TEE_RAM}, OK),
        ({"iv_len": 0}, INVALID_ARG),
        ({"iv_len": 11}, INVALID_SIZE),
        ({"iv_len": 13}, INVALID_SIZE),
        ({"tag_len": 11}, INVALID_SIZE),
        ({"tag_len": 12}, OK),
        ({"tag_len": 17}, INVALID_SIZE),
        ({"name": "ecdsa"}, INVALID_STATE),
        ({"name": "absent"}, NVS_NOT_FOUND),
        ({"name": "tee_att_key0"}, INVALID_ARG),
        ({"name": "absent", "iv_len": 11}, INVALID_SIZE),
    ],
)
def test_arguments_of_encryption(names: Device, changed: dict[str, int | str], error: int) -> None:
    given: dict[str, int | str] = {
        "name": "aes",
        "aad": 0,
        "aad_len": 0,
        "input": IN,
        "input_len": 16,
        "ctx": CTX,
        "iv": IV,
        "iv_len": 12,
        "tag": TAG,
        "tag_len": 16,
        "output": OUT,
    }
    given.update(changed)
    names.ns.cpu.store(P + 512, str(given["name"]).encode() + b"\0")
    words = [int(given[name]) for name in ("aad", "aad_len", "input", "input_len")]
    names.ns.cpu.store(CTX, AeadCtx.pack(P + 512, *words))
    rest = [int(given[name]) for name in ("ctx", "iv", "iv_len", "tag", "tag_len", "output")]
    assert esp_tee_sec_storage_aead_encrypt(names.ns, *rest) == error
    if error == OK:
        rest[-1], words[2] = IN, OUT
        names.ns.cpu.store(CTX, AeadCtx.pack(P + 512, *words))
        assert esp_tee_sec_storage_aead_decrypt(names.ns, *rest) == OK


def test_fifteen_keys_and_no_more() -> None:
    with booted(TokenForm.CHALLENGE) as device:
        api = device.esp_tee.sec_storage
        for index in range(15):
            api.gen_key(f"key{index}")
        assert error_of(lambda: api.gen_key("one more")) == EspErr.ESP_ERR_NVS_NOT_ENOUGH_SPACE
        # The attestation has no slot of its own kept free.
        with pytest.raises(Exception, match="GENERIC_ERROR"):
            issue(device, TokenForm.CHALLENGE)
        api.clear_key("key7")
        issue(device, TokenForm.CHALLENGE)


def test_a_power_cut_leaves_all_of_a_key_or_none_of_it() -> None:
    """At every second write of its making; afterwards it can be made again, or is there."""
    cut, cuts = -1, 0
    while True:
        with booted(TokenForm.CHALLENGE) as device:
            done = device.hardware.power.operations
            cut += 2
            device.cut_power(done + cut)
            try:
                device.esp_tee.sec_storage.gen_key("mine")
                break
            except PowerCut:
                cuts += 1
            device.power_on()
            api = device.esp_tee.sec_storage
            if error_of(partial(api.ecdsa_get_pubkey, "mine")) == NVS_NOT_FOUND:
                api.gen_key("mine")
            assert good(api.ecdsa_get_pubkey("mine"), api.ecdsa_sign("mine", DIGEST), DIGEST)
    assert cuts > 5


def test_a_power_cut_while_a_key_is_cleared() -> None:
    cut, cuts = -5, 0
    while True:
        with booted(TokenForm.CHALLENGE) as device:
            device.esp_tee.sec_storage.gen_key("mine")
            cut += 6
            device.cut_power(device.hardware.power.operations + cut)
            try:
                device.esp_tee.sec_storage.clear_key("mine")
                break
            except PowerCut:
                cuts += 1
            device.power_on()
            api = device.esp_tee.sec_storage
            found = error_of(partial(api.ecdsa_sign, "mine", DIGEST))
            assert found in (OK, NVS_NOT_FOUND)
            if found == OK:
                api.clear_key("mine")
            api.gen_key("mine")
            assert good(api.ecdsa_get_pubkey("mine"), api.ecdsa_sign("mine", DIGEST), DIGEST)
    assert cuts > 10
