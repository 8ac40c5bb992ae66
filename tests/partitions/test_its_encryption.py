"""ITS_ENCRYPTION: assets encrypted and authenticated in flash (TF-M its_crypto_interface.c)."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from support.partition_bench import PartitionBench, make_hal, start_partitions

from tfm_sim.interface.psa.internal_trusted_storage import (
    psa_its_get,
    psa_its_get_info,
    psa_its_remove,
    psa_its_set,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INSUFFICIENT_STORAGE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_SUCCESS,
)
from tfm_sim.partitions.internal_trusted_storage.config import ItsBuild, ItsConfig, ItsQuirks
from tfm_sim.partitions.internal_trusted_storage.layout import FileMeta, FsConfig, Layout
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.hal import HAL_FUNCTIONS
from tfm_sim.platform.its_encryption import ItsEncryption
from tfm_sim.platform.otp import OtpField
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp
from tfm_sim.platform.random_source import RandomSource

ENCRYPTED = ItsBuild(ItsConfig(encryption=True))
CONFIG = FsConfig(0x1000, 4, 1, 512, 11, encrypted=True)
OTP = provisioned_otp(DUMMY)


def area() -> FlashArea:
    return FlashArea(7, "its", Flash("its", 0x4000, 0x1000, 1), 0, 0x4000)


def device_on(flash: FlashArea, build: ItsBuild = ENCRYPTED, seed: int = 0) -> PartitionBench:
    return start_partitions(hal=make_hal(OTP, seed, its_area=flash), its=build)


def entries(flash: FlashArea) -> list[tuple[int, FileMeta]]:
    """Entry and offset in flash of each file of the active metadata block."""
    layout, image = Layout(CONFIG), bytes(flash.flash.cells)
    start = next(b for b in (0, 0x1000) if image[b + 4] == 2)
    found = []
    for index in range(CONFIG.max_num_files):
        at = start + layout.file_meta(index)
        meta = FileMeta.decode(image, at, encrypted=True)
        if meta.in_use:
            found.append((at, meta))
    return found


def entry(flash: FlashArea, uid: int) -> tuple[int, FileMeta]:
    """The entry of a non-secure client's file."""
    return next(e for e in entries(flash) if e[1].id[4] == uid and e[1].id[3] & 0x80)


@pytest.mark.parametrize("size", [0, 1, 16, 100, 512])
def test_what_is_set_is_got(size: int) -> None:
    flash = area()
    device = device_on(flash)
    data = bytes(i * 7 & 0xFF for i in range(size))
    assert psa_its_set(device.ns, 5, data, 2) == PSA_SUCCESS
    assert psa_its_get(device.ns, 5, 0, 600) == (PSA_SUCCESS, data)
    assert psa_its_get(device.ns, 5, size // 2, 9) == (PSA_SUCCESS, data[size // 2 :][:9])
    assert psa_its_get_info(device.ns, 5)[1].size == size
    assert size < 16 or data not in bytes(flash.flash.cells)
    again = device_on(flash)
    assert psa_its_get(again.ns, 5, 0, 600) == (PSA_SUCCESS, data)
    assert psa_its_remove(again.ns, 5) == PSA_SUCCESS


def test_key_nonce_tag_and_additional_data_are_tfms() -> None:
    """The template: HKDF over the partition's sub-key of the HUK; id, flags, size as additional data."""
    flash = area()
    device = device_on(flash)
    psa_its_set(device.ns, 5, b"a secret of some length", 2)
    _, meta = entry(flash, 5)
    huk = OTP.read(OtpField.HUK)
    own = HKDF(SHA256(), len(huk), None, (257).to_bytes(4, "little")).derive(huk)
    key = HKDF(SHA256(), 16, None, meta.id).derive(own)
    aad = meta.id + (2).to_bytes(4, "little") + (23).to_bytes(4, "little")
    block = bytes(flash.flash.cells)
    found = [block[at : at + 23] for at in (meta.data_idx, meta.data_idx + 0x1000)]
    sealed = next(data for data in found if data != b"\xff" * 23)
    assert AESGCM(key).decrypt(meta.nonce, sealed + meta.tag, aad) == b"a secret of some length"


@pytest.mark.parametrize("what", ["data", "tag", "nonce", "flags", "uid"])
def test_a_file_that_was_touched_is_not_authentic(what: str) -> None:
    """A forger who mends the XOR of the metadata is found by the tag: GENERIC_ERROR, and no data."""
    flash = area()
    device = device_on(flash)
    psa_its_set(device.ns, 5, b"a secret of some length", 2)
    at, meta = entry(flash, 5)
    start = at & ~0xFFF
    offset = {
        "data": start + meta.data_idx,
        "tag": at + 44,
        "nonce": at + 32,
        "flags": at + 16,
        "uid": at + 24,
    }
    flash.flash.cells[offset[what]] ^= 0x04
    uid = 5 ^ 0x04 if what == "uid" else 5
    assert psa_its_get(device.ns, uid, 0, 99) == (PSA_ERROR_GENERIC_ERROR, b"")


def test_a_file_under_anothers_name_is_not_authentic() -> None:
    flash = area()
    device = device_on(flash)
    psa_its_set(device.ns, 5, b"mine", 0)
    psa_its_set(device.ns2, 6, b"of the other client", 0)
    at, other = entry(flash, 5)[0], entry(flash, 6)[1].id[:4]
    flash.flash.cells[at + 20 : at + 24] = other
    assert psa_its_get(device.ns2, 5, 0, 99) == (PSA_ERROR_GENERIC_ERROR, b"")


def test_sizes() -> None:
    """PSA Storage 1.0 psa_its_get: any room is legal. TF-M wants it within its buffer."""
    device = device_on(area())
    assert psa_its_set(device.ns, 5, bytes(513), 0) == PSA_ERROR_INSUFFICIENT_STORAGE
    psa_its_set(device.ns, 5, b"small", 0)
    assert psa_its_get(device.ns, 5, 0, 1000) == (PSA_SUCCESS, b"small")
    quirks = ItsQuirks(encrypted_get_needs_a_small_buffer=True)
    device = device_on(area(), ItsBuild(ItsConfig(encryption=True, quirks=quirks)))
    psa_its_set(device.ns, 5, b"small", 0)
    assert psa_its_get(device.ns, 5, 0, 513) == (PSA_ERROR_INVALID_ARGUMENT, b"")
    assert psa_its_get(device.ns, 5, 0, 512) == (PSA_SUCCESS, b"small")


def test_no_nonce_comes_twice() -> None:
    encryption = ItsEncryption(OTP, RandomSource(b"", 0))
    nonces = [encryption.nonce() for _ in range(3)]
    assert [n[8:] for n in nonces] == [b"\0\0\0\0", b"\1\0\0\0", b"\2\0\0\0"]
    encryption.reset()
    assert encryption.nonce()[:8] != nonces[0][:8], "the counter begins anew, with other random bytes"
    encryption._counter = 0xFFFFFFFF
    with pytest.raises(PlatError) as error:
        encryption.nonce()
    assert error.value.reason is TfmPlatErr.SYSTEM_ERR


def test_the_hal_has_the_functions_of_tfm_hal_its_encryption() -> None:
    names = {"generate_nonce", "encrypt", "decrypt"}
    assert {f"tfm_hal_its_aead_{name}" for name in names} <= HAL_FUNCTIONS
    hal = make_hal(OTP)
    with pytest.raises(PlatError) as error:
        hal.tfm_hal_its_aead_encrypt(b"", bytes(12), b"", b"")
    assert error.value.reason is TfmPlatErr.INVALID_INPUT
