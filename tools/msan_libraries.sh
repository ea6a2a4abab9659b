#!/usr/bin/env bash
# Compiles the libraries that recryst's readers stand on under MemorySanitizer (clang), from Debian's source packages, into a
# folder that can be thrown away; tools/msan.sh then runs the targets that need them as well.
# usage: tools/msan_libraries.sh [FOLDER]      default: build-msan/libraries; a library that is there is not built again
# The packages come through apt with a list of sources of its own, made from the machine's (which is left as it is).
# spglib and libmd are not among them: of the few functions of theirs that readers call, tests/fuzz/msan_foreign.c declares the
# results set.  libarchive gets what archives and packed files of structures need: zlib, bzip2, xz, zstd.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-build-msan/libraries}
mkdir -p "$folder/apt/parts" "$folder/apt/lists/partial" "$folder/source" "$folder/lib" "$folder/include"
folder=$(cd "$folder" && pwd)
flags="-O1 -gline-tables-only -fsanitize=memory -fno-omit-frame-pointer -fPIC -w ${MSAN_ORIGINS:+-fsanitize-memory-track-origins}"

apt_from() {
    "$1" -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$folder/apt/parts" -o Dir::State::Lists="$folder/apt/lists" "${@:2}"
}

for list in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$list" ] || sed -E 's/^Types:.*/Types: deb-src/' "$list" >"$folder/apt/parts/$(basename "$list")"
done
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -f "$list" ] || sed -nE 's/^deb /deb-src /p' "$list" >"$folder/apt/parts/$(basename "$list" .list).list"
done

# The sources of a Debian package, patched as Debian builds it, in source/NAME: the newest version that can be had (a mirror may lag
# behind its own index).
fetch() {
    local part=$folder/source/$1.part version
    [ ! -d "$folder/source/$1" ] || return 0
    [ -n "$(find "$folder/apt/lists" -name '*Sources*' -print -quit)" ] || apt_from apt-get -qq update
    for version in $(apt_from apt-cache showsrc --only-source "$1" | sed -n 's/^Version: //p' | sort -Vru); do
        rm -rf "$part"
        mkdir -p "$part"
        (cd "$part" && apt_from apt-get -qq --download-only --only-source source "$1=$version" && dpkg-source -x ./*.dsc tree) \
            >"$folder/source/$1.log" 2>&1 || continue
        mv "$part/tree" "$folder/source/$1"
        rm -r "$part"
        return 0
    done
    tail -n 20 "$folder/source/$1.log" >&2
    echo "msan_libraries: the sources of $1 can't be had" >&2
    exit 1
}

# archive NAME FLAGS SOURCE...: lib/libNAME.a of those files of the present folder.
archive() {
    local name=$1 own=$2 objects="$folder/objects/$1"
    shift 2
    rm -rf "$objects"
    mkdir -p "$objects"
    # shellcheck disable=SC2016
    printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc)}" -I {} sh -c 'clang '"$flags $own"' -c "$1" -o "$2/$(echo "$1" | tr / _).o"' _ {} "$objects"
    rm -f "$folder/lib/lib$name.a"
    ar crs "$folder/lib/lib$name.a" "$objects"/*.o
}

build_jansson() {
    cmake -S . -B msan -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_C_COMPILER=clang -DJANSSON_BUILD_DOCS=OFF -DJANSSON_WITHOUT_TESTS=ON \
        -DJANSSON_EXAMPLES=OFF
    archive jansson "-DHAVE_CONFIG_H -Imsan/private_include -Imsan/include -Isrc" src/*.c
}
build_lmdb() { cd libraries/liblmdb && archive lmdb "" mdb.c midl.c; }
build_sqlite3() {
    # The options that Debian's has and that change how a database is read.
    ./configure CC=clang --disable-tcl --disable-readline
    make sqlite3.c
    archive sqlite3 "-DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_FTS3 -DSQLITE_ENABLE_RTREE -DSQLITE_SECURE_DELETE -DSQLITE_ENABLE_STMTVTAB -DSQLITE_THREADSAFE=1" sqlite3.c
}
build_zlib() { archive z "-D_LARGEFILE64_SOURCE=1 -DHAVE_HIDDEN" *.c && cp zlib.h zconf.h "$folder/include"; }
build_bzip2() { archive bz2 "-D_FILE_OFFSET_BITS=64" blocksort.c huffman.c crctable.c randtable.c compress.c decompress.c bzlib.c && cp bzlib.h "$folder/include"; }
build_libzstd() {
    # Its assembler would write bytes that the sanitizer does not see.
    archive zstd "-DZSTD_DISABLE_ASM -Ilib -Ilib/common" lib/common/*.c lib/compress/*.c lib/decompress/*.c
    cp lib/*.h "$folder/include"
}
# Its checksum by carry-less products reads whole 16 bytes around a text and masks what is not the text's: false alarms.
build_xz() {
    ./configure CC=clang CFLAGS="$flags" --enable-static --disable-shared --disable-assembler --disable-clmul-crc --disable-xz --disable-xzdec \
        --disable-lzmadec --disable-lzmainfo --disable-scripts --disable-doc --disable-nls
    make -j "${JOBS:-$(nproc)}" -C src/liblzma
    cp src/liblzma/.libs/liblzma.a "$folder/lib" && cp -r src/liblzma/api/lzma* "$folder/include"
}
build_libarchive() {
    cmake -S . -B msan -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE= -DCMAKE_C_COMPILER=clang -DCMAKE_C_FLAGS="$flags -I$folder/include" \
        -DCMAKE_PREFIX_PATH="$folder" -DBUILD_SHARED_LIBS=OFF -DENABLE_TEST=OFF -DENABLE_TAR=OFF -DENABLE_CPIO=OFF -DENABLE_CAT=OFF -DENABLE_OPENSSL=OFF \
        -DENABLE_NETTLE=OFF -DENABLE_LIBB2=OFF -DENABLE_LZ4=OFF -DENABLE_LZO=OFF -DENABLE_LIBXML2=OFF -DENABLE_EXPAT=OFF -DENABLE_ACL=OFF -DENABLE_XATTR=OFF \
        -DENABLE_ICONV=OFF -DENABLE_PCREPOSIX=OFF -DENABLE_WERROR=OFF \
        -DZLIB_LIBRARY="$folder/lib/libz.a" -DZLIB_INCLUDE_DIR="$folder/include" -DBZIP2_LIBRARIES="$folder/lib/libbz2.a" \
        -DBZIP2_INCLUDE_DIR="$folder/include" -DLIBLZMA_LIBRARY="$folder/lib/liblzma.a" -DLIBLZMA_INCLUDE_DIR="$folder/include" \
        -DZSTD_LIBRARY="$folder/lib/libzstd.a" -DZSTD_INCLUDE_DIR="$folder/include"
    ninja -C msan -j "${JOBS:-$(nproc)}" archive_static
    cp msan/libarchive/libarchive.a "$folder/lib"
}

# Debian's package, the library that it makes.
for pair in jansson:jansson lmdb:lmdb sqlite3:sqlite3 zlib:z bzip2:bz2 libzstd:zstd xz-utils:lzma libarchive:archive; do
    package=${pair%:*} library=$folder/lib/lib${pair#*:}.a
    [ ! -f "$library" ] || continue
    fetch "$package"
    build=build_${package%-utils}
    # Not as a part of "||", where nothing that fails would end it.
    set +e
    (
        set -e
        cd "$folder/source/$package"
        "$build"
    ) >"$folder/source/$package.log" 2>&1
    code=$?
    set -e
    [ $code -eq 0 ] || {
        tail -n 30 "$folder/source/$package.log" >&2
        echo "msan_libraries: $package can't be built; $folder/source/$package.log" >&2
        exit 1
    }
    echo "msan_libraries: $package"
done
