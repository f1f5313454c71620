#include "tunnel/upgrade.hpp"

#include "base/text.hpp"
#include "net/ws_frame.hpp"

namespace sluice::tunnel {

namespace {

struct Fields {
    std::string_view start_line;
    bool upgrade = false;
    bool connection = false;
    bool version = false;
    std::string_view key;
    std::string_view accept;
};

bool lists(std::string_view value, std::string_view word)
{
    for (const auto item : split(value, ',')) {
        if (equals_ignoring_case(trim(item), word)) return true;
    }
    return false;
}

Fields fields_of(std::string_view head)
{
    Fields fields;
    bool first = true;
    while (!head.empty()) {
        const auto end = head.find("\r\n");
        const auto line = head.substr(0, end);
        head = end == std::string_view::npos ? std::string_view{} : head.substr(end + 2);
        if (first) {
            fields.start_line = line;
            first = false;
            continue;
        }
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        const auto name = line.substr(0, colon);
        const auto value = trim(line.substr(colon + 1));
        if (equals_ignoring_case(name, "upgrade")) fields.upgrade = lists(value, "websocket");
        if (equals_ignoring_case(name, "connection")) fields.connection = lists(value, "upgrade");
        if (equals_ignoring_case(name, "sec-websocket-version")) fields.version = value == "13";
        if (equals_ignoring_case(name, "sec-websocket-key")) fields.key = value;
        if (equals_ignoring_case(name, "sec-websocket-accept")) fields.accept = value;
    }
    return fields;
}

} // namespace

std::optional<UpgradeHead> read_upgrade_request(std::string_view bytes)
{
    const auto end = bytes.substr(0, most_head).find("\r\n\r\n");
    if (end == std::string_view::npos) return bytes.size() >= most_head ? std::optional{UpgradeHead{}} : std::nullopt;
    const auto fields = fields_of(bytes.substr(0, end));
    UpgradeHead head{end + 4, false, net::ws_accept_key(fields.key)};
    head.valid = fields.start_line.starts_with("GET /") && fields.start_line.ends_with(" HTTP/1.1") && fields.upgrade && fields.connection &&
                 fields.version && !head.accept_key.empty();
    return head;
}

std::optional<UpgradeHead> read_upgrade_answer(std::string_view bytes, std::string_view accept_key)
{
    const auto end = bytes.substr(0, most_head).find("\r\n\r\n");
    if (end == std::string_view::npos) return bytes.size() >= most_head ? std::optional{UpgradeHead{}} : std::nullopt;
    const auto fields = fields_of(bytes.substr(0, end));
    return UpgradeHead{end + 4, fields.start_line.starts_with("HTTP/1.1 101") && fields.upgrade && fields.accept == accept_key, {}};
}

std::string upgrade_request(std::string_view host, std::string_view path, std::string_view key)
{
    std::string request = "GET ";
    request += path.empty() ? "/" : path;
    request += " HTTP/1.1\r\nHost: ";
    request += host;
    request += "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ";
    request += key;
    return request + "\r\n\r\n";
}

std::string upgrade_answer(std::string_view accept_key)
{
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + std::string{accept_key} +
           "\r\n\r\n";
}

std::string upgrade_refusal() { return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"; }

} // namespace sluice::tunnel
