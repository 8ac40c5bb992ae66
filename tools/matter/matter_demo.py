"""Matter from the factory to commissioning: a device is made, commissioned, and imitated in many ways."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from ...interface.matter import tlv
from ...interface.matter.commissioning import BasicInformation, Commissionee, SignedElements
from ...interface.matter.factory_data import CREDENTIALS, FactoryData, FactoryDataTag, number_value
from .commissioner.commission import Commissioning, commission
from .commissioner.csr import CsrVerdict
from .commissioner.pase import Random, establish
from .commissioner.results import Verdict
from .commissioner.trust import Policy, TrustStore
from .device_machine import DacKeyPlace, MatterPlatform
from .factory_floor import PASSCODE, FactoryFloor, factory_data
from .forgeries.attestation import attestation_forgeries
from .forgeries.csr import csr_forgeries
from .forgeries.lab import request
from .pki.authority import derive_key, make_dac
from .pki.certification_declaration import Declaration, DeclarationSigner
from .pki.names import TEST_PRODUCT, Product
from .pki.server import PkiServer

NOW: Final = datetime(2025, 6, 1, tzinfo=UTC)
_FORGERS_SEED: Final = 0xF0F0
OTHER_PRODUCT: Final = Product(TEST_PRODUCT.vendor_id, 0x8005)
_Tag = FactoryDataTag


@dataclass(frozen=True, slots=True)
class Trial:
    """A device, or what calls itself one, and what the commissioner made of it.

    ``wanted`` is whether it should be accepted; ``warning`` says why an imitation is, where it is.
    """

    name: str
    text: str
    outcome: Commissioning
    wanted: bool
    warning: str = ""

    @property
    def as_wanted(self) -> bool:
        return self.outcome.ok is self.wanted


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """A forgery that breaks one rule, and its verdict."""

    name: str
    text: str
    verdict: Verdict | CsrVerdict
    as_wanted: bool


@dataclass(slots=True)
class Demonstration:
    """All that a demonstration showed."""

    platform: MatterPlatform
    notices: tuple[str, ...]
    serial_lines: list[bytes]
    factory_data: FactoryData
    genuine: Trial
    imitations: list[Trial] = field(default_factory=list)
    forgeries: list[RuleTrial] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything was judged as it deserves."""
        devices = all(trial.as_wanted for trial in (self.genuine, *self.imitations))
        return devices and all(trial.as_wanted for trial in self.forgeries)


def deterministic(seed: int) -> Random:
    """Bytes that are the same for the same seed. NOT SECURE: a real commissioner asks its system."""
    count = 0

    def random(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"commissioner {seed} {count}".encode()).digest(size)

    return random


def demonstrate(platform: MatterPlatform, *, seed: int = 0, isolation_level: int = 1) -> Demonstration:
    """Run it. Raises FactoryError for a device that cannot be provisioned, and as Device does."""
    pki, signer = (
        PkiServer.development((TEST_PRODUCT, OTHER_PRODUCT), seed=seed),
        DeclarationSigner.from_seed(seed),
    )
    trust = TrustStore.of([pki.paa_der], [signer.certificate])
    judge = _Judge(trust, deterministic(seed))
    with FactoryFloor(platform, pki, seed=seed, isolation_level=isolation_level) as floor:
        floor.write(factory_data(signer))
        floor.provision()
        app = floor.application()
        genuine = judge.trial("genuine", "the device as it came from the factory", app, wanted=True)
        notices = tuple(notice for notice in (floor.device.hardware.dummy_notice, pki.warning) if notice)
        shown = Demonstration(platform, notices, floor.lines, floor.read(), genuine)
        shown.imitations += _on_the_wire(judge, app, genuine)
        shown.imitations += _rewritten(judge, floor, pki)
        shown.imitations += _copies(judge, floor, shown.factory_data, seed)
    for forgery in attestation_forgeries():
        verdict = forgery.judge()
        shown.forgeries.append(RuleTrial(forgery.name, forgery.text, verdict, forgery.is_refused_by(verdict)))
    for csr_forgery in csr_forgeries():
        answer = csr_forgery.judge()
        shown.forgeries.append(
            RuleTrial(csr_forgery.name, csr_forgery.text, answer, csr_forgery.is_refused_by(answer))
        )
    return shown


@dataclass(slots=True)
class _Judge:
    trust: TrustStore
    random: Random

    def trial(
        self,
        name: str,
        text: str,
        device: Commissionee,
        *,
        wanted: bool = False,
        passcode: int = PASSCODE,
        warning: str = "",
    ) -> Trial:
        outcome = commission(device, passcode, self.trust, Policy(NOW), self.random)
        return Trial(name, text, outcome, wanted, warning)


class _Altered:
    """A device with something between it and its commissioner."""

    def __init__(self, device: Commissionee) -> None:
        self._device = device

    def pbkdf_param_request(self, message: bytes) -> bytes:
        return self._device.pbkdf_param_request(message)

    def pake1(self, message: bytes) -> bytes:
        return self._device.pake1(message)

    def pake3(self, message: bytes) -> None:
        self._device.pake3(message)

    def read_basic_information(self) -> BasicInformation:
        return self._device.read_basic_information()

    def certificate_chain_request(self, certificate_type: int) -> bytes:
        return self._device.certificate_chain_request(certificate_type)

    def attestation_request(self, attestation_nonce: bytes) -> SignedElements:
        return self._device.attestation_request(attestation_nonce)

    def csr_request(self, csr_nonce: bytes) -> SignedElements:
        return self._device.csr_request(csr_nonce)


class _Recorded(_Altered):
    """Answers each attestation request with a recorded response."""

    def __init__(self, device: Commissionee, answer: SignedElements) -> None:
        super().__init__(device)
        self._answer = answer

    def attestation_request(self, attestation_nonce: bytes) -> SignedElements:
        return self._answer


class _Meddler(_Altered):
    """Changes one bit of what the device answers, and then puts a CSR of its own into the CSR response."""

    def __init__(self, device: Commissionee, *, attestation: bool) -> None:
        super().__init__(device)
        self._attestation = attestation

    def attestation_request(self, attestation_nonce: bytes) -> SignedElements:
        answer = super().attestation_request(attestation_nonce)
        if not self._attestation:
            return answer
        # The time of the answer, its last element but for the end of the structure.
        return replace(answer, elements=answer.elements[:-2] + b"\x01" + answer.elements[-1:])

    def csr_request(self, csr_nonce: bytes) -> SignedElements:
        answer = super().csr_request(csr_nonce)
        own = tlv.structure(
            tlv.ANONYMOUS, tlv.octets(tlv.context(1), request()), tlv.octets(tlv.context(2), csr_nonce)
        )
        return replace(answer, elements=own)


class _Relay(_Altered):
    """Has a session with the commissioner, and fetches its attestation from a genuine device over another."""

    def __init__(self, device: Commissionee, genuine: Commissionee, random: Random) -> None:
        super().__init__(device)
        self._genuine = genuine
        self._random = random

    def attestation_request(self, attestation_nonce: bytes) -> SignedElements:
        establish(self._genuine, PASSCODE, self._random)
        return self._genuine.attestation_request(attestation_nonce)


def _on_the_wire(judge: _Judge, app: Commissionee, genuine: Trial) -> Iterator[Trial]:
    yield judge.trial(
        "wrong-passcode", "the commissioner was told another passcode", app, passcode=PASSCODE + 1
    )
    evidence = genuine.outcome.evidence
    if evidence is not None:
        recorded = _Recorded(app, SignedElements(evidence.elements, evidence.signature))
        yield judge.trial("replayed", "the answer of the session before", recorded)
    meddler = _Meddler(app, attestation=True)
    yield judge.trial("altered", "one byte of the attestation elements, changed on the way", meddler)
    meddler = _Meddler(app, attestation=False)
    yield judge.trial("swapped-csr", "a forger's CSR in place of the device's", meddler)


def _rewritten(judge: _Judge, floor: FactoryFloor, pki: PkiServer) -> Iterator[Trial]:
    """The genuine device with something else in its factory data, written by whoever has a programmer."""
    genuine = floor.read()
    point = genuine.values[_Tag.DEVICE_ATTESTATION_PUB_KEY]
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    foreign = PkiServer.development(seed=_FORGERS_SEED)
    pai = next(iter(foreign.pais.values()))
    other_key = derive_key(_FORGERS_SEED, "another device").public_key()
    own_pai = next(pai for pai in pki.pais.values() if pai.product_id == TEST_PRODUCT.product_id)
    cases: Sequence[tuple[str, str, dict[FactoryDataTag, bytes]]] = (
        (
            "another-product",
            f"the device says that it is product 0x{OTHER_PRODUCT.product_id:04X}",
            {_Tag.PRODUCT_ID: number_value(_Tag.PRODUCT_ID, OTHER_PRODUCT.product_id)},
        ),
        (
            "own-declaration",
            "a certification declaration that the forger signed",
            {
                _Tag.CERTIFICATION_DECLARATION: DeclarationSigner.from_seed(_FORGERS_SEED).sign(
                    Declaration.of(TEST_PRODUCT)
                )
            },
        ),
        (
            "own-authority",
            "DAC and PAI from an authority of the forger's own",
            {
                _Tag.DEVICE_ATTESTATION_CERTIFICATE: make_dac(pai, key, "Forger's DAC", TEST_PRODUCT),
                _Tag.PAI_CERTIFICATE: pai.der,
            },
        ),
        (
            "another-dac",
            "the DAC of another device",
            {
                _Tag.DEVICE_ATTESTATION_CERTIFICATE: make_dac(
                    own_pai, other_key, "Another device's DAC", TEST_PRODUCT
                )
            },
        ),
    )
    for name, text, changes in cases:
        floor.write(genuine.with_values(changes))
        yield judge.trial(name, text, floor.application())
    floor.write(genuine.without([_Tag.PAI_CERTIFICATE]))
    yield judge.trial("no-pai", "no PAI in flash", floor.application())
    floor.write(genuine)


def _copies(judge: _Judge, floor: FactoryFloor, copied: FactoryData, seed: int) -> Iterator[Trial]:
    """Another device of the same make, with the genuine one's factory data in its flash."""
    in_flash = floor.platform.key_place is DacKeyPlace.FLASH
    with FactoryFloor(floor.platform, floor.pki, seed=seed + 1) as copy:
        copy.write(copied)
        yield judge.trial(
            "copied-flash",
            "another device with a copy of the factory data",
            copy.application(),
            wanted=in_flash,
            warning="NOT SECURE: the DAC private key was in flash, and went with the copy"
            if in_flash
            else "",
        )
        # A device that was provisioned has a key of its own; then the copy goes over its certificates.
        copy.write(copied.without(CREDENTIALS))
        copy.provision()
        own = copy.read().get(_Tag.DEVICE_ATTESTATION_PRIV_KEY)
        keeping = {} if own is None else {_Tag.DEVICE_ATTESTATION_PRIV_KEY: own}
        copy.write(copied.with_values(keeping))
        yield judge.trial(
            "copied-certificates", "another device, with a DAC key of its own", copy.application()
        )
        relay = _Relay(copy.application(), floor.application(), judge.random)
        yield judge.trial("relayed", "another device, which fetches the answer from the genuine one", relay)
