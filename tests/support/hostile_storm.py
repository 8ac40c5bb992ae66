"""A storm: one client attacks, another has keys, operations and assets that must come through unharmed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from support.asymmetric_keys import rsa_pair, rsa_public
from support.hostile_client import Attacker, Broken, HostileCall
from support.hostile_sessions import Sessions
from support.hostile_values import ALL, PAKES, SIGNATURES
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_aead_operation_t,
    psa_hash_operation_t,
    psa_mac_operation_t,
)
from tfm_sim.interface.psa.initial_attestation import psa_initial_attest_get_token
from tfm_sim.interface.psa.internal_trusted_storage import psa_its_get, psa_its_set
from tfm_sim.interface.psa.protected_storage import psa_ps_get, psa_ps_set
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import Function, pack_iovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE
from tfm_sim.partitions.crypto.rsa_key import RsaKeyPair
from tfm_sim.partitions.internal_trusted_storage.config import ItsBuild, ItsConfig, PsFiles
from tfm_sim.partitions.protected_storage.config import PsConfig

S256 = v.PSA_ALG_SHA_256
HS256, GCM = v.PSA_ALG_HMAC(S256), v.PSA_ALG_GCM
OPERATIONS: Final = 8
"""CRYPTO_CONC_OPER_NUM; the victim has three of them."""
KEY_SLOTS: Final = 32
"""MBEDTLS_PSA_KEY_SLOT_COUNT; the victim has two of them for good."""
EXPORT = v.PSA_KEY_USAGE_EXPORT


def must(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise Broken(f"{what}: found {found!r}, wanted {expected!r}")


@dataclass
class Victim:
    """A client with a bit of everything, and what it remembers of that."""

    client: PsaClient
    mark: bytes
    """16 bytes that all its secrets begin with, each followed by a digit of its own."""
    stores_protected: bool = True
    keys: list[int] = field(default_factory=list)
    hash: psa_hash_operation_t = field(default_factory=psa_hash_operation_t)
    mac: psa_mac_operation_t = field(default_factory=psa_mac_operation_t)
    aead: psa_aead_operation_t = field(default_factory=psa_aead_operation_t)

    def secret(self, number: int) -> bytes:
        return self.mark[:15] + bytes([number])

    @property
    def secrets(self) -> list[bytes]:
        return [self.secret(number) for number in range(5)]

    def settle(self) -> None:
        """Keys 0 volatile MAC, 1 volatile AES, persistent 1; three operations under way; assets of uid 1."""
        client = self.client
        asked = (
            KeyAttributes(v.PSA_KEY_TYPE_HMAC, usage=ALL, alg=HS256),
            KeyAttributes(v.PSA_KEY_TYPE_AES, usage=ALL, alg=GCM),
            KeyAttributes(v.PSA_KEY_TYPE_RAW_DATA, lifetime=1, usage=EXPORT, id=1),
        )
        for number, attributes in enumerate(asked):
            status, key = crypto.psa_import_key(client, attributes, self.secret(number))
            must(status, PSA_SUCCESS, "the victim's key")
            self.keys.append(key)
        must(psa_its_set(client, 1, self.secret(3), 0), PSA_SUCCESS, "the victim's asset")
        if self.stores_protected:
            must(psa_ps_set(client, 1, self.secret(4), 0), PSA_SUCCESS, "the victim's protected asset")
        self.start_operations()

    def start_operations(self) -> None:
        client = self.client
        must(crypto.psa_hash_setup(client, self.hash, S256), PSA_SUCCESS, "hash setup")
        must(crypto.psa_hash_update(client, self.hash, b"a"), PSA_SUCCESS, "hash update")
        must(crypto.psa_mac_sign_setup(client, self.mac, self.keys[0], HS256), PSA_SUCCESS, "MAC setup")
        must(crypto.psa_mac_update(client, self.mac, b"a"), PSA_SUCCESS, "MAC update")
        must(crypto.psa_aead_encrypt_setup(client, self.aead, self.keys[1], GCM), PSA_SUCCESS, "AEAD setup")
        must(crypto.psa_aead_set_nonce(client, self.aead, bytes(12)), PSA_SUCCESS, "AEAD nonce")

    def check_operations(self) -> None:
        """All three end as if nobody else were there."""
        client = self.client
        must(crypto.psa_hash_update(client, self.hash, b"bc"), PSA_SUCCESS, "hash goes on")
        must(
            crypto.psa_hash_finish(client, self.hash, 32),
            crypto.psa_hash_compute(client, S256, b"abc", 32),
            "hash",
        )
        must(crypto.psa_mac_update(client, self.mac, b"bc"), PSA_SUCCESS, "MAC goes on")
        expected = crypto.psa_mac_compute(client, self.keys[0], HS256, b"abc", 32)
        must(crypto.psa_mac_sign_finish(client, self.mac, 32), expected, "MAC")
        _, sealed = crypto.psa_aead_encrypt(client, self.keys[1], GCM, bytes(12), b"", b"abc", 19)
        must(crypto.psa_aead_update(client, self.aead, b"abc", 3), (PSA_SUCCESS, sealed[:3]), "AEAD goes on")
        found = crypto.psa_aead_finish(client, self.aead, 0, 16)
        must(found, (PSA_SUCCESS, b"", sealed[3:]), "AEAD")

    def check_nothing_volatile(self) -> None:
        """After a reset, the ids and handles of before lead nowhere, whoever tries them."""
        client = self.client
        for key in self.keys[:2]:
            must(crypto.psa_export_key(client, key, 64), (PSA_ERROR_INVALID_HANDLE, b""), "a key of before")
        hash_, mac, aead = replace(self.hash), replace(self.mac), replace(self.aead)
        must(crypto.psa_hash_update(client, hash_, b""), PSA_ERROR_BAD_STATE, "a hash of before")
        must(crypto.psa_mac_sign_finish(client, mac, 32), (PSA_ERROR_BAD_STATE, b""), "a MAC of before")
        must(crypto.psa_aead_update(client, aead, b"", 0)[0], PSA_ERROR_BAD_STATE, "an AEAD of before")

    def check_volatile(self) -> None:
        for number in (0, 1):
            found = crypto.psa_export_key(self.client, self.keys[number], 64)
            must(found, (PSA_SUCCESS, self.secret(number)), f"key {number}")

    def check_stored(self, *, slots_taken: bool = False) -> None:
        """``slots_taken``: the attacker may have all slots of keys and operations; PS wants one of each."""
        must(psa_its_get(self.client, 1, 0, 64), (PSA_SUCCESS, self.secret(3)), "asset")
        if slots_taken:
            return
        must(crypto.psa_export_key(self.client, 1, 64), (PSA_SUCCESS, self.secret(2)), "persistent key")
        if self.stores_protected:
            must(psa_ps_get(self.client, 1, 0, 64), (PSA_SUCCESS, self.secret(4)), "protected asset")


def provide(attacker: Attacker) -> None:
    """Keys that no random bytes make, in PSA's formats; what they are also lies ready to be sent again."""
    spake = v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
    pair, public = v.PSA_KEY_TYPE_RSA_KEY_PAIR, v.PSA_KEY_TYPE_RSA_PUBLIC_KEY
    tiny = RsaKeyPair.from_primes(0xFFFFFFFFFFFFFFC5, 0xFFFFFFFFFFFFFFA1, 65537).encode()
    blobs = [
        *(
            (pair, rsa_pair(bits), alg, v.PSA_ALG_RSA_OAEP(S256))
            for bits in (512, 768)
            for alg in SIGNATURES[8:11]
        ),
        (pair, tiny, v.PSA_ALG_RSA_PSS(v.PSA_ALG_ANY_HASH), v.PSA_ALG_RSA_PKCS1V15_CRYPT),
        (pair, tiny, v.PSA_ALG_RSA_PKCS1V15_SIGN(v.PSA_ALG_ANY_HASH), v.PSA_ALG_RSA_OAEP(S256)),
        (
            public,
            rsa_public(768),
            v.PSA_ALG_RSA_PSS_ANY_SALT(v.PSA_ALG_ANY_HASH),
            v.PSA_ALG_RSA_PKCS1V15_CRYPT,
        ),
        (spake, bytes(31) + b"\5" + bytes(31) + b"\7", PAKES[3], PAKES[4]),
    ]
    for key_type, data, alg, alg2 in blobs:
        attributes = KeyAttributes(key_type, usage=ALL, alg=alg, alg2=alg2)
        status, key = crypto.psa_import_key(attacker.client, attributes, data)
        if status == PSA_SUCCESS:
            attacker.keys.append((key, attributes))
        attacker.outputs.append(data)


def clear(attacker: Attacker, client_keys: range = range(0x40000000, 0x40000020)) -> None:
    """The attacker gives its operations and keys back: abort and destroy succeed whatever came before."""
    client = attacker.client
    aborts = [f for f in Function if f.name.endswith("_ABORT")]
    for handle in range(1, OPERATIONS + 1):
        for abort in aborts:
            call = HostileCall(TFM_CRYPTO_HANDLE, 0, (pack_iovec(abort, op_handle=handle),), (4,), abort)
            must(attacker.send(call).status, PSA_SUCCESS, f"{abort.name} of {handle}")
    for key in (*client_keys, *range(1, 6), 0x3FFFFFFF):
        crypto.psa_destroy_key(client, key)


def check_health(client: PsaClient, *, token: bool = True) -> None:
    """The services still work for this client."""
    digest = bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    must(crypto.psa_hash_compute(client, S256, b"abc", 32), (PSA_SUCCESS, digest), "hash")
    operation = psa_hash_operation_t()
    must(crypto.psa_hash_setup(client, operation, S256), PSA_SUCCESS, "hash setup")
    must(crypto.psa_hash_update(client, operation, b"abc"), PSA_SUCCESS, "hash update")
    must(crypto.psa_hash_finish(client, operation, 32), (PSA_SUCCESS, digest), "hash finish")
    attributes = KeyAttributes(v.PSA_KEY_TYPE_HMAC, usage=ALL, alg=HS256)
    status, key = crypto.psa_import_key(client, attributes, b"key")
    must(status, PSA_SUCCESS, "import")
    status, mac = crypto.psa_mac_compute(client, key, HS256, b"abc", 32)
    must((status, len(mac)), (PSA_SUCCESS, 32), "MAC")
    must(crypto.psa_mac_verify(client, key, HS256, b"abc", mac), PSA_SUCCESS, "MAC verification")
    must(crypto.psa_destroy_key(client, key), PSA_SUCCESS, "destroy")
    if token:
        status, data = psa_initial_attest_get_token(client, bytes(32), 1024)
        must((status, len(data) > 100), (PSA_SUCCESS, True), "token")


def check_room(attacker: Attacker, taken: int) -> None:
    """All slots of operations and keys are free again but the victim's: nothing leaked."""
    client = attacker.client
    operations = [psa_hash_operation_t() for _ in range(OPERATIONS - taken + 1)]
    statuses = [crypto.psa_hash_setup(client, operation, S256) for operation in operations]
    must(statuses, [PSA_SUCCESS] * (OPERATIONS - taken) + [PSA_ERROR_NOT_PERMITTED], "free operations")
    for operation in operations:
        crypto.psa_hash_abort(client, operation)
    raw = KeyAttributes(v.PSA_KEY_TYPE_RAW_DATA)
    made = [crypto.psa_import_key(client, raw, b"1") for _ in range(KEY_SLOTS - 2)]
    must({status for status, _ in made}, {PSA_SUCCESS}, "free key slots")
    for _, key in made:
        must(crypto.psa_destroy_key(client, key), PSA_SUCCESS, "destroy")


def attack(attacker: Attacker, calls: int) -> None:
    """So many calls: sessions that nearly go well, and requests out of nowhere."""
    sessions = Sessions(attacker, altered_percent=attacker.pick([3, 10, 30]))
    for _ in range(calls):
        if attacker.chance(60):
            sessions.step()
        else:
            attacker.act()


@dataclass
class Storm:
    """An attacker and a victim on one device, which ``stop`` ends."""

    attacker: Attacker
    victim: Victim
    stop: Callable[[], None]

    def run(self, calls: int) -> None:
        """An attack, then all the checks; raises Broken, DevicePanic."""
        attacker, victim = self.attacker, self.victim
        victim.settle()
        provide(attacker)
        attack(attacker, calls)
        victim.check_volatile()
        victim.check_stored(slots_taken=True)
        clear(attacker)
        check_room(attacker, taken=3)
        victim.check_operations()
        check_health(attacker.client)
        victim.check_volatile()
        victim.check_stored()

    def go_on_after_reset(self, attacker: PsaClient, victim: PsaClient, calls: int) -> None:
        """The same two on the device that has been reset, with all they remember.

        What the victim stored is there, its operations and volatile keys are gone; the attacker still tries
        the ids and handles of before.
        """
        self.attacker.client = self.victim.client = attacker
        self.victim.check_nothing_volatile()
        self.victim.client = victim
        self.victim.check_nothing_volatile()
        attack(self.attacker, calls)
        self.victim.check_stored(slots_taken=True)
        clear(self.attacker)
        check_room(self.attacker, taken=0)
        check_health(attacker)
        self.victim.check_stored()


def new_storm(seed: int) -> Storm:
    """The standard build with protected storage; all that is drawn follows from ``seed``."""
    ps = PsConfig()
    its = ItsBuild(ItsConfig(), PsFiles(ps.max_object_size, ps.max_num_objects))
    device = start_partitions(ps=ps, its=its, seed=seed)
    return storm_between(device.ns, device.ns2, seed, [device.hal.tfm_plat_get_huk()], device.kernel.stop)


def storm_between(
    attacker: PsaClient, victim: PsaClient, seed: int, secrets: list[bytes], stop: Callable[[], None]
) -> Storm:
    """``secrets`` are those of the device; the victim's come with them."""
    random = Random(seed)
    owner = Victim(victim, random.randbytes(16))
    return Storm(Attacker(attacker, random, [*owner.secrets, *secrets]), owner, stop)
