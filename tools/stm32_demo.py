"""Attestation by a wrapped DUA key from end to end: factory, five steps, verdict, forgeries."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ..device import Device, Stage
from ..interface.psa.status import PsaError
from ..interface.stm32.dua_certificate import CertId, subject_common_name
from ..interface.trace import Event, Listener
from ..platform.board import Board, load_board
from ..platform.ccb_events import CPU_BUS, KeyMoved
from ..platform.stm32_factory import export_wrapped_key, install_wrapped_key
from .demo_firmware import flash_demo_firmware
from .stm32 import DuaVerdict, Kind, verify
from .stm32.certificates import Authority, DuaPki, known_key
from .stm32.factory import DEFAULT_BOARD, make_chip, read_certificate, stm32_build_for
from .stm32.forgeries import FORGERIES, Material, Presented
from .verifier import Kind as TokenKind

CHALLENGE_SIZE: Final = 32
NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
"""When the relying party looks: no clock is read."""
_OTHER_KEY: Final = {CertId.DUA_USER_FU: CertId.DUA_USER_LU, CertId.DUA_USER_LU: CertId.DUA_USER_FU}
_TAG, _CIPHERTEXT, _IV = 0x18, 0x50, 0x08
"""Where tag, wrapped key and IV lie in a blob, in bytes."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Something presented and what the verifier says of it; ``wanted`` is the kind of reason that must refuse
    it, None if it must be accepted.
    """

    name: str
    text: str
    presented: Presented
    verdict: DuaVerdict
    wanted: Kind | TokenKind | None

    @property
    def as_wanted(self) -> bool:
        if self.wanted is None:
            return self.verdict.ok
        return not self.verdict.ok and self.wanted.value in self.verdict.kinds()


@dataclass(frozen=True, slots=True)
class BlobTrial:
    """A device with a blob that is not its own as exported: the status of its attestation service."""

    name: str
    text: str
    status: str | None

    @property
    def as_wanted(self) -> bool:
        """No token came."""
        return self.status is not None


@dataclass(slots=True)
class Demonstration:
    """All that a demonstration showed. ``steps`` are what happened while the token was made, in order."""

    board: str
    key: CertId
    challenge: bytes
    pki: DuaPki
    blob: bytes
    factory: tuple[Event, ...]
    boot: tuple[str, ...]
    steps: tuple[Event, ...]
    notice: str | None
    answer: Trial
    blobs: list[BlobTrial] = field(default_factory=list)
    forged: list[Trial] = field(default_factory=list)

    @property
    def moves(self) -> tuple[KeyMoved, ...]:
        """Every way that a key took, in the factory and since."""
        return tuple(event for event in (*self.factory, *self.steps) if isinstance(event, KeyMoved))

    @property
    def seen_by_cpu(self) -> tuple[KeyMoved, ...]:
        """Those of them in clear on the CPU's bus: there must be none."""
        return tuple(move for move in self.moves if move.clear and move.bus == CPU_BUS)

    @property
    def ok(self) -> bool:
        """Whether all was judged as it deserves, no bad blob signed, and no key was seen."""
        judged = all(trial.as_wanted for trial in (self.answer, *self.forged))
        refused = all(trial.as_wanted for trial in self.blobs)
        return not self.seen_by_cpu and bool(self.moves) and judged and refused


def demonstrate(
    board: Board | str = DEFAULT_BOARD,
    *,
    challenge: bytes = bytes(range(CHALLENGE_SIZE)),
    key: CertId = CertId.DUA_USER_LU,
    seed: int = 0,
) -> Demonstration:
    """Run it. Raises as Device does for a board, PsaError for a challenge that the service does not take."""
    loaded = load_board(board) if isinstance(board, str) else board
    pki = DuaPki.make()
    told: list[Event] = []
    with _made(loaded, key, pki, seed, [told.append]) as device:
        blob = export_wrapped_key(device.hardware, key)
        factory = tuple(told)
        flash_demo_firmware(device)
        device.power_on()
        boot = tuple(f"{event.name}: {event.text}" for event in told if isinstance(event, Stage))
        told.clear()
        token = device.psa.initial_attestation.get_token(challenge)
        steps = tuple(told)
        certificate, other_use = read_certificate(device, key), read_certificate(device, _OTHER_KEY[key])
        replay = device.psa.initial_attestation.get_token(hashlib.sha256(challenge).digest())
        notice = device.hardware.dummy_notice
    good = Presented(token, certificate, pki.intermediates)
    answer = _judged("answer", "token, certificate and chain", good, pki, challenge, None)
    shown = Demonstration(loaded.name, key, challenge, pki, blob, factory, boot, steps, notice, answer)
    with _made(loaded, key, pki, seed + 1) as other:
        foreign = export_wrapped_key(other.hardware, key)
        flash_demo_firmware(other)
        other.power_on()
        other_token = other.psa.initial_attestation.get_token(challenge)
        other_certificate = read_certificate(other, key)
    shown.blobs += _blobs(loaded, key, pki, seed, blob, foreign)
    material = Material(good, replay, other_certificate, other_token, DuaPki.make("forger"), _neighbour(pki))
    shown.forged.append(
        _judged(
            "other-use",
            "the certificate of the chip's other key",
            Presented(token, other_use, pki.intermediates),
            pki,
            challenge,
            TokenKind.SIGNATURE_INVALID,
        )
    )
    for forgery in FORGERIES:
        made = forgery.make(material)
        shown.forged.append(_judged(forgery.name, forgery.text, made, pki, challenge, forgery.kind))
    return shown


def _judged(
    name: str,
    text: str,
    presented: Presented,
    pki: DuaPki,
    challenge: bytes,
    wanted: Kind | TokenKind | None,
) -> Trial:
    verdict = verify(
        presented.token,
        presented.certificate,
        presented.intermediates,
        [pki.root.der],
        at=NOW,
        challenge=challenge,
    )
    return Trial(name, text, presented, verdict, wanted)


def _blobs(
    board: Board, key: CertId, pki: DuaPki, seed: int, blob: bytes, foreign: bytes
) -> Iterator[BlobTrial]:
    """The same chip, its blob replaced in flash before it starts."""
    cases = (
        ("other-chip", "the blob of another chip", foreign),
        ("tag", "one bit of the tag", _one_bit(blob, _TAG)),
        ("ciphertext", "one bit of the wrapped key", _one_bit(blob, _CIPHERTEXT)),
        ("iv", "one bit of the IV", _one_bit(blob, _IV)),
    )
    for name, text, bad in cases:
        with _made(board, key, pki, seed) as device:
            install_wrapped_key(device.hardware, key, bad)
            flash_demo_firmware(device)
            device.power_on()
            yield BlobTrial(name, text, _status(device))


def _status(device: Device) -> str | None:
    try:
        device.psa.initial_attestation.get_token(bytes(CHALLENGE_SIZE))
    except PsaError as error:
        return error.status.name
    return None


def _one_bit(blob: bytes, at: int) -> bytes:
    return blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]


def _neighbour(pki: DuaPki) -> Authority:
    """A certificate from the real authority for a key that the forger holds."""
    secret = known_key("the forger's own device")
    serial = b"\x01\x19" + bytes(7) + b"\x66"
    subject = subject_common_name(CertId.DUA_USER_FU, serial)
    certificate = pki.issue_dua(serial, subject, _point(secret))
    return Authority(x509.load_der_x509_certificate(certificate), secret)


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


@contextmanager
def _made(
    board: Board, key: CertId, pki: DuaPki, seed: int, listeners: Sequence[Listener] = ()
) -> Iterator[Device]:
    """A device from ST's factory, off."""
    with Device(board, build=stm32_build_for(board, key), seed=seed, listeners=listeners) as device:
        make_chip(device.hardware, pki)
        yield device
