"""The key that signs tokens: made by the TEE on first use, and never the REE's."""

import hashlib
from functools import partial
from pathlib import Path

import pytest
from support.esp_tee import BOARD, booted, build_for, error_of, good, issue, xy_of

import tfm_sim
from tfm_sim import TokenForm
from tfm_sim.interface.esp_tee.errors import EspErr
from tfm_sim.interface.esp_tee.sec_storage import KeyType, SlotKeyType
from tfm_sim.interface.psa.crypto import psa_destroy_key, psa_export_public_key, psa_sign_hash
from tfm_sim.interface.psa.crypto_values import PSA_ALG_ECDSA, PSA_ALG_SHA_256
from tfm_sim.interface.psa.internal_trusted_storage import psa_its_get_info
from tfm_sim.interface.psa.status import PSA_ERROR_DOES_NOT_EXIST, PSA_ERROR_INVALID_HANDLE

INVALID_ARG, INVALID_STATE = EspErr.ESP_ERR_INVALID_ARG, EspErr.ESP_ERR_INVALID_STATE
NOT_FOUND = EspErr.ESP_ERR_NOT_FOUND
DIGEST = hashlib.sha256(b"a message").digest()


def test_the_slot_of_the_attestation_is_the_tees_before_its_key_is_there() -> None:
    with booted(TokenForm.SLOT) as device:
        api = device.esp_tee.slots
        assert error_of(partial(api.gen_key, 0)) == INVALID_STATE
        assert error_of(partial(api.clear_slot, 0)) == INVALID_STATE
        assert api.is_slot_empty(0)
        issue(device, TokenForm.SLOT)
        assert not api.is_slot_empty(0)


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


def test_a_slot_with_a_key_that_cannot_sign_gives_no_token() -> None:
    """Until July 2026 the REE could be first: the same NOT_FOUND as of an empty slot, or the name's error."""
    with booted(TokenForm.SLOT, unprotected_keys=True) as device:
        device.esp_tee.slots.gen_key(0, SlotKeyType.AES256)
        assert error_of(lambda: issue(device, TokenForm.SLOT)) == NOT_FOUND
    with booted(TokenForm.NAMED_KEY, unprotected_keys=True) as device:
        device.esp_tee.sec_storage.gen_key("tee_att_key0", KeyType.AES256)
        assert error_of(lambda: issue(device, TokenForm.NAMED_KEY)) == INVALID_STATE


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
