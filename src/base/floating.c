#include "base/floating.h"

rcr_floating rcr_floating_enter(void) {
    rcr_floating state;
    fegetenv(&state.host);
    fesetenv(FE_DFL_ENV);
    return state;
}

void rcr_floating_leave(rcr_floating *state) { fesetenv(&state->host); }
