"""Published vectors of key derivation and key agreement, from the package cryptography-vectors."""

from collections.abc import Iterator
from dataclasses import dataclass

from support.nist_vectors import records

from tfm_sim.interface.psa import crypto_values as v

HASHES = {
    "SHA1": v.PSA_ALG_SHA_1,
    "SHA-1": v.PSA_ALG_SHA_1,
    "SHA224": v.PSA_ALG_SHA_224,
    "SHA256": v.PSA_ALG_SHA_256,
    "SHA-256": v.PSA_ALG_SHA_256,
    "SHA384": v.PSA_ALG_SHA_384,
    "SHA512": v.PSA_ALG_SHA_512,
}


@dataclass(frozen=True)
class HkdfVector:
    """``salt`` is None where none is given; ``prk`` is empty where it is not told."""

    hash_alg: int
    secret: bytes
    salt: bytes | None
    info: bytes
    prk: bytes
    output: bytes


def hkdf() -> Iterator[HkdfVector]:
    for name in ("rfc-5869-HKDF-SHA1.txt", "rfc-5869-HKDF-SHA256.txt", "hkdf-generated.txt"):
        for record in records(f"KDF/{name}"):
            yield HkdfVector(
                HASHES[record["Hash"]],
                bytes.fromhex(record["IKM"]),
                bytes.fromhex(record["salt"]) if "salt" in record else None,
                bytes.fromhex(record["info"]),
                bytes.fromhex(record.get("PRK", "")),
                bytes.fromhex(record["OKM"]),
            )


@dataclass(frozen=True)
class Pbkdf2Vector:
    password: bytes
    salt: bytes
    cost: int
    output: bytes


def pbkdf2(max_cost: int) -> Iterator[Pbkdf2Vector]:
    """RFC 6070, without the ones that cost too much."""
    for record in records("KDF/rfc-6070-PBKDF2-SHA1.txt"):
        password, salt = (
            record[field].replace("\\0", "\0").encode("latin-1") for field in ("PASSWORD", "SALT")
        )
        vector = Pbkdf2Vector(password, salt, int(record["ITERATIONS"]), bytes.fromhex(record["DERIVED_KEY"]))
        if vector.cost <= max_cost:
            yield vector


@dataclass(frozen=True)
class KbkdfVector:
    """NIST's vectors leave open what the fixed input consists of; ``prf`` is HMAC_SHA1 or CMAC_AES128."""

    prf: str
    key: bytes
    fixed_input: bytes
    output: bytes

    @property
    def parts(self) -> tuple[bytes, bytes, int] | None:
        """Label, context and capacity in bytes; None where they cannot be what PSA puts together."""
        label, null, rest = self.fixed_input[:-4].partition(b"\0")
        bits = int.from_bytes(self.fixed_input[-4:], "big")
        if not null or bits % 8 or bits // 8 < len(self.output):
            return None
        return label, rest, bits // 8


def kbkdf() -> Iterator[KbkdfVector]:
    """The vectors with a 32-bit counter before the fixed input."""
    for record in records("KDF/nist-800-108-KBKDF-CTR.txt"):
        if record["CTRLOCATION"] == "BEFORE_FIXED" and record["RLEN"] == "32_BITS":
            key, fixed_input, output = (
                bytes.fromhex(record[field]) for field in ("KI", "FixedInputData", "KO")
            )
            yield KbkdfVector(record["PRF"], key, fixed_input, output)


@dataclass(frozen=True)
class AgreementVector:
    """A private key in PSA's format, the peer's public key, and the secret; None where there is none."""

    key_type: int
    bits: int
    private: bytes
    peer: bytes
    secret: bytes | None


_NIST_CURVES = {"EB": 224, "EC": 256, "ED": 384, "EE": 521}


def ecdh_nist(per_result: int) -> Iterator[AgreementVector]:
    """NIST CAVP, KAS ECC static unified: so many of each curve and expected result.

    Results about the module's own key pair or about a changed secret say nothing of an agreement.
    """
    taken: dict[tuple[str, str], int] = {}
    for record in records("asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax"):
        curve, result = record["SECTION"][:2], record["Result"][:5]
        if curve not in _NIST_CURVES or result in ("F (5 ", "F (6 ", "F (7 ", "F (8 "):
            continue
        taken[curve, result] = taken.get((curve, result), 0) + 1
        if taken[curve, result] > per_result:
            continue
        bits = _NIST_CURVES[curve]
        width = (bits + 7) // 8
        private, x, y, z = (
            bytes.fromhex(record[field]).rjust(width, b"\0")[-width:]
            for field in ("dsIUT", "QsCAVSx", "QsCAVSy", "Z")
        )
        secret = z if result.startswith("P") else None
        yield AgreementVector(
            v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1), bits, private, b"\4" + x + y, secret
        )


def ecdh_brainpool() -> Iterator[AgreementVector]:
    """RFC 7027."""
    for record in records("asymmetric/ECDH/brainpool.txt"):
        bits = int(record["curve"][len("brainpoolP") : -len("r1")])
        private, x, y, z = (bytes.fromhex(record[field]) for field in ("dA", "x_qB", "y_qB", "x_Z"))
        key_type = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_BRAINPOOL_P_R1)
        yield AgreementVector(key_type, bits, private, b"\4" + x + y, z)


def montgomery() -> Iterator[AgreementVector]:
    """RFC 7748."""
    for name, bits in (("X25519/rfc7748.txt", 255), ("X448/rfc7748.txt", 448)):
        for record in records(f"asymmetric/{name}"):
            private, peer, secret = (
                bytes.fromhex(record[field].lower()) for field in ("INPUT_SCALAR", "INPUT_U", "OUTPUT_U")
            )
            key_type = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_MONTGOMERY)
            yield AgreementVector(key_type, bits, private, peer, secret)
