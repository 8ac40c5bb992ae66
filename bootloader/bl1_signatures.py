"""The signatures on an image of BL2, one for each ROTPK (TF-M bl1_2/main.c validate_image_signature)."""

import hashlib
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from ..interface.mcuboot.image import ImageError
from ..interface.trace import Trace
from ..platform.otp import BL1_ROTPKS
from .bl1_config import Bl1Config, Bl1Curve, Bl1KeyPolicy, Bl1KeyType, Bl1Signer
from .bl1_events import Bl2SignatureExamined
from .bl1_image import ROTPK_MAX_SIZE, SIG_MAX_SIZE, Bl2Image, ImageSignature
from .bl1_stage import Bl1Ports
from .config import HashAlgorithm
from .lms import LMOTS_SHA256_N32_W8, LMS_SHA256_M32_H10, LmsError, LmsPublicKey, verify_lms

RULE: Final = "validate_image_signature"
ROTPK_BUFFER_SIZE: Final = 48
"""TFM_BL1_2_ROTPK_HASH_MAX_SIZE: TF-M states it as the size of the signer id, whatever the hash."""
_CURVES: Final[dict[Bl1Curve, ec.EllipticCurve]] = {
    Bl1Curve.P256: ec.SECP256R1(),
    Bl1Curve.P384: ec.SECP384R1(),
}
_HASHES: Final[dict[HashAlgorithm, hashes.HashAlgorithm]] = {
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
}


def check_signatures(
    ports: Bl1Ports,
    config: Bl1Config,
    trace: Trace,
    image_id: int,
    image: Bl2Image,
    protected: bytes,
    add_signer: Callable[[bytes], None],
) -> None:
    """Whether each signer signed who must.

    ``add_signer`` hears of the hash of each good signer's ROTPK at once, so of those too that come before one
    who fails the image. TF-M is_image_signature_valid: a signature that its policy does not need may be
    anything, and where no policy needs one an image without a single good signature passes. Raises
    ImageError.
    """
    # TF-M is_image_signature_valid: by default every ROTPK must have signed; policies may let some off.
    for index, signer in enumerate(config.signers):
        needed = not config.rotpk_policies or signer.policy is Bl1KeyPolicy.MUST_SIGN
        problem: ImageError | None = None
        try:
            add_signer(_check_one(ports, config, index, signer, image.signatures[index], protected))
        except ImageError as error:
            problem = error
        if trace.listeners:
            verdict = "good" if problem is None else f"{problem.check}: {problem.found}"
            policy = "" if needed else " (this signer need not sign)"
            text = f"BL2: signature {index} by BL1_ROTPK_{index}, {signer.key_type.name}: {verdict}{policy}"
            trace.emit(Bl2SignatureExamined(image_id, RULE, text, index, problem is None, needed))
        if problem is not None and needed:
            trace.log("BL1_2", "[ERR] BL2 image signature failed to validate")
            raise problem


def _check_one(
    ports: Bl1Ports, config: Bl1Config, index: int, signer: Bl1Signer, entry: ImageSignature, protected: bytes
) -> bytes:
    """One signature, in TF-M's order; the hash of its ROTPK. Raises ImageError."""
    name = f"BL1_ROTPK_{index}"
    if entry.sig_len > SIG_MAX_SIZE:
        raise ImageError(RULE, "signature", f"length {entry.sig_len}", f"wanted at most {SIG_MAX_SIZE}")
    rotpk = ports.read_otp(BL1_ROTPKS[index], ROTPK_MAX_SIZE)
    if rotpk is None:
        raise ImageError(RULE, name, "no such field in OTP", "wanted the key of each signer")
    key = _embedded_key(name, rotpk, signer.hash, entry) if config.embed_rotpk else rotpk
    signature = entry.signature[: entry.sig_len]
    if signer.key_type is Bl1KeyType.LMS:
        _check_lms(name, key, protected, signature)
    else:
        _check_ecdsa(name, config, key, protected, signature)
    return hashlib.new(signer.hash.value, key).digest()


def _embedded_key(name: str, rotpk: bytes, algorithm: HashAlgorithm, entry: ImageSignature) -> bytes:
    """TFM_BL1_2_EMBED_ROTPK_IN_IMAGE: the key in the image, if OTP holds its hash."""
    if entry.rotpk_len > ROTPK_MAX_SIZE:
        raise ImageError(
            RULE, "ROTPK in the image", f"length {entry.rotpk_len}", f"wanted at most {ROTPK_MAX_SIZE}"
        )
    key = entry.rotpk[: entry.rotpk_len]
    found = hashlib.new(algorithm.value, key).digest()
    # TF-M validate_image_signature: as many bytes are compared as the OTP's field has.
    if found.ljust(ROTPK_BUFFER_SIZE, b"\0")[: len(rotpk)] != rotpk:
        raise ImageError(RULE, "ROTPK in the image", f"hash {found.hex()}", f"{name} is {rotpk.hex()}")
    return key


def _check_lms(name: str, key: bytes, protected: bytes, signature: bytes) -> None:
    # Mbed TLS mbedtls_lms_import_public_key: one parameter set only.
    try:
        public_key = LmsPublicKey.decode(key)
        types = public_key.lms.code, public_key.lmots.code
        if types != (LMS_SHA256_M32_H10, LMOTS_SHA256_N32_W8):
            raise LmsError(
                "LMS public key", f"types {types[0]}, {types[1]}", "wanted SHA256_M32_H10, SHA256_N32_W8"
            )
        verify_lms(public_key, protected, signature)
    except LmsError as error:
        raise ImageError(RULE, f"{error.check} by {name}", error.found, error.wanted) from error


def _check_ecdsa(name: str, config: Bl1Config, key: bytes, protected: bytes, signature: bytes) -> None:
    # TF-M bl1_ecdsa_verify: the point is the key's last bytes, r and s are the signature's first, both raw.
    size = config.ecdsa_curve.value
    if len(key) < 2 * size:
        raise ImageError(RULE, f"ECDSA key of {name}", f"{len(key)} bytes", f"wanted a point of {2 * size}")
    if len(signature) < 2 * size:
        raise ImageError(RULE, f"ECDSA signature by {name}", f"{len(signature)} bytes", f"wanted {2 * size}")
    algorithm = config.measurement_hash
    digest = hashlib.new(algorithm.value, protected).digest()
    r, s = (int.from_bytes(signature[at : at + size], "big") for at in (0, size))
    try:
        point = b"\x04" + key[-2 * size :]
        public_key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[config.ecdsa_curve], point)
        public_key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(_HASHES[algorithm])))
    except ValueError as error:
        raise ImageError(RULE, f"ECDSA key of {name}", "no point of the curve", "wanted one") from error
    except InvalidSignature as error:
        raise ImageError(
            RULE,
            f"ECDSA signature by {name}",
            "one that does not verify",
            "wanted one over the protected values",
        ) from error
