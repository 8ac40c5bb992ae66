"""Test code of the service: an option word that comes with the challenge (TF-M attest_get_option_flags).

No product has it. A token made with it says little or nothing of the device, and one without a signature can
be made by anybody; a verifier must refuse both.
"""

from enum import IntFlag
from typing import Final

from .config import OptionTransport

OPTION_SIZE: Final = 4
CHALLENGE_WITH_OPTIONS: Final = 36
SHORT_CIRCUIT_KID: Final = bytes.fromhex("ef954b4bd9bdf670d0336082f5ef152af8f35b6a6c00efa6a9a71f49517e18c6")
"""The key id of a COSE_Sign1 that nobody signed; of no key's hash."""


class TokenOption(IntFlag):
    """TOKEN_OPT_*; the lowest three bits select a key, and every number of them is the one key."""

    NONE = 0
    KEY_SELECT = 0x7
    OMIT_CLAIMS = 0x40000000
    """The nonce is the only claim."""
    SHORT_CIRCUIT_SIGN = 0x80000000
    """The hash in the signature's place, and no use of the key."""


def take_options(transport: OptionTransport | None, challenge: bytes) -> tuple[TokenOption, bytes]:
    """The option word, and the challenge as the token carries it."""
    # TF-M attest_create_token of April 2019: the word is cut off.
    if transport is OptionTransport.CHALLENGE_36 and len(challenge) == CHALLENGE_WITH_OPTIONS:
        return _word(challenge[-OPTION_SIZE:]), challenge[:-OPTION_SIZE]
    # TF-M attest_get_option_flags: all 64 bytes stay in the token.
    if (
        transport is OptionTransport.CHALLENGE_64
        and len(challenge) == 64
        and not any(challenge[OPTION_SIZE:])
    ):
        return _word(challenge[:OPTION_SIZE]), challenge
    return TokenOption.NONE, challenge


def _word(data: bytes) -> TokenOption:
    return TokenOption(int.from_bytes(data, "little"))
