#include <stdio.h>

/* EVOLVE-BLOCK-START */
int value(void) { return 40; }
/* EVOLVE-BLOCK-END */

int main(void) {
    printf("%d\n", value());
    return 0;
}
