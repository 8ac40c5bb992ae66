"""The operational Matter application on a device: sessions, attestation, CSR, and what it refuses."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from tfm_sim.interface.matter import tlv
from tfm_sim.interface.matter.commissioning import (
    CertificateChainType,
    CommandStatus,
    CommissioneeError,
    SessionError,
)
from tfm_sim.interface.matter.factory_data import FactoryDataTag, number_value
from tfm_sim.tools.matter.commissioner.commission import Commissioning, commission
from tfm_sim.tools.matter.commissioner.elements import read_nocsr_elements
from tfm_sim.tools.matter.commissioner.p256 import GENERATOR, INFINITY, ORDER, M, N, Point, PointError
from tfm_sim.tools.matter.commissioner.pase import establish, session_of, verifier_of
from tfm_sim.tools.matter.commissioner.trust import Policy, TrustStore
from tfm_sim.tools.matter.device_machine import matter_platform
from tfm_sim.tools.matter.factory_floor import PASSCODE, FactoryFloor, factory_data
from tfm_sim.tools.matter.firmware.matter_app import PASE_ATTEMPTS, MatterApp
from tfm_sim.tools.matter.matter_demo import deterministic
from tfm_sim.tools.matter.pki.certification_declaration import DeclarationSigner
from tfm_sim.tools.matter.pki.server import PkiServer

SIGNER = DeclarationSigner.from_seed(0)
NONCE = bytes(range(32))
POLICY = Policy(datetime(2025, 6, 1, tzinfo=UTC))
Tag = FactoryDataTag


def commissioned(app: MatterApp, pki: PkiServer, passcode: int = PASSCODE) -> Commissioning:
    trust = TrustStore.of([pki.paa_der], [SIGNER.certificate])
    return commission(app, passcode, trust, POLICY, deterministic(7))


@pytest.fixture(scope="module")
def floor() -> Iterator[FactoryFloor]:
    """A provisioned STM32WBA65I-DK1 at level 2."""
    with FactoryFloor(matter_platform("wba", 2), PkiServer.development()) as floor:
        floor.write(factory_data(SIGNER))
        floor.provision()
        yield floor


@pytest.fixture
def app(floor: FactoryFloor) -> MatterApp:
    """The application after a reset."""
    return floor.application()


@pytest.mark.parametrize(
    ("platform", "security", "mode", "isolation"),
    [
        ("wba", 0, "production", 1),
        ("wba", 1, "production", 1),
        ("wba", 2, "production", 2),
        ("u5", 1, "production", 1),
        ("wb55", 0, "test", 1),
        ("wb55", 0, "production", 1),
    ],
)
def test_a_device_of_each_platform_is_commissioned(
    platform: str, security: int, mode: str, isolation: int
) -> None:
    pki = PkiServer.development()
    with FactoryFloor(matter_platform(platform, security, mode), pki, isolation_level=isolation) as floor:
        floor.write(factory_data(SIGNER))
        floor.provision()
        outcome = commissioned(floor.application(), pki)
        assert outcome.ok, outcome.reason


def test_both_ends_have_the_same_session(app: MatterApp) -> None:
    session = establish(app, PASSCODE, deterministic(1))
    # The device's challenge is seen by what it signs.
    answer = app.attestation_request(NONCE)
    assert answer.elements[:3].hex() == "153001" or answer.elements[:3].hex() == "153101"
    assert len(session.attestation_challenge) == 16
    assert session.attestation_challenge not in answer.elements
    assert len(answer.signature) == 64


def test_each_session_has_a_challenge_of_its_own(app: MatterApp) -> None:
    first = establish(app, PASSCODE, deterministic(1))
    second = establish(app, PASSCODE, deterministic(1))
    assert first.attestation_challenge != second.attestation_challenge


def test_empty_firmware_information_is_left_out_and_other_is_sent(floor: FactoryFloor) -> None:
    """CHIP SDK ConstructAttestationElements."""
    kept = floor.read()
    try:
        for value in (None, b"v1"):
            floor.write(kept if value is None else kept.with_values({Tag.FIRMWARE_INFORMATION: value}))
            app = floor.application()
            establish(app, PASSCODE, deterministic(1))
            members = tlv.decode(app.attestation_request(NONCE).elements).value
            assert isinstance(members, tuple)
            assert [member.tag[1] for member in members] == ([1, 2, 3] if value is None else [1, 2, 3, 4])
    finally:
        floor.write(kept)


def test_each_csr_is_of_a_new_key(app: MatterApp) -> None:
    establish(app, PASSCODE, deterministic(1))
    first, second = (read_nocsr_elements(app.csr_request(NONCE).elements) for _ in range(2))
    assert first.csr != second.csr
    assert first.csr_nonce == NONCE


@pytest.mark.parametrize("command", ["basic", "chain", "attest", "csr"])
def test_without_a_session_every_command_is_refused(app: MatterApp, command: str) -> None:
    commands: dict[str, Callable[[], object]] = {
        "basic": app.read_basic_information,
        "chain": lambda: app.certificate_chain_request(CertificateChainType.DAC),
        "attest": lambda: app.attestation_request(NONCE),
        "csr": lambda: app.csr_request(NONCE),
    }
    with pytest.raises(CommissioneeError) as caught:
        commands[command]()
    assert caught.value.status is CommandStatus.UNSUPPORTED_ACCESS


@pytest.mark.parametrize(
    ("text", "ask"),
    [
        ("attestation nonce of 31 bytes", lambda app: app.attestation_request(NONCE[:31])),
        ("CSR nonce of 33 bytes", lambda app: app.csr_request(NONCE + b"x")),
        ("certificate type 3; legal: 1 DAC, 2 PAI", lambda app: app.certificate_chain_request(3)),
    ],
)
def test_invalid_commands(app: MatterApp, text: str, ask: object) -> None:
    assert callable(ask)
    establish(app, PASSCODE, deterministic(1))
    with pytest.raises(CommissioneeError, match=text) as caught:
        ask(app)
    assert caught.value.status is CommandStatus.INVALID_COMMAND


def test_another_passcode_opens_nothing(floor: FactoryFloor, app: MatterApp) -> None:
    outcome = commissioned(app, floor.pki, PASSCODE + 1)
    assert not outcome.ok
    assert "another passcode" in outcome.reason
    with pytest.raises(CommissioneeError):
        app.read_basic_information()


def test_a_new_attempt_ends_the_session(app: MatterApp) -> None:
    establish(app, PASSCODE, deterministic(1))
    with pytest.raises(SessionError):
        establish(app, PASSCODE + 1, deterministic(2))
    with pytest.raises(CommissioneeError):
        app.attestation_request(NONCE)


def test_after_twenty_failures_the_window_is_closed(app: MatterApp) -> None:
    """Matter 1.4 5.5: nobody tries passcodes for ever."""
    for _ in range(PASE_ATTEMPTS):
        with pytest.raises(SessionError, match="another passcode"):
            establish(app, PASSCODE + 1, deterministic(1))
    with pytest.raises(SessionError, match="window is closed"):
        establish(app, PASSCODE, deterministic(1))


class Relay:
    """Between a device and its commissioner: hands on all but what a test replaces."""

    def __init__(self, app: MatterApp, **replaced: object) -> None:
        self._app = app
        self._replaced = replaced

    def __getattr__(self, name: str) -> object:
        return self._replaced.get(name, getattr(self._app, name))


def test_who_cannot_confirm_the_passcode_gets_no_session(app: MatterApp) -> None:
    """Matter 1.4 4.14.1.2: the commissioner checks cB before it sends cA, whatever the device makes of it."""

    def altered(message: bytes) -> bytes:
        answer = app.pake1(message)
        return answer[:-2] + bytes([answer[-2] ^ 1]) + answer[-1:]

    relay = Relay(app, pake1=altered, pake3=lambda _: None)
    with pytest.raises(SessionError, match="confirmation does not fit"):
        establish(relay, PASSCODE, deterministic(1))  # type: ignore[arg-type]


def test_an_answer_to_another_request_is_none(app: MatterApp) -> None:
    """Matter 1.4 4.14.1.2: PBKDFParamResponse repeats the random number of the request."""
    answer = app.pbkdf_param_request(PBKDF_PARAM_REQUEST)
    relay = Relay(app, pbkdf_param_request=lambda _: answer)
    with pytest.raises(SessionError, match="PBKDFParamResponse to another request"):
        establish(relay, PASSCODE, deterministic(1))  # type: ignore[arg-type]


def test_only_a_genuine_device_is_asked_for_a_csr_and_by_a_nonce_of_its_own(
    floor: FactoryFloor, app: MatterApp
) -> None:
    """Matter 1.4 5.5: attestation is judged first."""
    genuine = commissioned(app, floor.pki)
    assert genuine.evidence is not None and genuine.request is not None
    assert genuine.evidence.nonce != genuine.request.nonce
    refused = commissioned(app, PkiServer.development(seed=1))
    assert refused.attestation is not None and not refused.attestation.ok
    assert (refused.request, refused.csr) == (None, None)


PBKDF_PARAM_REQUEST = tlv.structure(
    tlv.ANONYMOUS,
    tlv.octets(tlv.context(1), bytes(32)),
    tlv.unsigned(tlv.context(2), 1),
    tlv.unsigned(tlv.context(3), 0),
    tlv.boolean(tlv.context(4), False),
)


def test_unfinished_attempts_have_failed_and_a_session_forgives_them(app: MatterApp) -> None:
    """Matter 1.4 5.5: who stops before the passcode is tried has still had one of twenty attempts."""
    for _ in range(2):
        for _ in range(PASE_ATTEMPTS - 1):
            app.pbkdf_param_request(PBKDF_PARAM_REQUEST)
        establish(app, PASSCODE, deterministic(1))
    for _ in range(PASE_ATTEMPTS):
        app.pbkdf_param_request(PBKDF_PARAM_REQUEST)
    with pytest.raises(SessionError, match="20 attempts failed; the commissioning window is closed"):
        establish(app, PASSCODE, deterministic(1))


@pytest.mark.parametrize(("size", "ok"), [(900, True), (901, False)])
def test_how_long_the_elements_of_an_attestation_may_be(floor: FactoryFloor, size: int, ok: bool) -> None:
    """Matter 1.4 11.18.5.1: RESP_MAX."""
    kept = floor.read()
    rest = size - len(tlv.structure(tlv.ANONYMOUS, tlv.octets(tlv.context(2), NONCE))) - 3 - 4 - 4
    firmware = 300
    try:
        sizes = {Tag.CERTIFICATION_DECLARATION: rest - firmware, Tag.FIRMWARE_INFORMATION: firmware}
        floor.write(kept.with_values({tag: bytes(length) for tag, length in sizes.items()}))
        app = floor.application()
        establish(app, PASSCODE, deterministic(1))
        if ok:
            assert len(app.attestation_request(NONCE).elements) == size
        else:
            with pytest.raises(CommissioneeError, match="elements of 901 bytes; legal: up to 900"):
                app.attestation_request(NONCE)
    finally:
        floor.write(kept)


def test_a_request_asked_for_again_leaves_no_key_behind(app: MatterApp) -> None:
    """More requests than the crypto service has key slots: the key without a certificate goes."""
    establish(app, PASSCODE, deterministic(1))
    assert len({app.csr_request(NONCE).elements for _ in range(40)}) == 40


@pytest.mark.parametrize(
    "messages",
    [
        ["pake1"],
        ["pake3"],
        ["request", "pake3"],
        ["request", "pake1-garbage"],
        ["request", "pake1-off-curve"],
        ["request", "pake1", "pake1"],
        ["request-passcode-1"],
        ["request-garbage"],
    ],
)
def test_messages_out_of_order_or_malformed(app: MatterApp, messages: list[str]) -> None:
    random = tlv.octets(tlv.context(1), bytes(32))

    def request(passcode_id: int) -> bytes:
        return tlv.structure(
            tlv.ANONYMOUS,
            random,
            tlv.unsigned(tlv.context(2), 1),
            tlv.unsigned(tlv.context(3), passcode_id),
            tlv.boolean(tlv.context(4), False),
        )

    share = tlv.structure(tlv.ANONYMOUS, tlv.octets(tlv.context(1), GENERATOR.encode()))
    off_curve = tlv.structure(tlv.ANONYMOUS, tlv.octets(tlv.context(1), b"\x04" + bytes(64)))
    steps: dict[str, Callable[[], object]] = {
        "request": lambda: app.pbkdf_param_request(request(0)),
        "request-passcode-1": lambda: app.pbkdf_param_request(request(1)),
        "request-garbage": lambda: app.pbkdf_param_request(b"\x15\x18"),
        "pake1": lambda: app.pake1(share),
        "pake1-garbage": lambda: app.pake1(b"\x15"),
        "pake1-off-curve": lambda: app.pake1(off_curve),
        "pake3": lambda: app.pake3(tlv.structure(tlv.ANONYMOUS, tlv.octets(tlv.context(1), bytes(32)))),
    }
    for name in messages[:-1]:
        steps[name]()
    with pytest.raises(SessionError):
        steps[messages[-1]]()


MEMBER = st.one_of(
    st.binary(max_size=70).map(lambda value: tlv.octets(tlv.context(1), value)),
    st.sampled_from([32, 65]).map(lambda size: tlv.octets(tlv.context(1), bytes(size))),
    st.integers(0, 2**33).map(lambda value: tlv.unsigned(tlv.context(2), value)),
    st.booleans().map(lambda value: tlv.boolean(tlv.context(4), value)),
    st.binary(max_size=8),
)


@settings(max_examples=40, deadline=None)
@given(messages=st.lists(st.tuples(st.integers(0, 2), st.lists(MEMBER, max_size=4)), max_size=4))
def test_any_messages_are_answered_or_refused(
    floor: FactoryFloor, messages: list[tuple[int, list[bytes]]]
) -> None:
    platform = floor.platform
    app = MatterApp(floor.machine, platform.support, platform.key_store(floor.machine))
    entries = (app.pbkdf_param_request, app.pake1, app.pake3)
    for entry, members in messages:
        with suppress(SessionError):
            entries[entry](tlv.structure(tlv.ANONYMOUS, *members))
    with pytest.raises(CommissioneeError):
        app.read_basic_information()


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        (Tag.PAI_CERTIFICATE, "PAI_CERTIFICATE"),
        (Tag.CERTIFICATION_DECLARATION, "CERTIFICATION_DECLARATION"),
        (Tag.VENDOR_ID, "VENDOR_ID"),
        (Tag.SPAKE2_VERIFIER, "SPAKE2_VERIFIER"),
        (Tag.DEVICE_ATTESTATION_PUB_KEY, "DEVICE_ATTESTATION_PUB_KEY"),
    ],
)
def test_missing_factory_data_end_a_commissioning(
    floor: FactoryFloor, missing: FactoryDataTag, text: str
) -> None:
    kept = floor.read()
    try:
        floor.write(kept.without([missing]))
        outcome = commissioned(floor.application(), floor.pki)
        assert not outcome.ok
        assert text in outcome.failed
    finally:
        floor.write(kept)


def test_a_verifier_of_another_size_is_told(floor: FactoryFloor) -> None:
    kept = floor.read()
    try:
        floor.write(kept.with_values({Tag.SPAKE2_VERIFIER: bytes(96)}))
        with pytest.raises(SessionError, match="verifier of 96 bytes; legal: 97"):
            establish(floor.application(), PASSCODE, deterministic(1))
    finally:
        floor.write(kept)


def test_iterations_that_matter_forbids_are_refused_by_the_commissioner(floor: FactoryFloor) -> None:
    kept = floor.read()
    tag = Tag.SPAKE2_ITERATION_COUNT
    try:
        floor.write(kept.with_values({tag: number_value(tag, 999)}))
        with pytest.raises(SessionError, match="999 iterations; legal: 1000 to 100000"):
            establish(floor.application(), PASSCODE, deterministic(1))
    finally:
        floor.write(kept)


def test_the_verifier_of_the_sdks_test_passcode() -> None:
    """CHIP SDK: passcode 20202021, salt "SPAKE2P Key Salt", 1000 iterations."""
    verifier = verifier_of(PASSCODE, b"SPAKE2P Key Salt", 1000)
    assert verifier[:8].hex() == "b96170aae8033468"
    assert (len(verifier), Point.decode(verifier[32:]).encode()) == (97, verifier[32:])


def test_points() -> None:
    assert ORDER * GENERATOR == INFINITY
    assert 3 * GENERATOR == GENERATOR + GENERATOR + GENERATOR
    assert (ORDER + 1) * GENERATOR == GENERATOR
    assert 0 * M == INFINITY == 7 * INFINITY
    for scalar in (1, 2, 0xABCDEF, ORDER - 1):
        # Another library's opinion.
        public = ec.derive_private_key(scalar, ec.SECP256R1()).public_key().public_numbers()
        assert scalar * GENERATOR == Point(public.x, public.y)
    assert GENERATOR + -GENERATOR == INFINITY
    assert all(Point.decode(point.encode()) == point for point in (GENERATOR, M, N))
    with pytest.raises(PointError):
        INFINITY.encode()
    with pytest.raises(PointError):
        Point.decode(replace(GENERATOR, y=GENERATOR.y ^ 1).encode())


def test_session_keys_are_sixteen_bytes_each() -> None:
    session = session_of(bytes(16))
    keys = {session.i2r_key, session.r2i_key, session.attestation_challenge}
    assert {len(key) for key in keys} == {16}
    assert len(keys) == 3
