"""SPAKE2+ (RFC 9383, PSA Crypto 1.2 PAKE Extension), through psa_call."""

from dataclasses import dataclass, field

import pytest
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_pake as p
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_pake_cipher_suite_t,
    psa_pake_operation_t,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.platform.hal import PlatformHal
from tfm_sim.platform.nv_counters import NvCounters
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp
from tfm_sim.platform.random_source import RandomSource

SHARE, CONFIRM = p.PSA_PAKE_STEP_KEY_SHARE, p.PSA_PAKE_STEP_CONFIRM
CLIENT, SERVER = p.PSA_PAKE_ROLE_CLIENT, p.PSA_PAKE_ROLE_SERVER
SHA_256, SHA_512 = v.PSA_ALG_SHA_256, v.PSA_ALG_SHA_512
PAIR = v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
PUBLIC = v.PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY(v.PSA_ECC_FAMILY_SECP_R1)
SECRET = KeyAttributes(v.PSA_KEY_TYPE_DERIVE, usage=v.PSA_KEY_USAGE_DERIVE | v.PSA_KEY_USAGE_EXPORT)


class FedHal(PlatformHal):
    """A device whose random source says what a vector has for x and y."""

    def __init__(self, *answers: str) -> None:
        otp = provisioned_otp(DUMMY)
        super().__init__(otp, NvCounters(otp), RandomSource(b"entropy", 0))
        self.answers = [drawn_for(answer) for answer in answers]

    def tfm_hal_random(self, size: int) -> bytes:
        answer = self.answers.pop(0) if self.answers else super().tfm_hal_random(size)
        assert len(answer) == size
        return answer


def drawn_for(scalar: str) -> bytes:
    """What a draw of whole bytes has to be: its spare low bits are dropped, which P-521 alone has."""
    size = len(scalar) // 2
    spare = 8 * size - 521 if size == 66 else 0
    return (int(scalar, 16) << spare).to_bytes(size, "big")


@dataclass
class Side:
    """The Prover or the Verifier."""

    client: PsaClient
    key: int
    alg: int
    bits: int
    role: int
    op: psa_pake_operation_t = field(default_factory=psa_pake_operation_t)

    def setup(self, context: bytes | None, user: bytes = b"", peer: bytes = b"") -> None:
        primitive = p.PSA_PAKE_PRIMITIVE(p.PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_R1, self.bits)
        suite = psa_pake_cipher_suite_t(self.alg, primitive, p.PSA_PAKE_CONFIRMED_KEY)
        assert crypto.psa_pake_setup(self.client, self.op, self.key, suite) == PSA_SUCCESS
        assert crypto.psa_pake_set_role(self.client, self.op, self.role) == PSA_SUCCESS
        if user:
            assert crypto.psa_pake_set_user(self.client, self.op, user) == PSA_SUCCESS
        if peer:
            assert crypto.psa_pake_set_peer(self.client, self.op, peer) == PSA_SUCCESS
        if context is not None:
            assert crypto.psa_pake_set_context(self.client, self.op, context) == PSA_SUCCESS

    def output(self, step: int) -> bytes:
        status, data = crypto.psa_pake_output(self.client, self.op, step, 200)
        assert status == PSA_SUCCESS
        return data

    def input(self, step: int, data: bytes) -> int:
        return crypto.psa_pake_input(self.client, self.op, step, data)

    def secret(self, attributes: KeyAttributes = SECRET) -> tuple[int, str]:
        status, key = crypto.psa_pake_get_shared_key(self.client, self.op, attributes)
        return status, crypto.psa_export_key(self.client, key, 66)[1].hex() if status == PSA_SUCCESS else ""


def make_pair(client: PsaClient, alg: int, bits: int, w0: str, w1: str) -> tuple[Side, Side]:
    """The Prover with the key pair, the Verifier with the public key that was exported from it."""
    attributes = KeyAttributes(PAIR, usage=v.PSA_KEY_USAGE_DERIVE | v.PSA_KEY_USAGE_EXPORT, alg=alg)
    status, pair = crypto.psa_import_key(client, attributes, bytes.fromhex(w0 + w1))
    assert status == PSA_SUCCESS
    status, exported = crypto.psa_export_public_key(client, pair, 200)
    assert status == PSA_SUCCESS
    public_attributes = KeyAttributes(PUBLIC, usage=v.PSA_KEY_USAGE_DERIVE, alg=alg)
    status, public = crypto.psa_import_key(client, public_attributes, exported)
    assert status == PSA_SUCCESS
    return Side(client, pair, alg, bits, CLIENT), Side(client, public, alg, bits, SERVER)


W0 = "bb8e1bbcf3c48f62c08db243652ae55d3e5586053fca77102994f23ad95491b3"
W1 = "7e945f34d78785b8a3ef44d0df5a1a97d6b3b460409a345ca7830387a74b1dba"

VECTORS = [
    (
        256,
        SHA_256,
        W0,
        W1,
        "d1232c8e8693d02368976c174e2088851b8365d0d79a9eee709c6a05a2fad539",
        "717a72348a182085109c8d3917d6c43d59b224dc6a7fc4f0483232fa6516d8b3",
        "0c5f8ccd1413423a54f6c1fb26ff01534a87f893779c6e68666d772bfd91f3e7",
    ),
    (
        256,
        SHA_512,
        "1cc5207d6e34b8f7828206fb64b86aa9c712bc952abf251bb9f5856b24d8c8cc",
        "4279649e62532b01dc27d2ed39100ba350518fb969672061a01edce752d0e672",
        "b586ab83f175c1a2b56b6a1b6a283523f88a9befcf11e22efb48e2ee1fe69a23",
        "ac1fb828f041782d452ea9cc00c3fa34a55fa8f7f98c04be45a3d607b092d441",
        "11887659d9e002f34fa6cc270d33570f001b2a3fc0522b643c07327d09a4a9f4"
        "7aab85813d13c585b53adf5ac9de5707114848f3dc31a4045f69a2cc1972b098",
    ),
    (
        384,
        SHA_256,
        "097a61cbb1cee72bb654be96d80f46e0e3531151003903b572fc193f233772c23c22228884a0d5447d0ab49a656ce1d2",
        "18772816140e6c3c3938a693c600b2191118a34c7956e1f1cd5b0d519b56ea5858060966cfaf27679c9182129949e74f",
        "2f1bdbeda162ff2beba0293d3cd3ae95f663c53663378c7e18ee8f56a4a48b00d31ce0ef43606548da485058f12e8e73",
        "bbcaf02404a16ed4fa73b183f703a8d969386f3d34f5e98b3a904e760512f11757f07dfcf87a2ada8fc6d028445bd53e",
        "99758e838ae1a856589689fb55b6befe4e2382e6ebbeca1a6232a68f9dc04c1a",
    ),
    (
        384,
        SHA_512,
        "b8d44a0982b88abe19b724d4bdafba8c90dc93130e0bf4f8062810992326da126fd01db53e40250ca33a3ff302044cb0",
        "2373e2071c3bb2a6d53ece57830d56f8080189816803c22375d6a4a514f9d161b64d0f05b97735b98b348f9b33cc2e30",
        "5a835d52714f30d2ef539268b89df9558628400063dfa0e41eb979066f4caf409bbf7aab3ddddea13f1b070a1827d3d4",
        "c883ee5b08cf7ba122038c279459ab1a730f85f2d624a02732d519faab56a498e773a8dec6c447ed02d5c00303a18bc4",
        "31e0075a823b9269af5769d71ef3b2f5001cbfe044584fe8551124a217dad078"
        "415630bf3eda16b5a38341d418a6d72b3960f818a0926f0de88784b59d6a694b",
    ),
    (
        521,
        SHA_512,
        "009c79bcd7656716314fca5a6e2c5cda7ef86131399438e012a043051e863f60b5ae"
        "b3c101731e1505e721580f48535a9b0456b231b9266ae6fff49ee90d25f72f5f",
        "01632c15f51fcd916cd79e19075f8a69b72b0099922ad62ff8d540b469569f0aa027"
        "047aed2b3f242ea0ac4288b4e4db6a4e5946d8ad32b42192c5aa66d9ef8e1b33",
        "00b69e3bb15df82c9fa0057461334e2c66ab92fc9b8d3662eec81216ef5ddc4a43f1"
        "9e90dedaa2d72502f69673a115984ffcf88e03a9364b07102114c5602cd93c69",
        "0056d01c5246fbde964c0493934b7ece89eafd943eb27d357880a2a22022499e2495"
        "28c5707b1afe8794c8a1d60ceedaeed96dd0dd904ea075f096c9fec5da7de496",
        "d1c170e4e55efacb9db8abad286293ebd1dcf24f13973427b9632bbc323e42e447af"
        "ca2aa7f74f2af3fb5f51684ec543db854b7002cde6799c330b032ba8820a",
    ),
]
"""RFC 9383, appendix C: curve, hash, w0, w1, x, y and K_shared."""


@pytest.mark.parametrize("bits, hash_alg, w0, w1, x, y, shared", VECTORS)
def test_vectors_of_rfc_9383(bits: int, hash_alg: int, w0: str, w1: str, x: str, y: str, shared: str) -> None:
    client = start_partitions(hal=FedHal(x, y), its=None).ns
    prover, verifier = make_pair(client, p.PSA_ALG_SPAKE2P_HMAC(hash_alg), bits, w0, w1)
    name = "SHA256" if hash_alg == SHA_256 else "SHA512"
    context = f"SPAKE2+-P{bits}-{name}-HKDF-{name}-HMAC-{name} Test Vectors".encode()
    prover.setup(context, b"client", b"server")
    verifier.setup(context, b"server", b"client")
    exchange(prover, verifier)
    assert prover.secret() == verifier.secret() == (PSA_SUCCESS, shared)


def test_shares_and_confirmations_of_rfc_9383() -> None:
    bits, _, w0, w1, x, y, _ = VECTORS[0]
    client = start_partitions(hal=FedHal(x, y), its=None).ns
    prover, verifier = make_pair(client, p.PSA_ALG_SPAKE2P_HMAC(SHA_256), bits, w0, w1)
    context = b"SPAKE2+-P256-SHA256-HKDF-SHA256-HMAC-SHA256 Test Vectors"
    prover.setup(context, b"client", b"server")
    verifier.setup(context, b"server", b"client")
    share_p = prover.output(SHARE)
    assert share_p.hex() == (
        "04ef3bd051bf78a2234ec0df197f7828060fe9856503579bb1733009042c15c0c1"
        "de127727f418b5966afadfdd95a6e4591d171056b333dab97a79c7193e341727"
    )
    assert verifier.input(SHARE, share_p) == PSA_SUCCESS
    share_v = verifier.output(SHARE)
    assert share_v.hex() == (
        "04c0f65da0d11927bdf5d560c69e1d7d939a05b0e88291887d679fcadea75810fb"
        "5cc1ca7494db39e82ff2f50665255d76173e09986ab46742c798a9a68437b048"
    )
    confirm_v = verifier.output(CONFIRM)
    assert confirm_v.hex() == "9747bcc4f8fe9f63defee53ac9b07876d907d55047e6ff2def2e7529089d3e68"
    assert [prover.input(SHARE, share_v), prover.input(CONFIRM, confirm_v)] == [PSA_SUCCESS] * 2
    assert prover.output(CONFIRM).hex() == "926cc713504b9b4d76c9162ded04b5493e89109f6d89462cd33adc46fda27527"


def exchange(prover: Side, verifier: Side) -> None:
    assert verifier.input(SHARE, prover.output(SHARE)) == PSA_SUCCESS
    share, confirmation = verifier.output(SHARE), verifier.output(CONFIRM)
    assert prover.input(SHARE, share) == PSA_SUCCESS
    assert prover.input(CONFIRM, confirmation) == PSA_SUCCESS
    assert verifier.input(CONFIRM, prover.output(CONFIRM)) == PSA_SUCCESS


@pytest.fixture
def client() -> PsaClient:
    return start_partitions().ns


@pytest.mark.parametrize(
    "alg, length, secret_length",
    [
        (p.PSA_ALG_SPAKE2P_HMAC(SHA_256), 32, 32),
        (p.PSA_ALG_SPAKE2P_CMAC(SHA_256), 16, 32),
        (p.PSA_ALG_SPAKE2P_CMAC(SHA_512), 16, 64),
        (v.PSA_ALG_SPAKE2P_MATTER, 32, 16),
    ],
)
def test_confirmation_and_secret_have_their_lengths(
    client: PsaClient, alg: int, length: int, secret_length: int
) -> None:
    prover, verifier = make_pair(client, alg, 256, W0, W1)
    prover.setup(None)
    verifier.setup(None)
    assert verifier.input(SHARE, prover.output(SHARE)) == PSA_SUCCESS
    share, confirmation = verifier.output(SHARE), verifier.output(CONFIRM)
    assert len(confirmation) == length
    assert [prover.input(SHARE, share), prover.input(CONFIRM, confirmation)] == [PSA_SUCCESS] * 2
    assert verifier.input(CONFIRM, prover.output(CONFIRM)) == PSA_SUCCESS
    status, secret = prover.secret()
    assert (status, len(secret)) == (PSA_SUCCESS, 2 * secret_length)
    assert verifier.secret() == (PSA_SUCCESS, secret)


@pytest.mark.parametrize(
    "prover_has, verifier_has",
    [
        ((b"ctx", b"c", b"s"), (b"other", b"s", b"c")),
        ((None, b"c", b"s"), (b"", b"s", b"c")),
        ((b"ctx", b"c", b"s"), (b"ctx", b"s", b"d")),
        ((b"ctx", b"c", b"s"), (b"ctx", b"", b"c")),
    ],
    ids=["context", "no context and an empty one", "the prover's name", "the verifier's name"],
)
def test_both_sides_must_say_the_same(
    client: PsaClient,
    prover_has: tuple[bytes | None, bytes, bytes],
    verifier_has: tuple[bytes | None, bytes, bytes],
) -> None:
    prover, verifier = make_pair(client, p.PSA_ALG_SPAKE2P_HMAC(SHA_256), 256, W0, W1)
    prover.setup(*prover_has)
    verifier.setup(*verifier_has)
    assert verifier.input(SHARE, prover.output(SHARE)) == PSA_SUCCESS
    share, confirmation = verifier.output(SHARE), verifier.output(CONFIRM)
    assert prover.input(SHARE, share) == PSA_SUCCESS
    assert prover.input(CONFIRM, confirmation) == PSA_ERROR_INVALID_SIGNATURE
    assert prover.secret()[0] == PSA_ERROR_BAD_STATE


def test_prover_without_w1_has_no_role(client: PsaClient) -> None:
    prover, verifier = make_pair(client, p.PSA_ALG_SPAKE2P_HMAC(SHA_256), 256, W0, W1)
    for key, role, status in (
        (verifier.key, CLIENT, PSA_ERROR_INVALID_ARGUMENT),
        (prover.key, SERVER, PSA_SUCCESS),
        (prover.key, p.PSA_PAKE_ROLE_NONE, PSA_ERROR_INVALID_ARGUMENT),
        (prover.key, p.PSA_PAKE_ROLE_FIRST, PSA_ERROR_INVALID_ARGUMENT),
    ):
        op = psa_pake_operation_t()
        primitive = p.PSA_PAKE_PRIMITIVE(p.PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_R1, 256)
        suite = psa_pake_cipher_suite_t(prover.alg, primitive)
        assert crypto.psa_pake_setup(client, op, key, suite) == PSA_SUCCESS
        assert crypto.psa_pake_set_role(client, op, role) == status
        assert crypto.psa_pake_abort(client, op) == PSA_SUCCESS


def test_shares_that_cannot_be(client: PsaClient) -> None:
    """PSA Crypto, SPAKE2+ operation: INVALID_ARGUMENT for a share that fails its check."""
    m = bytes.fromhex(
        "04886e2f97ace46e55ba9dd7242579f2993b64e16ef3dcab95afd497333d8fa12f"
        "5ff355163e43ce224e0b0e65ff02ac8e5c7be09419c785e0ca547d55a12e2d20"
    )
    one = "01".rjust(64, "0")
    for share in (b"", bytes(65), m[:-1] + b"\x21", m):
        # With w0 = 1 the share M is the identity blinded: Z would be the identity too.
        _, verifier = make_pair(client, p.PSA_ALG_SPAKE2P_HMAC(SHA_256), 256, one, W1)
        verifier.setup(None)
        assert verifier.input(SHARE, share) == PSA_ERROR_INVALID_ARGUMENT
        assert verifier.input(SHARE, m) == PSA_ERROR_BAD_STATE
        assert crypto.psa_pake_abort(client, verifier.op) == PSA_SUCCESS


@pytest.mark.parametrize(
    "role, calls",
    [
        (CLIENT, [("out", CONFIRM)]),
        (CLIENT, [("in", SHARE)]),
        (CLIENT, [("out", SHARE), ("out", CONFIRM)]),
        (CLIENT, [("out", SHARE), ("in", CONFIRM)]),
        (SERVER, [("out", SHARE)]),
        (SERVER, [("in", CONFIRM)]),
    ],
)
def test_steps_come_in_their_order(client: PsaClient, role: int, calls: list[tuple[str, int]]) -> None:
    prover, verifier = make_pair(client, p.PSA_ALG_SPAKE2P_HMAC(SHA_256), 256, W0, W1)
    side = prover if role == CLIENT else verifier
    side.setup(None)
    for direction, step in calls[:-1]:
        assert direction == "out"
        side.output(step)
    direction, step = calls[-1]
    if direction == "out":
        assert crypto.psa_pake_output(client, side.op, step, 200)[0] == PSA_ERROR_BAD_STATE
    else:
        assert side.input(step, bytes(65)) == PSA_ERROR_BAD_STATE
    assert side.secret()[0] == PSA_ERROR_BAD_STATE


@pytest.mark.parametrize("confirmations", [0, 1])
@pytest.mark.parametrize("role", [CLIENT, SERVER])
def test_no_secret_before_both_confirmations(client: PsaClient, role: int, confirmations: int) -> None:
    """PSA Crypto, SPAKE2+ operation: the keys are there once the shares are, but nobody has shown his."""
    prover, verifier = make_pair(client, p.PSA_ALG_SPAKE2P_HMAC(SHA_256), 256, W0, W1)
    prover.setup(None)
    verifier.setup(None)
    assert verifier.input(SHARE, prover.output(SHARE)) == PSA_SUCCESS
    assert prover.input(SHARE, verifier.output(SHARE)) == PSA_SUCCESS
    if confirmations:
        assert prover.input(CONFIRM, verifier.output(CONFIRM)) == PSA_SUCCESS
    assert (prover if role == CLIENT else verifier).secret()[0] == PSA_ERROR_BAD_STATE


@pytest.mark.parametrize(
    "alg, bits, status",
    [
        (p.PSA_ALG_SPAKE2P_HMAC(v.PSA_ALG_SHA_384), 256, PSA_ERROR_INVALID_ARGUMENT),
        (p.PSA_ALG_SPAKE2P_HMAC(SHA_256), 521, PSA_ERROR_INVALID_ARGUMENT),
        (p.PSA_ALG_SPAKE2P_CMAC(SHA_256), 384, PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_ALG_SPAKE2P_MATTER, 384, PSA_ERROR_INVALID_ARGUMENT),
        (p.PSA_ALG_SPAKE2P_HMAC(SHA_256), 224, PSA_ERROR_NOT_SUPPORTED),
    ],
)
def test_suites_of_rfc_9383_only(client: PsaClient, alg: int, bits: int, status: int) -> None:
    width = (bits + 7) // 8
    attributes = KeyAttributes(PAIR, usage=v.PSA_KEY_USAGE_DERIVE, alg=alg)
    data = b"\1".rjust(width, b"\0") * 2 if bits != 224 else bytes.fromhex(W0 + W1)
    key = crypto.psa_import_key(client, attributes, data)[1]
    primitive = p.PSA_PAKE_PRIMITIVE(p.PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_R1, bits)
    op = psa_pake_operation_t()
    assert crypto.psa_pake_setup(client, op, key, psa_pake_cipher_suite_t(alg, primitive)) == status


def test_secret_may_be_a_key_of_a_cipher(client: PsaClient) -> None:
    """PSA Crypto, SPAKE2+: the shared secret is pseudorandom."""
    prover, verifier = make_pair(client, v.PSA_ALG_SPAKE2P_MATTER, 256, W0, W1)
    prover.setup(None)
    verifier.setup(None)
    exchange(prover, verifier)
    aes = KeyAttributes(v.PSA_KEY_TYPE_AES, usage=v.PSA_KEY_USAGE_EXPORT)
    assert prover.secret(aes)[0] == PSA_SUCCESS
    assert verifier.secret(KeyAttributes(v.PSA_KEY_TYPE_PASSWORD))[0] == PSA_ERROR_INVALID_ARGUMENT
