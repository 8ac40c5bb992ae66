"""Customer Key Storage of the STM32WB as Matter uses it: the DAC private key behind the Cortex-M0+.

X-CUBE-MATTER dac_crypto_hal.h: two functions of the Cortex-M4, each a message to the Cortex-M0+ with an
OpenThread error as its answer. ST's messages carry addresses and go over the IPCC; here the request goes
over the mailbox of the model's dual-core boards, and its numbers are ours, for ST does not publish them.
"""

from typing import Final

from ..open_enum import OpenIntEnum
from ..psa.client import BytesLike, PsaClient, psa_outvec
from ..psa.status import PSA_SUCCESS
from ..tfm.services import stateless_handle

CKS_SID: Final = 0x53540001
CKS_HANDLE: Final = stateless_handle(25, 1)
CKS_DAC_PRIVATE_KEY_SET: Final = 1
"""In: 32 bytes. Out: the OtError, u32 little endian."""
CKS_DAC_SIGNATURE: Final = 2
"""In: message, 65 bytes of public key. Out: the OtError, and 64 bytes where it is OT_ERROR_NONE."""
OT_ERROR_SIZE: Final = 4

DAC_PRIVATE_KEY_SIZE: Final = 32
DAC_PUBLIC_KEY_SIZE: Final = 65
DAC_SIGNATURE_SIZE: Final = 64
"""kP256_ECDSA_Signature_Length_Raw: r and s."""


class OtError(OpenIntEnum):
    """OpenThread's openthread/error.h, as far as CKS answers with them; a value without a name is kept."""

    OT_ERROR_NONE = 0
    OT_ERROR_FAILED = 1
    OT_ERROR_NO_BUFS = 3
    OT_ERROR_INVALID_ARGS = 7
    OT_ERROR_SECURITY = 8
    OT_ERROR_NOT_FOUND = 23


def otCksDacInitialize(client: PsaClient, DAC_private_key: BytesLike) -> OtError:
    """Put a 32-byte private key into CKS; it is the one that signs from now on.

    OT_ERROR_INVALID_ARGS for what is no private key of P-256, OT_ERROR_NO_BUFS where CKS is full: a stored
    key can be neither changed nor removed (AN5185 5.1).
    """
    answer = bytearray(OT_ERROR_SIZE)
    status = client.psa_call(
        CKS_HANDLE, CKS_DAC_PRIVATE_KEY_SET, [bytes(DAC_private_key)], [psa_outvec(answer)]
    )
    return _answer(status, answer)


def otCksDacSignature(
    client: PsaClient, message_to_sign: BytesLike, DAC_public_key: BytesLike
) -> tuple[OtError, bytes]:
    """(error, signature): ECDSA with SHA-256 by the key in CKS, 64 bytes, made on the Cortex-M0+.

    OT_ERROR_NOT_FOUND where CKS has no key, OT_ERROR_SECURITY for a public key that is another's,
    OT_ERROR_INVALID_ARGS for one that is not 65 bytes. The signature is empty unless OT_ERROR_NONE.
    """
    answer, signature = bytearray(OT_ERROR_SIZE), psa_outvec(bytearray(DAC_SIGNATURE_SIZE))
    status = client.psa_call(
        CKS_HANDLE,
        CKS_DAC_SIGNATURE,
        [bytes(message_to_sign), bytes(DAC_public_key)],
        [psa_outvec(answer), signature],
    )
    error = _answer(status, answer)
    if error != OtError.OT_ERROR_NONE:
        return error, b""
    assert isinstance(signature.base, bytearray)
    return error, bytes(signature.base[: signature.len])


def _answer(status: int, answer: bytearray) -> OtError:
    """A request that never reached the service failed too."""
    if status != PSA_SUCCESS:
        return OtError.OT_ERROR_FAILED
    return OtError(int.from_bytes(answer, "little"))
