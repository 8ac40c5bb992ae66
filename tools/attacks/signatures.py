"""Signatures: forged, bent, made with the wrong key, over the wrong bytes, or with no key at all."""

import hashlib

from ..verifier import Kind
from . import forging as forge
from .mutation import ACCEPTED, KeyNeed, OnMessage, Rule, refused
from .traits import BARE, ES256, MAC0, NOT_REALM, SIGN1, knows

FORM = Rule("r || s, each as long as the order of the curve; never DER", "RFC 9053 2.1")
SIZE = Rule("the size is the algorithm's", "RFC 9053 2.1, 3.1")
VERIFY = Rule("it must verify with the key that the verifier trusts", "RFC 9052 4.4, 6.3")
TO_BE_SIGNED = Rule("what is signed begins with the context of the message's own kind", "RFC 9052 4.4, 6.3")
TEST_MODE = Rule(
    "a hash made without a key proves nothing; only a test build writes it", "TF-M t_cose short-circuit"
)


def _sig(
    name: str,
    what: str,
    kind: Kind,
    rule: Rule,
    r: int | None,
    s: int | None,
) -> OnMessage:
    """A signature of these numbers; None stands for n, the order of the curve."""
    return OnMessage(
        name,
        what,
        refused(kind),
        rule,
        lambda target: forge.numbers(
            target, forge.order(target) if r is None else r, forge.order(target) if s is None else s
        ),
        traits=(SIGN1,),
    )


RANGE = Rule("r and s are between 1 and n - 1", "FIPS 186-5 6.4.2")

MUTATIONS = (
    OnMessage(
        "key-swap",
        "signs the same claims with a key of the attacker's",
        refused(Kind.SIGNATURE_INVALID),
        VERIFY,
        lambda target: target.signed(key=target.own_key).encode(),
        need=KeyNeed.OWN,
    ),
    OnMessage(
        "key-swap-with-own-identity",
        "signs with the attacker's key and claims the instance id and the kid of that key",
        refused(Kind.SIGNATURE_INVALID),
        Rule("a key that comes with the token vouches for nothing", "RFC 9783 5.2"),
        forge.own_key_and_id,
        traits=(NOT_REALM,),
        need=KeyNeed.OWN,
    ),
    OnMessage(
        "key-swap-with-certificate",
        "signs with a key of the attacker's and puts a certificate of that key in x5chain",
        refused(Kind.SIGNATURE_INVALID),
        Rule("a certificate that comes with the token vouches for nothing by itself", "RFC 9360 2"),
        forge.signed_with_certificate,
        traits=(SIGN1,),
        need=KeyNeed.OWN,
    ),
    OnMessage(
        "signature-random",
        "random bytes of the right size",
        refused(Kind.SIGNATURE_INVALID),
        VERIFY,
        forge.random,
    ),
    OnMessage(
        "signature-zero",
        "zeros of the right size (r = s = 0)",
        refused(Kind.SIGNATURE_INVALID),
        RANGE,
        lambda target: forge.with_signature(target.message, bytes(target.algorithm.size)),
    ),
    OnMessage(
        "signature-empty",
        "an empty signature or tag",
        refused(Kind.SIGNATURE_LENGTH),
        SIZE,
        lambda target: forge.with_signature(target.message, b""),
    ),
    OnMessage(
        "signature-truncated",
        "the signature or tag without its last byte",
        refused(Kind.SIGNATURE_LENGTH),
        SIZE,
        lambda target: forge.with_signature(target.message, target.message.signature[:-1]),
    ),
    OnMessage(
        "signature-half",
        "the first half of the signature or tag",
        refused(Kind.SIGNATURE_LENGTH),
        SIZE,
        lambda target: forge.with_signature(
            target.message, target.message.signature[: target.algorithm.size // 2]
        ),
    ),
    OnMessage(
        "tag-8-bytes",
        "the tag cut to 8 bytes, as HMAC 256/64 has it",
        refused(Kind.SIGNATURE_LENGTH),
        SIZE,
        lambda target: forge.with_signature(target.message, target.message.signature[:8]),
        traits=(MAC0,),
        parts=BARE,
    ),
    OnMessage(
        "signature-extended",
        "a zero byte behind the signature or tag",
        refused(Kind.SIGNATURE_LENGTH),
        SIZE,
        lambda target: forge.with_signature(target.message, target.message.signature + b"\x00"),
    ),
    OnMessage(
        "signature-leading-zero",
        "a zero byte before the signature or tag",
        refused(Kind.SIGNATURE_LENGTH),
        SIZE,
        lambda target: forge.with_signature(target.message, b"\x00" + target.message.signature),
    ),
    OnMessage(
        "signature-der",
        "the same signature in DER",
        refused(Kind.SIGNATURE_LENGTH),
        FORM,
        forge.der,
        traits=(SIGN1,),
    ),
    OnMessage(
        "signature-malleable",
        "n - s in place of s",
        ACCEPTED,
        Rule(
            "ECDSA holds for s and for n - s alike; so never know a token by its signature",
            "FIPS 186-5 6.4.2, RFC 9053 2.1",
        ),
        forge.malleable,
        traits=(SIGN1,),
    ),
    OnMessage(
        "signature-halves-swapped",
        "s || r in place of r || s",
        refused(Kind.SIGNATURE_INVALID),
        FORM,
        forge.halves_swapped,
        traits=(SIGN1,),
    ),
    OnMessage(
        "signature-little-endian",
        "r and s with their bytes reversed",
        refused(Kind.SIGNATURE_INVALID),
        FORM,
        forge.little_endian,
        traits=(SIGN1,),
    ),
    _sig("signature-r-zero", "r = 0, s = 1", Kind.SIGNATURE_INVALID, RANGE, 0, 1),
    _sig("signature-s-zero", "r = 1, s = 0", Kind.SIGNATURE_INVALID, RANGE, 1, 0),
    _sig("signature-one", "r = s = 1", Kind.SIGNATURE_INVALID, VERIFY, 1, 1),
    _sig("signature-r-order", "r = n, s = 1", Kind.SIGNATURE_INVALID, RANGE, None, 1),
    _sig("signature-s-order", "r = 1, s = n", Kind.SIGNATURE_INVALID, RANGE, 1, None),
    OnMessage(
        "short-circuit",
        "TF-M's test mode: a hash of what should be signed in place of the signature",
        refused(Kind.SHORT_CIRCUIT),
        TEST_MODE,
        forge.short_circuit,
    ),
    OnMessage(
        "short-circuit-forged",
        "the same around claims that the attacker made up",
        refused(Kind.SHORT_CIRCUIT),
        TEST_MODE,
        forge.short_circuit_forged,
        traits=(knows("client-id"),),
    ),
    OnMessage(
        "short-circuit-with-its-kid",
        "the same with the kid by which t_cose knows such a signature",
        refused(Kind.SHORT_CIRCUIT),
        TEST_MODE,
        forge.short_circuit_with_kid,
    ),
    OnMessage(
        "fake-signature-2019",
        "the stub of 2019: the hash once, 32 bytes",
        refused(Kind.SHORT_CIRCUIT),
        Rule("the stub signs nothing", "TF-M attest_token, 2019"),
        lambda target: forge.with_signature(
            target.message, hashlib.sha256(forge.signed_bytes(target)).digest()
        ),
        traits=(ES256,),
    ),
    OnMessage(
        "fake-signature-2019-padded",
        "the stub of 2019, read as the hash and zeros to the full size",
        refused(Kind.SIGNATURE_INVALID),
        Rule("the stub signs nothing", "TF-M attest_token, 2019"),
        lambda target: forge.with_signature(
            target.message, hashlib.sha256(forge.signed_bytes(target)).digest() + bytes(32)
        ),
        traits=(ES256,),
    ),
    OnMessage(
        "hash-of-payload",
        "a hash of the payload in place of the signature",
        refused(Kind.SIGNATURE_INVALID),
        VERIFY,
        lambda target: forge.with_signature(
            target.message,
            (hashlib.sha256(target.message.payload).digest() * 5)[: target.algorithm.size],
        ),
    ),
    OnMessage(
        "context-swapped-resigned",
        'the device signs with "MAC0" in a Sign1, or "Signature1" in a Mac0',
        refused(Kind.SIGNATURE_INVALID),
        TO_BE_SIGNED,
        forge.other_context,
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "context-cose-sign-resigned",
        'the device signs the structure of a COSE_Sign ("Signature")',
        refused(Kind.SIGNATURE_INVALID),
        TO_BE_SIGNED,
        forge.cose_sign_context,
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "external-aad-resigned",
        "the device signs with external data that the verifier has not",
        refused(Kind.SIGNATURE_INVALID),
        Rule("external_aad is empty", "RFC 9783 5.2"),
        lambda target: forge.structure(target, target.kind.context, b"tfm"),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "bare-payload-resigned",
        "the device signs the payload alone, not Sig_structure",
        refused(Kind.SIGNATURE_INVALID),
        TO_BE_SIGNED,
        lambda target: target.signed(data=target.message.payload).encode(),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "hashed-twice-resigned",
        "the device signs the hash of what it should sign",
        refused(Kind.SIGNATURE_INVALID),
        Rule("the signature is over the structure, hashed once", "RFC 9053 2.1"),
        forge.hashed_twice,
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "mac0-with-public-key",
        "a Mac0 whose secret is the public key, which everybody has",
        refused(Kind.ALG_MISMATCH),
        Rule(
            "a public key is no secret: the key's own kind decides the algorithm", "RFC 9052 7, RFC 8725 2.1"
        ),
        forge.mac_with_public_key,
        traits=(SIGN1,),
        need=KeyNeed.PUBLIC,
        parts=BARE,
    ),
    OnMessage(
        "mac0-with-public-x",
        "the same, with the first 32 bytes of the X coordinate as the secret",
        refused(Kind.ALG_MISMATCH),
        Rule(
            "a public key is no secret: the key's own kind decides the algorithm", "RFC 9052 7, RFC 8725 2.1"
        ),
        forge.mac_with_x,
        traits=(SIGN1,),
        need=KeyNeed.PUBLIC,
        parts=BARE,
    ),
    OnMessage(
        "mac0-without-secret",
        "a Mac0 whose secret is empty",
        refused(Kind.ALG_MISMATCH),
        Rule("the key's own kind decides the algorithm", "RFC 9053 3.1"),
        forge.mac_with_no_secret,
        traits=(SIGN1,),
    ),
    OnMessage(
        "sign1-in-place-of-mac",
        "a Sign1 by a key of the attacker's, where the verifier has a secret",
        refused(Kind.ALG_MISMATCH),
        Rule("the key's own kind decides the algorithm", "RFC 9053 2.1"),
        forge.sign_with_own,
        traits=(MAC0,),
        need=KeyNeed.OWN,
        parts=BARE,
    ),
)
