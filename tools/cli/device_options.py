"""The options by which `run`, `boot`, `attest` and `trace` say which device they mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from ...bootloader.config import Bl2Config, KeyMode
from ...bootloader.keys import load_public_key, public_key_encoding
from ...device import Device
from ...firmware_build import (
    MEASURED_TOKEN_SIZE,
    Build,
    bl1_config_for,
    bl2_config_for,
    its_config_for,
    ps_config_for,
    with_boot_status,
    with_delegated_attestation,
)
from ...firmware_profiles import PROFILES as TFM_PROFILES
from ...firmware_profiles import find_profile
from ...interface.mcuboot.trailer import TrailerError, mark_pending
from ...interface.psa.crypto_values import PSA_ALG_IS_HMAC
from ...interface.tfm.boot_status import BootStatusEra
from ...interface.trace import Listener
from ...partitions.firmware_update.config import FwuConfig
from ...partitions.initial_attestation.config import AttestationConfig, SignatureOf2019, TokenVariant
from ...partitions.measured_boot.config import MeasuredBootConfig
from ...platform.board import Board, SlotName
from ...platform.otp import OtpField
from ...platform.power import Cut, CutError
from ...platform.provisioning import load_provisioning
from ...platform.provisioning_bundle import Bundles
from ...platform.provisioning_stages import is_required
from ..demo_firmware import flash_demo_firmware, primary_slots_blank
from .loader_options import DEFAULT_SIGNATURE_TYPE, LOADER_OPTIONS, SIGNATURE_TYPES, LoaderOptions, board_of
from .output import FILE_NAME, MAX_IMAGE, read_file

PROVISIONED: Final = "--bundles: nobody looks at them, for this device is provisioned already"
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """One value an option; files as their names."""

    board: str | None
    state: str | None
    provisioning: str | None
    bl2_image: str | None
    bundles: tuple[str, str] | None
    secure_image: str | None
    ns_image: str | None
    secure_update: str | None
    ns_update: str | None
    signature_type: str
    boot_keys: tuple[str, ...]
    loader: LoaderOptions
    tfm_profile: str | None
    profile: str
    optional_claims: bool
    kid: bool
    signature_2019: str
    attest_test_code: bool
    isolation: str
    seed: int
    measured_boot: bool
    delegated_attestation: bool
    firmware_update: bool
    boot_status: str | None
    cuts: tuple[Cut, ...]


class CutOption(click.ParamType[Cut]):
    """Where to cut the power: a number, and what that operation has done by then."""

    name = "cut"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Cut:
        try:
            return value if isinstance(value, Cut) else Cut.parse(str(value))
        except CutError as error:
            self.fail(str(error), param, ctx)


def _name(option: str, metavar: str, text: str, default: str | None = None) -> Callable[[Command], Command]:
    return click.option(
        option, type=FILE_NAME, metavar=metavar, help=text, default=default, show_default=default is not None
    )


_OPTIONS = (
    _name(
        "--board",
        "BOARD",
        "A packaged board (`tfm-sim board list`), or a YAML file; by default the one that --state is of, for "
        "a new device an521, for images that run from RAM an521_ram_load.",
    ),
    _name("--state", "DIR", "Keep flash, OTP and counters in DIR between runs."),
    _name("--provisioning", "FILE", "Keys and identities as YAML, not TF-M's dummies."),
    _name("--bl2-image", "FILE", "BL2 as BL1 checks it (`image bl2`), for a board with BL1."),
    click.option(
        "--bundles",
        type=FILE_NAME,
        nargs=2,
        metavar="ASSEMBLY PSA_ROT",
        help="What a factory leaves in a virgin device (`provisioning bundles`).",
    ),
    _name("--secure-image", "FILE", "Signed image for the secure primary slot."),
    _name("--ns-image", "FILE", "Signed image for the non-secure primary slot."),
    _name("--secure-update", "FILE", "Stage FILE as an upgrade of the secure image."),
    _name("--ns-update", "FILE", "Stage FILE as an upgrade of the non-secure image."),
    click.option(
        "--signature-type",
        type=click.Choice(list(SIGNATURE_TYPES)),
        default=DEFAULT_SIGNATURE_TYPE,
        show_default=True,
        help="What BL2 is built to verify.",
    ),
    click.option(
        "--boot-key",
        "boot_keys",
        type=FILE_NAME,
        metavar="PEM",
        multiple=True,
        help="Public key compiled into BL2 for images that carry its hash (`image from-elf "
        "--public-key-format hash`); without it OTP's ROTPK decides, and images carry the whole key.",
    ),
    *LOADER_OPTIONS,
    click.option(
        "--tfm-profile",
        type=click.Choice(list(TFM_PROFILES)),
        default=None,
        help="TF-M's TFM_PROFILE: partitions, algorithms, isolation and limits in one (docs/profiles.md). An "
        "option that is given beside it goes before what the profile says.",
    ),
    click.option(
        "--profile",
        type=click.Choice([variant.value for variant in TokenVariant]),
        default=TokenVariant.PSA_IOT_PROFILE_1.value,
        show_default=True,
        help="Whose attestation tokens: TF-M of 2019, PSA_IOT_PROFILE_1 today and before TF-M 2.2, PSA 2.0.0 "
        "of 2022, RFC 9783, CCA platform of before 2024 and of today (docs/attestation.md).",
    ),
    click.option("--optional-claims/--no-optional-claims", default=True, show_default=True),
    click.option(
        "--kid/--no-kid",
        default=False,
        show_default=True,
        help="A key id in the COSE header (ATTEST_INCLUDE_COSE_KEY_ID); a token of 2019 has one always.",
    ),
    click.option(
        "--signature-2019",
        type=click.Choice([signature.value for signature in SignatureOf2019]),
        default=SignatureOf2019.DOC.value,
        show_default=True,
        help="How --profile 2019 signs: the hash twice, as documented; once, as coded; from May on ECDSA.",
    ),
    click.option(
        "--attest-test-code/--no-attest-test-code",
        default=False,
        show_default=True,
        help="ATTEST_INCLUDE_TEST_CODE: a challenge may ask for a token without claims or signature.",
    ),
    click.option(
        "--isolation",
        type=click.Choice(["1", "2", "3"]),
        default="1",
        show_default=True,
        help="Isolation level: partitions in the SPM's process, the application RoT in one of its own, or a "
        "process each.",
    ),
    click.option(
        "--measured-boot/--no-measured-boot",
        default=False,
        show_default=True,
        help="The measured boot partition, and a BL2 that measures for it.",
    ),
    click.option(
        "--delegated-attestation/--no-delegated-attestation",
        default=False,
        show_default=True,
        help="The delegated attestation partition, and measured boot, which its keys are derived from. On a "
        "board with BL1 that one is an RSE's, and their seed comes from it.",
    ),
    click.option(
        "--firmware-update/--no-firmware-update",
        default=False,
        show_default=True,
        help="The firmware update partition, and a BL2 that tells it the running versions.",
    ),
    click.option(
        "--boot-status",
        type=click.Choice([era.value for era in BootStatusEra]),
        default=None,
        help="The era whose boot status BL2 writes and attestation reads; by default the one that goes with "
        "--profile.",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Makes the random source repeat."),
    click.option(
        "--cut",
        "cuts",
        type=CutOption(),
        metavar="N[:before|after|torn]",
        multiple=True,
        help="Take power away before, behind or in the middle of the N-th write or erase of flash and OTP, "
        "counted from power-on (`boot --operations` lists them). Exit 1 then. A further --cut is for the "
        "next power-on of `boot --again`.",
    ),
)


class DeviceCommand(click.Command):
    """Its help has the options of the device, which many commands share, behind the command's own."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two lists."""
        shared = {*DeviceOptions.__slots__, *LoaderOptions.__slots__}
        sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Options of the device": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections["Options of the device" if parameter.name in shared else "Options"].append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def device_options(command: Command) -> Command:
    """Give a click command the options of a device; it gets them as ``options``, a DeviceOptions."""

    @wraps(command)
    def with_options(**arguments: Any) -> Any:
        loader = LoaderOptions(**{name: arguments.pop(name) for name in LoaderOptions.__slots__})
        names = [name for name in DeviceOptions.__slots__ if name != "loader"]
        mine = {"loader": loader} | {name: arguments.pop(name) for name in names}
        _check_era(mine)
        mine["measured_boot"] = _measures(mine)
        return command(options=DeviceOptions(**mine), **arguments)

    wrapped: Any = with_options
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    result: Command = wrapped
    return result


def _check_era(arguments: Mapping[str, Any]) -> None:
    """The options of one era beside those of another."""
    of_2019 = arguments["profile"] == TokenVariant.TFM_2019.value
    if _given("signature_2019") and not of_2019:
        raise click.UsageError(
            f"--signature-2019 with --profile {arguments['profile']}; legal: with --profile 2019"
        )
    status = arguments["boot_status"]
    old_status = of_2019 if status is None else status != BootStatusEra.TODAY.value
    for name in ("measured_boot", "delegated_attestation", "firmware_update"):
        if arguments[name] and (old_status or (of_2019 and name != "firmware_update")):
            era = "--profile 2019" if of_2019 else f"--boot-status {status}"
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(
                f"{option} with {era}; legal: without it, for TF-M had no such partition then"
            )


def _measures(arguments: Mapping[str, Any]) -> bool:
    """Delegated attestation brings measured boot along, unless the command line says that it may not."""
    if not arguments["delegated_attestation"] or arguments["measured_boot"]:
        return bool(arguments["measured_boot"])
    if _given("measured_boot"):
        raise click.UsageError(
            "--delegated-attestation with --no-measured-boot; legal: without it, for the keys are derived "
            "from measurements"
        )
    return True


def make_device(options: DeviceOptions, listeners: Sequence[Listener]) -> Device:
    """The device that the options describe, flashed and not yet powered.

    Without an image of the user's, a device whose primary slots are blank gets the demo firmware.
    Raises what Device raises, and FileUnreadable.
    """
    files: tuple[tuple[int, SlotName, str | None], ...] = (
        (0, "primary", options.secure_image),
        (1, "primary", options.ns_image),
        (0, "secondary", options.secure_update),
        (1, "secondary", options.ns_update),
    )
    images = [
        (image, slot, file, read_file(file, MAX_IMAGE)) for image, slot, file in files if file is not None
    ]
    _check_cuts(options)
    bundles = Bundles(*map(read_file, options.bundles)) if options.bundles is not None else None
    bl2 = read_file(options.bl2_image, MAX_IMAGE) if options.bl2_image is not None else None
    device = _new_device(options, listeners)
    device.hardware.power.cut_at(options.cuts[0] if options.cuts else None)
    try:
        if primary_slots_blank(device):
            flash_demo_firmware(device)
        if bl2 is not None:
            device.flash_bl2(bl2)
        if bundles is not None:
            device.load_bundles(bundles)
            if not is_required(device.hardware.otp):
                click.echo(PROVISIONED, err=True)
        for image, slot, file, data in images:
            try:
                device.flash_image(image, data, slot)
                if slot == "secondary":
                    _ask_for_upgrade(device, image)
            except TrailerError as error:
                raise TrailerError(f"{file}: {error}") from None
    except BaseException:
        device.power_off()
        raise
    return device


def tell_uncut(options: DeviceOptions, device: Device) -> None:
    """Say that a --cut lay behind the last operation of a run that has come to its end."""
    if options.cuts:
        count = device.hardware.power.operations
        click.echo(f"power was not cut: there were {count} writes and erases", err=True)


def _check_cuts(options: DeviceOptions) -> None:
    """Only `boot --again` powers on more than once."""
    again = click.get_current_context().params.get("again")
    if again and not options.cuts:
        raise click.UsageError("--again without --cut; legal: with one, to go on after it")
    if len(options.cuts) > 1 and not again:
        raise click.UsageError(f"--cut {len(options.cuts)} times; legal: once, or with `boot --again`")


def _ask_for_upgrade(device: Device, image: int) -> None:
    """What a running system would do with the candidate in a secondary slot: mark it for a test."""
    area = device.hardware.slot(image, "secondary")
    with device.hardware.power.programmer():
        mark_pending(area, permanent=False, image_index=image)


def _new_device(options: DeviceOptions, listeners: Sequence[Listener]) -> Device:
    """The device, its attestation service built for the kind of key that its OTP holds."""
    board = board_of(options.state, options.board, _default_board(options))
    build = _build(options, board)
    provisioning = load_provisioning(options.provisioning) if options.provisioning is not None else None

    def make(attestation: AttestationConfig) -> Device:
        return Device(
            board,
            build=replace(build, attestation=attestation),
            provisioning=provisioning,
            seed=options.seed,
            state=options.state,
            listeners=listeners,
        )

    device = make(build.attestation)
    # Only the OTP tells, which may be that of a state directory; nothing has happened to this device yet.
    if not PSA_ALG_IS_HMAC(int.from_bytes(device.hardware.otp.read(OtpField.IAK_TYPE), "little")):
        return device
    device.power_off()
    return make(replace(build.attestation, symmetric=True))


def _default_board(options: DeviceOptions) -> str:
    board = options.loader.default_board
    # A strategy that loads to RAM has a board of its own; else the profile says how many images there are.
    if options.tfm_profile is None or options.loader.upgrade_strategy.loads_to_ram:
        return board
    return find_profile(options.tfm_profile).board


def _given(option: str) -> bool:
    """Whether the command line says it; a default does not go before what --tfm-profile says."""
    source = click.get_current_context().get_parameter_source(option)
    return source is not ParameterSource.DEFAULT


def _build(options: DeviceOptions, board: Board) -> Build:
    """The build: what the profile says, or TF-M's defaults, and the options on top."""
    if options.tfm_profile is None:
        build = Build(bl1=bl1_config_for(board), its=its_config_for(board), ps=ps_config_for(board))
    else:
        build = find_profile(options.tfm_profile).build(board)
    if _given("isolation"):
        build = replace(build, spm=replace(build.spm, isolation_level=int(options.isolation)))
    if _given("firmware_update"):
        build = replace(build, firmware_update=FwuConfig() if options.firmware_update else None)
    build = replace(
        build,
        bl2=_bl2_config(options, board),
        attestation=_attestation_config(options, build.attestation),
        measured_boot=MeasuredBootConfig() if options.measured_boot else None,
    )
    if options.delegated_attestation:
        build = with_delegated_attestation(build)
    if options.boot_status is None:
        return build
    return with_boot_status(build, BootStatusEra(options.boot_status))


def _bl2_config(options: DeviceOptions, board: Board) -> Bl2Config:
    config = replace(
        options.loader.applied(bl2_config_for(board)),
        signature_type=SIGNATURE_TYPES[options.signature_type],
        store_encoded_measurements=not options.measured_boot,
    )
    if not options.boot_keys:
        return config
    keys = tuple(public_key_encoding(load_public_key(Path(file))) for file in options.boot_keys)
    return replace(config, key_mode=KeyMode.KEYHASH, keys=keys)


def _attestation_config(options: DeviceOptions, config: AttestationConfig) -> AttestationConfig:
    if _given("profile"):
        config = replace(config, variant=TokenVariant(options.profile))
    if _given("optional_claims"):
        config = replace(config, optional_claims=options.optional_claims)
    if _given("kid"):
        config = replace(config, cose_key_id=options.kid)
    config = replace(
        config,
        signature_of_2019=SignatureOf2019(options.signature_2019),
        include_test_code=options.attest_test_code,
    )
    # TF-M rse config: so many components do not fit into the default token.
    return replace(config, max_token_size=MEASURED_TOKEN_SIZE) if options.measured_boot else config
