"""The operational Matter application as far as commissioning goes: a non-secure program of a device.

What it is comes from the factory data in flash, what it signs with from the DAC key store; the key of its
operational certificate it makes itself, in the crypto service, which never gives it away.
"""

from dataclasses import dataclass
from typing import Final

from ....interface.matter import tlv
from ....interface.matter.commissioning import (
    NONCE_SIZE,
    RESP_MAX,
    VERIFIER_SIZE,
    BasicInformation,
    CertificateChainType,
    CommandStatus,
    CommissioneeError,
    SessionError,
    SignedElements,
)
from ....interface.matter.factory_data import (
    MAX_VALUE,
    FactoryDataReader,
    FactoryDataStatus,
    FactoryDataTag,
)
from ....interface.psa import crypto_values as v
from ....interface.psa.crypto_api import CryptoApi
from ....interface.psa.crypto_types import KeyAttributes
from ....interface.psa.status import PsaError
from .boards import BoardSupport
from .certificate_request import ORGANIZATIONAL_UNIT, certificate_request
from .dac_key_store import DacKeyError, DacKeyStore
from .machine import NsMachine
from .pase_responder import PaseResponder, SetupData

PASE_ATTEMPTS: Final = 20
_ECDSA: Final = v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_256)
_OPERATIONAL_KEY: Final = KeyAttributes(
    v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1),
    256,
    usage=v.PSA_KEY_USAGE_SIGN_MESSAGE,
    alg=_ECDSA,
)
_TIME_UNKNOWN: Final = 0


@dataclass(frozen=True, slots=True)
class _Session:
    attestation_challenge: bytes


class MatterApp:
    """A device that waits for its commissioner (interface/matter/commissioning.py, Commissionee)."""

    def __init__(self, machine: NsMachine, board: BoardSupport, keys: DacKeyStore) -> None:
        self._crypto = CryptoApi(machine.ns)
        self._factory = FactoryDataReader(machine.flash.read, board.factory_data, board.factory_data_end)
        self._keys = keys
        self._attempt: PaseResponder | None = None
        self._failures = 0
        self._session_id = 0
        self._session: _Session | None = None
        self._operational_key = 0

    def pbkdf_param_request(self, message: bytes) -> bytes:
        """A new attempt; the session that was there is over, an attempt left unfinished has failed."""
        self._failures += self._attempt is not None
        self._end()
        # Matter 1.4 5.5: after 20 failed attempts the device ends its commissioning mode.
        if self._failures >= PASE_ATTEMPTS:
            raise SessionError(f"PASE: {self._failures} attempts failed; the commissioning window is closed")
        self._session_id = self._session_id % 0xFFFF + 1
        attempt = PaseResponder(self._crypto, self._setup_data(), self._session_id)
        response = attempt.pbkdf_param_request(message)
        self._attempt = attempt
        return response

    def pake1(self, message: bytes) -> bytes:
        if self._attempt is None:
            raise SessionError("Pake1 before PBKDFParamRequest")
        try:
            return self._attempt.pake1(message)
        except SessionError:
            self._failures += 1
            self._end()
            raise

    def pake3(self, message: bytes) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            raise SessionError("Pake3 before PBKDFParamRequest")
        try:
            self._session = _Session(attempt.pake3(message))
        except SessionError:
            attempt.close()
            self._failures += 1
            raise
        self._failures = 0

    def read_basic_information(self) -> BasicInformation:
        self._in_session()
        ids = [self._item(tag) for tag in (FactoryDataTag.VENDOR_ID, FactoryDataTag.PRODUCT_ID)]
        return BasicInformation(*(int.from_bytes(item, "little") for item in ids))

    def certificate_chain_request(self, certificate_type: int) -> bytes:
        """Matter 1.4 11.18.6.3: DAC or PAI."""
        self._in_session()
        match certificate_type:
            case CertificateChainType.DAC:
                return self._item(FactoryDataTag.DEVICE_ATTESTATION_CERTIFICATE)
            case CertificateChainType.PAI:
                return self._item(FactoryDataTag.PAI_CERTIFICATE)
        raise CommissioneeError(
            CommandStatus.INVALID_COMMAND, f"certificate type {certificate_type}; legal: 1 DAC, 2 PAI"
        )

    def attestation_request(self, attestation_nonce: bytes) -> SignedElements:
        """Matter 1.4 11.18.6.1: declaration, nonce, time and firmware information, signed by the DAC key."""
        session = self._in_session()
        _check_nonce("attestation nonce", attestation_nonce)
        members = [
            tlv.octets(tlv.context(1), self._item(FactoryDataTag.CERTIFICATION_DECLARATION)),
            tlv.octets(tlv.context(2), attestation_nonce),
            tlv.unsigned(tlv.context(3), _TIME_UNKNOWN),
        ]
        firmware = self._optional_item(FactoryDataTag.FIRMWARE_INFORMATION)
        # CHIP SDK ConstructAttestationElements: empty firmware information is left out.
        if firmware:
            members.append(tlv.octets(tlv.context(4), firmware))
        return self._signed(tlv.structure(tlv.ANONYMOUS, *members), session)

    def csr_request(self, csr_nonce: bytes) -> SignedElements:
        """Matter 1.4 11.18.6.5: a request of a new operational key, signed by it, and all by the DAC key."""
        session = self._in_session()
        _check_nonce("CSR nonce", csr_nonce)
        self._drop_operational_key()
        try:
            self._operational_key = key = self._crypto.generate_key(_OPERATIONAL_KEY)
            public_key = self._crypto.export_public_key(key)
            # CHIP SDK GenerateCertificateSigningRequest: the subject means nothing and is OU=CSA.
            csr = certificate_request(
                [(ORGANIZATIONAL_UNIT, "CSA")],
                public_key,
                lambda message: self._crypto.sign_message(key, _ECDSA, message),
            )
        except PsaError as error:
            raise CommissioneeError(CommandStatus.FAILURE, f"operational key: {error}") from None
        elements = tlv.structure(
            tlv.ANONYMOUS, tlv.octets(tlv.context(1), csr), tlv.octets(tlv.context(2), csr_nonce)
        )
        return self._signed(elements, session)

    def _signed(self, elements: bytes, session: _Session) -> SignedElements:
        # Matter 1.4 11.18.5.1: RESP_MAX.
        if len(elements) > RESP_MAX:
            raise CommissioneeError(
                CommandStatus.FAILURE, f"elements of {len(elements)} bytes; legal: up to {RESP_MAX}"
            )
        public_key = self._item(FactoryDataTag.DEVICE_ATTESTATION_PUB_KEY)
        try:
            # Matter 1.4 11.18.4.7: over the elements as sent, and behind them the session's challenge.
            signature = self._keys.sign(elements + session.attestation_challenge, public_key)
        except DacKeyError as error:
            raise CommissioneeError(CommandStatus.FAILURE, str(error)) from None
        return SignedElements(elements, signature)

    def _in_session(self) -> _Session:
        if self._session is None:
            raise CommissioneeError(CommandStatus.UNSUPPORTED_ACCESS, "no session; legal: PASE first")
        return self._session

    def _setup_data(self) -> SetupData:
        try:
            iterations = int.from_bytes(self._item(FactoryDataTag.SPAKE2_ITERATION_COUNT), "little")
            salt = self._item(FactoryDataTag.SPAKE2_SALT)
            verifier = self._item(FactoryDataTag.SPAKE2_VERIFIER)
        except CommissioneeError as error:
            raise SessionError(str(error)) from None
        if len(verifier) != VERIFIER_SIZE:
            raise SessionError(f"SPAKE2+ verifier of {len(verifier)} bytes; legal: {VERIFIER_SIZE}")
        return SetupData(iterations, salt, verifier)

    def _item(self, tag: FactoryDataTag) -> bytes:
        status, value = self._factory.get_value(tag, MAX_VALUE)
        if status is not FactoryDataStatus.DATAFACTORY_OK:
            raise CommissioneeError(CommandStatus.FAILURE, f"factory data, {tag.name}: {status.name}")
        return value

    def _optional_item(self, tag: FactoryDataTag) -> bytes:
        return self._factory.get_value(tag, MAX_VALUE)[1]

    def _end(self) -> None:
        """Forget the session, an attempt under way, and the key that no certificate was given for."""
        if self._attempt is not None:
            self._attempt.close()
        self._attempt = self._session = None
        self._drop_operational_key()

    def _drop_operational_key(self) -> None:
        if self._operational_key:
            self._crypto.destroy_key(self._operational_key)
            self._operational_key = 0


def _check_nonce(name: str, nonce: bytes) -> None:
    if len(nonce) != NONCE_SIZE:
        raise CommissioneeError(
            CommandStatus.INVALID_COMMAND, f"{name} of {len(nonce)} bytes; legal: {NONCE_SIZE}"
        )
