/* A few bytes in many sections, to be laid out in different ways. Never run. */
extern unsigned sum;
__attribute__((section(".vectors"), used)) const unsigned vectors[2] = {0x20001000, 0x10080409};
__attribute__((section(".far"), used)) const unsigned far[3] = {1, 2, 3};
__attribute__((section(".keep"), used)) unsigned keep[2] = {9, 10};
unsigned data[4] = {5, 6, 7, 8};
unsigned zeros[100];
unsigned sum;

void reset(void)
{
    for (unsigned i = 0; i < 4; i++) {
        sum += data[i] + zeros[i] + keep[i & 1] + far[i & 1];
    }
}
