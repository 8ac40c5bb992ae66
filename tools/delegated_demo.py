"""Delegated attestation from end to end: a device, a realm, composed tokens, and forgeries."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from ..bootloader.bl1_events import RseKeyDerived
from ..device import Device
from ..firmware_build import (
    Build,
    bl1_config_for,
    bl2_config_for,
    dummy_provisioning,
    its_config_for,
    ps_config_for,
    with_delegated_attestation,
)
from ..interface.trace import Event
from ..partitions.initial_attestation.config import AttestationConfig, TokenVariant
from ..platform.board import Board, load_board
from ..platform.provisioning import Provisioning
from .demo_firmware import flash_demo_firmware
from .endorsements.iak import iak_verification_key
from .realm import CHALLENGE_SIZE, AttestationKey, BindingHash, Composition, Realm, RealmProfile
from .verifier import Verdict, load_key, verify

DEFAULT_BOARD: Final = "an521_bl1"
_SIGNER: Final = hashlib.sha256(b"whoever signed that").digest()
FORGED_BINDER: Final = {
    BindingHash.SHA_256: BindingHash.SHA_512,
    BindingHash.SHA_384: BindingHash.SHA_256,
    BindingHash.SHA_512: BindingHash.SHA_256,
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One composed token and what the verifier says of it; ``wanted`` is whether it should accept."""

    form: Composition
    name: str
    text: str
    token: bytes
    verdict: Verdict
    wanted: bool

    @property
    def as_wanted(self) -> bool:
        return self.verdict.ok is self.wanted


@dataclass(slots=True)
class Demonstration:
    """All that a demonstration showed. ``verification_key`` is PEM."""

    board: str
    challenge: bytes
    realm: Realm
    platform_token: bytes
    verification_key: bytes
    boot: tuple[str, ...]
    notice: str | None
    same_after_reset: bool
    good: list[Trial] = field(default_factory=list)
    forged: list[Trial] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every token was judged as it deserves, and the key came back after a reset."""
        return self.same_after_reset and all(trial.as_wanted for trial in (*self.good, *self.forged))

    def token(self, form: Composition) -> bytes:
        """The good token of a form."""
        return next(trial.token for trial in self.good if trial.form is form)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What one device gave: a realm with its key, and the platform token bound to it."""

    realm: Realm
    platform: bytes
    key: bytes


def cca_build(board: Board, variant: TokenVariant) -> Build:
    """CCA platform tokens, measured boot, delegated attestation; BL1 as an RSE has it where there is one.

    The older variant is TF-M 2.1's, with its hash over the point.
    """
    return with_delegated_attestation(
        Build(
            bl1=bl1_config_for(board),
            bl2=bl2_config_for(board),
            its=its_config_for(board),
            ps=ps_config_for(board),
            attestation=AttestationConfig(variant=variant),
        )
    )


def demonstrate(
    board: Board | str = DEFAULT_BOARD,
    *,
    challenge: bytes = bytes(range(CHALLENGE_SIZE)),
    bits: int = 384,
    binding: BindingHash = BindingHash.SHA_256,
    seed: int = 0,
) -> Demonstration:
    """Run it. Raises as Device does for a board, RealmError for a challenge of another size than 64 bytes."""
    loaded = load_board(board) if isinstance(board, str) else board
    told: list[Event] = []
    with _booted(loaded, TokenVariant.CCA_2023, seed, listeners=[told.append]) as device:
        realm = Realm.request(device.tfm.delegated_attestation, bits, binding)
        realm.claims(challenge)  # a challenge of the wrong size is told before all the rest
        boot = tuple(event.text for event in told if isinstance(event, RseKeyDerived))
        device.reset()
        again = Realm.request(device.tfm.delegated_attestation, bits, binding)
        key = iak_verification_key(device.hardware)
        mine = _Evidence(realm, realm.request_platform_token(device.tfm.delegated_attestation), key)
        later = _after_a_measurement(device, realm)
        notice = device.hardware.dummy_notice
    shown = Demonstration(
        loaded.name, challenge, realm, mine.platform, key, boot, notice, again.key.point == realm.key.point
    )
    legacy, legacy_later = _legacy(loaded, bits, binding, seed)
    foreign = {
        variant: _of_another_device(loaded, variant, bits, binding, seed)
        for variant in (TokenVariant.CCA_2023, TokenVariant.CCA_1_0_0)
    }
    for form in Composition:
        old = form is Composition.LEGACY
        variant = TokenVariant.CCA_1_0_0 if old else TokenVariant.CCA_2023
        own, other = (legacy, legacy_later) if old else (mine, later)
        shown.good.append(_good(form, own, challenge))
        shown.forged.extend(_forged(form, own, other, foreign[variant], challenge))
    return shown


def _good(form: Composition, own: _Evidence, challenge: bytes) -> Trial:
    token = own.realm.compose(own.platform, challenge, form)
    return _judged(form, "composed", "as it was put together", token, own.key, challenge, wanted=True)


def _forged(
    form: Composition, own: _Evidence, later: Realm, foreign: _Evidence, challenge: bytes
) -> Iterator[Trial]:
    """The same with one thing wrong."""
    realm, platform = own.realm, own.platform
    rebound = replace(realm, binding=FORGED_BINDER[realm.binding])
    state = replace(realm.state, initial_measurement=bytes(32))
    stolen = _one_bit(realm.compose(platform, challenge, form), realm.state.initial_measurement)
    cases: Sequence[tuple[str, str, Callable[[], bytes]]] = (
        (
            "wrong-binder",
            f"the realm names {rebound.binding.value}, the platform token holds the {realm.binding.value}",
            lambda: rebound.compose(platform, challenge, form),
        ),
        (
            "other-key",
            "the realm carries and signs with the key of other firmware",
            lambda: later.compose(platform, challenge, form),
        ),
        (
            "other-signer",
            "another key signed for the realm",
            lambda: replace(realm, state=state).compose(platform, challenge, form, signing_key=later.key),
        ),
        (
            "swapped-platform",
            "the platform token is another device's, bound to that one's key",
            lambda: realm.compose(foreign.platform, challenge, form),
        ),
        ("changed-realm", "one bit of the realm's initial measurement", lambda: stolen),
    )
    for name, text, compose in cases:
        yield _judged(form, name, text, compose(), own.key, challenge, wanted=False)
    replay, anew = realm.compose(platform, challenge, form), hashlib.sha512(challenge).digest()
    yield _judged(form, "replayed", "the answer to another challenge", replay, own.key, anew, wanted=False)


def _judged(
    form: Composition, name: str, text: str, token: bytes, key: bytes, challenge: bytes, *, wanted: bool
) -> Trial:
    return Trial(form, name, text, token, verify(token, load_key(key), challenge=challenge), wanted)


def _one_bit(token: bytes, value: bytes) -> bytes:
    at = token.index(value)
    return token[:at] + bytes([token[at] ^ 1]) + token[at + 1 :]


@contextmanager
def _booted(
    board: Board,
    variant: TokenVariant,
    seed: int,
    provisioning: Provisioning | None = None,
    listeners: Sequence[Callable[[Event], None]] = (),
) -> Iterator[Device]:
    build = cca_build(board, variant)
    with Device(board, build=build, provisioning=provisioning, seed=seed, listeners=listeners) as device:
        flash_demo_firmware(device)
        yield device.power_on()


def _after_a_measurement(device: Device, realm: Realm) -> Realm:
    """The same realm on a device whose firmware went on to measure something: it gets another key."""
    slots, service = device.tfm.measured_boot, device.tfm.delegated_attestation
    slots.extend_measurement(8, hashlib.sha256(b"loaded later").digest(), signer_id=_SIGNER, sw_type="LATER")
    return Realm.request(service, realm.key.bits, realm.binding, realm.profile, realm.state)


def _legacy(board: Board, bits: int, binding: BindingHash, seed: int) -> tuple[_Evidence, Realm]:
    """The device as TF-M 2.1 had it: an older platform token, and a realm without profile claim."""
    with _booted(board, TokenVariant.CCA_1_0_0, seed) as device:
        service = device.tfm.delegated_attestation
        realm = Realm.request(service, bits, binding, RealmProfile.LEGACY)
        platform = realm.request_platform_token(service)
        evidence = _Evidence(realm, platform, iak_verification_key(device.hardware))
        return evidence, _after_a_measurement(device, realm)


def _of_another_device(
    board: Board, variant: TokenVariant, bits: int, binding: BindingHash, seed: int
) -> _Evidence:
    """Evidence of a device with the same firmware and keys of its own."""
    keys = [hashlib.sha256(f"another device's {name}".encode()).digest() for name in ("HUK", "GUK", "IAK")]
    profile = RealmProfile.LEGACY if variant.before_2_2 else RealmProfile.CCA_2024
    dummy = dummy_provisioning(cca_build(board, variant))
    values = replace(dummy, huk=keys[0], guk=keys[1], iak=keys[2])
    with _booted(board, variant, seed, values) as device:
        service = device.tfm.delegated_attestation
        realm = Realm.request(service, bits, binding, profile)
        platform = realm.request_platform_token(service)
        return _Evidence(realm, platform, iak_verification_key(device.hardware))


__all__ = ["AttestationKey", "Demonstration", "Trial", "cca_build", "demonstrate"]
