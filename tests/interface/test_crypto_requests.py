"""The layouts of crypto requests: the fast packing equals the declared one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.psa.crypto_types import (
    PSA_KEY_ATTRIBUTES_SIZE,
    KeyAttributes,
    PsaKeyAttributes,
    extend_usage,
)
from tfm_sim.interface.tfm.crypto import (
    EXTENSION_GROUP_MIN,
    TFM_CRYPTO_PACK_IOVEC_SIZE,
    Function,
    Group,
    PackIovec,
    TfmCryptoPackIovec,
    pack_iovec,
)

U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)


@given(
    st.builds(
        PackIovec,
        U32,
        U32,
        U32,
        U32,
        U32,
        st.binary(min_size=16, max_size=16),
        U32,
        U16,
        U16,
        st.integers(0, 2**64 - 1),
    )
)
def test_fast_pack_iovec_equals_the_declared_layout(iovec: PackIovec) -> None:
    encoded = iovec.encode()
    assert encoded == TfmCryptoPackIovec.build(iovec._asdict())
    assert PackIovec.decode(encoded) == iovec


@given(st.builds(KeyAttributes, U16, U16, U32, U32, U32, U32, U32))
def test_fast_key_attributes_equal_the_declared_layout(attributes: KeyAttributes) -> None:
    encoded = attributes.encode()
    fields = ("type", "bits", "lifetime", "usage", "alg", "alg2", "id")
    assert encoded == PsaKeyAttributes.build({name: getattr(attributes, name) for name in fields})
    assert KeyAttributes.decode(encoded) == attributes


def test_sizes() -> None:
    assert TFM_CRYPTO_PACK_IOVEC_SIZE == TfmCryptoPackIovec.sizeof() == 56
    assert PSA_KEY_ATTRIBUTES_SIZE == PsaKeyAttributes.sizeof() == 24


@pytest.mark.parametrize(
    "field, offset, size",
    [
        ("key_id", 0, 4),
        ("alg", 4, 4),
        ("op_handle", 8, 4),
        ("ad_length", 12, 4),
        ("plaintext_length", 16, 4),
        ("nonce_length", 36, 4),
        ("function_id", 40, 2),
        ("step", 42, 2),
        ("value", 48, 8),
    ],
)
def test_pack_iovec_offsets(field: str, offset: int, size: int) -> None:
    value = 2 ** (8 * size) - 1
    encoded = PackIovec(**{field: value}).encode()
    assert encoded == bytes(offset) + b"\xff" * size + bytes(56 - offset - size)


def test_pack_iovec_nonce_offset() -> None:
    assert PackIovec(nonce=b"\xff" * 16).encode() == bytes(20) + b"\xff" * 16 + bytes(20)


def test_short_form_equals_the_long_form() -> None:
    short = pack_iovec(Function.SIGN_HASH, 0x7FFF815D, 0x06000609, 3)
    assert short == PackIovec(0x7FFF815D, 0x06000609, 3, function_id=0x0702).encode()


@pytest.mark.parametrize("function", list(Function))
def test_function_ids_name_their_group(function: Function) -> None:
    prefix = {
        Group.RANDOM: ("GENERATE_RANDOM",),
        Group.KEY_MANAGEMENT: ("KEY",),
        Group.HASH: ("HASH",),
        Group.MAC: ("MAC",),
        Group.CIPHER: ("CIPHER",),
        Group.AEAD: ("AEAD",),
        Group.ASYM_SIGN: ("SIGN", "VERIFY"),
        Group.ASYM_ENCRYPT: ("ASYMMETRIC",),
        Group.KEY_DERIVATION: ("KEY_DERIVATION", "KEY_AGREEMENT"),
        Group.KEY_MANAGEMENT_EXTENSION: ("KEY",),
        Group.HASH_EXTENSION: ("HASH",),
        Group.KEY_DERIVATION_EXTENSION: ("KEY_DERIVATION", "KEY_AGREEMENT"),
        Group.PAKE: ("PAKE",),
    }[Group(function >> 8)]
    assert any(part in function.name for part in prefix)


def test_ids_of_our_own_stand_well_apart() -> None:
    ours = {function for function in Function if function >> 8 >= EXTENSION_GROUP_MIN}
    assert {function >> 8 for function in set(Function) - ours} == set(range(1, 10))
    assert len(ours) == 16


@pytest.mark.parametrize("size", [0, 23, 25])
def test_key_attributes_have_one_length(size: int) -> None:
    with pytest.raises(ValueError, match="24"):
        KeyAttributes.decode(bytes(size))


@pytest.mark.parametrize(
    "set_, kept", [(0x1000, 0x1400), (0x2000, 0x2800), (0x3000, 0x3C00), (0x400, 0x400), (0x1, 0x1)]
)
def test_hash_usage_implies_message_usage(set_: int, kept: int) -> None:
    assert extend_usage(set_) == kept
