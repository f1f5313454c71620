// Users and their sessions.
#pragma once

#include "domain/user.hpp"
#include "store/store.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sluice::store {

struct NewUser {
    std::string name;
    std::string password; // argon2id text, or 32 hex digits of an imported MD5
    domain::Role role = domain::Role::regular;
    bool enabled = true;
    domain::Allowance allowance;
    bool must_change_password = false;
    WallTime created;
};

class UserTable {
public:
    explicit UserTable(ReadTx& tx) : tx_(tx) {}

    std::optional<domain::User> find(UserId id);
    std::optional<domain::User> find_by_name(const std::string& name);
    std::string password_of(UserId id); // empty when missing
    std::vector<domain::User> all();    // by id, administrators included
    bool empty();

    UserId insert(const NewUser& user);
    void update(const domain::User& user); // everything but id, uuid, role, password, used, created
    void set_password(UserId id, const std::string& password, bool must_change, WallTime now);
    void set_name(UserId id, const std::string& name, WallTime now);
    void add_traffic(UserId id, const Traffic& traffic);
    void reset_traffic(UserId id);
    void remove(UserId id);

private:
    ReadTx& tx_;
};

struct Session {
    SessionId id;
    UserId user;
    WallTime created;
    WallTime expires;
    WallTime last_used;
    std::string address;
    std::string client;
};

class SessionTable {
public:
    explicit SessionTable(ReadTx& tx) : tx_(tx) {}

    std::optional<Session> find(const std::string& token_hash);
    void insert(const std::string& token_hash, const Session& session);
    void touch(SessionId id, WallTime now, const std::string& address);
    std::vector<Session> of_user(UserId user); // last used first
    bool remove(SessionId id, UserId user);    // false: none of his
    void remove(const std::string& token_hash);
    void remove_all_of(UserId user, const std::string& except_token_hash); // an empty exception spares none
    void remove_expired(WallTime now);
    void keep_newest(UserId user, std::size_t count); // those before go

private:
    ReadTx& tx_;
};

} // namespace sluice::store
