// Quotas, the sums that they follow from, and what was already said of them and of allowances.
#pragma once

#include "domain/quota.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::store {

class QuotaTable {
public:
    explicit QuotaTable(ReadTx& tx) : tx_(tx) {}

    std::optional<domain::Quota> find(QuotaId id);
    std::optional<domain::Quota> find(const domain::QuotaSubject& subject, domain::QuotaSpan span);
    std::vector<domain::Quota> all();
    // Those on a user, on his assignments and on his forwards.
    std::vector<domain::Quota> around_user(UserId user);
    std::vector<domain::Quota> of(const domain::QuotaSubject& subject);
    // Of many subjects; one that has none costs little.
    std::vector<domain::Quota> of(const std::vector<domain::QuotaSubject>& subjects);
    std::vector<domain::Quota> reached();
    std::vector<domain::Quota> ended(domain::Day today); // whose window is over
    bool empty();

    QuotaId insert(const domain::Quota& quota);
    void update(const domain::Quota& quota); // rule and window
    void remove(QuotaId id);

    // Everything ever booked on the subject; absent: it does not exist.
    std::optional<Traffic> sums(const domain::QuotaSubject& subject);
    // Whom it is about: the user, the assignment's or the forward's one. None for nodes.
    std::optional<UserId> person(const domain::QuotaSubject& subject);
    // For people: "alice", "alice, path", "web", "here".
    std::string name(const domain::QuotaSubject& subject);

private:
    template <class... Values>
    std::vector<domain::Quota> select(const std::string& where, const Values&... values);
    ReadTx& tx_;
};

// What was said of allowances (domain/allowance.hpp). Administrators have none.
class NoticeTable {
public:
    explicit NoticeTable(ReadTx& tx) : tx_(tx) {}

    struct Flow {
        domain::QuotaSubject subject; // the user, or one of his assignments
        ByteCount used;
        ByteCount quota;
        int noticed = 0; // percent
    };
    std::vector<Flow> flows_of(UserId user);
    void set_noticed(const domain::QuotaSubject& subject, int percent);

    struct Expiry {
        domain::QuotaSubject subject;
        WallTime expires;
        int noticed = 0; // days; 0: nothing was said
    };
    // Enabled ones that expire after `now` and before `until`. An assignment that ends with its user is left out.
    std::vector<Expiry> expiring(WallTime now, WallTime until);
    void set_expiry_noticed(const domain::QuotaSubject& subject, int days);

private:
    ReadTx& tx_;
};

} // namespace sluice::store
