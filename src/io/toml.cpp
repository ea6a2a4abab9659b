/* The one file in C++: toml++ behind the C interface of toml.h.  toml++ reports errors as values (TOML_EXCEPTIONS 0);
 * what the standard library throws when memory runs out ends here as RCR_ERR_MEMORY. */
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#define TOML_MAX_NESTED_VALUES 32 /* RCR_TOML_MAX_DEPTH */
/* Its test for blanks beyond ASCII runs into "unreachable" for most letters from U+00A1 to U+0499 (3.3 and before),
 * which is undefined behaviour; there it has to say no. */
#if __has_include(<toml++/impl/forward_declarations.hpp>)
#include <toml++/impl/forward_declarations.hpp> /* 3.4 */
#else
#include <toml++/impl/forward_declarations.h>
#endif
/* Some of what it asserts is not so for bad documents, which the code behind refuses: neither end the process (without
 * NDEBUG) nor tell the compiler that it is so (with it, by clang). */
#undef TOML_ASSERT
#define TOML_ASSERT(expr) static_assert(true)
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) static_assert(true)
#pragma push_macro("TOML_UNREACHABLE")
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#if __has_include(<toml++/impl/unicode.hpp>)
#include <toml++/impl/unicode.hpp>
#else
#include <toml++/impl/unicode.h>
#endif
#pragma pop_macro("TOML_UNREACHABLE")
#include <toml++/toml.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

extern "C" {
#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
}
#include "io/toml.h"

static_assert(TOML_MAX_NESTED_VALUES == RCR_TOML_MAX_DEPTH, "one limit for both");

namespace {

/* Walks over a document up to its first fault, looking at nothing but dotted keys: toml++ 3.3 makes a table in a table
 * for every dot, without a bound, and takes them apart by recursion. */
class dot_counter {
  public:
    explicit dot_counter(std::string_view document) : text(document) {}

    /* The line of the first key with too many parts; 0: none. */
    long find() {
        while (at < text.size()) {
            char c = text[at];
            if (c == '#') {
                while (at < text.size() && text[at] != '\n') at++;
            } else if (c == '"' || c == '\'') {
                skip_string(c);
            } else {
                if (c == '\n') line++;
                if (c == '.' && ++dots >= RCR_TOML_MAX_DEPTH) return line;
                if (std::strchr("=,[]{}\n", c) != nullptr) dots = 0;
                at++;
            }
        }
        return 0;
    }

  private:
    std::string_view text;
    size_t at = 0;
    long line = 1;
    int dots = 0;

    void skip_string(char quote) {
        const char triple[] = {quote, quote, quote, '\0'};
        bool multiline = text.substr(at, 3) == triple;
        at += multiline ? 3 : 1;
        for (; at < text.size(); at++) {
            if (text[at] == '\\' && quote == '"') {
                at++;
                if (at < text.size() && text[at] == '\n') line++;
            } else if (text[at] == '\n') {
                line++;
                if (!multiline) return; /* a fault, which the parser finds too */
            } else if (multiline ? text.substr(at, 3) == triple : text[at] == quote) {
                at += multiline ? 3 : 1;
                /* Up to two quotes may stand before the closing three. */
                while (multiline && at < text.size() && text[at] == quote) at++;
                return;
            }
        }
    }
};

rcr_status fail_memory(rcr_error *err) { return rcr_fail_memory(err, "reading settings"); }

void release(rcr_toml *node) {
    for (size_t i = 0; i < node->n; i++) release(&node->child[i]);
    rcr_free(node->child);
    rcr_free(node->key);
    rcr_free(node->text);
}

rcr_status copy_text(char **out, std::string_view text, long line, rcr_error *err) {
    if (text.find('\0') != std::string_view::npos)
        return rcr_fail_at(err, RCR_ERR_PARSE, "", line, "a text has a NUL inside");
    *out = rcr_strndup(text.data(), text.size());
    return *out != nullptr ? RCR_OK : fail_memory(err);
}

int by_place(const void *a, const void *b) {
    const rcr_toml *x = static_cast<const rcr_toml *>(a), *y = static_cast<const rcr_toml *>(b);
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    if (x->column != y->column) return x->column < y->column ? -1 : 1;
    /* Tables that come into being together, as by [a.b]. */
    return x->key != nullptr && y->key != nullptr ? std::strcmp(x->key, y->key) : 0;
}

void set_place(rcr_toml *node, const toml::source_position &place) {
    node->line = static_cast<long>(place.line);
    node->column = static_cast<long>(place.column);
}

rcr_status convert(rcr_toml *out, const toml::node &node, rcr_error *err);

rcr_status convert_table(rcr_toml *out, const toml::table &table, rcr_error *err) {
    for (auto &&[key, value] : table) {
        rcr_toml *child = &out->child[out->n++];
        set_place(child, key.source().begin);
        rcr_status status = copy_text(&child->key, key.str(), child->line, err);
        if (status == RCR_OK) status = convert(child, value, err);
        if (status != RCR_OK) return status;
    }
    std::qsort(out->child, out->n, sizeof *out->child, by_place);
    return RCR_OK;
}

rcr_status convert_array(rcr_toml *out, const toml::array &array, rcr_error *err) {
    for (auto &&value : array) {
        rcr_toml *child = &out->child[out->n++];
        set_place(child, value.source().begin);
        rcr_status status = convert(child, value, err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

/* out is zeroed but for key and place; whatever happens, release frees it. */
rcr_status convert(rcr_toml *out, const toml::node &node, rcr_error *err) {
    const toml::table *table = node.as_table();
    const toml::array *array = node.as_array();
    if (table != nullptr || array != nullptr) {
        out->kind = table != nullptr ? RCR_TOML_TABLE : RCR_TOML_ARRAY;
        out->child =
            static_cast<rcr_toml *>(rcr_calloc(table != nullptr ? table->size() : array->size(), sizeof *out->child));
        if (out->child == nullptr) return fail_memory(err);
        return table != nullptr ? convert_table(out, *table, err) : convert_array(out, *array, err);
    }
    if (auto text = node.as_string()) {
        out->kind = RCR_TOML_TEXT;
        return copy_text(&out->text, text->get(), out->line, err);
    }
    if (auto integer = node.as_integer()) {
        out->kind = RCR_TOML_INTEGER;
        out->integer = integer->get();
    } else if (auto number = node.as_floating_point()) {
        out->kind = RCR_TOML_NUMBER;
        out->number = number->get();
    } else if (auto truth = node.as_boolean()) {
        out->kind = RCR_TOML_BOOL;
        out->integer = truth->get() ? 1 : 0;
    } else {
        out->kind = RCR_TOML_DATE;
    }
    return RCR_OK;
}

rcr_status parse(rcr_toml **out, std::string_view text, rcr_error *err) {
    toml::parse_result result = toml::parse(text);
    if (!result) {
        const toml::parse_error &fault = result.error();
        const toml::source_position &place = fault.source().begin;
        std::string_view what = fault.description();
        bool deep = what.find("maximum nested value depth") != std::string_view::npos;
        int length = rcr_shown(what.data(), what.size(), 300);
        return rcr_fail_at(err, deep ? RCR_ERR_LIMIT : RCR_ERR_PARSE, "", static_cast<long>(place.line),
                           "column %ld: %.*s", static_cast<long>(place.column), length, what.data());
    }
    rcr_toml *root = static_cast<rcr_toml *>(rcr_calloc(1, sizeof *root));
    if (root == nullptr) return fail_memory(err);
    rcr_status status = convert(root, result.table(), err);
    if (status == RCR_OK)
        *out = root;
    else
        rcr_toml_free(root);
    return status;
}

} // namespace

rcr_status rcr_toml_parse(rcr_toml **out, const char *text, size_t length, rcr_error *err) {
    if (length > RCR_TOML_MAX_BYTES)
        return rcr_fail(err, RCR_ERR_LIMIT, "%zu bytes of settings; at most %zu are read", length, RCR_TOML_MAX_BYTES);
    std::string_view document(length > 0 ? text : "", length);
    try {
        long line = dot_counter(document).find();
        if (line > 0)
            return rcr_fail_at(err, RCR_ERR_LIMIT, "", line, "a key with more than %d parts",
                               static_cast<int>(RCR_TOML_MAX_DEPTH));
        return parse(out, document, err);
    } catch (...) {
        return fail_memory(err);
    }
}

void rcr_toml_free(rcr_toml *root) {
    if (root == nullptr) return;
    release(root);
    rcr_free(root);
}

#if defined(__GLIBCXX__)
/* The C++ library that is linked into librecryst.so takes 72 kB for exceptions when it is loaded, and leaves it to the
 * process when it is unloaded: a host that loads plug-ins again and again would lose that each time.  Weak: not every
 * build of that library has a name for giving it back. */
namespace __gnu_cxx {
__attribute__((weak)) void __freeres();
}

__attribute__((destructor)) static void give_back_memory_for_exceptions() {
    if (__gnu_cxx::__freeres != nullptr) __gnu_cxx::__freeres();
}
#endif
