@ A few sections, placed by data_in_flash.ld, overlay.ld, overlap.ld and nothing_to_load.ld.
    .syntax unified
    .thumb
    .section .vectors, "a"
    .word 0x38001000
    .word reset + 1
    .section .text, "ax"
    .thumb_func
    .global reset
reset:
    b reset
    .section .rodata, "a"
    .ascii "read-only"
    .section .data, "aw"
    .ascii "initial data"
    .section .bss, "aw", %nobits
    .space 64
    .section .noload, "aw"
    .ascii "never loaded"
    .section .overlay_a, "aw"
    .ascii "overlay A is longer"
    .section .overlay_b, "aw"
    .ascii "overlay B"
