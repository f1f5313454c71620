#include "cli/first_boot.hpp"

#include "base/file.hpp"
#include "base/random.hpp"
#include "net/host_names.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <unistd.h>

namespace sluice::cli {

namespace {

constexpr std::size_t password_length = 16;

// IPv4 first: it is what people type. Without loopback and 169.254.0.0/16.
std::vector<IpAddress> reachable_addresses()
{
    auto found = net::interface_addresses();
    std::erase_if(found, [](const IpAddress& address) {
        return address.is_loopback() || (!address.is_v6() && address.bytes()[0] == 169 && address.bytes()[1] == 254);
    });
    std::stable_sort(found.begin(), found.end(), [](const IpAddress& a, const IpAddress& b) { return !a.is_v6() && b.is_v6(); });
    return found;
}

} // namespace

std::string initial_password_file(const std::string& data_dir) { return data_dir + "/initial-password"; }

Result<std::optional<Secret>> first_boot(panel::Panel& panel, const Options& options)
{
    const bool chosen = !options.admin_password.empty();
    const Secret password = chosen ? options.admin_password : Secret{random_password(password_length)};
    const auto made = panel.accounts().ensure_administrator(options.admin_user, password, !chosen);
    if (!made) return made.error();
    if (!*made || chosen) return std::optional<Secret>{};
    if (const auto written = write_file_atomically(initial_password_file(options.data_dir), password.reveal() + "\n"); !written)
        return written.error();
    return std::optional{password};
}

std::vector<std::string> browser_addresses(const std::vector<Endpoint>& listening)
{
    std::vector<std::string> addresses;
    const auto add = [&addresses](const Endpoint& endpoint) {
        auto text = "http://" + endpoint.to_text();
        if (std::find(addresses.begin(), addresses.end(), text) == addresses.end()) addresses.push_back(std::move(text));
    };
    for (const auto& endpoint : listening) {
        if (!endpoint.address.is_unspecified()) {
            add(endpoint);
            continue;
        }
        for (const auto& address : reachable_addresses()) {
            if (endpoint.address.is_v6() || !address.is_v6()) add({address, endpoint.port});
        }
        add({IpAddress::from_v4(0x7F000001), endpoint.port});
    }
    return addresses;
}

void greet(const Options& options, const std::vector<Endpoint>& listening, const std::string& fingerprint, const std::optional<Secret>& password)
{
    std::string text = "\nSluice is ready. Open one of\n";
    for (const auto& address : browser_addresses(listening)) text += "    " + address + "\n";
    text += "https:// works on the same port; the certificate's fingerprint is\n    " + fingerprint + "\n";
    if (password) {
        text += "and sign in as\n    user      " + options.admin_user + "\n    password  ";
        const bool journal = std::getenv("JOURNAL_STREAM") != nullptr && ::isatty(STDOUT_FILENO) == 0;
        text += (journal ? "in " + initial_password_file(options.data_dir)
                         : password->reveal() + "\n(also in " + initial_password_file(options.data_dir) + " until you change it)") +
                "\n";
    } else if (file_exists(initial_password_file(options.data_dir))) {
        text += "The first password is in " + initial_password_file(options.data_dir) + " until you change it.\n";
    }
    std::cout << text << std::endl;
}

std::string host_address()
{
    const auto addresses = reachable_addresses();
    return addresses.empty() ? "127.0.0.1" : addresses.front().to_text();
}

} // namespace sluice::cli
