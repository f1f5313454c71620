# Read by the scripts beside it: where we are, how we speak, how many processes at once. Not a program.
# shellcheck shell=sh disable=SC2034
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root" || exit 1
jobs=${JOBS:-$(nproc)}

say() { printf '%s\n' "== $*"; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

native_arch() {
    case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) die "no support for $(uname -m) yet: amd64 and arm64 are known" ;;
    esac
}

# configure FOLDER [-DNAME=value...]: makes the build folder, or brings it up to date when an option differs.
configure() {
    folder=$1
    shift
    cmake -S . -B "$folder" -G Ninja -Wno-dev "$@" > "$folder.configure.log" 2>&1 || {
        cat "$folder.configure.log" >&2
        die "cmake could not configure $folder"
    }
}

# compile FOLDER TARGET...: one moving line on a terminal; in a log only what went wrong.
compile() {
    folder=$1
    shift
    if [ -t 1 ]; then ninja -C "$folder" -j "$jobs" "$@"; else ninja -C "$folder" -j "$jobs" --quiet "$@"; fi
}
