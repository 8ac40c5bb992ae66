"""PASE on the device: SPAKE2+ by the crypto service, from the factory data (Matter 1.4 4.14.1)."""

from dataclasses import dataclass
from typing import Final

from ....interface.matter import tlv
from ....interface.matter.commissioning import (
    CHALLENGE_SIZE,
    PASE_CONTEXT_PREFIX,
    POINT_SIZE,
    SESSION_KEY_SIZE,
    SESSION_KEYS_INFO,
    SessionError,
)
from ....interface.psa import crypto_values as v
from ....interface.psa.crypto_agreeing import Pake
from ....interface.psa.crypto_api import CryptoApi
from ....interface.psa.crypto_pake import (
    PSA_PAKE_CONFIRMED_KEY,
    PSA_PAKE_PRIMITIVE,
    PSA_PAKE_PRIMITIVE_TYPE_ECC,
    PSA_PAKE_ROLE_SERVER,
    PSA_PAKE_STEP_CONFIRM,
    PSA_PAKE_STEP_KEY_SHARE,
)
from ....interface.psa.crypto_types import KeyAttributes, psa_pake_cipher_suite_t
from ....interface.psa.status import PsaError

_RANDOM_SIZE: Final = 32
_CONFIRMATION_SIZE: Final = 32
_SUITE: Final = psa_pake_cipher_suite_t(
    v.PSA_ALG_SPAKE2P_MATTER,
    PSA_PAKE_PRIMITIVE(PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_R1, 256),
    PSA_PAKE_CONFIRMED_KEY,
)
_VERIFIER: Final = KeyAttributes(
    v.PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY(v.PSA_ECC_FAMILY_SECP_R1),
    usage=v.PSA_KEY_USAGE_DERIVE,
    alg=v.PSA_ALG_SPAKE2P_MATTER,
)
_HKDF: Final = v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)
_SHARED: Final = KeyAttributes(v.PSA_KEY_TYPE_DERIVE, usage=v.PSA_KEY_USAGE_DERIVE, alg=_HKDF)


@dataclass(frozen=True, slots=True)
class SetupData:
    """What the factory data have in place of the passcode; ``verifier`` is w0 and L, 97 bytes."""

    iterations: int
    salt: bytes
    verifier: bytes


class PaseResponder:
    """One attempt to open a session: three messages in their order; anything else ends it."""

    def __init__(self, crypto: CryptoApi, setup: SetupData, session_id: int) -> None:
        self._crypto = crypto
        self._setup = setup
        self._session_id = session_id
        self._context = b""
        self._pake: Pake | None = None
        self._key = 0

    def pbkdf_param_request(self, message: bytes) -> bytes:
        """PBKDFParamResponse: randoms, session id, iterations and salt."""
        request = _decoded(message)
        try:
            initiator_random = request.bytes_of(tlv.context(1), _RANDOM_SIZE)
            request.number(tlv.context(2), 16)
            passcode_id = request.number(tlv.context(3), 16)
            known = request.member(tlv.context(4)).value
        except tlv.TlvError as error:
            raise SessionError(f"PBKDFParamRequest: {error}") from None
        # Matter 1.4 4.14.1.2: passcode id 0 is the device's own passcode, the only one.
        if passcode_id != 0:
            raise SessionError(f"PBKDFParamRequest: passcode id {passcode_id}; legal: 0")
        try:
            own_random = self._crypto.generate_random(_RANDOM_SIZE)
        except PsaError as error:
            raise SessionError(f"PBKDFParamRequest: {error}") from None
        members = [
            tlv.octets(tlv.context(1), initiator_random),
            tlv.octets(tlv.context(2), own_random),
            tlv.unsigned(tlv.context(3), self._session_id),
        ]
        if known is not True:
            members.append(
                tlv.structure(
                    tlv.context(4),
                    tlv.unsigned(tlv.context(1), self._setup.iterations),
                    tlv.octets(tlv.context(2), self._setup.salt),
                )
            )
        response = tlv.structure(tlv.ANONYMOUS, *members)
        transcript = PASE_CONTEXT_PREFIX + message + response
        self._context = self._crypto.hash_compute(v.PSA_ALG_SHA_256, transcript)
        return response

    def pake1(self, message: bytes) -> bytes:
        """Pake2: the device's share, and its confirmation."""
        share = _bytes_in(message, "Pake1", POINT_SIZE)
        if self._pake is not None:
            self.close()
            raise SessionError("a second Pake1")
        try:
            self._key = self._crypto.import_key(_VERIFIER, self._setup.verifier)
            self._pake = self._crypto.pake(self._key, _SUITE, role=PSA_PAKE_ROLE_SERVER)
            # Matter 1.4 3.10: the context is the hash of both parameter messages, identities are empty.
            self._pake.set_context(self._context)
            self._pake.input(PSA_PAKE_STEP_KEY_SHARE, share)
            own_share = self._pake.output(PSA_PAKE_STEP_KEY_SHARE)
            confirmation = self._pake.output(PSA_PAKE_STEP_CONFIRM)
        except PsaError as error:
            self.close()
            raise SessionError(f"Pake1: {error}") from None
        return tlv.structure(
            tlv.ANONYMOUS, tlv.octets(tlv.context(1), own_share), tlv.octets(tlv.context(2), confirmation)
        )

    def pake3(self, message: bytes) -> bytes:
        """The session's attestation challenge. SessionError for a confirmation by another passcode."""
        confirmation = _bytes_in(message, "Pake3", _CONFIRMATION_SIZE)
        if self._pake is None:
            raise SessionError("Pake3 before Pake1")
        try:
            if not self._pake.input(PSA_PAKE_STEP_CONFIRM, confirmation):
                raise SessionError("Pake3: the confirmation does not fit: another passcode")
            shared = self._pake.get_shared_key(_SHARED)
            try:
                with self._crypto.key_derivation(_HKDF) as derivation:
                    derivation.input_key(v.PSA_KEY_DERIVATION_INPUT_SECRET, shared)
                    derivation.input_bytes(v.PSA_KEY_DERIVATION_INPUT_INFO, SESSION_KEYS_INFO)
                    # Matter 1.4 4.14.1.2: I2RKey, R2IKey, AttestationChallenge.
                    derivation.output_bytes(2 * SESSION_KEY_SIZE)
                    return derivation.output_bytes(CHALLENGE_SIZE)
            finally:
                self._crypto.destroy_key(shared)
        except PsaError as error:
            raise SessionError(f"Pake3: {error}") from None
        finally:
            self.close()

    def close(self) -> None:
        """Drop the exchange and the verifier's key."""
        if self._pake is not None:
            self._pake.close()
            self._pake = None
        if self._key:
            self._crypto.destroy_key(self._key)
            self._key = 0


def _decoded(message: bytes) -> tlv.Element:
    try:
        return tlv.decode(message)
    except tlv.TlvError as error:
        raise SessionError(str(error)) from None


def _bytes_in(message: bytes, name: str, size: int) -> bytes:
    try:
        return tlv.decode(message).bytes_of(tlv.context(1), size)
    except tlv.TlvError as error:
        raise SessionError(f"{name}: {error}") from None
