"""ESP-TEE attestation from end to end: the six steps of its flow, devices that tell of trouble, forgeries."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from ..device import Device, Stage
from ..firmware_build import dummy_provisioning
from ..interface.esp_tee.errors import EspError
from ..interface.esp_tee.image import EspAppDesc
from ..interface.trace import Event, Listener
from ..partitions.esp_tee_attestation.config import TokenForm
from ..platform.board import Board, load_board
from ..platform.provisioning import Provisioning
from ..spm.events import MessageDelivered
from .esp_tee import Enrolled, EspVerdict, Kind, Reference, Register, verify
from .esp_tee.forgeries import FORGERIES, Material, compact
from .esp_tee.verify import SIGNED
from .esp_tee_factory import DEFAULT_BOARD, FACTORY, Request, ask, enrol, esp_tee_build_for, reference_of
from .esp_tee_firmware import DEMO, IDF_VERSION, EspTeeFirmware, flash_esp_tee_firmware

DEVICE: Final = "lamp 7"
OLDER: Final = replace(DEMO, tee=EspAppDesc(b"0.9.0", IDF_VERSION, 0, b"esp_tee"))
OTHER_APP: Final = replace(DEMO, app=EspAppDesc(b"v0.1.0", IDF_VERSION, 0, b"somebody_elses"))
UNPADDED: Final = replace(DEMO, secure_padding=False)
_FORGER: Final = ec.derive_private_key(0xF0A6E2, ec.SECP256R1())
_CHANGED_AT: Final = 0x800
"""Bytes into the application's partition, behind the header that boot loaders read."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One token and what the attestation service says of it; ``wanted`` is the kind of reason that must
    refuse it, None if it must be accepted.
    """

    name: str
    text: str
    token: bytes
    verdict: EspVerdict
    wanted: Kind | None

    @property
    def as_wanted(self) -> bool:
        if self.wanted is None:
            return self.verdict.ok
        return not self.verdict.ok and self.wanted.value in self.verdict.kinds()


@dataclass(frozen=True, slots=True)
class Attempt:
    """The REE asks the secure storage to sign a token of its own making with the TEE's key.

    ``error`` is what the storage answers, None if it signs, and then there is a ``verdict``. ``protected``:
    the build keeps the REE from that key.
    """

    text: str
    protected: bool
    error: str | None
    verdict: EspVerdict | None

    @property
    def as_wanted(self) -> bool:
        """A build that protects the key refuses; of one that does not, no verifier can tell."""
        return self.error is not None if self.protected else self.verdict is not None and self.verdict.ok


@dataclass(frozen=True, slots=True)
class Call:
    """Requests of one kind from one side to one service, while the token was made."""

    client: str
    service: str
    request: str
    count: int


@dataclass(slots=True)
class Demonstration:
    """All that a demonstration showed."""

    board: str
    form: TokenForm
    request: Request
    enrolled: Enrolled
    reference: Reference
    boot: tuple[str, ...]
    calls: tuple[Call, ...]
    notice: str | None
    same_after_reset: bool
    answer: Trial
    attempts: list[Attempt] = field(default_factory=list)
    troubled: list[Trial] = field(default_factory=list)
    forged: list[Trial] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every token was judged as it deserves, and the key came back after a reset."""
        trials = (self.answer, *self.troubled, *self.forged)
        judged = all(trial.as_wanted for trial in trials)
        return self.same_after_reset and judged and all(attempt.as_wanted for attempt in self.attempts)


@dataclass(frozen=True, slots=True)
class _Service:
    """The attestation service of the relying party: enrolled keys, reference values, the open request."""

    register: Register
    reference: Reference
    form: TokenForm
    request: Request

    def judge(self, name: str, text: str, token: bytes, wanted: Kind | None) -> Trial:
        expected = self.request.expected(self.form)
        verdict = verify(token, self.register, reference=self.reference, **expected)
        return Trial(name, text, token, verdict, wanted)


def demonstrate(
    board: Board | str = DEFAULT_BOARD,
    *,
    form: TokenForm = TokenForm.CHALLENGE,
    request: Request | None = None,
    seed: int = 0,
) -> Demonstration:
    """Run it. Raises as Device does for a board, PsaError for a challenge that the TEE does not take."""
    loaded = load_board(board) if isinstance(board, str) else board
    asked = Request(hashlib.sha256(b"the relying party's challenge").digest()) if request is None else request
    reference = replace(reference_of(DEMO, form), client_id=asked.client_id)
    told: list[Event] = []
    with _booted(loaded, form, seed, listeners=[told.append]) as device:
        boot = tuple(f"{event.name}: {event.text}" for event in told if isinstance(event, Stage))
        enrolled = enrol(ask(device, form, FACTORY), DEVICE)
        notice = device.hardware.dummy_notice
        device.reset()
        old = ask(device, form, FACTORY)
        told.clear()
        token = ask(device, form, asked)
        calls = tuple(_calls(told))
        service = _Service(Register((enrolled,)), reference, form, asked)
        changed = _changed_in_flash(device, form, asked)
    answer = service.judge("answer", "the device of the factory's books", token, None)
    shown = Demonstration(
        loaded.name,
        form,
        asked,
        enrolled,
        reference,
        boot,
        calls,
        notice,
        enrol(old, DEVICE).key == enrolled.key,
        answer,
    )
    shown.troubled.append(
        service.judge(
            "changed-in-flash",
            "the application in flash changed after boot",
            changed,
            Kind.DIGEST_NOT_VALIDATED,
        )
    )
    shown.troubled += _troubled(loaded, service, seed)
    shown.attempts += [_attempt(loaded, service, seed, protected=protected) for protected in (True, False)]
    material = Material(token, old, _FORGER)
    for forgery in FORGERIES:
        shown.forged.append(service.judge(forgery.name, forgery.text, forgery.make(material), forgery.kind))
    return shown


def _calls(told: Sequence[Event]) -> Iterator[Call]:
    """What was asked of whom, each once, in the order of the first."""
    sent = [event for event in told if isinstance(event, MessageDelivered)]
    kinds = Counter(
        (event.client, event.service, event.request.partition("(")[0] or _type_name(event.type))
        for event in sent
    )
    yield from (Call(*kind, count) for kind, count in kinds.items())


def _type_name(kind: int) -> str:
    return kind.name if isinstance(kind, IntEnum) else str(kind)


def _troubled(board: Board, service: _Service, seed: int) -> Iterator[Trial]:
    """Devices whose tokens are true and good, and say what must refuse them."""
    cases = (
        ("older-tee", "a TEE of version 0.9.0, signed and booted", OLDER, Kind.REFERENCE),
        ("other-app", "another application of the same version", OTHER_APP, Kind.REFERENCE),
        ("not-padded", "images that do not fill their last page", UNPADDED, Kind.SECURE_BOOT),
    )
    for name, text, firmware, wanted in cases:
        with _booted(board, service.form, seed, firmware) as device:
            yield service.judge(name, text, ask(device, service.form, service.request), wanted)
    other = replace(
        dummy_provisioning(esp_tee_build_for(board, service.form)),
        huk=hashlib.sha256(b"another device's HUK").digest(),
        efuse_mac=bytes.fromhex("02e5c6000002"),
    )
    with _booted(board, service.form, seed + 1, provisioning=other) as device:
        token = ask(device, service.form, service.request)
    text = "another device with the same firmware, in nobody's books"
    yield service.judge("not-enrolled", text, token, Kind.NO_TRUST_ANCHOR)


def _attempt(board: Board, service: _Service, seed: int, *, protected: bool) -> Attempt:
    """A token with a changed application's digest restored by hand, signed through the secure storage."""
    text = "of today" if protected else "until July 2026"
    with _booted(board, service.form, seed, OTHER_APP, protected=protected) as device:
        token = ask(device, service.form, service.request)
        values = json.loads(token)
        wanted = service.reference.software["app"].digests[0].hex()
        values["eat"]["sw_claims"]["app"]["part_digest"]["calc_digest"] = wanted
        digest = hashlib.sha256(b"".join(compact(values[name]) for name in SIGNED)).digest()
        try:
            signature = _sign_as_ree(device, values["header"]["key_id"], digest)
        except EspError as error:
            return Attempt(text, protected, error.error.name, None)
    values["sign"] = {"r": signature[:32].hex(), "s": signature[32:].hex()}
    expected = service.request.expected(service.form)
    register = Register((enrol(token, DEVICE),))
    verdict = verify(compact(values), register, reference=service.reference, **expected)
    return Attempt(text, protected, None, verdict)


def _sign_as_ree(device: Device, key_id: str | int, digest: bytes) -> bytes:
    """r and s, by the call of the time. Raises EspError."""
    if isinstance(key_id, int):
        return device.esp_tee.slots.get_signature(key_id, digest)
    return device.esp_tee.sec_storage.ecdsa_sign(key_id, digest)


def _changed_in_flash(device: Device, form: TokenForm, request: Request) -> bytes:
    """The token after somebody wrote to the running application's partition."""
    area = device.hardware.slot(1, "primary")
    block = bytearray(area.read(0, area.erase_block))
    block[_CHANGED_AT] ^= 1
    with device.hardware.power.programmer():
        area.erase(0, area.erase_block)
        area.write(0, bytes(block))
    return ask(device, form, request)


@contextmanager
def _booted(
    board: Board,
    form: TokenForm,
    seed: int,
    firmware: EspTeeFirmware = DEMO,
    provisioning: Provisioning | None = None,
    listeners: Sequence[Listener] = (),
    protected: bool = True,
) -> Iterator[Device]:
    build = esp_tee_build_for(board, form, unprotected_keys=not protected)
    with Device(board, build=build, provisioning=provisioning, seed=seed, listeners=listeners) as device:
        flash_esp_tee_firmware(device, firmware)
        yield device.power_on()
