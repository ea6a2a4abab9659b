/* Memory: the device is the host. */
#include <string.h>

#include "base/mem.h"
#include "kernels/ref/ref.h"

rcr_real *rcr_ref_mem_alloc(size_t n) { return rcr_calloc_aligned(n, sizeof(rcr_real)); }

void rcr_ref_mem_free(rcr_real *p) { rcr_free(p); }

static void copy(rcr_real *to, const rcr_real *from, size_t n) {
    if (n > 0) memcpy(to, from, n * sizeof *to);
}

void rcr_ref_mem_upload(rcr_real *device, const rcr_real *host, size_t n) { copy(device, host, n); }

void rcr_ref_mem_download(rcr_real *host, const rcr_real *device, size_t n) { copy(host, device, n); }

void rcr_ref_mem_zero(const rcr_exec *x, rcr_real *p, size_t n) {
    (void)x;
    for (size_t i = 0; i < n; i++) p[i] = 0;
}

void rcr_ref_mem_copy(const rcr_exec *x, rcr_real *to, const rcr_real *from, size_t n) {
    (void)x;
    copy(to, from, n);
}
