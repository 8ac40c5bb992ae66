"""Values that hold a secret do not show it, in whatever error or report they are printed."""

import pytest

from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.partitions.crypto.drivers import DriverKey
from tfm_sim.partitions.crypto.keys import Key
from tfm_sim.partitions.crypto.material import Material
from tfm_sim.partitions.crypto.rsa_key import RsaKeyPair, RsaPublicKey
from tfm_sim.partitions.crypto.spake2p import RegistrationRecord
from tfm_sim.partitions.protected_storage.stored_object import PsObject

SECRET = b"0123456789abcdef"
NUMBER = int.from_bytes(SECRET, "big")
PUBLIC = RsaPublicKey(3233, 17)


@pytest.mark.parametrize(
    "value",
    [
        Key(KeyAttributes(), Material(SECRET), None, SECRET),
        DriverKey(KeyAttributes(), SECRET),
        RsaKeyPair(PUBLIC, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER),
        RegistrationRecord(NUMBER, None, NUMBER),  # type: ignore[arg-type]
        PsObject(1, 1, 0, len(SECRET), SECRET),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_secret_does_not_show(value: object) -> None:
    for form in (str(SECRET)[2:-1], SECRET.hex(), str(NUMBER)):
        assert form not in repr(value)
