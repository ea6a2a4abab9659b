"""The package's structs and prototypes against the header that the library is compiled from."""

import ctypes
import re
import shutil
import subprocess

import pytest

from recryst import _lib


def header(source):
    text = (source / "include" / "recryst.h").read_text()
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def test_structs_are_laid_out_as_the_compiler_does(source, tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("there is no C compiler")
    lines = ["#include <stdio.h>", '#include "recryst.h"', "int main(void) {"]
    for struct in _lib.STRUCTS:
        name = struct.__name__
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        for field, *_ in struct._fields_:
            size = f"sizeof((({name} *)0)->{field})"
            lines.append(f'printf("{name}.{field} %zu %zu\\n", offsetof({name}, {field}), {size});')
    lines += ["return 0; }"]
    program = tmp_path / "layout.c"
    program.write_text("\n".join(lines))
    executable = tmp_path / "layout"
    subprocess.run([compiler, "-I", source / "include", program, "-o", executable], check=True)
    told = dict(
        line.split(" ", 1)
        for line in subprocess.run([executable], check=True, capture_output=True, text=True).stdout.splitlines()
    )
    for struct in _lib.STRUCTS:
        name = struct.__name__
        assert told.pop(name) == str(ctypes.sizeof(struct)), name
        for field, *_ in struct._fields_:
            own = getattr(struct, field)
            assert told.pop(f"{name}.{field}") == f"{own.offset} {own.size}", f"{name}.{field}"
    assert not told


def test_no_field_of_the_header_is_left_out(source):
    text = header(source)
    for struct in _lib.STRUCTS:
        name = struct.__name__
        body = re.search(r"typedef struct %s \{(.*?)\n\} %s;" % (name, name), text, re.S)
        assert body, name
        declared = 0
        for part in body.group(1).split(";"):
            part = part.strip()
            if part:
                # A function pointer is one member; else as many as there are names between commas.
                declared += 1 if re.search(r"\(\*\w+\)\(", part) else part.count(",") + 1
        assert declared == len(struct._fields_), name


def test_functions_take_as_many_arguments_as_the_header_says(source):
    text = re.sub(r"\s+", " ", header(source))
    for name, (_, arguments) in _lib.PROTOTYPES.items():
        found = re.search(r"RCR_API [^;(]*?\b%s\(([^;]*)\);" % name, text)
        assert found, f"{name} is not in the header"
        given = found.group(1).strip()
        count = 0 if given == "void" else len(re.sub(r"\([^)]*\)", "", given).split(","))
        assert count == len(arguments), name


@pytest.mark.parametrize(
    "enum, words",
    [
        ("rcr_architecture", _lib.ARCHITECTURES),
        ("rcr_task_kind", _lib.TASKS),
        ("rcr_padding", _lib.PADDINGS),
        ("rcr_ties", _lib.TIES),
        ("rcr_disorder", _lib.DISORDERS),
        ("rcr_embedding_kind", _lib.EMBEDDINGS),
    ],
)
def test_every_enumerator_has_a_word(source, enum, words):
    body = re.search(r"typedef enum %s \{([^}]*)\}" % enum, header(source)).group(1)
    names = [part.split("=")[0].strip() for part in body.split(",") if part.strip()]
    assert len(names) == len(words)
    for name, word in zip(names, words):
        last = word.upper().replace("-", "_").split("_")[-1]
        assert last in name


def test_every_status_has_an_exception(source):
    from recryst.errors import CLASSES

    body = re.search(r"typedef enum rcr_status \{([^}]*)\}", header(source)).group(1)
    assert len([p for p in body.split(",") if p.strip()]) == len(CLASSES) + 1


def test_another_library_is_refused(monkeypatch):
    monkeypatch.setattr(_lib, "ABI", 999)
    with pytest.raises(ImportError, match="ABI"):
        _lib._load()
    monkeypatch.setenv("RECRYST_LIBRARY", "/nowhere/librecryst.so")
    with pytest.raises(ImportError, match="nowhere"):
        _lib._load()
