#include <stdio.h>

#include "recryst.h"

int main(void) {
    printf("recryst %s\n", rcr_version());
    return 0;
}
