"""ESP-TEE tokens made by hand, in every form, for tests of the verifier: no code of the device's in them."""

import copy
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

MAC = bytes.fromhex("f412fa0a0b0c")
KEY = ec.derive_private_key(0x1234567, ec.SECP256R1())
CHALLENGE = bytes(range(32))
NONCE = 0xA1B2C3D4


def image(number: int, name: str, *, version: str = "v1.0.0", idf: str = "v5.5") -> dict[str, Any]:
    digest = {"type": 0, "calc_digest": hashlib.sha256(name.encode()).hexdigest()}
    digest |= {"digest_validated": True, "sign_verified": True}
    if name != "bootloader":
        digest["secure_padding"] = True
    return {
        "type": number,
        "ver": version,
        "idf_ver": idf,
        "secure_ver": 3,
        "part_chip_rev": {"min": 0, "max": 99},
        "part_digest": digest,
    }


def members(form: str = "psa-ueid", key: ec.EllipticCurvePrivateKey = KEY) -> dict[str, Any]:
    """Header, claims and key of a token of a form, without its signature."""
    numbers = key.public_key().public_numbers()
    x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
    old = form in ("slot", "string-id")
    boot = image(0, "bootloader", version="01000000")
    if form == "slot":
        boot |= {"ver": "", "idf_ver": "", "secure_ver": -1}
    eat: dict[str, Any] = {"nonce": NONCE - (1 << 32)} if old else {"auth_challenge": CHALLENGE.hex()}
    eat["client_id"] = 0x0FACADE0
    if form == "psa-ueid":
        eat["chip_id"] = 13
    eat["device_ver"] = 1
    if form == "psa-ueid":
        eat["ueid"] = {"mac": MAC.hex(), "optional_id": bytes(range(16)).hex()}
    eat |= {
        "device_id": hashlib.sha256(MAC).hexdigest(),
        "instance_id": hashlib.sha256(x + y).hexdigest(),
        "psa_cert_ref": "0716053550477-10100",
        "device_status": 255 if old else 165,
        "sw_claims": {"tee": image(1, "tee"), "app": image(2, "app"), "bootloader": boot},
    }
    return {
        "header": {
            "magic": "44fef7cc",
            "encr_alg": "",
            "sign_alg": "ecdsa_secp256r1_sha256",
            "key_id": 0 if form == "slot" else "tee_att_key0",
        },
        "eat": eat,
        "public_key": {"compressed": f"{2 + y[-1] % 2:02x}{x.hex()}"},
    }


def text(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def sign(values: dict[str, Any], key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    """The whole token: the signature is over the three objects' texts, one behind the other."""
    covered = text(values["header"]) + text(values["eat"]) + text(values["public_key"])
    r, s = decode_dss_signature(key.sign(covered, ec.ECDSA(hashes.SHA256())))
    return text({**values, "sign": {"r": f"{r:064x}", "s": f"{s:064x}"}})


def changed(path: str, value: Any, form: str = "psa-ueid") -> dict[str, Any]:
    """A form's members with one value put at a dotted path; ... takes it away."""
    values = copy.deepcopy(members(form))
    *way, last = path.split(".")
    at = values
    for name in way:
        at = at[name]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return values
