/* Demo firmware, built once for each world: a vector table, a little data and a loop. tfm-sim checks, measures and counts the
 * image; it does not run these instructions. */
#include <stdint.h>

extern uint32_t stack_top[];
extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[];

static const char banner[] = "tfm-sim demo: " WORLD;
static volatile uint32_t state = MAGIC; /* in .data: shows the load address at work */
static volatile uint32_t ticks;              /* in .bss: not in the image */

static void fault(void)
{
    for (;;) {
    }
}

void reset(void)
{
    const uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end; to++) {
        *to = 0;
    }
    for (;;) {
        ticks += (uint32_t)banner[ticks % (sizeof(banner) - 1)];
        state ^= ticks;
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
    (void *)fault,
};
