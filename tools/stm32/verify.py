"""Judge a token of an STM32 together with the DUA certificate that came beside it.

In the order of trust: root, intermediate, DUA certificate; the token's signature with the certificate's key;
the claims; the challenge. A certificate that is fine says nothing of a token that another key signed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..statement import Statement
from ..verifier import EcKey, Key, Verdict
from ..verifier import verify as verify_token
from ..verifier.keys import from_public
from .chain import ChainVerdict, verify_chain
from .kinds import Kind


@dataclass(frozen=True, slots=True)
class DuaVerdict:
    """Accepted (``ok``) exactly if nothing speaks against the chain, the token or their belonging together.

    ``token`` is None where no certificate gave a key to judge it by.
    """

    chain: ChainVerdict
    token: Verdict | None
    together: tuple[Statement, ...]

    @property
    def ok(self) -> bool:
        token = self.token is not None and self.token.ok
        return token and self.chain.ok and not self.together

    @property
    def reasons(self) -> tuple[str, ...]:
        """All reasons as sentences, in the order of trust."""
        token = () if self.token is None else self.token.reasons
        return (*map(str, self.chain.reasons), *map(str, self.together), *map(str, token))

    def kinds(self) -> frozenset[str]:
        """The kinds of all reasons, for a quick look."""
        own = {reason.kind.value for reason in (*self.chain.reasons, *self.together)}
        return frozenset(own | {kind.value for kind in (self.token.kinds() if self.token else ())})

    def as_json(self) -> dict[str, Any]:
        """The same as data for ``json.dumps``."""
        return {
            "ok": self.ok,
            "chain": {
                "ok": self.chain.ok,
                "reasons": [reason.as_json() for reason in self.chain.reasons],
                "links": [
                    {
                        "place": link.place,
                        "subject": link.certificate.subject.rfc4514_string(),
                        "serial": f"{link.certificate.serial_number:x}",
                        "ok": not link.reasons,
                    }
                    for link in self.chain.links
                ],
            },
            "together": [reason.as_json() for reason in self.together],
            "token": self.token.as_json() if self.token else None,
        }


def verify(
    token: bytes,
    certificate: bytes,
    intermediates: Sequence[bytes],
    roots: Sequence[bytes],
    *,
    at: datetime,
    challenge: bytes | None = None,
    key: Key | None = None,
) -> DuaVerdict:
    """The verdict on a token and a DUA certificate (DER).

    ``at`` is the time with its zone, ``challenge`` of 32, 48 or 64 bytes. ``key``, where the relying party
    knows the device's from elsewhere, must be the certificate's. Never raises for what is in the bytes.
    """
    chain = verify_chain(certificate, intermediates, roots, at=at)
    if chain.key is None:
        text = "no certificate gives a key to judge the token by"
        return DuaVerdict(chain, None, (Statement(Kind.TOKEN_NOT_CHECKED, text, "token"),))
    own = from_public(chain.key)
    return DuaVerdict(chain, verify_token(token, own, challenge=challenge), _same_key(own, key))


def _same_key(own: EcKey, wanted: Key | None) -> tuple[Statement, ...]:
    if wanted is None or wanted == own:
        return ()
    found = wanted.label if not isinstance(wanted, EcKey) else wanted.point().hex()
    text = f"the certificate is for the key {own.point().hex()}, and the device's is {found}"
    return (Statement(Kind.ANOTHER_KEY, text, "DUA certificate"),)
