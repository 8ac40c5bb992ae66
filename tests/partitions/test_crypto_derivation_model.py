"""Random calls on a key derivation beside a small model of PSA Crypto 1.2 section 10.6."""

import hashlib
import hmac
from itertools import count
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from support.derivation_bench import Derivation, import_key
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INSUFFICIENT_DATA,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_SUCCESS,
)

HKDF = v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)
PRF = v.PSA_ALG_TLS12_PRF(v.PSA_ALG_SHA_256)
PSK_TO_MS = v.PSA_ALG_TLS12_PSK_TO_MS(v.PSA_ALG_SHA_256)
PBKDF2 = v.PSA_ALG_PBKDF2_HMAC(v.PSA_ALG_SHA_256)
KBKDF = v.PSA_ALG_SP800_108_COUNTER_HMAC(v.PSA_ALG_SHA_256)

STEPS = {
    "a": v.PSA_KEY_DERIVATION_INPUT_SALT,
    "s": v.PSA_KEY_DERIVATION_INPUT_SECRET,
    "i": v.PSA_KEY_DERIVATION_INPUT_INFO,
    "d": v.PSA_KEY_DERIVATION_INPUT_SEED,
    "l": v.PSA_KEY_DERIVATION_INPUT_LABEL,
    "x": v.PSA_KEY_DERIVATION_INPUT_CONTEXT,
    "o": v.PSA_KEY_DERIVATION_INPUT_OTHER_SECRET,
    "c": v.PSA_KEY_DERIVATION_INPUT_COST,
    "p": v.PSA_KEY_DERIVATION_INPUT_PASSWORD,
}
WORDS = {
    HKDF: ["si", "is", "asi", "ais", "ias"],
    PRF: ["dsl"],
    PSK_TO_MS: ["dsl", "dosl"],
    PBKDF2: ["c" + "a" * salts + "p" for salts in range(1, 60)],
    KBKDF: ["s", "sl", "sx", "slx"],
}
"""Every order in which an algorithm may get all its inputs, a letter each."""
CAPACITY = {HKDF: 255 * 32, PRF: 2**32 - 1, PSK_TO_MS: 48, PBKDF2: 2**32 - 1, KBKDF: 2**29 - 1}
READ_LIMIT = 400


def digest(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def output(alg: int, given: dict[str, bytes], capacity: int) -> bytes:
    """The first bytes of the output, more than a run can read."""
    value = {letter: given.get(letter, b"") for letter in "asidlxop"}
    blocks, block = b"", b""
    if alg == PBKDF2:
        cost = int.from_bytes(given["c"], "big")
        return hashlib.pbkdf2_hmac("sha256", value["p"], value["a"], cost, 100 * READ_LIMIT)
    secret = value["s"]
    if alg == PSK_TO_MS:
        other = given.get("o", bytes(len(secret)))
        secret = len(other).to_bytes(2, "big") + other + len(secret).to_bytes(2, "big") + secret
    seed = block = value["l"] + value["d"]
    if alg == HKDF:
        secret, block = digest(value["a"], secret), b""
    for number in count(1):
        if len(blocks) > 100 * READ_LIMIT or number > 255:
            return blocks
        if alg == HKDF:
            block = digest(secret, block + value["i"] + bytes([number]))
            blocks += block
        elif alg == KBKDF:
            length = (8 * capacity).to_bytes(4, "big")
            blocks += digest(secret, number.to_bytes(4, "big") + value["l"] + b"\0" + value["x"] + length)
        else:
            block = digest(secret, block)
            blocks += digest(secret, block + seed)
    raise AssertionError


class DerivationModel(RuleBasedStateMachine):
    """``state`` is inactive, active or error."""

    @initialize()
    def power_on(self) -> None:
        self.client = start_partitions().ns
        self.real = Derivation(self.client)
        self.forget("inactive")

    def forget(self, state: str) -> None:
        self.state = state
        self.alg = 0
        self.word = ""
        self.given: dict[str, bytes] = {}
        self.capacity = 0
        self.stream: bytes | None = None
        self.over = False
        self.may_read = True

    def failed(self, status: int) -> int:
        self.forget("error")
        return status

    @rule(alg=st.sampled_from(list(WORDS)))
    def setup(self, alg: int) -> None:
        expected = PSA_SUCCESS if self.state == "inactive" else PSA_ERROR_BAD_STATE
        assert self.real.setup(alg) == expected
        if expected == PSA_SUCCESS:
            self.forget("active")
            self.alg, self.capacity = alg, CAPACITY[alg]

    @rule()
    def abort(self) -> None:
        assert self.real.abort() == PSA_SUCCESS
        self.forget("inactive")

    def expect_input(self, letter: str, data: bytes) -> int:
        if self.state != "active":
            return PSA_ERROR_BAD_STATE
        words = WORDS[self.alg]
        if letter not in "".join(words):
            return self.failed(PSA_ERROR_INVALID_ARGUMENT)
        word = self.word + letter
        if self.stream is not None or self.over or not any(known.startswith(word) for known in words):
            return self.failed(PSA_ERROR_BAD_STATE)
        self.word = word
        self.given[letter] = self.given.get(letter, b"") + data
        return PSA_SUCCESS

    def give(self, letter: str, data: bytes) -> None:
        if letter == "c":
            expected = self.expect_input(letter, len(data).to_bytes(1, "big"))
            assert self.real.give(STEPS[letter], len(data)) == expected
        else:
            expected = self.expect_input(letter, data)
            assert self.real.give(STEPS[letter], data) == expected

    @rule(letter=st.sampled_from(sorted(STEPS)), data=st.binary(min_size=1, max_size=9))
    def any_input(self, letter: str, data: bytes) -> None:
        self.give(letter, data.replace(b"\0", b"1"))

    @precondition(lambda self: self.state == "active")
    @rule(choice=st.randoms(use_true_random=False), data=st.binary(min_size=1, max_size=9))
    def fitting_input(self, choice: Random, data: bytes) -> None:
        """What the words allow, so that runs get to the output."""
        following = sorted({word[len(self.word)] for word in WORDS[self.alg] if self.fits(word)})
        if following:
            self.give(choice.choice(following), data.replace(b"\0", b"1"))

    def fits(self, word: str) -> bool:
        return word.startswith(self.word) and len(word) > len(self.word)

    @precondition(lambda self: self.state == "active")
    @rule(usage=st.sampled_from([v.PSA_KEY_USAGE_DERIVE, v.PSA_KEY_USAGE_VERIFY_DERIVATION]))
    def secret_by_key(self, usage: int) -> None:
        letter = "p" if self.alg == PBKDF2 else "s"
        key = import_key(self.client, v.PSA_KEY_TYPE_DERIVE, b"key", usage=usage, alg=self.alg)
        expected = self.expect_input(letter, b"key")
        assert self.real.give_key(STEPS[letter], key) == expected
        if expected == PSA_SUCCESS and usage != v.PSA_KEY_USAGE_DERIVE:
            self.may_read = False

    @rule(capacity=st.one_of(st.integers(0, 100), st.integers(0, 2**32 - 1)))
    def set_capacity(self, capacity: int) -> None:
        expected: int = PSA_SUCCESS
        if self.state != "active":
            expected = PSA_ERROR_BAD_STATE
        elif capacity > self.capacity:
            expected = PSA_ERROR_INVALID_ARGUMENT
        elif self.alg == KBKDF and (self.stream is not None or self.over):
            expected = self.failed(PSA_ERROR_BAD_STATE)
        else:
            self.capacity = capacity
        assert self.real.set_capacity(capacity) == expected

    @rule()
    def get_capacity(self) -> None:
        active = self.state == "active"
        expected = (PSA_SUCCESS, self.capacity) if active else (PSA_ERROR_BAD_STATE, 0)
        assert self.real.capacity() == expected

    def expect_output(self, size: int) -> tuple[int, bytes]:
        if self.state != "active":
            return PSA_ERROR_BAD_STATE, b""
        if size > self.capacity or self.capacity == 0:
            self.capacity, self.over, self.stream = 0, True, None
            return PSA_ERROR_INSUFFICIENT_DATA, b""
        if self.stream is None:
            if self.word not in WORDS[self.alg]:
                return self.failed(PSA_ERROR_BAD_STATE), b""
            self.stream = output(self.alg, self.given, self.capacity)
        self.capacity -= size
        data, self.stream = self.stream[:size], self.stream[size:]
        return PSA_SUCCESS, data

    @rule(size=st.integers(0, READ_LIMIT))
    def read(self, size: int) -> None:
        if self.state == "active" and not self.may_read:
            expected = self.failed(PSA_ERROR_NOT_PERMITTED), b""
        else:
            expected = self.expect_output(size)
        assert self.real.read(size) == expected

    @rule(size=st.integers(0, 40), changed=st.booleans())
    def verify(self, size: int, changed: bool) -> None:
        expected, data = self.expect_output(size)
        if expected != PSA_SUCCESS:
            data = bytes(size)
        elif changed and size:
            data = bytes([data[0] ^ 1]) + data[1:]
            expected = self.failed(PSA_ERROR_INVALID_SIGNATURE)
        assert self.real.verify(data) == expected


DerivationModel.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestDerivationModel = DerivationModel.TestCase
