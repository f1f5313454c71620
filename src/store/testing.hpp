// For tests: a store in a folder of its own that goes with the test.
#pragma once

#include "base/random.hpp"
#include "domain/forward.hpp"
#include "domain/node.hpp"
#include "domain/tunnel.hpp"
#include "store/forward_table.hpp"
#include "store/node_table.hpp"
#include "store/store.hpp"
#include "store/tunnel_table.hpp"
#include "store/user_table.hpp"

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace sluice::store::testing {

class Folder {
public:
    Folder() : path_(std::filesystem::temp_directory_path() / ("sluice-test-" + random_hex(8))) { std::filesystem::create_directory(path_); }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

// The value, or a test failure that says why there is none.
template <class T>
T value_of(Result<T> result)
{
    if (!result) throw std::runtime_error("unexpected error: " + describe(result.error()));
    return std::move(result.value());
}
inline void value_of(const Result<void>& result)
{
    if (!result) throw std::runtime_error("unexpected error: " + describe(result.error()));
}

struct TempStore {
    Folder folder;
    std::unique_ptr<Store> store = value_of(Store::open({folder.file("sluice.db")}));

    // Runs `work(tx)` and returns what it returns (void included), committed.
    template <class Work>
    auto write(Work work)
    {
        using T = std::invoke_result_t<Work, WriteTx&>;
        if constexpr (std::is_void_v<T>) {
            value_of(store->write([&](WriteTx& tx) -> Result<void> {
                work(tx);
                return {};
            }));
        } else {
            return value_of(store->write([&](WriteTx& tx) -> Result<T> { return work(tx); }));
        }
    }
    template <class Work>
    auto read(Work work)
    {
        using T = std::invoke_result_t<Work, ReadTx&>;
        return value_of(store->read([&](ReadTx& tx) -> Result<T> { return work(tx); }));
    }

    UserId add_user(const std::string& name, domain::Role role = domain::Role::regular)
    {
        return write([&](WriteTx& tx) {
            NewUser user;
            user.name = name;
            user.password = "-";
            user.role = role;
            user.allowance.quota = gibibytes(100);
            user.created = from_epoch_ms(1);
            return UserTable(tx).insert(user);
        });
    }
    NodeId add_node(const std::string& name, bool local = false)
    {
        return write([&](WriteTx& tx) {
            domain::Node node;
            node.uuid = make_uuid();
            node.name = name;
            node.address = "192.0.2.1";
            node.local = local;
            return NodeTable(tx).insert(node, "sealed", random_bytes(32));
        });
    }
    TunnelId add_tunnel(const std::string& name, const std::vector<NodeId>& entries)
    {
        return write([&](WriteTx& tx) {
            domain::Tunnel tunnel;
            tunnel.uuid = make_uuid();
            tunnel.name = name;
            for (const auto node : entries) {
                domain::HopNode hop;
                hop.node = node;
                tunnel.hops.push_back(hop);
            }
            return TunnelTable(tx).insert(tunnel);
        });
    }
    ForwardId add_forward(UserId owner, TunnelId tunnel, const std::vector<domain::ForwardPort>& ports, const std::string& name = "web")
    {
        return write([&](WriteTx& tx) {
            domain::Forward forward;
            forward.uuid = make_uuid();
            forward.owner = owner;
            forward.owner_name = "owner";
            forward.name = name;
            forward.tunnel = tunnel;
            forward.targets = {{"127.0.0.1", 80}};
            forward.ports = ports;
            return ForwardTable(tx).insert(forward);
        });
    }
};

} // namespace sluice::store::testing
