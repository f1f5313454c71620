#!/bin/sh
# Makes this machine a node of a Sluice panel, or stops it from being one. The panel shows the line to paste:
#
#   curl -fsSLk --pinnedpubkey 'sha256//...' https://PANEL/install.sh | SLUICE_TOKEN=... sh -s -- --connect https://PANEL --pin sha256:... --tls-pin sha256//...
#
# As root it installs a service of the system, otherwise one of the user, below his home. Running it again upgrades; with a fresh token it enrols
# anew. Nothing secret is in this file. Everything happens in the last line, so that half a download does nothing.
set -eu

say() { printf '%s\n' "sluice: $*"; }
fail() {
    printf '%s\n' "sluice: $*" >&2
    exit 1
}
has() { command -v "$1" > /dev/null 2>&1; }

usage() {
    cat << 'END'
usage: install.sh --connect URL... --pin sha256:HEX [--tls-pin sha256//BASE64] [--user] [--no-service]
       install.sh --uninstall [--purge] [--user]

  --connect URL   the panel's address, https://host:6365; repeatable
  --pin           the panel's key on the link
  --tls-pin       the key of the panel's certificate; without it the certificate must be one that this machine trusts
  --user          install below the home directory, also as root
  --no-service    install and enrol only
  --uninstall     stop and remove the program and its service; what it stored stays
  --purge         with --uninstall: what it stored goes, too
The token comes in the variable SLUICE_TOKEN. Without one an enrolled node is upgraded.
END
}

read_arguments() {
    connects='' pin='' tls_pin='' user_mode='' service=1 action=install purge=''
    [ "$(id -u)" = 0 ] || user_mode=1
    while [ $# -gt 0 ]; do
        case $1 in
        --connect | --pin | --tls-pin)
            [ $# -ge 2 ] || fail "$1 needs a value"
            case $2 in
            *[!A-Za-z0-9:/._+=%@~-]*) case $2 in *[!A-Za-z0-9:/._+=%@~[\]-]*) fail "$1: $2 has characters that it cannot have" ;; esac ;;
            esac
            case $1 in
            --connect)
                case $2 in https://*) ;; *) fail "--connect $2: only https:// can be downloaded from safely" ;; esac
                connects="$connects $2"
                ;;
            --pin) pin=$2 ;;
            --tls-pin) tls_pin=$2 ;;
            esac
            shift
            ;;
        --user) user_mode=1 ;;
        --no-service) service='' ;;
        --uninstall) action=uninstall ;;
        --purge) purge=1 ;;
        -h | --help) action=help ;;
        *)
            usage >&2
            fail "unknown option $1"
            ;;
        esac
        shift
    done
}

set_places() {
    if [ -n "$user_mode" ]; then
        [ -n "${HOME:-}" ] || fail 'HOME is not set'
        binary=$HOME/.local/bin/sluice
        data=${XDG_STATE_HOME:-$HOME/.local/state}/sluice-agent
        unit=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/sluice-agent.service
    else
        binary=/usr/local/bin/sluice
        data=/var/lib/sluice-agent
        unit=/etc/systemd/system/sluice-agent.service
    fi
    openrc=/etc/init.d/sluice-agent
}

# The service manager that runs here: systemd, openrc or none.
find_manager() {
    manager=none
    if [ -n "$user_mode" ]; then
        if has systemctl && systemctl --user show-environment > /dev/null 2>&1; then manager=systemd; fi
    elif [ -d /run/systemd/system ] && has systemctl; then
        manager=systemd
    elif has rc-service && has rc-update; then
        manager=openrc
    fi
}

control() {
    if [ -n "$user_mode" ]; then systemctl --user "$@"; else systemctl "$@"; fi
}

is_running() {
    case $manager in
    systemd) control is-active --quiet sluice-agent.service ;;
    openrc) rc-service sluice-agent status > /dev/null 2>&1 ;;
    *) return 1 ;;
    esac
}

stop_service() {
    case $manager in
    systemd) control stop sluice-agent.service > /dev/null 2>&1 || true ;;
    openrc) rc-service sluice-agent stop > /dev/null 2>&1 || true ;;
    esac
}

start_service() {
    case $manager in
    systemd)
        control daemon-reload && control enable --quiet sluice-agent.service && control restart sluice-agent.service
        ;;
    openrc)
        rc-update add sluice-agent default > /dev/null && rc-service sluice-agent restart > /dev/null
        ;;
    esac
}

machine() {
    [ "$(uname -s)" = Linux ] || fail "runs on Linux, and this is $(uname -s)"
    case $(uname -m) in
    x86_64 | amd64) arch=amd64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no build for $(uname -m), only for x86_64 and aarch64" ;;
    esac
    # A 64-bit kernel may carry a 32-bit system; our program is static, so that is no obstacle.
    has curl || fail 'needs curl'
    has sha256sum || fail 'needs sha256sum'
}

# fetch URL FILE: over TLS whose key is the pinned one, else whose certificate this machine trusts.
fetch() {
    if [ -n "$tls_pin" ]; then
        curl -fsSLk --proto '=https' --proto-redir '=https' --connect-timeout 15 --retry 2 --pinnedpubkey "$tls_pin" -o "$2" "$1" && return 0
    fi
    curl -fsSL --proto '=https' --proto-redir '=https' --connect-timeout 15 --retry 2 -o "$2" "$1"
}

download() {
    name=sluice-linux-$arch
    for url in $connects; do
        say "downloading $name from $url"
        if fetch "$url/download/$name.sha256" "$work/sum" && fetch "$url/download/$name" "$work/sluice"; then
            (cd "$work" && sed "s/ .*/  sluice/" sum | sha256sum -c - > /dev/null 2>&1) || fail "the download from $url is damaged"
            chmod 755 "$work/sluice"
            "$work/sluice" version > "$work/version" 2>&1 || fail "the program does not run here: $(cat "$work/version")"
            return 0
        fi
        say "$url gave no program for $arch"
    done
    fail "no panel address had a program for this machine ($arch)"
}

make_user() {
    [ -z "$user_mode" ] || return 0
    if grep -q '^sluice:' /etc/passwd; then return 0; fi
    if has useradd; then
        useradd --system --user-group --no-create-home --home-dir /var/lib/sluice-agent --shell "$(command -v nologin || echo /bin/false)" sluice
    elif has adduser; then
        addgroup -S sluice 2> /dev/null || true
        adduser -S -D -H -h /var/lib/sluice-agent -s /sbin/nologin -G sluice sluice
    else
        fail 'cannot make the user sluice: neither useradd nor adduser is here'
    fi
    made_user=1
}

write_unit() {
    mkdir -p "$(dirname "$unit")"
    if [ -n "$user_mode" ]; then
        cat > "$work/unit" << END
[Unit]
Description=Sluice traffic-forwarding node

[Service]
Type=notify
ExecStart=$binary --agent --data-dir $data
ExecReload=/bin/kill -HUP \$MAINPID
Restart=on-failure
RestartPreventExitStatus=2
RestartSec=2
TimeoutStopSec=20
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
END
    else
        cat << 'END' | sed "s|/usr/bin/sluice|$binary|" > "$work/unit"
@AGENT_UNIT@
END
    fi
    install_file "$work/unit" "$unit" 644
}

write_openrc() {
    cat > "$work/openrc" << END
#!/sbin/openrc-run
# Sluice traffic-forwarding node
supervisor=supervise-daemon
command=$binary
command_args="--agent --data-dir $data"
command_user=sluice:sluice
capabilities="^cap_net_bind_service,^cap_net_raw"
umask=077
respawn_delay=2
respawn_max=0

depend() {
    need net
}

start_pre() {
    checkpath --directory --mode 0700 --owner sluice:sluice $data
    chown -R sluice:sluice $data
}
END
    install_file "$work/openrc" "$openrc" 755
}

# install_file FROM TO MODE: whole or not at all; what was there is kept for undo().
install_file() {
    if [ -e "$2" ]; then
        cp -p "$2" "$work/before-$(basename "$2")"
    else
        created="$created $2"
    fi
    cp "$1" "$2.new"
    chmod "$3" "$2.new"
    mv -f "$2.new" "$2"
    replaced="$replaced $2"
}

# Whatever failed: the machine is as it was.
undo() {
    status=$?
    trap - EXIT INT TERM HUP
    if [ -z "$finished" ]; then
        for file in $replaced; do
            if [ -e "$work/before-$(basename "$file")" ]; then mv -f "$work/before-$(basename "$file")" "$file"; fi
        done
        for file in $created; do rm -f "$file" "$file.new"; done
        if [ -n "$made_data" ]; then rm -rf "$data"; fi
        if [ -n "$made_user" ]; then userdel sluice 2> /dev/null || deluser sluice 2> /dev/null || true; fi
        if [ "$manager" = systemd ]; then control daemon-reload > /dev/null 2>&1 || true; fi
        if [ -n "$was_running" ]; then start_service || true; fi
        [ "$status" != 0 ] || status=1
        printf '%s\n' 'sluice: nothing was changed' >&2
    fi
    rm -rf "$work"
    exit "$status"
}

enrol() {
    set --
    for url in $connects; do set -- "$@" --connect "$url"; done
    "$work/sluice" enrol --data-dir "$data" --pin "$pin" "$@"
}

install() {
    [ -n "$connects" ] || fail 'needs --connect URL; copy the whole line from the panel'
    machine
    find_manager
    token=${SLUICE_TOKEN:-}
    if [ -z "$token" ] && [ ! -e "$data/agent/panel.json" ]; then fail 'needs a token in SLUICE_TOKEN; copy the whole line from the panel'; fi
    if [ -n "$token" ] && [ -z "$pin" ]; then fail 'needs --pin sha256:HEX; copy the whole line from the panel'; fi

    replaced='' created='' finished='' made_user='' made_data='' was_running=''
    umask 077
    mkdir -p "$(dirname "$binary")"
    work=$(mktemp -d "$(dirname "$binary")/.sluice-install-XXXXXX") # beside the program: some systems forbid running what is in /tmp
    trap undo EXIT
    trap 'exit 1' INT TERM HUP
    download
    chmod 755 "$(dirname "$binary")" 2> /dev/null || true

    make_user
    if is_running; then was_running=1; fi
    if [ -n "$token" ]; then
        stop_service # one process per data directory
        [ -e "$data" ] || made_data=1
        mkdir -p "$data"
        chmod 700 "$data"
        enrol || fail 'this machine was not enrolled'
    fi
    [ -n "$user_mode" ] || chown -R sluice:sluice "$data"
    install_file "$work/sluice" "$binary" 755
    if [ -n "$service" ]; then
        case $manager in
        systemd) write_unit ;;
        openrc) write_openrc ;;
        esac
        if [ "$manager" != none ]; then start_service || fail 'the service does not start; journalctl -u sluice-agent may say why'; fi
    fi
    finished=1
    say "$(cat "$work/version") is installed in $binary"
    if [ "$manager" = none ] || [ -z "$service" ]; then
        say 'no service manager was set up; run the node with'
        if [ -n "$user_mode" ]; then
            say "    $binary --agent --data-dir $data"
        else
            say "    su -s /bin/sh -c '$binary --agent --data-dir $data' sluice"
        fi
    elif [ -n "$user_mode" ]; then
        say "it runs while you are signed in; for good: loginctl enable-linger $(id -un)"
        say 'forwards below port 1024 need root'
    else
        say 'the node runs'
    fi
}

uninstall() {
    find_manager
    stop_service
    if [ "$manager" = systemd ]; then control disable --quiet sluice-agent.service > /dev/null 2>&1 || true; fi
    if [ "$manager" = openrc ]; then rc-update del sluice-agent > /dev/null 2>&1 || true; fi
    rm -f "$unit"
    if [ -z "$user_mode" ]; then rm -f "$openrc"; fi
    if [ "$manager" = systemd ]; then control daemon-reload > /dev/null 2>&1 || true; fi
    # A panel that somebody installed by hand may run the same program.
    if [ -z "$user_mode" ] && grep -qs "$binary" /etc/systemd/system/sluice.service /etc/init.d/sluice; then
        say "$binary stays: the panel on this machine uses it"
    else
        rm -f "$binary"
    fi
    if [ -n "$purge" ]; then
        rm -rf "$data"
        if [ -z "$user_mode" ] && [ ! -e /var/lib/sluice ] && grep -q '^sluice:' /etc/passwd; then
            userdel sluice 2> /dev/null || deluser sluice 2> /dev/null || true
        fi
        say 'removed, with what it stored'
    else
        say "removed; what it stored is in $data"
    fi
    say 'delete the node in the panel, too'
}

main() {
    read_arguments "$@"
    set_places
    case $action in
    help) usage ;;
    uninstall) uninstall ;;
    *) install ;;
    esac
}

main "$@"
