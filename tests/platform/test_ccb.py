"""The coupling bridge of STM32U3: blobs that only one chip, one side and one operation can use."""

# ruff: noqa: E501 - a table of one line a case

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tfm_sim.interface.trace import Event, Trace
from tfm_sim.platform import pka
from tfm_sim.platform.ccb import Ccb, CcbError
from tfm_sim.platform.ccb_events import CPU_BUS, PRIVATE_BUS, CcbOperation, KeyMoved
from tfm_sim.platform.pka import SECP256K1, SECP256R1, SECP384R1, CurveParameters, RsaParameters
from tfm_sim.platform.random_source import RandomSource
from tfm_sim.platform.saes import AesCall, AesMode, Saes, SaesError

ROOT = bytes(range(32))
SCALAR = bytes(range(1, 33))
DIGEST = bytes(range(32, 64))
IV, TAG, KEY = range(16), range(16, 32), range(32, 64)
RSA = RsaParameters((61 * 53).to_bytes(16, "big"))


def chip(root: bytes = ROOT, seed: int = 0) -> Ccb:
    return Ccb(Saes(lambda: root), RandomSource(b"entropy", seed).bytes)


def public(private: bytes, curve: ec.EllipticCurve) -> ec.EllipticCurvePublicKey:
    return ec.derive_private_key(int.from_bytes(private, "big"), curve).public_key()


@pytest.fixture
def traced() -> Iterator[tuple[Ccb, list[Event]]]:
    ccb, events = chip(), list[Event]()
    ccb.trace = Trace()
    ccb.trace.listeners.append(events.append)
    yield ccb, events


def test_the_blob_is_laid_out_as_the_hal_writes_it() -> None:
    """Opened again by nothing but AES-GCM: words, their order and the header are ST's HAL's."""
    blob = chip().wrap_ecdsa(SECP256R1, SCALAR, secure=True)
    assert len(blob) == 64
    assert blob[:4] == b"\2\0\0\0"  # SAES_IVR0, CCB_IV0_VALUE
    header = b"".join(x.to_bytes(4, "big") for pair in pka.ecdsa_parameters(SECP256R1) for x in pair)
    # CCB_BlobCreation_FinalPhase: (operand words * 32 * 6 + 3 * 64) * 2 bits of header for a signature.
    assert 8 * len(header) == (10 * 32 * 6 + 3 * 64) * 2
    key = HKDF(SHA256(), 32, None, b"DHUK secure").derive(ROOT)
    tag = b"".join(blob[i : i + 4][::-1] for i in range(16, 32, 4))
    opened = AESGCM(key).decrypt(blob[4:16][::-1], blob[32:][::-1] + tag, header)
    assert b"".join(opened[i : i + 4] for i in range(28, -1, -4)) == SCALAR


def test_the_header_of_a_scalar_multiplication_has_no_base_point() -> None:
    words = pka.scalar_mul_parameters(SECP256R1)
    assert 8 * 8 * len(words) == (10 * 32 * 4 + 3 * 64) * 2
    assert 8 * 8 * len(pka.rsa_parameters(RSA)) == (64 * 2 + 6 * 32) * 2


@pytest.mark.parametrize(
    ("curve", "library", "size"),
    [
        (SECP256R1, ec.SECP256R1(), 32),
        (SECP384R1, ec.SECP384R1(), 48),
        (SECP256K1, ec.SECP256K1(), 32),
    ],
    ids=["secp256r1", "secp384r1", "secp256k1"],
)
def test_unwrap_and_sign_in_one_step(curve: CurveParameters, library: ec.EllipticCurve, size: int) -> None:
    ccb, private = chip(), (b"\1" + SCALAR).rjust(size, b"\0")[-size:]
    blob = ccb.wrap_ecdsa(curve, private, secure=True)
    digest = DIGEST.rjust(size, b"\0")
    first, second = (ccb.sign(curve, blob, digest, secure=True) for _ in range(2))
    assert first != second  # the RNG draws the secret number
    r, s = (int.from_bytes(first[i : i + size], "big") for i in (0, size))
    key = public(private, library)
    key.verify(encode_dss_signature(r, s), DIGEST, ec.ECDSA(Prehashed(SHA256())))
    numbers = key.public_numbers()
    point = numbers.x.to_bytes(size, "big") + numbers.y.to_bytes(size, "big")
    assert ccb.public_key(curve, blob, secure=True) == point


def test_a_generated_key_is_known_by_its_public_key_alone() -> None:
    ccb = chip()
    blob = ccb.generate_ecdsa(SECP256R1, secure=True)
    point = b"\4" + ccb.public_key(SECP256R1, blob, secure=True)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    signature = ccb.sign(SECP256R1, blob, DIGEST, secure=True)
    r, s = (int.from_bytes(signature[i : i + 32], "big") for i in (0, 32))
    key.verify(encode_dss_signature(r, s), DIGEST, ec.ECDSA(Prehashed(SHA256())))
    assert blob != chip(seed=1).generate_ecdsa(SECP256R1, secure=True)


def test_scalar_multiplication() -> None:
    ccb, peer = chip(), ec.derive_private_key(99, ec.SECP256R1())
    numbers = peer.public_key().public_numbers()
    point = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    blob = ccb.wrap_scalar(SECP256R1, SCALAR, secure=True)
    assert ccb.multiply(SECP256R1, blob, point, secure=True) == peer.exchange(
        ec.ECDH(), public(SCALAR, ec.SECP256R1())
    )
    with pytest.raises(CcbError, match="a point that is not on the curve"):
        ccb.multiply(SECP256R1, blob, bytes(64), secure=True)
    generated = ccb.generate_scalar(SECP256R1, secure=True)
    assert len(ccb.multiply(SECP256R1, generated, point, secure=True)) == 32


def test_modular_exponentiation() -> None:
    ccb, private = chip(), (2753).to_bytes(16, "big")
    blob = ccb.wrap_rsa(RSA, private, (780).to_bytes(16, "big"), secure=True)
    assert len(blob) == 32 + 2 * 16
    assert ccb.exponentiate(RSA, blob, (2790).to_bytes(16, "big"), secure=True) == (65).to_bytes(16, "big")
    with pytest.raises(CcbError, match="an operand that is not below the modulus"):
        ccb.exponentiate(RSA, blob, RSA.modulus, secure=True)


@pytest.mark.parametrize("at", [*IV, *TAG, *KEY])
def test_a_blob_altered_in_any_byte_is_no_blob(at: int) -> None:
    ccb = chip()
    blob = bytearray(ccb.wrap_ecdsa(SECP256R1, SCALAR, secure=True))
    blob[at] ^= 0x10
    with pytest.raises(CcbError, match="ECDSA_SIGN_BLOB_USE: "):
        ccb.sign(SECP256R1, bytes(blob), DIGEST, secure=True)
    with pytest.raises(CcbError, match="ECC_SCALAR_MUL_BLOB_USE: "):
        ccb.public_key(SECP256R1, bytes(blob), secure=True)


POINT = pka.public_point(SECP256R1, 5)
FORGED = SECP256R1._replace(b=bytes(32))


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda blob: chip(bytes(32)).sign(SECP256R1, blob, DIGEST, secure=True), id="chip"),
        pytest.param(lambda blob: chip().sign(SECP256R1, blob, DIGEST, secure=False), id="side"),
        pytest.param(lambda blob: chip().sign(SECP256K1, blob, DIGEST, secure=True), id="curve"),
        pytest.param(lambda blob: chip().sign(FORGED, blob, DIGEST, secure=True), id="parameter"),
        pytest.param(lambda blob: chip().multiply(SECP256R1, blob, POINT, secure=True), id="operation"),
        pytest.param(lambda blob: chip().exponentiate(RSA, blob, bytes(16), secure=True), id="RSA"),
        pytest.param(lambda blob: chip().sign(SECP256R1, blob[:-1], DIGEST, secure=True), id="short"),
        pytest.param(lambda blob: chip().sign(SECP256R1, b"", DIGEST, secure=True), id="empty"),
    ],
)
def test_a_blob_is_of_use_to_one_chip_side_curve_and_operation(use: Callable[[bytes], bytes]) -> None:
    blob = chip().wrap_ecdsa(SECP256R1, SCALAR, secure=True)
    with pytest.raises(CcbError, match="BLOB_USE: "):
        use(blob)


@pytest.mark.parametrize("private", [bytes(32), SECP256R1.order, b"\xff" * 32])
def test_a_private_key_out_of_range(private: bytes) -> None:
    with pytest.raises(CcbError, match="a private key out of range"):
        chip().wrap_ecdsa(SECP256R1, private, secure=True)


def test_parameters_of_no_curve() -> None:
    with pytest.raises(CcbError, match="parameters of no curve; legal: secp256r1"):
        chip().generate_ecdsa(FORGED, secure=True)
    assert CurveParameters.unpack(b"") not in (SECP256R1, SECP384R1)


@pytest.mark.parametrize("curve", [SECP256R1, SECP384R1, SECP256K1], ids=["r1", "384", "k1"])
def test_parameters_survive_the_hal(curve: CurveParameters) -> None:
    assert CurveParameters.unpack(curve.pack()) == curve


# Steps are OPSTEP's values in ST's HAL; on a tag that does not fit the bridge stays where it is checked.
@pytest.mark.parametrize(
    ("act", "operation", "steps"),
    [
        (lambda c, b: c.wrap_ecdsa(SECP256R1, SCALAR, secure=True), ("ECDSA_SIGN_CPU_BLOB_CREATION", 0xC0), (1, 2, 3, 4, 8, 9, 10)),
        (lambda c, b: c.generate_ecdsa(SECP256R1, secure=True), ("ECDSA_SIGN_RNG_BLOB_CREATION", 0xC2), (1, 2, 3, 6, 8, 9, 10)),
        (lambda c, b: c.wrap_scalar(SECP256R1, SCALAR, secure=True), ("ECC_SCALAR_MUL_CPU_BLOB_CREATION", 0x80), (1, 2, 3, 4, 8, 9, 10)),
        (lambda c, b: c.sign(SECP256R1, b, DIGEST, secure=True), ("ECDSA_SIGN_BLOB_USE", 0xC3), (1, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x19, 0x1A)),
        (lambda c, b: c.public_key(SECP256R1, b, secure=True), ("ECC_SCALAR_MUL_BLOB_USE", 0x81), (1, 0x12, 0x13, 0x14, 0x17, 0x18, 0x19, 0x1A)),
        (lambda c, b: c.wrap_rsa(RSA, bytes(16), bytes(16), secure=True), ("MODULAR_EXP_CPU_BLOB_CREATION", 0x44), (1, 2, 3, 4, 8, 9, 10)),
    ],
)  # fmt: skip
def test_steps(
    traced: tuple[Ccb, list[Event]],
    act: Callable[[Ccb, bytes], bytes],
    operation: tuple[str, int],
    steps: tuple[int, ...],
) -> None:
    ccb, events = traced
    blob = chip().wrap_ecdsa(SECP256R1, SCALAR, secure=True)
    act(ccb, blob)
    assert [e for e in events if isinstance(e, CcbOperation)] == [CcbOperation(*operation, steps, True)]


def test_a_refused_blob_is_told_with_the_step_that_found_it(traced: tuple[Ccb, list[Event]]) -> None:
    ccb, events = traced
    with pytest.raises(CcbError):
        ccb.sign(SECP256R1, bytes(64), DIGEST, secure=True)
    assert events == [
        KeyMoved("private key", "CPU", "SAES", CPU_BUS, clear=False),
        CcbOperation("ECDSA_SIGN_BLOB_USE", 0xC3, (1, 0x12, 0x13, 0x14, 0x16, 0x17), ok=False),
    ]


def test_only_a_key_given_by_the_cpu_crosses_its_bus_in_the_clear(traced: tuple[Ccb, list[Event]]) -> None:
    ccb, events = traced
    blob = ccb.generate_ecdsa(SECP256R1, secure=True)
    ccb.sign(SECP256R1, blob, DIGEST, secure=True)
    ccb.public_key(SECP256R1, blob, secure=True)
    ways = [e for e in events if isinstance(e, KeyMoved)]
    assert {e.bus for e in ways if e.clear} == {PRIVATE_BUS}
    assert {e.clear for e in ways if e.bus == CPU_BUS} == {False}
    assert events[0] == KeyMoved("private key", "RNG", "PKA RAM", PRIVATE_BUS, clear=True)
    wraps: list[Callable[[], bytes]] = [
        lambda: ccb.wrap_ecdsa(SECP256R1, SCALAR, secure=True),
        lambda: ccb.wrap_scalar(SECP256R1, SCALAR, secure=True),
        lambda: ccb.wrap_rsa(RSA, bytes(16), bytes(16), secure=True),
    ]
    for wrap in wraps:
        events.clear()
        wrap()
        assert events[0] == KeyMoved("private key", "CPU", "PKA RAM", CPU_BUS, clear=True)


def places(*operands: int, numbers: int) -> list[int]:
    """Where the words of P-256 or of 128 bits go: pairs from 0x400 on, then whole operands."""
    words = 10 if numbers == 3 else 6
    return [
        *range(0x400, 0x400 + 8 * numbers, 4),
        *(start + 4 * word for start in operands for word in range(words)),
    ]


def test_parameters_are_written_where_and_in_the_order_that_the_hal_has() -> None:
    """ST's headers: |a|, b, p, n, X and Y of the base point; of RSA the modulus in its place for protected use."""
    curve = (0x418, 0x520, 0x1088, 0xF88)
    found = [address for address, _ in pka.ecdsa_parameters(SECP256R1)]
    assert found == places(*curve, 0x578, 0x470, numbers=3)
    assert [a for a, _ in pka.scalar_mul_parameters(SECP256R1)] == places(*curve, numbers=3)
    assert [a for a, _ in pka.rsa_parameters(RSA)] == places(0x838, numbers=2)
    words = dict(pka.ecdsa_parameters(SECP256R1))
    assert [words[at] for at in (0x400, 0x408, 0x410, 0x418)] == [256, 256, 1, 3]  # a is -3
    assert words[0xF88] == int.from_bytes(SECP256R1.order[-4:], "big")  # least significant first


def test_numbers_drawn_are_of_the_curve() -> None:
    """STM32 PKA: neither 0 nor the order or above, for private keys and for the secret number of a signature."""
    draws = iter((bytes(32), SECP256R1.order, b"\xff" * 32, SCALAR))
    assert pka.private_scalar(SECP256R1, lambda _: next(draws)) == int.from_bytes(SCALAR, "big")


@pytest.mark.parametrize("private", [0, int.from_bytes(SECP256R1.order, "big")])
def test_no_operation_takes_a_private_key_out_of_range(private: int) -> None:
    uses: list[Callable[[], bytes]] = [
        lambda: pka.ecdsa_sign(SECP256R1, private, DIGEST, RandomSource(b"entropy", 0).bytes),
        lambda: pka.public_point(SECP256R1, private),
        lambda: pka.scalar_mul(SECP256R1, private, POINT),
    ]
    for use in uses:
        with pytest.raises(pka.PkaError, match="a private key out of range"):
            use()


@pytest.mark.parametrize("size", range(0, 64, 5))
def test_a_blob_that_is_too_short_is_an_error_of_the_hal(size: int) -> None:
    ccb = chip()
    blob = ccb.generate_ecdsa(SECP256R1, secure=True)[:size]
    with pytest.raises(CcbError):
        ccb.public_key(SECP256R1, blob, secure=True)
    with pytest.raises(CcbError):
        ccb.sign(SECP256R1, blob, DIGEST, secure=True)


def test_an_aes_key_goes_in_the_clear_only_to_be_wrapped() -> None:
    saes, events = Saes(lambda: ROOT), list[Event]()
    saes.trace = Trace()
    saes.trace.listeners.append(events.append)
    wrapped = saes.wrap_key(SCALAR, b"", secure=True)
    call = AesCall(wrapped, b"", AesMode.ECB, b"", DIGEST)
    sealed = saes.encrypt(call, secure=True)
    assert saes.decrypt(replace(call, data=sealed), secure=True) == DIGEST
    assert events == [
        KeyMoved("AES key", "CPU", "SAES", CPU_BUS, clear=clear) for clear in (True, False, False)
    ]
    # The other side's DHUK makes another key of it.
    assert saes.encrypt(call, secure=False) != sealed


@pytest.mark.parametrize("size", [0, 15, 24, 33])
def test_aes_keys_of_other_sizes(size: int) -> None:
    saes = Saes(lambda: ROOT)
    with pytest.raises(SaesError, match=f"an AES key of {size} bytes; legal: 16, 32"):
        saes.wrap_key(bytes(size), b"", secure=True)
    with pytest.raises(SaesError, match=f"an AES key of {size} bytes; legal: 16, 32"):
        saes.encrypt(AesCall(bytes(size), b"", AesMode.ECB, b"", DIGEST), secure=True)
