"""The token: header, claims, public key and signature as JSON (esp_attestation.c, esp_att_utils_json.c)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ...interface.esp_tee.attestation import (
    CLIENT_ID,
    ESP_ATT_HDR_JSON_MAX_SZ,
    ESP_ATT_PUBKEY_JSON_MAX_SZ,
    ESP_ATT_SIGN_JSON_MAX_SZ,
    ESP_ATT_TK_MAGIC_STR,
    ESP_ATT_TK_SIGN_ALG,
    PSA_CERT_REF_SIZE,
)
from ...interface.esp_tee.errors import EspErr
from ...interface.esp_tee.sec_storage import SECP256R1_KEY_LEN, KeyFlag, KeyType
from ...interface.esp_tee.tee_sec_storage import tee_ecdsa_get_pubkey, tee_ecdsa_sign, tee_gen_key
from ...interface.psa.crypto import psa_hash_compute
from ...interface.psa.crypto_values import PSA_ALG_SHA_256
from ...interface.psa.status import PSA_SUCCESS
from ...spm.partition_api import PartitionApi
from .config import EspTeeAttestationConfig, TokenForm
from .failure import AttFailure
from .heap import Heap
from .json_text import JsonObject
from .measured_images import MeasuredImages
from .software_claims import SoftwareClaim, SoftwareClaims

DEVICE_STATUS: Final = 0xA5
DEVICE_STATUS_OF_THE_DOCUMENT: Final = 0xFF
_HASH_SIZE: Final = 32
_CLAIM_ENTRY_SIZE: Final = 120
"""``esp_att_sw_claim_list_t`` on a chip of 32 bits."""
_CLAIM_JSON_SIZE: Final = 448
_HEX_COORDINATE: Final = 2 * SECP256R1_KEY_LEN + 1


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller brings: nonce, client id and reference, or a challenge. ``cert_ref`` is without NUL.

    ``challenge`` reads it where it lies, at the time when it is written down.
    """

    nonce: int = 0
    client_id: int = CLIENT_ID
    cert_ref: bytes = b""
    challenge: Callable[[], bytes] = bytes


class Token:
    """A token in the making: `collect` first, for it may fail; then `pieces`."""

    def __init__(self, psa: PartitionApi, config: EspTeeAttestationConfig) -> None:
        self._psa = psa
        self._config = config
        self._form = config.esp_tee.form
        self._heap = Heap(config.esp_tee.free_heap)
        self._claims: list[SoftwareClaim] = []
        self._point = b""

    def collect(self) -> None:
        """Software claims, then the key. Raises AttFailure.

        ESP-TEE populate_sw_claim_data: boot loader, application, TEE; the last one comes first in the token.
        """
        claims = SoftwareClaims(MeasuredImages(self._psa), self._config)
        for read in (claims.boot_loader, claims.app, claims.tee):
            claim = read()
            self._heap.alloc(_CLAIM_ENTRY_SIZE)
            self._claims.insert(0, claim)
        self._point = self._key_pair()

    def _key_pair(self) -> bytes:
        """X and Y. ESP-TEE gen_ecdsa_keypair_secp256r1: made on first use, and never the REE's."""
        name, curve = self._config.esp_tee.key_name, KeyType.ECDSA_SECP256R1
        error = tee_gen_key(self._psa, name, curve, KeyFlag.TEE_ONLY)
        if error not in (EspErr.ESP_OK, EspErr.ESP_ERR_INVALID_STATE):
            raise AttFailure(error)
        error, point = tee_ecdsa_get_pubkey(self._psa, name, curve)
        if error != EspErr.ESP_OK:
            raise AttFailure(error)
        return point

    def pieces(self, request: Request) -> Iterator[bytes]:
        """The JSON without NUL, as far as it is written before the next part is made. Raises AttFailure.

        ESP-TEE esp_att_generate_token: what is hashed are the three objects as they stand in the token, one
        behind the other, and nothing between them.
        """
        yield b"{"
        with self._heap.holding(ESP_ATT_HDR_JSON_MAX_SZ):
            header = self._header().text()
        yield b'"header":' + header
        # ESP-TEE json_gen_add_to_str: claims that pass their buffer are cut, and hashed with what lies behind
        # it on the heap: zeros here.
        whole = self._eat(request)
        eat = whole[: self._form.eat_size - 1]
        yield b',"eat":' + eat
        with self._heap.holding(ESP_ATT_PUBKEY_JSON_MAX_SZ + _HEX_COORDINATE + 2):
            public_key = JsonObject().string("compressed", self._compressed()).text()
        yield b',"public_key":' + public_key
        digest = self._sha256(header + eat.ljust(len(whole), b"\0") + public_key)
        with self._heap.holding(ESP_ATT_SIGN_JSON_MAX_SZ + 2 * _HEX_COORDINATE):
            sign = self._sign(digest).text()
        yield b',"sign":' + sign + b"}"

    def _header(self) -> JsonObject:
        header = JsonObject().string("magic", ESP_ATT_TK_MAGIC_STR).string("encr_alg", "")
        header.string("sign_alg", ESP_ATT_TK_SIGN_ALG)
        if self._form.slots:
            return header.integer("key_id", self._config.esp_tee.key_slot)
        return header.string("key_id", self._config.esp_tee.key_id)

    def _eat(self, request: Request) -> bytes:
        """ESP-TEE esp_att_utils_eat_data_to_json, of the form's time."""
        hal = self._psa.hal
        mac = hal.esp_efuse_mac_get_default()
        with self._heap.holding(self._form.eat_size):
            eat = JsonObject()
            if self._form.with_challenge:
                eat.hex("auth_challenge", request.challenge())
            else:
                eat.integer("nonce", request.nonce)
            eat.integer("client_id", request.client_id)
            with_ueids = self._form is TokenForm.CHALLENGE
            if with_ueids:
                eat.integer("chip_id", hal.esp_rom_chip_id())
            eat.integer("device_ver", hal.efuse_hal_chip_revision())
            if with_ueids:
                optional_id = hal.esp_efuse_optional_unique_id()
                eat.member("ueid", JsonObject().hex("mac", mac).hex("optional_id", optional_id))
            eat.hex("device_id", self._sha256(mac)).hex("instance_id", self._sha256(self._point))
            eat.string("psa_cert_ref", self._cert_ref(request))
            eat.integer("device_status", self._device_status())
            return eat.member("sw_claims", self._sw_claims()).text()

    def _sw_claims(self) -> JsonObject:
        claims = JsonObject()
        for claim in self._claims:
            with self._heap.holding(_CLAIM_JSON_SIZE):
                claims.member(claim.type.name.lower(), claim.json())
        return claims

    def _cert_ref(self, request: Request) -> bytes:
        """ESP-TEE esp_att_token_cfg_t: behind 32 bytes without a NUL lies the device status, then padding."""
        runs_on = len(request.cert_ref) == PSA_CERT_REF_SIZE
        return request.cert_ref + bytes([self._device_status()]) * runs_on

    def _device_status(self) -> int:
        return DEVICE_STATUS_OF_THE_DOCUMENT if self._form is TokenForm.DOCUMENT else DEVICE_STATUS

    def _compressed(self) -> str:
        """SEC 1 compressed: 02 or 03 by the parity of Y, and X."""
        return f"{2 + (self._point[-1] & 1):02x}{self._point[:SECP256R1_KEY_LEN].hex()}"

    def _sign(self, digest: bytes) -> JsonObject:
        name, curve = self._config.esp_tee.key_name, KeyType.ECDSA_SECP256R1
        error, signature = tee_ecdsa_sign(self._psa, name, curve, digest)
        if error != EspErr.ESP_OK:
            raise AttFailure(error)
        r, s = signature[:SECP256R1_KEY_LEN], signature[SECP256R1_KEY_LEN:]
        return JsonObject().hex("r", r).hex("s", s)

    def _sha256(self, data: bytes) -> bytes:
        status, digest = psa_hash_compute(self._psa, PSA_ALG_SHA_256, data, _HASH_SIZE)
        if status != PSA_SUCCESS:
            raise AttFailure(EspErr.ESP_FAIL)
        return digest
