# Read by the fetch-* scripts: apt with a state of its own, so that packages of another kind (sources), architecture or release can be
# fetched without changing this machine. Mirrors and keys are this machine's; signatures are checked as always. Not a program.
# shellcheck shell=sh

# private_apt WORK TYPE [RELEASE [ARCH]]: prepares WORK and sets apt_options. TYPE is deb or deb-src; RELEASE (say, trixie) is taken
# from the first source of Debian that this machine has; without one, this machine's own sources are used as they are.
private_apt() {
    work=$1 type=$2 release=${3:-} arch=${4:-$(dpkg --print-architecture)}
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/parts"
    : > "$work/status"
    : > "$work/none.list"
    if [ -f /etc/apt/sources.list.d/debian.sources ]; then
        awk -v type="$type" -v release="$release" 'BEGIN { RS = ""; ORS = "\n\n" }
            release == "" || NR == 1 {
                sub(/Types:[^\n]*/, "Types: " type)
                if (release != "") sub(/Suites:[^\n]*/, "Suites: " release)
                print
            }' /etc/apt/sources.list.d/debian.sources > "$work/parts/debian.sources"
    else
        # One line per source: deb [options] URI suite component...
        sed -n 's/^deb /'"$type"' /p' /etc/apt/sources.list > "$work/parts/debian.list"
        if [ -n "$release" ]; then
            head -n 1 "$work/parts/debian.list" | sed -E 's/^(deb(-src)? (\[[^]]*\] )?[^ ]+) [^ ]+/\1 '"$release"'/' > "$work/one"
            mv "$work/one" "$work/parts/debian.list"
        fi
    fi
    apt_options="-qq -o Dir::Etc::SourceList=$work/none.list -o Dir::Etc::SourceParts=$work/parts -o Dir::State=$work
        -o Dir::State::Lists=$work/lists -o Dir::State::status=$work/status -o Dir::Cache=$work/cache
        -o APT::Sandbox::User=root -o APT::Architecture=$arch -o APT::Architectures=$arch -o Acquire::Languages=none -o Acquire::Retries=3"
    # shellcheck disable=SC2086 # a list of options
    apt-get $apt_options update
}

# fetch_unpacked DESTINATION PACKAGE...: what these packages contain, below DESTINATION, in one step: all or nothing.
fetch_unpacked() {
    destination=$1
    shift
    rm -rf "$destination.part"
    mkdir -p "$destination.part" "$work/debs"
    # shellcheck disable=SC2086
    (cd "$work/debs" && apt-get $apt_options download "$@")
    for package in "$work"/debs/*.deb; do dpkg-deb -x "$package" "$destination.part"; done
    rm -rf "$destination"
    mv "$destination.part" "$destination"
}
