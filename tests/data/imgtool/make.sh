#!/bin/sh
# How the images here were made: make.sh VERSION IMGTOOL, once a released version of imgtool (from PyPI).
# Keys are those of the recordings; signatures and image keys are random, so a new run makes other bytes.
set -e
version=$1 imgtool=$2
here=$(dirname "$0") keys=$(dirname "$0")/../recordings/mcuboot
sign() {
    out=$here/${version}_$1.bin; shift
    "$imgtool" sign --version 1.2.3+4 --header-size 0x80 --pad-header --slot-size 0x2000 --align 4 \
        --security-counter 5 "$@" "$here/payload.bin" "$out"
}
sign p256 --key "$keys/key_p256.pem" --boot-record SPE --dependencies "(1, 1.0.0+0)"
sign rsa2048 --key "$keys/key_rsa2048.pem" --public-key-format full --boot-record SPE
sign ed25519 --key "$keys/key_ed25519.pem"
sign enc_p256 --key "$keys/key_p256.pem" --encrypt "$keys/key_enc_p256_pub.pem" --boot-record SPE --custom-tlv 0x00a0 text
sign enc_rsa2048 --key "$keys/key_rsa2048.pem" --encrypt "$keys/key_enc_rsa2048_pub.pem"
