#include "cli/page_asset.h"

#if defined(RCR_PAGE_ASSET)

/* The assembler takes the file as it is; an array in C of a million numbers would cost a compiler seconds. */
#if defined(__APPLE__)
#define SECTION ".section __TEXT,__const\n"
#define NAME(name) "_" name
#else
#define SECTION ".section .rodata\n"
#define NAME(name) name
#endif

/* clang-format off */
__asm__(SECTION
        ".globl " NAME("rcr_page_begin") "\n.globl " NAME("rcr_page_end") "\n"
        NAME("rcr_page_begin") ":\n.incbin \"" RCR_PAGE_ASSET "\"\n"
        NAME("rcr_page_end") ":\n.byte 0\n.text\n");
/* clang-format on */

extern const char rcr_page_begin[], rcr_page_end[];

const char *rcr_page_asset(size_t *length) {
    *length = (size_t)(rcr_page_end - rcr_page_begin);
    return *length > 0 ? rcr_page_begin : NULL;
}

#else

const char *rcr_page_asset(size_t *length) {
    *length = 0;
    return NULL;
}

#endif
