"""The TEE's secure storage: keys in slots and under names, who may use them, what a power cut leaves."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from support.esp_tee import BOARD, booted, build_for, issue, xy_of

import tfm_sim
from tfm_sim import Device, DevicePanic, PowerCut, TokenForm
from tfm_sim.interface.esp_tee.errors import EspErr, EspError
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
from tfm_sim.interface.psa.crypto import psa_destroy_key, psa_export_public_key, psa_sign_hash
from tfm_sim.interface.psa.crypto_values import PSA_ALG_ECDSA, PSA_ALG_SHA_256
from tfm_sim.interface.psa.internal_trusted_storage import psa_its_get_info
from tfm_sim.interface.psa.status import (
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INVALID_HANDLE,
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


def good(point: bytes, signature: bytes, digest: bytes = DIGEST) -> bool:
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + point)
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    return True


def error_of(call: Callable[[], object]) -> int:
    try:
        call()
    except EspError as refused:
        return refused.error
    return OK


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
    assert good(first, api.get_signature(5, DIGEST))
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


@pytest.mark.parametrize(("out", "error"), [(P, OK), (0, INVALID_ARG), (TEE_RAM, INVALID_ARG)])
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


@pytest.mark.parametrize("made", [False, True])
def test_the_attestations_key_cannot_be_cleared_or_made_before_it_is_there(made: bool) -> None:
    """INVALID_STATE as for a key that is written once; INVALID_ARG in the code of 2026."""
    for of_the_code, error in ((False, INVALID_STATE), (True, INVALID_ARG)):
        with booted(TokenForm.NAMED_KEY, errors_of_the_code=of_the_code) as device:
            key = xy_of(issue(device, TokenForm.NAMED_KEY)) if made else None
            api = device.esp_tee.sec_storage
            assert error_of(partial(api.clear_key, "tee_att_key0")) == error
            assert error_of(partial(api.gen_key, "tee_att_key0")) == INVALID_ARG
            assert error_of(partial(api.clear_key, "absent")) == NOT_FOUND
            after = xy_of(issue(device, TokenForm.NAMED_KEY))
            assert key in (None, after)


# The leftmost 32 bytes as a number, as Mbed TLS's own ECDSA took any digest until December 2025.
@pytest.mark.parametrize("size", [1, 20, 31, 32, 33, 64])
def test_a_digest_of_another_size_was_signed_until_2025(slots: Device, size: int) -> None:
    given = bytes(range(1, 1 + size))
    signed = given[:32].rjust(32, b"\0")
    assert good(slots.esp_tee.slots.get_pubkey(1), slots.esp_tee.slots.get_signature(1, given), signed)


def test_a_slot_with_a_key_that_cannot_sign_gives_no_token() -> None:
    """Until July 2026 the REE could be first: the same NOT_FOUND as of an empty slot, or the name's error."""
    with booted(TokenForm.SLOT, unprotected_keys=True) as device:
        device.esp_tee.slots.gen_key(0, SlotKeyType.AES256)
        assert error_of(lambda: issue(device, TokenForm.SLOT)) == NOT_FOUND
    with booted(TokenForm.NAMED_KEY, unprotected_keys=True) as device:
        device.esp_tee.sec_storage.gen_key("tee_att_key0", KeyType.AES256)
        assert error_of(lambda: issue(device, TokenForm.NAMED_KEY)) == INVALID_STATE


def test_a_named_key_signs(names: Device) -> None:
    api = names.esp_tee.sec_storage
    assert good(api.ecdsa_get_pubkey("ecdsa"), api.ecdsa_sign("ecdsa", DIGEST))


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


@pytest.mark.parametrize("form", [TokenForm.SLOT, TokenForm.CHALLENGE])
def test_the_key_of_the_attestation_is_made_once_and_outlives_resets(form: TokenForm, tmp_path: Path) -> None:
    build = build_for(form)
    with tfm_sim.boot(BOARD, build=build, state=tmp_path / "device") as device:
        first = issue(device, form)
        assert xy_of(issue(device, form)) == xy_of(first)
        device.reset()
        assert xy_of(issue(device, form)) == xy_of(first)
    with tfm_sim.boot(BOARD, build=build, state=tmp_path / "device") as device:
        assert xy_of(issue(device, form)) == xy_of(first)


def test_the_key_of_the_attestation_stays_the_tees_under_another_build(tmp_path: Path) -> None:
    """It is marked, so it is not the name alone that keeps the REE from it."""
    form, state = TokenForm.NAMED_KEY, tmp_path / "device"
    with tfm_sim.boot(BOARD, build=build_for(form), state=state) as device:
        issue(device, form)
    with tfm_sim.boot(BOARD, build=build_for(form, key_id="tee_att_key1"), state=state) as device:
        api = device.esp_tee.sec_storage
        assert error_of(partial(api.ecdsa_sign, "tee_att_key0", DIGEST)) == INVALID_ARG
        assert error_of(partial(api.ecdsa_get_pubkey, "tee_att_key0")) == INVALID_ARG
        assert error_of(partial(api.clear_key, "tee_att_key0")) == INVALID_STATE


def test_another_slot_is_another_key() -> None:
    keys = set()
    for slot in (0, 14):
        with booted(TokenForm.DOCUMENT, key_slot=slot) as device:
            token = issue(device, TokenForm.DOCUMENT)
            assert f'"key_id":{slot}'.encode() in token
            keys.add(device.esp_tee.slots.is_slot_empty(slot))
    assert keys == {False}


def test_no_private_key_leaves_the_crypto_service() -> None:
    """What lies in the storage's own object are names, types and numbers."""
    with booted(TokenForm.CHALLENGE) as device:
        issue(device, TokenForm.CHALLENGE)
        assert psa_its_get_info(device.ns, 1)[0] == -140  # the REE's own object 1, not the partition's


def test_the_ree_has_no_handle_on_a_key_of_the_tee() -> None:
    """The crypto service keeps the storage's keys apart from the REE's, whatever their numbers."""
    with booted(TokenForm.CHALLENGE) as device:
        before = issue(device, TokenForm.CHALLENGE)
        for key in range(1, 16):
            ids = (key, key | 0x30000000)
            for given in ids:
                statuses = (
                    psa_sign_hash(device.ns, given, PSA_ALG_ECDSA(PSA_ALG_SHA_256), DIGEST, 64)[0],
                    psa_export_public_key(device.ns, given, 65)[0],
                    psa_destroy_key(device.ns, given),
                )
                assert set(statuses) <= {PSA_ERROR_INVALID_HANDLE, PSA_ERROR_DOES_NOT_EXIST}
        assert xy_of(issue(device, TokenForm.CHALLENGE)) == xy_of(before)


def test_until_2026_the_ree_could_have_anything_signed() -> None:
    """It had the TEE's key sign a token of its own making, and could clear the key."""
    with booted(TokenForm.NAMED_KEY, unprotected_keys=True) as device:
        token = issue(device, TokenForm.NAMED_KEY)
        api = device.esp_tee.sec_storage
        forged = hashlib.sha256(b'{"magic":"44fef7cc"}{"nonce":7}').digest()
        assert good(xy_of(token), api.ecdsa_sign("tee_att_key0", forged), forged)
        api.clear_key("tee_att_key0")
        assert xy_of(issue(device, TokenForm.NAMED_KEY)) != xy_of(token)
    with booted(TokenForm.SLOT, unprotected_keys=True) as device:
        token = issue(device, TokenForm.SLOT)
        assert good(xy_of(token), device.esp_tee.slots.get_signature(0, forged), forged)
        device.esp_tee.slots.clear_slot(0)
        assert device.esp_tee.slots.is_slot_empty(0)


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
            assert good(api.ecdsa_get_pubkey("mine"), api.ecdsa_sign("mine", DIGEST))
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
            assert good(api.ecdsa_get_pubkey("mine"), api.ecdsa_sign("mine", DIGEST))
    assert cuts > 10
