"""The key derivation algorithms: what each takes, its capacity, its stream (PSA Crypto 1.2, 10.6.1)."""

from collections.abc import Callable
from typing import Final

from ...interface.psa.crypto_sizes import (
    PSA_HASH_LENGTH,
    PSA_TLS12_ECJPAKE_TO_PMS_INPUT_SIZE,
    PSA_TLS12_ECJPAKE_TO_PMS_OUTPUT_SIZE,
    PSA_TLS12_PSK_TO_MS_PSK_MAX_SIZE,
)
from ...interface.psa.crypto_values import (
    PSA_ALG_HASH_MASK,
    PSA_ALG_HKDF_BASE,
    PSA_ALG_HKDF_EXPAND_BASE,
    PSA_ALG_HKDF_EXTRACT_BASE,
    PSA_ALG_PBKDF2_AES_CMAC_PRF_128,
    PSA_ALG_PBKDF2_HMAC_BASE,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SP800_108_COUNTER_CMAC,
    PSA_ALG_SP800_108_COUNTER_HMAC_BASE,
    PSA_ALG_TLS12_ECJPAKE_TO_PMS,
    PSA_ALG_TLS12_PRF_BASE,
    PSA_ALG_TLS12_PSK_TO_MS_BASE,
    PSA_KEY_DERIVATION_INPUT_CONTEXT,
    PSA_KEY_DERIVATION_INPUT_COST,
    PSA_KEY_DERIVATION_INPUT_INFO,
    PSA_KEY_DERIVATION_INPUT_LABEL,
    PSA_KEY_DERIVATION_INPUT_OTHER_SECRET,
    PSA_KEY_DERIVATION_INPUT_PASSWORD,
    PSA_KEY_DERIVATION_INPUT_SALT,
    PSA_KEY_DERIVATION_INPUT_SECRET,
    PSA_KEY_DERIVATION_INPUT_SEED,
    PSA_KEY_DERIVATION_UNLIMITED_CAPACITY,
    PSA_KEY_TYPE_AES,
    PSA_KEY_TYPE_DERIVE,
    PSA_KEY_TYPE_DH_GET_FAMILY,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_HMAC,
    PSA_KEY_TYPE_IS_ECC,
    PSA_KEY_TYPE_PASSWORD,
    PSA_KEY_TYPE_PEPPER,
    PSA_KEY_TYPE_RAW_DATA,
)
from ...interface.psa.status import (
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
)
from . import kdf, pbkdf2
from .block_ciphers import KEY_LENGTHS
from .curves import SIZES
from .derivation import Kdf
from .derivation_inputs import DerivationInputs, InputStep
from .hashing import Hashes, hash_of
from .refusal import Refusal
from .wants import Offer

KeyedPrf = Callable[[bytes], kdf.Prf]
"""A pseudorandom function that still wants its key."""

_SECRET: Final = InputStep(PSA_KEY_DERIVATION_INPUT_SECRET, frozenset({PSA_KEY_TYPE_DERIVE}))
_PUBLIC: Final = frozenset({PSA_KEY_TYPE_RAW_DATA})
_SP800_108_MAX_CAPACITY: Final = 0x1FFFFFFF
"""So many bytes that their number of bits still fits in 32 bits."""
_MASTER_SECRET_SIZE: Final = 48
_CMAC_SLOWNESS: Final = 2
_OWN_HASH_SLOWNESS: Final = 200
"""How much longer an iteration of PBKDF2 takes with CMAC, and with a hash of our own, than with hashlib's."""


class KdfAlgorithms:
    """The key derivations of one build; ``max_cost`` is how many iterations of PBKDF2 it runs."""

    def __init__(self, hashes: Hashes, offer: Offer, max_cost: int) -> None:
        self._hashes = hashes
        self._offer = offer
        self._max_cost = max_cost
        self._by_base: dict[int, Callable[[int], Kdf]] = {
            PSA_ALG_HKDF_BASE: self._hkdf,
            PSA_ALG_HKDF_EXTRACT_BASE: self._hkdf_extract,
            PSA_ALG_HKDF_EXPAND_BASE: self._hkdf_expand,
            PSA_ALG_TLS12_PRF_BASE: self._tls12_prf,
            PSA_ALG_TLS12_PSK_TO_MS_BASE: self._tls12_psk_to_ms,
            PSA_ALG_SP800_108_COUNTER_HMAC_BASE: self._sp800_108_hmac,
            PSA_ALG_PBKDF2_HMAC_BASE: self._pbkdf2_hmac,
        }

    def find(self, alg: int) -> Kdf:
        """The algorithm; NOT_SUPPORTED for one, or one over a hash, that this build does not offer."""
        self.require(alg)
        if alg == PSA_ALG_SP800_108_COUNTER_CMAC:
            return _SP800_108_CMAC
        if alg == PSA_ALG_TLS12_ECJPAKE_TO_PMS:
            return _TLS12_ECJPAKE_TO_PMS
        if alg == PSA_ALG_PBKDF2_AES_CMAC_PRF_128:
            return self._pbkdf2_cmac()
        make = self._by_base.get(alg & ~PSA_ALG_HASH_MASK)
        if make is None:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        return make(alg)

    def require(self, alg: int) -> None:
        """NOT_SUPPORTED for an algorithm of any kind that this build does not offer."""
        if not self._offer.alg(alg):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)

    def require_bits(self, key_type: int, bits: int) -> None:
        """NOT_SUPPORTED for a key of a size that this build does not use."""
        if not self._offer.key_bits(key_type, bits):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)

    def require_key(self, key_type: int, bits: int) -> None:
        """NOT_SUPPORTED for a key that this build does not derive: PSA_WANT_KEY_TYPE_*_KEY_PAIR_DERIVE.

        A size that no curve of the family has is INVALID_ARGUMENT.
        """
        if not self._offer.key_pair(key_type, "DERIVE"):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        family = PSA_KEY_TYPE_DH_GET_FAMILY(key_type)
        if PSA_KEY_TYPE_IS_ECC(key_type):
            family = PSA_KEY_TYPE_ECC_GET_FAMILY(key_type)
            _require(bits in SIZES.get(family, ()))
        if family and not self._offer.curve(family, bits):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)

    def _hmac(self, alg: int) -> KeyedPrf:
        """HMAC with the hash within, for any key."""
        hash_alg = hash_of(alg)
        self._hashes.check(hash_alg)
        return lambda key: kdf.hmac_prf(self._hashes.hmac(hash_alg, key))

    def _hkdf(self, alg: int) -> Kdf:
        """PSA_ALG_HKDF: no salt is an empty one; the info may come at any time but has to come (Mbed TLS)."""
        prf = self._hmac(alg)

        def start(inputs: DerivationInputs, _: int) -> kdf.Stream:
            return _expand(prf, _extract(prf, inputs), inputs)

        steps = (
            InputStep(PSA_KEY_DERIVATION_INPUT_SALT, _PUBLIC, required=False),
            _SECRET,
            InputStep(PSA_KEY_DERIVATION_INPUT_INFO, _PUBLIC, in_order=False),
        )
        return Kdf(steps, kdf.HKDF_MAX_BLOCKS * PSA_HASH_LENGTH(alg), start)

    def _hkdf_extract(self, alg: int) -> Kdf:
        prf = self._hmac(alg)

        def start(inputs: DerivationInputs, _: int) -> kdf.Stream:
            return kdf.BlockStream(iter([_extract(prf, inputs)]))

        steps = (InputStep(PSA_KEY_DERIVATION_INPUT_SALT, _PUBLIC), _SECRET)
        return Kdf(steps, PSA_HASH_LENGTH(alg), start)

    def _hkdf_expand(self, alg: int) -> Kdf:
        """PSA_ALG_HKDF_EXPAND; Mbed TLS: a secret that is no pseudorandom key by its length is refused."""
        prf, length = self._hmac(alg), PSA_HASH_LENGTH(alg)

        def check_prk(prk: bytes) -> None:
            _require(len(prk) == length)

        def start(inputs: DerivationInputs, _: int) -> kdf.Stream:
            return _expand(prf, inputs.data[PSA_KEY_DERIVATION_INPUT_SECRET], inputs)

        steps = (
            InputStep(_SECRET.step, _SECRET.key_types, check=check_prk),
            InputStep(PSA_KEY_DERIVATION_INPUT_INFO, _PUBLIC),
        )
        return Kdf(steps, kdf.HKDF_MAX_BLOCKS * length, start)

    def _tls12_hmac(self, alg: int) -> KeyedPrf:
        """RFC 5246, 5: SHA-256 and SHA-384 are the hashes of TLS 1.2; any other is NOT_SUPPORTED."""
        if hash_of(alg) not in (PSA_ALG_SHA_256, PSA_ALG_SHA_384):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        return self._hmac(alg)

    def _tls12_prf(self, alg: int) -> Kdf:
        prf = self._tls12_hmac(alg)

        def start(inputs: DerivationInputs, _: int) -> kdf.Stream:
            return _tls12_stream(prf, inputs.data[PSA_KEY_DERIVATION_INPUT_SECRET], inputs)

        steps = (
            InputStep(PSA_KEY_DERIVATION_INPUT_SEED, _PUBLIC),
            _SECRET,
            InputStep(PSA_KEY_DERIVATION_INPUT_LABEL, _PUBLIC),
        )
        return Kdf(steps, PSA_KEY_DERIVATION_UNLIMITED_CAPACITY, start)

    def _tls12_psk_to_ms(self, alg: int) -> Kdf:
        prf = self._tls12_hmac(alg)

        def start(inputs: DerivationInputs, _: int) -> kdf.Stream:
            psk = inputs.data[PSA_KEY_DERIVATION_INPUT_SECRET]
            other = inputs.data.get(PSA_KEY_DERIVATION_INPUT_OTHER_SECRET)
            return _tls12_stream(prf, kdf.psk_premaster_secret(psk, other), inputs)

        steps = (
            InputStep(PSA_KEY_DERIVATION_INPUT_SEED, _PUBLIC),
            InputStep(
                PSA_KEY_DERIVATION_INPUT_OTHER_SECRET,
                _SECRET.key_types,
                required=False,
                check=lambda secret: _require(len(secret) <= 0xFFFF),
            ),
            InputStep(
                _SECRET.step,
                _SECRET.key_types,
                check=lambda psk: _require(len(psk) <= PSA_TLS12_PSK_TO_MS_PSK_MAX_SIZE),
            ),
            InputStep(PSA_KEY_DERIVATION_INPUT_LABEL, _PUBLIC),
        )
        return Kdf(steps, _MASTER_SECRET_SIZE, start)

    def _sp800_108_hmac(self, alg: int) -> Kdf:
        prf = self._hmac(alg)

        def start(inputs: DerivationInputs, capacity: int) -> kdf.Stream:
            keyed = prf(inputs.data[PSA_KEY_DERIVATION_INPUT_SECRET])
            return kdf.BlockStream(kdf.sp800_108_counter(keyed, _fixed_input(inputs, capacity)))

        secret = InputStep(_SECRET.step, frozenset({PSA_KEY_TYPE_HMAC, PSA_KEY_TYPE_DERIVE}))
        steps = (secret, *_SP800_108_PUBLIC)
        return Kdf(steps, _SP800_108_MAX_CAPACITY, start, capacity_counts=True)

    def _pbkdf2_hmac(self, alg: int) -> Kdf:
        prf, name = self._hmac(alg), self._hashes.hashlib_name(hash_of(alg))

        def start(inputs: DerivationInputs, _: int) -> kdf.Stream:
            password, salt, cost = _pbkdf2_inputs(inputs)
            limit = block * pbkdf2.block_limit(iterations, cost, salt)
            if name is None:
                return _LimitedStream(kdf.BlockStream(pbkdf2.pbkdf2(prf(password), salt, cost)), limit)
            return _LimitedStream(pbkdf2.Pbkdf2HmacStream(name, password, salt, cost, limit), limit)

        block = PSA_HASH_LENGTH(alg)
        iterations = self._max_cost // (_OWN_HASH_SLOWNESS if name is None else 1)
        return Kdf(self._pbkdf2_steps(iterations), _pbkdf2_capacity(block), start)

    def _pbkdf2_cmac(self) -> Kdf:
        def start(inputs: DerivationInputs, _: int) -> kdf.Stream:
            password, salt, cost = _pbkdf2_inputs(inputs)
            blocks = kdf.BlockStream(pbkdf2.pbkdf2_aes_cmac_prf_128(password, salt, cost))
            return _LimitedStream(blocks, pbkdf2.AES_BLOCK * pbkdf2.block_limit(iterations, cost, salt))

        iterations = self._max_cost // _CMAC_SLOWNESS
        return Kdf(self._pbkdf2_steps(iterations), _pbkdf2_capacity(pbkdf2.AES_BLOCK), start)

    def _pbkdf2_steps(self, iterations: int) -> tuple[InputStep, ...]:
        """PSA_ALG_PBKDF2_HMAC: the salt may come in parts, of which a key of type PEPPER may be one."""

        def check_cost(cost: int) -> None:
            # Mbed TLS psa_pbkdf2_set_input_cost: more than the build runs is NOT_SUPPORTED.
            if cost > iterations:
                raise Refusal(PSA_ERROR_NOT_SUPPORTED)
            _require(cost > 0)

        password_types = frozenset({PSA_KEY_TYPE_DERIVE, PSA_KEY_TYPE_PASSWORD})
        salt_types = frozenset({PSA_KEY_TYPE_RAW_DATA, PSA_KEY_TYPE_PEPPER})
        return (
            InputStep(PSA_KEY_DERIVATION_INPUT_COST, frozenset(), number=True, check_number=check_cost),
            InputStep(PSA_KEY_DERIVATION_INPUT_SALT, salt_types, repeats=True),
            InputStep(PSA_KEY_DERIVATION_INPUT_PASSWORD, password_types),
        )


def _require(holds: bool) -> None:
    if not holds:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)


def _extract(prf: KeyedPrf, inputs: DerivationInputs) -> bytes:
    salt = inputs.data.get(PSA_KEY_DERIVATION_INPUT_SALT, b"")
    return kdf.hkdf_extract(prf(salt), inputs.data[PSA_KEY_DERIVATION_INPUT_SECRET])


def _expand(prf: KeyedPrf, prk: bytes, inputs: DerivationInputs) -> kdf.Stream:
    return kdf.BlockStream(kdf.hkdf_expand(prf(prk), inputs.data[PSA_KEY_DERIVATION_INPUT_INFO]))


def _tls12_stream(prf: KeyedPrf, secret: bytes, inputs: DerivationInputs) -> kdf.Stream:
    seed = inputs.data[PSA_KEY_DERIVATION_INPUT_LABEL] + inputs.data[PSA_KEY_DERIVATION_INPUT_SEED]
    return kdf.BlockStream(kdf.tls12_prf(prf(secret), seed))


def _pbkdf2_inputs(inputs: DerivationInputs) -> tuple[bytes, bytes, int]:
    return (
        inputs.data[PSA_KEY_DERIVATION_INPUT_PASSWORD],
        inputs.data[PSA_KEY_DERIVATION_INPUT_SALT],
        inputs.numbers[PSA_KEY_DERIVATION_INPUT_COST],
    )


def _pbkdf2_capacity(block: int) -> int:
    """RFC 8018, 5.2: 2^32 - 1 blocks; a 32-bit size_t holds less (Mbed TLS)."""
    return min(0xFFFFFFFF * block, PSA_KEY_DERIVATION_UNLIMITED_CAPACITY)


def _fixed_input(inputs: DerivationInputs, capacity: int) -> bytes:
    label = inputs.data.get(PSA_KEY_DERIVATION_INPUT_LABEL, b"")
    context = inputs.data.get(PSA_KEY_DERIVATION_INPUT_CONTEXT, b"")
    return kdf.sp800_108_fixed_input(label, context, capacity)


_SP800_108_PUBLIC: Final = (
    InputStep(
        PSA_KEY_DERIVATION_INPUT_LABEL,
        _PUBLIC,
        required=False,
        # PSA_ALG_SP800_108_COUNTER_HMAC: a null byte would end the label early.
        check=lambda label: _require(b"\0" not in label),
    ),
    InputStep(PSA_KEY_DERIVATION_INPUT_CONTEXT, _PUBLIC, required=False),
)


def _start_sp800_108_cmac(inputs: DerivationInputs, capacity: int) -> kdf.Stream:
    """PSA_ALG_SP800_108_COUNTER_CMAC: K0, a MAC over the fixed input, follows it (SP 800-108r1, 6.7)."""
    secret = PSA_KEY_DERIVATION_INPUT_SECRET
    prf = kdf.cmac_prf(inputs.key_types[secret], inputs.data[secret])
    fixed_input = _fixed_input(inputs, capacity)
    return kdf.BlockStream(kdf.sp800_108_counter(prf, fixed_input + prf(fixed_input)))


def _check_cipher_key(key: bytes) -> None:
    # A key that is the two of XTS is none of CMAC.
    if len(key) not in KEY_LENGTHS[PSA_KEY_TYPE_AES]:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)


_SP800_108_CMAC: Final = Kdf(
    (
        InputStep(_SECRET.step, kdf.CMAC_KEY_TYPES, direct=False, check=_check_cipher_key),
        *_SP800_108_PUBLIC,
    ),
    _SP800_108_MAX_CAPACITY,
    _start_sp800_108_cmac,
    capacity_counts=True,
)


class _LimitedStream:
    """An output of which no more than ``limit`` bytes can be computed in reasonable time."""

    def __init__(self, stream: kdf.Stream, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int) -> bytes:
        if size > self._left:
            raise Refusal(PSA_ERROR_INSUFFICIENT_MEMORY)
        self._left -= size
        return self._stream.read(size)


class _WholeStream:
    """An output that has to be read in one piece."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int) -> bytes:
        _require(size == len(self._data))
        return self._data


def _check_ecjpake_point(point: bytes) -> None:
    _require(len(point) == PSA_TLS12_ECJPAKE_TO_PMS_INPUT_SIZE and point[0] == 0x04)


_TLS12_ECJPAKE_TO_PMS: Final = Kdf(
    (InputStep(_SECRET.step, _SECRET.key_types, check=_check_ecjpake_point),),
    PSA_TLS12_ECJPAKE_TO_PMS_OUTPUT_SIZE,
    lambda inputs, _: _WholeStream(
        kdf.ecjpake_premaster_secret(inputs.data[PSA_KEY_DERIVATION_INPUT_SECRET])
    ),
)
