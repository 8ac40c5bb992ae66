"""Multi-part operations of two clients and three groups in one table, in any order, against a model."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.cipher_client import BOTH, symmetric_key
from support.operation_model import IV, KEY, KINDS, Event, ModelOperation, State
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import (
    psa_cipher_operation_t,
    psa_hash_operation_t,
    psa_mac_operation_t,
)
from tfm_sim.interface.psa.status import PSA_ERROR_BAD_STATE, PSA_SUCCESS
from tfm_sim.partitions.crypto.config import CryptoConfig

SLOTS = 3
OBJECTS = 4
SHA_256 = v.PSA_ALG_SHA_256
CBC, CTR = v.PSA_ALG_CBC_PKCS7, v.PSA_ALG_CTR
HMAC_20 = v.PSA_ALG_TRUNCATED_MAC(v.PSA_ALG_HMAC(v.PSA_ALG_SHA_512), 20)
SIGNS = v.PSA_KEY_USAGE_SIGN_MESSAGE | v.PSA_KEY_USAGE_VERIFY_MESSAGE
OBJECT = st.integers(0, OBJECTS - 1)
DATA = st.binary(max_size=40)
WEIGHTS = {
    "what fits": 12,
    "setup": 1,
    "set iv": 1,
    "set wrong iv": 1,
    "update": 4,
    "finish": 2,
    "finish badly": 1,
    "abort": 1,
    "clone": 2,
    "suspend": 1,
    "stranger": 1,
}
FITS = {
    State.INACTIVE: "setup",
    State.NEEDS_IV: "set iv",
    State.READY: "finish",
    State.ERROR: "abort",
}
ACTION = st.sampled_from([action for action, weight in WEIGHTS.items() for _ in range(weight)])
KIND_NAMES = ["hash", *sorted(KINDS)]
Operation = psa_hash_operation_t | psa_mac_operation_t | psa_cipher_operation_t


class Subject:
    """One object of a client, of any kind."""

    def __init__(self, client: PsaClient, keys: dict[str, int]) -> None:
        self.client = client
        self.keys = keys
        self.operation: Operation = psa_hash_operation_t()
        self.output = b""

    def setup(self, kind: str) -> int:
        fresh, client = self.operation.handle == 0, self.client
        if kind.startswith("hash"):
            operation: Operation = psa_hash_operation_t() if fresh else self.operation
        elif kind.startswith("mac"):
            operation = psa_mac_operation_t() if fresh else self.operation
        else:
            operation = psa_cipher_operation_t() if fresh else self.operation
        self.operation, self.output = operation, b"" if fresh else self.output
        if isinstance(operation, psa_hash_operation_t):
            return crypto.psa_hash_setup(client, operation, SHA_256)
        if isinstance(operation, psa_mac_operation_t):
            if kind == "mac_verify":
                return crypto.psa_mac_verify_setup(client, operation, self.keys["mac_verify"], HMAC_20)
            return crypto.psa_mac_sign_setup(client, operation, self.keys["mac_sign"], v.PSA_ALG_CMAC)
        if kind == "decrypt":
            return crypto.psa_cipher_decrypt_setup(client, operation, self.keys["decrypt"], CTR)
        return crypto.psa_cipher_encrypt_setup(client, operation, self.keys["encrypt"], CBC)

    def set_iv(self, iv: bytes) -> int:
        assert isinstance(self.operation, psa_cipher_operation_t)
        return crypto.psa_cipher_set_iv(self.client, self.operation, iv)

    def update(self, data: bytes) -> int:
        if isinstance(self.operation, psa_hash_operation_t):
            return crypto.psa_hash_update(self.client, self.operation, data)
        if isinstance(self.operation, psa_mac_operation_t):
            return crypto.psa_mac_update(self.client, self.operation, data)
        status, output = crypto.psa_cipher_update(self.client, self.operation, data, 64)
        self.output += output
        return status

    def finish(self, kind: str, reference: bytes, room: int) -> int:
        """With what a verification compares, or room for what a computation gives."""
        client, operation = self.client, self.operation
        if isinstance(operation, psa_hash_operation_t):
            if kind == "hash_verify":
                return crypto.psa_hash_verify(client, operation, reference)
            status, output = crypto.psa_hash_finish(client, operation, room)
        elif isinstance(operation, psa_mac_operation_t):
            if kind == "mac_verify":
                return crypto.psa_mac_verify_finish(client, operation, reference)
            status, output = crypto.psa_mac_sign_finish(client, operation, room)
        else:
            status, output = crypto.psa_cipher_finish(client, operation, room)
        self.output += output
        return status

    def abort(self) -> int:
        if isinstance(self.operation, psa_hash_operation_t):
            return crypto.psa_hash_abort(self.client, self.operation)
        if isinstance(self.operation, psa_mac_operation_t):
            return crypto.psa_mac_abort(self.client, self.operation)
        return crypto.psa_cipher_abort(self.client, self.operation)


def _make_keys(client: PsaClient) -> dict[str, int]:
    aes, hmac_type = v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_HMAC
    return {
        "mac_sign": symmetric_key(client, aes, v.PSA_ALG_CMAC, KEY, SIGNS),
        "mac_verify": symmetric_key(client, hmac_type, HMAC_20, KEY, SIGNS),
        "encrypt": symmetric_key(client, aes, CBC, KEY, BOTH),
        "decrypt": symmetric_key(client, aes, CTR, KEY, BOTH),
    }


class Operations(RuleBasedStateMachine):
    """Objects 0, 2, 4, ... are one client's, the others another's."""

    @initialize()
    def start(self) -> None:
        bench = start_partitions(crypto=CryptoConfig(concurrent_operations=SLOTS))
        self.clients = (bench.ns, bench.ns2)
        self.models = [ModelOperation() for _ in range(OBJECTS)]
        keys = [_make_keys(client) for client in self.clients]
        self.subjects = [Subject(self.clients[i % 2], keys[i % 2]) for i in range(OBJECTS)]

    @rule(i=OBJECT, action=ACTION, kind=st.sampled_from(KIND_NAMES), data=DATA)
    def step(self, i: int, action: str, kind: str, data: bytes) -> None:
        """One rule for all: of many rules Hypothesis leaves out most in any one run."""
        match FITS[self.models[i].state] if action == "what fits" else action:
            case "setup":
                self.setup(i, kind)
            case "set iv":
                self.set_iv(i, right=True)
            case "set wrong iv":
                self.set_iv(i, right=False)
            case "update":
                self.update(i, data)
            case "finish":
                self.finish(i)
            case "finish badly":
                self.finish_badly(i)
            case "abort":
                self.abort(i)
            case "clone":
                self.clone(i)
            case "suspend":
                self.suspend_and_resume(i)
            case "stranger":
                self.stranger(i, data)

    @property
    def slot_is_free(self) -> bool:
        return sum(model.state is not State.INACTIVE for model in self.models) < SLOTS

    def setup(self, i: int, kind: str) -> None:
        expected = self.models[i].setup(KINDS[kind], slot_is_free=self.slot_is_free)
        assert self.subjects[i].setup(kind) == expected

    def update(self, i: int, data: bytes) -> None:
        assert self.subjects[i].update(data) == self.models[i].event(Event.UPDATE, data)

    def set_iv(self, i: int, *, right: bool) -> None:
        if isinstance(self.subjects[i].operation, psa_cipher_operation_t):
            event = Event.SET_IV if right else Event.SET_WRONG_IV
            assert self.subjects[i].set_iv(IV if right else IV[:-1]) == self.models[i].event(event)

    def finish(self, i: int) -> None:
        model, subject = self.models[i], self.subjects[i]
        wanted = model.kind.result(model.data)
        status = model.event(Event.FINISH)
        assert subject.finish(model.kind.name, wanted, 64) == status
        if status == PSA_SUCCESS and "verify" not in model.kind.name:
            assert subject.output == wanted

    def finish_badly(self, i: int) -> None:
        model, subject = self.models[i], self.subjects[i]
        wrong = model.kind.result(model.data)[:-1]
        status = model.event(Event.FINISH_BADLY)
        assert subject.finish(model.kind.name, wrong, 0) == status

    def abort(self, i: int) -> None:
        assert self.subjects[i].abort() == self.models[i].event(Event.ABORT)

    def clone(self, i: int) -> None:
        j = (i + len(self.clients)) % OBJECTS
        source, target = self.subjects[i], self.subjects[j]
        both_hashes = all(isinstance(s.operation, psa_hash_operation_t) for s in (source, target))
        if both_hashes:
            assert isinstance(source.operation, psa_hash_operation_t)
            assert isinstance(target.operation, psa_hash_operation_t)
            expected = self.models[j].copy_of(self.models[i], slot_is_free=self.slot_is_free)
            assert crypto.psa_hash_clone(source.client, source.operation, target.operation) == expected
            if expected == PSA_SUCCESS:
                # From here on they differ.
                target.output = b""
                assert target.update(b"clone") == self.models[j].event(Event.UPDATE, b"clone")

    def suspend_and_resume(self, i: int) -> None:
        subject, model = self.subjects[i], self.models[i]
        if model.state is State.READY and isinstance(subject.operation, psa_hash_operation_t):
            status, state = crypto.psa_hash_suspend(subject.client, subject.operation, 256)
            assert (status, subject.operation.handle) == (PSA_SUCCESS, 0)
            assert crypto.psa_hash_resume(subject.client, subject.operation, state) == PSA_SUCCESS

    def stranger(self, i: int, data: bytes) -> None:
        """Another client, and another kind of the same client, find nothing behind a handle."""
        subject = self.subjects[i]
        handle = subject.operation.handle
        other = self.clients[(i + 1) % 2]
        is_hash = isinstance(subject.operation, psa_hash_operation_t)
        assert crypto.psa_hash_update(other, psa_hash_operation_t(handle), data) == PSA_ERROR_BAD_STATE
        assert crypto.psa_hash_abort(other, psa_hash_operation_t(handle)) == PSA_SUCCESS
        if is_hash:
            forged = psa_cipher_operation_t(handle)
            assert crypto.psa_cipher_finish(subject.client, forged, 16)[0] == PSA_ERROR_BAD_STATE
            assert crypto.psa_cipher_abort(subject.client, forged) == PSA_SUCCESS
        else:
            forged_hash = psa_hash_operation_t(handle)
            assert crypto.psa_hash_finish(subject.client, forged_hash, 32)[0] == PSA_ERROR_BAD_STATE

    @invariant()
    def handles_say_what_is_under_way(self) -> None:
        if hasattr(self, "models"):
            pairs = zip(self.models, self.subjects, strict=True)
            assert all((m.state is State.INACTIVE) == (s.operation.handle == 0) for m, s in pairs)


Operations.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestOperations = Operations.TestCase
