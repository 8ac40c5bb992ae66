"""The making of a token from headers to signature (TF-M attest_create_token, attest_token_encode)."""

from dataclasses import replace
from typing import NamedTuple

import cbor2

from ...interface.psa.crypto_values import PSA_ALG_GET_HASH
from ...interface.tfm.cbor_items import wrap
from ...platform.plat_err import PlatError
from ...spm.partition_api import PartitionApi
from .boot_data import boot_data_of
from .claims import Claims
from .claims_2019 import Claims2019
from .config import AttestationConfig, TokenVariant
from .cose import Envelope, make_envelope
from .crypto_hash import hash_in_steps
from .errors import AttestErr, AttestFailure
from .iak import ES256, HMAC256, AsymmetricIak, CoseAlgorithm, Iak, SymmetricIak
from .iak_2019 import Iak2019
from .option_word import SHORT_CIRCUIT_KID, TokenOption, take_options
from .output_buffer import Begun
from .profiles import select_profile
from .wrapped_dua import WrappedDua


class Draft(NamedTuple):
    """A token but for its signature, whose length is known: ``payload`` is the wrapped map of claims.

    A named tuple because every token makes one.
    """

    algorithm: CoseAlgorithm
    envelope: Envelope
    payload: bytes
    items: list[bytes]
    short_circuit: bool

    @property
    def size(self) -> int:
        """Bytes of the whole token."""
        return self.envelope.message_size(self.payload, self.algorithm.length)


class TokenMaker:
    """Makes tokens for one boot. Raises AttestFailure INIT_FAILED where there is no boot data."""

    def __init__(self, psa: PartitionApi, config: AttestationConfig) -> None:
        self._psa = psa
        self._config = config
        self._is_2019 = config.variant is TokenVariant.TFM_2019
        self._envelopes: dict[tuple[int, bytes], Envelope] = {}
        self._iak = _iak_of(psa, config)
        claims = Claims2019 if self._is_2019 else Claims
        self._claims = claims(psa, select_profile(config), boot_data_of(psa, config), self._iak)

    def draft(self, challenge: bytes, client_id: int) -> Draft:
        """Algorithm, headers and claims; the first failure wins. Raises AttestFailure."""
        options, nonce = take_options(self._config.transport, challenge)
        algorithm = self._algorithm(options)
        envelope = self._envelope(algorithm, options)
        items: list[bytes] = []
        try:
            claims = self._claims.encode(nonce, client_id, items, omit=TokenOption.OMIT_CLAIMS in options)
        except AttestFailure as failure:
            failure.begun = Begun(envelope, items)
            raise
        short = TokenOption.SHORT_CIRCUIT_SIGN in options
        return Draft(algorithm, envelope, wrap(claims), items, short)

    def size(self, challenge_size: int, client_id: int) -> int:
        """The size of a token, which is made but for its signature: its length is the algorithm's.

        TF-M t_cose_sign1_finish: in 2019 the key was used for it all the same, until 24 June.
        """
        draft = self.draft(bytes(challenge_size), client_id)
        if self._is_2019:
            self._sign(draft, draft.envelope.authenticated)
        return draft.size

    def finish(self, draft: Draft, capacity: int) -> bytes:
        """The signed token, of at most ``capacity`` bytes.

        Raises AttestFailure: TOKEN_BUFFER_OVERFLOW without room for all that precedes the signature, GENERAL
        where the crypto service fails, TOKEN_BUFFER_OVERFLOW without room for the heads that come last.
        """
        begun = Begun(draft.envelope, draft.items, draft.payload)
        if not self._is_2019:
            self._check_room_to_sign(draft, capacity, begun)
        try:
            signature = self._sign(draft, draft.envelope.to_be_signed(draft.payload))
        except AttestFailure as failure:
            failure.begun = begun
            raise
        if capacity < draft.size:
            begun = replace(begun, signature=signature, signed_in_place=self._signs_in_place)
            raise AttestFailure(AttestErr.TOKEN_BUFFER_OVERFLOW, begun)
        return draft.envelope.message(draft.payload, signature)

    def _check_room_to_sign(self, draft: Draft, capacity: int, begun: Begun) -> None:
        """TF-M t_cose_sign1_encode_signature: what precedes fits, but for the head of the whole.

        Since 2.2 the crypto service signs where the signature stands, so its room is asked for too; TF-M
        answers a general error where that is missing (`tfm_2_2_signature_room_slip`).
        """
        length = draft.algorithm.length
        last = len(draft.envelope.array_head) + len(cbor2.dumps(length))
        if capacity < draft.size - last - length:
            raise AttestFailure(AttestErr.TOKEN_BUFFER_OVERFLOW, begun)
        if self._signs_in_place and capacity < draft.size - last:
            slips = self._config.tfm_2_2_signature_room_slip
            raise AttestFailure(AttestErr.GENERAL if slips else AttestErr.TOKEN_BUFFER_OVERFLOW, begun)

    @property
    def _signs_in_place(self) -> bool:
        return not self._config.symmetric and not self._config.variant.before_2_2

    def _algorithm(self, options: TokenOption) -> CoseAlgorithm:
        algorithm = self._iak.algorithm()
        # TF-M attest_create_token: any option at all forces the algorithms of the smallest keys.
        if options:
            if not self._is_2019:
                return HMAC256 if self._config.symmetric else ES256
            if TokenOption.SHORT_CIRCUIT_SIGN in options:
                return replace(algorithm, length=ES256.length)
        return algorithm

    def _envelope(self, algorithm: CoseAlgorithm, options: TokenOption) -> Envelope:
        headers = algorithm.cose_id, self._key_id(options)
        envelope = self._envelopes.get(headers)
        if envelope is None:
            envelope = make_envelope(
                *headers,
                symmetric=self._config.symmetric,
                april_2019=self._is_2019 and self._config.sig_structure_of_april_2019,
                copied_header=self._config.variant.before_2_2,
            )
            self._envelopes[headers] = envelope
        return envelope

    def _key_id(self, options: TokenOption) -> bytes:
        """TF-M t_cose_sign1_encode_parameters: what is not signed has a key id that says so, a MAC none."""
        if TokenOption.SHORT_CIRCUIT_SIGN in options:
            return b"" if self._config.symmetric else SHORT_CIRCUIT_KID
        if not self._config.cose_key_id and not self._is_2019:
            return b""
        try:
            return self._iak.key_id()
        except PlatError as error:
            raise AttestFailure(AttestErr.GENERAL) from error

    def _sign(self, draft: Draft, to_be_signed: bytes) -> bytes:
        if not draft.short_circuit:
            return self._iak.sign(draft.algorithm, to_be_signed)
        # TF-M short_circuit_sign, short_circuit_tag: the hash, as often as it takes to fill a signature.
        algorithm = PSA_ALG_GET_HASH(draft.algorithm.psa_alg)
        digest = hash_in_steps(self._psa, to_be_signed, AttestErr.GENERAL, algorithm)
        length = draft.algorithm.length
        return (digest * -(-length // len(digest)))[:length]


def _iak_of(psa: PartitionApi, config: AttestationConfig) -> Iak:
    if config.variant is TokenVariant.TFM_2019:
        return Iak2019(psa, config.signature_of_2019)
    if config.wrapped_dua_key is not None:
        return WrappedDua(psa, config.variant, psa.hal.stm32_wrapped_dua_key, config.wrapped_dua_key)
    if config.symmetric:
        return SymmetricIak(psa, psa.hal.tfm_plat_get_symmetric_iak_id)
    return AsymmetricIak(psa, config.variant, p_521_refused=config.p_521_key_refused)
