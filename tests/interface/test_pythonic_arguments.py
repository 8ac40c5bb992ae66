"""What a Python program may pass to device.psa: any bytes, and numbers that a request has room for."""

from collections.abc import Callable
from dataclasses import replace

import pytest

import tfm_sim
from tfm_sim import Device, KeyAttributes, PowerCut, psa
from tfm_sim.interface.psa.platform import TfmPlatformError
from tfm_sim.interface.tfm.crypto import PackIovec
from tfm_sim.platform.ioctl import IoctlReply, IoctlRequest

AES = KeyAttributes(psa.PSA_KEY_TYPE_AES, usage=psa.PSA_KEY_USAGE_ENCRYPT, alg=psa.PSA_ALG_GCM)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind(tfm_device: Device, kind: Callable[[bytes], bytes]) -> None:
    crypto = tfm_device.psa.crypto
    key = crypto.import_key(AES, kind(bytes(16)))
    sealed = crypto.aead_encrypt(key, psa.PSA_ALG_GCM, kind(bytes(12)), kind(b"text"), kind(b"header"))
    assert sealed == crypto.aead_encrypt(key, psa.PSA_ALG_GCM, bytes(12), b"text", b"header")
    assert crypto.hash_compare(psa.PSA_ALG_SHA_256, kind(b"a"), kind(crypto.hash_compute(0x02000009, b"a")))
    for storage in (tfm_device.psa.internal_trusted_storage, tfm_device.psa.protected_storage):
        storage.set(1, kind(b"asset"))
        assert storage.get(1) == b"asset"


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda d: d.psa.crypto.generate_random(-1), ValueError, "size of an output in bytes: found -1"),
        (lambda d: d.psa.crypto.generate_random("8"), TypeError, "size of an output in bytes: found '8'"),
        (lambda d: d.psa.crypto.export_key(-1), ValueError, "key_id: found -1; legal: 0 to 0xffffffff"),
        (lambda d: d.psa.crypto.destroy_key(None), TypeError, "key_id: found None; legal: an integer"),
        (lambda d: d.psa.crypto.hash_compute(1 << 32, b""), ValueError, "alg: found 4294967296"),
        (
            lambda d: d.psa.crypto.generate_key(KeyAttributes("AES")),  # type: ignore[arg-type]
            TypeError,
            "key attributes, type: found 'AES'; legal: an integer from 0 to 0xffff",
        ),
        (
            lambda d: d.psa.crypto.generate_key(KeyAttributes(bits=1 << 16)),
            ValueError,
            "key attributes, bits: found 65536; legal: 0 to 0xffff",
        ),
        (lambda d: d.psa.internal_trusted_storage.set(-1, b""), ValueError, "uid: found -1"),
        (lambda d: d.psa.internal_trusted_storage.get("a"), TypeError, "uid: found 'a'"),
        (lambda d: d.psa.internal_trusted_storage.get(1, size=-1), ValueError, "found -1"),
        (lambda d: d.psa.protected_storage.remove(1 << 64), ValueError, "uid: found 18446744073709551616"),
        (lambda d: d.psa.protected_storage.set(1, b"", -1), ValueError, "create flags: found -1"),
        (lambda d: d.psa.protected_storage.create(1 << 64, 1), ValueError, "uid: found"),
        (lambda d: d.psa.crypto.can_do_cipher(-1, 0), ValueError, "key type: found -1; legal: 0 to 0xffff"),
        (lambda d: d.psa.platform.nv_counter_read(-1), ValueError, "counter: found -1"),
        (lambda d: d.psa.platform.nv_counter_increment(1 << 32), ValueError, "counter: found 4294967296"),
        (lambda d: d.psa.platform.ioctl(1 << 31), ValueError, "request + 0x80000000: found 4294967296"),
    ],
)
def test_an_argument_that_no_request_can_carry(
    tfm_device: Device, call: Callable[[Device], object], error: type[Exception], said: str
) -> None:
    tfm_device.psa.internal_trusted_storage.set(1, b"asset")
    with pytest.raises(error) as raised:
        call(tfm_device)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("field", "bits"), [("ad_length", 32), ("nonce_length", 32), ("step", 16), ("value", 64)]
)
def test_a_field_of_a_request_names_itself(field: str, bits: int) -> None:
    assert PackIovec(**{field: (1 << bits) - 1}).encode()  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"crypto request, {field}: found {1 << bits}; legal: 0 to"):
        PackIovec(**{field: 1 << bits}).encode()  # type: ignore[arg-type]


def test_what_the_service_can_do(tfm_device: Device) -> None:
    crypto = tfm_device.psa.crypto
    assert crypto.can_do_hash(psa.PSA_ALG_SHA3_256)
    assert not crypto.can_do_hash(psa.PSA_ALG_MD5), "legacy: a build has to ask for it"
    assert crypto.can_do_cipher(psa.PSA_KEY_TYPE_AES, psa.PSA_ALG_CTR)
    assert not crypto.can_do_cipher(psa.PSA_KEY_TYPE_HMAC, psa.PSA_ALG_CTR)


def test_a_request_of_the_boards_own(tfm_boot: Callable[..., Device]) -> None:
    def reverse(request: IoctlRequest) -> IoctlReply:
        return IoctlReply(0 if request.number == -5 else 3, request.input[::-1])

    platform = tfm_boot(replace(tfm_sim.load_board("an521"), ioctl=reverse)).psa.platform
    assert platform.ioctl(-5, bytearray(b"abc"), 8) == b"cba"
    assert platform.ioctl(-5) == b""
    with pytest.raises(TfmPlatformError, match="tfm_platform_ioctl: TFM_PLATFORM_ERR_NOT_SUPPORTED"):
        platform.ioctl(6, b"abc", 8)


def test_what_ends_the_device_inside_an_operation_comes_out_as_it_is() -> None:
    with tfm_sim.boot() as device:
        device.cut_power(1)
        with pytest.raises(PowerCut), device.psa.crypto.hash_operation(psa.PSA_ALG_SHA_256):
            device.reset()
