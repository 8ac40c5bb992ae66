"""Random calls on a multi-part AEAD operation against a small model of the rules (PSA Crypto 1.2, 10.5.3)."""

from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.aead_client import AeadCalls, aead_key
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto import psa_aead_encrypt
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_SUCCESS,
)

GCM, CCM, CHAPOLY = v.PSA_ALG_GCM, v.PSA_ALG_CCM, v.PSA_ALG_CHACHA20_POLY1305
KEY_TYPE = {GCM: v.PSA_KEY_TYPE_AES, CCM: v.PSA_KEY_TYPE_AES, CHAPOLY: v.PSA_KEY_TYPE_CHACHA20}
NONCES = {GCM: range(1, 17), CCM: range(7, 14), CHAPOLY: range(12, 13)}
WHOLE = {GCM: AESGCM, CCM: AESCCM, CHAPOLY: ChaCha20Poly1305}
GENERATED = {GCM: 12, CCM: 13, CHAPOLY: 12}
MATERIAL = bytes(range(32))
LENGTHS = st.integers(0, 20)
DEVICE = start_partitions()
KEYS = {alg: aead_key(DEVICE.ns, KEY_TYPE[alg], alg, MATERIAL) for alg in KEY_TYPE}


ARGUMENTS: dict[str, list[st.SearchStrategy[Any]]] = {
    "setup": [st.sampled_from(list(KEY_TYPE)), st.booleans()],
    "set_lengths": [LENGTHS, LENGTHS],
    "set_nonce": [st.binary(max_size=16)],
    "generate_nonce": [st.sampled_from([11, 12, 13, 32])],
    "update_ad": [st.binary(max_size=20)],
    "update": [st.binary(max_size=20), st.integers(0, 1)],
    "finish": [st.sampled_from([15, 16, 17, 40])],
    "verify": [st.booleans(), st.sampled_from([0, 15, 16])],
    "abort": [],
    "another_client": [],
}
LAST_SENSIBLE: dict[str, object] = {
    "set_nonce": bytes(range(12)),
    "generate_nonce": 32,
    "update": 0,
    "finish": 16,
    "verify": 16,
}


class AeadOperationMachine(RuleBasedStateMachine):
    """``stage`` is inactive, error, or active; the rest is what an active operation has been given."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = AeadCalls(DEVICE.ns)
        self.stage = "inactive"
        self.lengths: tuple[int, int] | None = None
        self.nonce: bytes | None = None

    def teardown(self) -> None:
        self.calls.abort()

    def judge(self, status: int, refusals: dict[int, bool]) -> bool:
        """Whether the call succeeded; otherwise its status is the first that applies."""
        if self.stage != "active":
            expected: int = PSA_ERROR_BAD_STATE
        else:
            expected = next((code for code, applies in refusals.items() if applies), PSA_SUCCESS)
            self.stage = "active" if expected == PSA_SUCCESS else "error"
        assert status == expected
        return expected == PSA_SUCCESS

    @rule(source=st.data(), is_wild=st.sampled_from([False] * 7 + [True]))
    def call(self, source: st.DataObject, is_wild: bool) -> None:
        """One call: mostly one that leads on, with parameters that fit, now and then anything."""
        call = source.draw(st.sampled_from(list(ARGUMENTS) if is_wild else self.next_calls()))
        arguments = [source.draw(strategy) for strategy in ARGUMENTS[call]]
        if call in ("update_ad", "update") and not is_wild and self.lengths is not None:
            done, total = (self.ad, self.lengths[0]) if call == "update_ad" else (self.fed, self.lengths[1])
            arguments[0] = bytes(min(len(arguments[0]), total - len(done)))
        if call in LAST_SENSIBLE and not is_wild:
            arguments[-1] = LAST_SENSIBLE[call]
        getattr(self, call)(*arguments)

    def next_calls(self) -> list[str]:
        """What a client would do next; the end of a message, as soon as it can be, is the likeliest."""
        if self.stage != "active":
            return ["setup" if self.stage == "inactive" else "abort"]
        if self.nonce is None:
            first = ["set_lengths"] if self.lengths is None else []
            nonce = ["set_nonce", "generate_nonce"] if self.is_encrypt else ["set_nonce"]
            return first if self.alg == CCM and first else first + nonce
        ad_left = self.lengths is not None and len(self.ad) < self.lengths[0]
        body_left = self.lengths is not None and len(self.fed) < self.lengths[1]
        if ad_left or body_left:
            return ["update_ad"] if ad_left else ["update"]
        end = "finish" if self.is_encrypt else "verify"
        return [end, end, "update"] if self.in_body else [end, "update_ad", "update"]

    def setup(self, alg: int, is_encrypt: bool) -> None:
        status = self.calls.setup(KEYS[alg], alg, is_encrypt=is_encrypt)
        # TF-M: a handle that is in use is a bad state, and the operation behind it goes on.
        assert status == (PSA_SUCCESS if self.stage == "inactive" else PSA_ERROR_BAD_STATE)
        if status == PSA_SUCCESS:
            self.stage, self.alg, self.is_encrypt = "active", alg, is_encrypt
            self.lengths = self.nonce = None
            self.ad = self.fed = self.output = b""
            self.in_body = False

    def set_lengths(self, ad: int, body: int) -> None:
        active = self.stage == "active"
        refused = active and (self.lengths is not None or self.nonce is not None)
        if self.judge(self.calls.set_lengths(ad, body), {PSA_ERROR_BAD_STATE: refused}):
            self.lengths = ad, body

    def set_nonce(self, data: bytes) -> None:
        refusals: dict[int, bool] = {}
        if self.stage == "active":
            lacking = self.alg == CCM and self.lengths is None
            refusals = {
                PSA_ERROR_BAD_STATE: self.nonce is not None or lacking,
                PSA_ERROR_INVALID_ARGUMENT: len(data) not in NONCES[self.alg],
            }
        if self.judge(self.calls.set_nonce(data), refusals):
            self.nonce = data

    def generate_nonce(self, room: int) -> None:
        refusals: dict[int, bool] = {}
        if self.stage == "active":
            lacking = self.alg == CCM and self.lengths is None
            refusals = {
                PSA_ERROR_BAD_STATE: self.nonce is not None or lacking or not self.is_encrypt,
                PSA_ERROR_BUFFER_TOO_SMALL: room < GENERATED[self.alg],
            }
        status, nonce = self.calls.generate_nonce(room)
        if self.judge(status, refusals):
            assert len(nonce) == GENERATED[self.alg]
            self.nonce = nonce

    def update_ad(self, data: bytes) -> None:
        refusals: dict[int, bool] = {}
        if self.stage == "active":
            refusals = {
                PSA_ERROR_BAD_STATE: self.nonce is None or self.in_body,
                PSA_ERROR_INVALID_ARGUMENT: bool(self.lengths) and len(self.ad + data) > self.announced()[0],
            }
        if self.judge(self.calls.update_ad(data), refusals):
            self.ad += data

    def update(self, data: bytes, lack: int) -> None:
        refusals: dict[int, bool] = {}
        room = max(len(data) - lack, 0)
        if self.stage == "active":
            ad, body = self.announced()
            excess = len(self.ad) < ad or len(self.fed + data) > body
            refusals = {
                PSA_ERROR_BAD_STATE: self.nonce is None,
                PSA_ERROR_INVALID_ARGUMENT: bool(self.lengths) and excess,
                PSA_ERROR_BUFFER_TOO_SMALL: room < len(data),
            }
        status, output = self.calls.update(data, room)
        if self.judge(status, refusals):
            assert len(output) == len(data)
            self.in_body = True
            self.fed += data
            self.output += output

    def finish(self, room: int) -> None:
        refusals = self.unfinished(is_encrypt=True) | {PSA_ERROR_BUFFER_TOO_SMALL: room < 16}
        status, rest, tag = self.calls.finish(room)
        if self.judge(status, refusals):
            assert (rest, self.output + tag) == (b"", self.sealed(self.fed))
            self.stage = "inactive"

    def verify(self, is_right: bool, length: int) -> None:
        refusals = self.unfinished(is_encrypt=False)
        tag, refused = bytes(length), True
        if self.stage == "active" and not any(refusals.values()):
            sealed = self.sealed(self.output)
            assert sealed[:-16] == self.fed
            tag = sealed[-16:][:length] if is_right else bytes((sealed[-16] ^ 1, *sealed[-15:]))
            refused = not is_right or length != 16
        status, rest = self.calls.verify(tag)
        if self.judge(status, refusals | {PSA_ERROR_INVALID_SIGNATURE: refused}):
            assert rest == b""
            self.stage = "inactive"

    def abort(self) -> None:
        assert self.calls.abort() == PSA_SUCCESS
        self.stage = "inactive"

    def another_client(self) -> None:
        """A stranger with the same handle does not get at the operation, nor disturb it."""
        stranger = AeadCalls(DEVICE.ns2)
        stranger.operation.handle = self.calls.handle
        assert stranger.update_ad(b"x") == PSA_ERROR_BAD_STATE
        assert stranger.finish()[0] == PSA_ERROR_BAD_STATE
        assert (stranger.abort(), stranger.handle) == (PSA_SUCCESS, self.calls.handle)

    @invariant()
    def handle_follows_the_stage(self) -> None:
        assert (self.calls.handle == 0) is (self.stage == "inactive")

    def announced(self) -> tuple[int, int]:
        return self.lengths or (0, 0)

    def unfinished(self, *, is_encrypt: bool) -> dict[int, bool]:
        """Why finish or verify must be refused: no nonce, then less than announced, then the direction."""
        if self.stage != "active" or self.nonce is None:
            return {PSA_ERROR_BAD_STATE: True}
        short = self.lengths is not None and (len(self.ad), len(self.fed)) != self.lengths
        if short:
            return {PSA_ERROR_INVALID_ARGUMENT: True}
        return {PSA_ERROR_BAD_STATE: self.is_encrypt is not is_encrypt}

    def sealed(self, plaintext: bytes) -> bytes:
        """Ciphertext and tag by the library in one call; GCM with a short nonce has no such call there."""
        assert self.nonce is not None
        if self.alg == GCM and len(self.nonce) < 8:
            arguments = (KEYS[GCM], GCM, self.nonce, self.ad, plaintext, 4096)
            return psa_aead_encrypt(DEVICE.ns, *arguments)[1]
        return bytes(WHOLE[self.alg](MATERIAL).encrypt(self.nonce, plaintext, self.ad))


AeadOperationMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestAeadOperation = AeadOperationMachine.TestCase
