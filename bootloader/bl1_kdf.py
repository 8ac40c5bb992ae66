"""BL1's key derivation: NIST SP 800-108 in counter mode over AES-CMAC, with K(0) as TF-M feeds it back.

PSA_ALG_SP800_108_COUNTER_CMAC: K(0) = CMAC(Label || 0x00 || Context || [L]), then
K(i) = CMAC([i] || Label || 0x00 || Context || [L] || K(0)); counter and length in bits are u32, big endian.
"""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode

BL2_DECRYPTION_LABEL: Final = b"BL2_DECRYPTION_KEY\0"
"""C passes sizeof(label): the NUL counts."""


def derive_key(key: bytes, label: bytes, context: bytes, length: int = 32) -> bytes:
    """``length`` bytes from an AES key (TF-M bl1_derive_key, tools/modules/key_derivation.py)."""
    fixed = label + b"\0" + context + (8 * length).to_bytes(4, "big")
    mac = CMAC(algorithms.AES(key))
    mac.update(fixed)
    kdf = KBKDFCMAC(
        algorithm=algorithms.AES,
        mode=Mode.CounterMode,
        length=length,
        rlen=4,
        llen=None,
        location=CounterLocation.BeforeFixed,
        label=None,
        context=None,
        fixed=fixed + mac.finalize(),
    )
    return kdf.derive(key)


def crypt_bl2(encryption_key: bytes, security_counter: int, iv: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt BL2's magic and code: AES-256-CTR by a key for this security counter."""
    context = security_counter.to_bytes(4, "little")
    key = derive_key(encryption_key, BL2_DECRYPTION_LABEL, context)
    cipher = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return cipher.update(data) + cipher.finalize()
