"""From a description to the token's bytes: sign, wrap, compose."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ...interface.errors import TfmSimError
from ..verifier.collection import CONTENT_EAT_CWT, LEGACY_COLLECTION
from ..verifier.cose import ALGORITHMS
from ..verifier.envelope import CoseKind
from .cbor_writer import join_array, join_map, wrap_tag, write_bytes, write_int
from .cose_writer import SigningKey, algorithm_of, write_cose
from .names import TokenType
from .source import CollectionSource, TokenSource

ES256: Final = -7


class Method(Enum):
    """How claims are wrapped, in iat-verifier's words."""

    SIGN = "sign"
    MAC = "mac"
    RAW = "raw"


class CompileError(TfmSimError):
    """Keys, options and description do not go together."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a caller decides, before what the description says; None leaves it to the description or the key.

    ``keys`` are by kind of token: a realm's, and one for every other. A message without a key has the
    description's signature, or an empty one.
    """

    key: SigningKey | None = None
    realm_key: SigningKey | None = None
    method: Method | None = None
    alg: int | None = None
    kid: bytes | None = None

    def key_of(self, kind: TokenType) -> SigningKey | None:
        """The key that signs a token of this kind."""
        return self.realm_key if kind is TokenType.CCA_REALM else self.key


def compile_token(source: TokenSource | CollectionSource, choices: Choices) -> bytes:
    """The token's bytes. Raises CompileError or SigningKeyUnusable."""
    if isinstance(source, TokenSource):
        return _message(source, choices)
    if choices.method not in (None, Method.SIGN):
        raise CompileError(f"method {choices.method.value} for a CCA collection; legal: sign")
    if choices.alg is not None or choices.kid is not None:
        raise CompileError(
            "--alg or --kid for a CCA collection; legal: alg and kid in each token's own tfm_sim block"
        )
    legacy = LEGACY_COLLECTION in source.tags[-1:]
    collection = join_map(
        [
            (label, _record(_message(value, choices), legacy) if isinstance(value, TokenSource) else value)
            for label, value in source.entries
        ]
    )
    for tag in reversed(source.tags):
        collection = wrap_tag(tag, collection)
    return collection


def _record(token: bytes, legacy: bool) -> bytes:
    """A token as an entry: [263, bytes] under tag 907, bare bytes under 399."""
    wrapped = write_bytes(token)
    return wrapped if legacy else join_array((write_int(CONTENT_EAT_CWT), wrapped))


def is_unsigned(source: TokenSource | CollectionSource, choices: Choices) -> bool:
    """A message among these gets an empty signature, since there is neither a key nor a signature for it."""
    if choices.method is Method.RAW:
        return False
    tokens = [source] if isinstance(source, TokenSource) else [value for _, value in source.entries]
    return any(
        isinstance(token, TokenSource)
        and choices.key_of(token.type) is None
        and token.envelope.signature is None
        for token in tokens
    )


def _message(source: TokenSource, choices: Choices) -> bytes:
    if choices.method is Method.RAW:
        return source.payload
    said = source.envelope
    key = choices.key_of(source.type)
    # A key signs anew: what stands beside a signature in the description belonged to another key.
    resigned = key is not None and said.signature is not None
    alg = choices.alg
    if alg is None and not resigned:
        alg = said.alg
    return write_cose(
        source.payload,
        key,
        kind=_kind(source, choices, key),
        alg=alg if alg is not None or key is not None or said.protected is not None else ES256,
        kid=choices.kid if choices.kid is not None else said.kid,
        tags=said.tags,
        protected=said.protected if choices.alg is None and not resigned else None,
        unprotected=said.unprotected if choices.kid is None else None,
        signature=None if key is not None else said.signature or b"",
    )


def _kind(source: TokenSource, choices: Choices, key: SigningKey | None) -> CoseKind:
    if isinstance(key, bytes) and choices.method is Method.SIGN:
        raise CompileError("method sign with a secret; legal: a private key, or method mac")
    if key is not None and not isinstance(key, bytes) and choices.method is Method.MAC:
        raise CompileError(
            f"method mac with a private key on {key.curve.name}; legal: a secret, or method sign"
        )
    if key is not None:
        algorithm_of(key)  # the file's own error for a key that no token can have
        return CoseKind.MAC0 if isinstance(key, bytes) else CoseKind.SIGN1
    if choices.method is not None:
        return CoseKind.MAC0 if choices.method is Method.MAC else CoseKind.SIGN1
    alg = source.envelope.alg if choices.alg is None else choices.alg
    row = ALGORITHMS.get(alg) if alg is not None else None
    return row.kind if row is not None else CoseKind.SIGN1
