"""What somebody without the device's key can make of a token, each with the reason that must refuse it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .json_members import members
from .kinds import Kind
from .verify import SIGNED


@dataclass(frozen=True, slots=True)
class Material:
    """What a forger has: the answer to the challenge, an older answer, and a key of his own."""

    token: bytes
    replay: bytes
    key: ec.EllipticCurvePrivateKey

    @property
    def values(self) -> dict[str, Any]:
        """The token's members, to be changed."""
        return {name: member.value for name, member in members(self.token).items()}


@dataclass(frozen=True, slots=True)
class Forgery:
    """A forged token and the kind of reason that refuses it."""

    name: str
    text: str
    kind: Kind
    make: Callable[[Material], bytes]


def compact(value: Any) -> bytes:
    """JSON as json_generator writes it: no spaces, members in their order."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def signed(values: dict[str, Any], key: ec.EllipticCurvePrivateKey) -> bytes:
    """The token of these members, signed by ``key``."""
    digest = b"".join(compact(values[name]) for name in SIGNED)
    r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(hashes.SHA256())))
    return compact({**values, "sign": {"r": f"{r:064x}", "s": f"{s:064x}"}})


def carried(key: ec.EllipticCurvePrivateKey) -> tuple[str, str]:
    """A key as a token carries it: the compressed point, and the instance id that belongs to it."""
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    compressed = bytes([2 + point[-1] % 2]) + point[1:33]
    return compressed.hex(), hashlib.sha256(point[1:]).hexdigest()


def _changed_digest(of: Material) -> bytes:
    values = of.values
    digest = values["eat"]["sw_claims"]["app"]["part_digest"]
    digest["calc_digest"] = hashlib.sha256(b"whatever the forger runs").hexdigest()
    return compact(values)


def _changed_version(of: Material) -> bytes:
    values = of.values
    values["eat"]["sw_claims"]["tee"]["secure_ver"] += 1
    return compact(values)


def _no_signature(of: Material) -> bytes:
    values = of.values
    values["header"]["sign_alg"] = ""
    values["sign"] = {"r": "00" * 32, "s": "00" * 32}
    return compact(values)


def _own_key(of: Material) -> bytes:
    values = of.values
    values["public_key"]["compressed"], values["eat"]["instance_id"] = carried(of.key)
    return signed(values, of.key)


def _borrowed_name(of: Material) -> bytes:
    return signed(of.values, of.key)


def _twin_key(of: Material) -> bytes:
    values = of.values
    key = values["public_key"]["compressed"]
    values["public_key"]["compressed"] = ("03" if key.startswith("02") else "02") + key[2:]
    return compact(values)


def _reordered(of: Material) -> bytes:
    values = of.values
    values["eat"] = dict(sorted(values["eat"].items()))
    return compact(values)


def _pretty(of: Material) -> bytes:
    return json.dumps(of.values, indent=2).encode()


def _swapped(of: Material) -> bytes:
    values = of.values
    values["sign"] = {"r": values["sign"]["s"], "s": values["sign"]["r"]}
    return compact(values)


def _second_eat(of: Material) -> bytes:
    values = of.values
    values["eat"]["device_status"] = 0
    return of.token.rstrip(b"\0")[:-1] + b',"eat":' + compact(values["eat"]) + b"}"


def _without_app(of: Material) -> bytes:
    values = of.values
    del values["eat"]["sw_claims"]["app"]
    return compact(values)


def _truncated(of: Material) -> bytes:
    return of.token[:-40]


FORGERIES: Final = (
    Forgery("replayed", "the answer to another challenge", Kind.NONCE_MISMATCH, lambda of: of.replay),
    Forgery(
        "changed-digest", "another application's digest in its place", Kind.SIGNATURE_INVALID, _changed_digest
    ),
    Forgery("newer-tee", "a higher secure version of the TEE", Kind.SIGNATURE_INVALID, _changed_version),
    Forgery("no-signature", "no algorithm, and a signature of zeros", Kind.HEADER, _no_signature),
    Forgery("own-key", "the forger's key, signature and instance id", Kind.NO_TRUST_ANCHOR, _own_key),
    Forgery(
        "borrowed-name", "the forger signs, the device's key stands", Kind.SIGNATURE_INVALID, _borrowed_name
    ),
    Forgery("twin-key", "the other point with the same X", Kind.NO_TRUST_ANCHOR, _twin_key),
    Forgery("reordered", "the same claims in another order", Kind.SIGNATURE_INVALID, _reordered),
    Forgery("pretty", "the same JSON with line breaks", Kind.SIGNATURE_INVALID, _pretty),
    Forgery("swapped", "r and s in each other's place", Kind.SIGNATURE_INVALID, _swapped),
    Forgery("second-eat", "a second eat behind the signed one", Kind.DUPLICATE_MEMBER, _second_eat),
    Forgery("without-app", "no software claim of the application", Kind.CLAIM_MISSING, _without_app),
    Forgery("truncated", "the last 40 bytes cut off", Kind.MALFORMED_JSON, _truncated),
)
