// What stands beside a password: tokens for programs, second factors, recovery codes. Tokens and codes are known by their SHA-256 only.
#pragma once

#include "domain/api_token.hpp"
#include "store/store.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::store {

class ApiTokenTable {
public:
    explicit ApiTokenTable(ReadTx& tx) : tx_(tx) {}

    std::optional<domain::ApiToken> find(const std::string& token_hash);
    std::vector<domain::ApiToken> of_user(UserId user); // oldest first
    TokenId insert(const std::string& token_hash, const domain::ApiToken& token);
    void touch(TokenId id, WallTime now, const std::string& address);
    std::optional<domain::ApiToken> take(TokenId id, UserId user); // removes it; absent: not his
    std::size_t remove_all_of(UserId user);

private:
    ReadTx& tx_;
};

struct SecondFactor {
    std::string secret; // encrypted
    bool confirmed = false;
    std::int64_t last_step = 0;
};

class SecondFactorTable {
public:
    explicit SecondFactorTable(ReadTx& tx) : tx_(tx) {}

    std::optional<SecondFactor> find(UserId user);
    void put(UserId user, const SecondFactor& factor, WallTime now); // replaces
    bool remove(UserId user);                                        // with the recovery codes; false: there was none

    void set_recovery_codes(UserId user, const std::vector<std::string>& hashes); // instead of those that are there
    bool take_recovery_code(UserId user, const std::string& hash);                // false: no such code (any more)
    std::size_t recovery_codes_left(UserId user);

private:
    ReadTx& tx_;
};

} // namespace sluice::store
