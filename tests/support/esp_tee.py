"""Devices with ESP-TEE, and tokens taken apart by means that are not the product's."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

import tfm_sim
from tfm_sim import Build, Device, EspTeeConfig, TokenForm, with_esp_tee
from tfm_sim.firmware_build import bl1_config_for, bl2_config_for, its_config_for, ps_config_for
from tfm_sim.interface.esp_tee.errors import EspErr, EspError
from tfm_sim.platform.board import load_board
from tfm_sim.tools.esp_tee_firmware import EspTeeFirmware, flash_esp_tee_firmware

BOARD = load_board("esp32c6_tee")
CHALLENGE = bytes(range(32))
NONCE, CLIENT = 0xA1B2C3D4, 0x0FACADE0
OBJECTS = ("header", "eat", "public_key", "sign")


def build_for(form: TokenForm = TokenForm.DOCUMENT, *, spm: Any = None, **options: Any) -> Build:
    """``options`` are those of EspTeeConfig."""
    plain = Build(
        bl1=bl1_config_for(BOARD),
        bl2=bl2_config_for(BOARD),
        its=its_config_for(BOARD),
        ps=ps_config_for(BOARD),
    )
    if spm is not None:
        plain = replace(plain, spm=spm)
    return with_esp_tee(plain, EspTeeConfig(form=form, **options))


def booted(form: TokenForm = TokenForm.DOCUMENT, **options: Any) -> Device:
    return tfm_sim.boot(BOARD, build=build_for(form, **options))


def flashed(firmware: EspTeeFirmware, form: TokenForm = TokenForm.SLOT, **options: Any) -> Device:
    """Not powered on yet."""
    device = Device(BOARD, build=build_for(form, **options))
    flash_esp_tee_firmware(device, firmware)
    return device


def issue(device: Device, form: TokenForm) -> bytes:
    """A token by the call of its time."""
    if form.with_challenge:
        return device.esp_tee.get_token(CHALLENGE)
    return device.esp_tee.generate_token(NONCE, CLIENT)


def object_texts(token: bytes) -> dict[str, bytes]:
    """The text of each top-level object, by counting braces: no text of a token has one."""
    found = {}
    at = 1
    for name in OBJECTS:
        label = f'"{name}":'.encode()
        assert token[at : at + len(label)] == label
        start = at = at + len(label)
        depth = 0
        while True:
            depth += {0x7B: 1, 0x7D: -1}.get(token[at], 0)
            at += 1
            if not depth:
                break
        found[name] = token[start:at]
        at += 1  # the comma, or the last brace
    assert at == len(token)
    assert token[:1] + token[-1:] == b"{}"
    return found


def verifies(token: bytes) -> bool:
    """Whether the signature is the token's own key's over header, claims and key, one behind the other."""
    texts = object_texts(token)
    key, sign = json.loads(texts["public_key"]), json.loads(texts["sign"])
    point = bytes.fromhex(key["compressed"])
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    signature = encode_dss_signature(int(sign["r"], 16), int(sign["s"], 16))
    try:
        public.verify(
            signature, texts["header"] + texts["eat"] + texts["public_key"], ec.ECDSA(hashes.SHA256())
        )
    except InvalidSignature:
        return False
    return True


def xy_of(token: bytes) -> bytes:
    """X and Y of the token's key."""
    point = bytes.fromhex(json.loads(token)["public_key"]["compressed"])
    numbers = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point).public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def esp_digest(image: bytes) -> str:
    """SHA-256 of an image of ESP-IDF's without the hash at its end."""
    return hashlib.sha256(image[:-32]).hexdigest()


def good(point: bytes, signature: bytes, digest: bytes) -> bool:
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + point)
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    return True


def error_of(call: Callable[[], object]) -> int:
    try:
        call()
    except EspError as refused:
        return refused.error
    return EspErr.ESP_OK
