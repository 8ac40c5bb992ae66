"""Writes docs/crypto.md: what the crypto service offers, what it does not, and how to call it."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final

from ..interface.psa import crypto_values as v
from ..interface.tfm.crypto import EXTENSION_GROUP_MIN, Function
from ..partitions.crypto.wants import EVERYTHING, LEGACY, Offer
from .generated_page import write_page
from .option_names import by_kind

HEAD: Final = """\
# The crypto service

`TFM_SP_CRYPTO` answers PSA Crypto API 1.2 with its PAKE extension. What a build offers is
`CryptoConfig(wants=...)`, a set of Mbed TLS's own option names such as `PSA_WANT_ALG_GCM`; the switches
`hash_module`, `cipher_module` and so on are TF-M's CRYPTO_*_MODULE_ENABLED. TF-M's profiles are
[such sets](profiles.md). The lists below are written by `make docs` from the code.

## From Python

`device.psa.crypto` gives and takes bytes and key ids, and raises PsaError for what the service refuses.
`tfm_sim.psa` has the constants, macros and types of the `psa/*.h` headers:

```
>>> import tfm_sim
>>> from tfm_sim import KeyAttributes, psa
>>> device = tfm_sim.boot()
>>> crypto = device.psa.crypto
>>> crypto.hash_compute(psa.PSA_ALG_SHA3_256, b"abc").hex()
'3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532'

```

AES-GCM. The policy of a key says what it may be used for; a nonce must not come twice under one key:

```
>>> key = crypto.generate_key(KeyAttributes(
...     psa.PSA_KEY_TYPE_AES, bits=256, alg=psa.PSA_ALG_GCM,
...     usage=psa.PSA_KEY_USAGE_ENCRYPT | psa.PSA_KEY_USAGE_DECRYPT,
... ))
>>> nonce = crypto.generate_random(12)
>>> sealed = crypto.aead_encrypt(key, psa.PSA_ALG_GCM, nonce, b"attack at dawn", b"header")
>>> len(sealed)
30
>>> crypto.aead_decrypt(key, psa.PSA_ALG_GCM, nonce, sealed, b"header")
b'attack at dawn'
>>> crypto.aead_decrypt(key, psa.PSA_ALG_GCM, nonce, sealed, b"another header") is None
True
>>> crypto.export_key(key)
Traceback (most recent call last):
    ...
tfm_sim.interface.psa.status.PsaError: psa_export_key: PSA_ERROR_NOT_PERMITTED (-133)

```

A wrong tag, MAC, digest or signature is an answer, None or False; every other status is raised.

Operations in parts are objects that close themselves. HKDF, to bytes and to a key:

```
>>> hkdf = psa.PSA_ALG_HKDF(psa.PSA_ALG_SHA_256)
>>> secret = crypto.import_key(
...     KeyAttributes(psa.PSA_KEY_TYPE_DERIVE, usage=psa.PSA_KEY_USAGE_DERIVE, alg=hkdf), bytes(32)
... )
>>> with crypto.key_derivation(hkdf) as kdf:
...     kdf.input_bytes(psa.PSA_KEY_DERIVATION_INPUT_SALT, b"salt")
...     kdf.input_key(psa.PSA_KEY_DERIVATION_INPUT_SECRET, secret)
...     kdf.input_bytes(psa.PSA_KEY_DERIVATION_INPUT_INFO, b"session 1")
...     kdf.output_bytes(8).hex(), kdf.capacity
...     session = kdf.output_key(KeyAttributes(
...         psa.PSA_KEY_TYPE_AES, bits=128, usage=psa.PSA_KEY_USAGE_ENCRYPT, alg=psa.PSA_ALG_GCM
...     ))
('2f42f405615425c3', 8152)
>>> crypto.get_key_attributes(session).bits
128

```

An ECDSA signature, and what is longer than one request, in pieces:

```
>>> ecdsa = psa.PSA_ALG_ECDSA(psa.PSA_ALG_SHA_256)
>>> signer = crypto.generate_key(KeyAttributes(
...     psa.PSA_KEY_TYPE_ECC_KEY_PAIR(psa.PSA_ECC_FAMILY_SECP_R1), bits=256, alg=ecdsa,
...     usage=psa.PSA_KEY_USAGE_SIGN_MESSAGE | psa.PSA_KEY_USAGE_VERIFY_MESSAGE,
... ))
>>> signature = crypto.sign_message(signer, ecdsa, b"a message")
>>> len(signature), len(crypto.export_public_key(signer))
(64, 65)
>>> crypto.verify_message(signer, ecdsa, b"a message", signature)
True
>>> firmware = bytes(100_000)
>>> with crypto.hash_operation(psa.PSA_ALG_SHA_256) as sha256:
...     for at in range(0, len(firmware), 4096):
...         sha256.update(firmware[at : at + 4096])
...     digest = sha256.finish()
>>> import hashlib
>>> digest == hashlib.sha256(firmware).digest()
True

```

Some statuses say something about this service rather than about the request:

| status | may mean |
|---|---|
| NOT_SUPPORTED | no such algorithm, key type or size, or the build is without it |
| NOT_PERMITTED | the key's policy does not allow it, in usage, algorithm or length of a tag; or all \
`CryptoConfig.concurrent_operations` (8) are under way |
| INVALID_HANDLE | this client has no key of that id; another client's key is none |
| INSUFFICIENT_MEMORY | the vectors of one call are larger together than \
`CryptoConfig.iovec_buffer_size` (5120 bytes), or all `key_slots` (32) are taken |
| BAD_STATE | an operation that has failed, has ended, or lacks a step; only closing it helps |
| PROGRAMMER_ERROR | the build has no crypto service, or the client broke a rule of `psa_call` |

The same functions under their C names have statuses instead of exceptions:

```
>>> psa.psa_hash_compute(device.ns, psa.PSA_ALG_MD5, b"abc", psa.PSA_HASH_LENGTH(psa.PSA_ALG_MD5))
(-134, b'')
>>> operation = psa.psa_hash_operation_t()
>>> psa.psa_hash_setup(device.ns, operation, psa.PSA_ALG_SHA_256), operation.handle
(0, 1)
>>> device.power_off()

```

Each packs its request byte for byte as TF-M's client library does; a C program that speaks to the service
finds the same answers. `tfm-sim trace --what encrypt` shows what travels ([tracing](tracing.md)): functions,
key ids and algorithms by name, and never a key or a plaintext.
"""
OFFERED: Final = """\
## What there is

The names are those of the options, without `PSA_WANT_ALG_`, `PSA_WANT_KEY_TYPE_`, `PSA_WANT_ECC_` and
`PSA_WANT_DH_`. A build has all of them by default but the legacy ones, in *italics*, which `wants` has to
name.
"""
LACKING: Final = """\
## What there is not

The answer is PSA_ERROR_NOT_SUPPORTED, whatever the build. Limits of what there is:
[what is modelled](modelled.md).
"""
OWN: Final = """\
## What is written here

The `cryptography` package and Python's `hashlib` do what they can. These modules of `partitions/crypto` do
what they cannot, in plain Python and no constant time.
"""
OWN_MODULES: Final = (
    (
        "`rsa_padding`, `rsa_key`",
        "PSS, OAEP and PKCS#1 v1.5 encodings, the raw operation",
        "salts and padding come from the seeded source; RIPEMD-160, OAEP with MD5, SHA-3 and SHA-512/t; "
        "bad padding is told",
        "PKCS#1's vectors, the library",
    ),
    (
        "`rsa_primes`",
        "primes of RSA keys",
        "the library draws from a source of its own",
        "the conditions of FIPS 186-5",
    ),
    (
        "`ecdsa`",
        "signatures with a given secret number",
        "the same",
        "RFC 6979, NIST CAVP; the library verifies",
    ),
    (
        "`edwards`, `eddsa`",
        "Ed25519ph, Ed448ph; public keys that are no points",
        "not in the library, which looks at a key when it verifies",
        "RFC 8032",
    ),
    (
        "`weierstrass`, `spake2p`, `jpake`",
        "sums of points of the NIST curves, and the exchanges over them",
        "not in the library",
        "RFC 9383; proofs of RFC 8235 written out in the tests",
    ),
    (
        "`dh_groups`",
        "FFDH by `pow`, the primes by their definition",
        "the library wants the public key beside the private one",
        "a prime of RFC 7919 written out",
    ),
    (
        "`gcm`, `ccm`, `chacha20_poly1305`, `xts`",
        "short nonces, Camellia, messages in pieces, XChaCha20",
        "the library takes whole messages, AES, nonces from 8 bytes on",
        "NIST CAVP, RFC 8439, the library",
    ),
    (
        "`block_ciphers`, `macs`",
        "counter mode and CBC-MAC over any block cipher",
        "the same",
        "NIST CAVP, NTT's Camellia",
    ),
    ("`arc4`", "ARC4", "the library takes a few lengths of key", "RFC 6229"),
    (
        "`compression`",
        "MD5, RIPEMD-160, SHA-1, SHA-2 block by block",
        "`psa_hash_suspend` gives the state between two blocks, which libraries keep",
        "NIST CAVP, RFC 1321, hashlib",
    ),
    (
        "`kdf`, `pbkdf2`",
        "HKDF, TLS 1.2 PRF, SP 800-108 and PBKDF2 as streams",
        "output is read in pieces; PBKDF2 over AES-CMAC",
        "RFC 5869, RFC 6070, RFC 7914, NIST CAVP",
    ),
    (
        "`drbg`",
        "HMAC_DRBG with SHA-256",
        "random bytes come from the device's seed",
        "the nonces of RFC 6979",
    ),
)
"""What each module has, why it is not the library's, and what the tests hold it to."""
EXTENSIONS: Final = """\
## Functions that TF-M's service lacks

PSA Crypto has them, or TF-PSA-Crypto; TF-M's service has no function id for them. Here they have ids of our
own, far from TF-M's groups 1 to 9. `CryptoConfig(extensions=False, pake_module=False)` is TF-M's service as
it is: they are NOT_SUPPORTED then. The request is `struct tfm_crypto_pack_iovec` as for all others; what is
neither a key id, an algorithm, an operation's handle nor a step travels in its `value`.
"""
_HANDLE = "`op_handle`"
VECTORS: Final[Mapping[Function, tuple[str, str, str]]] = {
    Function.GENERATE_KEY_CUSTOM: ("`value` = flags", "attributes, custom data", "key id"),
    Function.HASH_SUSPEND: (_HANDLE, "", "handle, hash state"),
    Function.HASH_RESUME: (_HANDLE, "hash state", "handle"),
    Function.KEY_AGREEMENT: ("`key_id`, `alg`", "peer key, attributes", "key id"),
    Function.KEY_DERIVATION_VERIFY_BYTES: (_HANDLE, "expected output", ""),
    Function.KEY_DERIVATION_VERIFY_KEY: (f"{_HANDLE}, `key_id` = expected key", "", ""),
    Function.KEY_DERIVATION_OUTPUT_KEY_CUSTOM: (
        f"{_HANDLE}, `value` = flags",
        "attributes, custom data",
        "key id",
    ),
    Function.PAKE_SETUP: (
        f"{_HANDLE}, `key_id` = password, `alg`, `value` = primitive, key confirmation << 32",
        "",
        "handle",
    ),
    Function.PAKE_SET_ROLE: (f"{_HANDLE}, `value` = role", "", ""),
    Function.PAKE_SET_USER: (_HANDLE, "identity", ""),
    Function.PAKE_SET_PEER: (_HANDLE, "identity", ""),
    Function.PAKE_SET_CONTEXT: (_HANDLE, "context", ""),
    Function.PAKE_OUTPUT: (f"{_HANDLE}, `step`", "", "data"),
    Function.PAKE_INPUT: (f"{_HANDLE}, `step`", "data", ""),
    Function.PAKE_GET_SHARED_KEY: (_HANDLE, "attributes", "handle, key id"),
    Function.PAKE_ABORT: (_HANDLE, "", "handle"),
}
_NO_LIBRARY = "no library at hand has it"
_UNCHECKED = "TF-PSA-Crypto has none, so there is nothing to hold it to"
REASONS: Final[Mapping[str, str]] = {
    "PSA_ALG_MD2": "broken; " + _NO_LIBRARY,
    "PSA_ALG_MD4": "broken; " + _NO_LIBRARY,
    "PSA_ALG_AES_MMO_ZIGBEE": _UNCHECKED,
    "PSA_ALG_SM3": _UNCHECKED,
    "PSA_KEY_TYPE_ARIA": _NO_LIBRARY,
    "PSA_KEY_TYPE_SM4": _UNCHECKED,
    "PSA_ECC_FAMILY_SECP_R2": "obsolete; " + _NO_LIBRARY,
    "PSA_ECC_FAMILY_SECT_K1": "binary curves are obsolete, and `cryptography` drops them",
    "PSA_ECC_FAMILY_SECT_R1": "binary curves are obsolete, and `cryptography` drops them",
    "PSA_ECC_FAMILY_SECT_R2": "binary curves are obsolete, and `cryptography` drops them",
    "PSA_ECC_FAMILY_FRP": _NO_LIBRARY,
}
FURTHER: Final = (
    ("SECP_K1 of 192, 224 and 225 bits, BRAINPOOL_P_R1 of 160 to 320 bits other than 256", _NO_LIBRARY),
    ("FFDH groups other than those of RFC 7919", "PSA Crypto 1.2 has no family for them"),
    (
        "signing and deriving in steps (`psa_sign_hash_start`, `psa_*_iop_*`)",
        "not in PSA Crypto 1.2 nor in TF-M",
    ),
    (
        "`psa_open_key`, `psa_close_key` by default",
        "abandoned: TF-M keeps the function ids without a function. `CryptoConfig(open_close_key=True)` has "
        "them, as ST's port of TF-M does",
    ),
)


def lacking() -> set[str]:
    """The names of algorithms, key types and curve families that no build of the model has."""
    offer = Offer(EVERYTHING)
    names = {name: value for name, value in vars(v).items() if isinstance(value, int)}
    algorithms = {
        name
        for name, value in names.items()
        if name.startswith("PSA_ALG_")
        and not name.endswith(("_MASK", "_FLAG", "_OFFSET", "_NONE", "_BASE", "ANY_HASH"))
        and "CATEGORY" not in name
        and not offer.alg(value)
    }
    key_types = {
        name
        for name, value in names.items()
        if name.startswith("PSA_KEY_TYPE_")
        and not name.endswith(("_MASK", "_FLAG", "_NONE"))
        and "CATEGORY" not in name
        and not offer.key_type(value)
    }
    families = {name for name in names if name.startswith("PSA_ECC_FAMILY_")}
    offered = {name for name in families if any(offer.curve(names[name], bits) for bits in range(100, 600))}
    return algorithms | key_types | (families - offered)


def _offered() -> list[str]:
    legacy = {name for names in by_kind(LEGACY).values() for name in names}
    lines = ["| | |", "|---|---|"]
    for kind, names in by_kind(EVERYTHING).items():
        shown = [f"*{name}*" if name in legacy else name for name in names]
        lines.append(f"| {kind} | {', '.join(shown)} |")
    return lines


def _lacking() -> list[str]:
    reasons = [(f"`{name}`", REASONS[name]) for name in sorted(lacking())]
    return ["| what | why |", "|---|---|", *(f"| {what} | {why} |" for what, why in (*reasons, *FURTHER))]


def _own() -> list[str]:
    lines = ["| module | what | why it is here | held to |", "|---|---|---|---|"]
    return lines + [f"| {' | '.join(row)} |" for row in OWN_MODULES]


def _extensions() -> list[str]:
    lines = ["| id | function | in the pack iovec | further inputs | outputs |", "|---|---|---|---|---|"]
    for function in Function:
        if function >> 8 >= EXTENSION_GROUP_MIN:
            lines.append(f"| 0x{function:04X} | {function.name} | {' | '.join(VECTORS[function])} |")
    return lines


def render() -> str:
    """The page."""
    sections = ((OFFERED, _offered()), (LACKING, _lacking()), (OWN, _own()), (EXTENSIONS, _extensions()))
    return HEAD + "".join("\n" + text + "\n" + "\n".join(lines) + "\n" for text, lines in sections)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page to the file that the one argument names; returns the exit code."""
    return write_page("crypto_page", sys.argv[1:] if arguments is None else arguments, render)


if __name__ == "__main__":
    sys.exit(main())
